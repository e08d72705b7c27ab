/*-------------------------------------------------------------------------
 *
 * audit_queue.c
 *	  What the key worker decided, on its way to audit.
 *
 * An event is written soon after it happened.  Should the same happen again
 * within bionic_crypt.audit_window, it is counted, and written once when the
 * window is over.  So a loop of refusals costs a row in a window.
 *
 * Writing is bounded as well, since nobody is answered meanwhile: once in
 * WRITE_PAUSE_MS, AUDIT_BATCH rows of the outbox at a time, and no waiting for
 * a lock.  What cannot be written stays here; when there is no more room, a
 * request that has to be noted is refused.  On a standby, where nothing can
 * be written, all goes to the server log.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "storage/ipc.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/config.h"
#include "keys/catalog.h"
#include "report/privilege.h"
#include "shmem/epochs.h"
#include "shmem/registry.h"
#include "worker/audit_queue.h"
#include "worker/guarded.h"

#define NOTES_MAX		512		/* different events in a window */
#define DETAIL_MAX		256		/* bytes of a detail */
#define WRITE_PAUSE_MS	50
#define RETRY_MS		1000	/* after what could not be written */
#define LOOK_MS			60000	/* for events that nobody announced */

typedef struct Note
{
	AuditEvent	event;
	char		tenant[NAMEDATALEN];
	Oid			role;
	Oid			session_role;
	char		detail[DETAIL_MAX];
	TimestampTz at;				/* when it happened last */
	uint64		times;			/* that it happened and was not written */
	uint64		window_end;		/* 0: was never written */
} Note;

/* What is written in one transaction, and how that went. */
typedef struct Writing
{
	uint64		now;
	bool		all;			/* also what is counted still */
	bool		busy;			/* a table is locked: nothing was written */
	int			n_moved;		/* from the outbox */
} Writing;

static Note *notes;				/* NOTES_MAX of them */
static int	n_notes = 0;

static bool outbox_waits = true;
static uint64 next_look = 0;	/* as of epochs_now() */
static uint64 next_write = 0;

static void write_at_exit(int code, Datum arg);

void
audit_queue_init(void)
{
	notes = MemoryContextAllocZero(TopMemoryContext, NOTES_MAX * sizeof(Note));
	before_shmem_exit(write_at_exit, 0);
}

static bool
is_due(const Note *note, uint64 now)
{
	return note->times > 0 && note->window_end <= now;
}

static void
put_note(const Note *note, void (*put) (const AuditRecord *))
{
	StringInfoData detail;
	AuditRecord record = {
		.event = note->event,
		.at = note->at,
		.tenant = note->tenant,
		.role = note->role,
		.session_role = note->session_role,
	};

	initStringInfo(&detail);
	appendStringInfoString(&detail, note->detail);
	if (note->times > 1)
		audit_say_number(&detail, "times", note->times);
	record.detail = detail.data;
	put(&record);
}

static void
put_notes(const Writing *writing, void (*put) (const AuditRecord *))
{
	for (int i = 0; i < n_notes; i++)
	{
		if (is_due(&notes[i], writing->now) || (writing->all && notes[i].times > 0))
			put_note(&notes[i], put);
	}
}

static void
write_out(void *argument)
{
	Writing    *writing = argument;

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (RecoveryInProgress() || !catalog_exists())
		put_notes(writing, audit_log);
	else if (audit_lock())
	{
		put_notes(writing, audit_put);
		writing->n_moved = audit_chain();
	}
	else
		writing->busy = true;
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/* After the commit: counts begin anew. */
static void
settle(const Writing *writing)
{
	for (int i = 0; i < n_notes; i++)
	{
		if (writing->all || is_due(&notes[i], writing->now))
		{
			notes[i].times = 0;
			notes[i].window_end = writing->now + config_audit_window_ms * NS_IN_MS;
		}
	}
}

/* Drops notes that were written: all, or those whose window is over. */
static void
drop_written(bool all)
{
	uint64		now = epochs_now();
	int			kept = 0;

	for (int i = 0; i < n_notes; i++)
	{
		if (notes[i].times > 0 || (!all && notes[i].window_end > now))
			notes[kept++] = notes[i];
	}
	n_notes = kept;
}

/* False when nothing was written. */
static bool
write_notes(bool all)
{
	Writing		writing = {.now = epochs_now(),.all = all};
	bool		ok = guarded_run(write_out, &writing) && !writing.busy;

	if (ok)
	{
		settle(&writing);
		drop_written(all);
		outbox_waits = writing.n_moved == AUDIT_BATCH;
	}
	next_write = epochs_now() + (ok ? WRITE_PAUSE_MS : RETRY_MS) * NS_IN_MS;
	return ok;
}

/*
 * What was counted is written before the worker ends.  This may be in the
 * midst of a transaction; an error ends no more than this.
 */
static void
write_at_exit(int code, Datum arg)
{
	Writing		writing = {.now = epochs_now(),.all = true};
	bool		any = false;

	for (int i = 0; i < n_notes; i++)
		any = any || notes[i].times > 0;
	if (!any)
		return;
	AbortOutOfAnyTransaction();
	write_out(&writing);
	if (writing.busy)
		put_notes(&writing, audit_log);
}

static Note *
find_note(const Note *wanted)
{
	for (int i = 0; i < n_notes; i++)
	{
		const Note *note = &notes[i];

		if (note->event == wanted->event && note->role == wanted->role &&
			note->session_role == wanted->session_role &&
			strcmp(note->tenant, wanted->tenant) == 0 &&
			strcmp(note->detail, wanted->detail) == 0)
			return &notes[i];
	}
	return NULL;
}

/* Room for another one; NULL when there is none. */
static Note *
new_note(void)
{
	if (n_notes == NOTES_MAX)
		drop_written(false);
	if (n_notes == NOTES_MAX && config_audit_overflow == AUDIT_OVERFLOW_WAIT &&
		next_write <= epochs_now() + WRITE_PAUSE_MS * NS_IN_MS)
		(void) write_notes(true);
	return n_notes < NOTES_MAX ? &notes[n_notes++] : NULL;
}

/* False when there is no room; then it is in the server log. */
static bool
add(Note *note)
{
	Note	   *same = find_note(note);

	note->at = GetCurrentTimestamp();
	note->times = 1;
	if (same != NULL)
	{
		same->at = note->at;
		same->times++;
		return true;
	}
	same = new_note();
	if (same == NULL)
		put_note(note, audit_log);
	else
		*same = *note;
	return same != NULL;
}

/* Leaves it out if it is too long, which only names of a foreign catalog are. */
static void
say(Note *note, const char *name, const char *value)
{
	StringInfoData detail;

	initStringInfo(&detail);
	appendStringInfoString(&detail, note->detail);
	audit_say(&detail, name, value);
	if (detail.len < DETAIL_MAX)
		strlcpy(note->detail, detail.data, DETAIL_MAX);
	pfree(detail.data);
}

static void
say_key(Note *note, const KeyRecord *record)
{
	char		key_id[2 * KEY_ID_LEN + 1] = {0};

	(void) hex_encode((const char *) record->key_id, KEY_ID_LEN, key_id);
	say(note, "key_id", key_id);
	say(note, "kms", record->server.name);
}

static void
say_privileges(Note *note, uint32 privileges)
{
	StringInfoData names;

	initStringInfo(&names);
	for (uint32 bit = 1; bit <= PRIVILEGE_OWN; bit <<= 1)
	{
		if (privileges & bit)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
							 privilege_name((Privilege) bit));
	}
	if (names.len > 0)
		say(note, "privileges", names.data);
	pfree(names.data);
}

