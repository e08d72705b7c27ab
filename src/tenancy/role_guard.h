/*-------------------------------------------------------------------------
 *
 * role_guard.h
 *	  Keeps roles that have grants from being dropped.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TENANCY_ROLE_GUARD_H
#define TENANCY_ROLE_GUARD_H

/* Watches DROP ROLE; from _PG_init(). */
extern void role_guard_init(void);

#endif							/* TENANCY_ROLE_GUARD_H */
