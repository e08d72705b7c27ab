/*-------------------------------------------------------------------------
 *
 * kms_breaker.c
 *	  When to leave a KMS alone that cannot be asked.
 *
 * After some failures in a row calls fail at once for a while, which doubles
 * each time, so that sessions are told without waiting for a time-out and a
 * KMS that comes back is not met by all calls together.  It is never longer
 * than half of revocation_interval: a KMS that is reachable again and says no
 * must be heard in time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/pg_prng.h"

#include "base/config.h"
#include "shmem/epochs.h"
#include "worker/held_key.h"
#include "worker/kms_breaker.h"

#define FAILURES_TO_OPEN	5
#define OPEN_FIRST_MS		1000
#define OPEN_LONGEST_MS		30000
#define DOUBLINGS_MAX		5

bool
kms_status_is_outage(KmsStatus status)
{
	return status == KMS_UNAVAILABLE || status == KMS_THROTTLED || status == KMS_PROTOCOL;
}

static void
open_breaker(Breaker *breaker)
{
	int64		longest = Min(OPEN_LONGEST_MS, config_revocation_interval_ms / 2);
	int64		ms = Min(OPEN_FIRST_MS << Min(breaker->times_open, DOUBLINGS_MAX), longest);

	/* From half of it to all of it, so that databases do not come together. */
	ms -= (int64) (pg_prng_double(&pg_global_prng_state) * ms / 2);
	breaker->state = KMS_BREAKER_OPEN;
	breaker->times_open++;
	breaker->open_until = epochs_now() + ms * NS_IN_MS;
}

bool
breaker_permits(Breaker *breaker)
{
	if (breaker->state == KMS_BREAKER_CLOSED)
		return true;
	if (breaker->state == KMS_BREAKER_HALF_OPEN || breaker->open_until > epochs_now())
		return false;
	breaker->state = KMS_BREAKER_HALF_OPEN;
	return true;
}

void
breaker_note(Breaker *breaker, KmsStatus status)
{
	if (!kms_status_is_outage(status))
		memset(breaker, 0, sizeof(*breaker));
	else if (breaker->state == KMS_BREAKER_HALF_OPEN ||
			 (++breaker->failures >= FAILURES_TO_OPEN && breaker->state == KMS_BREAKER_CLOSED))
		open_breaker(breaker);
}

void
breaker_forget_try(Breaker *breaker)
{
	if (breaker->state == KMS_BREAKER_HALF_OPEN)
		breaker->state = KMS_BREAKER_OPEN;
}
