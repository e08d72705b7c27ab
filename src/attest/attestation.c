/*-------------------------------------------------------------------------
 *
 * attestation.c
 *	  SQL function attestation(): what this server proves about itself.
 *
 * A backend tells the attester of its session, waits for the signed statement
 * and puts the bundle together; it never asks the hardware.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

/*
 * Of a connection we want the TLS part alone; the other needs headers that a
 * build of extensions has no use for.  A pointer stands in either case.
 */
#undef ENABLE_GSS

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "commands/dbcommands.h"
#include "fmgr.h"
#include "libpq/libpq-be.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "attest/attester.h"
#include "attest/base64_text.h"
#include "base/config.h"
#include "crypto/bytes.h"
#include "keys/catalog.h"
#include "keys/kms_server.h"
#include "kms/kms_provider.h"
#include "report/condition.h"
#include "report/privilege.h"
#include "shmem/attestation_desk.h"
#include "shmem/shmem.h"
#include "tenancy/tenants.h"

/* What decides which code runs in a session, and what it may write where. */
static const char *const settings[] = {
	"shared_preload_libraries",
	"session_preload_libraries",
	"local_preload_libraries",
	"bionic_crypt.allow_local_kms",
	"bionic_crypt.allow_core_dumps",
	"bionic_crypt.scrub_log",
};

/* A JSON string: all of a statement is UTF-8. */
static void
append_string(StringInfo out, const char *value)
{
	escape_json(out, pg_server_to_any(value, strlen(value), PG_UTF8));
}

static void
append_settings(StringInfo out)
{
	appendStringInfoString(out, "\"settings\":{");
	for (int i = 0; i < lengthof(settings); i++)
	{
		appendStringInfo(out, i > 0 ? ",\"%s\":" : "\"%s\":", settings[i]);
		append_string(out, GetConfigOption(settings[i], false, false));
	}
	appendStringInfoChar(out, '}');
}

/* The provider, and the address where it has one; null: it is not there. */
static void
append_kms(StringInfo out, const char *name)
{
	KmsServerRecord *record = palloc0(sizeof(KmsServerRecord));
	KmsServer  *server = palloc0(sizeof(KmsServer));
	KmsError	error;
	const char *address;

	if (!kms_server_find(name, record) ||
		!kms_server_read(record->name, bytes_of(record->options, record->options_len),
						 server, &error))
	{
		appendStringInfoString(out, "null");
		return;
	}
	appendStringInfoString(out, "{\"provider\":");
	append_string(out, server->provider->name);
	address = kms_option(server, "address");
	if (address != NULL)
	{
		appendStringInfoString(out, ",\"address\":");
		append_string(out, address);
	}
	appendStringInfoChar(out, '}');
}

/*
 * Whoever may not manage a tenant, nor own it, learns nothing: the refusal is
 * that of every function for tenants.
 */
static void
append_tenant(StringInfo out, const char *tenant)
{
	TenantRow	row;

	if ((catalog_privileges(tenant, GetUserId()) & (PRIVILEGE_MANAGE | PRIVILEGE_OWN)) == 0 &&
		!superuser())
		tenant_require(tenant, PRIVILEGE_MANAGE);
	if (!catalog_find_tenant(tenant, &row))
		condition_raise(CONDITION_PERMISSION, tenant, NULL, "The tenant does not exist.");

	appendStringInfoString(out, ",\"tenant\":{\"name\":");
	append_string(out, tenant);
	appendStringInfo(out, ",\"attested\":%s,\"kms\":", row.attested ? "true" : "false");
	append_kms(out, row.kms);
	appendStringInfoChar(out, '}');
}

/* The certificate that the server showed on this very connection. */
static bool
own_tls_certificate(uint8 *digest)
{
#ifdef USE_OPENSSL
	if (MyProcPort != NULL && MyProcPort->ssl_in_use)
	{
		X509	   *certificate = SSL_get_certificate(MyProcPort->ssl);

		if (certificate == NULL ||
			X509_digest(certificate, EVP_sha256(), digest, NULL) != 1)
			elog(ERROR, "could not compute the digest of the server's certificate");
		return true;
	}
#endif
	return false;
}

