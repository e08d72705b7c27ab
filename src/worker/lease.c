/*-------------------------------------------------------------------------
 *
 * lease.c
 *	  The tenants whose keys this key worker holds, and until when their
 *	  KMSs let them be used.
 *
 * Each key has an end of its own, which only an answer of its KMS moves; the
 * tenant's lease, in shared memory, ends with the first of them.  Whatever
 * happens to this process, it ends at that absolute time.  Twice in each
 * revocation_interval the KMS is asked again by unwrapping every key held:
 *
 *	yes			the key's end moves
 *	no			the key is wiped, and the tenant's epoch moves, so that every
 *				backend asks here again and is told
 *	no answer	nothing moves; asked again soon
 *
 * A tenant that nobody used since the last look is not asked about: its lease
 * ends instead, so the next use asks.  So a KMS sees calls for tenants in use
 * only, and a key that is used was always asked about.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/config.h"
#include "keys/catalog.h"
#include "shmem/registry.h"
#include "worker/guarded.h"
#include "worker/held_key.h"
#include "worker/key_store.h"
#include "worker/lease.h"

#define RETRY_MS			1000	/* between questions that get no answer */
#define LONGEST_SLEEP_MS	10000
#define AGES_MS				1000	/* between looks for the oldest lease */

struct Lease
{
	char		tenant[NAMEDATALEN];	/* hash key; must be first */
	uint8		fingerprint[FINGERPRINT_LEN];
	TenantCell *cell;
	HeldKey    *keys;
	uint64		next_look;
};

static HTAB *leases;
static MemoryContext lease_context;

/* Who has to ask anew, because the key waited for is not looked at any more. */
static dlist_head turned_away = DLIST_STATIC_INIT(turned_away);