/* What an answer means; false: nothing that has to be known. */
static bool
describe(Note *note, const KeyRequest *request, const KeyReply *reply)
{
	switch (reply->condition)
	{
		case CONDITION_NONE:
			note->event = AUDIT_KEY_GENERATED;
			say_key(note, &reply->record);
			return request->operation == KEY_OP_GENERATE;
		case CONDITION_PERMISSION:
			note->event = AUDIT_PERMISSION_DENIED;
			say_privileges(note, request->privileges);
			return !request->tentative;
		case CONDITION_KMS_DENIED:
			note->event = AUDIT_KMS_DENIED;
			say(note, "kms", reply->subject);
			return true;
		case CONDITION_UNATTESTED:
			note->event = AUDIT_KEY_UNATTESTED;
			say(note, "kms", reply->subject);
			return true;
		case CONDITION_CANNOT_DECRYPT:
			note->event = AUDIT_KEY_INTEGRITY;

			/* A key that the catalog does not have may be of any name. */
			if (reply->record.tenant[0] != '\0')
				say_key(note, &reply->record);
			return true;
		case CONDITION_TENANT_SUSPENDED:
			note->event = AUDIT_SUSPENDED_DENIED;
			return true;
		case CONDITION_TENANT_SHREDDED:
			note->event = AUDIT_SHREDDED_DENIED;
			return true;
		case CONDITION_KEY_DESTROYED:
			note->event = AUDIT_DESTROYED_DENIED;
			return true;
		default:
			return false;
	}
}

void
audit_note(AuditEvent event, const KeyRecord *record)
{
	Note		note = {.event = event};

	strlcpy(note.tenant, record->tenant, sizeof(note.tenant));
	say_key(&note, record);
	(void) add(&note);
}

bool
audit_answer(const KeyRequest *request, const KeyReply *reply,
			 Oid session_role, bool tenant_exists)
{
	Note		note = {
		.role = request->role,
		.session_role = session_role,
	};

	if (request->operation == KEY_OP_CHECK_KMS || !describe(&note, request, reply))
		return true;
	if (tenant_exists || note.event != AUDIT_PERMISSION_DENIED)
		strlcpy(note.tenant, request->tenant, sizeof(note.tenant));
	return add(&note);
}

/* When something has to be written; UINT64_MAX: nothing is known of. */
static uint64
next_due(void)
{
	uint64		next = outbox_waits && !RecoveryInProgress() ? 0 : PG_UINT64_MAX;

	for (int i = 0; i < n_notes; i++)
	{
		if (notes[i].times > 0)
			next = Min(next, notes[i].window_end);
	}
	return Max(next, next_write);
}

void
audit_write_pending(void)
{
	uint64		now = epochs_now();

	if (registry_take_announcement() || next_look <= now)
	{
		outbox_waits = true;
		next_look = now + LOOK_MS * NS_IN_MS;
	}
	if (next_due() <= now)
		(void) write_notes(false);
}

long
audit_timeout_ms(long limit_ms)
{
	uint64		now = epochs_now();
	uint64		next = Min(next_due(), next_look);

	return next <= now ? 0 : (long) Min(limit_ms, (next - now) / NS_IN_MS + 1);
}
