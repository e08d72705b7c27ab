/*-------------------------------------------------------------------------
 *
 * protection.h
 *	  What protect_table() made of a table, read from the system catalogs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TENANCY_PROTECTION_H
#define TENANCY_PROTECTION_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/pg_list.h"

/* The policies are ours by name: docs/tenancy.md tells users to keep them. */
#define TENANT_POLICY	"bionic_crypt_tenant"
#define ACCESS_POLICY	"bionic_crypt_access"

typedef struct Protection
{
	AttrNumber	tenant_column;	/* InvalidAttrNumber: not protected */
	bool		has_access_policy;
	bool		has_own_permissive; /* a permissive policy of the user's */
	bool		has_own_policy; /* any policy of the user's */
} Protection;

typedef struct Guard
{
	char	   *name;			/* of the constraint */
	AttrNumber	column;
	AttrNumber	tenant_column;
	bool		is_inherited;	/* comes and goes with the parent's */
} Guard;

extern Protection protection_read(Oid relation);

/*
 * The columns that hold encrypted values, as attribute numbers.  Raises an
 * error when one of them is an array or a composite type: no CHECK could look
 * into it.  The relation must be locked.
 */
extern List *protection_encrypted_columns(Oid relation);

/* The CHECKs that compare the tenant of a column's values with the row's. */
extern List *protection_guards(Oid relation);

/* Whether the column's default is the session's tenant. */
extern bool protection_default_is_ours(Oid relation, AttrNumber column);

#endif							/* TENANCY_PROTECTION_H */
