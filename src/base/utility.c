/*-------------------------------------------------------------------------
 *
 * utility.c
 *	  Watches utility statements: one hook for all who need to.
 *
 * Watchers are called in the order in which they were added, before and
 * after; each looks at the statement's tag first, so that a statement which
 * concerns nobody costs a few compares.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "nodes/plannodes.h"
#include "tcop/utility.h"

#include "base/utility.h"

#define WATCHES_MAX 8

static const UtilityWatch *watches[WATCHES_MAX];
static int	n_watches = 0;

/* The hook before ours. */
static ProcessUtility_hook_type previous_hook;

static void
run_watched(PlannedStmt *planned, const char *query, bool read_only_tree,
			ProcessUtilityContext context, ParamListInfo parameters,
			QueryEnvironment *environment, DestReceiver *destination,
			QueryCompletion *completion)
{
	Node	   *statement = planned->utilityStmt;
	bool		watched = IsTransactionState();

	for (int i = 0; watched && i < n_watches; i++)
	{
		if (watches[i]->before)
			watches[i]->before(statement);
	}

	if (previous_hook)
		previous_hook(planned, query, read_only_tree, context, parameters,
					  environment, destination, completion);
	else
		standard_ProcessUtility(planned, query, read_only_tree, context, parameters,
								environment, destination, completion);

	/* COMMIT and ROLLBACK end the transaction; theirs is nobody's business. */
	watched = watched && IsTransactionState() && !IsA(statement, TransactionStmt);
	for (int i = 0; watched && i < n_watches; i++)
	{
		if (watches[i]->after)
			watches[i]->after(statement);
	}
}

void
utility_watch(const UtilityWatch *watch)
{
	Assert(n_watches < WATCHES_MAX);
	watches[n_watches++] = watch;
}

void
utility_init(void)
{
	previous_hook = ProcessUtility_hook;
	ProcessUtility_hook = run_watched;
}
