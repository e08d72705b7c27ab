/*-------------------------------------------------------------------------
 *
 * key_worker.c
 *	  The key worker of one database: reads the catalog, talks to KMSs,
 *	  answers backends.
 *
 * One loop around a latch and the sockets of KMSs.  The latch is set by
 * backends after a request, by whoever needs the database to itself, and by
 * signals.  No transaction is open while it sleeps, and nothing but that sleep
 * waits for a KMS.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/secret.h"
#include "shmem/mailbox.h"
#include "shmem/registry.h"
#include "worker/answer.h"
#include "worker/audit_queue.h"
#include "worker/key_store.h"
#include "worker/key_worker.h"
#include "worker/kms_client.h"
#include "worker/replayed_catalog.h"
#include "worker/lease.h"

#define IDLE_EXIT_MS	(5 * 60 * 1000)	/* without a session that has keys */

/*
 * Of a database's or role's settings none may decide how the catalog is read.
 * Our statements on it wait for nobody long.
 */
static const char *const own_settings[][2] = {
	{"lock_timeout", "2s"},
	{"statement_timeout", "0"},
	{"transaction_timeout", "0"},	/* 17 and later */
	{"default_transaction_isolation", "read committed"},
	{"default_transaction_read_only", "off"},
	{"default_transaction_deferrable", "off"},
	{"row_security", "off"},
	{"jit", "off"},
	{"synchronous_commit", "local"},
	{"search_path", "pg_catalog, pg_temp"},
	{"application_name", "bionic_crypt key worker"},
};

static void
start_up(Oid database)
{
	/* Before any key, and before the catalog is opened. */
	secret_forbid_core_dumps();

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	for (int i = 0; i < lengthof(own_settings); i++)
	{
		if (GetConfigOption(own_settings[i][0], true, false) == NULL)
			continue;
		SetConfigOption(own_settings[i][0], own_settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
	}

	if (!registry_attach_worker())
		proc_exit(0);
	pg_atomic_write_u64(&registry_counters()->secret_memory, key_store_init());
	lease_init();
	kms_calls_init();
	answers_init();
	audit_queue_init();
}

static void
answer_all(void)
{
	static MailboxRequest request;	/* too large for the stack's taste */

	for (int from = 0; mailbox_take(from, &request); from = request.slot + 1)
	{
		answer_request(&request);
	}
}

/*
 * Ends this process when it has had no session to serve for long, or has to
 * make room.  A session that asks in this moment has a new worker started.
 */
static void
end_if_not_needed(void)
{
	static TimestampTz idle_since = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (mailbox_has_clients())
		idle_since = 0;
	else if (idle_since == 0)
		idle_since = now;
	registry_set_idle(idle_since != 0);

	if (registry_worker_must_end() ||
		(idle_since != 0 && TimestampDifferenceExceeds(idle_since, now, IDLE_EXIT_MS)))
		proc_exit(0);
}

/* Until something is due that no event tells of. */
static long
next_round_ms(void)
{
	long		limit_ms = audit_timeout_ms(lease_timeout_ms());

	return loop_timeout_ms(answers_timeout_ms(replayed_catalog_timeout_ms(limit_ms)));
}

void
bionic_crypt_key_worker_main(Datum database)
{
	static uint32 wait_event = 0;
	MemoryContext round;

	start_up(DatumGetObjectId(database));
	round = AllocSetContextCreate(TopMemoryContext, "bionic_crypt key worker round",
								  ALLOCSET_DEFAULT_SIZES);
	for (;;)
	{
		MemoryContextSwitchTo(round);

		/* A cancel, or a lock timeout, that came when its work was over. */
		QueryCancelPending = false;
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			kms_clients_look_at_settings();
			lease_check_all_soon();
		}
		end_if_not_needed();
		loop_run();
		answer_all();
		replayed_catalog_tick();
		lease_tick();
		kms_calls_run();
		answers_tick();
		kms_clients_tidy();
		audit_write_pending();
		pgstat_report_activity(STATE_IDLE, NULL);
		MemoryContextReset(round);

		(void) WaitLatchOrSocket(MyLatch,
								 WL_LATCH_SET | WL_SOCKET_READABLE | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
								 loop_fd(), next_round_ms(),
								 compat_wait_event(&wait_event, "BionicCryptKeyWorker"));
		ResetLatch(MyLatch);
	}
}
