/*-------------------------------------------------------------------------
 *
 * catalog_changed.c
 *	  Tells every process, at commit, that tenants, keys or grants changed,
 *	  writes it to the outbox of audit, and keeps from changing them who is
 *	  not their owner.
 *
 * A trigger on the catalog's tables notes the tenant; the callback at commit,
 * which runs when other transactions can see the rows, moves the tenant's
 * epoch.  Whatever writes the rows is seen so: our functions, a restore, a
 * subscription, a superuser.  A rolled back subtransaction moves an epoch for
 * nothing, which costs one question to the key worker.
 *
 * A grant in the catalog is as good as one by our functions, so table
 * privileges, which pg_write_all_data has on every table, must not be enough
 * to write one.  A statement trigger refuses before anything is done; a
 * subscription's rows come without it, and so each row is looked at, too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "replication/logicalworker.h"
#include "replication/worker_internal.h"
#include "utils/acl.h"
#include "utils/rel.h"

#include "crypto/kdf.h"
#include "keys/audit_change.h"
#include "keys/catalog_changed.h"
#include "shmem/epochs.h"
#include "shmem/registry.h"
#include "shmem/shmem.h"

/* Past this many tenants in one transaction, all of the database's. */
#define CHANGED_MAX 64

/* What the current transaction changed. */
static uint8 changed[CHANGED_MAX][FINGERPRINT_LEN];
static int	n_changed = 0;
static bool all_changed = false;

static void
note_tenant(const char *tenant)
{
	uint8		fingerprint[FINGERPRINT_LEN];

	/* A grant for all tenants names none. */
	if (tenant == NULL || tenant[0] == '\0' || n_changed == CHANGED_MAX ||
		!kdf_fingerprint(bytes_of_string(tenant), fingerprint))
	{
		all_changed = true;
		return;
	}
	for (int i = 0; i < n_changed; i++)
	{
		if (memcmp(changed[i], fingerprint, FINGERPRINT_LEN) == 0)
			return;
	}
	memcpy(changed[n_changed++], fingerprint, FINGERPRINT_LEN);
}

static void
tell_everyone(void)
{
	if (shmem_ready())
	{
		if (all_changed)
			epochs_advance_database(MyDatabaseId);
		else
		{
			for (int i = 0; i < n_changed; i++)
				epochs_advance(MyDatabaseId, changed[i]);
		}
		if (all_changed || n_changed > 0)
			registry_announce_events();
	}
}

static void
end_of_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_PREPARE:
			if (n_changed > 0 || all_changed)
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						 errmsg("cannot prepare a transaction that changed tenants, keys or grants"),
						 errhint("Use an ordinary transaction for it.")));
			break;
		case XACT_EVENT_COMMIT:
			tell_everyone();
			/* FALLTHROUGH */
		case XACT_EVENT_ABORT:
			n_changed = 0;
			all_changed = false;
			break;
		default:
			break;
	}
}

void
catalog_changed_init(void)
{
	RegisterXactCallback(end_of_transaction, NULL);
}

static void
note_row(HeapTuple row, TupleDesc descriptor)
{
	int			column = SPI_fnumber(descriptor, "tenant");

	if (column <= 0)
		elog(ERROR, "catalog_changed: the table has no column \"tenant\"");
	note_tenant(SPI_getvalue(row, descriptor, column));
}

static void
require_trigger(FunctionCallInfo fcinfo, const char *function)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager", function)));
}

static void
require_owner(Relation table)
{
	if (!has_privs_of_role(GetUserId(), table->rd_rel->relowner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to write to catalog table \"%s\"",
						RelationGetRelationName(table)),
				 errhint("Use the functions of schema bionic_crypt.")));
}

/*
 * A role travels as its name in text, but as its number in binary: the grant
 * would be that of whoever has the number here.
 */
static void
refuse_binary_roles(TupleDesc descriptor)
{
	if (!IsLogicalWorker() || !MySubscription->binary)
		return;
	for (int i = 0; i < descriptor->natts; i++)
	{
		if (TupleDescAttr(descriptor, i)->atttypid == REGROLEOID)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("subscription \"%s\" cannot bring grants for tenants in binary",
							MySubscription->name),
					 errhint("Set its option binary to false.")));
	}
}

PG_FUNCTION_INFO_V1(bionic_crypt_catalog_guard);

Datum
bionic_crypt_catalog_guard(PG_FUNCTION_ARGS)
{
	require_trigger(fcinfo, "catalog_guard");
	require_owner(((TriggerData *) fcinfo->context)->tg_relation);
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(bionic_crypt_catalog_changed);

Datum
bionic_crypt_catalog_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	require_trigger(fcinfo, "catalog_changed");
	if (TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
		all_changed = true;
	else
	{
		TupleDesc	descriptor = RelationGetDescr(trigger->tg_relation);

		require_owner(trigger->tg_relation);
		refuse_binary_roles(descriptor);
		note_row(trigger->tg_trigtuple, descriptor);
		if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
			note_row(trigger->tg_newtuple, descriptor);
	}
	audit_change(trigger);
	return PointerGetDatum(NULL);
}
