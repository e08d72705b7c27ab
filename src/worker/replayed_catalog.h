/*-------------------------------------------------------------------------
 *
 * replayed_catalog.h
 *	  On a standby: what was learnt from the catalog does not last.
 *
 *-------------------------------------------------------------------------
 */
#ifndef WORKER_REPLAYED_CATALOG_H
#define WORKER_REPLAYED_CATALOG_H

#include "postgres.h"

/* Has all backends ask again, when it is time for that. */
extern void replayed_catalog_tick(void);

/* Milliseconds until the next time, at most limit_ms. */
extern long replayed_catalog_timeout_ms(long limit_ms);

#endif							/* WORKER_REPLAYED_CATALOG_H */
