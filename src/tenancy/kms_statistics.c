/*-------------------------------------------------------------------------
 *
 * kms_statistics.c
 *	  bionic_crypt.kms_statistics(), under the view stat_kms: what the key
 *	  worker of this database counted about each KMS server.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "shmem/epochs.h"
#include "shmem/kms_stats.h"
#include "shmem/registry.h"
#include "shmem/shmem.h"

/* Failures, in the order of KmsStatus, have a column each; 0 is no failure. */
#define FIRST_CLASS			1
#define LAST_CLASS			10

/* kms, 6 counters, 3 of now, 3 latencies, the classes, oldest_lease */
#define COLUMNS				(1 + 6 + 3 + 3 + (LAST_CLASS - FIRST_CLASS + 1) + 1)

/* In the order of KmsBreaker. */
static const char *const breaker_names[] = {"closed", "open", "half-open"};

/* A row that is filled from left to right. */
typedef struct StatRow
{
	int			n;
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];
} StatRow;

static void
add(StatRow *row, bool is_null, Datum value)
{
	Assert(row->n < COLUMNS);
	row->nulls[row->n] = is_null;
	row->values[row->n++] = value;
}

static void
add_counter(StatRow *row, pg_atomic_uint64 *counter)
{
	add(row, false, Int64GetDatum((int64) pg_atomic_read_u64(counter)));
}

static void
add_now(StatRow *row, KmsStats *stats, bool current)
{
	uint32		breaker = pg_atomic_read_u32(&stats->breaker);

	add(row, !current, Int32GetDatum((int32) pg_atomic_read_u32(&stats->in_flight)));
	add(row, !current, Int32GetDatum((int32) pg_atomic_read_u32(&stats->queued)));
	add(row, !current, CStringGetTextDatum(breaker_names[Min(breaker, lengthof(breaker_names) - 1)]));
}

static void
add_percentile(StatRow *row, KmsStats *stats, double share)
{
	double		ms = kms_stats_percentile(stats, share);

	add(row, ms == 0, Float8GetDatum(ms));
}

/* The age of the answer of the KMS that is longest ago, of those in use. */
static void
add_oldest_lease(StatRow *row, KmsStats *stats, bool current)
{
	uint64		oldest = pg_atomic_read_u64(&stats->oldest_lease);
	uint64		now = epochs_now();
	Interval   *age = palloc0(sizeof(Interval));

	/* In microseconds; the clock may have been read before it was written. */
	age->time = oldest < now ? (TimeOffset) ((now - oldest) / 1000) : 0;
	add(row, !current || oldest == 0, IntervalPGetDatum(age));
}

static void
fill_row(StatRow *row, KmsStats *stats, int worker)
{
	bool		current = kms_stats_is_current(stats, worker);

	add(row, stats->server[0] == '\0', CStringGetTextDatum(stats->server));
	add_counter(row, &stats->calls);
	add_counter(row, &stats->requests);
	add_counter(row, &stats->logins);
	add_counter(row, &stats->retries);
	add_counter(row, &stats->refused_by_breaker);
	add_counter(row, &stats->waited);
	add_now(row, stats, current);
	add_percentile(row, stats, 0.5);
	add_percentile(row, stats, 0.95);
	add_percentile(row, stats, 0.99);
	for (int class = FIRST_CLASS; class <= LAST_CLASS; class++)
		add_counter(row, &stats->failures[class]);
	add_oldest_lease(row, stats, current);
}

PG_FUNCTION_INFO_V1(bionic_crypt_kms_statistics);

Datum
bionic_crypt_kms_statistics(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	WorkerCounters *counters;
	KmsStats   *stats;
	int			worker = 0;
	int			cursor = 0;

	shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	(void) registry_look(&counters, &worker);
	while ((stats = kms_stats_next(&cursor)) != NULL)
	{
		StatRow		row = {0};

		fill_row(&row, stats, worker);
		Assert(row.n == COLUMNS);
		tuplestore_putvalues(result->setResult, result->setDesc, row.values, row.nulls);
	}
	return (Datum) 0;
}
