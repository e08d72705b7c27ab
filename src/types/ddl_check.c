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
 *	  - statistics over an expression, and a stored generated column, that make
 *		another type of one of our values: both write plaintext to disk;
 *	  - ADD COLUMN with a default where there are rows: the default would be
 *		encrypted once, for the tenant of the session, for all rows.
 *
 * The hook is called when the row is in the catalog but not yet visible to
 * the command: so SnapshotSelf, and names from the row itself.  An error here
 * undoes the statement, and what it wrote with it.
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
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/utility.h"
#include "session/tenant_context.h"
#include "types/ddl_check.h"
#include "types/type_oids.h"

#define MAX_EXPRESSIONS 2

/* Where the expressions of one kind of object are kept. */
typedef struct ExpressionHome
{
	Oid			object_class;	/* as the hook is told */
	Oid			catalog;
	Oid			index;			/* on the catalog, by the object's OID */
	AttrNumber	key;
	AttrNumber	sub_key;		/* column number; 0: none */
	AttrNumber	name;			/* 0: named by key and sub_key */
	AttrNumber	expressions[MAX_EXPRESSIONS];	/* 0: no further one */
	const char *kind;			/* in messages */
	void		(*check) (Oid object, int sub_id, Node *expression);
} ExpressionHome;

typedef struct AddedColumn
{
	Oid			relation;
	int			column;
} AddedColumn;

static void ddl_changed(ObjectAccessType access, Oid object_class, Oid object,
						int sub_id, void *arg);
static void forget_added(Node *statement);
static void check_expressions(const ExpressionHome *home, Oid object,
							  int sub_id);
static void check_literals(const ExpressionHome *home, Oid object, int sub_id,
						   Node *expression, HeapTuple tuple, TupleDesc desc);
static char *object_name(const ExpressionHome *home, Oid object, int sub_id,
						 HeapTuple tuple, TupleDesc desc);
static bool contains_literal(Node *node, void *context);
static bool involves_encrypted(Node *node, void *context);
static void check_default(Oid relation, int column, Node *expression);
static void check_statistics(Oid object, int sub_id, Node *expression);
static void check_added_column(Oid relation, int column);
static void refuse_added_default(const FormData_pg_attribute *attribute);
static bool read_attribute(Oid relation, int column,
						   FormData_pg_attribute *attribute);
static bool has_pages(Oid relation);

static const ExpressionHome homes[] = {
	{
		.object_class = AttrDefaultRelationId,
		.catalog = AttrDefaultRelationId,
		.index = AttrDefaultIndexId,
		.key = Anum_pg_attrdef_adrelid,
		.sub_key = Anum_pg_attrdef_adnum,
		.expressions = {Anum_pg_attrdef_adbin},
		.kind = "default of column",
		.check = check_default,
	},
	{
		.object_class = ConstraintRelationId,
		.catalog = ConstraintRelationId,
		.index = ConstraintOidIndexId,
		.key = Anum_pg_constraint_oid,
		.name = Anum_pg_constraint_conname,
		.expressions = {Anum_pg_constraint_conbin},
		.kind = "constraint",
	},
	{
		.object_class = PolicyRelationId,
		.catalog = PolicyRelationId,
		.index = PolicyOidIndexId,
		.key = Anum_pg_policy_oid,
		.name = Anum_pg_policy_polname,
		.expressions = {Anum_pg_policy_polqual, Anum_pg_policy_polwithcheck},
		.kind = "policy",
	},
	{
		.object_class = TriggerRelationId,
		.catalog = TriggerRelationId,
		.index = TriggerOidIndexId,
		.key = Anum_pg_trigger_oid,
		.name = Anum_pg_trigger_tgname,
		.expressions = {Anum_pg_trigger_tgqual},
		.kind = "trigger",
	},
	{
		.object_class = RewriteRelationId,
		.catalog = RewriteRelationId,
		.index = RewriteOidIndexId,
		.key = Anum_pg_rewrite_oid,
		.name = Anum_pg_rewrite_rulename,
		.expressions = {Anum_pg_rewrite_ev_qual, Anum_pg_rewrite_ev_action},
		.kind = "rule",
	},
	{
		.object_class = ProcedureRelationId,
		.catalog = ProcedureRelationId,
		.index = ProcedureOidIndexId,
		.key = Anum_pg_proc_oid,
		.name = Anum_pg_proc_proname,
		.expressions = {Anum_pg_proc_prosqlbody, Anum_pg_proc_proargdefaults},
		.kind = "function",
	},
	{
		.object_class = TypeRelationId,
		.catalog = TypeRelationId,
		.index = TypeOidIndexId,
		.key = Anum_pg_type_oid,
		.name = Anum_pg_type_typname,
		.expressions = {Anum_pg_type_typdefaultbin},
		.kind = "domain",
	},
	{
		.object_class = StatisticExtRelationId,
		.catalog = StatisticExtRelationId,
		.index = StatisticExtOidIndexId,
		.key = Anum_pg_statistic_ext_oid,
		.name = Anum_pg_statistic_ext_stxname,
		.expressions = {Anum_pg_statistic_ext_stxexprs},
		.kind = "statistics object",
		.check = check_statistics,
	},
	{
		.object_class = RelationRelationId,
		.catalog = IndexRelationId,
		.index = IndexRelidIndexId,
		.key = Anum_pg_index_indexrelid,
		.expressions = {Anum_pg_index_indexprs, Anum_pg_index_indpred},
		.kind = "index",
	},
};

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
		return;
	}
	for (int i = 0; i < lengthof(homes); i++)
	{
		if (homes[i].object_class == object_class)
			check_expressions(&homes[i], object, sub_id);
	}
}

