/*-------------------------------------------------------------------------
 *
 * wiped_heap.h
 *	  malloc and its family, for a library that does not wipe its copies of
 *	  secrets: whatever is freed, or left behind by growing, is wiped.
 *
 * Allocate with malloc() and calloc().  Threads may use it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_WIPED_HEAP_H
#define KMS_WIPED_HEAP_H

#include "postgres.h"

extern void wiped_heap_free(void *memory);
extern void *wiped_heap_realloc(void *memory, size_t size);

#endif							/* KMS_WIPED_HEAP_H */
