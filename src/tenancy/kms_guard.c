/*-------------------------------------------------------------------------
 *
 * kms_guard.c
 *	  Keeps servers that wrapped keys as they are.
 *
 * Keys name the server that wrapped them.  While a tenant uses it, a server
 * is neither dropped nor renamed, nor does it come to stand for another KMS:
 * its owner could have the key worker send a tenant's wrapped keys there.
 * Drops are looked at when the statement ends: one that took the extension
 * along, as DROP EXTENSION, left no tenants and is not stopped.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/objectaccess.h"
#include "catalog/pg_foreign_server.h"
#include "commands/extension.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/memutils.h"

#include "base/utility.h"
#include "keys/catalog.h"
#include "keys/kms_server.h"
#include "tenancy/kms_guard.h"

/* Servers that the statement dropped, for a look at its end. */
static List *dropped = NIL;

/* The hook before ours. */
static object_access_hook_type previous_hook;

/*
 * Options that say which KMS it is, and how it binds a key to its tenant.  Not
 * those that say who we are to it: credentials change, and they are files,
 * which the validator lets only some roles name.
 */
static const char *const identity[] = {
	"provider", "address", "region", "mount", "namespace", "binding", "algorithm", "path",
	"module_path", "token_label", "token_serial"
};

static bool
is_in_use(const char *server)
{
	KmsServerRecord *record = palloc(sizeof(KmsServerRecord));
	bool		in_use = !creating_extension && !IsBinaryUpgrade &&
		catalog_exists() && kms_server_find(server, record) &&
		catalog_server_in_use(server);

	pfree(record);
	return in_use;
}

/* Notes a server that is dropped, by DROP SERVER, DROP OWNED or a cascade. */
static void
look_at_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	if (previous_hook)
		previous_hook(access, class_id, object_id, sub_id, arg);
	if (access == OAT_DROP && class_id == ForeignServerRelationId && !IsBinaryUpgrade)
	{
		MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);

		dropped = lappend(dropped, pstrdup(GetForeignServer(object_id)->servername));
		MemoryContextSwitchTo(caller);
	}
}

/* What a rolled back statement dropped is there again. */
static void
refuse_drop(void)
{
	KmsServerRecord *record = palloc(sizeof(KmsServerRecord));

	while (dropped != NIL)
	{
		char	   *server = pstrdup(llast(dropped));

		pfree(llast(dropped));
		dropped = list_delete_last(dropped);
		if (catalog_exists() && !kms_server_find(server, record) &&
			catalog_server_in_use(server))
			ereport(ERROR,
					(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					 errmsg("cannot drop KMS server \"%s\" because keys of tenants are wrapped by it",
							server)));
	}
	pfree(record);
}

static bool
is_identity(const char *option)
{
	for (int i = 0; i < lengthof(identity); i++)
	{
		if (strcmp(option, identity[i]) == 0)
			return true;
	}
	return false;
}

/* A superuser moves a key file, and a module whose folder has its version. */
static bool
is_of_a_path(const char *option)
{
	return strcmp(option, "path") == 0 || strcmp(option, "module_path") == 0;
}

/*
 * Waits for who is about to use the server (kms_server_require()), and keeps
 * others from it until our transaction ends.  PostgreSQL does so by itself
 * before it drops one.
 */
static void
lock_to_change(const char *name)
{
	ForeignServer *server = GetForeignServerByName(name, true);

	if (server != NULL && has_privs_of_role(GetUserId(), server->owner))
		LockDatabaseObject(ForeignServerRelationId, server->serverid, 0, AccessExclusiveLock);
}

/*
 * What a tenant that demands attestation relies on: whose images get its keys
 * is not for the server's owner to say, and to say nothing is for nobody.
 */
static void
refuse_change_of_claims(const DefElem *option, const char *server)
{
	lock_to_change(server);
	if ((superuser() && option->defaction != DEFELEM_DROP) || creating_extension ||
		IsBinaryUpgrade || !catalog_exists() || !catalog_server_attests(server))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("cannot change option \"%s\" of KMS server \"%s\" because tenants that demand attestation use it",
					option->defname, server),
			 option->defaction == DEFELEM_DROP ? 0 : errhint("A superuser may.")));
}

static void
refuse_change(AlterForeignServerStmt *statement)
{
	ListCell   *cell;

	foreach(cell, statement->options)
	{
		const char *option = lfirst_node(DefElem, cell)->defname;

		if (strcmp(option, "attestation_claims") == 0)
			refuse_change_of_claims(lfirst_node(DefElem, cell), statement->servername);
		if (!is_identity(option))
			continue;
		lock_to_change(statement->servername);

		if (!(is_of_a_path(option) && superuser()) && is_in_use(statement->servername))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("cannot change option \"%s\" of KMS server \"%s\" because keys of tenants are wrapped by it",
							option, statement->servername)));
	}
}

static void
refuse_rename(const char *server)
{
	lock_to_change(server);
	if (is_in_use(server))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot rename KMS server \"%s\" because keys of tenants are wrapped by it",
						server)));
}

static void
look_at_statement(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_AlterForeignServerStmt:
			refuse_change((AlterForeignServerStmt *) statement);
			break;
		case T_RenameStmt:
			if (((RenameStmt *) statement)->renameType == OBJECT_FOREIGN_SERVER)
				refuse_rename(strVal(((RenameStmt *) statement)->object));
			break;
		default:
			break;
	}
}

static void
look_at_drops(Node *statement)
{
	if (dropped != NIL)
		refuse_drop();
}

static const UtilityWatch watch = {.before = look_at_statement, .after = look_at_drops};

void
kms_guard_init(void)
{
	utility_watch(&watch);
	previous_hook = object_access_hook;
	object_access_hook = look_at_access;
}
