/*-------------------------------------------------------------------------
 *
 * audit_change.c
 *	  A change of the catalog as an event of audit.
 *
 * What is said of a row is listed here, column by column: a column added to
 * the catalog is named when it changes, and its value is not shown.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "keys/audit.h"
#include "keys/audit_change.h"

/* A column whose value may be said. */
typedef struct ShownColumn
{
	const char *column;
	const char *name;			/* in the detail */
	bool		always;			/* else when it is new, or has changed */
} ShownColumn;

/* What the change of a column means; of several, the first. */
typedef struct Meaning
{
	const char *column;
	const char *value;			/* the new one; NULL: any */
	AuditEvent	event;
} Meaning;

typedef struct AuditedTable
{
	const char *name;
	AuditEvent	created;
	AuditEvent	changed;		/* in a way that has no meaning below */
	AuditEvent	deleted;
	ShownColumn shown[7];		/* both end with a column NULL */
	Meaning		meanings[9];
} AuditedTable;

static const AuditedTable tables[] = {
	{
		.name = "catalog_tenants",
		.created = AUDIT_TENANT_CREATED,
		.changed = AUDIT_TENANT_CHANGED,
		.deleted = AUDIT_TENANT_DELETED,
		.shown = {
			{"state", "state", false},
			{"kms", "kms", false},
			{"kek", "kek", false},
			{"algorithm", "algorithm", false},
			{"outage_grace", "outage_grace_s", false},
			{"attested", "attested", false},
		},
		.meanings = {
			{"state", "suspended", AUDIT_TENANT_SUSPENDED},
			{"state", "active", AUDIT_TENANT_RESUMED},
			{"state", "shredded", AUDIT_TENANT_SHREDDED},
			{"kms", NULL, AUDIT_TENANT_MOVED},
			{"kek", NULL, AUDIT_TENANT_MOVED},
			{"attested", NULL, AUDIT_TENANT_ATTESTED},
		},
	},
	{
		.name = "catalog_keys",
		.created = AUDIT_KEY_CREATED,
		.changed = AUDIT_KEY_CHANGED,
		.deleted = AUDIT_KEY_DELETED,
		.shown = {
			{"version", "version", true},
			{"key_id", "key_id", true},
			{"state", "state", false},
			{"algorithm", "algorithm", false},
			{"kms", "kms", false},
			{"kek", "kek", false},
		},
		.meanings = {
			{"key_id", NULL, AUDIT_KEY_CHANGED},
			{"check_value", NULL, AUDIT_KEY_CHANGED},
			{"state", "active", AUDIT_KEY_ACTIVATED},
			{"state", "retired", AUDIT_KEY_RETIRED},
			{"state", "destroyed", AUDIT_KEY_DESTROYED},
			{"kms", NULL, AUDIT_KEY_MOVED},
			{"kek", NULL, AUDIT_KEY_MOVED},
			{"wrapped", NULL, AUDIT_KEY_REWRAPPED},
		},
	},
	{
		.name = "catalog_grants",
		.created = AUDIT_GRANT_CREATED,
		.changed = AUDIT_GRANT_CHANGED,
		.deleted = AUDIT_GRANT_DELETED,
		.shown = {
			{"role", "grantee", true},
			{"privileges", "privileges", false},
		},
	},
};

/* A row of the catalog; values are "" for NULL, since the catalog has none. */
typedef struct Row
{
	HeapTuple	tuple;
	TupleDesc	descriptor;
} Row;

static char *
hex_of(bytea *bytes)
{
	Size		len = VARSIZE_ANY_EXHDR(bytes);
	char	   *hex = palloc0(2 * len + 1);

	(void) hex_encode(VARDATA_ANY(bytes), len, hex);
	return hex;
}

static char *
seconds_of(const Interval *interval)
{
	int64		days = (int64) interval->month * DAYS_PER_MONTH + interval->day;

	return psprintf(INT64_FORMAT, days * SECS_PER_DAY + interval->time / USECS_PER_SEC);
}

/* As no setting of the session, bytea_output or IntervalStyle, has a say in. */
static char *
value_at(Row row, int number)
{
	bool		is_null;
	Datum		value = SPI_getbinval(row.tuple, row.descriptor, number, &is_null);

	if (is_null)
		return "";
	switch (SPI_gettypeid(row.descriptor, number))
	{
		case BYTEAOID:
			return hex_of(DatumGetByteaPP(value));
		case INTERVALOID:
			return seconds_of(DatumGetIntervalP(value));
		default:
			return SPI_getvalue(row.tuple, row.descriptor, number);
	}
}

