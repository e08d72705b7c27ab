/*-------------------------------------------------------------------------
 *
 * key_cache.h
 *	  The keys and verdicts that this backend has at hand, by tenant.
 *
 * What is found here was true once; whether it still is, the epoch and the
 * lease of the tenant's cell say, which the callers look at.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SESSION_KEY_CACHE_H
#define SESSION_KEY_CACHE_H

#include "postgres.h"

#include "base/secret.h"
#include "session/key_acquire.h"
#include "shmem/epochs.h"
#include "shmem/key_message.h"

/* What a role may do, as of an epoch and of the roles as they were. */
typedef struct Verdict
{
	Oid			role;
	uint32		privileges;
	uint64		epoch;
	uint64		roles_epoch;
} Verdict;

/* Functions that switch roles come back to the same few. */
#define VERDICTS_KEPT 4

typedef struct CachedKey
{
	ValueKey	value;			/* must be first */
	struct CachedKey *next;
	uint64		epoch;
	MemoryContextCallback wipe;
} CachedKey;

typedef struct CachedTenant
{
	char		name[NAMEDATALEN];	/* hash key; must be first */
	uint8		fingerprint[FINGERPRINT_LEN];
	MemoryContext memory;		/* of the keys */
	TenantCell *cell;			/* NULL: never asked */
	CachedKey  *active;			/* encrypts */
	CachedKey  *last;			/* decrypted the last value */
	CachedKey  *keys;
	int			n_keys;
	Verdict		verdicts[VERDICTS_KEPT];
	int			next_verdict;
} CachedTenant;

/* Moves when this backend hears of a change in roles or memberships. */
extern uint64 key_cache_roles_epoch;

/* The entry of a tenant, made if there is none. */
extern CachedTenant *key_cache_tenant(const TenantContext *context);

/* Whether a key got earlier may be used for a value now. */
static inline bool
key_cache_usable(const CachedTenant *tenant, const CachedKey *key)
{
	return key != NULL && epochs_lease_holds(tenant->cell, key->epoch);
}

/* Whether what is known says that the current role may. */
extern bool key_cache_permits(const CachedTenant *tenant, Oid role, uint32 privileges);

extern void key_cache_add_verdict(CachedTenant *tenant, const KeyReply *reply,
								  Oid role, uint32 privileges);

/* Expands a data key into the cache; wipes *data_key. */
extern CachedKey *key_cache_add_key(CachedTenant *tenant, const KeyReply *reply,
									Secret *data_key);

/* NULL when it is not there. */
extern CachedKey *key_cache_find_key(const CachedTenant *tenant, const uint8 *key_id);

/* Wipes a tenant's keys and verdicts, so that the next use asks. */
extern void key_cache_forget(const char *tenant);

extern void key_cache_init(void);

#endif							/* SESSION_KEY_CACHE_H */
