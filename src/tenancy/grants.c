/*-------------------------------------------------------------------------
 *
 * grants.c
 *	  SQL functions that let roles act for tenants.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "report/condition.h"
#include "report/privilege.h"
#include "session/pending.h"
#include "shmem/shmem.h"
#include "tenancy/tenants.h"

#define ALL_TENANTS ""

static uint32
privileges_argument(ArrayType *array)
{
	Datum	   *names;
	bool	   *nulls;
	int			n;
	uint32		privileges = PRIVILEGE_NONE;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		const char *name = nulls[i] ? "null" : TextDatumGetCString(names[i]);
		uint32		privilege = privilege_by_name(name);

		if (privilege == PRIVILEGE_NONE)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unrecognized privilege: \"%s\"", name),
					 errhint("Privileges are: encrypt, decrypt, manage, own.")));
		privileges |= privilege;
	}
	if (privileges == PRIVILEGE_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no privilege is named")));
	return privileges;
}

static void
refuse_nulls(FunctionCallInfo fcinfo)
{
	for (int i = 0; i < PG_NARGS(); i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("tenant, role and privileges must not be null"),
					 errhint("bionic_crypt.grant_all_tenants() grants for all tenants.")));
	}
}

/*
 * In whose name the key worker is asked while the grant is not committed:
 * ours, or, when ours is pending too, where that came from.
 */
static Oid
authority_of_grant(const char *tenant)
{
	Oid			authority;
	uint32		pending = pending_privileges(tenant, GetUserId(), &authority);

	return (pending & PRIVILEGE_OWN) != 0 ? authority : GetUserId();
}

/* The lock keeps the role from being dropped before the grant is seen. */
static void
lock_role(Oid role)
{
	LockSharedObject(AuthIdRelationId, role, 0, AccessShareLock);
	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role with OID %u does not exist", role)));
}

static void
add_grant(const char *tenant, Oid role, uint32 privileges)
{
	lock_role(role);
	catalog_grant(tenant, role, privileges);
	pending_add_grant(tenant, role, privileges, authority_of_grant(tenant));
}

static void
remove_grant(const char *tenant, Oid role, uint32 privileges)
{
	catalog_revoke(tenant, role, privileges);
	pending_remove_grant(tenant, role, privileges);
}

/* The four functions: one tenant or all, grant or revoke. */
static Datum
change_one(FunctionCallInfo fcinfo, const char *function,
		   void (*change) (const char *, Oid, uint32))
{
	char	   *tenant;

	PreventCommandIfReadOnly(function);
	refuse_nulls(fcinfo);
	tenant = tenant_name_argument(PG_GETARG_TEXT_PP(0));
	tenant_require(tenant, PRIVILEGE_OWN);
	change(tenant, PG_GETARG_OID(1), privileges_argument(PG_GETARG_ARRAYTYPE_P(2)));
	PG_RETURN_VOID();
}

static Datum
change_all(FunctionCallInfo fcinfo, const char *function,
		   void (*change) (const char *, Oid, uint32))
{
	shmem_require();
	PreventCommandIfReadOnly(function);
	refuse_nulls(fcinfo);

	/* Over all tenants of the database, those to come included. */
	if ((catalog_privileges(ALL_TENANTS, GetUserId()) & PRIVILEGE_OWN) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for all tenants"),
				 errdetail("Only a superuser, or a role that owns all tenants by such a grant, may do this.")));
	change(ALL_TENANTS, PG_GETARG_OID(0), privileges_argument(PG_GETARG_ARRAYTYPE_P(1)));
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(bionic_crypt_grant_tenant);

Datum
bionic_crypt_grant_tenant(PG_FUNCTION_ARGS)
{
	return change_one(fcinfo, "bionic_crypt.grant_tenant()", add_grant);
}

PG_FUNCTION_INFO_V1(bionic_crypt_revoke_tenant);

Datum
bionic_crypt_revoke_tenant(PG_FUNCTION_ARGS)
{
	return change_one(fcinfo, "bionic_crypt.revoke_tenant()", remove_grant);
}

PG_FUNCTION_INFO_V1(bionic_crypt_grant_all_tenants);

Datum
bionic_crypt_grant_all_tenants(PG_FUNCTION_ARGS)
{
	return change_all(fcinfo, "bionic_crypt.grant_all_tenants()", add_grant);
}

PG_FUNCTION_INFO_V1(bionic_crypt_revoke_all_tenants);

Datum
bionic_crypt_revoke_all_tenants(PG_FUNCTION_ARGS)
{
	return change_all(fcinfo, "bionic_crypt.revoke_all_tenants()", remove_grant);
}
