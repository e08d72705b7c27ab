/*-------------------------------------------------------------------------
 *
 * tenants.c
 *	  SQL functions that create, suspend and resume tenants, and set how long
 *	  their keys outlast an outage and whether they need attestation.
 *
 * None is SECURITY DEFINER: each checks the current role first; the catalog
 * is then written as its owner (keys/catalog_spi.c).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/config.h"
#include "crypto/kdf.h"
#include "keys/kms_server.h"
#include "report/privilege.h"
#include "session/key_acquire.h"
#include "session/key_client.h"
#include "session/pending.h"
#include "session/tenant_context.h"
#include "shmem/shmem.h"
#include "tenancy/tenants.h"

/* A day: no tenant means to be readable longer than that without its KMS. */
#define OUTAGE_GRACE_MAX_S (24 * 3600)

char *
tenant_name_argument(text *argument)
{
	char	   *name = text_to_cstring(argument);
	Size		len = strlen(name);

	if (len == 0 || len > TENANT_NAME_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid tenant name"),
				 errdetail("A tenant's name has 1 to %d bytes.", TENANT_NAME_MAX)));
	for (Size i = 0; i < len; i++)
	{
		if ((unsigned char) name[i] < 0x20 || name[i] == 0x7f)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_NAME),
					 errmsg("invalid tenant name"),
					 errdetail("A tenant's name has no control characters.")));
	}
	if (!tenant_name_is_utf8(name, len))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("invalid tenant name"),
				 errdetail("In a database of encoding %s a tenant's name has ASCII characters only.",
						   GetDatabaseEncodingName())));
	return name;
}

void
tenant_require(const char *tenant, uint32 privilege)
{
	TenantRow	row;

	shmem_require();
	if (!catalog_find_tenant(tenant, &row))
		key_client_deny(tenant, privilege, "The tenant does not exist.");
	if ((catalog_privileges(tenant, GetUserId()) & privilege) == 0)
		key_client_deny(tenant, privilege,
						psprintf("The role has no grant to %s.", privilege_name(privilege)));
	if (row.state == TENANT_SHREDDED)
		condition_raise(CONDITION_TENANT_SHREDDED, tenant, NULL, NULL);
}

void
tenant_lock(const char *tenant, uint32 privilege, TenantRow *row)
{
	tenant_require(tenant, privilege);
	catalog_lock_tenant(tenant, row);

	/* Again: the wait may have been for whoever took it away. */
	tenant_require(tenant, privilege);
}

void
tenant_notice_new_kek(const KeyReply *reply)
{
	if (reply->kek_created)
		ereport(NOTICE,
				(errmsg("created key file \"%s\"", reply->subject),
				 errdetail("Without it, all values of tenants that use KMS \"%s\" are lost.",
						   reply->record.server.name),
				 errhint("Back it up apart from the database, and copy it to standbys.")));
}

void
tenant_require_claims(const KmsServerRecord *server)
{
	if (!kms_server_has_option(server, "attestation_claims"))
		condition_raise(CONDITION_KMS_OPTION, "attestation_claims",
						"a tenant that demands attestation requires it", NULL);
}

int
tenant_add_key(const TenantRow *row, const KmsServerRecord *server)
{
	KeyRequest *request = palloc0(sizeof(KeyRequest));
	KeyReply   *reply = palloc0(sizeof(KeyReply));
	KeyRecord  *record = &request->record;
	Secret	   *no_key;
	int			version;

	request->operation = KEY_OP_GENERATE;
	request->role = GetUserId();
	request->may_create_kek = !catalog_server_in_use(server->name);
	strlcpy(request->tenant, row->tenant, sizeof(request->tenant));
	strlcpy(record->tenant, row->tenant, sizeof(record->tenant));
	strlcpy(record->kek, row->kek, sizeof(record->kek));
	record->algorithm = row->algorithm->id;
	record->outage_grace_s = (uint32) row->outage_grace_s;
	record->attested = row->attested;
	record->server = *server;

	key_client_ask(request, reply, &no_key);
	key_client_raise(reply);
	tenant_notice_new_kek(reply);
	version = catalog_insert_key(&reply->record);
	pending_add_key(&reply->record);
	pfree(request);
	pfree(reply);
	return version;
}

/* Names with equal fingerprints could not be told apart in a value. */
static void
refuse_duplicate(const char *tenant, const uint8 *fingerprint)
{
	TenantRow	row;

	if (catalog_find_tenant(tenant, &row))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("tenant \"%s\" already exists", tenant)));
	if (catalog_has_fingerprint(fingerprint))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("fingerprint of tenant \"%s\" belongs to another tenant", tenant),
				 errhint("Choose another name.")));
}

static const AeadAlgorithm *
algorithm_argument(text *argument)
{
	char	   *name = text_to_cstring(argument);
	const AeadAlgorithm *algorithm = aead_by_name(name);

	if (algorithm == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized encryption algorithm: \"%s\"", name),
				 errhint("Algorithms are: %s, %s.", aead_xaes_256_gcm.name,
						 aead_xchacha20_poly1305.name)));
	if (!algorithm->available())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("encryption algorithm \"%s\" is not available", name)));
	return algorithm;
}

static int64
grace_argument(Interval *interval)
{
	int64		seconds = interval->time / USECS_PER_SEC +
		(int64) interval->day * SECS_PER_DAY;

	if (interval->month != 0 || seconds < 0 || seconds > OUTAGE_GRACE_MAX_S)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("outage_grace must be between 0 and %d hours", OUTAGE_GRACE_MAX_S / 3600)));
	return seconds;
}

