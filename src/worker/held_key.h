/*-------------------------------------------------------------------------
 *
 * held_key.h
 *	  One data key in the key worker: what it was unwrapped from, until when
 *	  its KMS lets it be used, and how that failed last.
 *
 *-------------------------------------------------------------------------
 */
#ifndef WORKER_HELD_KEY_H
#define WORKER_HELD_KEY_H

#include "postgres.h"

#include "kms/kms_provider.h"
#include "shmem/key_message.h"

typedef struct HeldKey
{
	struct HeldKey *next;		/* of the same tenant */
	uint8	   *data_key;		/* in the key store; NULL: not to be used */
	uint64		ends;			/* ns of the coarse clock; 0: not to be used */
	uint64		failed_until;	/* the last failure answers till then */
	KmsError	failure;

	/* The row it comes from: another one under its id is not trusted. */
	uint8		key_id[KEY_ID_LEN];
	uint8		check_value[CHECK_VALUE_LEN];
	Size		wrapped_len;
	uint8		wrapped[FLEXIBLE_ARRAY_MEMBER];
} HeldKey;

#define NS_PER_MS UINT64CONST(1000000)

/* One unwrap: data_key is key store memory.  Counts, and checks the key. */
extern bool key_unwrap(const KeyRecord *record, uint8 *data_key, KmsError *error);

/* Not asked for yet. */
extern HeldKey *held_key_create(MemoryContext memory, const KeyRecord *record);

extern bool held_key_is_of(const HeldKey *key, const KeyRecord *record);

/*
 * Asks the KMS.  A yes gives or prolongs the key; a no takes it away; no
 * answer leaves it as it is.  False unless it was a yes.
 */
extern bool held_key_ask(HeldKey *key, const KeyRecord *record);

/* Wipes the data key; the entry stays. */
extern void held_key_wipe(HeldKey *key);
extern void held_key_free(HeldKey *key);

#endif							/* WORKER_HELD_KEY_H */
