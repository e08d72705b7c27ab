/*-------------------------------------------------------------------------
 *
 * registry.c
 *	  Key workers and the databases they serve.
 *
 * Locking: all under SHMEM_LOCK_REGISTRY, which is held for a look and never
 * across a wait; counters are atomics.  Latches are set after it is released.
 *
 * An entry is given to a database when a backend there first asks.  It passes
 * to another one when it has no worker, or when its worker, being idle, has
 * ended to make room.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/config.h"
#include "shmem/kms_stats.h"
#include "shmem/registry.h"
#include "shmem/shmem.h"

typedef struct Entry
{
	Oid			database;		/* InvalidOid: free */
	bool		wanted;			/* a worker, by a backend */
	bool		idle;
	bool		must_end;
	bool		has_events;		/* in the outbox of audit, since last look */
	int			pid;			/* of the worker; 0: none */
	int			proc;
	TimestampTz last_call;
	WorkerCounters counters;
} Entry;

typedef struct Registry
{
	int			launcher_proc;	/* -1: none */
	Oid		   *blocked;		/* by process number */
	Entry		entries[FLEXIBLE_ARRAY_MEMBER];
} Registry;

static Registry *registry;		/* shared */

/* In the order of SecretMemory, which the worker writes. */
static const char *const secret_memory_names[] = {
	"none", "memfd_secret", "locked"
};

static Size
entries_size(void)
{
	return MAXALIGN(add_size(offsetof(Registry, entries),
							 mul_size(config_max_databases, sizeof(Entry))));
}

Size
registry_size(void)
{
	return add_size(entries_size(), mul_size(MaxBackends, sizeof(Oid)));
}

static void
reset_counters(WorkerCounters *counters)
{
	pg_atomic_init_u64(&counters->requests, 0);
	pg_atomic_init_u64(&counters->refusals, 0);
	pg_atomic_init_u64(&counters->wraps, 0);
	pg_atomic_init_u64(&counters->unwraps, 0);
	pg_atomic_init_u64(&counters->kms_failures, 0);
	pg_atomic_init_u64(&counters->keys_held, 0);
	pg_atomic_init_u64(&counters->secret_memory, 0);
}

void
registry_attach(void *memory, bool found)
{
	registry = memory;
	if (found)
		return;

	memset(registry, 0, registry_size());
	registry->launcher_proc = -1;
	registry->blocked = (Oid *) ((char *) memory + entries_size());
	for (int i = 0; i < config_max_databases; i++)
		reset_counters(&registry->entries[i].counters);
}

static Entry *
find_entry(Oid database)
{
	for (int i = 0; i < config_max_databases; i++)
	{
		if (registry->entries[i].database == database)
			return &registry->entries[i];
	}
	return NULL;
}

static bool
is_blocked(Oid database)
{
	for (int i = 0; i < MaxBackends; i++)
	{
		if (registry->blocked[i] == database)
			return true;
	}
	return false;
}

/*
 * A free entry for a database; failing that, asks the longest idle worker to
 * end, so that the caller finds its entry free later.
 */
static Entry *
claim_entry(Oid database, Entry **ending)
{
	Entry	   *oldest = NULL;

	for (int i = 0; i < config_max_databases; i++)
	{
		Entry	   *entry = &registry->entries[i];

		if (entry->database == InvalidOid || (entry->pid == 0 && !entry->wanted))
		{
			reset_counters(&entry->counters);
			entry->database = database;
			entry->must_end = false;
			entry->idle = false;
			entry->has_events = false;
			return entry;
		}
		if (entry->pid != 0 && (entry->idle || entry->must_end) &&
			(oldest == NULL || entry->last_call < oldest->last_call))
			oldest = entry;
	}
	if (oldest != NULL)
		oldest->must_end = true;
	*ending = oldest;
	return NULL;
}

static void
set_latch_of(int proc)
{
	if (proc >= 0)
		SetLatch(&GetPGProcByNumber(proc)->procLatch);
}

