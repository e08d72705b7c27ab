/*-------------------------------------------------------------------------
 *
 * patience.h
 *	  Trying again what the kernel is too busy for, with no signal in between.
 *
 * A signal ends a request of TDX with EINTR, and leaves its buffer in use: the
 * next ones get EBUSY.  PostgreSQL sends signals all the time.  So they are all
 * blocked until the kernel has answered, SIGQUIT too; the kernel itself has a
 * limit, of 60 seconds at most.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ATTEST_PATIENCE_H
#define ATTEST_PATIENCE_H

#include "postgres.h"

#include <signal.h>

#define PATIENCE_TRIES		5
#define PATIENCE_PAUSE_US	50000	/* after the first; twice as long each time */

static inline void
signals_block_all(sigset_t *before)
{
	sigset_t	all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, before);
}

static inline void
signals_restore(const sigset_t *before)
{
	int			save_errno = errno;

	sigprocmask(SIG_SETMASK, before, NULL);
	errno = save_errno;
}

/* After a failure, with its errno: whether to try again, after a pause. */
static inline bool
patience_left(int *tries)
{
	if (errno != EBUSY && errno != EAGAIN && errno != EINTR)
		return false;
	if (++*tries == PATIENCE_TRIES)
		return false;
	pg_usleep(PATIENCE_PAUSE_US << (*tries - 1));
	return true;
}

#endif							/* ATTEST_PATIENCE_H */
