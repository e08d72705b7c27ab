/*-------------------------------------------------------------------------
 *
 * protectable.h
 *	  What a table must be for protect_table() to keep its promise.  Each
 *	  function raises an error when it is not.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TENANCY_PROTECTABLE_H
#define TENANCY_PROTECTABLE_H

#include "postgres.h"

#include "tenancy/protect_sql.h"

/* The current role owns the relation.  Needs no lock. */
extern void protectable_check_owner(Oid relation);

/* It is a table of a kind that can be protected.  The rest need its lock. */
extern void protectable_check_table(Oid relation);

/* It does not publish the old values of encrypted columns. */
extern void protectable_check_identity(Oid relation);

/* The column exists and can hold tenants. */
extern const TenantType *protectable_tenant_type(Oid relation,
												 const char *column);

#endif							/* TENANCY_PROTECTABLE_H */
