/*-------------------------------------------------------------------------
 *
 * role_guard.c
 *	  Keeps roles that have grants from being dropped.
 *
 * Grants name roles by their OIDs, which PostgreSQL hands out again: a grant
 * that outlived its role could become another's.  Roles are of all databases
 * and grants of one, so only the database of DROP ROLE is looked at.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/objectaccess.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "storage/lmgr.h"

#include "keys/catalog.h"
#include "tenancy/role_guard.h"

/* The hook before ours. */
static object_access_hook_type previous_hook;

static void
refuse_drop(Oid role)
{
	if (IsBinaryUpgrade || !catalog_exists())
		return;

	/* Grants lock the role: one that is being given is waited for. */
	LockSharedObject(AuthIdRelationId, role, 0, AccessExclusiveLock);
	if (catalog_role_in_use(role))
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("role \"%s\" cannot be dropped because it has privileges for tenants",
						GetUserNameFromId(role, false)),
				 errhint("Take them by bionic_crypt.revoke_tenant() and bionic_crypt.revoke_all_tenants().")));
}

static void
look_at_access(ObjectAccessType access, Oid class_id, Oid object_id, int sub_id, void *arg)
{
	if (previous_hook)
		previous_hook(access, class_id, object_id, sub_id, arg);
	if (access == OAT_DROP && class_id == AuthIdRelationId)
		refuse_drop(object_id);
}

void
role_guard_init(void)
{
	previous_hook = object_access_hook;
	object_access_hook = look_at_access;
}
