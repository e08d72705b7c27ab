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

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "utils/memutils.h"

#include "base/config.h"
#include "worker/key_store.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447	/* the same on every architecture */
#endif

/* A tenant in use has an active key and, as a rule, few retired ones. */
#define KEYS_PER_TENANT 8

static uint8 *store;			/* the mapping */
static uint32 *free_places;		/* a stack of numbers */
static uint32 n_free;
static uint32 n_places;

/* NULL when the kernel or its limits do not give it. */
static void *
map_secret_memory(Size size)
{
	int			fd = (int) syscall(SYS_memfd_secret, O_CLOEXEC);
	void	   *memory = MAP_FAILED;

	if (fd < 0)
		return NULL;
	if (ftruncate(fd, size) == 0)
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return memory == MAP_FAILED ? NULL : memory;
}

static void *
map_locked_memory(Size size)
{
	void	   *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
							  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (mlock(memory, size) != 0 || madvise(memory, size, MADV_DONTDUMP) != 0 ||
		madvise(memory, size, MADV_WIPEONFORK) != 0)
	{
		munmap(memory, size);
		return NULL;
	}
	return memory;
}

SecretMemory
key_store_init(void)
{
	Size		size;
	SecretMemory kind = SECRET_MEMORY_MEMFD;

	Assert(store == NULL);
	n_places = config_max_tenants * KEYS_PER_TENANT;
	size = TYPEALIGN(sysconf(_SC_PAGESIZE), (Size) n_places * DATA_KEY_LEN);
	store = map_secret_memory(size);
	if (store == NULL)
	{
		kind = SECRET_MEMORY_LOCKED;
		store = map_locked_memory(size);
	}
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
