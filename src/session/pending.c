/*-------------------------------------------------------------------------
 *
 * pending.c
 *	  Keys and grants made by the current transaction.
 *
 * Each entry remembers the subtransaction that made it: rolled back, its
 * entries go; released, they pass to its parent.  The rows themselves are in
 * the catalog and come and go with the transaction; this is only how the
 * transaction that wrote them uses them before anybody else can see them.
 *
 * Parallel workers see none of it, so while there is any, plans start none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "report/privilege.h"
#include "session/key_cache.h"
#include "session/pending.h"

/* A grant, or the revocation of older ones: rolled back, those are back. */
typedef struct PendingGrant
{
	SubTransactionId made_by;
	bool		revokes;
	char		tenant[NAMEDATALEN];
	Oid			role;
	uint32		privileges;
	Oid			authority;
} PendingGrant;

typedef struct PendingKey
{
	SubTransactionId made_by;
	KeyRecord	record;
} PendingKey;

/* Of the current transaction, in its memory; newest first. */
static List *grants = NIL;
static List *keys = NIL;

/* The hook before ours, NULL for none. */
static ExecutorStart_hook_type previous_hook;

bool
pending_any(void)
{
	return grants != NIL || keys != NIL;
}

static void *
remember(List **list, Size size)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
	void	   *entry = palloc0(size);

	*list = lcons(entry, *list);
	MemoryContextSwitchTo(caller);
	return entry;
}

void
pending_add_key(const KeyRecord *record)
{
	PendingKey *key = remember(&keys, sizeof(PendingKey));

	key->made_by = GetCurrentSubTransactionId();
	key->record = *record;
	key_cache_forget(record->tenant);
}

void
pending_follow_key(const KeyRecord *record)
{
	if (pending_find_key(record->tenant, record->key_id) != NULL)
		pending_add_key(record);
}

static PendingGrant *
remember_grant(const char *tenant, Oid role, uint32 privileges)
{
	PendingGrant *grant = remember(&grants, sizeof(PendingGrant));

	grant->made_by = GetCurrentSubTransactionId();
	strlcpy(grant->tenant, tenant, sizeof(grant->tenant));
	grant->role = role;
	grant->privileges = privileges;
	key_cache_roles_epoch++;
	return grant;
}

void
pending_add_grant(const char *tenant, Oid role, uint32 privileges, Oid authority)
{
	remember_grant(tenant, role, privileges)->authority = authority;
}

void
pending_remove_grant(const char *tenant, Oid role, uint32 privileges)
{
	if (grants != NIL)
		remember_grant(tenant, role, privileges)->revokes = true;
}

/* What is left of a grant after the revocations since. */
static uint32
privileges_left(const PendingGrant *grant)
{
	uint32		privileges = grant->privileges;
	ListCell   *cell;

	foreach(cell, grants)
	{
		const PendingGrant *newer = lfirst(cell);

		if (newer == grant)
			break;
		if (newer->revokes && newer->role == grant->role &&
			strcmp(newer->tenant, grant->tenant) == 0)
			privileges &= ~newer->privileges;
	}
	return privileges;
}

const KeyRecord *
pending_find_key(const char *tenant, const uint8 *key_id)
{
	ListCell   *cell;

	foreach(cell, keys)
	{
		PendingKey *key = lfirst(cell);

		if (strcmp(key->record.tenant, tenant) == 0 &&
			(key_id == NULL || memcmp(key->record.key_id, key_id, KEY_ID_LEN) == 0))
			return &key->record;
	}
	return NULL;
}

uint32
pending_privileges(const char *tenant, Oid role, Oid *authority)
{
	uint32		privileges = 0;
	ListCell   *cell;

	*authority = InvalidOid;
	foreach(cell, grants)
	{
		PendingGrant *grant = lfirst(cell);

		if (!grant->revokes &&
			(grant->tenant[0] == '\0' || strcmp(grant->tenant, tenant) == 0) &&
			privilege_role_has(role, grant->role))
		{
			privileges |= privileges_left(grant);
			if (OidIsValid(grant->authority))
				*authority = grant->authority;
		}
	}
	return privileges;
}

static void
end_of_transaction(XactEvent event, void *arg)
{
	ListCell   *cell;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
		return;
	if (event == XACT_EVENT_ABORT)
	{
		foreach(cell, keys)
			key_cache_forget(((PendingKey *) lfirst(cell))->record.tenant);
	}
	if (pending_any())
		key_cache_roles_epoch++;

	/* The memory goes with the transaction. */
	grants = NIL;
	keys = NIL;
}

static void
end_of_subtransaction(SubXactEvent event, SubTransactionId mine,
					  SubTransactionId parent, void *arg)
{
	ListCell   *cell;

	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	foreach(cell, grants)
	{
		PendingGrant *grant = lfirst(cell);

		if (grant->made_by != mine)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			grant->made_by = parent;
		else
		{
			grants = foreach_delete_current(grants, cell);
			key_cache_roles_epoch++;
		}
	}
	foreach(cell, keys)
	{
		PendingKey *key = lfirst(cell);

		if (key->made_by != mine)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			key->made_by = parent;
		else
		{
			key_cache_forget(key->record.tenant);
			keys = foreach_delete_current(keys, cell);
		}
	}
}

/*
 * Here rather than by a setting, which could be set back, or when a query is
 * planned, since plans are kept: a plan with parallel parts runs in one
 * process when it does not ask for parallel mode.  A copy, because the plan
 * may be somebody's cached one; it lives as long as the QueryDesc.
 */
static void
start_without_workers(QueryDesc *query, int flags)
{
	if (pending_any() && query->plannedstmt->parallelModeNeeded)
	{
		PlannedStmt *serial = palloc(sizeof(PlannedStmt));

		*serial = *query->plannedstmt;
		serial->parallelModeNeeded = false;
		query->plannedstmt = serial;
	}
	if (previous_hook)
		previous_hook(query, flags);
	else
		standard_ExecutorStart(query, flags);
}

void
pending_init(void)
{
	RegisterXactCallback(end_of_transaction, NULL);
	RegisterSubXactCallback(end_of_subtransaction, NULL);
	previous_hook = ExecutorStart_hook;
	ExecutorStart_hook = start_without_workers;
}
