/*-------------------------------------------------------------------------
 *
 * lease_look.c
 *	  The regular looks at leases: whose KMS is to be asked again.
 *
 * Twice in each revocation_interval the KMS is asked again by unwrapping every
 * key held, with the catalog's row as it is then.
 *
 * A tenant that nobody used since the last look is not asked about: its lease
 * ends instead, so the next use asks.  So a KMS sees calls for tenants in use
 * only, and a key that is used was always asked about.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "nodes/pg_list.h"
#include "utils/hsearch.h"

#include "base/config.h"
#include "keys/catalog.h"
#include "worker/guarded.h"
#include "worker/lease_table.h"

#define RETRY_MS			1000	/* between questions that get no answer */
#define LONGEST_SLEEP_MS	10000
#define AGES_MS				1000	/* between looks for the oldest lease */

static uint64
now_plus(uint64 ms)
{
	return epochs_now() + ms * NS_IN_MS;
}

/* Half an interval, less up to a fifth so that tenants spread out. */
uint64
lease_regular_look(void)
{
	double		half = config_revocation_interval_ms / 2.0;

	return now_plus((uint64) (half * (1.0 - 0.2 * pg_prng_double(&pg_global_prng_state))));
}

void
lease_look_soon(Lease *lease, int64 after_ms)
{
	lease->next_look = Min(lease->next_look, now_plus(Max(RETRY_MS, after_ms)));
}

/*
 * The catalog's rows of the keys that are held, in their order; NULL where
 * there is none.  False when the tenant may not be used at all.
 */
static bool
read_records(const Lease *lease, List **records)
{
	TenantRow	row;
	bool		usable;

	guarded_begin();
	usable = catalog_exists() && catalog_find_tenant(lease->tenant, &row) &&
		row.state == TENANT_ACTIVE;
	for (const HeldKey *key = lease->keys; usable && key != NULL; key = key->next)
	{
		KeyRecord  *record = MemoryContextAlloc(guarded_memory(), sizeof(KeyRecord));
		MemoryContext caller = MemoryContextSwitchTo(guarded_memory());
		bool		found = catalog_find_key(lease->tenant, key->key_id, record) == KEY_FOUND;

		*records = lappend(*records, found ? record : NULL);
		MemoryContextSwitchTo(caller);
	}
	guarded_commit();
	return usable;
}

/* Asks about each key held; true if one is not held any more. */
static bool
ask_about_keys(Lease *lease, List *records)
{
	ListCell   *cell = list_head(records);
	uint64		epoch = pg_atomic_read_u64(&lease->cell->epoch);
	bool		lost = false;

	for (HeldKey *key = lease->keys; key != NULL; key = key->next)
	{
		KeyRecord  *record = lfirst(cell);

		cell = lnext(records, cell);
		if (key->data_key == NULL)
			continue;
		if (record != NULL && held_key_is_of(key, record))
			held_key_ask(key, record, epoch);
		else
		{
			held_key_wipe(key);
			lost = true;
		}
	}
	return lost;
}

/*
 * Asks the KMSs again; the lease may be gone from the table afterwards.  While
 * one has yet to answer it is not known whether the tenant is idle: its keys
 * may be needed through an outage.
 */
static void
look_at(Lease *lease)
{
	List	   *records = NIL;
	bool		lost = lease_expire(lease, epochs_now());
	bool		used = pg_atomic_exchange_u32(&lease->cell->used, 0) != 0;
	bool		holds;
	bool		asks;

	lease_survey(lease, &holds, &asks);
	if (!asks && (!used || !holds))
	{
		lease_drop(lease);
		return;
	}
	if (!read_records(lease, &records))
	{
		lease_drop(lease);
		return;
	}
	if (ask_about_keys(lease, records) || lost)
		lease_recall(lease);
	lease->next_look = lease_regular_look();
}

/* By name: an error in one look must not keep others from theirs. */
static void
look_at_tenant(void *tenant)
{
	Lease	   *lease = hash_search(lease_table, tenant, HASH_FIND, NULL);

	if (lease == NULL)
		return;
	lease->next_look = now_plus(RETRY_MS);	/* should this fail */
	look_at(lease);
}

