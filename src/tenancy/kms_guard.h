/*-------------------------------------------------------------------------
 *
 * kms_guard.h
 *	  Keeps servers that wrapped keys as they are.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TENANCY_KMS_GUARD_H
#define TENANCY_KMS_GUARD_H

#include "postgres.h"

/* Watches the statements on servers; from _PG_init(). */
extern void kms_guard_init(void);

#endif							/* TENANCY_KMS_GUARD_H */
