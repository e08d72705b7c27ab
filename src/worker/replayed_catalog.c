/*-------------------------------------------------------------------------
 *
 * replayed_catalog.c
 *	  On a standby: what was learnt from the catalog does not last.
 *
 * Nobody tells of a change in the catalog there: replay runs no trigger.  So
 * everything that was learnt from it is asked for again, twice in each
 * revocation_interval, and once when the standby is promoted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"

#include "base/config.h"
#include "shmem/epochs.h"
#include "worker/held_key.h"
#include "worker/replayed_catalog.h"

static bool in_recovery;		/* when we looked last */
static uint64 due;

void
replayed_catalog_tick(void)
{
	bool		was_in_recovery = in_recovery;

	in_recovery = RecoveryInProgress();
	if (in_recovery ? due > epochs_now() : !was_in_recovery)
		return;
	epochs_advance_database(MyDatabaseId);
	due = epochs_now() + config_revocation_interval_ms / 2 * NS_IN_MS;
}

long
replayed_catalog_timeout_ms(long limit_ms)
{
	uint64		now = epochs_now();

	if (!in_recovery)
		return limit_ms;
	return due <= now ? 0 : Min(limit_ms, (long) ((due - now) / NS_IN_MS) + 1);
}
