/*-------------------------------------------------------------------------
 *
 * mailbox.c
 *	  Requests of backends to the key worker, and its sealed replies.
 *
 * Locking: a slot belongs to one backend; its spinlock covers all of it.
 * Messages are copied in and out under it (a few hundred bytes, 12 kB at most);
 * no pointer into a slot ever leaves this file.
 *
 * A backend that gives up (deadline, cancel, error) leaves its request
 * behind; the next one has a new generation, and the reply to the old one
 * finds that its generation is gone.  So nothing needs cleaning up on error.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "shmem/mailbox.h"

typedef enum SlotState
{
	SLOT_EMPTY = 0,
	SLOT_REQUESTED,
	SLOT_TAKEN,
	SLOT_REPLIED
} SlotState;

typedef struct Slot
{
	slock_t		lock;
	SlotState	state;
	uint64		generation;
	int			pid;			/* 0: the process never asked, or is gone */
	Oid			database;
	Size		len;
	ConditionVariable replied;
	uint8		message[MAILBOX_MESSAGE_MAX];
} Slot;

static Slot *slots;				/* shared, one a process */

Size
mailbox_size(void)
{
	return mul_size(MaxBackends, sizeof(Slot));
}

void
mailbox_attach(void *memory, bool found)
{
	slots = memory;
	if (found)
		return;

	memset(slots, 0, mailbox_size());
	for (int i = 0; i < MaxBackends; i++)
	{
		SpinLockInit(&slots[i].lock);
		ConditionVariableInit(&slots[i].replied);
	}
}

int
mailbox_slots(void)
{
	return MaxBackends;
}

int
mailbox_my_slot(void)
{
	return compat_my_proc_number();
}

/* At exit: the next process with our number must find nothing of ours. */
static void
leave_slot(int code, Datum arg)
{
	Slot	   *slot = &slots[mailbox_my_slot()];

	SpinLockAcquire(&slot->lock);
	slot->state = SLOT_EMPTY;
	slot->generation++;
	slot->pid = 0;
	memset(slot->message, 0, sizeof(slot->message));
	SpinLockRelease(&slot->lock);
}

uint64
mailbox_submit(Bytes request)
{
	static int	registered_pid = 0;
	Slot	   *slot = &slots[mailbox_my_slot()];
	uint64		generation;

	Assert(request.len <= MAILBOX_MESSAGE_MAX);
	if (registered_pid != MyProcPid)
	{
		before_shmem_exit(leave_slot, 0);
		registered_pid = MyProcPid;
	}

	SpinLockAcquire(&slot->lock);
	generation = ++slot->generation;
	slot->state = SLOT_REQUESTED;
	slot->pid = MyProcPid;
	slot->database = MyDatabaseId;
	slot->len = request.len;
	memcpy(slot->message, request.data, request.len);
	SpinLockRelease(&slot->lock);
	return generation;
}

/* The length of the reply, or -1 when it is not there yet. */
static int
collect_reply(Slot *slot, uint64 generation, uint8 *out)
{
	int			len = -1;

	SpinLockAcquire(&slot->lock);
	if (slot->state == SLOT_REPLIED && slot->generation == generation)
	{
		len = (int) slot->len;
		memcpy(out, slot->message, slot->len);
		memset(slot->message, 0, slot->len);
		slot->state = SLOT_EMPTY;
	}
	SpinLockRelease(&slot->lock);
	return len;
}

int
mailbox_wait(uint64 generation, TimestampTz deadline, uint8 *out)
{
	static uint32 wait_event = 0;
	Slot	   *slot = &slots[mailbox_my_slot()];
	int			len;

	ConditionVariablePrepareToSleep(&slot->replied);
	while ((len = collect_reply(slot, generation, out)) < 0)
	{
		long		remaining = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);

		if (remaining <= 0)
			break;
		(void) ConditionVariableTimedSleep(&slot->replied, remaining,
										   compat_wait_event(&wait_event, "BionicCryptKey"));
	}
	ConditionVariableCancelSleep();
	return len;
}

/*
 * Whether the process that wrote a slot lives and is in our database.  The
 * slot says so itself; the process array is asked because a process that died
 * hard could not empty its slot.
 */
static bool
writer_lives(int number, int pid, Oid database)
{
	PGPROC	   *proc = GetPGProcByNumber(number);

	return pid != 0 && proc->pid == pid &&
		database == MyDatabaseId && proc->databaseId == MyDatabaseId;
}

bool
mailbox_take(int from, MailboxRequest *request)
{
	for (int i = from; i < MaxBackends; i++)
	{
		Slot	   *slot = &slots[i];
		bool		taken = false;

		/* A glance without the lock; the latch is set after each request. */
		if (slot->state != SLOT_REQUESTED)
			continue;

		SpinLockAcquire(&slot->lock);
		if (slot->state == SLOT_REQUESTED &&
			writer_lives(i, slot->pid, slot->database))
		{
			slot->state = SLOT_TAKEN;
			request->slot = i;
			request->generation = slot->generation;
			request->session_role = GetPGProcByNumber(i)->roleId;
			request->len = slot->len;
			memcpy(request->message, slot->message, slot->len);
			taken = true;
		}
		SpinLockRelease(&slot->lock);
		if (taken)
			return true;
	}
	return false;
}

void
mailbox_reply(int number, uint64 generation, Bytes reply)
{
	Slot	   *slot = &slots[number];
	bool		delivered = false;

	Assert(reply.len <= MAILBOX_MESSAGE_MAX);
	SpinLockAcquire(&slot->lock);
	if (slot->state == SLOT_TAKEN && slot->generation == generation)
	{
		slot->state = SLOT_REPLIED;
		slot->len = reply.len;
		memcpy(slot->message, reply.data, reply.len);
		delivered = true;
	}
	SpinLockRelease(&slot->lock);
	if (delivered)
		ConditionVariableBroadcast(&slot->replied);
}

bool
mailbox_has_clients(void)
{
	for (int i = 0; i < MaxBackends; i++)
	{
		Slot	   *slot = &slots[i];
		bool		client;

		if (slot->pid == 0)
			continue;
		SpinLockAcquire(&slot->lock);
		client = writer_lives(i, slot->pid, slot->database);
		SpinLockRelease(&slot->lock);
		if (client)
			return true;
	}
	return false;
}
