/*-------------------------------------------------------------------------
 *
 * registry.h
 *	  Which database has a key worker, which wants one, and which must not
 *	  have one now; and what each worker has counted.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SHMEM_REGISTRY_H
#define SHMEM_REGISTRY_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "port/atomics.h"

/* What a key worker counts since the server started, for its database. */
typedef struct WorkerCounters
{
	pg_atomic_uint64 requests;
	pg_atomic_uint64 refusals;
	pg_atomic_uint64 wraps;
	pg_atomic_uint64 unwraps;
	pg_atomic_uint64 kms_failures;
	pg_atomic_uint64 keys_held;
	pg_atomic_uint64 secret_memory; /* the kind in force: key_store.h */
} WorkerCounters;

extern Size registry_size(void);
extern void registry_attach(void *memory, bool found);

/*
 * Backend: sees to it that the key worker of our database looks at the
 * mailbox, having one started if there is none.  False when all are taken by
 * other databases.
 */
extern bool registry_call_worker(void);

/*
 * Backend: the same after a commit that left events in the outbox of audit.
 * When all workers are taken, the events wait there for the next one.
 */
extern void registry_announce_events(void);

/* Worker: whether there was such a commit since this was asked last. */
extern bool registry_take_announcement(void);

/* Launcher: is called when a worker is wanted. */
extern void registry_attach_launcher(void);

/*
 * Launcher: the next database, at or after *cursor, that wants a worker and
 * has none; InvalidOid when there is none.
 */
extern Oid	registry_next_wanted(int *cursor);

/* Launcher: nobody is left who wants a worker there; who comes asks again. */
extern void registry_forget(Oid database);

/* Worker: we serve this database now; false when we should not. */
extern bool registry_attach_worker(void);

/* Worker: whether we have to end, to make room or for DROP DATABASE. */
extern bool registry_worker_must_end(void);

/* Worker: our database's counters. */
extern WorkerCounters *registry_counters(void);

/* Backend: those of our database, and its worker's pid; false if it has none. */
extern bool registry_look(WorkerCounters **counters, int *pid);

/*
 * Backend: the name of the kind of memory that the key worker of our database
 * keeps keys in; "none" before it has any, NULL when there was no worker.
 */
extern const char *registry_secret_memory(void);

/*
 * Worker: says whether it has something to do; an idle one gives way to
 * another database.
 */
extern void registry_set_idle(bool idle);

/*
 * A utility statement needs the database to itself: its worker ends and none
 * starts until unblocked, or until we exit.  gone: it was dropped.
 */
extern void registry_block_database(Oid database);
extern void registry_unblock_database(bool gone);

#endif							/* SHMEM_REGISTRY_H */
