/*-------------------------------------------------------------------------
 *
 * result_type.c
 *	  The type under which clients see columns of our types.
 *
 * Clients that decide by type OID refuse ours.  With bionic_crypt.result_type
 * = text the result columns of a client's own statements, RETURNING included,
 * are converted to text: by an I/O conversion, so that they print what they
 * print natively, armour if no tenant is set.  A plan kept across a change of
 * the tenant keeps its result type.
 *
 * What is stored or goes on inside the server is left alone: views, CREATE
 * TABLE AS, INSERT ... SELECT, statements of functions.  A statement is the
 * client's own when it is parsed with nothing running, or by PREPARE, or
 * again by EXECUTE.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "commands/prepare.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parsetree.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "types/result_type.h"
#include "base/type_oids.h"

typedef enum ResultType
{
	RESULT_TYPE_NATIVE,
	RESULT_TYPE_TEXT
} ResultType;

static const struct config_enum_entry result_types[] = {
	{"native", RESULT_TYPE_NATIVE, false},
	{"text", RESULT_TYPE_TEXT, false},
	{NULL, 0, false}
};

/* bionic_crypt.result_type */
static int	result_type = RESULT_TYPE_NATIVE;

/* The hook before ours, NULL for none. */
static post_parse_analyze_hook_type previous_hook;

static void result_type_analyzed(ParseState *pstate, Query *query,
								 JumbleState *jstate);
static bool is_clients(const ParseState *pstate);
static ExecuteStmt *execute_inside(Node *statement);
static void convert_results(Query *query);
static void convert_column(Query *query, AttrNumber column);
static void convert_branch(Node *branch, Query *query, AttrNumber column,
						   Oid type);
static Node *converted(Expr *value, Oid type);
static Oid	text_type_for(Oid type);
static void refuse_stored_results(Node *statement);
static bool is_converted(Query *query, TargetEntry *target);

