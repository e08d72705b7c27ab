/*-------------------------------------------------------------------------
 *
 * launcher.c
 *	  Starts a key worker for each database in which a backend wants one.
 *
 * Static, so that it is there whenever the server is, on a standby too.  It
 * is connected to no database and holds no key.  A worker that ended while it
 * was still wanted is started again, after a pause if it did not live long.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/procarray.h"
#include "storage/procsignal.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/config.h"
#include "shmem/registry.h"
#include "worker/key_worker.h"

#define RESTART_PAUSE_MS	1000
#define LAUNCHER_NAP_MS		60000

typedef struct Child
{
	Oid			database;		/* InvalidOid: not in use */
	BackgroundWorkerHandle *handle;
	TimestampTz started_at;
} Child;

static Child *children;			/* config_max_databases of them */

/* Fills in what both workers have in common. */
static void
worker_describe(BackgroundWorker *worker, const char *name, const char *main_function)
{
	memset(worker, 0, sizeof(*worker));
	snprintf(worker->bgw_name, BGW_MAXLEN, "%s", name);
	snprintf(worker->bgw_type, BGW_MAXLEN, "%s", name);
	snprintf(worker->bgw_library_name, sizeof(worker->bgw_library_name), LIBRARY_NAME);
	snprintf(worker->bgw_function_name, BGW_MAXLEN, "%s", main_function);
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS;
	worker->bgw_start_time = BgWorkerStart_ConsistentState;
}

void
launcher_register(void)
{
	BackgroundWorker worker;

	worker_describe(&worker, "bionic_crypt launcher", "bionic_crypt_launcher_main");
	worker.bgw_restart_time = 1;
	RegisterBackgroundWorker(&worker);
}

/* The child of a database, a free one, or one whose worker has ended. */
static Child *
child_of(Oid database)
{
	Child	   *unused = NULL;

	for (int i = 0; i < config_max_databases; i++)
	{
		Child	   *child = &children[i];
		pid_t		pid;

		if (child->database == database)
			return child;
		if (child->database == InvalidOid ||
			GetBackgroundWorkerPid(child->handle, &pid) == BGWH_STOPPED)
			unused = child;
	}
	if (unused != NULL && unused->database != InvalidOid)
	{
		pfree(unused->handle);
		memset(unused, 0, sizeof(*unused));
	}
	return unused;
}

static bool
is_running(Child *child)
{
	pid_t		pid;

	return child->database != InvalidOid &&
		GetBackgroundWorkerPid(child->handle, &pid) != BGWH_STOPPED;
}

/* False: not now, try again after a pause. */
static bool
start_worker(Oid database)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	Child	   *child = child_of(database);
	TimestampTz now = GetCurrentTimestamp();

	if (child == NULL)
		return false;
	if (is_running(child))
		return true;
	if (child->database != InvalidOid)
	{
		if (!TimestampDifferenceExceeds(child->started_at, now, RESTART_PAUSE_MS))
			return false;
		pfree(child->handle);
		memset(child, 0, sizeof(*child));
	}

	worker_describe(&worker, "bionic_crypt key worker", "bionic_crypt_key_worker_main");
	worker.bgw_flags |= BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
	{
		ereport(LOG,
				(errmsg("could not start a key worker: no background worker is free"),
				 errhint("Raise max_worker_processes.")));
		return false;
	}
	child->database = database;
	child->handle = handle;
	child->started_at = now;
	return true;
}

void
bionic_crypt_launcher_main(Datum unused)
{
	static uint32 wait_event = 0;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	pqsignal(SIGUSR1, procsignal_sigusr1_handler);	/* a worker has ended */
	BackgroundWorkerUnblockSignals();
	children = MemoryContextAllocZero(TopMemoryContext, config_max_databases * sizeof(Child));
	MemoryContextSwitchTo(TopMemoryContext);
	registry_attach_launcher();

	while (!ShutdownRequestPending)
	{
		long		timeout_ms = LAUNCHER_NAP_MS;
		int			cursor = 0;
		Oid			database;

		ResetLatch(MyLatch);
		while ((database = registry_next_wanted(&cursor)) != InvalidOid)
		{
			/*
			 * Where nobody is connected nobody waits for a key.  The database
			 * may even be gone: replay of a DROP DATABASE tells us nothing.
			 */
			if (CountDBBackends(database) == 0)
				registry_forget(database);
			else if (!start_worker(database))
				timeout_ms = RESTART_PAUSE_MS;
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, timeout_ms,
						 compat_wait_event(&wait_event, "BionicCryptLauncher"));
	}
	proc_exit(0);
}
