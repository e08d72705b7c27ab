/*-------------------------------------------------------------------------
 *
 * key_store.h
 *	  The key worker's memory for unwrapped data keys: memfd_secret(2) where
 *	  the kernel has it, else locked pages that no core dump holds.
 *
 *-------------------------------------------------------------------------
 */
#ifndef WORKER_KEY_STORE_H
#define WORKER_KEY_STORE_H

#include "postgres.h"

#include "crypto/kdf.h"

/* Which memory is in force; the numbers are in shared memory. */
typedef enum SecretMemory
{
	SECRET_MEMORY_NONE = 0,
	SECRET_MEMORY_MEMFD,		/* not even root reads it */
	SECRET_MEMORY_LOCKED		/* mlock and MADV_DONTDUMP */
} SecretMemory;

/* Once a process; raises an error when there is no such memory. */
extern SecretMemory key_store_init(void);

/* Room for one data key, zeroed; NULL when all is taken. */
extern uint8 *key_store_take(void);

/* Wipes it and gives it back. */
extern void key_store_give_back(uint8 *key);

extern uint64 key_store_taken(void);

#endif							/* WORKER_KEY_STORE_H */
