/*-------------------------------------------------------------------------
 *
 * key_cache.c
 *	  The keys and verdicts that this backend has at hand, by tenant.
 *
 * Each tenant's keys are in a memory context of its own; resetting it wipes
 * them.  That happens when their epoch has passed, when the tenant has to
 * make room, and, for leases that ran out, at the end of a transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "crypto/kdf.h"
#include "session/key_cache.h"

#define TENANTS_KEPT	1024	/* in this backend */
#define KEYS_KEPT		32		/* of one tenant */
#define SWEEP_NS		UINT64CONST(1000000000)

uint64		key_cache_roles_epoch = 1;

static HTAB *tenants;
static uint64 last_sweep;

/* The entry found last, for which assignment of the setting. */
static CachedTenant *latest;
static uint64 latest_serial;

static void
make_table(void)
{
	HASHCTL		control = {
		.keysize = NAMEDATALEN,
		.entrysize = sizeof(CachedTenant),
		.hcxt = TopMemoryContext,
	};

	tenants = hash_create("bionic_crypt tenants", 64, &control,
						  HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

static void
forget_keys(CachedTenant *tenant)
{
	tenant->active = tenant->last = tenant->keys = NULL;
	tenant->n_keys = 0;
	MemoryContextReset(tenant->memory);
}

static void
drop_tenant(CachedTenant *tenant)
{
	latest = NULL;
	MemoryContextDelete(tenant->memory);
	hash_search(tenants, tenant->name, HASH_REMOVE, NULL);
}

/* Drops one tenant that has no usable key, or else any. */
static void
make_room(void)
{
	HASH_SEQ_STATUS scan;
	CachedTenant *tenant;
	CachedTenant *victim = NULL;

	hash_seq_init(&scan, tenants);
	while ((tenant = hash_seq_search(&scan)) != NULL)
	{
		victim = tenant;
		if (tenant->keys == NULL)
		{
			hash_seq_term(&scan);
			break;
		}
	}
	drop_tenant(victim);
}

/* The context first: an error after HASH_ENTER would leave half an entry. */
static CachedTenant *
add_tenant(const TenantContext *context)
{
	MemoryContext memory = AllocSetContextCreate(TopMemoryContext,
												 "bionic_crypt keys of a tenant",
												 ALLOCSET_SMALL_SIZES);
	CachedTenant *tenant = hash_search(tenants, context->name, HASH_ENTER, NULL);

	memset((char *) tenant + NAMEDATALEN, 0, sizeof(CachedTenant) - NAMEDATALEN);
	memcpy(tenant->fingerprint, context->fingerprint, FINGERPRINT_LEN);
	tenant->memory = memory;
	return tenant;
}

CachedTenant *
key_cache_tenant(const TenantContext *context)
{
	if (latest != NULL && latest_serial == context->serial)
		return latest;

	if (tenants == NULL)
		make_table();
	latest = hash_search(tenants, context->name, HASH_FIND, NULL);
	if (latest == NULL)
	{
		if (hash_get_num_entries(tenants) >= TENANTS_KEPT)
			make_room();
		latest = add_tenant(context);
	}
	latest_serial = context->serial;
	return latest;
}

bool
key_cache_permits(const CachedTenant *tenant, Oid role, uint32 privileges)
{
	for (int i = 0; i < VERDICTS_KEPT; i++)
	{
		const Verdict *v = &tenant->verdicts[i];

		if (v->role == role && (v->privileges & privileges) != 0)
			return v->roles_epoch == key_cache_roles_epoch &&
				tenant->cell != NULL && epochs_unchanged(tenant->cell, v->epoch);
	}
	return false;
}

/* The verdict of a role to fill in: its own, or the oldest. */
static Verdict *
verdict_slot(CachedTenant *tenant, Oid role)
{
	for (int i = 0; i < VERDICTS_KEPT; i++)
	{
		if (tenant->verdicts[i].role == role)
			return &tenant->verdicts[i];
	}
	tenant->next_verdict = (tenant->next_verdict + 1) % VERDICTS_KEPT;
	return &tenant->verdicts[tenant->next_verdict];
}

/* A reply about another cell or epoch makes all that was known stale. */
static void
move_to_cell(CachedTenant *tenant, const KeyReply *reply)
{
	TenantCell *cell = epochs_cell_by_number(reply->cell);

	if (tenant->cell != cell || (tenant->keys != NULL && tenant->keys->epoch != reply->epoch))
		forget_keys(tenant);
	if (tenant->cell != cell)
		memset(tenant->verdicts, 0, sizeof(tenant->verdicts));
	tenant->cell = cell;
}

void
key_cache_add_verdict(CachedTenant *tenant, const KeyReply *reply, Oid role,
					  uint32 privileges)
{
	Verdict    *verdict;

	move_to_cell(tenant, reply);
	verdict = verdict_slot(tenant, role);
	verdict->role = role;
	verdict->privileges = privileges;
	verdict->epoch = reply->epoch;
	verdict->roles_epoch = key_cache_roles_epoch;
}

static void
wipe_state(void *arg)
{
	CachedKey  *key = arg;

	key->value.algorithm->wipe(key->value.state);
}

CachedKey *
key_cache_add_key(CachedTenant *tenant, const KeyReply *reply, Secret *data_key)
{
	const KeyRecord *record = &reply->record;
	const AeadAlgorithm *algorithm = aead_by_id(record->algorithm);
	Secret	   *value_key = secret_create(AEAD_KEY_LEN);
	CachedKey  *key;
	bool		ok;

	if (algorithm == NULL || !algorithm->available())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the encryption algorithm of tenant \"%s\" is not available",
						record->tenant),
				 errhint("In FIPS mode, use \"%s\".", aead_xaes_256_gcm.name)));
	move_to_cell(tenant, reply);
	if (tenant->n_keys == KEYS_KEPT)
		forget_keys(tenant);

	key = MemoryContextAllocZero(tenant->memory, sizeof(CachedKey));
	key->value.algorithm = algorithm;
	key->value.state = MemoryContextAllocZero(tenant->memory, algorithm->state_size);
	memcpy(key->value.fingerprint, tenant->fingerprint, FINGERPRINT_LEN);
	memcpy(key->value.key_id, record->key_id, KEY_ID_LEN);
	key->epoch = reply->epoch;

	ok = kdf_value_key(data_key->data, algorithm->id, record->key_id, value_key->data) &&
		algorithm->init(key->value.state, value_key->data);
	secret_wipe(data_key);
	secret_wipe(value_key);
	if (!ok)
	{
		algorithm->wipe(key->value.state);
		elog(ERROR, "could not expand a key");
	}
	key->wipe.func = wipe_state;
	key->wipe.arg = key;
	MemoryContextRegisterResetCallback(tenant->memory, &key->wipe);
	key->next = tenant->keys;
	tenant->keys = key;
	tenant->n_keys++;
	return key;
}

