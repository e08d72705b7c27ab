/*-------------------------------------------------------------------------
 *
 * ddl_check.c
 *	  Refuses definitions that would keep a tenant's value, or plaintext, in
 *	  the catalog or in a table:
 *
 *	  - with a tenant set, a literal of our types in what the parser stores
 *		without literals.c seeing it: it is encrypted already, for one tenant,
 *		and would be every tenant's.  In raw mode literals are armour, and that
 *		is how a dump brings them;
 *	  - a stored generated column, statistics over an expression, and an index
 *		on one, that make another type of one of our values: they write plaintext
 *		to disk.  (PostgreSQL refuses the index unless a function lies and says
 *		IMMUTABLE);
 *	  - ADD COLUMN with a default where there are rows: the default would be
 *		encrypted once, for the tenant of the session, for all rows.
 *
 * An error here undoes the statement, and what it wrote with it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic_ext.h"
#include "nodes/nodeFuncs.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/utility.h"
#include "session/tenant_context.h"
#include "types/ddl_check.h"
#include "types/stored_expression.h"
#include "base/type_oids.h"

typedef struct AddedColumn
{
	Oid			relation;
	int			column;
} AddedColumn;

static void ddl_changed(ObjectAccessType access, Oid object_class, Oid object,
						int sub_id, void *arg);
static void forget_added(Node *statement);
static void check_expression(const StoredExpression *stored);
static void check_literals(const StoredExpression *stored);
static void check_default(const StoredExpression *stored);
static void check_stored_results(const StoredExpression *stored);
static bool contains_literal(Node *node, void *context);
static bool involves_encrypted(Node *node, void *context);
static void check_added_column(Oid relation, int column);
static void refuse_added_default(const FormData_pg_attribute *attribute);
static bool read_attribute(Oid relation, int column,
						   FormData_pg_attribute *attribute);
static bool has_pages(Oid relation);

/* The hook before ours, NULL for none. */
static object_access_hook_type previous_hook;

/* The column that ADD COLUMN of this statement made last. */
static AddedColumn added;

static const UtilityWatch watch = {.before = forget_added};

void
ddl_check_init(void)
{
	previous_hook = object_access_hook;
	object_access_hook = ddl_changed;
	utility_watch(&watch);
}

static void
ddl_changed(ObjectAccessType access, Oid object_class, Oid object, int sub_id,
			void *arg)
{
	if (previous_hook)
		previous_hook(access, object_class, object, sub_id, arg);

	if ((access != OAT_POST_CREATE && access != OAT_POST_ALTER) ||
		!IsTransactionState() || type_oids() == NULL)
		return;

	if (object_class == RelationRelationId && sub_id != 0)
	{
		if (access == OAT_POST_CREATE)
			check_added_column(object, sub_id);
	}
	else
		stored_expression_visit(object_class, object, sub_id, check_expression);
}

/* What one statement did to a column says nothing of the next. */
static void
forget_added(Node *statement)
{
	added.relation = InvalidOid;
}

static void
check_expression(const StoredExpression *stored)
{
	check_literals(stored);
	if (stored->object_class == AttrDefaultRelationId)
		check_default(stored);
	else if (stored->object_class == StatisticExtRelationId ||
			 stored->object_class == RelationRelationId)
		check_stored_results(stored);
}

static void
check_literals(const StoredExpression *stored)
{
	if (tenant_context() == NULL || !contains_literal(stored->expression, NULL))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("%s \"%s\" cannot hold a literal of an encrypted type",
					stored->kind, stored->name),
			 errdetail("It is encrypted already, with the key of one tenant."),
			 errhint("Write the literal as '...'::text, to be encrypted when it is used.")));
}

