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

#include "access/xact.h"
#include "access/xlog.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/config.h"
#include "keys/catalog.h"
#include "shmem/registry.h"
#include "worker/guarded.h"
#include "worker/held_key.h"
#include "worker/key_store.h"
#include "worker/lease.h"

#define RETRY_MS			1000	/* between questions that get no answer */
#define LONGEST_SLEEP_MS	10000

typedef struct Lease
{
	char		tenant[NAMEDATALEN];	/* hash key; must be first */
	uint8		fingerprint[FINGERPRINT_LEN];
	TenantCell *cell;
	uint64		epoch;			/* of the cell, when a failure was noted */
	HeldKey    *keys;
	uint64		next_look;
} Lease;

static HTAB *leases;
static MemoryContext lease_context;

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
	return epochs_now() + ms * NS_PER_MS;
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

static bool
holds_any(const Lease *lease)
{
	for (const HeldKey *key = lease->keys; key != NULL; key = key->next)
	{
		if (key->data_key != NULL)
			return true;
	}
	return false;
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
		held_key_free(key);
		break;
	}
	key = held_key_create(lease_context, record);
	key->next = lease->keys;
	lease->keys = key;
	return key;
}

const uint8 *
lease_key(const KeyRecord *record, TenantCell *cell, KmsError *error)
{
	Lease	   *lease = find_lease(record, cell);
	HeldKey    *key = find_key(lease, record);
	uint64		now = epochs_now();

	if (expire(lease, now))
		recall(lease);
	if (key->data_key == NULL &&
		!(key->failed_until > now && epochs_unchanged(cell, lease->epoch)))
	{
		(void) held_key_ask(key, record);
		lease->epoch = pg_atomic_read_u64(&cell->epoch);
		if (!publish(lease))
			kms_fail(&key->failure, KMS_UNAVAILABLE, "bionic_crypt.max_tenants",
					 "is too low: another tenant took the place.");
	}
	if (key->data_key == NULL)
	{
		*error = key->failure;
		return NULL;
	}
	pg_atomic_write_u32(&cell->used, 1);
	return key->data_key;
}

/* Ends a lease for good; a next request begins a new one. */
static void
drop(Lease *lease)
{
	bool		held = holds_any(lease);

	while (lease->keys != NULL)
	{
		HeldKey    *key = lease->keys;

		lease->keys = key->next;
		held_key_free(key);
	}
	if (held)
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

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
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
	PopActiveSnapshot();
	CommitTransactionCommand();
	return usable;
}

/* Asks about each key held; true if one is not held any more. */
static bool
ask_about_keys(Lease *lease, List *records, bool *unanswered)
{
	ListCell   *cell = list_head(records);
	bool		lost = false;

	for (HeldKey *key = lease->keys; key != NULL; key = key->next)
	{
		KeyRecord  *record = lfirst(cell);

		cell = lnext(records, cell);
		if (key->data_key == NULL)
			continue;
		if (record == NULL || !held_key_is_of(key, record))
			held_key_wipe(key);
		else if (!held_key_ask(key, record) && key->data_key != NULL)
			*unanswered = true;
		lost = lost || key->data_key == NULL;
	}
	return lost;
}

/* Asks the KMSs again; the lease may be gone from the table afterwards. */
static void
look_at(Lease *lease)
{
	List	   *records = NIL;
	bool		unanswered = false;
	bool		lost = expire(lease, epochs_now());

	if (pg_atomic_exchange_u32(&lease->cell->used, 0) == 0 ||
		!read_records(lease, &records))
	{
		drop(lease);
		return;
	}
	if (ask_about_keys(lease, records, &unanswered) || lost)
		recall(lease);
	else
		(void) publish(lease);

	/* Without an answer it stays in use: to be asked about again. */
	if (unanswered)
		pg_atomic_write_u32(&lease->cell->used, 1);
	lease->next_look = unanswered ? now_plus(RETRY_MS) : regular_look();
}

/* By name: an error in one look must not keep others from theirs. */
static void
look_at_tenant(void *tenant)
{
	Lease	   *lease = hash_search(leases, tenant, HASH_FIND, NULL);

	if (lease == NULL)
		return;
	lease->next_look = now_plus(RETRY_MS);	/* should this fail */
	if (holds_any(lease))
		look_at(lease);
	else
		drop(lease);
}

/*
 * The leases that are due: first their names, because looking at one runs a
 * transaction, over which no scan of a hash table may stay open.
 */
static List *
due_tenants(uint64 now, uint64 *next)
{
	HASH_SEQ_STATUS scan;
	Lease	   *lease;
	List	   *due = NIL;

	hash_seq_init(&scan, leases);
	while ((lease = hash_seq_search(&scan)) != NULL)
	{
		if (lease->next_look <= now)
			due = lappend(due, pstrdup(lease->tenant));
		else
			*next = Min(*next, lease->next_look);
	}
	return due;
}

/*
 * On a standby nobody tells of a change in the catalog: replay does not.  So
 * everything that was learnt from it is asked for again, as often as a KMS is.
 */
static void
distrust_replayed_catalog(uint64 now, uint64 *next)
{
	static uint64 due = 0;

	if (!RecoveryInProgress())
		return;
	if (due <= now)
	{
		if (due != 0)
			epochs_advance_database(MyDatabaseId);
		due = regular_look();
	}
	*next = Min(*next, due);
}

long
lease_tick(void)
{
	uint64		now = epochs_now();
	uint64		next = now + LONGEST_SLEEP_MS * NS_PER_MS;
	List	   *due = due_tenants(now, &next);
	ListCell   *cell;

	distrust_replayed_catalog(now, &next);
	foreach(cell, due)
		(void) guarded_run(look_at_tenant, lfirst(cell));
	return due != NIL ? 1 : (long) ((next - now) / NS_PER_MS) + 1;
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
