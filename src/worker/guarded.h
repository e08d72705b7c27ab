/*-------------------------------------------------------------------------
 *
 * guarded.h
 *	  Runs one piece of the key worker's work such that an error in it (a
 *	  damaged catalog, a lock not had in time) is that piece's trouble alone.
 *
 *-------------------------------------------------------------------------
 */
#ifndef WORKER_GUARDED_H
#define WORKER_GUARDED_H

#include "postgres.h"

/* False when it raised an error, which then is in the log. */
extern bool guarded_run(void (*work) (void *), void *argument);

/*
 * Memory of the work that runs now: unlike a transaction's it lasts until the
 * worker's round is over.
 */
extern MemoryContext guarded_memory(void);

/* A transaction of the work, with a snapshot; its end leaves us in that memory. */
extern void guarded_begin(void);
extern void guarded_commit(void);

#endif							/* WORKER_GUARDED_H */
