/*-------------------------------------------------------------------------
 *
 * held_key.c
 *	  One data key in the key worker.
 *
 * A yes of the KMS counts from when it was asked, for the longer of
 * outage_grace and revocation_interval.  One question at a time: who needs
 * the key meanwhile waits for its answer.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/config.h"
#include "shmem/epochs.h"
#include "worker/held_key.h"
#include "worker/key_store.h"
#include "worker/kms_breaker.h"
#include "worker/kms_verdict.h"

#define FAILURE_KEPT_MS 5000	/* a KMS that failed is not asked again at once */

HeldKey *
held_key_create(MemoryContext memory, Lease *lease, const KeyRecord *record,
				void (*answered) (HeldKey *key, bool was_held))
{
	HeldKey    *key = MemoryContextAllocZero(memory, offsetof(HeldKey, wrapped) +
											 record->wrapped_len);

	key->lease = lease;
	key->answered = answered;
	dlist_init(&key->waiters);
	key->stats = kms_stats_of(record->server.name);
	key->attested = record->attested;
	memcpy(key->key_id, record->key_id, KEY_ID_LEN);
	memcpy(key->check_value, record->check_value, CHECK_VALUE_LEN);
	key->wrapped_len = record->wrapped_len;
	memcpy(key->wrapped, record->wrapped, record->wrapped_len);
	return key;
}

bool
held_key_is_of(const HeldKey *key, const KeyRecord *record)
{
	return key->attested == record->attested &&
		memcmp(key->key_id, record->key_id, KEY_ID_LEN) == 0 &&
		key->wrapped_len == record->wrapped_len &&
		memcmp(key->wrapped, record->wrapped, record->wrapped_len) == 0 &&
		memcmp(key->check_value, record->check_value, CHECK_VALUE_LEN) == 0;
}

StaticAssertDecl(KMS_STATUSES <= KMS_STATS_CLASSES, "stat_kms must have room for all classes");

/* Once for a failure of one kind, not for each question. */
static void
log_failure(const HeldKey *key, const KmsError *error)
{
	if (key->failure.status != error->status || key->failed_until == 0)
		ereport(kms_status_is_outage(error->status) ? LOG : WARNING,
				(errmsg("could not unwrap a key of tenant \"%s\"", key->record->tenant),
				 errdetail_log("%s %s", error->subject, error->detail)));
}

static void
note_failure(HeldKey *key, const KmsError *error)
{
	if (!key->call.by_breaker)
		log_failure(key, error);
	key->failure = *error;
	key->failed_until = epochs_now() + Max(FAILURE_KEPT_MS, error->retry_after_ms) * NS_IN_MS;
	key->failed_epoch = key->asking_epoch;
	if (error->status == KMS_DENIED || error->status == KMS_BAD_CIPHERTEXT ||
		error->status == KMS_UNATTESTED)
		held_key_wipe(key);
}

/* How long a yes counts. */
static uint64
length_ns(const KeyRecord *record)
{
	return Max((uint64) record->outage_grace_s * 1000,
			   (uint64) config_revocation_interval_ms) * NS_IN_MS;
}

static void
note_success(HeldKey *key)
{
	if (key->data_key != NULL)
		key_store_give_back(key->data_key);
	key->data_key = key->answer;
	key->answer = NULL;
	key->asked_at = key->asking_since;
	key->ends = key->asking_since + length_ns(key->record);
	key->failed_until = 0;
}

/* Gives back what a question needs. */
static void
end_question(HeldKey *key)
{
	if (key->answer != NULL)
		key_store_give_back(key->answer);
	if (key->record != NULL)
		pfree(key->record);
	key->answer = NULL;
	key->record = NULL;
}

static void
call_done(KmsCall *call)
{
	HeldKey    *key = call->argument;
	bool		was_held = key->data_key != NULL;

	if (call->ok)
		note_success(key);
	else
		note_failure(key, &call->error);
	kms_verdict_note(key->record, call->ok ? KMS_OK : call->error.status);
	end_question(key);
	key->answered(key, was_held);
}

void
held_key_ask(HeldKey *key, const KeyRecord *record, uint64 epoch)
{
	if (kms_call_under_way(&key->call))
		return;

	/* What an error left behind, should there have been one. */
	end_question(key);
	key->answer = key_store_take();
	key->record = MemoryContextAlloc(GetMemoryChunkContext(key), sizeof(KeyRecord));
	*key->record = *record;
	key->asking_since = epochs_now();
	key->asking_epoch = epoch;
	key->call.operation = KMS_UNWRAP;
	key->call.record = key->record;
	key->call.purpose = KEY_PURPOSE_DATA;
	key->call.data_key = key->answer;
	key->call.done = call_done;
	key->call.argument = key;
	if (key->answer == NULL)
		kms_call_refuse(&key->call, KMS_UNAVAILABLE, "bionic_crypt.max_tenants",
						"is too low: there is no room for another key.");
	else
		kms_call_start(&key->call);
}

bool
held_key_limit(HeldKey *key, const KeyRecord *record)
{
	uint64		ends = key->asked_at + length_ns(record);

	if (key->data_key == NULL || key->ends <= ends)
		return false;
	key->ends = ends;
	return true;
}

void
held_key_wipe(HeldKey *key)
{
	if (key->data_key != NULL)
		key_store_give_back(key->data_key);
	key->data_key = NULL;
	key->ends = 0;
}

void
held_key_free(HeldKey *key)
{
	Assert(dlist_is_empty(&key->waiters));
	kms_call_cancel(&key->call);
	end_question(key);
	held_key_wipe(key);
	pfree(key);
}
