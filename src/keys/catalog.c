/*-------------------------------------------------------------------------
 *
 * catalog.c
 *	  The catalog of tenants, keys and grants: reading and writing its rows.
 *
 * Used by SQL functions in backends, which see what is committed by now and
 * their own transaction's changes, and by the key worker, which sees what is
 * committed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "keys/catalog.h"
#include "keys/catalog_spi.h"
#include "keys/kms_server.h"
#include "report/privilege.h"

static const struct
{
	const char *name;
	TenantState state;
}			tenant_states[] = {
	{"active", TENANT_ACTIVE},
	{"suspended", TENANT_SUSPENDED},
	{"shredded", TENANT_SHREDDED},
};

static TenantState
tenant_state_by_name(const char *name)
{
	for (int i = 0; i < lengthof(tenant_states); i++)
	{
		if (strcmp(tenant_states[i].name, name) == 0)
			return tenant_states[i].state;
	}
	elog(ERROR, "unrecognized tenant state: %s", name);
}

static const char *
tenant_state_name(TenantState state)
{
	for (int i = 0; i < lengthof(tenant_states); i++)
	{
		if (tenant_states[i].state == state)
			return tenant_states[i].name;
	}
	elog(ERROR, "unrecognized tenant state: %d", (int) state);
}

static Datum
bytea_datum(const uint8 *data, Size len)
{
	return PointerGetDatum(cstring_to_text_with_len((const char *) data, len));
}

/* A statement whose rows nobody looks at: their number. */
static uint64
run_alone(CatalogStatement *statement, Datum *values)
{
	CatalogAccess access;
	uint64		n;

	catalog_open(&access);
	n = catalog_run(statement, values);
	catalog_close(&access);
	return n;
}

static const AeadAlgorithm *
algorithm_of_row(uint64 row, int column)
{
	char	   *name = TextDatumGetCString(catalog_column(row, column));
	const AeadAlgorithm *algorithm = aead_by_name(name);

	if (algorithm == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("catalog of tenants and keys is damaged"),
				 errdetail_log("Algorithm \"%s\" is unknown.", name)));
	return algorithm;
}

static uint32
privileges_of_array(Datum array)
{
	Datum	   *names;
	int			n;
	uint32		privileges = PRIVILEGE_NONE;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT,
					  &names, NULL, &n);
	for (int i = 0; i < n; i++)
		privileges |= privilege_by_name(TextDatumGetCString(names[i]));
	return privileges;
}

static Datum
array_of_privileges(uint32 privileges)
{
	Datum		names[32];
	int			n = 0;

	for (uint32 bit = 1; bit <= PRIVILEGE_OWN; bit <<= 1)
	{
		if (privileges & bit)
			names[n++] = CStringGetTextDatum(privilege_name((Privilege) bit));
	}
	return PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
}

uint32
catalog_privileges(const char *tenant, Oid role)
{
	static CatalogStatement statement = {
		.sql = "SELECT g.role::oid, g.privileges FROM bionic_crypt.catalog_grants g "
		"WHERE g.tenant IN ($1, '')",
		.n_parameters = 1,
		.types = {TEXTOID},
	};
	Datum		values[] = {CStringGetTextDatum(tenant)};
	CatalogAccess access;
	uint32		privileges = PRIVILEGE_NONE;
	uint64		n;

	/* A superuser could write the catalog anyway; it runs the place. */
	if (superuser_arg(role))
		privileges = PRIVILEGE_MANAGE | PRIVILEGE_OWN;

	catalog_open(&access);
	n = catalog_run(&statement, values);
	for (uint64 row = 0; row < n; row++)
	{
		if (privilege_role_has(role, DatumGetObjectId(catalog_column(row, 1))))
			privileges |= privileges_of_array(catalog_column(row, 2));
	}
	catalog_close(&access);
	return privileges;
}

static void
read_tenant(TenantRow *row)
{
	char	   *state = TextDatumGetCString(catalog_column(0, 2));

	catalog_copy_text(0, 1, row->tenant, sizeof(row->tenant));
	row->state = tenant_state_by_name(state);
	catalog_copy_text(0, 3, row->kms, sizeof(row->kms));
	catalog_copy_text(0, 4, row->kek, sizeof(row->kek));
	row->algorithm = algorithm_of_row(0, 5);
	row->outage_grace_s = DatumGetInt64(catalog_column(0, 6));
	row->attested = DatumGetBool(catalog_column(0, 7));
}

