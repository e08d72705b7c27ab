/*-------------------------------------------------------------------------
 *
 * guarded.c
 *	  Runs one piece of the key worker's work such that an error in it is that
 *	  piece's trouble alone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "worker/guarded.h"

static MemoryContext memory;	/* of the work that runs */

bool
guarded_run(void (*work) (void *), void *argument)
{
	volatile bool ok = true;

	memory = CurrentMemoryContext;
	PG_TRY();
	{
		work(argument);
	}
	PG_CATCH();
	{
		ok = false;
		MemoryContextSwitchTo(memory);
		HOLD_INTERRUPTS();
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(memory);
	return ok;
}

MemoryContext
guarded_memory(void)
{
	return memory;
}

void
guarded_begin(void)
{
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
}

/* PostgreSQL would leave us in the topmost memory, and what we allocate there. */
void
guarded_commit(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(memory);
}
