/*-------------------------------------------------------------------------
 *
 * answer.c
 *	  The key worker's answer to one request of a backend.
 *
 * The tenant's epoch is read before the catalog is: should somebody commit a
 * change in between, the backend finds that the epoch has moved and asks
 * again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/snapmgr.h"

#include "base/secret.h"
#include "keys/catalog.h"
#include "keys/kms_server.h"
#include "kms/kms_provider.h"
#include "report/privilege.h"
#include "shmem/epochs.h"
#include "shmem/key_message.h"
#include "shmem/registry.h"
#include "worker/answer.h"
#include "worker/guarded.h"
#include "worker/held_key.h"
#include "worker/key_store.h"
#include "worker/lease.h"

/* What one answer works on. */
typedef struct Answer
{
	const MailboxRequest *mail;
	KeyRequest	request;
	KeyReply	reply;
	TenantCell *cell;
} Answer;

static void
refuse(Answer *answer, Condition condition, const char *subject, const char *object,
	   const char *log_detail)
{
	KeyReply   *reply = &answer->reply;

	reply->condition = condition;
	strlcpy(reply->subject, subject, sizeof(reply->subject));
	strlcpy(reply->object, object, sizeof(reply->object));
	strlcpy(reply->log_detail, log_detail, sizeof(reply->log_detail));
	pg_atomic_fetch_add_u64(&registry_counters()->refusals, 1);
}

/* What a failure of a KMS is to a user. */
static void
refuse_by_kms(Answer *answer, const KmsError *error)
{
	const char *server = answer->reply.record.server.name;
	const char *tenant = answer->reply.record.tenant;

	switch (error->status)
	{
		case KMS_CONFIG:
			refuse(answer, CONDITION_KMS_OPTION, error->subject, error->detail, "");
			break;
		case KMS_DENIED:
			refuse(answer, CONDITION_KMS_DENIED, server, tenant, error->detail);
			break;
		case KMS_BAD_CIPHERTEXT:
			refuse(answer, CONDITION_CANNOT_DECRYPT, "", "", error->detail);
			break;
		case KMS_KEY_FILE_MISSING:
			refuse(answer, CONDITION_KEY_FILE_MISSING, error->subject, "", error->detail);
			break;
		case KMS_KEY_FILE_OPEN:
			refuse(answer, CONDITION_KEY_FILE_OPEN, error->subject, "", error->detail);
			break;
		case KMS_UNAVAILABLE:
		case KMS_THROTTLED:
		case KMS_PROTOCOL:
		case KMS_CREDENTIAL:
		case KMS_OK:
			refuse(answer, CONDITION_KMS_UNREACHABLE, server, "", error->detail);
			break;
	}
}

/* Seals a data key to the backend that asked. */
static void
seal_key(Answer *answer, const uint8 *data_key)
{
	KeyReply   *reply = &answer->reply;
	uint8		context[KEY_SEAL_CONTEXT_MAX];
	Size		context_len = key_seal_context(answer->mail->slot, answer->mail->generation,
											   &reply->record, context);

	if (!box_seal(answer->request.public_key, bytes_of(context, context_len),
				  bytes_of(data_key, DATA_KEY_LEN), reply->sealed))
		refuse(answer, CONDITION_KEY_WORKER, "", "", "The key could not be sealed.");
	else
		reply->sealed_len = DATA_KEY_LEN + BOX_OVERHEAD;
}

/* Gets the key of the reply's record under a lease, and seals it. */
static void
answer_with_key(Answer *answer)
{
	KmsError	error = {0};
	const uint8 *data_key = lease_key(&answer->reply.record, answer->cell, &error);

	if (data_key == NULL)
		refuse_by_kms(answer, &error);
	else
		seal_key(answer, data_key);
}

