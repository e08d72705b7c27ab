/*-------------------------------------------------------------------------
 *
 * kms_server.c
 *	  A foreign server of our wrapper, as the KMS layer needs it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_foreign_server.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "nodes/pg_list.h"
#include "storage/lmgr.h"
#include "utils/acl.h"

#include "base/compat.h"
#include "crypto/bytes.h"
#include "keys/kms_server.h"

/* Options (a list of DefElem) to bytes; raises when they are too long. */
static Size
write_options(List *options, uint8 *out, Size capacity)
{
	ByteWriter	w = writer_of(out, capacity);
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		writer_sized(&w, bytes_of_string(option->defname));
		writer_sized(&w, bytes_of_string(defGetString(option)));
	}
	if (w.overflow)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("options of a KMS server are too long"),
				 errdetail("They take more than %zu bytes.", capacity)));
	return w.len;
}

static ForeignServer *
find_server(const char *name)
{
	ForeignServer *server = GetForeignServerByName(name, true);

	if (server != NULL &&
		strcmp(GetForeignDataWrapper(server->fdwid)->fdwname, KMS_WRAPPER) != 0)
		server = NULL;
	return server;
}

static void
fill_record(ForeignServer *server, KmsServerRecord *record)
{
	strlcpy(record->name, server->servername, sizeof(record->name));
	record->options_len = write_options(server->options, record->options,
											 sizeof(record->options));
}

bool
kms_server_find(const char *name, KmsServerRecord *record)
{
	ForeignServer *server = find_server(name);

	if (server == NULL)
		return false;
	fill_record(server, record);
	return true;
}

/*
 * Until the transaction ends the server stays what it is (kms_guard.c has the
 * other side of this lock): nobody sees yet that keys are wrapped by it.
 * Another may have got its name while we waited.
 */
static ForeignServer *
find_and_lock_server(const char *name)
{
	ForeignServer *server = find_server(name);
	Oid			locked = InvalidOid;

	while (server != NULL && server->serverid != locked)
	{
		locked = server->serverid;
		LockDatabaseObject(ForeignServerRelationId, locked, 0, AccessShareLock);
		server = find_server(name);
	}
	return server;
}

bool
kms_server_find_and_lock(const char *name, KmsServerRecord *record)
{
	ForeignServer *server = find_and_lock_server(name);

	if (server == NULL)
		return false;
	fill_record(server, record);
	return true;
}

bool
kms_server_has_option(const KmsServerRecord *record, const char *name)
{
	ByteReader	in = reader_of(bytes_of(record->options, record->options_len));
	Bytes		option;
	Bytes		value;

	while (reader_sized(&in, &option) && reader_sized(&in, &value))
	{
		if (option.len == strlen(name) && memcmp(option.data, name, option.len) == 0)
			return true;
	}
	return false;
}

void
kms_server_require(const char *name, Oid role, KmsServerRecord *record)
{
	ForeignServer *server = find_and_lock_server(name);
	AclResult	result;

	if (server == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("KMS server \"%s\" does not exist", name),
				 errhint("Create it with CREATE SERVER ... FOREIGN DATA WRAPPER bionic_crypt.")));
	result = compat_server_aclcheck(server->serverid, role, ACL_USAGE);
	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FOREIGN_SERVER, name);
	fill_record(server, record);
}
