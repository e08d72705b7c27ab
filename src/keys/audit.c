/*-------------------------------------------------------------------------
 *
 * audit.c
 *	  The audit: an outbox, to which an event is written in the transaction
 *	  that it is about, and the chain, to which the key worker moves it.
 *
 * An event and what it is about commit together, and no transaction of a
 * user's waits for another at the end of the chain: it has one writer.  What
 * the bytes are that are hashed, and by what they are, stands in one place,
 * bionic_crypt.audit_hash(); docs/audit.md explains it.
 *
 * Rows of other databases and servers, which a restore or a subscription
 * brought, are left alone in both tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "keys/audit.h"
#include "keys/catalog_spi.h"

#define HASH_LEN 32				/* SHA-256 */

static const char *const event_names[] = {
	[AUDIT_TENANT_CREATED] = "tenant_created",
	[AUDIT_TENANT_CHANGED] = "tenant_changed",
	[AUDIT_TENANT_SUSPENDED] = "tenant_suspended",
	[AUDIT_TENANT_RESUMED] = "tenant_resumed",
	[AUDIT_TENANT_SHREDDED] = "tenant_shredded",
	[AUDIT_TENANT_MOVED] = "tenant_moved",
	[AUDIT_TENANT_ATTESTED] = "tenant_attested",
	[AUDIT_TENANT_DELETED] = "tenant_deleted",
	[AUDIT_KEY_CREATED] = "key_created",
	[AUDIT_KEY_CHANGED] = "key_changed",
	[AUDIT_KEY_ACTIVATED] = "key_activated",
	[AUDIT_KEY_RETIRED] = "key_retired",
	[AUDIT_KEY_DESTROYED] = "key_destroyed",
	[AUDIT_KEY_MOVED] = "key_moved",
	[AUDIT_KEY_REWRAPPED] = "key_rewrapped",
	[AUDIT_KEY_DELETED] = "key_deleted",
	[AUDIT_GRANT_CREATED] = "grant_created",
	[AUDIT_GRANT_CHANGED] = "grant_changed",
	[AUDIT_GRANT_DELETED] = "grant_deleted",
	[AUDIT_CATALOG_TRUNCATED] = "catalog_truncated",
	[AUDIT_KEY_GENERATED] = "key_generated",
	[AUDIT_KEY_INTEGRITY] = "key_integrity",
	[AUDIT_KEY_UNATTESTED] = "key_unattested",
	[AUDIT_KMS_DENIED] = "kms_denied",
	[AUDIT_KMS_RESTORED] = "kms_restored",
	[AUDIT_PERMISSION_DENIED] = "permission_denied",
	[AUDIT_SUSPENDED_DENIED] = "suspended_denied",
	[AUDIT_SHREDDED_DENIED] = "shredded_denied",
	[AUDIT_DESTROYED_DENIED] = "destroyed_denied",
};

/*
 * UTF-8 in a database of that encoding, ASCII in others, so that a row can be
 * hashed, dumped and replicated anywhere.  Names of roles are no better than
 * the database in which they were given.
 */
static char *
plain_text(const char *text)
{
	char	   *copy = pstrdup(text);

	if (GetDatabaseEncoding() == PG_UTF8 &&
		pg_verify_mbstr(PG_UTF8, copy, (int) strlen(copy), true))
		return copy;
	for (char *c = copy; *c != '\0'; c++)
	{
		if (IS_HIGHBIT_SET(*c))
			*c = '?';
	}
	return copy;
}

/* "" for none; a role that was dropped, or outside a transaction, by its number. */
static char *
role_name(Oid role)
{
	char	   *name = NULL;

	if (!OidIsValid(role))
		return "";
	if (IsTransactionState())
		name = GetUserNameFromId(role, true);
	return name != NULL ? plain_text(name) : psprintf("%u", role);
}

static void
say_name(StringInfo detail, const char *name)
{
	if (detail->len > 0)
		appendStringInfoString(detail, ", ");
	escape_json(detail, name);
	appendStringInfoString(detail, ": ");
}

void
audit_say(StringInfo detail, const char *name, const char *value)
{
	say_name(detail, name);
	escape_json(detail, plain_text(value));
}

void
audit_say_number(StringInfo detail, const char *name, uint64 value)
{
	say_name(detail, name);
	appendStringInfo(detail, UINT64_FORMAT, value);
}

void
audit_put(const AuditRecord *record)
{
	static CatalogStatement statement = {
		.sql = "INSERT INTO bionic_crypt.catalog_audit_pending "
		"(system_identifier, database, at, event, tenant, role, session_role, detail) "
		"VALUES ($1, $2, $3, $4, nullif($5, ''), nullif($6, ''), nullif($7, ''), $8::jsonb)",
		.n_parameters = 8,
		.types = {INT8OID, OIDOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID},
	};
	const char *tenant = record->tenant != NULL ? record->tenant : "";
	const char *detail = record->detail != NULL ? record->detail : "";
	Datum		values[] = {
		Int64GetDatum((int64) GetSystemIdentifier()),
		ObjectIdGetDatum(MyDatabaseId),
		TimestampTzGetDatum(record->at),
		CStringGetTextDatum(event_names[record->event]),
		CStringGetTextDatum(plain_text(tenant)),
		CStringGetTextDatum(role_name(record->role)),
		CStringGetTextDatum(role_name(record->session_role)),
		CStringGetTextDatum(psprintf("{%s}", detail)),
	};
	CatalogAccess access;

	catalog_open(&access);
	(void) catalog_run(&statement, values);
	catalog_close(&access);
}