/* Whether role and tenant let the request go on. */
static bool
may_go_on(Answer *answer)
{
	const KeyRequest *request = &answer->request;
	TenantRow	row;
	uint32		privileges;

	if (!catalog_exists() || !catalog_find_tenant(request->tenant, &row))
	{
		refuse(answer, CONDITION_PERMISSION, request->tenant, "", "The tenant does not exist.");
		return false;
	}
	privileges = catalog_privileges(request->tenant, request->role);
	answer->reply.privileges = privileges;
	if (privileges == PRIVILEGE_NONE ||
		(privileges & request->privileges) != request->privileges)
		refuse(answer, CONDITION_PERMISSION, request->tenant, "",
			   "The role has no grant that covers it.");
	else if (row.state == TENANT_SUSPENDED)
		refuse(answer, CONDITION_TENANT_SUSPENDED, request->tenant, "", "");
	else if (row.state == TENANT_SHREDDED)
		refuse(answer, CONDITION_TENANT_SHREDDED, request->tenant, "", "");
	return answer->reply.condition == CONDITION_NONE;
}

/* Reads the key's record; false: refused. */
static bool
find_record(Answer *answer)
{
	const KeyRequest *request = &answer->request;
	KeyRecord  *record = &answer->reply.record;

	switch (catalog_find_key(request->tenant,
							 request->operation == KEY_OP_BY_ID ? request->key_id : NULL,
							 record))
	{
		case KEY_FOUND:
			return true;
		case KEY_MISSING:
			refuse(answer, CONDITION_CANNOT_DECRYPT, "", "",
				   "The tenant has no data key of this id.");
			break;
		case KEY_DESTROYED:
			refuse(answer, CONDITION_KEY_DESTROYED, "", "", "");
			break;
		case KEY_SERVER_MISSING:
			refuse(answer, CONDITION_KMS_UNREACHABLE, record->server.name, "",
				   "There is no such server.");
			break;
	}
	return false;
}

/* Reads the catalog; true if a key is to be given. */
static bool
decide_by_catalog(Answer *answer)
{
	bool		wants_key = answer->request.operation != KEY_OP_AUTHORISE;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (!may_go_on(answer) || (wants_key && !find_record(answer)))
		wants_key = false;
	PopActiveSnapshot();
	CommitTransactionCommand();
	return wants_key;
}

static bool
wrap_key(Answer *answer, const uint8 *data_key, KmsError *error)
{
	KeyRecord  *record = &answer->reply.record;
	KmsContext	context = {
		.tenant = record->tenant,
		.key_id = record->key_id,
		.purpose = "data",
		.kek = record->kek,
	};
	KmsServer	server;

	pg_atomic_fetch_add_u64(&registry_counters()->wraps, 1);
	if (!kms_server_read(record->server.name,
						 bytes_of(record->server.options, record->server.options_len),
						 &server, error))
		return false;
	if (answer->request.may_create_kek && server.provider->local->create_kek != NULL)
	{
		bool		created;

		if (!server.provider->local->create_kek(&server, &created, error))
			return false;
		if (created)
		{
			answer->reply.kek_created = true;
			strlcpy(answer->reply.subject, error->subject, sizeof(answer->reply.subject));
		}
	}
	return server.provider->local->wrap(&server, &context, data_key,
								 record->wrapped, &record->wrapped_len, error);
}

/*
 * Makes a data key, wraps it, and unwraps it again: what cannot be unwrapped
 * must never encrypt a value, and a wrap proves nothing with some KMSs.
 */
static bool
generate(Answer *answer, uint8 *data_key, KmsError *error)
{
	KeyRecord  *record = &answer->reply.record;

	if (!pg_strong_random(data_key, DATA_KEY_LEN) ||
		!pg_strong_random(record->key_id, KEY_ID_LEN) ||
		!kdf_check_value(data_key, bytes_of_string(record->tenant), record->key_id,
						 record->check_value))
		return kms_fail(error, KMS_UNAVAILABLE, "", "Could not make a random key.");
	return wrap_key(answer, data_key, error) && key_unwrap(record, data_key, error);
}

/* The record's key under its KMS as that is now. */
static bool
rewrap(Answer *answer, uint8 *data_key, KmsError *error)
{
	return key_unwrap(&answer->reply.record, data_key, error) &&
		wrap_key(answer, data_key, error) &&
		key_unwrap(&answer->reply.record, data_key, error);
}

