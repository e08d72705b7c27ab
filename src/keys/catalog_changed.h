/*-------------------------------------------------------------------------
 *
 * catalog_changed.h
 *	  Tells every process, at commit, that tenants, keys or grants changed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KEYS_CATALOG_CHANGED_H
#define KEYS_CATALOG_CHANGED_H

#include "postgres.h"

/* Registers the callback; from _PG_init(). */
extern void catalog_changed_init(void);

#endif							/* KEYS_CATALOG_CHANGED_H */
