/*-------------------------------------------------------------------------
 *
 * database_statements.c
 *	  Makes room for statements that need a database to themselves: DROP
 *	  DATABASE, its RENAME and SET TABLESPACE, CREATE DATABASE ... TEMPLATE.
 *
 * A connected key worker would make them fail.  So the database's worker is
 * asked to end, and none starts until the statement is over.  PostgreSQL
 * itself waits up to five seconds for it to be gone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/utility.h"
#include "shmem/registry.h"
#include "worker/key_worker.h"

/* Whether our statement keeps a worker from its database. */
static bool blocking = false;

static const char *
option_value(List *options, const char *name)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0 && option->arg != NULL)
			return defGetString(option);
	}
	return NULL;
}

/* The database that a statement needs to itself; NULL if none. */
static const char *
wanted_database(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_DropdbStmt:
			return ((DropdbStmt *) statement)->dbname;
		case T_RenameStmt:
			return ((RenameStmt *) statement)->renameType == OBJECT_DATABASE
				? ((RenameStmt *) statement)->subname : NULL;
		case T_AlterDatabaseStmt:
			return option_value(((AlterDatabaseStmt *) statement)->options, "tablespace") != NULL
				? ((AlterDatabaseStmt *) statement)->dbname : NULL;
		case T_CreatedbStmt:
			{
				const char *source = option_value(((CreatedbStmt *) statement)->options, "template");

				return source != NULL ? source : "template1";
			}
		default:
			return NULL;
	}
}

/* have_createdb_privilege() is not in every minor version of 15. */
static bool
may_create_databases(void)
{
	HeapTuple	role = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
	bool		may = superuser();

	if (HeapTupleIsValid(role))
	{
		may = may || ((Form_pg_authid) GETSTRUCT(role))->rolcreatedb;
		ReleaseSysCache(role);
	}
	return may;
}

static bool
is_template(Oid database)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
	bool		template = false;

	if (HeapTupleIsValid(tuple))
	{
		template = ((Form_pg_database) GETSTRUCT(tuple))->datistemplate;
		ReleaseSysCache(tuple);
	}
	return template;
}

/* PostgreSQL checks it too, but only after the worker has ended. */
static bool
may_have(Node *statement, Oid database)
{
	bool		owned = compat_owns_database(database, GetUserId());

	return IsA(statement, CreatedbStmt) ?
		may_create_databases() && (owned || is_template(database)) : owned;
}

/* Only a RENAME runs in a transaction block; for the others no worker ends. */
static bool
can_run(Node *statement)
{
	return IsA(statement, RenameStmt) || (!IsTransactionBlock() && !IsSubTransaction());
}

static void
make_room(Node *statement)
{
	const char *name = can_run(statement) ? wanted_database(statement) : NULL;
	Oid			database = name != NULL ? get_database_oid(name, true) : InvalidOid;

	if (OidIsValid(database) && may_have(statement, database))
	{
		registry_block_database(database);
		blocking = true;
	}
}

static void
give_back(Node *statement)
{
	if (blocking && wanted_database(statement) != NULL)
	{
		registry_unblock_database(IsA(statement, DropdbStmt));
		blocking = false;
	}
}

static void
unblock_after_error(void)
{
	if (blocking)
	{
		registry_unblock_database(false);
		blocking = false;
	}
}

/* The statement failed: then give_back() is not called. */
static void
end_of_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT)
		unblock_after_error();
}

/* It failed, and somebody caught the error. */
static void
end_of_subtransaction(SubXactEvent event, SubTransactionId mine,
					  SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		unblock_after_error();
}

static const UtilityWatch watch = {.before = make_room, .after = give_back};

void
database_statements_init(void)
{
	RegisterXactCallback(end_of_transaction, NULL);
	RegisterSubXactCallback(end_of_subtransaction, NULL);
	utility_watch(&watch);
}
