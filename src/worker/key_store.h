/*-------------------------------------------------------------------------
 *
 * key_store.h
 *	  The key worker's memory for unwrapped data keys (base/secret_memory.h).
 *
 *-------------------------------------------------------------------------
 */
#ifndef WORKER_KEY_STORE_H
#define WORKER_KEY_STORE_H

#include "postgres.h"

#include "base/secret_memory.h"
#include "crypto/kdf.h"

/* Once a process; raises an error when there is no such memory. */
extern SecretMemory key_store_init(void);

/* Room for one data key, zeroed; NULL when all is taken. */
extern uint8 *key_store_take(void);

/* Wipes it and gives it back. */
extern void key_store_give_back(uint8 *key);

extern uint64 key_store_taken(void);

#endif							/* WORKER_KEY_STORE_H */
