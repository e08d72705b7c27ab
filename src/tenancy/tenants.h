/*-------------------------------------------------------------------------
 *
 * tenants.h
 *	  What the SQL functions on tenants share: names, privileges, records.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TENANCY_TENANTS_H
#define TENANCY_TENANTS_H

#include "postgres.h"

#include "fmgr.h"

#include "keys/catalog.h"

/* The argument as a name in the form of a tenant's; raises when it is none. */
extern char *tenant_name_argument(text *argument);

/* The name of a key-encryption key, KEY_KEK_MAX bytes; empty if it is NULL. */
extern void tenant_kek_argument(FunctionCallInfo fcinfo, int argument, char *kek);

/*
 * Raises unless the current role has the privilege for the tenant, which has
 * to exist.  Sees what this transaction did.
 */
extern void tenant_require(const char *tenant, uint32 privilege);

/* The same, and locks the tenant until the transaction ends. */
extern void tenant_lock(const char *tenant, uint32 privilege, TenantRow *row);

/*
 * Has the key worker make a data key for the tenant and wrap it, and adds it
 * as the active version.
 */
extern int	tenant_add_key(const TenantRow *row, const KmsServerRecord *server);

/* Raises unless the server is one that keys of such a tenant may be asked of. */
extern void tenant_require_claims(const KmsServerRecord *server);

/* Tells of a key file that was made for this answer. */
extern void tenant_notice_new_kek(const KeyReply *reply);

#endif							/* TENANCY_TENANTS_H */
