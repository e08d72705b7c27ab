/*-------------------------------------------------------------------------
 *
 * protection.c
 *	  What protect_table() made of a table, read from the system catalogs.
 *
 * Nothing is stored besides: a table is protected when it has the policy
 * bionic_crypt_tenant, its tenant column is the one column that this policy
 * looks at, and a guard is a CHECK that calls bionic_crypt.belongs_to() on an
 * encrypted column and the tenant column.  So a dump restores protection as
 * ordinary DDL, and renaming a table or a column changes nothing.
 *
 * Everything is found by OID or through the extension, never through
 * search_path.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/type_oids.h"
#include "tenancy/protection.h"

static AttrNumber only_column(Node *expr);
static AttrNumber policy_column(Oid relation, Relation catalog, HeapTuple policy);
static bool is_guard(Node *check, Guard *guard);
static bool calls_function(Node *node, Oid *function);

Protection
protection_read(Oid relation)
{
	Protection	result = {.tenant_column = InvalidAttrNumber};
	Relation	catalog = table_open(PolicyRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_policy_polrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relation));
	scan = systable_beginscan(catalog, PolicyPolrelidPolnameIndexId, true,
							  NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_policy policy = (Form_pg_policy) GETSTRUCT(tuple);

		if (namestrcmp(&policy->polname, TENANT_POLICY) == 0)
			result.tenant_column = policy_column(relation, catalog, tuple);
		else if (namestrcmp(&policy->polname, ACCESS_POLICY) == 0)
			result.has_access_policy = true;
		else
		{
			result.has_own_policy = true;
			result.has_own_permissive |= policy->polpermissive;
		}
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return result;
}

List *
protection_encrypted_columns(Oid relation)
{
	Relation	rel = relation_open(relation, NoLock);
	TupleDesc	columns = RelationGetDescr(rel);
	List	   *result = NIL;

	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i);

		if (column->attisdropped || !type_holds_encrypted(column->atttypid))
			continue;
		if (getBaseType(column->atttypid) != type_oids()->encrypted_text)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of table \"%s\" holds encrypted values inside type %s",
							NameStr(column->attname), RelationGetRelationName(rel),
							format_type_be(column->atttypid)),
					 errdetail("No constraint can keep values of other tenants out of it."),
					 errhint("Use columns of type encrypted_text in a protected table.")));
		result = lappend_int(result, column->attnum);
	}
	relation_close(rel, NoLock);
	return result;
}

List *
protection_guards(Oid relation)
{
	Relation	catalog = table_open(ConstraintRelationId, AccessShareLock);
	List	   *result = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relation));
	scan = systable_beginscan(catalog, ConstraintRelidTypidNameIndexId, true,
							  NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint constraint = (Form_pg_constraint) GETSTRUCT(tuple);
		bool		isnull;
		Datum		check = heap_getattr(tuple, Anum_pg_constraint_conbin,
										 RelationGetDescr(catalog), &isnull);
		Guard		guard;

		if (constraint->contype != CONSTRAINT_CHECK || isnull ||
			!is_guard(stringToNode(TextDatumGetCString(check)), &guard))
			continue;
		guard.name = pstrdup(NameStr(constraint->conname));
		guard.is_inherited = constraint->coninhcount > 0;
		result = lappend(result, memcpy(palloc(sizeof(Guard)), &guard,
										sizeof(Guard)));
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return result;
}

bool
protection_default_is_ours(Oid relation, AttrNumber column)
{
	List	   *name = list_make2(makeString("bionic_crypt"),
								  makeString("current_tenant"));
	Oid			current_tenant = LookupFuncName(name, 0, NULL, false);
	Relation	rel = relation_open(relation, NoLock);
	TupleConstr *constr = RelationGetDescr(rel)->constr;
	bool		result = false;

	for (int i = 0; constr != NULL && i < constr->num_defval; i++)
		if (constr->defval[i].adnum == column)
			result = calls_function(stringToNode(constr->defval[i].adbin),
									&current_tenant);
	relation_close(rel, NoLock);
	return result;
}

/* The one column that an expression looks at; invalid when there are more. */
static AttrNumber
only_column(Node *expr)
{
	AttrNumber	result = InvalidAttrNumber;
	ListCell   *lc;

	foreach(lc, pull_vars_of_level(expr, 0))
	{
		Var		   *var = lfirst_node(Var, lc);

		if (result != InvalidAttrNumber && var->varattno != result)
			return InvalidAttrNumber;
		result = var->varattno;
	}
	return result;
}

static AttrNumber
policy_column(Oid relation, Relation catalog, HeapTuple policy)
{
	AttrNumber	result = InvalidAttrNumber;
	bool		isnull;
	Datum		qual = heap_getattr(policy, Anum_pg_policy_polqual,
									RelationGetDescr(catalog), &isnull);

	if (!isnull)
		result = only_column(stringToNode(TextDatumGetCString(qual)));
	if (result <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("policy \"%s\" of table \"%s\" was altered",
						TENANT_POLICY, get_rel_name(relation)),
				 errhint("Drop the policy and call bionic_crypt.protect_table() again.")));
	return result;
}

/* Fills in the columns. */
static bool
is_guard(Node *check, Guard *guard)
{
	Oid			types[] = {type_oids()->encrypted_text, TEXTOID};
	List	   *name = list_make2(makeString("bionic_crypt"),
								  makeString("belongs_to"));
	FuncExpr   *call = (FuncExpr *) check;

	if (!IsA(check, FuncExpr) ||
		call->funcid != LookupFuncName(name, lengthof(types), types, false))
		return false;
	guard->column = only_column(linitial(call->args));
	guard->tenant_column = only_column(lsecond(call->args));
	return true;
}

/* An expression tree walker. */
static bool
calls_function(Node *node, Oid *function)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == *function)
		return true;
	return expression_tree_walker(node, calls_function, function);
}
