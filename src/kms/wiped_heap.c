/*-------------------------------------------------------------------------
 *
 * wiped_heap.c
 *	  malloc and its family, wiping what is freed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <malloc.h>
#include <openssl/crypto.h>

#include "kms/wiped_heap.h"

void
wiped_heap_free(void *memory)
{
	if (memory != NULL)
		OPENSSL_cleanse(memory, malloc_usable_size(memory));
	free(memory);
}

/* Never in place: what realloc() moved or cut off would not be wiped. */
void *
wiped_heap_realloc(void *memory, size_t size)
{
	void	   *moved = malloc(size);

	if (moved != NULL && memory != NULL)
	{
		memcpy(moved, memory, Min(size, malloc_usable_size(memory)));
		wiped_heap_free(memory);
	}
	return moved;
}
