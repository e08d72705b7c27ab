/*-------------------------------------------------------------------------
 *
 * key_client.c
 *	  Asks the key worker and waits for its answer.
 *
 * The answer's key is sealed to a key pair made for this one question.  While
 * it is open no error can get past: what may fail is caught, the private key
 * freed, and the error goes on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/config.h"
#include "crypto/kdf.h"
#include "crypto/sealed_box.h"
#include "report/condition.h"
#include "session/key_client.h"
#include "shmem/mailbox.h"
#include "shmem/registry.h"
#include "shmem/shmem.h"

/* How often a worker that has yet to be started is called again. */
#define CALL_AGAIN_MS 200

static void
refuse_where_waiting_is_wrong(void)
{
	shmem_require();
	if (InterruptHoldoffCount > 0 || CritSectionCount > 0)
		elog(ERROR, "a key cannot be waited for here");
}

/*
 * Waits for the reply, calling the worker again from time to time: it may
 * have ended between the call and its look into the mailbox.
 */
static int
wait_for_reply(uint64 generation, TimestampTz deadline, uint8 *out)
{
	for (;;)
	{
		TimestampTz now = GetCurrentTimestamp();
		TimestampTz next = Min(deadline, TimestampTzPlusMilliseconds(now, CALL_AGAIN_MS));
		int			len;
		bool		called = registry_call_worker();

		len = mailbox_wait(generation, next, out);
		if (len >= 0)
			return len;
		if (next == deadline)
		{
			condition_raise_plain(called ? CONDITION_KEY_WORKER : CONDITION_NO_KEY_WORKER);
		}
	}
}

/*
 * A key that is not what its record says must never encrypt a value, however
 * it came about.
 */
static bool
is_key_of(const Secret *data_key, const KeyRecord *record)
{
	uint8		check[CHECK_VALUE_LEN];

	return kdf_check_value(data_key->data, bytes_of_string(record->tenant),
						   record->key_id, check) &&
		CRYPTO_memcmp(check, record->check_value, CHECK_VALUE_LEN) == 0;
}

static void
open_key(const BoxKey *box, uint64 generation, const KeyReply *reply, Secret **data_key)
{
	uint8		seal_context[KEY_SEAL_CONTEXT_MAX];
	Size		len = key_seal_context(mailbox_my_slot(), generation, &reply->record, seal_context);

	if (reply->sealed_len != DATA_KEY_LEN + BOX_OVERHEAD)
		elog(ERROR, "key worker sent a key of a wrong length");
	secret_forbid_core_dumps();
	*data_key = secret_create(DATA_KEY_LEN);
	if (!box_open(box, bytes_of(seal_context, len),
				  bytes_of(reply->sealed, reply->sealed_len), (*data_key)->data) ||
		!is_key_of(*data_key, &reply->record))
		elog(ERROR, "could not open a key of the key worker");
}

static void
ask(const BoxKey *box, const KeyRequest *request, KeyReply *reply, Secret **data_key)
{
	uint8	   *message = palloc(MAILBOX_MESSAGE_MAX);
	Size		request_len = key_request_write(request, message, MAILBOX_MESSAGE_MAX);
	uint64		generation = mailbox_submit(bytes_of(message, request_len));
	int			reply_len = wait_for_reply(generation, request->deadline, message);

	if (!key_reply_read(bytes_of(message, reply_len), reply))
		elog(ERROR, "key worker sent a reply that cannot be read");
	if (reply->sealed_len > 0)
		open_key(box, generation, reply, data_key);
	pfree(message);
}

void
key_client_ask(KeyRequest *request, KeyReply *reply, Secret **data_key)
{
	BoxKey	   *box;

	request->deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), config_kms_timeout_ms);
	refuse_where_waiting_is_wrong();
	*data_key = NULL;
	box = box_key_generate(request->public_key);
	if (box == NULL)
		elog(ERROR, "could not make a key pair");
	PG_TRY();
	{
		ask(box, request, reply, data_key);
	}
	PG_FINALLY();
	{
		box_key_free(box);
	}
	PG_END_TRY();
}

void
key_client_raise(const KeyReply *reply)
{
	if (reply->condition != CONDITION_NONE)
		condition_raise(reply->condition, reply->subject, reply->object, reply->log_detail);
}

void
key_client_deny(const char *tenant, uint32 privileges, const char *log_detail)
{
	KeyRequest *request = palloc0(sizeof(KeyRequest));
	KeyReply   *reply = palloc0(sizeof(KeyReply));
	Secret	   *no_key;

	request->operation = KEY_OP_AUTHORISE;
	request->role = GetUserId();
	request->privileges = privileges;
	strlcpy(request->tenant, tenant, sizeof(request->tenant));
	key_client_ask(request, reply, &no_key);
	key_client_raise(reply);

	/* It sees what is committed by now; the session saw it otherwise. */
	condition_raise(CONDITION_PERMISSION, tenant, NULL, log_detail);
}
