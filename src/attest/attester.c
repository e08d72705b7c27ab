/*-------------------------------------------------------------------------
 *
 * attester.c
 *	  The process that owns this machine's evidence and the instance key.
 *
 * Static, so that it is there whenever the server is, on a standby too; it is
 * connected to no database.  When it ends it is started again, with another
 * instance key.
 *
 * Hardware that is asked too often may refuse for good (SEV-SNP: until the
 * next boot), and a request may take a minute.  So one report serves all who
 * wait for one, reports have a pause between them, longer after failures, and
 * no backend ever asks the hardware itself.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/evp.h>
#include <signal.h>

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "attest/attester.h"
#include "attest/endorsement.h"
#include "attest/evidence_source.h"
#include "attest/instance_key.h"
#include "base/clock.h"
#include "base/compat.h"
#include "base/config.h"
#include "base/secret.h"

#define RESTART_PAUSE_S		1
#define NAP_MS				60000
#define FAILURE_PAUSE_MAX_MS	(10 * 60 * 1000)

/* What is known of the hardware; times are those of clock_now_ns(). */
static struct
{
	uint64		evidence;		/* its number on the desk; 0: we have none */
	uint8		endorsement_sha256[DESK_DIGEST_LEN];
	uint64		taken_ns;
	uint64		next_ns;		/* the hardware is not asked before */
	int			failures;		/* in a row */
	char		reason[DESK_REASON_MAX];	/* of the last */
}			known;

void
attester_register(void)
{
	const char *setting = config_attestation_source;
	const EvidenceSource *source;
	const char *place;
	BackgroundWorker worker = {0};

	if (strcmp(setting, ATTESTATION_OFF) == 0)
		return;
	if (!evidence_source_parse(setting, &source, &place))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for parameter \"%s\": \"%s\"",
						"bionic_crypt.attestation_source", setting),
				 errhint("It is off, none, configfs, sev-guest, confidential-space, coco or helper:PATH.")));

	strlcpy(worker.bgw_name, "bionic_crypt attester", BGW_MAXLEN);
	strlcpy(worker.bgw_type, worker.bgw_name, BGW_MAXLEN);
	strlcpy(worker.bgw_library_name, "bionic_crypt", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "bionic_crypt_attester_main", BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = RESTART_PAUSE_S;
	RegisterBackgroundWorker(&worker);
}

static uint64
ns_of_ms(int64 ms)
{
	return (uint64) ms * NS_IN_MS;
}

static bool
evidence_is_at_hand(void)
{
	return known.evidence != 0 &&
		clock_now_ns() - known.taken_ns < ns_of_ms(config_attestation_max_age_ms);
}

/* The pause after a report, and after failures, each twice as long. */
static void
begin_pause(void)
{
	int64		pause_ms = config_attestation_interval_ms;

	for (int i = 1; i < known.failures && pause_ms < FAILURE_PAUSE_MAX_MS; i++)
		pause_ms *= 2;
	if (known.failures > 0)
		pause_ms = Max(Min(pause_ms, FAILURE_PAUSE_MAX_MS), config_attestation_interval_ms);
	known.next_ns = clock_now_ns() + ns_of_ms(pause_ms);
}

static void
refuse(const DeskTicket *tickets, int n)
{
	DeskReply  *reply = palloc0(sizeof(DeskReply));

	strlcpy(reply->reason, known.reason, sizeof(reply->reason));
	for (int i = 0; i < n; i++)
		desk_reply(&tickets[i], reply);
}

/* A statement for one request, signed by the key that the evidence is about. */
static void
answer(const DeskTicket *ticket)
{
	DeskReply  *reply = palloc0(sizeof(DeskReply));
	StringInfoData statement;

	initStringInfo(&statement);
	statement_write(&statement, &ticket->request, known.endorsement_sha256);
	reply->evidence = known.evidence;
	reply->statement_len = statement.len;
	if (strlcpy(reply->statement, statement.data, sizeof(reply->statement)) >= sizeof(reply->statement))
		strlcpy(reply->reason, "the statement is too long", sizeof(reply->reason));
	else if (!instance_key_sign(bytes_of(statement.data, statement.len), reply->signature))
		strlcpy(reply->reason, "the instance key could not sign", sizeof(reply->reason));
	desk_reply(ticket, reply);
	pfree(statement.data);
	pfree(reply);
}

