/*-------------------------------------------------------------------------
 *
 * check_kms.c
 *	  bionic_crypt.check_kms(): tries a KMS for real.
 *
 * The key worker makes a key that nobody will use, has it wrapped and
 * unwrapped; what goes wrong is told in a row rather than raised.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "crypto/aead.h"
#include "keys/kms_server.h"
#include "session/key_client.h"

/* What a KMS said may help an attacker: for the operators only. */
static bool
may_see_details(void)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_MONITOR);
}

/* Some conditions' own words are about a tenant's key. */
static const char *
problem_of(const KeyReply *reply)
{
	switch (reply->condition)
	{
		case CONDITION_KMS_DENIED:
			return psprintf("KMS \"%s\" denied the key-encryption key", reply->subject);
		case CONDITION_UNATTESTED:
			return psprintf("KMS \"%s\" was not asked, for want of attestation", reply->subject);
		default:
			return condition_message(reply->condition, reply->subject, reply->object);
	}
}

static Datum
row_of_reply(FunctionCallInfo fcinfo, const KeyReply *reply)
{
	bool		ok = reply->condition == CONDITION_NONE;
	Datum		values[3] = {BoolGetDatum(ok)};
	bool		nulls[3] = {false, ok, ok || !may_see_details()};
	TupleDesc	descriptor;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (!ok)
	{
		values[1] = CStringGetTextDatum(problem_of(reply));
		values[2] = CStringGetTextDatum(reply->log_detail);
	}
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

PG_FUNCTION_INFO_V1(bionic_crypt_check_kms);

Datum
bionic_crypt_check_kms(PG_FUNCTION_ARGS)
{
	KeyRequest *request = palloc0(sizeof(KeyRequest));
	KeyReply   *reply = palloc0(sizeof(KeyReply));
	Secret	   *no_key;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("server must not be null")));
	request->operation = KEY_OP_CHECK_KMS;
	request->role = GetUserId();
	request->record.algorithm = aead_xaes_256_gcm.id;
	if (!PG_ARGISNULL(1))
		text_to_cstring_buffer(PG_GETARG_TEXT_PP(1), request->record.kek,
							   sizeof(request->record.kek));
	kms_server_require(text_to_cstring(PG_GETARG_TEXT_PP(0)), GetUserId(),
					   &request->record.server);
	key_client_ask(request, reply, &no_key);
	return row_of_reply(fcinfo, reply);
}
