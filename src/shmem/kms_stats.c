/*-------------------------------------------------------------------------
 *
 * kms_stats.c
 *	  What the key workers counted about each KMS server.
 *
 * Locking: whose entry it is stands under SHMEM_LOCK_KMS_STATS; the counters
 * are atomics.  An entry stays with its database and server until the database
 * is dropped, so who has a pointer to one of his own database may keep it.
 *
 * The entry after the last counts for all servers that found none, of every
 * database.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "shmem/kms_stats.h"
#include "shmem/shmem.h"

typedef struct KmsStatsTable
{
	bool		overflown;		/* under the lock, as the owners of entries */
	KmsStats	entries[KMS_STATS_MAX + 1];
} KmsStatsTable;

static KmsStatsTable *table;	/* shared */

Size
kms_stats_size(void)
{
	return sizeof(KmsStatsTable);
}

static void
init_counters(KmsStats *stats)
{
	pg_atomic_init_u64(&stats->calls, 0);
	pg_atomic_init_u64(&stats->requests, 0);
	pg_atomic_init_u64(&stats->logins, 0);
	pg_atomic_init_u64(&stats->retries, 0);
	pg_atomic_init_u64(&stats->refused_by_breaker, 0);
	pg_atomic_init_u64(&stats->waited, 0);
	pg_atomic_init_u32(&stats->in_flight, 0);
	pg_atomic_init_u32(&stats->queued, 0);
	pg_atomic_init_u32(&stats->breaker, KMS_BREAKER_CLOSED);
	pg_atomic_init_u64(&stats->oldest_lease, 0);
	for (int i = 0; i < KMS_STATS_CLASSES; i++)
		pg_atomic_init_u64(&stats->failures[i], 0);
	for (int i = 0; i < KMS_STATS_BUCKETS; i++)
		pg_atomic_init_u64(&stats->latency[i], 0);
}

void
kms_stats_attach(void *memory, bool found)
{
	table = memory;
	if (found)
		return;

	memset(table, 0, kms_stats_size());
	for (int i = 0; i <= KMS_STATS_MAX; i++)
		init_counters(&table->entries[i]);
}

/* The entry of a server of our database, or a free one, or NULL. */
static KmsStats *
find_entry(const char *server)
{
	KmsStats   *unused = NULL;

	for (int i = 0; i < KMS_STATS_MAX; i++)
	{
		KmsStats   *entry = &table->entries[i];

		if (entry->database == MyDatabaseId && strcmp(entry->server, server) == 0)
			return entry;
		if (entry->database == InvalidOid && unused == NULL)
			unused = entry;
	}
	return unused;
}

static void
forget_now(KmsStats *stats)
{
	pg_atomic_write_u32(&stats->in_flight, 0);
	pg_atomic_write_u32(&stats->queued, 0);
	pg_atomic_write_u32(&stats->breaker, KMS_BREAKER_CLOSED);
	pg_atomic_write_u64(&stats->oldest_lease, 0);
}

KmsStats *
kms_stats_of(const char *server)
{
	KmsStats   *entry;

	Assert(OidIsValid(MyDatabaseId) && server[0] != '\0');
	LWLockAcquire(shmem_lock(SHMEM_LOCK_KMS_STATS), LW_EXCLUSIVE);
	entry = find_entry(server);
	if (entry == NULL)
	{
		table->overflown = true;
		entry = &table->entries[KMS_STATS_MAX];
	}
	else if (entry->database == InvalidOid)
	{
		entry->database = MyDatabaseId;
		strlcpy(entry->server, server, sizeof(entry->server));
	}
	if (entry->writer != MyProcPid)
	{
		entry->writer = MyProcPid;
		forget_now(entry);
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_KMS_STATS));
	return entry;
}

void
kms_stats_forget_database(Oid database)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_KMS_STATS), LW_EXCLUSIVE);
	for (int i = 0; i < KMS_STATS_MAX; i++)
	{
		KmsStats   *entry = &table->entries[i];

		if (entry->database == database)
		{
			memset(entry, 0, sizeof(*entry));
			init_counters(entry);
		}
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_KMS_STATS));
}

/* Where a bucket ends: two buckets double the time. */
static uint64
bucket_end_us(int bucket)
{
	return ((bucket % 2 == 0 ? UINT64CONST(100000) : UINT64CONST(141421)) << (bucket / 2)) / 1000;
}

void
kms_stats_count_call(KmsStats *stats, int status, uint64 latency_us)
{
	int			bucket = 0;

	Assert(status >= 0 && status < KMS_STATS_CLASSES);
	while (bucket < KMS_STATS_BUCKETS - 1 && latency_us > bucket_end_us(bucket))
		bucket++;
	pg_atomic_fetch_add_u64(&stats->calls, 1);
	pg_atomic_fetch_add_u64(&stats->latency[bucket], 1);
	if (status != 0)
		pg_atomic_fetch_add_u64(&stats->failures[status], 1);
}

bool
kms_stats_is_current(KmsStats *stats, int worker)
{
	bool		current;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_KMS_STATS), LW_SHARED);
	current = stats->server[0] != '\0' && worker != 0 && stats->writer == worker;
	LWLockRelease(shmem_lock(SHMEM_LOCK_KMS_STATS));
	return current;
}

KmsStats *
kms_stats_next(int *cursor)
{
	KmsStats   *entry = NULL;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_KMS_STATS), LW_SHARED);
	while (*cursor <= KMS_STATS_MAX && entry == NULL)
	{
		int			i = (*cursor)++;

		if (i < KMS_STATS_MAX ? table->entries[i].database == MyDatabaseId : table->overflown)
			entry = &table->entries[i];
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_KMS_STATS));
	return entry;
}

double
kms_stats_percentile(KmsStats *stats, double share)
{
	uint64		counts[KMS_STATS_BUCKETS];
	uint64		total = 0;
	uint64		seen = 0;
	int			bucket = 0;

	/* Copied, because they move while they are added up. */
	for (int i = 0; i < KMS_STATS_BUCKETS; i++)
	{
		counts[i] = pg_atomic_read_u64(&stats->latency[i]);
		total += counts[i];
	}
	if (total == 0)
		return 0;
	for (; bucket < KMS_STATS_BUCKETS - 1; bucket++)
	{
		seen += counts[bucket];
		if ((double) seen >= share * (double) total)
			break;
	}
	return (double) bucket_end_us(bucket) / 1000.0;
}
