/*-------------------------------------------------------------------------
 *
 * catalog.h
 *	  The catalog of tenants, keys and grants: reading and writing its rows.
 *
 * Every function runs as the owner of the catalog, with nothing but
 * pg_catalog in the search path.  Whether the caller may is for the caller
 * to decide first, by catalog_privileges().
 *
 *-------------------------------------------------------------------------
 */
#ifndef KEYS_CATALOG_H
#define KEYS_CATALOG_H

#include "postgres.h"

#include "shmem/key_message.h"

typedef enum TenantState
{
	TENANT_ACTIVE,
	TENANT_SUSPENDED,
	TENANT_SHREDDED
} TenantState;

typedef struct TenantRow
{
	char		tenant[NAMEDATALEN];
	TenantState state;
	char		kms[NAMEDATALEN];
	char		kek[KEY_KEK_MAX];
	const AeadAlgorithm *algorithm;
	int64		outage_grace_s;
	bool		attested;		/* keys are asked for with an attestation token only */
} TenantRow;

typedef enum KeyLookup
{
	KEY_FOUND,
	KEY_MISSING,
	KEY_DESTROYED,
	KEY_SERVER_MISSING			/* the row names a server that is not there */
} KeyLookup;

/* Whether the extension is created in this database. */
extern bool catalog_exists(void);

/* What a role may do for a tenant, by grants to it and to roles it has. */
extern uint32 catalog_privileges(const char *tenant, Oid role);

extern bool catalog_find_tenant(const char *tenant, TenantRow *row);
extern bool catalog_has_fingerprint(const uint8 *fingerprint);

/* The same as catalog_find_tenant(), locking the row until the transaction ends; raises if missing. */
extern void catalog_lock_tenant(const char *tenant, TenantRow *row);

/* The active data key if key_id is NULL.  The server's options are read too. */
extern KeyLookup catalog_find_key(const char *tenant, const uint8 *key_id,
								  KeyRecord *record);

/* Whether a key that is not destroyed was wrapped by a server of this name. */
extern bool catalog_server_in_use(const char *server);

/* Whether it is in use by a tenant that demands attestation. */
extern bool catalog_server_attests(const char *server);

/* Whether a role has privileges for any tenant, or for all. */
extern bool catalog_role_in_use(Oid role);

extern void catalog_insert_tenant(const TenantRow *row, const uint8 *fingerprint);

/* Writes back what may change: state, KMS and KEK, outage_grace, attested.  The caller has locked the row. */
extern void catalog_update_tenant(const TenantRow *row);

/* Adds a key as the next version and makes it the active one. */
extern int	catalog_insert_key(const KeyRecord *record);

/* The ids of a tenant's keys that are not destroyed; palloc'ed, their number. */
extern int	catalog_key_ids(const char *tenant, uint8 **key_ids);

/* The key is wrapped anew, perhaps by another KMS. */
extern void catalog_update_wrapped(const KeyRecord *record);

/* Adds to what a role may do, or takes away; "" stands for all tenants. */
extern void catalog_grant(const char *tenant, Oid role, uint32 privileges);
extern void catalog_revoke(const char *tenant, Oid role, uint32 privileges);

#endif							/* KEYS_CATALOG_H */
