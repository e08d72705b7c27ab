/*-------------------------------------------------------------------------
 *
 * verify_attestation.c
 *	  SQL functions verify_attestation() and verify_evidence(): what
 *	  bionic-verify does, so that one server can check another.
 *
 * They look at nothing but their arguments; but these may be anything, so they
 * are for who was granted them.  What is not true is refused in the verdict; a
 * policy that is wrong is the caller's mistake, and an error.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/err.h>

#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "evidence/attestation.h"

#define NUMBER_LEN_MAX	64		/* of what is read, none has more */

PG_FUNCTION_INFO_V1(bionic_crypt_verify_attestation);
PG_FUNCTION_INFO_V1(bionic_crypt_verify_evidence);

static FormMemory
new_memory(void)
{
	FormMemory	memory = {palloc(FORM_MEMORY_MAX), 0, FORM_MEMORY_MAX};

	return memory;
}

/* Of a few bytes, as 1e131071; and there may be many of them. */
static bool
has_long_number(Jsonb *jsonb)
{
	JsonbIterator *iterator = JsonbIteratorInit(&jsonb->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	bool		found = false;

	while (!found && (token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		char	   *digits;

		if ((token != WJB_ELEM && token != WJB_VALUE) || value.type != jbvNumeric)
			continue;
		digits = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
		found = strlen(digits) > NUMBER_LEN_MAX;
		pfree(digits);
	}
	return found;
}

/* The text of a value, which is not made when it would be too long. */
static Bytes
jsonb_bytes(Jsonb *jsonb)
{
	char	   *text;

	if (VARSIZE(jsonb) > JSON_TEXT_MAX || has_long_number(jsonb))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("JSON value is too long to be verified"),
				 errdetail("At most %d bytes are read, and numbers of %d digits.",
						   JSON_TEXT_MAX, NUMBER_LEN_MAX)));
	text = JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));
	return bytes_of(text, strlen(text));
}

static void
read_policy(Jsonb *jsonb, Policy *policy)
{
	FormMemory	memory = new_memory();
	FormFault	fault;

	if (!policy_read(jsonb_bytes(jsonb), &memory, policy, &fault))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid policy"),
				 errdetail("Refused is %s.", fault.text)));
}

/* The time of verification: the argument, or that of the statement. */
static int64
at_of(FunctionCallInfo fcinfo, int n)
{
	TimestampTz at = PG_ARGISNULL(n) ? GetCurrentStatementStartTimestamp() :
		PG_GETARG_TIMESTAMPTZ(n);

	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the time of verification must be finite")));
	return (int64) timestamptz_to_time_t(at);
}

static void
require_arguments(FunctionCallInfo fcinfo, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("what is to be verified, the nonce and the policy must not be null")));
	}
}

static Bytes
bytea_argument(FunctionCallInfo fcinfo, int n, Size min, Size max, const char *name)
{
	bytea	   *value = PG_GETARG_BYTEA_PP(n);

	if (VARSIZE_ANY_EXHDR(value) < min || VARSIZE_ANY_EXHDR(value) > max)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid %s", name),
				 min == max ? errdetail("It has %zu bytes.", max) :
				 errdetail("It has %zu to %zu bytes.", min, max)));
	return bytes_of(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

static void
append_hex(StringInfo out, const char *name, const uint8 *data, Size len)
{
	appendStringInfo(out, "\"%s\":\"", name);
	for (Size i = 0; i < len; i++)
		appendStringInfo(out, "%02x", data[i]);
	appendStringInfoChar(out, '"');
}

static void
append_reason(StringInfo out, const Verdict *verdict, int level)
{
	char		reason[VERDICT_REASON_MAX];

	appendStringInfoString(out, "\"reason\":");
	if (verdict_reason(verdict, level, reason))
		escape_json(out, reason);
	else
		appendStringInfoString(out, "null");
}

static void
append_checks(StringInfo out, const Verdict *verdict)
{
	appendStringInfoString(out, "\"checks\":[");
	for (int i = 0; i < verdict->n; i++)
	{
		const Check *check = &verdict->checks[i];

		appendStringInfoString(out, i > 0 ? ",{\"what\":" : "{\"what\":");
		escape_json(out, check->what);
		appendStringInfo(out, ",\"passed\":%s,\"detail\":", check->passed ? "true" : "false");
		escape_json(out, check->detail);
		appendStringInfoChar(out, '}');
	}
	appendStringInfoChar(out, ']');
}

static void
append_claims(StringInfo out, const HardwareClaims *claims)
{
	appendStringInfoChar(out, ',');
	append_hex(out, "report_data", claims->report_data, REPORT_DATA_LEN);
	appendStringInfoChar(out, ',');
	append_hex(out, "measurement", claims->measurement, MEASUREMENT_LEN);
	appendStringInfo(out, ",\"debug\":%s", claims->debug ? "true" : "false");
	if (claims->product[0] != '\0')
	{
		appendStringInfo(out, ",\"product\":\"%s\",\"vmpl\":%u,", claims->product, claims->vmpl);
		append_hex(out, "host_data", claims->host_data, sizeof(claims->host_data));
		appendStringInfoChar(out, ',');
		append_hex(out, "chip_id", claims->chip_id, sizeof(claims->chip_id));
	}
	if (claims->has_rtmrs)
	{
		for (int i = 0; i < RTMR_COUNT; i++)
		{
			char		name[] = {'r', 't', 'm', 'r', '0' + i, '\0'};

			appendStringInfoChar(out, ',');
			append_hex(out, name, claims->rtmrs[i], MEASUREMENT_LEN);
		}
	}
	if (claims->image_digest[0] != '\0')
	{
		appendStringInfoString(out, ",\"image_digest\":");
		escape_json(out, claims->image_digest);
	}
}

static Datum
jsonb_of(StringInfo text)
{
	/* what the library noted is not for the next who uses it */
	ERR_clear_error();
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(text->data));
}

