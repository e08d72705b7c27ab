/*-------------------------------------------------------------------------
 *
 * lease.c
 *	  The tenants whose keys this key worker holds, and until when their
 *	  KMSs let them be used.
 *
 * Each key has an end of its own, which only an answer of its KMS moves; the
 * tenant's lease, in shared memory, ends with the first of them.  Whatever
 * happens to this process, it ends at that absolute time.  lease_look.c has
 * the KMS asked again while the tenant is in use:
 *
 *	yes			the key's end moves
 *	no			the key is wiped, and the tenant's epoch moves, so that every
 *				backend asks here again and is told
 *	no answer	nothing moves; asked again soon
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/config.h"
#include "shmem/registry.h"
#include "worker/held_key.h"
#include "worker/key_store.h"
#include "worker/lease_table.h"


HTAB	   *lease_table;
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
	lease_table = hash_create("bionic_crypt leases", 64, &control,
						 HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

static void
wipe_all(Lease *lease)
{
	for (HeldKey *key = lease->keys; key != NULL; key = key->next)
		held_key_wipe(key);
}

void
lease_survey(const Lease *lease, bool *holds, bool *asks)
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

void
lease_recall(Lease *lease)
{
	(void) publish(lease);
	epochs_advance(MyDatabaseId, lease->fingerprint);
}

bool
lease_expire(Lease *lease, uint64 now)
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
	Lease	   *lease = hash_search(lease_table, record->tenant, HASH_ENTER, &found);

	if (!found)
	{
		memset((char *) lease + NAMEDATALEN, 0, sizeof(Lease) - NAMEDATALEN);
		if (!kdf_fingerprint(bytes_of_string(record->tenant), lease->fingerprint))
		{
			hash_search(lease_table, record->tenant, HASH_REMOVE, NULL);
			elog(ERROR, "could not compute a fingerprint");
		}
		lease->next_look = lease_regular_look();
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

/* Those of now: who is turned away again waits for the next round. */
void
lease_tell_turned_away(void)
{
	dlist_node *last = dlist_is_empty(&turned_away) ? NULL : dlist_tail_node(&turned_away);
	dlist_node *node = NULL;

	while (node != last && !dlist_is_empty(&turned_away))
	{
		node = dlist_pop_head_node(&turned_away);
		tell(dlist_container(LeaseWaiter, node, node), NULL, NULL);
	}
}

bool
lease_any_turned_away(void)
{
	return !dlist_is_empty(&turned_away);
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
		lease_recall(lease);
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
		lease_look_soon(lease, key->failure.retry_after_ms);
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
	if (lease_expire(lease, now))
		lease_recall(lease);
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

void
lease_drop(Lease *lease)
{
	bool		holds;
	bool		asks;

	lease_survey(lease, &holds, &asks);
	while (lease->keys != NULL)
	{
		HeldKey    *key = lease->keys;

		lease->keys = key->next;
		free_key(key);
	}
	if (holds)
		lease_recall(lease);
	hash_search(lease_table, lease->tenant, HASH_REMOVE, NULL);
}