/* False with a reason: the texts are too long, or the source has none. */
static bool
get_evidence(StringInfo endorsement, StringInfo evidence, FoundEvidence *found)
{
	const EvidenceSource *source;
	const char *place;
	uint8		report_data[REPORT_DATA_LEN];

	if (!evidence_source_parse(config_attestation_source, &source, &place))
		elog(ERROR, "unrecognized source of evidence");
	if (endorsement->len > DESK_ENDORSEMENT_MAX)
		return evidence_fail(found, "too many libraries are loaded");
	if (!endorsement_digest(bytes_of(endorsement->data, endorsement->len), report_data))
		elog(ERROR, "could not compute a digest");
	if (!source->get(place, report_data, found))
	{
		/* That the server ends is no failure of the hardware. */
		CHECK_FOR_INTERRUPTS();
		return false;
	}
	evidence_write(evidence, found);
	if (evidence->len > DESK_EVIDENCE_MAX)
		return evidence_fail(found, "the evidence is too long");
	return true;
}

/* One report of the hardware for all these; whether it succeeded. */
static bool
take_report(const DeskTicket *tickets, int n)
{
	FoundEvidence *found = palloc0(sizeof(FoundEvidence));
	StringInfoData endorsement;
	StringInfoData evidence;

	initStringInfo(&endorsement);
	initStringInfo(&evidence);
	endorsement_write(&endorsement, tickets, n);
	if (!get_evidence(&endorsement, &evidence, found))
	{
		known.failures++;
		strlcpy(known.reason, found->reason, sizeof(known.reason));
		begin_pause();
		ereport(LOG,
				(errmsg("could not get attestation evidence: %s", known.reason)));
		return false;
	}
	if (EVP_Digest(endorsement.data, endorsement.len, known.endorsement_sha256, NULL,
				   EVP_sha256(), NULL) != 1)
		elog(ERROR, "could not compute a digest");
	known.failures = 0;
	begin_pause();
	known.taken_ns = clock_now_ns();
	known.evidence = desk_publish(endorsement.data, evidence.data);
	return true;
}

/* Answers whom the evidence at hand is enough for; how many of them remain. */
static int
answer_from_hand(DeskTicket *tickets, int n)
{
	bool		at_hand = evidence_is_at_hand();
	int			remaining = 0;

	for (int i = 0; i < n; i++)
	{
		if (at_hand && !tickets[i].request.fresh)
			answer(&tickets[i]);
		else
			tickets[remaining++] = tickets[i];
	}
	return remaining;
}

/* Until something is to be done that no latch tells of. */
static long
serve(void)
{
	DeskTicket *tickets = palloc(DESK_SLOTS * sizeof(DeskTicket));
	int			n = answer_from_hand(tickets, desk_collect(tickets));
	uint64		now = clock_now_ns();

	if (n == 0)
		return NAP_MS;
	if (now < known.next_ns && known.failures == 0)
		return (long) ((known.next_ns - now) / NS_IN_MS) + 1;

	if (now < known.next_ns || !take_report(tickets, n))
		refuse(tickets, n);
	else
	{
		for (int i = 0; i < n; i++)
			answer(&tickets[i]);
	}

	/* A source may have reset the latch: look again who came meanwhile. */
	return 0;
}

void
bionic_crypt_attester_main(Datum unused)
{
	static uint32 wait_event = 0;
	MemoryContext round;

	secret_forbid_core_dumps();
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	instance_key_create();
	desk_attach_attester();
	round = AllocSetContextCreate(TopMemoryContext, "bionic_crypt attester round",
								  ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(round);
	for (;;)
	{
		long		timeout_ms;

		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		timeout_ms = serve();
		MemoryContextReset(round);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, timeout_ms,
						 compat_wait_event(&wait_event, "BionicCryptAttester"));
	}
}
