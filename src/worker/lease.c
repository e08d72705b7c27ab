/*-------------------------------------------------------------------------
 *
 * lease.c
 *	  The tenants whose keys this key worker holds, and until when their
 *	  KMSs let them be used.
 *
 * A lease begins with an answer of the KMS and ends, whatever happens to this
 * process, at an absolute time: the longer of outage_grace and
 * revocation_interval after the question was asked.  Twice in each
 * revocation_interval the KMS is asked again by unwrapping the active key:
 *
 *	yes			the end moves
 *	no			the lease ends now and the keys are wiped
 *	no answer	nothing moves; asked again soon
 *
 * A tenant that nobody used since the last look is not asked about: its lease
 * ends instead, so the next use asks.  So a KMS sees calls for tenants in use
 * only, and a key that is used was always asked about.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

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
#include "worker/key_store.h"
#include "worker/lease.h"

#define NS_PER_MS			UINT64CONST(1000000)
#define FAILURE_KEPT_MS		5000	/* a refusal answers this long by itself */
#define RETRY_MS			1000	/* between questions that get no answer */
#define LONGEST_SLEEP_MS	10000

typedef struct HeldKey
{
	struct HeldKey *next;
	uint8	   *data_key;		/* in the key store */
	uint8		key_id[KEY_ID_LEN];

	/* What it was unwrapped from: another row of the catalog is not trusted. */
	uint8		check_value[CHECK_VALUE_LEN];
	Size		wrapped_len;
	uint8		wrapped[FLEXIBLE_ARRAY_MEMBER];
} HeldKey;

