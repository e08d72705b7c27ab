/*-------------------------------------------------------------------------
 *
 * literals.c
 *	  Literals of our types in statements.
 *
 * An input function runs when a literal is parsed, so what it encrypts would
 * stay in plans, functions and views: with the key of the tenant of that
 * moment, and the same bytes in each row.  So when a statement was parsed each
 * constant of ours is written back as ('...'::text)::encrypted_text, which is
 * evaluated when the statement runs, for the tenant of then.  A constant that
 * holds ours inside (array, row) becomes an I/O conversion of its text.
 *
 * Equal constants become equal expressions, so what the parser matched (GROUP
 * BY, DISTINCT, ORDER BY) matches in the planner.  What the parser makes
 * without coming here (defaults, checks, policies, rules ...) is ddl_check.c's.
 *
 * An I/O conversion of one of our values to another type, e::name, would give
 * armour when no tenant is set; the cast to text is put before it, which then
 * raises an error.
 *
 * In raw mode constants stay: they are armour that was given as such.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "report/scrub_log.h"
#include "session/tenant_context.h"
#include "types/literals.h"
#include "base/type_oids.h"

typedef struct RewriteContext
{
	const TypeOids *oids;
	bool		transparent;
} RewriteContext;

/* The hook before ours, NULL for none. */
static post_parse_analyze_hook_type previous_hook;

static void literals_analyzed(ParseState *pstate, Query *query,
							  JumbleState *jstate);
static void rewrite_query(Query *query, RewriteContext *context);
static void rewrite_utility(Node *statement, RewriteContext *context);
static void rewrite_inner(Node *query, RewriteContext *context);
static bool needs_rewrite(Node *node, void *context);
static Node *rewrite(Node *node, void *context);
static bool is_literal(const Node *node, const RewriteContext *context);
static bool avoids_cast(const Node *node, const RewriteContext *context);
static Node *literal_to_cast(const Const *literal,
							 const RewriteContext *context);
static Const *text_of_literal(const Const *literal);
static Node *decrypt_before(CoerceViaIO *conversion,
							const RewriteContext *context);

void
literals_init(void)
{
	previous_hook = post_parse_analyze_hook;
	post_parse_analyze_hook = literals_analyzed;
}

/* ROLLBACK in an aborted transaction comes through here: no catalog then. */
static void
literals_analyzed(ParseState *pstate, Query *query, JumbleState *jstate)
{
	if (previous_hook)
		previous_hook(pstate, query, jstate);

	if (IsTransactionState())
	{
		RewriteContext context = {
			.oids = type_oids(),
			.transparent = tenant_context() != NULL,
		};

		scrub_log_extension_known(context.oids != NULL);
		if (context.oids != NULL)
			rewrite_query(query, &context);
	}
}

static void
rewrite_query(Query *query, RewriteContext *context)
{
	if (query->commandType == CMD_UTILITY)
		rewrite_utility(query->utilityStmt, context);
	else if (query_tree_walker(query, needs_rewrite, context, 0))
		query_tree_mutator(query, rewrite, context, QTW_DONT_COPY_QUERY);
}

/*
 * The utility statements that hold what is parsed already.  The others have
 * their queries parsed when they run, and these come here by themselves.
 */
static void
rewrite_utility(Node *statement, RewriteContext *context)
{
	switch (nodeTag(statement))
	{
		case T_ExplainStmt:
			rewrite_inner(((ExplainStmt *) statement)->query, context);
			break;
		case T_CreateTableAsStmt:
			{
				CreateTableAsStmt *create = (CreateTableAsStmt *) statement;

				/* a materialized view keeps a copy, which becomes its rule */
				rewrite_inner(create->query, context);
				rewrite_inner((Node *) create->into->viewQuery, context);
				break;
			}
		case T_DeclareCursorStmt:
			rewrite_inner(((DeclareCursorStmt *) statement)->query, context);
			break;
		case T_CallStmt:
			{
				CallStmt   *call = (CallStmt *) statement;

				call->funcexpr = (FuncExpr *) rewrite((Node *) call->funcexpr,
													  context);
				call->outargs = (List *) rewrite((Node *) call->outargs,
												 context);
				break;
			}
		default:
			break;
	}
}

