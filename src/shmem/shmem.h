/*-------------------------------------------------------------------------
 *
 * shmem.h
 *	  The shared memory of the extension: asked for and laid out in one place.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SHMEM_SHMEM_H
#define SHMEM_SHMEM_H

#include "postgres.h"

#include "storage/lwlock.h"

/* Registers the hooks; from _PG_init() in the postmaster. */
extern void shmem_init(void);

/* Whether the library was preloaded, so that there is shared memory. */
extern bool shmem_ready(void);

/* Raises CONDITION_NOT_PRELOADED unless it is. */
extern void shmem_require(void);

/* One of the locks below. */
extern LWLock *shmem_lock(int which);

#define SHMEM_LOCK_REGISTRY 0
#define SHMEM_LOCK_EPOCHS	1
#define SHMEM_LOCK_KMS_STATS 2
#define SHMEM_LOCK_ATTESTATION 3
#define SHMEM_LOCKS			4

#endif							/* SHMEM_SHMEM_H */
