/*-------------------------------------------------------------------------
 *
 * loop.h
 *	  The key worker's event loop for what is not its latch: sockets of KMSs
 *	  and timers.
 *
 * An epoll descriptor, itself watched by the worker's one wait.  Callbacks
 * run from loop_run(), may watch, forget, start and stop anything, and must
 * not raise errors.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_LOOP_H
#define KMS_LOOP_H

#include "postgres.h"

#include <sys/epoll.h>

#include "lib/ilist.h"

typedef void (*LoopReady) (int fd, uint32 epoll_events, void *argument);
typedef void (*LoopDue) (void *argument);

/* Embedded in what it is for; zeroed is stopped. */
typedef struct LoopTimer
{
	dlist_node	node;			/* in the list of timers that run, or are due */
	bool		running;
	uint64		due_ns;			/* of clock_now_ns() */
	LoopDue		callback;
	void	   *argument;
} LoopTimer;

/* Once a process. */
extern void loop_init(void);

/* Readable when loop_run() has something to do; not for timers. */
extern int	loop_fd(void);

/*
 * Changes what is watched if the descriptor is watched already.  Raises no
 * error: false when there is no memory for it.
 */
extern bool loop_watch(int fd, uint32 epoll_events, LoopReady ready, void *argument);

/* Nothing happens unless it is watched with this argument. */
extern void loop_forget(int fd, void *argument);

/* Starts it, or moves it when it runs. */
extern void loop_timer_start(LoopTimer *timer, int64 ms, LoopDue due, void *argument);
extern void loop_timer_stop(LoopTimer *timer);

/*
 * Calls what is ready, then what is due; does not wait.  A timer started by a
 * timer is left for the next time, so this ends.
 */
extern void loop_run(void);

/* Milliseconds until the next timer is due, at most limit_ms. */
extern long loop_timeout_ms(long limit_ms);

#endif							/* KMS_LOOP_H */
