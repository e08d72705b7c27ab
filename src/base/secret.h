/*-------------------------------------------------------------------------
 *
 * secret.h
 *	  Key material in PostgreSQL's memory.
 *
 * A Secret is wiped when the memory context it was allocated in is reset or
 * deleted, which PostgreSQL does on success and on error alike.  There is no
 * function to free one: wipe early with secret_wipe(), and let the context
 * take the memory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "postgres.h"

#include "utils/palloc.h"

typedef struct Secret
{
	MemoryContextCallback wipe; /* runs before the context lets go of us */
	Size		len;
	uint8		data[FLEXIBLE_ARRAY_MEMBER];
} Secret;

/* In the current memory context, zeroed. */
extern Secret *secret_create(Size len);
extern void secret_wipe(Secret *secret);

/*
 * Once a process is about to hold a key: sets the limit for core dumps to 0,
 * unless bionic_crypt.allow_core_dumps.
 */
extern void secret_forbid_core_dumps(void);

#endif							/* BASE_SECRET_H */
