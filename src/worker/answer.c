/*-------------------------------------------------------------------------
 *
 * answer.c
 *	  The key worker's answers to requests of backends.
 *
 * An answer waits for its KMS in a memory context of its own, one a slot of
 * the mailbox: a backend that asks anew has given up what it asked before.
 *
 * The tenant's epoch is read before the catalog is: should somebody commit a
 * change in between, or while a KMS is asked, the backend finds that the epoch
 * has moved and asks again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "keys/catalog.h"
#include "keys/kms_server.h"
#include "kms/kms_provider.h"
#include "lib/ilist.h"
#include "report/privilege.h"
#include "shmem/epochs.h"
#include "shmem/key_message.h"
#include "shmem/registry.h"
#include "worker/answer.h"
#include "worker/audit_queue.h"
#include "worker/guarded.h"
#include "worker/held_key.h"
#include "worker/key_task.h"
#include "worker/lease.h"

/* A backend gives up after its time; it is told a little before that. */
#define MARGIN_SHARE 10

typedef struct Answer
{
	MemoryContext memory;		/* its own */
	int			slot;
	uint64		generation;
	Oid			session_role;
	KeyRequest	request;
	KeyReply	reply;
	TenantCell *cell;
	bool		tenant_exists;

	/* While it waits for a key or for a task. */
	bool		listed;
	dlist_node	node;			/* in waiting_answers */
	uint64		deadline;
	bool		working;		/* not waiting yet: work() sees to it */
	LeaseWaiter waiter;
	KeyTask		task;
} Answer;

static Answer **answers;		/* those that wait, by slot */
static dlist_head waiting_answers = DLIST_STATIC_INIT(waiting_answers);

/* For replies on their way out. */
static uint8 *message;

void
answers_init(void)
{
	answers = MemoryContextAllocZero(TopMemoryContext, mailbox_slots() * sizeof(Answer *));
	message = MemoryContextAlloc(TopMemoryContext, MAILBOX_MESSAGE_MAX);
}

static void work(Answer *answer);
static void discard(Answer *answer);

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
		case KMS_UNATTESTED:
			refuse(answer, CONDITION_UNATTESTED, server, tenant, error->detail);
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
	Size		context_len = key_seal_context(answer->slot, answer->generation,
											   &reply->record, context);

	if (!box_seal(answer->request.public_key, bytes_of(context, context_len),
				  bytes_of(data_key, DATA_KEY_LEN), reply->sealed))
		refuse(answer, CONDITION_KEY_WORKER, "", "", "The key could not be sealed.");
	else
		reply->sealed_len = DATA_KEY_LEN + BOX_OVERHEAD;
}

/* Sends it, and forgets all that it waited for. */
static void
finish(Answer *answer)
{
	KeyReply   *reply = &answer->reply;

	if (!audit_answer(&answer->request, reply, answer->session_role, answer->tenant_exists))
		refuse(answer, CONDITION_AUDIT_FULL, "", "", "");

	/* A refusal carries no record. */
	if (reply->condition != CONDITION_NONE)
	{
		memset(&reply->record, 0, sizeof(KeyRecord));
		reply->sealed_len = 0;
	}
	mailbox_reply(answer->slot, answer->generation,
				  bytes_of(message, key_reply_write(reply, message, MAILBOX_MESSAGE_MAX)));
	discard(answer);
}

/* The lease has the key, or says why not, or that the catalog has changed. */
static void
key_there(LeaseWaiter *waiter, const uint8 *data_key, const KmsError *error)
{
	Answer	   *answer = waiter->argument;

	if (data_key != NULL)
		seal_key(answer, data_key);
	else if (error != NULL)
		refuse_by_kms(answer, error);
	else
	{
		MemSet(&answer->reply, 0, sizeof(answer->reply));
		work(answer);
		return;
	}
	if (!answer->working)
		finish(answer);
}