/*
 * The catalog cannot be read, so no KMS is asked: a key about which none was
 * asked for an interval, with a yes or without an answer, is used no longer.  Who keeps us from the catalog, with a lock, does not keep a denial
 * from being heard.
 */
static void
end_what_was_not_asked(void)
{
	HASH_SEQ_STATUS scan;
	Lease	   *lease;
	uint64		now = epochs_now();
	uint64		interval = config_revocation_interval_ms * NS_IN_MS;

	hash_seq_init(&scan, lease_table);
	while ((lease = hash_seq_search(&scan)) != NULL)
	{
		bool		lost = false;

		for (HeldKey *key = lease->keys; key != NULL; key = key->next)
		{
			if (key->data_key == NULL ||
				Max(key->asked_at, key->failed_until) + interval > now)
				continue;
			held_key_wipe(key);
			lost = true;
		}
		if (lost)
			lease_recall(lease);
	}
}

/*
 * The leases that are due: first their names, because looking at one runs a
 * transaction, over which no scan of a hash table may stay open.
 */
static List *
due_tenants(uint64 now)
{
	HASH_SEQ_STATUS scan;
	Lease	   *lease;
	List	   *due = NIL;

	hash_seq_init(&scan, lease_table);
	while ((lease = hash_seq_search(&scan)) != NULL)
	{
		if (lease->next_look <= now)
			due = lappend(due, pstrdup(lease->tenant));
	}
	return due;
}

/* For stat_kms: of each server, when the key was asked about that waits longest. */
static void
publish_ages(uint64 now)
{
	static uint64 due = 0;
	HASH_SEQ_STATUS scan;
	Lease	   *lease;
	KmsStats   *stats;
	int			cursor = 0;

	if (due > now)
		return;
	due = now + AGES_MS * NS_IN_MS;
	while ((stats = kms_stats_next(&cursor)) != NULL)
		pg_atomic_write_u64(&stats->oldest_lease, 0);
	hash_seq_init(&scan, lease_table);
	while ((lease = hash_seq_search(&scan)) != NULL)
	{
		for (HeldKey *key = lease->keys; key != NULL; key = key->next)
		{
			uint64		oldest = pg_atomic_read_u64(&key->stats->oldest_lease);

			if (key->data_key != NULL && (oldest == 0 || key->asked_at < oldest))
				pg_atomic_write_u64(&key->stats->oldest_lease, key->asked_at);
		}
	}
}

/* Whoever is due after one that had to wait for a lock would wait as well. */
static void
look_later(List *due)
{
	ListCell   *cell;

	foreach(cell, due)
	{
		Lease	   *lease = hash_search(lease_table, lfirst(cell), HASH_FIND, NULL);

		if (lease != NULL)
			lease->next_look = Max(lease->next_look, now_plus(RETRY_MS));
	}
}

void
lease_tick(void)
{
	uint64		now = epochs_now();
	List	   *due = due_tenants(now);
	ListCell   *cell;
	bool		failed = false;

	foreach(cell, due)
	{
		uint64		began = epochs_now();

		if (guarded_run(look_at_tenant, lfirst(cell)))
			continue;
		failed = true;
		if (epochs_now() - began >= RETRY_MS * NS_IN_MS)
		{
			look_later(due);
			break;
		}
	}
	if (failed)
		end_what_was_not_asked();
	lease_tell_turned_away();
	publish_ages(now);
}

long
lease_timeout_ms(void)
{
	HASH_SEQ_STATUS scan;
	Lease	   *lease;
	uint64		now = epochs_now();
	uint64		next = now + LONGEST_SLEEP_MS * NS_IN_MS;

	hash_seq_init(&scan, lease_table);
	while ((lease = hash_seq_search(&scan)) != NULL)
		next = Min(next, lease->next_look);
	if (lease_any_turned_away() || next <= now)
		return 0;
	return (long) ((next - now) / NS_IN_MS) + 1;
}

void
lease_check_all_soon(void)
{
	HASH_SEQ_STATUS scan;
	Lease	   *lease;

	hash_seq_init(&scan, lease_table);
	while ((lease = hash_seq_search(&scan)) != NULL)
	{
		/* Nobody had the time to use it again since the last look. */
		pg_atomic_write_u32(&lease->cell->used, 1);
		lease->next_look = 0;
	}
}
