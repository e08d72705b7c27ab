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

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"

#include "shmem/registry.h"
#include "worker/key_worker.h"

static ProcessUtility_hook_type previous_hook;

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
wanted_database(Node *statement, bool *drops)
{
	*drops = false;
	switch (nodeTag(statement))
	{
		case T_DropdbStmt:
			*drops = true;
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

static void
run_utility(PlannedStmt *planned, const char *query, bool read_only_tree,
			ProcessUtilityContext context, ParamListInfo parameters,
			QueryEnvironment *environment, DestReceiver *destination,
			QueryCompletion *completion)
{
	if (previous_hook)
		previous_hook(planned, query, read_only_tree, context, parameters,
					  environment, destination, completion);
	else
		standard_ProcessUtility(planned, query, read_only_tree, context, parameters,
								environment, destination, completion);
}

static void
make_room(PlannedStmt *planned, const char *query, bool read_only_tree,
		  ProcessUtilityContext context, ParamListInfo parameters,
		  QueryEnvironment *environment, DestReceiver *destination,
		  QueryCompletion *completion)
{
	bool		drops;
	const char *name = wanted_database(planned->utilityStmt, &drops);
	Oid			database = name != NULL && IsTransactionState()
		? get_database_oid(name, true) : InvalidOid;

	if (!OidIsValid(database))
	{
		run_utility(planned, query, read_only_tree, context, parameters, environment,
					destination, completion);
		return;
	}

	registry_block_database(database);
	blocking = true;
	run_utility(planned, query, read_only_tree, context, parameters, environment,
				destination, completion);
	registry_unblock_database(drops);
	blocking = false;
}

/* The statement failed: these run in no transaction block. */
static void
unblock_after_error(XactEvent event, void *arg)
{
	if (blocking && event == XACT_EVENT_ABORT)
	{
		registry_unblock_database(false);
		blocking = false;
	}
}

void
database_statements_init(void)
{
	RegisterXactCallback(unblock_after_error, NULL);
	previous_hook = ProcessUtility_hook;
	ProcessUtility_hook = make_room;
}