CachedKey *
key_cache_find_key(const CachedTenant *tenant, const uint8 *key_id)
{
	for (CachedKey *key = tenant->keys; key != NULL; key = key->next)
	{
		if (memcmp(key->value.key_id, key_id, KEY_ID_LEN) == 0)
			return key;
	}
	return NULL;
}

void
key_cache_forget(const char *name)
{
	CachedTenant *tenant = tenants == NULL ? NULL :
		hash_search(tenants, name, HASH_FIND, NULL);

	if (tenant != NULL)
	{
		forget_keys(tenant);
		memset(tenant->verdicts, 0, sizeof(tenant->verdicts));
	}
}

/* Wipes keys whose lease is over or whose epoch has passed. */
static void
sweep(void)
{
	HASH_SEQ_STATUS scan;
	CachedTenant *tenant;

	hash_seq_init(&scan, tenants);
	while ((tenant = hash_seq_search(&scan)) != NULL)
	{
		if (tenant->keys != NULL &&
			(!epochs_unchanged(tenant->cell, tenant->keys->epoch) ||
			 pg_atomic_read_u64(&tenant->cell->lease_end) <= epochs_now()))
			forget_keys(tenant);
	}
}

static void
end_of_transaction(XactEvent event, void *arg)
{
	uint64		now;

	if (tenants == NULL || (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT))
		return;
	now = epochs_now();
	if (now - last_sweep >= SWEEP_NS)
	{
		last_sweep = now;
		sweep();
	}
}

static void
roles_changed(Datum arg, int cache_id, uint32 hash_value)
{
	key_cache_roles_epoch++;
}

void
key_cache_init(void)
{
	RegisterXactCallback(end_of_transaction, NULL);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, roles_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, roles_changed, (Datum) 0);
}