static void
answer_with_key(Answer *answer)
{
	answer->waiter.done = key_there;
	answer->waiter.argument = answer;
	lease_want_key(&answer->reply.record, answer->cell, &answer->waiter);
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
	answer->tenant_exists = true;
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

	guarded_begin();
	if (!may_go_on(answer) || (wants_key && !find_record(answer)))
		wants_key = false;
	guarded_commit();
	return wants_key;
}

static void
task_done(KeyTask *task, const KmsError *error)
{
	Answer	   *answer = task->argument;

	if (error != NULL)
		refuse_by_kms(answer, error);
	else if (task->kek_created)
	{
		answer->reply.kek_created = true;
		strlcpy(answer->reply.subject, task->kek_path, sizeof(answer->reply.subject));
	}
	finish(answer);
}

/* Requests that make or change a wrapped key. */
static void
answer_with_record(Answer *answer)
{
	KeyTask    *task = &answer->task;

	task->request = &answer->request;
	task->record = &answer->reply.record;
	task->done = task_done;
	task->argument = answer;
	key_task_start(task);
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

static bool
is_pending(const Answer *answer)
{
	return answer->waiter.waiting || kms_call_under_way(&answer->task.call);
}

/* Answers it, or leaves it waiting. */
static void
work(Answer *answer)
{
	bool		ok;

	answer->working = true;
	ok = guarded_run(work_out, answer);
	answer->working = false;
	if (!ok)
		refuse(answer, CONDITION_KEY_WORKER, "", "", "The server log has its error.");
	if (!ok || !is_pending(answer))
		finish(answer);
	else if (!answer->listed)
	{
		answer->listed = true;
		dlist_push_tail(&waiting_answers, &answer->node);
	}
}

/* Forgets it, whatever it waits for. */
static void
discard(Answer *answer)
{
	lease_forget(&answer->waiter);
	key_task_end(&answer->task);
	if (answer->listed)
		dlist_delete(&answer->node);
	if (answers[answer->slot] == answer)
		answers[answer->slot] = NULL;
	MemoryContextDelete(answer->memory);
}

static Answer *
new_answer(const MailboxRequest *mail)
{
	MemoryContext memory = AllocSetContextCreate(TopMemoryContext, "bionic_crypt answer",
												 ALLOCSET_SMALL_SIZES);
	Answer	   *answer = MemoryContextAllocZero(memory, sizeof(Answer));

	answer->memory = memory;
	answer->slot = mail->slot;
	answer->generation = mail->generation;
	answer->session_role = mail->session_role;
	if (answers[mail->slot] != NULL)
		discard(answers[mail->slot]);
	answers[mail->slot] = answer;
	return answer;
}

void
answer_request(const MailboxRequest *mail)
{
	Answer	   *answer = new_answer(mail);
	uint64		patience_ms;

	pg_atomic_fetch_add_u64(&registry_counters()->requests, 1);
	if (!key_request_read(bytes_of(mail->message, mail->len), &answer->request))
	{
		refuse(answer, CONDITION_KEY_WORKER, "", "", "The request cannot be read.");
		finish(answer);
		return;
	}
	patience_ms = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
												  answer->request.deadline);
	answer->deadline = epochs_now() + (patience_ms - patience_ms / MARGIN_SHARE) * NS_IN_MS;
	work(answer);
}

void
answers_tick(void)
{
	uint64		now = epochs_now();
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &waiting_answers)
	{
		Answer	   *answer = dlist_container(Answer, node, iter.cur);

		if (answer->deadline > now)
			continue;
		refuse(answer, CONDITION_KMS_UNREACHABLE, answer->reply.record.server.name, "",
			   "It has not answered yet.");
		finish(answer);
	}
}

long
answers_timeout_ms(long limit_ms)
{
	uint64		now = epochs_now();
	dlist_iter	iter;

	dlist_foreach(iter, &waiting_answers)
	{
		Answer	   *answer = dlist_container(Answer, node, iter.cur);

		if (answer->deadline <= now)
			return 0;
		limit_ms = Min(limit_ms, (long) ((answer->deadline - now) / NS_IN_MS) + 1);
	}
	return limit_ms;
}