static bool
find_tenant(CatalogStatement *statement, const char *tenant, TenantRow *row)
{
	Datum		values[] = {CStringGetTextDatum(tenant)};
	CatalogAccess access;
	bool		found;

	catalog_open(&access);
	found = catalog_run(statement, values) == 1;
	if (found)
		read_tenant(row);
	catalog_close(&access);
	return found;
}

#define SELECT_TENANT \
	"SELECT t.tenant, t.state, t.kms, t.kek, t.algorithm, " \
	"extract(epoch FROM t.outage_grace)::bigint, t.attested " \
	"FROM bionic_crypt.catalog_tenants t WHERE t.tenant = $1"

bool
catalog_find_tenant(const char *tenant, TenantRow *row)
{
	static CatalogStatement statement = {
		.sql = SELECT_TENANT,
		.n_parameters = 1,
		.types = {TEXTOID},
	};

	return find_tenant(&statement, tenant, row);
}

void
catalog_lock_tenant(const char *tenant, TenantRow *row)
{
	static CatalogStatement statement = {
		.sql = SELECT_TENANT " FOR UPDATE",
		.n_parameters = 1,
		.types = {TEXTOID},
	};

	if (!find_tenant(&statement, tenant, row))
		condition_raise(CONDITION_PERMISSION, tenant, NULL, "The tenant does not exist.");
}

static bool
read_key(KeyRecord *record)
{
	char		server[NAMEDATALEN];

	memset(record, 0, sizeof(*record));
	catalog_copy_text(0, 1, record->tenant, sizeof(record->tenant));
	catalog_copy_bytes(0, 2, record->key_id, KEY_ID_LEN);
	record->algorithm = algorithm_of_row(0, 3)->id;
	catalog_copy_text(0, 5, server, sizeof(server));
	catalog_copy_text(0, 6, record->kek, sizeof(record->kek));
	record->wrapped_len = catalog_copy_bytes(0, 7, record->wrapped, KEY_WRAPPED_MAX);
	catalog_copy_bytes(0, 8, record->check_value, CHECK_VALUE_LEN);
	record->outage_grace_s = (uint32) DatumGetInt64(catalog_column(0, 9));
	record->attested = DatumGetBool(catalog_column(0, 10));

	/* The name stays in the record, for the error that says it is gone. */
	strlcpy(record->server.name, server, NAMEDATALEN);
	return kms_server_find(server, &record->server);
}

#define SELECT_KEY \
	"SELECT k.tenant, k.key_id, k.algorithm, k.state, k.kms, k.kek, k.wrapped, " \
	"k.check_value, extract(epoch FROM t.outage_grace)::bigint, t.attested " \
	"FROM bionic_crypt.catalog_keys k " \
	"JOIN bionic_crypt.catalog_tenants t ON t.tenant = k.tenant " \
	"WHERE k.tenant = $1 AND k.purpose = 'data' AND "

KeyLookup
catalog_find_key(const char *tenant, const uint8 *key_id, KeyRecord *record)
{
	static CatalogStatement by_id = {
		.sql = SELECT_KEY "k.key_id = $2",
		.n_parameters = 2,
		.types = {TEXTOID, BYTEAOID},
	};
	static CatalogStatement active = {
		.sql = SELECT_KEY "k.state = 'active'",
		.n_parameters = 1,
		.types = {TEXTOID},
	};
	Datum		values[2] = {CStringGetTextDatum(tenant)};
	CatalogAccess access;
	KeyLookup	result = KEY_MISSING;

	if (key_id != NULL)
		values[1] = bytea_datum(key_id, KEY_ID_LEN);
	catalog_open(&access);
	if (catalog_run(key_id != NULL ? &by_id : &active, values) == 1)
	{
		char	   *state = TextDatumGetCString(catalog_column(0, 4));

		if (strcmp(state, "destroyed") == 0)
			result = KEY_DESTROYED;
		else
			result = read_key(record) ? KEY_FOUND : KEY_SERVER_MISSING;
	}
	catalog_close(&access);
	return result;
}

bool
catalog_has_fingerprint(const uint8 *fingerprint)
{
	static CatalogStatement statement = {
		.sql = "SELECT 1 FROM bionic_crypt.catalog_tenants t WHERE t.fingerprint = $1",
		.n_parameters = 1,
		.types = {BYTEAOID},
	};
	Datum		values[] = {bytea_datum(fingerprint, FINGERPRINT_LEN)};

	return run_alone(&statement, values) > 0;
}

