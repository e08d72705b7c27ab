/*-------------------------------------------------------------------------
 *
 * kms_breaker.h
 *	  When to leave a KMS alone that cannot be asked.
 *
 *-------------------------------------------------------------------------
 */
#ifndef WORKER_KMS_BREAKER_H
#define WORKER_KMS_BREAKER_H

#include "postgres.h"

#include "kms/kms_provider.h"
#include "shmem/kms_stats.h"

typedef struct Breaker
{
	KmsBreaker	state;
	int			failures;		/* one after the other */
	int			times_open;		/* without a success between */
	uint64		open_until;
} Breaker;

/* Whether this outcome says that the KMS cannot be asked. */
extern bool kms_status_is_outage(KmsStatus status);

/*
 * Whether a call may go out now.  Of an open breaker whose time is over one
 * may: it is half open from then on, until breaker_note() of that call.
 */
extern bool breaker_permits(Breaker *breaker);

/* The outcome of a call that went out. */
extern void breaker_note(Breaker *breaker, KmsStatus status);

/* The call that a half-open breaker let through was given up. */
extern void breaker_forget_try(Breaker *breaker);

#endif							/* WORKER_KMS_BREAKER_H */
