/*-------------------------------------------------------------------------
 *
 * kms_verdict.c
 *	  Which keys are denied by their KMSs, so that audit is told when it begins
 *	  and when it ends.
 *
 * A lease is given up while its KMS says no, and its keys are forgotten; what
 * was said last is kept here, for the life of the key worker.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/config.h"
#include "worker/audit_queue.h"
#include "worker/kms_verdict.h"

static HTAB *
denied_keys(void)
{
	static HTAB *table = NULL;
	HASHCTL		control = {
		.keysize = KEY_ID_LEN,
		.entrysize = KEY_ID_LEN,
		.hcxt = TopMemoryContext,
	};

	if (table == NULL)
		table = hash_create("bionic_crypt denied keys", 64, &control,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return table;
}

/* Past max_tenants of them a denial is told each time, and its end not at all. */
static bool
begins(const KeyRecord *record)
{
	bool		found = false;

	if (hash_get_num_entries(denied_keys()) < config_max_tenants)
		(void) hash_search(denied_keys(), record->key_id, HASH_ENTER, &found);
	return !found;
}

static bool
ends(const KeyRecord *record)
{
	return hash_search(denied_keys(), record->key_id, HASH_REMOVE, NULL) != NULL;
}

void
kms_verdict_note(const KeyRecord *record, KmsStatus status)
{
	switch (status)
	{
		case KMS_OK:
			if (ends(record))
				audit_note(AUDIT_KMS_RESTORED, record);
			break;
		case KMS_DENIED:
			if (begins(record))
				audit_note(AUDIT_KMS_DENIED, record);
			break;
		case KMS_UNATTESTED:
			if (begins(record))
				audit_note(AUDIT_KEY_UNATTESTED, record);
			break;
		case KMS_BAD_CIPHERTEXT:
			audit_note(AUDIT_KEY_INTEGRITY, record);
			break;
		default:
			break;
	}
}