void
audit_log(const AuditRecord *record)
{
	StringInfoData line;

	initStringInfo(&line);
	audit_say(&line, "at", timestamptz_to_str(record->at));
	audit_say(&line, "event", event_names[record->event]);
	if (record->tenant != NULL && record->tenant[0] != '\0')
		audit_say(&line, "tenant", record->tenant);
	if (OidIsValid(record->role))
		audit_say(&line, "role", role_name(record->role));
	if (OidIsValid(record->session_role))
		audit_say(&line, "session_role", role_name(record->session_role));
	if (record->detail != NULL && record->detail[0] != '\0')
		appendStringInfo(&line, ", \"detail\": {%s}", record->detail);
	ereport(LOG, (errmsg("audit: {%s}", line.data)));
	pfree(line.data);
}

bool
audit_lock(void)
{
	static const char *const tables[] = {"catalog_audit", "catalog_audit_pending"};
	Oid			schema = get_namespace_oid(CATALOG_SCHEMA, false);

	for (int i = 0; i < lengthof(tables); i++)
	{
		Oid			table = get_relname_relid(tables[i], schema);

		if (!OidIsValid(table) || !ConditionalLockRelationOid(table, RowExclusiveLock))
			return false;
	}
	return true;
}

/* The end of a chain. */
typedef struct ChainHead
{
	int64		sequence;		/* 0: there is no row */
	uint8		hash[HASH_LEN];
} ChainHead;

/* An event in the outbox, as its primary key names it. */
typedef struct Waiting
{
	Datum		at;
	pg_uuid_t	id;
} Waiting;

static void
read_head(ChainHead *head)
{
	static CatalogStatement statement = {
		.sql = "SELECT a.sequence, a.hash FROM bionic_crypt.catalog_audit a "
		"WHERE a.system_identifier = $1 AND a.database = $2 ORDER BY a.sequence DESC LIMIT 1",
		.n_parameters = 2,
		.types = {INT8OID, OIDOID},
	};
	Datum		values[] = {
		Int64GetDatum((int64) GetSystemIdentifier()), ObjectIdGetDatum(MyDatabaseId),
	};

	memset(head, 0, sizeof(*head));
	if (catalog_run(&statement, values) == 1)
	{
		head->sequence = DatumGetInt64(catalog_column(0, 1));
		(void) catalog_copy_bytes(0, 2, head->hash, HASH_LEN);
	}
}

static int
read_waiting(Waiting *waiting)
{
	static CatalogStatement statement = {
		.sql = "SELECT p.at, p.id FROM bionic_crypt.catalog_audit_pending p "
		"WHERE p.system_identifier = $1 AND p.database = $2 ORDER BY p.at, p.id LIMIT $3",
		.n_parameters = 3,
		.types = {INT8OID, OIDOID, INT4OID},
	};
	Datum		values[] = {
		Int64GetDatum((int64) GetSystemIdentifier()), ObjectIdGetDatum(MyDatabaseId),
		Int32GetDatum(AUDIT_BATCH),
	};
	int			n = (int) catalog_run(&statement, values);

	for (int i = 0; i < n; i++)
	{
		waiting[i].at = catalog_column(i, 1);
		waiting[i].id = *DatumGetUUIDP(catalog_column(i, 2));
	}
	return n;
}

/* Appends it to the chain, whose head it becomes. */
static void
move(Waiting *waiting, ChainHead *head)
{
	static CatalogStatement statement = {
		.sql = "WITH p AS (DELETE FROM bionic_crypt.catalog_audit_pending p "
		"WHERE p.system_identifier = $1 AND p.database = $2 AND p.at = $3 AND p.id = $4 RETURNING *) "
		"INSERT INTO bionic_crypt.catalog_audit (system_identifier, database, sequence, "
		"at, event, tenant, role, session_role, detail, previous, hash) "
		"SELECT $1, $2, $5, p.at, p.event, p.tenant, p.role, p.session_role, p.detail, $6, "
		"bionic_crypt.audit_hash($6, $1, $2, $5, p.at, p.event, p.tenant, p.role, p.session_role, p.detail) "
		"FROM p RETURNING hash",
		.n_parameters = 6,
		.types = {INT8OID, OIDOID, TIMESTAMPTZOID, UUIDOID, INT8OID, BYTEAOID},
	};
	Datum		values[] = {
		Int64GetDatum((int64) GetSystemIdentifier()), ObjectIdGetDatum(MyDatabaseId),
		waiting->at, UUIDPGetDatum(&waiting->id),
		Int64GetDatum(head->sequence + 1),
		PointerGetDatum(cstring_to_text_with_len((const char *) head->hash, HASH_LEN)),
	};

	if (catalog_run(&statement, values) != 1)
		elog(ERROR, "an event has left the outbox of audit");
	(void) catalog_copy_bytes(0, 1, head->hash, HASH_LEN);
	head->sequence++;
}

int
audit_chain(void)
{
	Waiting		waiting[AUDIT_BATCH];
	ChainHead	head;
	CatalogAccess access;
	int			n;

	catalog_open(&access);
	n = read_waiting(waiting);
	if (n > 0)
		read_head(&head);
	for (int i = 0; i < n; i++)
		move(&waiting[i], &head);
	catalog_close(&access);
	return n;
}

PG_FUNCTION_INFO_V1(bionic_crypt_audit_guard);

/* Keeps from mistakes; who may drop the trigger is stopped by no trigger. */
Datum
bionic_crypt_audit_guard(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager", "audit_guard")));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("rows of audit cannot be changed"),
			 errhint("To keep fewer of them, delete the oldest ones.")));
}