bool
catalog_server_in_use(const char *server)
{
	static CatalogStatement statement = {
		.sql = "SELECT 1 FROM bionic_crypt.catalog_keys k "
		"WHERE k.kms = $1 AND k.state <> 'destroyed' "
		"UNION ALL SELECT 1 FROM bionic_crypt.catalog_tenants t "
		"WHERE t.kms = $1 AND t.state <> 'shredded' LIMIT 1",
		.n_parameters = 1,
		.types = {TEXTOID},
	};
	Datum		values[] = {CStringGetTextDatum(server)};

	return run_alone(&statement, values) > 0;
}

bool
catalog_server_attests(const char *server)
{
	static CatalogStatement statement = {
		.sql = "SELECT 1 FROM bionic_crypt.catalog_tenants t "
		"WHERE t.attested AND t.state <> 'shredded' AND (t.kms = $1 OR EXISTS "
		"(SELECT FROM bionic_crypt.catalog_keys k WHERE k.tenant = t.tenant "
		"AND k.kms = $1 AND k.state <> 'destroyed')) LIMIT 1",
		.n_parameters = 1,
		.types = {TEXTOID},
	};
	Datum		values[] = {CStringGetTextDatum(server)};

	return run_alone(&statement, values) > 0;
}

bool
catalog_role_in_use(Oid role)
{
	static CatalogStatement statement = {
		.sql = "SELECT 1 FROM bionic_crypt.catalog_grants g WHERE g.role = $1::regrole LIMIT 1",
		.n_parameters = 1,
		.types = {OIDOID},
	};
	Datum		values[] = {ObjectIdGetDatum(role)};

	return run_alone(&statement, values) > 0;
}

void
catalog_insert_tenant(const TenantRow *row, const uint8 *fingerprint)
{
	static CatalogStatement statement = {
		.sql = "INSERT INTO bionic_crypt.catalog_tenants "
		"(tenant, fingerprint, kms, kek, algorithm, outage_grace, attested) "
		"VALUES ($1, $2, $3, $4, $5, make_interval(secs => $6), $7)",
		.n_parameters = 7,
		.types = {TEXTOID, BYTEAOID, TEXTOID, TEXTOID, TEXTOID, FLOAT8OID, BOOLOID},
	};
	Datum		values[] = {
		CStringGetTextDatum(row->tenant),
		bytea_datum(fingerprint, FINGERPRINT_LEN),
		CStringGetTextDatum(row->kms),
		CStringGetTextDatum(row->kek),
		CStringGetTextDatum(row->algorithm->name),
		Float8GetDatum((double) row->outage_grace_s),
		BoolGetDatum(row->attested),
	};

	(void) run_alone(&statement, values);
}

void
catalog_update_tenant(const TenantRow *row)
{
	static CatalogStatement statement = {
		.sql = "UPDATE bionic_crypt.catalog_tenants SET state = $2, kms = $3, kek = $4, "
		"outage_grace = make_interval(secs => $5), attested = $6 WHERE tenant = $1",
		.n_parameters = 6,
		.types = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, FLOAT8OID, BOOLOID},
	};
	Datum		values[] = {
		CStringGetTextDatum(row->tenant),
		CStringGetTextDatum(tenant_state_name(row->state)),
		CStringGetTextDatum(row->kms),
		CStringGetTextDatum(row->kek),
		Float8GetDatum((double) row->outage_grace_s),
		BoolGetDatum(row->attested),
	};

	(void) run_alone(&statement, values);
}

int
catalog_insert_key(const KeyRecord *record)
{
	static CatalogStatement retire = {
		.sql = "UPDATE bionic_crypt.catalog_keys SET state = 'retired' "
		"WHERE tenant = $1 AND purpose = 'data' AND state = 'active'",
		.n_parameters = 1,
		.types = {TEXTOID},
	};
	static CatalogStatement insert = {
		.sql = "INSERT INTO bionic_crypt.catalog_keys (tenant, purpose, version, key_id, "
		"algorithm, state, kms, kek, wrapped, check_value) "
		"SELECT $1, 'data', coalesce(max(k.version), 0) + 1, $2, $3, 'active', $4, $5, $6, $7 "
		"FROM bionic_crypt.catalog_keys k WHERE k.tenant = $1 AND k.purpose = 'data' "
		"ON CONFLICT DO NOTHING RETURNING version",
		.n_parameters = 7,
		.types = {TEXTOID, BYTEAOID, TEXTOID, TEXTOID, TEXTOID, BYTEAOID, BYTEAOID},
	};
	Datum		values[] = {
		CStringGetTextDatum(record->tenant),
		bytea_datum(record->key_id, KEY_ID_LEN),
		CStringGetTextDatum(aead_by_id(record->algorithm)->name),
		CStringGetTextDatum(record->server.name),
		CStringGetTextDatum(record->kek),
		bytea_datum(record->wrapped, record->wrapped_len),
		bytea_datum(record->check_value, CHECK_VALUE_LEN),
	};
	CatalogAccess access;
	int			version;

	catalog_open(&access);
	(void) catalog_run(&retire, values);

	/* Rotations wait for each other; only a tenant's first key can be there. */
	if (catalog_run(&insert, values) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("tenant \"%s\" already exists", record->tenant)));
	version = DatumGetInt32(catalog_column(0, 1));
	catalog_close(&access);
	return version;
}