void
result_type_init(void)
{
	DefineCustomEnumVariable("bionic_crypt.result_type",
							 "Type under which result columns of encrypted types are sent to the client.",
							 "For clients that refuse types they do not know.",
							 &result_type, RESULT_TYPE_NATIVE, result_types,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	previous_hook = post_parse_analyze_hook;
	post_parse_analyze_hook = result_type_analyzed;
}

static void
result_type_analyzed(ParseState *pstate, Query *query, JumbleState *jstate)
{
	Node	   *utility = query->utilityStmt;

	if (previous_hook)
		previous_hook(pstate, query, jstate);
	if (!IsTransactionState())
		return;

	if (utility != NULL && IsA(utility, CreateTableAsStmt))
		refuse_stored_results(utility);
	if (result_type == RESULT_TYPE_NATIVE || type_oids() == NULL ||
		!is_clients(pstate))
		return;
	if (utility == NULL)
		convert_results(query);
	else if (IsA(utility, DeclareCursorStmt))
		convert_results((Query *) ((DeclareCursorStmt *) utility)->query);
}

/*
 * With nothing running the client's statement is analyzed, or a function's
 * that is called in planning it.  Pointers tell: who analyzes a statement
 * passes on the very text it was given.
 */
static bool
is_clients(const ParseState *pstate)
{
	PlannedStmt *running;
	ExecuteStmt *execute;
	PreparedStatement *prepared;

	if (ActivePortal == NULL)
		return pstate->p_sourcetext == debug_query_string;

	running = ActivePortal->stmts == NIL ? NULL :
		linitial_node(PlannedStmt, ActivePortal->stmts);
	if (running == NULL || running->utilityStmt == NULL)
		return false;
	if (IsA(running->utilityStmt, PrepareStmt))
		return pstate->p_sourcetext == ActivePortal->sourceText;

	execute = execute_inside(running->utilityStmt);
	prepared = execute ? FetchPreparedStatement(execute->name, false) : NULL;
	return prepared != NULL &&
		pstate->p_sourcetext == prepared->plansource->query_string;
}

/* EXECUTE, or the one in EXPLAIN or CREATE TABLE AS; NULL for none. */
static ExecuteStmt *
execute_inside(Node *statement)
{
	while (statement != NULL)
	{
		if (IsA(statement, ExecuteStmt))
			return (ExecuteStmt *) statement;
		else if (IsA(statement, ExplainStmt))
			statement = ((ExplainStmt *) statement)->query;
		else if (IsA(statement, CreateTableAsStmt))
			statement = ((CreateTableAsStmt *) statement)->query;
		else if (IsA(statement, Query))
			statement = ((Query *) statement)->utilityStmt;
		else
			return NULL;
	}
	return NULL;
}

static void
convert_results(Query *query)
{
	ListCell   *lc;

	if (query->commandType == CMD_SELECT)
	{
		for (int column = 1; column <= list_length(query->targetList); column++)
			convert_column(query, column);
		return;
	}
	foreach(lc, query->returningList)
	{
		TargetEntry *target = lfirst_node(TargetEntry, lc);
		Oid			type = text_type_for(exprType((Node *) target->expr));

		if (OidIsValid(type))
			target->expr = (Expr *) converted(target->expr, type);
	}
}

/* Of a UNION ALL, the branches' columns: above them are only references. */
static void
convert_column(Query *query, AttrNumber column)
{
	TargetEntry *target = get_tle_by_resno(query->targetList, column);
	Oid			type;

	if (target == NULL || target->resjunk)
		return;
	type = text_type_for(exprType((Node *) target->expr));
	if (!OidIsValid(type))
		return;

	if (query->setOperations == NULL)
		target->expr = (Expr *) converted(target->expr, type);
	else
	{
		castNode(Var, target->expr)->vartype = type;
		convert_branch(query->setOperations, query, column, type);
	}
}

static void
convert_branch(Node *branch, Query *query, AttrNumber column, Oid type)
{
	if (IsA(branch, RangeTblRef))
	{
		RangeTblEntry *leaf = rt_fetch(((RangeTblRef *) branch)->rtindex,
									   query->rtable);

		convert_column(leaf->subquery, column);
	}
	else
	{
		SetOperationStmt *operation = castNode(SetOperationStmt, branch);

		convert_branch(operation->larg, query, column, type);
		convert_branch(operation->rarg, query, column, type);
		lfirst_oid(list_nth_cell(operation->colTypes, column - 1)) = type;
	}
}

static Node *
converted(Expr *value, Oid type)
{
	CoerceViaIO *conversion = makeNode(CoerceViaIO);
	Oid			collation = exprCollation((Node *) value);

	conversion->arg = value;
	conversion->resulttype = type;
	conversion->resultcollid = OidIsValid(collation) ? collation :
		DEFAULT_COLLATION_OID;
	conversion->coerceformat = COERCE_IMPLICIT_CAST;
	conversion->location = exprLocation((Node *) value);
	return (Node *) conversion;
}

/* InvalidOid for what is not ours; rows stay rows. */
static Oid
text_type_for(Oid type)
{
	Oid			element;

	if (!type_holds_encrypted(type))
		return InvalidOid;
	type = getBaseType(type);
	if (type == type_oids()->encrypted_text)
		return TEXTOID;
	element = get_element_type(type);
	if (OidIsValid(element) &&
		getBaseType(element) == type_oids()->encrypted_text)
		return TEXTARRAYOID;
	return InvalidOid;
}

/*
 * CREATE TABLE AS EXECUTE of a statement prepared for a client would make
 * columns of plain text, which nobody asked for.
 */
static void
refuse_stored_results(Node *statement)
{
	ExecuteStmt *execute = execute_inside(statement);
	PreparedStatement *prepared;
	ListCell   *lc;

	prepared = execute ? FetchPreparedStatement(execute->name, false) : NULL;
	if (prepared == NULL || type_oids() == NULL)
		return;

	foreach(lc, CachedPlanGetTargetList(prepared->plansource, NULL))
	{
		if (is_converted(linitial_node(Query, prepared->plansource->query_list),
						 lfirst_node(TargetEntry, lc)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
					 errmsg("results of prepared statement \"%s\" cannot be stored as text",
							execute->name),
					 errhint("Prepare it with bionic_crypt.result_type = native.")));
	}
}

static bool
is_converted(Query *query, TargetEntry *target)
{
	while (query->setOperations != NULL && IsA(target->expr, Var))
	{
		Var		   *var = (Var *) target->expr;

		query = rt_fetch(var->varno, query->rtable)->subquery;
		target = get_tle_by_resno(query->targetList, var->varattno);
	}
	return IsA(target->expr, CoerceViaIO) &&
		((CoerceViaIO *) target->expr)->coerceformat == COERCE_IMPLICIT_CAST &&
		type_holds_encrypted(exprType((Node *) ((CoerceViaIO *) target->expr)->arg));
}