Datum
bionic_crypt_verify_attestation(PG_FUNCTION_ARGS)
{
	AttestationQuestion question = {.without_tls = false};
	Attestation *attestation = palloc(sizeof(Attestation));
	Verdict    *verdict = palloc0(sizeof(Verdict));
	Policy		policy;
	FormMemory	memory = new_memory();
	StringInfoData out;
	bool		passed;

	require_arguments(fcinfo, 3);
	read_policy(PG_GETARG_JSONB_P(2), &policy);
	question.bundle = jsonb_bytes(PG_GETARG_JSONB_P(0));
	question.nonce = bytea_argument(fcinfo, 1, ATTESTATION_NONCE_MIN, ATTESTATION_NONCE_MAX, "nonce");
	question.policy = &policy;
	if (!PG_ARGISNULL(3))
	{
		text	   *manifest = PG_GETARG_TEXT_PP(3);

		question.manifest = bytes_of(VARDATA_ANY(manifest), VARSIZE_ANY_EXHDR(manifest));
	}
	if (!PG_ARGISNULL(4))
		question.tls_certificate_sha256 = bytea_argument(fcinfo, 4, DIGEST_LEN, DIGEST_LEN,
														 "digest of a certificate");
	question.at_s = at_of(fcinfo, 5);

	passed = attestation_verify(&question, &memory, attestation, verdict);
	initStringInfo(&out);
	appendStringInfo(&out, "{\"accepted\":%s,\"level\":",
					 passed && (int) verdict->level >= policy.level ? "true" : "false");
	if (passed)
		appendStringInfo(&out, "%d,", verdict->level);
	else
		appendStringInfoString(&out, "null,");
	append_reason(&out, verdict, (int) policy.level);
	appendStringInfoChar(&out, ',');
	append_checks(&out, verdict);
	appendStringInfoChar(&out, '}');
	PG_RETURN_DATUM(jsonb_of(&out));
}

/* The member "evidence" of a bundle, by itself; no level follows from it. */
Datum
bionic_crypt_verify_evidence(PG_FUNCTION_ARGS)
{
	Attestation *attestation = palloc0(sizeof(Attestation));
	Verdict    *verdict = palloc0(sizeof(Verdict));
	Bundle		bundle;
	Policy		policy;
	FormMemory	memory = new_memory();
	FormFault	fault;
	StringInfoData out;
	bool		passed;

	require_arguments(fcinfo, 2);
	read_policy(PG_GETARG_JSONB_P(1), &policy);
	passed = (bundle_read_evidence(jsonb_bytes(PG_GETARG_JSONB_P(0)), &memory, &bundle, &fault) ||
			  verdict_check(verdict, false, "evidence is well-formed", "%s", fault.text)) &&
		attestation_verify_evidence(&bundle, &policy, at_of(fcinfo, 2), attestation, verdict) &&
		(bundle.evidence.type != NULL ||
		 verdict_check(verdict, false, "there is evidence of hardware", NULL));

	initStringInfo(&out);
	appendStringInfo(&out, "{\"accepted\":%s,", passed ? "true" : "false");
	append_reason(&out, verdict, 0);
	if (attestation->has_claims)
		append_claims(&out, &attestation->claims);
	appendStringInfoChar(&out, ',');
	append_checks(&out, verdict);
	appendStringInfoChar(&out, '}');
	PG_RETURN_DATUM(jsonb_of(&out));
}
