/*-------------------------------------------------------------------------
 *
 * protect.c
 *	  protect_table() and unprotect_table(): keep the rows of a table apart by
 *	  tenant.
 *
 * Four things are done.  A restrictive policy shows and takes only rows of
 * the session's tenant, and binds the owner too; it is on each partition as
 * well, because PostgreSQL looks only at the policies of the relation that a
 * statement names.  The tenant column's default is the session's tenant.  It
 * is NOT NULL, because a CHECK lets NULL pass.  And a CHECK on each encrypted
 * column, its guard, compares the tenant in the value's header with the
 * row's: it needs no key, and it holds for COPY, for roles that bypass row
 * security and for logical apply, where no policy is looked at.
 *
 * Locks: ownership is checked first, then AccessExclusiveLock is taken on the
 * table and then on its partitions, in the order in which PostgreSQL takes
 * them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "nodes/value.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "tenancy/protect.h"
#include "tenancy/protect_sql.h"
#include "tenancy/protectable.h"
#include "tenancy/protection.h"

PG_FUNCTION_INFO_V1(bionic_crypt_protect_table);
PG_FUNCTION_INFO_V1(bionic_crypt_unprotect_table);

static void protect_tree(Oid top, const char *tenant_column, Oid parent);
static List *protect_member(Oid relation, const char *tenant_column,
							const TenantType *type, bool with_access);
static List *unprotect_member(Oid relation);
static List *add_guards(Oid relation, const char *tenant_column, Oid parent);
static char *guard_name(Oid relation, AttrNumber column,
						AttrNumber tenant_column);
static char *choose_guard_name(Oid relation, const char *column, List *chosen);
static List *lock_tree(Oid top);

Datum
bionic_crypt_protect_table(PG_FUNCTION_ARGS)
{
	Oid			relation;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("table and tenant column must not be null")));
	relation = PG_GETARG_OID(0);

	if (get_rel_relispartition(relation))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" is a partition", get_rel_name(relation)),
				 errhint("Protect the partitioned table: its partitions follow.")));

	protect_tree(relation, NameStr(*PG_GETARG_NAME(1)), InvalidOid);
	PG_RETURN_VOID();
}

/*
 * The column stays NOT NULL, and row security stays on where the user has
 * policies: neither can be known to be our doing.
 */
Datum
bionic_crypt_unprotect_table(PG_FUNCTION_ARGS)
{
	Oid			relation;
	List	   *tree;
	List	   *statements = NIL;
	ListCell   *lc;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("table must not be null")));
	relation = PG_GETARG_OID(0);

	tree = lock_tree(relation);
	if (protection_read(relation).tenant_column == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" is not protected",
						get_rel_name(relation))));
	if (get_rel_relispartition(relation))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" is a partition", get_rel_name(relation)),
				 errhint("Unprotect the partitioned table, or detach the partition first.")));

	foreach(lc, tree)
		statements = list_concat(statements, unprotect_member(lfirst_oid(lc)));
	sql_run(statements);
	PG_RETURN_VOID();
}

void
protect_as_partition(Oid relation, Oid parent)
{
	Protection	protection = protection_read(parent);

	protect_tree(relation,
				 get_attname(parent, protection.tenant_column, false), parent);
}

void
protect_changed_table(Oid relation)
{
	Protection	protection = protection_read(relation);
	List	   *actions;
	ListCell   *lc;

	foreach(lc, find_all_inheritors(relation, AccessShareLock, NULL))
		protectable_check_identity(lfirst_oid(lc));
	actions = add_guards(relation,
						 get_attname(relation, protection.tenant_column, false),
						 InvalidOid);
	if (actions != NIL)
		sql_run(list_make1(sql_alter_table(relation, actions)));
}

/* Parent: the protected table that top is to be a partition of, or none. */
static void
protect_tree(Oid top, const char *tenant_column, Oid parent)
{
	List	   *tree = lock_tree(top);
	Protection	model = protection_read(OidIsValid(parent) ? parent : top);
	bool		with_access = model.has_access_policy;
	const TenantType *type;
	List	   *actions;
	List	   *statements;
	ListCell   *lc;

	if (!OidIsValid(parent) && !model.has_own_permissive)
		with_access = true;

	foreach(lc, tree)
		protectable_check_table(lfirst_oid(lc));
	type = protectable_tenant_type(top, tenant_column);

	actions = list_make2(sql_set_not_null(tenant_column),
						 sql_set_default(tenant_column, type));
	actions = list_concat(actions, add_guards(top, tenant_column, parent));
	statements = list_make1(sql_alter_table(top, actions));
	foreach(lc, tree)
		statements = list_concat(statements,
								 protect_member(lfirst_oid(lc), tenant_column,
												type, with_access));
	sql_run(statements);
}

