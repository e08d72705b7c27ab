/*-------------------------------------------------------------------------
 *
 * secret_memory.h
 *	  Memory of one process for keys: memfd_secret(2) where the kernel has
 *	  it, else locked pages that no core dump holds.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BASE_SECRET_MEMORY_H
#define BASE_SECRET_MEMORY_H

#include "postgres.h"

/* Which memory is in force; the numbers are in shared memory. */
typedef enum SecretMemory
{
	SECRET_MEMORY_NONE = 0,
	SECRET_MEMORY_MEMFD,		/* not even root reads it */
	SECRET_MEMORY_LOCKED		/* mlock and MADV_DONTDUMP */
} SecretMemory;

/*
 * Zeroed memory of whole pages, for as long as the process lives; NULL, with
 * errno, when its limits do not give it.
 */
extern void *secret_memory_map(Size size, SecretMemory *kind);

#endif							/* BASE_SECRET_MEMORY_H */
