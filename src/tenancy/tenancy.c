/*-------------------------------------------------------------------------
 *
 * tenancy.c
 *	  Keeps protected tables protected while their definition changes.
 *
 * PostgreSQL hands constraints and defaults down to partitions, policies and
 * row security not; and it knows nothing of our guards.  So it watches
 * utility statements and looks at the few statements that matter:
 *
 *	CREATE TABLE … PARTITION OF		the new partition is protected, after it
 *	ALTER TABLE … ATTACH PARTITION	the table is protected, before it, because
 *									PostgreSQL wants the constraint to be there
 *	ALTER TABLE … ADD COLUMN,		a new encrypted column gets its guard
 *		ALTER COLUMN … TYPE
 *	ALTER TABLE … REPLICA IDENTITY	FULL is refused
 *	inheritance with a protected	refused, and so is a protected partition of
 *		table						an unprotected table
 *
 * After a statement its tables are looked up by the names it gave.  It holds
 * locks on them, so a name cannot have come to mean something else.  All of
 * it guards against mistakes: the owner of a table can always unprotect it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "commands/extension.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/lsyscache.h"

#include "base/utility.h"
#include "report/scrub_log.h"
#include "tenancy/kms_guard.h"
#include "tenancy/protect.h"
#include "tenancy/protection.h"
#include "tenancy/role_guard.h"
#include "tenancy/tenancy.h"

static void before_statement(Node *statement);
static void after_statement(Node *statement);
static bool is_watched(Node *statement);
static bool extension_exists(void);
static void before_alter_table(AlterTableStmt *statement);
static void before_attach(RangeVar *parent, RangeVar *partition);
static void after_alter_table(AlterTableStmt *statement);
static void before_create_table(CreateStmt *statement);
static void after_create_table(CreateStmt *statement);
static bool is_protected(Oid relation);
static void refuse_inheritance(Oid relation);

static const UtilityWatch watch = {
	.before = before_statement,
	.after = after_statement,
};

void
tenancy_init(void)
{
	utility_watch(&watch);
	kms_guard_init();
	role_guard_init();
}

static void
before_statement(Node *statement)
{
	if (!is_watched(statement) || !extension_exists())
		return;
	if (IsA(statement, AlterTableStmt))
		before_alter_table((AlterTableStmt *) statement);
	else
		before_create_table((CreateStmt *) statement);
}

static void
after_statement(Node *statement)
{
	if (!is_watched(statement) || !extension_exists())
		return;
	CommandCounterIncrement();
	if (IsA(statement, AlterTableStmt))
		after_alter_table((AlterTableStmt *) statement);
	else
		after_create_table((CreateStmt *) statement);
}

/* A look at the statement alone: no catalog is read for any other. */
static bool
is_watched(Node *statement)
{
	ListCell   *lc;

	/* A CREATE FOREIGN TABLE begins with a CREATE TABLE. */
	if (IsA(statement, CreateStmt) || IsA(statement, CreateForeignTableStmt))
		return ((CreateStmt *) statement)->inhRelations != NIL;
	if (!IsA(statement, AlterTableStmt))
		return false;

	foreach(lc, ((AlterTableStmt *) statement)->cmds)
	{
		AlterTableType action = lfirst_node(AlterTableCmd, lc)->subtype;

		if (action == AT_AddColumn || action == AT_AlterColumnType ||
			action == AT_AttachPartition || action == AT_AddInherit ||
			action == AT_ReplicaIdentity)
			return true;
	}
	return false;
}

static bool
extension_exists(void)
{
	bool		exists;

	if (!IsTransactionState() || IsBinaryUpgrade)
		return false;
	exists = OidIsValid(get_extension_oid("bionic_crypt", true));
	scrub_log_extension_known(exists);
	return exists;
}

static void
before_alter_table(AlterTableStmt *statement)
{
	ListCell   *lc;

	foreach(lc, statement->cmds)
	{
		AlterTableCmd *action = lfirst_node(AlterTableCmd, lc);

		if (action->subtype == AT_AttachPartition &&
			statement->objtype == OBJECT_TABLE)
			before_attach(statement->relation,
						  castNode(PartitionCmd, action->def)->name);
		else if (action->subtype == AT_AddInherit)
		{
			refuse_inheritance(RangeVarGetRelid(statement->relation, NoLock,
												true));
			refuse_inheritance(RangeVarGetRelid(castNode(RangeVar, action->def),
												NoLock, true));
		}
	}
}

static void
before_attach(RangeVar *parent, RangeVar *partition)
{
	/* The lock and the check that the statement itself begins with. */
	Oid			parent_oid = RangeVarGetRelidExtended(parent,
													  ShareUpdateExclusiveLock,
													  RVR_MISSING_OK,
													  RangeVarCallbackOwnsRelation,
													  NULL);
	Oid			partition_oid = RangeVarGetRelid(partition, NoLock, true);

	if (!OidIsValid(parent_oid) || !OidIsValid(partition_oid))
		return;					/* the statement says so */
	if (is_protected(parent_oid))
		protect_as_partition(partition_oid, parent_oid);
	else if (is_protected(partition_oid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot attach protected table \"%s\" to unprotected table \"%s\"",
						partition->relname, parent->relname),
				 errdetail("Its rows could be read through the other without its policies."),
				 errhint("Call bionic_crypt.protect_table() for the partitioned table first.")));
}

static void
after_alter_table(AlterTableStmt *statement)
{
	Oid			relation = RangeVarGetRelid(statement->relation, NoLock, true);

	if (OidIsValid(relation) && is_protected(relation))
		protect_changed_table(relation);
}

static void
before_create_table(CreateStmt *statement)
{
	ListCell   *lc;

	if (statement->partbound != NULL)
		return;
	foreach(lc, statement->inhRelations)
		refuse_inheritance(RangeVarGetRelid(lfirst_node(RangeVar, lc), NoLock,
											true));
}

/*
 * The new partition is found from above: IF NOT EXISTS and search_path make
 * its own name a poor guide.
 */
static void
after_create_table(CreateStmt *statement)
{
	Oid			parent;
	ListCell   *lc;

	if (statement->partbound == NULL)
		return;
	parent = RangeVarGetRelid(linitial_node(RangeVar, statement->inhRelations),
							  NoLock, false);
	if (!is_protected(parent))
		return;
	foreach(lc, find_inheritance_children(parent, NoLock))
	{
		if (!is_protected(lfirst_oid(lc)))
			protect_as_partition(lfirst_oid(lc), parent);
	}
}

static bool
is_protected(Oid relation)
{
	return protection_read(relation).tenant_column != InvalidAttrNumber;
}

static void
refuse_inheritance(Oid relation)
{
	if (OidIsValid(relation) && is_protected(relation))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("protected table \"%s\" cannot take part in inheritance",
						get_rel_name(relation)),
				 errdetail("Policies of one table do not hold for its rows read through another."),
				 errhint("Use partitions.")));
}