static void
rewrite_inner(Node *query, RewriteContext *context)
{
	if (query != NULL && IsA(query, Query))
		rewrite_query((Query *) query, context);
}

/* A walk is much cheaper than a rewrite, and most statements need none. */
static bool
needs_rewrite(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (is_literal(node, context) || avoids_cast(node, context))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, needs_rewrite, context, 0);
	return expression_tree_walker(node, needs_rewrite, context);
}

static Node *
rewrite(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Query))
		return (Node *) query_tree_mutator((Query *) node, rewrite, context, 0);
	if (is_literal(node, context))
		return literal_to_cast((Const *) node, context);

	node = expression_tree_mutator(node, rewrite, context);
	if (avoids_cast(node, context))
		return decrypt_before((CoerceViaIO *) node, context);
	return node;
}

static bool
is_literal(const Node *node, const RewriteContext *context)
{
	return context->transparent && IsA(node, Const) &&
		!((const Const *) node)->constisnull &&
		type_holds_encrypted(((const Const *) node)->consttype);
}

/*
 * To text only result_type.c converts so, and means what is printed.  It may
 * be here already: some statements come through the hook twice.
 */
static bool
avoids_cast(const Node *node, const RewriteContext *context)
{
	Oid			source;

	if (!IsA(node, CoerceViaIO) ||
		((const CoerceViaIO *) node)->resulttype == TEXTOID)
		return false;
	source = exprType((Node *) ((const CoerceViaIO *) node)->arg);
	return type_holds_encrypted(source) &&
		getBaseType(source) == context->oids->encrypted_text;
}

static Node *
literal_to_cast(const Const *literal, const RewriteContext *context)
{
	Const	   *plain = text_of_literal(literal);

	if (literal->consttype == context->oids->encrypted_text)
	{
		FuncExpr   *cast;

		cast = makeFuncExpr(context->oids->text_to_encrypted,
							literal->consttype, list_make1(plain),
							literal->constcollid, literal->constcollid,
							COERCE_EXPLICIT_CAST);
		cast->location = literal->location;
		return (Node *) cast;
	}
	else
	{
		CoerceViaIO *conversion = makeNode(CoerceViaIO);

		conversion->arg = (Expr *) plain;
		conversion->resulttype = literal->consttype;
		conversion->resultcollid = literal->constcollid;
		conversion->coerceformat = COERCE_EXPLICIT_CAST;
		conversion->location = literal->location;
		return (Node *) conversion;
	}
}

/* What the user wrote, as far as it matters: the output function decrypts. */
static Const *
text_of_literal(const Const *literal)
{
	Oid			function;
	bool		varlena;
	char	   *output;
	Const	   *result;

	getTypeOutputInfo(literal->consttype, &function, &varlena);
	output = OidOutputFunctionCall(function, literal->constvalue);
	result = makeConst(TEXTOID, -1,
					   OidIsValid(literal->constcollid) ?
					   literal->constcollid : DEFAULT_COLLATION_OID,
					   -1, CStringGetTextDatum(output), false, false);
	result->location = literal->location;
	pfree(output);
	return result;
}

static Node *
decrypt_before(CoerceViaIO *conversion, const RewriteContext *context)
{
	Oid			collation = exprCollation((Node *) conversion->arg);
	FuncExpr   *cast;

	cast = makeFuncExpr(context->oids->encrypted_to_text, TEXTOID,
						list_make1(conversion->arg), collation, collation,
						COERCE_IMPLICIT_CAST);
	cast->location = exprLocation((Node *) conversion->arg);
	conversion->arg = (Expr *) cast;
	return (Node *) conversion;
}