void
lease_init(void)
{
	HASHCTL		control = {
		.keysize = NAMEDATALEN,
		.entrysize = sizeof(Lease),
	};

	/* Leases of a worker before us: nobody would ask about their keys. */
	epochs_end_database(MyDatabaseId);

	lease_context = AllocSetContextCreate(TopMemoryContext, "bionic_crypt leases",
										  ALLOCSET_DEFAULT_SIZES);
	control.hcxt = lease_context;
	leases = hash_create("bionic_crypt leases", 64, &control,
						 HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

static uint64
now_plus(uint64 ms)
{
	return epochs_now() + ms * NS_IN_MS;
}

/* Half an interval, less up to a fifth so that tenants spread out. */
static uint64
regular_look(void)
{
	double		half = config_revocation_interval_ms / 2.0;

	return now_plus((uint64) (half * (1.0 - 0.2 * pg_prng_double(&pg_global_prng_state))));
}

static void
wipe_all(Lease *lease)
{
	for (HeldKey *key = lease->keys; key != NULL; key = key->next)
		held_key_wipe(key);
}

/* Whether it holds a key, and whether one is being asked about. */
static void
survey(const Lease *lease, bool *holds, bool *asks)
{
	*holds = *asks = false;
	for (const HeldKey *key = lease->keys; key != NULL; key = key->next)
	{
		*holds |= key->data_key != NULL;
		*asks |= kms_call_under_way(&key->call);
	}
}

/*
 * Writes the end of the lease, the first of the keys' ends, to shared memory.
 * False when the cell is not this tenant's any more: then no key is held.
 */
static bool
publish(Lease *lease)
{
	uint64		ends = 0;

	for (const HeldKey *key = lease->keys; key != NULL; key = key->next)
	{
		if (key->data_key != NULL && (ends == 0 || key->ends < ends))
			ends = key->ends;
	}
	pg_atomic_write_u64(&registry_counters()->keys_held, key_store_taken());
	if (epochs_renew_lease(lease->cell, MyDatabaseId, lease->fingerprint, ends))
		return true;
	wipe_all(lease);
	pg_atomic_write_u64(&registry_counters()->keys_held, key_store_taken());
	return false;
}

/* Backends have copies of a key that was wiped: they all ask again. */
static void
recall(Lease *lease)
{
	(void) publish(lease);
	epochs_advance(MyDatabaseId, lease->fingerprint);
}

/* Wipes keys past their end; true if there was one. */
static bool
expire(Lease *lease, uint64 now)
{
	bool		expired = false;

	for (HeldKey *key = lease->keys; key != NULL; key = key->next)
	{
		if (key->data_key != NULL && key->ends <= now)
		{
			held_key_wipe(key);
			expired = true;
		}
	}
	return expired;
}

/* The tenant's lease as it was last known; a new one holds nothing. */
static Lease *
find_lease(const KeyRecord *record, TenantCell *cell)
{
	bool		found;
	Lease	   *lease = hash_search(leases, record->tenant, HASH_ENTER, &found);

	if (!found)
	{
		memset((char *) lease + NAMEDATALEN, 0, sizeof(Lease) - NAMEDATALEN);
		if (!kdf_fingerprint(bytes_of_string(record->tenant), lease->fingerprint))
		{
			hash_search(leases, record->tenant, HASH_REMOVE, NULL);
			elog(ERROR, "could not compute a fingerprint");
		}
		lease->next_look = regular_look();
	}

	/* Its cell may have gone to another tenant while it had no lease. */
	if (lease->cell != cell)
	{
		wipe_all(lease);
		lease->cell = cell;
	}
	return lease;
}

/*
 * Gives up an entry.  Its waiters are told a little later: they may come back
 * with a question that needs what is just being taken apart.
 */
static void
free_key(HeldKey *key)
{
	while (!dlist_is_empty(&key->waiters))
		dlist_push_tail(&turned_away, dlist_pop_head_node(&key->waiters));
	held_key_free(key);
}

static void
tell(LeaseWaiter *waiter, const uint8 *data_key, const KmsError *error)
{
	waiter->waiting = false;
	waiter->done(waiter, data_key, error);
}

static void
tell_turned_away(void)
{
	while (!dlist_is_empty(&turned_away))
		tell(dlist_container(LeaseWaiter, node, dlist_pop_head_node(&turned_away)), NULL, NULL);
}

/*
 * The KMS has answered, or could not be asked, about a key: tells backends by
 * the lease and those who wait for it.
 */
static void
key_answered(HeldKey *key, bool was_held)
{
	Lease	   *lease = key->lease;
	bool		lost = was_held && key->data_key == NULL;

	if (lost)
		recall(lease);
	else if (!publish(lease))
		kms_fail(&key->failure, KMS_UNAVAILABLE, "bionic_crypt.max_tenants",
				 "is too low: another tenant took the place.");

	/* The epoch that our own recall has moved is still that of the answer. */
	if (lost && key->failed_until != 0)
		key->failed_epoch = pg_atomic_read_u64(&lease->cell->epoch);

	/* Without an answer it stays in use: to be asked about again. */
	if (key->data_key != NULL && key->failed_until != 0)
	{
		pg_atomic_write_u32(&lease->cell->used, 1);
		lease->next_look = Min(lease->next_look, now_plus(RETRY_MS));
	}
	if (key->data_key != NULL && !dlist_is_empty(&key->waiters))
		pg_atomic_write_u32(&lease->cell->used, 1);
	while (!dlist_is_empty(&key->waiters))
		tell(dlist_container(LeaseWaiter, node, dlist_pop_head_node(&key->waiters)),
			 key->data_key, &key->failure);
}

/* The entry of a record; one whose row has changed since is thrown away. */
static HeldKey *
find_key(Lease *lease, const KeyRecord *record)
{
	HeldKey    *key;

	for (HeldKey **link = &lease->keys; (key = *link) != NULL; link = &key->next)
	{
		if (memcmp(key->key_id, record->key_id, KEY_ID_LEN) != 0)
			continue;
		if (held_key_is_of(key, record))
			return key;
		*link = key->next;
		free_key(key);
		break;
	}
	key = held_key_create(lease_context, lease, record, key_answered);
	key->next = lease->keys;
	lease->keys = key;
	return key;
}

void
lease_want_key(const KeyRecord *record, TenantCell *cell, LeaseWaiter *waiter)
{
	Lease	   *lease = find_lease(record, cell);
	HeldKey    *key = find_key(lease, record);
	uint64		now = epochs_now();

	if (held_key_limit(key, record))
		(void) publish(lease);
	if (expire(lease, now))
		recall(lease);
	if (key->data_key != NULL)
	{
		pg_atomic_write_u32(&cell->used, 1);
		tell(waiter, key->data_key, NULL);
	}
	else if (key->failed_until > now && epochs_unchanged(cell, key->failed_epoch))
		tell(waiter, NULL, &key->failure);
	else
	{
		waiter->waiting = true;
		dlist_push_tail(&key->waiters, &waiter->node);
		held_key_ask(key, record, pg_atomic_read_u64(&cell->epoch));
	}
}

void
lease_forget(LeaseWaiter *waiter)
{
	if (waiter->waiting)
		dlist_delete(&waiter->node);
	waiter->waiting = false;
}

/* Ends a lease for good; a next request begins a new one. */
static void
drop(Lease *lease)
{
	bool		holds;
	bool		asks;

	survey(lease, &holds, &asks);
	while (lease->keys != NULL)
	{
		HeldKey    *key = lease->keys;

		lease->keys = key->next;
		free_key(key);
	}
	if (holds)
		recall(lease);
	hash_search(leases, lease->tenant, HASH_REMOVE, NULL);
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

/* Asks the KMSs again; the lease may be gone from the table afterwards. */
static void
look_at(Lease *lease)
{
	List	   *records = NIL;
	bool		lost = expire(lease, epochs_now());

	if (pg_atomic_exchange_u32(&lease->cell->used, 0) == 0 ||
		!read_records(lease, &records))
	{
		drop(lease);
		return;
	}
	if (ask_about_keys(lease, records) || lost)
		recall(lease);
	lease->next_look = regular_look();
}

/* By name: an error in one look must not keep others from theirs. */
static void
look_at_tenant(void *tenant)
{
	Lease	   *lease = hash_search(leases, tenant, HASH_FIND, NULL);
	bool		holds;
	bool		asks;

	if (lease == NULL)
		return;
	lease->next_look = now_plus(RETRY_MS);	/* should this fail */
	survey(lease, &holds, &asks);
	if (asks)
	{
		if (expire(lease, epochs_now()))
			recall(lease);
	}
	else if (holds)
		look_at(lease);
	else
		drop(lease);
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

	hash_seq_init(&scan, leases);
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
	hash_seq_init(&scan, leases);
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

void
lease_tick(void)
{
	uint64		now = epochs_now();
	List	   *due = due_tenants(now);
	ListCell   *cell;

	foreach(cell, due)
		(void) guarded_run(look_at_tenant, lfirst(cell));
	tell_turned_away();
	publish_ages(now);
}

long
lease_timeout_ms(void)
{
	HASH_SEQ_STATUS scan;
	Lease	   *lease;
	uint64		now = epochs_now();
	uint64		next = now + LONGEST_SLEEP_MS * NS_IN_MS;

	hash_seq_init(&scan, leases);
	while ((lease = hash_seq_search(&scan)) != NULL)
		next = Min(next, lease->next_look);
	if (!dlist_is_empty(&turned_away) || next <= now)
		return 0;
	return (long) ((next - now) / NS_IN_MS) + 1;
}

void
lease_check_all_soon(void)
{
	HASH_SEQ_STATUS scan;
	Lease	   *lease;

	hash_seq_init(&scan, leases);
	while ((lease = hash_seq_search(&scan)) != NULL)
		lease->next_look = 0;
}
