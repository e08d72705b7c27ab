/*-------------------------------------------------------------------------
 *
 * attestation_desk.c
 *	  Where backends that want an attestation meet the attester.
 *
 * Locking: SHMEM_LOCK_ATTESTATION covers everything here but the condition
 * variables.  All is copied in and out under it (a few kB a slot, 200 kB of
 * evidence); no pointer into a slot leaves this file.
 *
 * A backend leaves its slot itself, on error and at exit too.  One that died
 * hard cannot: but then the postmaster makes all shared memory anew.  A slot
 * has another generation with each request, so a late reply finds nobody.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "report/condition.h"
#include "shmem/attestation_desk.h"
#include "shmem/shmem.h"

typedef enum SlotState
{
	SLOT_FREE = 0,
	SLOT_REQUESTED,
	SLOT_REPLIED
} SlotState;

typedef struct Slot
{
	SlotState	state;
	uint64		generation;
	ConditionVariable replied;
	DeskRequest request;
	DeskReply	reply;
} Slot;

#define NO_ATTESTER (-1)

typedef struct Desk
{
	int			attester;		/* number of its process, or NO_ATTESTER */
	uint64		evidence_number;	/* 0: nothing was published yet */
	char		endorsement[DESK_ENDORSEMENT_MAX + 1];
	char		evidence[DESK_EVIDENCE_MAX + 1];
	Slot		slots[DESK_SLOTS];
} Desk;

static Desk *desk;				/* shared */

Size
desk_size(void)
{
	return sizeof(Desk);
}

void
desk_attach(void *memory, bool found)
{
	desk = memory;
	if (found)
		return;

	memset(desk, 0, sizeof(*desk));
	desk->attester = NO_ATTESTER;
	for (int i = 0; i < DESK_SLOTS; i++)
		ConditionVariableInit(&desk->slots[i].replied);
}

/*
 * Who wants fresh evidence waits for the next pause to end: as many as like to
 * do not keep those out who are answered at once.
 */
static int
take_free_slot(const DeskRequest *request)
{
	int			n = request->fresh ? DESK_SLOTS_FRESH : DESK_SLOTS;

	for (int i = 0; i < n; i++)
	{
		Slot	   *slot = &desk->slots[i];

		if (slot->state != SLOT_FREE)
			continue;
		slot->state = SLOT_REQUESTED;
		slot->generation++;
		slot->request = *request;
		return i;
	}
	return -1;
}

int
desk_submit(const DeskRequest *request)
{
	int			number;
	int			attester;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_ATTESTATION), LW_EXCLUSIVE);
	number = take_free_slot(request);
	attester = desk->attester;
	LWLockRelease(shmem_lock(SHMEM_LOCK_ATTESTATION));

	if (number < 0)
		condition_raise_plain(CONDITION_ATTESTATION_FULL);

	/* If there is none now, the next one looks at all slots when it starts. */
	if (attester != NO_ATTESTER)
		SetLatch(&GetPGProcByNumber(attester)->procLatch);
	return number;
}

static bool
collect_reply(const Slot *slot, DeskReply *reply)
{
	bool		there;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_ATTESTATION), LW_SHARED);
	there = slot->state == SLOT_REPLIED;
	if (there)
		*reply = slot->reply;
	LWLockRelease(shmem_lock(SHMEM_LOCK_ATTESTATION));
	return there;
}

bool
desk_wait(int number, TimestampTz deadline, DeskReply *reply)
{
	static uint32 wait_event = 0;
	Slot	   *slot = &desk->slots[number];
	bool		there;

	ConditionVariablePrepareToSleep(&slot->replied);
	while (!(there = collect_reply(slot, reply)))
	{
		long		remaining = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);

		if (remaining <= 0)
			break;
		(void) ConditionVariableTimedSleep(&slot->replied, remaining,
										   compat_wait_event(&wait_event, "BionicCryptAttestation"));
	}
	ConditionVariableCancelSleep();
	return there;
}

void
desk_leave(int number)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_ATTESTATION), LW_EXCLUSIVE);
	desk->slots[number].state = SLOT_FREE;
	LWLockRelease(shmem_lock(SHMEM_LOCK_ATTESTATION));
}

bool
desk_read_evidence(uint64 number, char *endorsement, char *evidence)
{
	bool		there;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_ATTESTATION), LW_SHARED);
	there = desk->evidence_number == number;
	if (there)
	{
		strlcpy(endorsement, desk->endorsement, sizeof(desk->endorsement));
		strlcpy(evidence, desk->evidence, sizeof(desk->evidence));
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_ATTESTATION));
	return there;
}

static void
detach_attester(int code, Datum unused)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_ATTESTATION), LW_EXCLUSIVE);
	desk->attester = NO_ATTESTER;
	LWLockRelease(shmem_lock(SHMEM_LOCK_ATTESTATION));
}

void
desk_attach_attester(void)
{
	before_shmem_exit(detach_attester, 0);
	LWLockAcquire(shmem_lock(SHMEM_LOCK_ATTESTATION), LW_EXCLUSIVE);
	desk->attester = compat_my_proc_number();
	LWLockRelease(shmem_lock(SHMEM_LOCK_ATTESTATION));
}

int
desk_collect(DeskTicket *tickets)
{
	int			n = 0;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_ATTESTATION), LW_SHARED);
	for (int i = 0; i < DESK_SLOTS; i++)
	{
		const Slot *slot = &desk->slots[i];

		if (slot->state != SLOT_REQUESTED)
			continue;
		tickets[n].slot = i;
		tickets[n].generation = slot->generation;
		tickets[n].request = slot->request;
		n++;
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_ATTESTATION));
	return n;
}

uint64
desk_publish(const char *endorsement, const char *evidence)
{
	uint64		number;

	Assert(strlen(endorsement) <= DESK_ENDORSEMENT_MAX && strlen(evidence) <= DESK_EVIDENCE_MAX);
	LWLockAcquire(shmem_lock(SHMEM_LOCK_ATTESTATION), LW_EXCLUSIVE);
	number = ++desk->evidence_number;
	strlcpy(desk->endorsement, endorsement, sizeof(desk->endorsement));
	strlcpy(desk->evidence, evidence, sizeof(desk->evidence));
	LWLockRelease(shmem_lock(SHMEM_LOCK_ATTESTATION));
	return number;
}

void
desk_reply(const DeskTicket *ticket, const DeskReply *reply)
{
	Slot	   *slot = &desk->slots[ticket->slot];
	bool		delivered = false;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_ATTESTATION), LW_EXCLUSIVE);
	if (slot->state == SLOT_REQUESTED && slot->generation == ticket->generation)
	{
		slot->state = SLOT_REPLIED;
		slot->reply = *reply;
		delivered = true;
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_ATTESTATION));
	if (delivered)
		ConditionVariableBroadcast(&slot->replied);
}