/* Requests that make or change a wrapped key. */
static void
answer_with_record(Answer *answer)
{
	KmsError	error = {0};
	uint8	   *data_key = key_store_take();
	bool		ok;

	if (data_key == NULL)
	{
		refuse(answer, CONDITION_TOO_MANY_TENANTS, "", "", "");
		return;
	}
	ok = answer->request.operation == KEY_OP_REWRAP
		? rewrap(answer, data_key, &error) : generate(answer, data_key, &error);
	key_store_give_back(data_key);
	if (!ok)
		refuse_by_kms(answer, &error);
}

/* The tenant's cell, and the epoch at which the answer will be true. */
static void
note_cell(Answer *answer, TenantCell *cell)
{
	answer->cell = cell;
	answer->reply.cell = epochs_cell_number(cell);
	answer->reply.epoch = pg_atomic_read_u64(&cell->epoch);
}

static bool
give_cell(Answer *answer, const uint8 *fingerprint)
{
	TenantCell *cell = epochs_cell(MyDatabaseId, fingerprint);

	if (cell == NULL)
		refuse(answer, CONDITION_TOO_MANY_TENANTS, "", "", "");
	else
		note_cell(answer, cell);
	return cell != NULL;
}

/*
 * Requests that the catalog decides.  Who may not do anything gets no cell,
 * or anybody could fill them with names.  So a tenant without a cell is looked
 * up twice: once to see whether it gets one, once under its epoch.
 */
static void
answer_by_catalog(Answer *answer, const uint8 *fingerprint)
{
	TenantCell *cell = epochs_find_cell(MyDatabaseId, fingerprint);
	bool		wants_key;

	if (cell != NULL)
		note_cell(answer, cell);
	wants_key = decide_by_catalog(answer);
	if (answer->reply.condition != CONDITION_NONE)
		return;
	if (cell == NULL)
	{
		if (!give_cell(answer, fingerprint))
			return;
		wants_key = decide_by_catalog(answer);
	}
	if (wants_key && answer->reply.condition == CONDITION_NONE)
		answer_with_key(answer);
}

static void
work_out(void *argument)
{
	Answer	   *answer = argument;
	const KeyRequest *request = &answer->request;
	uint8		fingerprint[FINGERPRINT_LEN];

	if (!kdf_fingerprint(bytes_of_string(request->tenant), fingerprint))
		elog(ERROR, "could not compute a fingerprint");
	answer->reply.record = request->record;

	switch (request->operation)
	{
		case KEY_OP_AUTHORISE:
		case KEY_OP_ACTIVE:
		case KEY_OP_BY_ID:
			answer_by_catalog(answer, fingerprint);
			break;
		case KEY_OP_PRESENTED:
			if (give_cell(answer, fingerprint))
				answer_with_key(answer);
			break;
		case KEY_OP_GENERATE:
		case KEY_OP_REWRAP:
		case KEY_OP_MOVE:
		case KEY_OP_CHECK_KMS:
			answer_with_record(answer);
			break;
	}
}

void
answer_request(const MailboxRequest *mail)
{
	Answer	   *answer = palloc0(sizeof(Answer));
	uint8	   *out = palloc(MAILBOX_MESSAGE_MAX);

	pg_atomic_fetch_add_u64(&registry_counters()->requests, 1);
	answer->mail = mail;
	if (!key_request_read(bytes_of(mail->message, mail->len), &answer->request))
		refuse(answer, CONDITION_KEY_WORKER, "", "", "The request cannot be read.");
	else if (!guarded_run(work_out, answer))
		refuse(answer, CONDITION_KEY_WORKER, "", "", "The server log has its error.");

	/* A refusal carries no record. */
	if (answer->reply.condition != CONDITION_NONE)
	{
		memset(&answer->reply.record, 0, sizeof(KeyRecord));
		answer->reply.sealed_len = 0;
	}
	mailbox_reply(mail, bytes_of(out, key_reply_write(&answer->reply, out, MAILBOX_MESSAGE_MAX)));
}
