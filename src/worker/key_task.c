/*-------------------------------------------------------------------------
 *
 * key_task.c
 *	  Makes a wrapped key, or wraps one anew.
 *
 * What was wrapped is unwrapped again before anybody relies on it: a wrap
 * proves nothing with some KMSs, and what cannot be unwrapped must never
 * encrypt a value.  It is then unwrapped for another purpose, which the KMS
 * has to refuse: one that does not look at what a key is bound to (an old
 * one, or a key of the wrong kind) would unwrap any tenant's key for any
 * other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "shmem/epochs.h"
#include "worker/key_store.h"
#include "worker/key_task.h"

typedef struct KeyTaskStep
{
	KmsOperation operation;
	const char *purpose;
	bool		changes_server; /* to the target, before it */
	bool		must_be_refused;
	bool		last;
} KeyTaskStep;

#define VERIFY	{.operation = KMS_UNWRAP, .purpose = KEY_PURPOSE_DATA}
#define PROBE	{.operation = KMS_UNWRAP, .purpose = KEY_PURPOSE_PROBE, \
				 .must_be_refused = true, .last = true}

static const KeyTaskStep make_key[] = {
	{.operation = KMS_WRAP, .purpose = KEY_PURPOSE_DATA}, VERIFY, PROBE
};

static const KeyTaskStep wrap_anew[] = {
	{.operation = KMS_UNWRAP, .purpose = KEY_PURPOSE_DATA},
	{.operation = KMS_WRAP, .purpose = KEY_PURPOSE_DATA, .changes_server = true},
	VERIFY, PROBE
};

static const KeyTaskStep have_wrapped_anew[] = {
	{.operation = KMS_REWRAP, .purpose = KEY_PURPOSE_DATA}, VERIFY, PROBE
};

/* Whether the record's KMS wraps a key anew without showing it to us. */
static bool
can_rewrap(const KmsServerRecord *record)
{
	KmsServer  *server = palloc0(sizeof(KmsServer));
	KmsError	error;
	bool		can = kms_server_read(record->name,
									  bytes_of(record->options, record->options_len),
									  server, &error) &&
		server->provider->remote != NULL && server->provider->remote->can_rewrap(server);

	pfree(server);
	return can;
}

static const KeyTaskStep *
steps_of(const KeyTask *task)
{
	switch (task->request->operation)
	{
		case KEY_OP_MOVE:
			return wrap_anew;
		case KEY_OP_REWRAP:
			return can_rewrap(&task->record->server) ? have_wrapped_anew : wrap_anew;
		default:
			return make_key;
	}
}

static void
run_step(KeyTask *task)
{
	const KeyTaskStep *step = task->step;
	KmsCall    *call = &task->call;

	if (step->changes_server && task->request->operation == KEY_OP_MOVE)
	{
		task->record->server = task->request->target;
		strlcpy(task->record->kek, task->request->target_kek, sizeof(task->record->kek));
	}
	call->operation = step->operation;
	call->purpose = step->purpose;
	call->may_create_kek = task->request->may_create_kek;
	kms_call_start(call);
}

static void
step_done(KmsCall *call)
{
	static const KmsError unbound = {
		.status = KMS_CONFIG,
		.subject = "binding",
		.detail = "the KMS unwraps a key for another purpose than it was wrapped for",
	};
	KeyTask    *task = call->argument;
	const KmsError *error = call->ok ? NULL : &call->error;

	if (call->kek_created)
	{
		task->kek_created = true;
		strlcpy(task->kek_path, call->error.subject, sizeof(task->kek_path));
	}
	if (task->step->must_be_refused)
	{
		if (call->ok)
			error = &unbound;
		else if (call->error.status == KMS_BAD_CIPHERTEXT)
			error = NULL;
	}
	if (error == NULL && !task->step->last)
	{
		task->step++;
		run_step(task);
		return;
	}
	key_task_end(task);
	task->done(task, error);
}

static bool
make_data_key(KeyTask *task)
{
	KeyRecord  *record = task->record;

	return pg_strong_random(task->data_key, DATA_KEY_LEN) &&
		pg_strong_random(record->key_id, KEY_ID_LEN) &&
		kdf_check_value(task->data_key, bytes_of_string(record->tenant), record->key_id,
						record->check_value);
}

void
key_task_start(KeyTask *task)
{
	KmsCall    *call = &task->call;

	task->step = steps_of(task);
	task->data_key = key_store_take();
	call->record = task->record;
	call->data_key = task->data_key;
	call->done = step_done;
	call->argument = task;
	call->purpose = KEY_PURPOSE_DATA;
	if (task->data_key == NULL)
		kms_call_refuse(call, KMS_UNAVAILABLE, "bionic_crypt.max_tenants",
						"is too low: there is no room for another key.");
	else if (task->step == make_key && !make_data_key(task))
		kms_call_refuse(call, KMS_UNAVAILABLE, "", "Could not make a random key.");
	else
		run_step(task);
}

void
key_task_end(KeyTask *task)
{
	kms_call_cancel(&task->call);
	if (task->data_key != NULL)
		key_store_give_back(task->data_key);
	task->data_key = NULL;
}