/* Workers look by themselves whether they are idle, but not often. */
static void
wake_workers(void)
{
	for (int i = 0; i < config_max_databases; i++)
	{
		Entry	   *entry = &registry->entries[i];
		int			proc;

		LWLockAcquire(shmem_lock(SHMEM_LOCK_REGISTRY), LW_SHARED);
		proc = entry->pid != 0 ? entry->proc : -1;
		LWLockRelease(shmem_lock(SHMEM_LOCK_REGISTRY));
		set_latch_of(proc);
	}
}

static bool
call_worker(bool has_events)
{
	Entry	   *entry;
	Entry	   *ending = NULL;
	int			proc = -1;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_REGISTRY), LW_EXCLUSIVE);
	entry = find_entry(MyDatabaseId);
	if (entry == NULL)
		entry = claim_entry(MyDatabaseId, &ending);
	if (entry != NULL)
	{
		entry->last_call = GetCurrentTimestamp();
		entry->wanted = true;
		entry->has_events = entry->has_events || has_events;
		proc = entry->pid != 0 ? entry->proc : registry->launcher_proc;
	}
	else if (ending != NULL)
		proc = ending->proc;
	LWLockRelease(shmem_lock(SHMEM_LOCK_REGISTRY));

	set_latch_of(proc);
	if (entry == NULL && ending == NULL)
		wake_workers();
	return entry != NULL;
}

bool
registry_call_worker(void)
{
	return call_worker(false);
}

void
registry_announce_events(void)
{
	(void) call_worker(true);
}

bool
registry_take_announcement(void)
{
	Entry	   *entry;
	bool		taken = false;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_REGISTRY), LW_EXCLUSIVE);
	entry = find_entry(MyDatabaseId);
	if (entry != NULL)
	{
		taken = entry->has_events;
		entry->has_events = false;
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_REGISTRY));
	return taken;
}

static void
detach_launcher(int code, Datum arg)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_REGISTRY), LW_EXCLUSIVE);
	registry->launcher_proc = -1;
	LWLockRelease(shmem_lock(SHMEM_LOCK_REGISTRY));
}

void
registry_attach_launcher(void)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_REGISTRY), LW_EXCLUSIVE);
	registry->launcher_proc = compat_my_proc_number();
	LWLockRelease(shmem_lock(SHMEM_LOCK_REGISTRY));
	before_shmem_exit(detach_launcher, 0);
}

Oid
registry_next_wanted(int *cursor)
{
	Oid			database = InvalidOid;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_REGISTRY), LW_SHARED);
	while (*cursor < config_max_databases && database == InvalidOid)
	{
		Entry	   *entry = &registry->entries[(*cursor)++];

		if (entry->database != InvalidOid && entry->wanted && entry->pid == 0 &&
			!is_blocked(entry->database))
			database = entry->database;
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_REGISTRY));
	return database;
}

void
registry_forget(Oid database)
{
	Entry	   *entry;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_REGISTRY), LW_EXCLUSIVE);
	entry = find_entry(database);
	if (entry != NULL && entry->pid == 0)
		entry->wanted = false;
	LWLockRelease(shmem_lock(SHMEM_LOCK_REGISTRY));
}

static void
detach_worker(int code, Datum arg)
{
	Entry	   *entry;
	int			launcher;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_REGISTRY), LW_EXCLUSIVE);
	entry = find_entry(MyDatabaseId);
	if (entry != NULL && entry->pid == MyProcPid)
	{
		entry->pid = 0;
		pg_atomic_write_u64(&entry->counters.keys_held, 0);

		/* One that made room, or did nothing, is not wanted any more. */
		if (entry->must_end && !is_blocked(MyDatabaseId))
		{
			entry->database = InvalidOid;
			entry->wanted = false;
		}
		else if (code == 0 && entry->idle && !entry->has_events)
			entry->wanted = false;
		entry->must_end = false;
	}
	launcher = registry->launcher_proc;
	LWLockRelease(shmem_lock(SHMEM_LOCK_REGISTRY));
	set_latch_of(launcher);
}

