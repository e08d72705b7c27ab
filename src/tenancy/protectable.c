/*-------------------------------------------------------------------------
 *
 * protectable.c
 *	  What a table must be for protect_table() to keep its promise; anything
 *	  else is refused, never protected in part.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "tenancy/protectable.h"
#include "tenancy/protection.h"

static void check_own_columns(Relation rel);

void
protectable_check_owner(Oid relation)
{
	char	   *name = get_rel_name(relation);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relation)));
	if (!compat_owns_relation(relation, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER,
					   get_relkind_objtype(get_rel_relkind(relation)), name);
}

void
protectable_check_table(Oid relation)
{
	Relation	rel = relation_open(relation, NoLock);
	char		kind = rel->rd_rel->relkind;

	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot protect \"%s\"", RelationGetRelationName(rel)),
				 errdetail_relkind_not_supported(kind)));
	if (IsSystemRelation(rel) ||
		RelationGetNamespace(rel) == get_namespace_oid("bionic_crypt", false))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot protect catalog table \"%s\"",
						RelationGetRelationName(rel))));
	check_own_columns(rel);
	relation_close(rel, NoLock);
	protectable_check_identity(relation);
}

/*
 * A subscriber would look for the old row by all columns, and the encrypted
 * type has no equality.
 */
void
protectable_check_identity(Oid relation)
{
	Relation	rel = relation_open(relation, NoLock);

	if (rel->rd_rel->relreplident == REPLICA_IDENTITY_FULL &&
		protection_encrypted_columns(relation) != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has replica identity FULL",
						RelationGetRelationName(rel)),
				 errdetail("Encrypted values cannot be compared to find a row by."),
				 errhint("Use a primary key or a unique index as replica identity.")));
	relation_close(rel, NoLock);
}

const TenantType *
protectable_tenant_type(Oid relation, const char *column)
{
	AttrNumber	attnum = get_attnum(relation, column);
	const TenantType *type;
	Oid			type_oid;
	int32		typmod;
	Oid			collation;

	if (attnum == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist",
						column, get_rel_name(relation))));

	get_atttypetypmodcoll(relation, attnum, &type_oid, &typmod, &collation);
	type = tenant_type(type_oid);
	if (type == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("tenant column \"%s\" has type %s",
						column, format_type_be(type_oid)),
				 errhint("A tenant column has type text, varchar, smallint, integer, bigint or uuid.")));

	/* Names that such a collation takes for equal are different tenants. */
	if (OidIsValid(collation) && !get_collation_isdeterministic(collation))
		ereport(ERROR,
				(errcode(ERRCODE_COLLATION_MISMATCH),
				 errmsg("tenant column \"%s\" has a nondeterministic collation",
						column)));
	return type;
}

/* Rows and columns of the table must not come and go by another one. */
static void
check_own_columns(Relation rel)
{
	Oid			relation = RelationGetRelid(rel);

	if ((!rel->rd_rel->relispartition && has_superclass(relation)) ||
		(rel->rd_rel->relkind == RELKIND_RELATION &&
		 find_inheritance_children(relation, NoLock) != NIL))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" takes part in inheritance",
						RelationGetRelationName(rel)),
				 errdetail("Policies of one table do not hold for its rows read through another."),
				 errhint("Use partitions.")));
	if (OidIsValid(rel->rd_rel->reloftype))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" is a typed table",
						RelationGetRelationName(rel)),
				 errdetail("Columns added to its type would have no constraint.")));
}
