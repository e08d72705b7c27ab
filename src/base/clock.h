/*-------------------------------------------------------------------------
 *
 * clock.h
 *	  The clock of leases, deadlines and timers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "postgres.h"

#include <time.h>

/* Not NS_PER_MS, which is PostgreSQL's from 16 on, and signed. */
#define NS_IN_MS	UINT64CONST(1000000)

/* 5 ns, no system call; a tick (1 to 4 ms) behind CLOCK_MONOTONIC at most. */
static inline uint64
clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64) now.tv_sec * UINT64CONST(1000000000) + now.tv_nsec;
}

#endif							/* BASE_CLOCK_H */