int
catalog_key_ids(const char *tenant, uint8 **key_ids)
{
	static CatalogStatement statement = {
		.sql = "SELECT k.key_id FROM bionic_crypt.catalog_keys k "
		"WHERE k.tenant = $1 AND k.state <> 'destroyed' ORDER BY k.version",
		.n_parameters = 1,
		.types = {TEXTOID},
	};
	Datum		values[] = {CStringGetTextDatum(tenant)};
	MemoryContext caller = CurrentMemoryContext;
	CatalogAccess access;
	uint64		n;

	catalog_open(&access);
	n = catalog_run(&statement, values);
	*key_ids = MemoryContextAlloc(caller, Max(n, 1) * KEY_ID_LEN);
	for (uint64 row = 0; row < n; row++)
		catalog_copy_bytes(row, 1, *key_ids + row * KEY_ID_LEN, KEY_ID_LEN);
	catalog_close(&access);
	return (int) n;
}

void
catalog_update_wrapped(const KeyRecord *record)
{
	static CatalogStatement statement = {
		.sql = "UPDATE bionic_crypt.catalog_keys SET kms = $3, kek = $4, wrapped = $5, "
		"wrapped_at = pg_catalog.now() WHERE tenant = $1 AND key_id = $2",
		.n_parameters = 5,
		.types = {TEXTOID, BYTEAOID, TEXTOID, TEXTOID, BYTEAOID},
	};
	Datum		values[] = {
		CStringGetTextDatum(record->tenant),
		bytea_datum(record->key_id, KEY_ID_LEN),
		CStringGetTextDatum(record->server.name),
		CStringGetTextDatum(record->kek),
		bytea_datum(record->wrapped, record->wrapped_len),
	};

	if (run_alone(&statement, values) != 1)
		elog(ERROR, "a key of tenant \"%s\" is gone", record->tenant);
}

void
catalog_grant(const char *tenant, Oid role, uint32 privileges)
{
	static CatalogStatement statement = {
		.sql = "INSERT INTO bionic_crypt.catalog_grants AS g (tenant, role, privileges) "
		"VALUES ($1, $2::regrole, $3) ON CONFLICT (tenant, role) DO UPDATE SET privileges = "
		"ARRAY(SELECT DISTINCT unnest(g.privileges || excluded.privileges) ORDER BY 1)",
		.n_parameters = 3,
		.types = {TEXTOID, OIDOID, TEXTARRAYOID},
	};
	Datum		values[] = {
		CStringGetTextDatum(tenant), ObjectIdGetDatum(role), array_of_privileges(privileges),
	};

	(void) run_alone(&statement, values);
}

void
catalog_revoke(const char *tenant, Oid role, uint32 privileges)
{
	static CatalogStatement reduce = {
		.sql = "UPDATE bionic_crypt.catalog_grants SET privileges = "
		"ARRAY(SELECT p FROM unnest(privileges) p WHERE p <> ALL ($3) ORDER BY 1) "
		"WHERE tenant = $1 AND role = $2::regrole",
		.n_parameters = 3,
		.types = {TEXTOID, OIDOID, TEXTARRAYOID},
	};
	static CatalogStatement remove_empty = {
		.sql = "DELETE FROM bionic_crypt.catalog_grants "
		"WHERE tenant = $1 AND role = $2::regrole AND privileges = '{}'",
		.n_parameters = 2,
		.types = {TEXTOID, OIDOID},
	};
	Datum		values[] = {
		CStringGetTextDatum(tenant), ObjectIdGetDatum(role), array_of_privileges(privileges),
	};
	CatalogAccess access;

	catalog_open(&access);
	(void) catalog_run(&reduce, values);
	(void) catalog_run(&remove_empty, values);
	catalog_close(&access);
}
