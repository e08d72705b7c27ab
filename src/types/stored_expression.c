/*-------------------------------------------------------------------------
 *
 * stored_expression.c
 *	  The expressions that the catalog keeps of an object.
 *
 * They are asked for when the row is in the catalog but not yet visible to
 * the command that wrote it: so SnapshotSelf, and names from the row itself or
 * of what it belongs to.
 *
 * A new kind of object is an entry of the table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "types/stored_expression.h"

#define MAX_EXPRESSIONS 2

/* Where the expressions of one kind of object are kept. */
typedef struct ExpressionHome
{
	Oid			object_class;	/* as the hook is told */
	Oid			catalog;
	Oid			index;			/* on the catalog, by the object's OID */
	AttrNumber	key;
	AttrNumber	sub_key;		/* column number; 0: none */
	AttrNumber	name;			/* 0: named by its relation */
	AttrNumber	relation;		/* 0 if it has a name */
	AttrNumber	expressions[MAX_EXPRESSIONS];	/* 0: no further one */
	const char *kind;
} ExpressionHome;

static void visit_home(const ExpressionHome *home, Oid object, int sub_id,
					   StoredExpressionVisitor visitor);
static void visit_row(const ExpressionHome *home, HeapTuple tuple,
					  TupleDesc desc, int column,
					  StoredExpressionVisitor visitor);
static void describe(const ExpressionHome *home, HeapTuple tuple,
					 TupleDesc desc, StoredExpression *stored);

static const ExpressionHome homes[] = {
	{
		.object_class = AttrDefaultRelationId,
		.catalog = AttrDefaultRelationId,
		.index = AttrDefaultIndexId,
		.key = Anum_pg_attrdef_adrelid,
		.sub_key = Anum_pg_attrdef_adnum,
		.relation = Anum_pg_attrdef_adrelid,
		.expressions = {Anum_pg_attrdef_adbin},
		.kind = "default of column",
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
	},
	{
		.object_class = RelationRelationId,
		.catalog = IndexRelationId,
		.index = IndexRelidIndexId,
		.key = Anum_pg_index_indexrelid,
		.relation = Anum_pg_index_indrelid,
		.expressions = {Anum_pg_index_indexprs, Anum_pg_index_indpred},
		.kind = "index of table",
	},
};

void
stored_expression_visit(Oid object_class, Oid object, int sub_id,
						StoredExpressionVisitor visitor)
{
	for (int i = 0; i < lengthof(homes); i++)
	{
		if (homes[i].object_class == object_class)
			visit_home(&homes[i], object, sub_id, visitor);
	}
}

static void
visit_home(const ExpressionHome *home, Oid object, int sub_id,
		   StoredExpressionVisitor visitor)
{
	Relation	catalog = table_open(home->catalog, AccessShareLock);
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
		visit_row(home, tuple, RelationGetDescr(catalog), sub_id, visitor);
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
}

static void
visit_row(const ExpressionHome *home, HeapTuple tuple, TupleDesc desc,
		  int column, StoredExpressionVisitor visitor)
{
	for (int i = 0; i < MAX_EXPRESSIONS && home->expressions[i] != 0; i++)
	{
		bool		isnull;
		Datum		stored_text = heap_getattr(tuple, home->expressions[i],
											   desc, &isnull);
		StoredExpression stored = {
			.object_class = home->object_class,
			.kind = home->kind,
			.column = column,
		};

		if (isnull)
			continue;
		describe(home, tuple, desc, &stored);
		stored.expression = stringToNode(TextDatumGetCString(stored_text));
		visitor(&stored);
	}
}

static void
describe(const ExpressionHome *home, HeapTuple tuple, TupleDesc desc,
		 StoredExpression *stored)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple,
									 home->name != 0 ? home->name : home->relation,
									 desc, &isnull);

	if (home->name != 0)
	{
		stored->name = pstrdup(NameStr(*DatumGetName(value)));
		return;
	}
	stored->relation = DatumGetObjectId(value);
	stored->name = stored->column != 0 ?
		get_attname(stored->relation, stored->column, true) :
		get_rel_name(stored->relation);
	if (stored->name == NULL)
		stored->name = "";
}
