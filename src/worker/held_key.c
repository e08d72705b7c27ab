/*-------------------------------------------------------------------------
 *
 * held_key.c
 *	  One data key in the key worker.
 *
 * A yes of the KMS counts from when it was asked, for the longer of
 * outage_grace and revocation_interval.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "base/config.h"
#include "shmem/epochs.h"
#include "shmem/registry.h"
#include "worker/held_key.h"
#include "worker/key_store.h"

#define FAILURE_KEPT_MS 5000	/* a KMS that failed is not asked again at once */

bool
key_unwrap(const KeyRecord *record, uint8 *data_key, KmsError *error)
{
	WorkerCounters *counters = registry_counters();
	KmsServer	server;
	KmsContext	context = {
		.tenant = record->tenant,
		.key_id = record->key_id,
		.purpose = "data",
		.kek = record->kek,
	};
	uint8		check[CHECK_VALUE_LEN];
	bool		ok;

	pg_atomic_fetch_add_u64(&counters->unwraps, 1);
	ok = kms_server_read(record->server.name,
						 bytes_of(record->server.options, record->server.options_len),
						 &server, error) &&
		server.provider->local->unwrap(&server, &context,
								bytes_of(record->wrapped, record->wrapped_len),
								data_key, error);

	/* GCM commits to no key; this does (DESIGN, section 5). */
	if (ok && (!kdf_check_value(data_key, bytes_of_string(record->tenant),
								record->key_id, check) ||
			   CRYPTO_memcmp(check, record->check_value, CHECK_VALUE_LEN) != 0))
		ok = kms_fail(error, KMS_BAD_CIPHERTEXT, "",
					  "The unwrapped key is not the one that was wrapped.");
	if (!ok)
		pg_atomic_fetch_add_u64(&counters->kms_failures, 1);
	return ok;
}

HeldKey *
held_key_create(MemoryContext memory, const KeyRecord *record)
{
	HeldKey    *key = MemoryContextAllocZero(memory, offsetof(HeldKey, wrapped) +
											 record->wrapped_len);

	memcpy(key->key_id, record->key_id, KEY_ID_LEN);
	memcpy(key->check_value, record->check_value, CHECK_VALUE_LEN);
	key->wrapped_len = record->wrapped_len;
	memcpy(key->wrapped, record->wrapped, record->wrapped_len);
	return key;
}

bool
held_key_is_of(const HeldKey *key, const KeyRecord *record)
{
	return memcmp(key->key_id, record->key_id, KEY_ID_LEN) == 0 &&
		key->wrapped_len == record->wrapped_len &&
		memcmp(key->wrapped, record->wrapped, record->wrapped_len) == 0 &&
		memcmp(key->check_value, record->check_value, CHECK_VALUE_LEN) == 0;
}

static void
note_failure(HeldKey *key, const KeyRecord *record, const KmsError *error)
{
	if (key->failure.status != error->status || key->failed_until == 0)
		ereport(error->status == KMS_UNAVAILABLE ? LOG : WARNING,
				(errmsg("could not unwrap a key of tenant \"%s\"", record->tenant),
				 errdetail_log("%s %s", error->subject, error->detail)));
	key->failure = *error;
	key->failed_until = epochs_now() + FAILURE_KEPT_MS * NS_PER_MS;
	if (error->status == KMS_DENIED || error->status == KMS_BAD_CIPHERTEXT)
		held_key_wipe(key);
}

bool
held_key_ask(HeldKey *key, const KeyRecord *record)
{
	uint64		asked_at = epochs_now();
	uint64		length_ms = Max((uint64) record->outage_grace_s * 1000,
								(uint64) config_revocation_interval_ms);
	uint8	   *answer = key_store_take();
	KmsError	error = {0};

	if (answer == NULL)
	{
		kms_fail(&error, KMS_UNAVAILABLE, "bionic_crypt.max_tenants",
				 "is too low: there is no room for another key.");
		note_failure(key, record, &error);
		return false;
	}
	if (!key_unwrap(record, answer, &error))
	{
		key_store_give_back(answer);
		note_failure(key, record, &error);
		return false;
	}
	if (key->data_key != NULL)
		key_store_give_back(key->data_key);
	key->data_key = answer;
	key->ends = asked_at + length_ms * NS_PER_MS;
	key->failed_until = 0;
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
	held_key_wipe(key);
	pfree(key);
}