static void
copy_kek(const char *given, char *kek)
{
	if (strlcpy(kek, given, KEY_KEK_MAX) >= KEY_KEK_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("name of a key-encryption key is too long"),
				 errdetail("It may have %d bytes.", KEY_KEK_MAX - 1)));
}

void
tenant_kek_argument(FunctionCallInfo fcinfo, int argument, char *kek)
{
	copy_kek(PG_ARGISNULL(argument) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(argument)), kek);
}

PG_FUNCTION_INFO_V1(bionic_crypt_create_tenant);

Datum
bionic_crypt_create_tenant(PG_FUNCTION_ARGS)
{
	TenantRow	row = {.state = TENANT_ACTIVE};
	KmsServerRecord *server = palloc0(sizeof(KmsServerRecord));
	uint8		fingerprint[FINGERPRINT_LEN];

	shmem_require();
	PreventCommandIfReadOnly("bionic_crypt.create_tenant()");
	if (PG_ARGISNULL(0) || PG_ARGISNULL(3) || PG_ARGISNULL(4) || PG_ARGISNULL(5))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("tenant, algorithm, outage_grace and attested must not be null")));
	strlcpy(row.tenant, tenant_name_argument(PG_GETARG_TEXT_PP(0)), sizeof(row.tenant));
	if (PG_ARGISNULL(1) && PG_ARGISNULL(2))
		copy_kek(config_default_kek, row.kek);
	else
		tenant_kek_argument(fcinfo, 2, row.kek);
	row.algorithm = algorithm_argument(PG_GETARG_TEXT_PP(3));
	row.outage_grace_s = grace_argument(PG_GETARG_INTERVAL_P(4));
	row.attested = PG_GETARG_BOOL(5);
	kms_server_require(PG_ARGISNULL(1) ? config_default_kms :
					   text_to_cstring(PG_GETARG_TEXT_PP(1)),
					   GetUserId(), server);
	strlcpy(row.kms, server->name, sizeof(row.kms));
	if (!kdf_fingerprint(bytes_of_string(row.tenant), fingerprint))
		elog(ERROR, "could not compute a fingerprint");
	refuse_duplicate(row.tenant, fingerprint);
	if (row.attested)
		tenant_require_claims(server);

	(void) tenant_add_key(&row, server);
	catalog_insert_tenant(&row, fingerprint);
	catalog_grant(row.tenant, GetUserId(), PRIVILEGE_ALL);
	pending_add_grant(row.tenant, GetUserId(), PRIVILEGE_ALL, InvalidOid);
	PG_RETURN_VOID();
}

/* Suspends or resumes; doing it twice changes nothing. */
static void
set_suspended(text *argument, const char *function, bool suspended)
{
	char	   *tenant = tenant_name_argument(argument);
	TenantRow	row;

	PreventCommandIfReadOnly(function);
	tenant_lock(tenant, PRIVILEGE_MANAGE, &row);
	if ((row.state == TENANT_SUSPENDED) != suspended)
	{
		row.state = suspended ? TENANT_SUSPENDED : TENANT_ACTIVE;
		catalog_update_tenant(&row);
	}
}

PG_FUNCTION_INFO_V1(bionic_crypt_suspend_tenant);

Datum
bionic_crypt_suspend_tenant(PG_FUNCTION_ARGS)
{
	set_suspended(PG_GETARG_TEXT_PP(0), "bionic_crypt.suspend_tenant()", true);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(bionic_crypt_resume_tenant);

Datum
bionic_crypt_resume_tenant(PG_FUNCTION_ARGS)
{
	set_suspended(PG_GETARG_TEXT_PP(0), "bionic_crypt.resume_tenant()", false);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(bionic_crypt_set_outage_grace);

Datum
bionic_crypt_set_outage_grace(PG_FUNCTION_ARGS)
{
	char	   *tenant;
	int64		outage_grace_s;
	TenantRow	row;

	PreventCommandIfReadOnly("bionic_crypt.set_outage_grace()");
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("tenant and outage_grace must not be null")));
	tenant = tenant_name_argument(PG_GETARG_TEXT_PP(0));
	outage_grace_s = grace_argument(PG_GETARG_INTERVAL_P(1));
	tenant_lock(tenant, PRIVILEGE_OWN, &row);
	row.outage_grace_s = outage_grace_s;
	catalog_update_tenant(&row);
	PG_RETURN_VOID();
}

/* Turned on, it holds for keys at hand as well: each is asked for again. */
PG_FUNCTION_INFO_V1(bionic_crypt_set_attested);

Datum
bionic_crypt_set_attested(PG_FUNCTION_ARGS)
{
	KmsServerRecord *server = palloc0(sizeof(KmsServerRecord));
	char	   *tenant;
	TenantRow	row;

	PreventCommandIfReadOnly("bionic_crypt.set_attested()");
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("tenant and attested must not be null")));
	tenant = tenant_name_argument(PG_GETARG_TEXT_PP(0));
	tenant_lock(tenant, PRIVILEGE_OWN, &row);
	row.attested = PG_GETARG_BOOL(1);
	if (row.attested)
	{
		if (!kms_server_find_and_lock(row.kms, server))
			condition_raise(CONDITION_KMS_UNREACHABLE, row.kms, NULL, "There is no such server.");
		tenant_require_claims(server);
	}
	catalog_update_tenant(&row);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(bionic_crypt_current_tenant);

Datum
bionic_crypt_current_tenant(PG_FUNCTION_ARGS)
{
	const TenantContext *context = key_authorised_tenant();

	if (context == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(context->name, context->name_len));
}