/* What is to be done for each partition: the rest reaches it from above. */
static List *
protect_member(Oid relation, const char *tenant_column, const TenantType *type,
			   bool with_access)
{
	Protection	protection = protection_read(relation);
	List	   *statements;

	statements = list_make1(sql_alter_table(relation,
											list_make1(SQL_FORCE_ROW_SECURITY)));

	if (protection.tenant_column == InvalidAttrNumber)
		statements = lappend(statements,
							 sql_create_tenant_policy(relation, tenant_column,
													  type));
	else if (protection.tenant_column != get_attnum(relation, tenant_column))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" is already protected by its column \"%s\"",
						get_rel_name(relation),
						get_attname(relation, protection.tenant_column, false)),
				 errhint("Call bionic_crypt.unprotect_table() first.")));

	/* The user's own policies must not be widened. */
	if (with_access && !protection.has_access_policy &&
		!protection.has_own_permissive)
		statements = lappend(statements, sql_create_access_policy(relation));
	return statements;
}

/* From the table down: what a partition inherits is gone when its turn comes. */
static List *
unprotect_member(Oid relation)
{
	Protection	protection = protection_read(relation);
	AttrNumber	tenant = protection.tenant_column;
	List	   *actions = NIL;
	List	   *statements = NIL;
	ListCell   *lc;

	if (tenant != InvalidAttrNumber &&
		protection_default_is_ours(relation, tenant))
		actions = lappend(actions,
						  sql_drop_default(get_attname(relation, tenant, false)));
	foreach(lc, protection_guards(relation))
	{
		Guard	   *guard = lfirst(lc);

		if (!guard->is_inherited)
			actions = lappend(actions, sql_drop_guard(guard->name));
	}
	if (!protection.has_own_policy)
		actions = lappend(actions, SQL_NO_ROW_SECURITY);

	if (actions != NIL)
		statements = lappend(statements, sql_alter_table(relation, actions));
	if (tenant != InvalidAttrNumber)
		statements = lappend(statements, sql_drop_policy(relation, TENANT_POLICY));
	if (protection.has_access_policy)
		statements = lappend(statements, sql_drop_policy(relation, ACCESS_POLICY));
	return statements;
}

/*
 * ALTER TABLE actions for the guards that are missing.  A table can only
 * become a partition when it has the parent's constraints under the parent's
 * names.
 */
static List *
add_guards(Oid relation, const char *tenant_column, Oid parent)
{
	AttrNumber	tenant = get_attnum(relation, tenant_column);
	List	   *chosen = NIL;
	List	   *actions = NIL;
	ListCell   *lc;

	foreach(lc, protection_encrypted_columns(relation))
	{
		AttrNumber	column = lfirst_int(lc);
		char	   *name = get_attname(relation, column, false);
		char	   *guard;

		if (OidIsValid(parent))
			guard = guard_name(parent, get_attnum(parent, name),
							   get_attnum(parent, tenant_column));
		else if (guard_name(relation, column, tenant) == NULL)
			guard = choose_guard_name(relation, name, chosen);
		else
			continue;

		if (guard == NULL ||
			ConstraintNameIsUsed(CONSTRAINT_RELATION, relation, guard))
			continue;
		chosen = lappend(chosen, makeString(guard));
		actions = lappend(actions, sql_add_guard(guard, name, tenant_column));
	}
	return actions;
}

/* NULL when the column has no guard. */
static char *
guard_name(Oid relation, AttrNumber column, AttrNumber tenant_column)
{
	ListCell   *lc;

	foreach(lc, protection_guards(relation))
	{
		Guard	   *guard = lfirst(lc);

		if (guard->column == column && guard->tenant_column == tenant_column)
			return guard->name;
	}
	return NULL;
}

/* After the column, but a name can be taken, or too long with our prefix. */
static char *
choose_guard_name(Oid relation, const char *column, List *chosen)
{
	char	   *name = makeObjectName("bionic_crypt", column, NULL);

	for (int i = 1; list_member(chosen, makeString(name)) ||
		 ConstraintNameIsUsed(CONSTRAINT_RELATION, relation, name); i++)
		name = makeObjectName("bionic_crypt", column, psprintf("%d", i));
	return name;
}

/* Locks a table and its partitions, unless the role does not own them all. */
static List *
lock_tree(Oid top)
{
	ListCell   *lc;

	protectable_check_owner(top);
	LockRelationOid(top, AccessExclusiveLock);
	/* It may have been dropped or given away while we waited. */
	protectable_check_owner(top);

	foreach(lc, find_all_inheritors(top, NoLock, NULL))
		protectable_check_owner(lfirst_oid(lc));
	return find_all_inheritors(top, AccessExclusiveLock, NULL);
}