/* What one statement did to a column says nothing of the next. */
static void
forget_added(Node *statement)
{
	added.relation = InvalidOid;
}

static void
check_expressions(const ExpressionHome *home, Oid object, int sub_id)
{
	Relation	catalog = table_open(home->catalog, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(catalog);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], home->key, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(object));
	if (home->sub_key != 0)
		ScanKeyInit(&keys[1], home->sub_key, BTEqualStrategyNumber, F_INT2EQ,
					Int16GetDatum(sub_id));
	scan = systable_beginscan(catalog, home->index, true, SnapshotSelf,
							  home->sub_key != 0 ? 2 : 1, keys);

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		for (int i = 0; i < MAX_EXPRESSIONS && home->expressions[i] != 0; i++)
		{
			bool		isnull;
			Datum		stored = heap_getattr(tuple, home->expressions[i],
											  desc, &isnull);
			Node	   *expression;

			if (isnull)
				continue;
			expression = stringToNode(TextDatumGetCString(stored));
			check_literals(home, object, sub_id, expression, tuple, desc);
			if (home->check != NULL)
				home->check(object, sub_id, expression);
		}
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
}

static void
check_literals(const ExpressionHome *home, Oid object, int sub_id,
			   Node *expression, HeapTuple tuple, TupleDesc desc)
{
	if (tenant_context() == NULL || !contains_literal(expression, NULL))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("%s \"%s\" cannot hold a literal of an encrypted type",
					home->kind,
					object_name(home, object, sub_id, tuple, desc)),
			 errdetail("It is encrypted already, with the key of one tenant."),
			 errhint("Write the literal as '...'::text, to be encrypted when it is used.")));
}

/* The syscaches do not see the new row yet, but what it belongs to. */
static char *
object_name(const ExpressionHome *home, Oid object, int sub_id,
			HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	char	   *name;

	if (home->name != 0)
		return NameStr(*DatumGetName(heap_getattr(tuple, home->name, desc,
												  &isnull)));
	name = sub_id != 0 ? get_attname(object, sub_id, true) :
		get_rel_name(object);
	return name != NULL ? name : "";
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
 * function or a conversion; all else hands on what these gave.
 */
static bool
involves_encrypted(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
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

/* Defaults and, in the same catalog, generated columns. */
static void
check_default(Oid relation, int column, Node *expression)
{
	FormData_pg_attribute attribute;
	bool		encrypted;

	if (!read_attribute(relation, column, &attribute))
		return;
	encrypted = type_holds_encrypted(attribute.atttypid);

	if (attribute.attgenerated == ATTRIBUTE_GENERATED_STORED && !encrypted &&
		involves_encrypted(expression, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("generated column \"%s\" would store decrypted values",
						NameStr(attribute.attname)),
				 errhint("Declare the generated column with an encrypted type.")));

	if (encrypted && relation == added.relation && column == added.column)
		refuse_added_default(&attribute);
}

static void
check_statistics(Oid object, int sub_id, Node *expression)
{
	ListCell   *lc;

	foreach(lc, castNode(List, expression))
	{
		Node	   *measured = lfirst(lc);

		if (!type_holds_encrypted(exprType(measured)) &&
			involves_encrypted(measured, NULL))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
					 errmsg("statistics on an expression would store decrypted values"),
					 errhint("Leave out expressions that decrypt.")));
	}
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
