/*-------------------------------------------------------------------------
 *
 * key_store.c
 *	  The key worker's memory for unwrapped data keys.
 *
 * One mapping of a fixed number of places, private to this process.  Places
 * that are free form a list through their numbers, which lies outside.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "utils/memutils.h"

#include "base/config.h"
#include "base/secret_memory.h"
#include "worker/key_store.h"

/* A tenant in use has an active key and, as a rule, few retired ones. */
#define KEYS_PER_TENANT 8

static uint8 *store;			/* the mapping */
static uint32 *free_places;		/* a stack of numbers */
static uint32 n_free;
static uint32 n_places;

SecretMemory
key_store_init(void)
{
	Size		size;
	SecretMemory kind;

	Assert(store == NULL);
	n_places = config_max_tenants * KEYS_PER_TENANT;
	size = (Size) n_places * DATA_KEY_LEN;
	store = secret_memory_map(size, &kind);
	if (store == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not lock %zu kB of memory for keys: %m", size / 1024),
				 errhint("Raise the limit for locked memory (ulimit -l), or lower bionic_crypt.max_tenants.")));

	free_places = MemoryContextAllocHuge(TopMemoryContext, n_places * sizeof(uint32));
	for (n_free = 0; n_free < n_places; n_free++)
		free_places[n_free] = n_places - 1 - n_free;
	return kind;
}

uint8 *
key_store_take(void)
{
	return n_free > 0 ? store + (Size) free_places[--n_free] * DATA_KEY_LEN : NULL;
}

void
key_store_give_back(uint8 *key)
{
	OPENSSL_cleanse(key, DATA_KEY_LEN);
	Assert(n_free < n_places);
	free_places[n_free++] = (uint32) ((key - store) / DATA_KEY_LEN);
}

uint64
key_store_taken(void)
{
	return n_places - n_free;
}
