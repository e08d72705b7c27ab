/*-------------------------------------------------------------------------
 *
 * kms_stats.h
 *	  What the key workers counted about each KMS server, for stat_kms.
 *
 * Written by the key worker of a database alone, read by anybody: atomics.
 * An entry is given to (database, server) at first use and kept until the
 * database is dropped.  Servers past KMS_STATS_MAX share one more entry, which
 * has no name: its counters are sums, and what it says of "now" is of whoever
 * wrote it last.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SHMEM_KMS_STATS_H
#define SHMEM_KMS_STATS_H

#include "postgres.h"

#include "port/atomics.h"

#define KMS_STATS_MAX		1024	/* entries, each some 600 bytes */
#define KMS_STATS_CLASSES	16	/* failures, by the number of their KmsStatus */
#define KMS_STATS_BUCKETS	40	/* of latency; n ends at 2^(n/2) * 0.1 ms */

typedef enum KmsBreaker
{
	KMS_BREAKER_CLOSED = 0,		/* calls go out */
	KMS_BREAKER_OPEN,			/* calls fail at once */
	KMS_BREAKER_HALF_OPEN		/* one call tries */
} KmsBreaker;

typedef struct KmsStats
{
	Oid			database;		/* these three under SHMEM_LOCK_KMS_STATS */
	char		server[NAMEDATALEN];	/* empty: the shared one */
	int			writer;			/* pid of the worker whose "now" it is */
	pg_atomic_uint64 calls;		/* wraps, unwraps, rewraps that were finished */
	pg_atomic_uint64 requests;	/* sent on the wire, logins and retries too */
	pg_atomic_uint64 logins;
	pg_atomic_uint64 retries;
	pg_atomic_uint64 refused_by_breaker;
	pg_atomic_uint64 waited;	/* calls that found all places taken */
	pg_atomic_uint32 in_flight; /* now */
	pg_atomic_uint32 queued;	/* now */
	pg_atomic_uint32 breaker;	/* KmsBreaker */
	pg_atomic_uint64 oldest_lease;	/* ns of epochs_now(): when the key asked
									 * about longest ago was; 0: none held */
	pg_atomic_uint64 failures[KMS_STATS_CLASSES];
	pg_atomic_uint64 latency[KMS_STATS_BUCKETS];
} KmsStats;

extern Size kms_stats_size(void);
extern void kms_stats_attach(void *memory, bool found);

/*
 * Worker: the entry of a server of our database; never NULL (see above).  What
 * a worker before us wrote of "now" is over.
 */
extern KmsStats *kms_stats_of(const char *server);

/* Worker: one call that ended, with its class and its time, failed or not. */
extern void kms_stats_count_call(KmsStats *stats, int status, uint64 latency_us);

/* Anybody: whether what the entry says of "now" is of this server and worker. */
extern bool kms_stats_is_current(KmsStats *stats, int worker);

/*
 * Anybody: the entries of our database one by one, starting with *cursor = 0,
 * then the shared one if it was needed; NULL after the last.
 */
extern KmsStats *kms_stats_next(int *cursor);

/*
 * The latency, in milliseconds, which a share (0 to 1) of calls did not pass:
 * where the bucket ends in which it lies.  0: no calls.
 */
extern double kms_stats_percentile(KmsStats *stats, double share);

/* A dropped database's entries are free again. */
extern void kms_stats_forget_database(Oid database);

#endif							/* SHMEM_KMS_STATS_H */
