/*-------------------------------------------------------------------------
 *
 * types.h
 *	  The layer's hooks and settings.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TYPES_TYPES_H
#define TYPES_TYPES_H

/* From _PG_init(): chains the hooks, defines the settings; no catalog. */
extern void types_init(void);

#endif							/* TYPES_TYPES_H */
