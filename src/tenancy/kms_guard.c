/*-------------------------------------------------------------------------
 *
 * kms_guard.c
 *	  Keeps servers that wrapped keys as they are.
 *
 * Keys name the server that wrapped them.  While a tenant uses it, a server
 * is neither dropped nor renamed, nor does it come to stand for another KMS:
 * its owner could have the key worker send a tenant's wrapped keys there.
 * DROP EXTENSION takes tenants and keys with it and is not stopped here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"

#include "base/utility.h"
#include "keys/catalog.h"
#include "keys/kms_server.h"
#include "tenancy/kms_guard.h"

/* Options that say which KMS it is, and whose keys. */
static const char *const identity[] = {"provider", "address", "mount", "namespace"};

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

static void
refuse_drop(DropStmt *statement)
{
	ListCell   *cell;

	foreach(cell, statement->objects)
	{
		const char *server = strVal(lfirst(cell));

		if (is_in_use(server))
			ereport(ERROR,
					(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					 errmsg("cannot drop KMS server \"%s\" because keys of tenants are wrapped by it",
							server)));
	}
}

static void
refuse_change(AlterForeignServerStmt *statement)
{
	ListCell   *cell;

	foreach(cell, statement->options)
	{
		const char *option = lfirst_node(DefElem, cell)->defname;

		for (int i = 0; i < lengthof(identity); i++)
		{
			if (strcmp(option, identity[i]) == 0 && is_in_use(statement->servername))
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_IN_USE),
						 errmsg("cannot change option \"%s\" of KMS server \"%s\" because keys of tenants are wrapped by it",
								option, statement->servername)));
		}
	}
}

static void
look_at_statement(Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_DropStmt:
			if (((DropStmt *) statement)->removeType == OBJECT_FOREIGN_SERVER)
				refuse_drop((DropStmt *) statement);
			break;
		case T_AlterForeignServerStmt:
			refuse_change((AlterForeignServerStmt *) statement);
			break;
		case T_RenameStmt:
			if (((RenameStmt *) statement)->renameType == OBJECT_FOREIGN_SERVER &&
				is_in_use(strVal(((RenameStmt *) statement)->object)))
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_IN_USE),
						 errmsg("cannot rename KMS server \"%s\" because keys of tenants are wrapped by it",
								strVal(((RenameStmt *) statement)->object))));
			break;
		default:
			break;
	}
}

static const UtilityWatch watch = {.before = look_at_statement};

void
kms_guard_init(void)
{
	utility_watch(&watch);
}