typedef struct Lease
{
	char		tenant[NAMEDATALEN];	/* hash key; must be first */
	uint8		fingerprint[FINGERPRINT_LEN];
	TenantCell *cell;
	HeldKey    *keys;
	uint64		ends;			/* ns of CLOCK_MONOTONIC_COARSE; 0: none */
	uint64		next_look;
	uint64		failed_until;	/* the last failure: at which epoch, and how */
	uint64		failed_epoch;
	uint8		failed_key[KEY_ID_LEN];
	KmsError	failure;
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

	lease_context = AllocSetContextCreate(TopMemoryContext, "bionic_crypt leases",
										  ALLOCSET_DEFAULT_SIZES);
	control.hcxt = lease_context;
	leases = hash_create("bionic_crypt leases", 64, &control,
						 HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

static void
count_keys(void)
{
	pg_atomic_write_u64(&registry_counters()->keys_held, key_store_taken());
}

bool
lease_unwrap(const KeyRecord *record, uint8 *data_key, KmsError *error)
{
	WorkerCounters *counters = registry_counters();
	KmsServer	server;
	KmsContext	context = {
		.tenant = record->tenant,
		.key_id = record->key_id,
		.purpose = "data",
		.kek = record->kek,
	};
	uint8		check[CHECK_VALUE_LEN];
	bool		ok;

	pg_atomic_fetch_add_u64(&counters->unwraps, 1);
	ok = kms_server_read(record->server.name,
						 bytes_of(record->server.options, record->server.options_len),
						 &server, error) &&
		server.provider->unwrap(&server, &context,
								bytes_of(record->wrapped, record->wrapped_len),
								data_key, error);

	/* GCM commits to no key; this does (DESIGN, section 5). */
	if (ok && (!kdf_check_value(data_key, bytes_of_string(record->tenant),
								record->key_id, check) ||
			   CRYPTO_memcmp(check, record->check_value, CHECK_VALUE_LEN) != 0))
		ok = kms_fail(error, KMS_BAD_CIPHERTEXT, "",
					  "The unwrapped key is not the one that was wrapped.");
	if (!ok)
		pg_atomic_fetch_add_u64(&counters->kms_failures, 1);
	return ok;
}

static void
wipe_keys(Lease *lease)
{
	while (lease->keys != NULL)
	{
		HeldKey    *key = lease->keys;

		lease->keys = key->next;
		key_store_give_back(key->data_key);
		pfree(key);
	}
	lease->ends = 0;
	count_keys();
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
			elog(ERROR, "could not compute a fingerprint");
	}

	/* Its cell may have gone to another tenant while it had no lease. */
	if (lease->cell != cell)
	{
		wipe_keys(lease);
		lease->cell = cell;
	}
	return lease;
}

static uint64
now_plus(uint64 ms)
{
	return epochs_now() + ms * NS_PER_MS;
}

/* Half an interval, less up to a fifth so that tenants spread out. */
static uint64
next_look(void)
{
	double		half = config_revocation_interval_ms / 2.0;

	return now_plus((uint64) (half * (1.0 - 0.2 * pg_prng_double(&pg_global_prng_state))));
}

/* An answer of the KMS to a question asked at that time. */
static void
renew(Lease *lease, uint64 asked_at, uint32 outage_grace_s)
{
	uint64		length_ms = Max((uint64) outage_grace_s * 1000,
								(uint64) config_revocation_interval_ms);

	lease->ends = asked_at + length_ms * NS_PER_MS;
	lease->failed_until = 0;
	lease->next_look = next_look();
	if (!epochs_renew_lease(lease->cell, MyDatabaseId, lease->fingerprint, lease->ends))
		wipe_keys(lease);
}

/*
 * A "no" ends the lease; anything else leaves it to end by itself.  A wrapped
 * key that is not what it should be is the trouble of that one key.
 */
static void
fail(Lease *lease, const uint8 *key_id, const KmsError *error)
{
	if (lease->failure.status != error->status || lease->failed_until == 0)
		ereport(error->status == KMS_UNAVAILABLE ? LOG : WARNING,
				(errmsg("could not unwrap a key of tenant \"%s\"", lease->tenant),
				 errdetail_log("%s %s", error->subject, error->detail)));
	if (error->status == KMS_DENIED)
	{
		wipe_keys(lease);
		epochs_end_lease(lease->cell);
	}
	lease->failure = *error;
	memcpy(lease->failed_key, key_id, KEY_ID_LEN);
	lease->failed_until = now_plus(FAILURE_KEPT_MS);
	lease->failed_epoch = pg_atomic_read_u64(&lease->cell->epoch);
	lease->next_look = lease->keys != NULL ? now_plus(RETRY_MS) : lease->failed_until;
}

/* Whether what failed lately answers for this key, too. */
static bool
failed_lately(const Lease *lease, const uint8 *key_id, uint64 now)
{
	return lease->failed_until > now &&
		epochs_unchanged(lease->cell, lease->failed_epoch) &&
		(lease->failure.status != KMS_BAD_CIPHERTEXT ||
		 memcmp(lease->failed_key, key_id, KEY_ID_LEN) == 0);
}

static bool
is_key_of(const HeldKey *key, const KeyRecord *record)
{
	return key->wrapped_len == record->wrapped_len &&
		memcmp(key->wrapped, record->wrapped, record->wrapped_len) == 0 &&
		memcmp(key->check_value, record->check_value, CHECK_VALUE_LEN) == 0;
}

/* The key of a record; one whose row has changed since is wiped. */
static HeldKey *
find_key(Lease *lease, const KeyRecord *record)
{
	for (HeldKey **link = &lease->keys; *link != NULL; link = &(*link)->next)
	{
		HeldKey    *key = *link;

		if (memcmp(key->key_id, record->key_id, KEY_ID_LEN) != 0)
			continue;
		if (is_key_of(key, record))
			return key;
		*link = key->next;
		key_store_give_back(key->data_key);
		pfree(key);
		break;
	}
	return NULL;
}

/* Unwraps a key into the store; NULL: *error says why. */
static HeldKey *
fetch_key(Lease *lease, const KeyRecord *record, KmsError *error)
{
	uint64		asked_at = epochs_now();
	uint8	   *data_key = key_store_take();
	HeldKey    *key;

	if (data_key == NULL)
	{
		kms_fail(error, KMS_UNAVAILABLE, "bionic_crypt.max_tenants",
				 "is too low: there is no room for another key.");
		return NULL;
	}
	if (!lease_unwrap(record, data_key, error))
	{
		key_store_give_back(data_key);
		fail(lease, record->key_id, error);
		return NULL;
	}
	key = MemoryContextAlloc(lease_context,
							 offsetof(HeldKey, wrapped) + record->wrapped_len);
	memcpy(key->key_id, record->key_id, KEY_ID_LEN);
	memcpy(key->check_value, record->check_value, CHECK_VALUE_LEN);
	key->wrapped_len = record->wrapped_len;
	memcpy(key->wrapped, record->wrapped, record->wrapped_len);
	key->data_key = data_key;
	key->next = lease->keys;
	lease->keys = key;
	renew(lease, asked_at, record->outage_grace_s);
	count_keys();
	return key;
}

const uint8 *
lease_key(const KeyRecord *record, TenantCell *cell, KmsError *error)
{
	Lease	   *lease = find_lease(record, cell);
	uint64		now = epochs_now();
	HeldKey    *key;

	/* Keys whose lease ran out are asked for again, not used. */
	if (lease->ends <= now)
		wipe_keys(lease);
	key = find_key(lease, record);
	if (key == NULL && failed_lately(lease, record->key_id, now))
	{
		*error = lease->failure;
		return NULL;
	}
	if (key == NULL)
		key = fetch_key(lease, record, error);
	if (key == NULL)
		return NULL;
	pg_atomic_write_u32(&cell->used, 1);
	return key->data_key;
}

/* The active key's record as the catalog has it now. */
static bool
read_active_key(const char *tenant, KeyRecord *record)
{
	TenantRow	row;
	bool		found;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	found = catalog_exists() && catalog_find_tenant(tenant, &row) &&
		row.state == TENANT_ACTIVE &&
		catalog_find_key(tenant, NULL, record) == KEY_FOUND;
	PopActiveSnapshot();
	CommitTransactionCommand();
	return found;
}

/* Ends a lease for good; a next request begins a new one. */
static void
drop(Lease *lease)
{
	wipe_keys(lease);
	epochs_end_lease(lease->cell);
	hash_search(leases, lease->tenant, HASH_REMOVE, NULL);
}

/* Asks the KMS again; the lease may be gone from the table afterwards. */
static void
look_at(Lease *lease)
{
	KeyRecord  *record = palloc(sizeof(KeyRecord));
	KmsError	error = {0};
	uint64		asked_at = epochs_now();
	uint8	   *data_key;

	if (lease->ends <= asked_at ||
		pg_atomic_exchange_u32(&lease->cell->used, 0) == 0 ||
		!read_active_key(lease->tenant, record) ||
		(data_key = key_store_take()) == NULL)
	{
		drop(lease);
		return;
	}
	if (lease_unwrap(record, data_key, &error))
		renew(lease, asked_at, record->outage_grace_s);
	else
	{
		/* Without an answer it stays in use: to be asked about again. */
		pg_atomic_write_u32(&lease->cell->used, 1);
		fail(lease, record->key_id, &error);
		if (error.status == KMS_BAD_CIPHERTEXT)
			drop(lease);
	}
	key_store_give_back(data_key);
	count_keys();
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
		due = next_look();
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
	{
		Lease	   *lease = hash_search(leases, lfirst(cell), HASH_FIND, NULL);

		if (lease->keys == NULL && lease->failed_until <= now)
			drop(lease);
		else if (lease->keys != NULL)
			look_at(lease);
	}
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