static char *
value_of(Row row, const char *column)
{
	int			number = SPI_fnumber(row.descriptor, column);

	if (number <= 0)
		elog(ERROR, "audit: the table has no column \"%s\"", column);
	return value_at(row, number);
}

static bool
differs(Row before, Row after, const char *column)
{
	return strcmp(value_of(before, column), value_of(after, column)) != 0;
}

static const AuditedTable *
find_table(const char *name)
{
	for (int i = 0; i < lengthof(tables); i++)
	{
		if (strcmp(tables[i].name, name) == 0)
			return &tables[i];
	}
	elog(ERROR, "table \"%s\" is not one of the catalog", name);
}

/*
 * The role is the one that the session acts as: our functions write the
 * catalog as its owner, but that is not who did it.  The time never stands
 * still, so that the events of a transaction stay in their order.
 */
static void
put(AuditEvent event, const char *tenant, const char *detail)
{
	static TimestampTz last = 0;
	AuditRecord record = {
		.event = event,
		.tenant = tenant,
		.role = GetOuterUserId(),
		.session_role = GetAuthenticatedUserId(),
		.detail = detail,
	};

	last = Max(GetCurrentTimestamp(), last + 1);
	record.at = last;
	audit_put(&record);
}

static void
put_whole_row(const AuditedTable *table, AuditEvent event, Row row)
{
	StringInfoData detail;

	initStringInfo(&detail);
	for (const ShownColumn *shown = table->shown; shown->column != NULL; shown++)
		audit_say(&detail, shown->name, value_of(row, shown->column));
	put(event, value_of(row, "tenant"), detail.data);
}

static AuditEvent
meaning_of(const AuditedTable *table, Row before, Row after)
{
	for (const Meaning *meaning = table->meanings; meaning->column != NULL; meaning++)
	{
		if (differs(before, after, meaning->column) &&
			(meaning->value == NULL ||
			 strcmp(meaning->value, value_of(after, meaning->column)) == 0))
			return meaning->event;
	}
	return table->changed;
}

/* The names of the columns that changed; "" if none did. */
static char *
changed_columns(Row before, Row after)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int number = 1; number <= after.descriptor->natts; number++)
	{
		if (strcmp(value_at(before, number), value_at(after, number)) != 0)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
							 SPI_fname(after.descriptor, number));
	}
	return names.data;
}

static void
put_update(const AuditedTable *table, Row before, Row after)
{
	char	   *columns = changed_columns(before, after);
	StringInfoData detail;

	if (columns[0] == '\0')
		return;
	initStringInfo(&detail);
	for (const ShownColumn *shown = table->shown; shown->column != NULL; shown++)
	{
		bool		changed = differs(before, after, shown->column);

		if (changed || shown->always)
			audit_say(&detail, shown->name, value_of(after, shown->column));
		if (changed)
			audit_say(&detail, psprintf("%s_before", shown->name),
					  value_of(before, shown->column));
	}
	audit_say(&detail, "changed", columns);
	put(meaning_of(table, before, after), value_of(after, "tenant"), detail.data);
}

static void
put_row(const TriggerData *trigger)
{
	const AuditedTable *table = find_table(RelationGetRelationName(trigger->tg_relation));
	TupleDesc	descriptor = RelationGetDescr(trigger->tg_relation);
	Row			row = {trigger->tg_trigtuple, descriptor};
	Row			after = {trigger->tg_newtuple, descriptor};

	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		put_whole_row(table, table->created, row);
	else if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		put_whole_row(table, table->deleted, row);
	else if (differs(row, after, "tenant"))
	{
		/* Each tenant is told in its part. */
		put_whole_row(table, table->deleted, row);
		put_whole_row(table, table->created, after);
	}
	else
		put_update(table, row, after);
}

void
audit_change(const TriggerData *trigger)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "bionic_crypt audit",
												 ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(memory);

	if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		put_row(trigger);
	else
	{
		StringInfoData detail;

		initStringInfo(&detail);
		audit_say(&detail, "table", RelationGetRelationName(trigger->tg_relation));
		put(AUDIT_CATALOG_TRUNCATED, NULL, detail.data);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(memory);
}
