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
#include "lib/ilist.h"
#include "shmem/key_message.h"
#include "shmem/kms_stats.h"
#include "worker/kms_call.h"

typedef struct Lease Lease;

typedef struct HeldKey
{
	struct HeldKey *next;		/* of the same tenant */
	Lease	   *lease;
	dlist_head	waiters;		/* for the answer that is asked for now */

	uint8	   *data_key;		/* in the key store; NULL: not to be used */
	uint64		asked_at;		/* when the KMS was asked that said yes last */
	uint64		ends;			/* ns of the coarse clock; 0: not to be used */
	uint64		failed_until;	/* the last failure answers till then, */
	uint64		failed_epoch;	/* at this epoch of the tenant */
	KmsError	failure;

	/* The question that is under way, if call is. */
	KmsCall		call;
	KeyRecord  *record;			/* a copy */
	uint8	   *answer;			/* key store memory for it */
	uint64		asking_since;
	uint64		asking_epoch;
	void		(*answered) (struct HeldKey *key, bool was_held);

	/* The row it comes from: another one under its id is not trusted. */
	KmsStats   *stats;			/* of its server */
	bool		attested;
	uint8		key_id[KEY_ID_LEN];
	uint8		check_value[CHECK_VALUE_LEN];
	Size		wrapped_len;
	uint8		wrapped[FLEXIBLE_ARRAY_MEMBER];
} HeldKey;

/* Not asked for yet. */
extern HeldKey *held_key_create(MemoryContext memory, Lease *lease,
								const KeyRecord *record,
								void (*answered) (HeldKey *key, bool was_held));

extern bool held_key_is_of(const HeldKey *key, const KeyRecord *record);

/*
 * Asks the KMS, unless it is being asked; epoch is the tenant's now.  A yes
 * gives or prolongs the key; a no takes it away; no answer leaves it as it is.
 * Then answered is called, later, never from here.
 */
extern void held_key_ask(HeldKey *key, const KeyRecord *record, uint64 epoch);

/*
 * Ends it earlier if the record as it is now says so: a shorter outage_grace
 * counts for a yes of before.  True if it did.
 */
extern bool held_key_limit(HeldKey *key, const KeyRecord *record);

/* Wipes the data key; the entry stays. */
extern void held_key_wipe(HeldKey *key);

/* Gives up what is asked; nobody waits for it any more. */
extern void held_key_free(HeldKey *key);

#endif							/* WORKER_HELD_KEY_H */
