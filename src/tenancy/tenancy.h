/*-------------------------------------------------------------------------
 *
 * tenancy.h
 *	  Keeps protected tables protected while their definition changes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TENANCY_TENANCY_H
#define TENANCY_TENANCY_H

/* Installs the utility hook; from _PG_init(). */
extern void tenancy_init(void);

#endif							/* TENANCY_TENANCY_H */