/* Defaults and, in the same catalog, generated columns. */
static void
check_default(const StoredExpression *stored)
{
	FormData_pg_attribute attribute;
	bool		encrypted;

	if (!read_attribute(stored->relation, stored->column, &attribute))
		return;
	encrypted = type_holds_encrypted(attribute.atttypid);

	if (attribute.attgenerated == ATTRIBUTE_GENERATED_STORED && !encrypted &&
		involves_encrypted(stored->expression, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("generated column \"%s\" would store decrypted values",
						NameStr(attribute.attname)),
				 errhint("Declare the generated column with an encrypted type.")));

	if (encrypted && stored->relation == added.relation &&
		stored->column == added.column)
		refuse_added_default(&attribute);
}

/*
 * Statistics and indexes keep what their expressions yield, and have a list of
 * them.  An index's predicate is no list and keeps nothing.
 */
static void
check_stored_results(const StoredExpression *stored)
{
	ListCell   *lc;

	if (!IsA(stored->expression, List))
		return;
	foreach(lc, (List *) stored->expression)
	{
		Node	   *kept = lfirst(lc);

		if (!type_holds_encrypted(exprType(kept)) &&
			involves_encrypted(kept, NULL))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
					 errmsg("%s \"%s\" would store decrypted values",
							stored->kind, stored->name),
					 errhint("Leave out expressions that decrypt.")));
	}
}

static bool
contains_literal(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Const))
		return !((Const *) node)->constisnull &&
			type_holds_encrypted(((Const *) node)->consttype);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, contains_literal, context, 0);
	return expression_tree_walker(node, contains_literal, context);
}

/*
 * A value comes into an expression from a column, a parameter, a constant, a
 * function or a conversion; all else hands on what these gave.  Whether it is
 * NULL is no secret.
 */
static bool
involves_encrypted(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_NullTest:
			return false;
		case T_Var:
		case T_Param:
		case T_Const:
		case T_FuncExpr:
		case T_OpExpr:
		case T_CoerceViaIO:
			if (type_holds_encrypted(exprType(node)))
				return true;
			break;
		default:
			break;
	}
	return expression_tree_walker(node, involves_encrypted, context);
}

/*
 * The default comes in a call of its own, after this one and for the same
 * column; that of a domain does not.
 */
static void
check_added_column(Oid relation, int column)
{
	FormData_pg_attribute attribute;

	added.relation = relation;
	added.column = column;
	if (read_attribute(relation, column, &attribute) &&
		type_holds_encrypted(attribute.atttypid) &&
		get_typdefault(attribute.atttypid) != NULL)
		refuse_added_default(&attribute);
}

static void
refuse_added_default(const FormData_pg_attribute *attribute)
{
	if (!has_pages(attribute->attrelid))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("cannot add encrypted column \"%s\" with a default to a table with rows",
					NameStr(attribute->attname)),
			 errdetail("All rows would get a value of the same tenant."),
			 errhint("Add the column, fill it tenant by tenant, then set the default in a statement of its own.")));
}

/* As the command has just written it. */
static bool
read_attribute(Oid relation, int column, FormData_pg_attribute *attribute)
{
	Relation	catalog = table_open(AttributeRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found;

	ScanKeyInit(&keys[0], Anum_pg_attribute_attrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relation));
	ScanKeyInit(&keys[1], Anum_pg_attribute_attnum, BTEqualStrategyNumber,
				F_INT2EQ, Int16GetDatum(column));
	scan = systable_beginscan(catalog, AttributeRelidNumIndexId, true,
							  SnapshotSelf, 2, keys);
	tuple = systable_getnext(scan);
	found = HeapTupleIsValid(tuple);
	if (found)
		memcpy(attribute, GETSTRUCT(tuple), ATTRIBUTE_FIXED_PART_SIZE);
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return found;
}

/* The statement that adds the column has the table locked. */
static bool
has_pages(Oid relation)
{
	Relation	rel = relation_open(relation, NoLock);
	bool		result = RELKIND_HAS_STORAGE(rel->rd_rel->relkind) &&
		RelationGetNumberOfBlocks(rel) > 0;

	relation_close(rel, NoLock);
	return result;
}