bool
registry_attach_worker(void)
{
	Entry	   *entry;
	bool		ours;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_REGISTRY), LW_EXCLUSIVE);
	entry = find_entry(MyDatabaseId);
	ours = entry != NULL && entry->pid == 0 && !is_blocked(MyDatabaseId);
	if (ours)
	{
		entry->pid = MyProcPid;
		entry->proc = compat_my_proc_number();
		entry->idle = false;
		entry->must_end = false;
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_REGISTRY));
	if (ours)
		before_shmem_exit(detach_worker, 0);
	return ours;
}

bool
registry_worker_must_end(void)
{
	Entry	   *entry;
	bool		must_end;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_REGISTRY), LW_SHARED);
	entry = find_entry(MyDatabaseId);
	must_end = entry == NULL || entry->must_end || is_blocked(MyDatabaseId);
	LWLockRelease(shmem_lock(SHMEM_LOCK_REGISTRY));
	return must_end;
}

WorkerCounters *
registry_counters(void)
{
	Entry	   *entry;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_REGISTRY), LW_SHARED);
	entry = find_entry(MyDatabaseId);
	LWLockRelease(shmem_lock(SHMEM_LOCK_REGISTRY));

	/* A live worker's entry stays where it is. */
	Assert(entry != NULL);
	return &entry->counters;
}

bool
registry_look(WorkerCounters **counters, int *pid)
{
	Entry	   *entry;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_REGISTRY), LW_SHARED);
	entry = find_entry(MyDatabaseId);
	if (entry != NULL)
	{
		*counters = &entry->counters;
		*pid = entry->pid;
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_REGISTRY));
	return entry != NULL;
}

const char *
registry_secret_memory(void)
{
	WorkerCounters *counters;
	int			pid;
	uint64		kind;

	if (!registry_look(&counters, &pid))
		return NULL;
	kind = pg_atomic_read_u64(&counters->secret_memory);
	return secret_memory_names[Min(kind, lengthof(secret_memory_names) - 1)];
}

void
registry_set_idle(bool idle)
{
	Entry	   *entry;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_REGISTRY), LW_EXCLUSIVE);
	entry = find_entry(MyDatabaseId);
	if (entry != NULL && entry->pid == MyProcPid)
		entry->idle = idle;
	LWLockRelease(shmem_lock(SHMEM_LOCK_REGISTRY));
}

static void
unblock_at_exit(int code, Datum arg)
{
	registry_unblock_database(false);
}

void
registry_block_database(Oid database)
{
	static int	registered_pid = 0;
	Entry	   *entry;
	int			proc = -1;

	if (registered_pid != MyProcPid)
	{
		before_shmem_exit(unblock_at_exit, 0);
		registered_pid = MyProcPid;
	}
	LWLockAcquire(shmem_lock(SHMEM_LOCK_REGISTRY), LW_EXCLUSIVE);
	registry->blocked[compat_my_proc_number()] = database;
	entry = find_entry(database);
	if (entry != NULL && entry->pid != 0)
		proc = entry->proc;
	LWLockRelease(shmem_lock(SHMEM_LOCK_REGISTRY));
	set_latch_of(proc);
}

void
registry_unblock_database(bool gone)
{
	Oid		   *blocked = &registry->blocked[compat_my_proc_number()];
	Entry	   *entry;
	int			launcher;

	if (gone && *blocked != InvalidOid)
		kms_stats_forget_database(*blocked);
	LWLockAcquire(shmem_lock(SHMEM_LOCK_REGISTRY), LW_EXCLUSIVE);
	entry = *blocked != InvalidOid ? find_entry(*blocked) : NULL;
	if (gone && entry != NULL && entry->pid == 0)
	{
		entry->database = InvalidOid;
		entry->wanted = false;
	}
	*blocked = InvalidOid;
	launcher = registry->launcher_proc;
	LWLockRelease(shmem_lock(SHMEM_LOCK_REGISTRY));
	set_latch_of(launcher);
}