static void
copy_text(const char *text, char *out, Size size)
{
	if (strlcpy(out, text, size) >= size)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("what an attestation would say of this session is too long")));
}

static void
fill_request(FunctionCallInfo fcinfo, DeskRequest *request)
{
	bytea	   *nonce = PG_GETARG_BYTEA_PP(0);
	StringInfoData json;

	if (VARSIZE_ANY_EXHDR(nonce) < DESK_NONCE_MIN || VARSIZE_ANY_EXHDR(nonce) > DESK_NONCE_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid nonce"),
				 errdetail("A nonce has %d to %d bytes.", DESK_NONCE_MIN, DESK_NONCE_MAX)));
	request->nonce_len = VARSIZE_ANY_EXHDR(nonce);
	memcpy(request->nonce, VARDATA_ANY(nonce), request->nonce_len);
	request->fresh = PG_GETARG_BOOL(1);
	request->has_tls = own_tls_certificate(request->tls_certificate);

	initStringInfo(&json);
	append_string(&json, get_database_name(MyDatabaseId));
	copy_text(json.data, request->database, sizeof(request->database));

	resetStringInfo(&json);
	append_settings(&json);
	if (!PG_ARGISNULL(2))
		append_tenant(&json, tenant_name_argument(PG_GETARG_TEXT_PP(2)));
	copy_text(json.data, request->members, sizeof(request->members));
}

static void
leave_desk(int code, Datum slot)
{
	desk_leave(DatumGetInt32(slot));
}

static void
ask(const DeskRequest *request, TimestampTz deadline, DeskReply *reply)
{
	int			slot = desk_submit(request);
	bool		answered;

	PG_ENSURE_ERROR_CLEANUP(leave_desk, Int32GetDatum(slot));
	{
		answered = desk_wait(slot, deadline, reply);
	}
	PG_END_ENSURE_ERROR_CLEANUP(leave_desk, Int32GetDatum(slot));
	desk_leave(slot);

	if (!answered)
		condition_raise(CONDITION_ATTESTATION, "the attester did not answer in time", NULL, NULL);
	if (reply->reason[0] != '\0')
		condition_raise(CONDITION_ATTESTATION, reply->reason, NULL, NULL);
}

static Datum
make_bundle(const DeskReply *reply, const char *endorsement, const char *evidence)
{
	StringInfoData bundle;

	initStringInfo(&bundle);
	appendStringInfoString(&bundle, "{\"type\":\"bionic_crypt/attestation/v1\",\"statement\":\"");
	base64_append(&bundle, bytes_of(reply->statement, reply->statement_len));
	appendStringInfoString(&bundle, "\",\"signature\":\"");
	base64_append(&bundle, bytes_of(reply->signature, sizeof(reply->signature)));
	appendStringInfoString(&bundle, "\",\"endorsement\":\"");
	base64_append(&bundle, bytes_of_string(endorsement));
	appendStringInfo(&bundle, "\",\"evidence\":%s}", evidence);
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(bundle.data));
}

PG_FUNCTION_INFO_V1(bionic_crypt_attestation);

Datum
bionic_crypt_attestation(PG_FUNCTION_ARGS)
{
	DeskRequest *request = palloc0(sizeof(DeskRequest));
	DeskReply  *reply = palloc(sizeof(DeskReply));
	char	   *endorsement = palloc(DESK_ENDORSEMENT_MAX + 1);
	char	   *evidence = palloc(DESK_EVIDENCE_MAX + 1);
	TimestampTz deadline;

	shmem_require();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("nonce and fresh must not be null")));
	if (strcmp(config_attestation_source, ATTESTATION_OFF) == 0)
		condition_raise_plain(CONDITION_ATTESTATION_OFF);
	fill_request(fcinfo, request);
	deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), config_attestation_timeout_ms);

	/* Evidence that was replaced before we read it is asked for anew. */
	do
		ask(request, deadline, reply);
	while (!desk_read_evidence(reply->evidence, endorsement, evidence));
	PG_RETURN_DATUM(make_bundle(reply, endorsement, evidence));
}
