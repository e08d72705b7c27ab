/*-------------------------------------------------------------------------
 *
 * tenant_context.c
 *	  The tenant this session asks to act for: the setting
 *	  bionic_crypt.tenant, its sources, its scope, and when it does not count.
 *
 * The setting only asks.  It is accepted from the session itself and refused
 * from the configuration file, ALTER SYSTEM, ALTER DATABASE and ALTER ROLE,
 * which would make dumps and replication plaintext.
 *
 * With tenant_scope = transaction the setting is emptied when the transaction
 * ends, before PostgreSQL makes it permanent: so it shows what is in force,
 * and parallel workers, which get a copy of it, need no rule of their own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "replication/logicalworker.h"
#include "replication/slot.h"
#include "replication/walsender.h"
#include "utils/guc.h"

#include "base/utility.h"
#include "crypto/kdf.h"
#include "report/condition.h"
#include "session/tenant_context.h"
#include "shmem/shmem.h"

#define TENANT_SETTING "bionic_crypt.tenant"

typedef enum TenantScope
{
	SCOPE_SESSION,
	SCOPE_TRANSACTION
} TenantScope;

static const struct config_enum_entry scope_names[] = {
	{"session", SCOPE_SESSION, false},
	{"transaction", SCOPE_TRANSACTION, false},
	{NULL, 0, false}
};

/* The settings, and what was made of the first. */
static char *tenant_setting;
static int	scope_setting;
static TenantContext context;

/* Clients that must see ciphertext, whoever sets a tenant for them. */
static bool
is_dump(void)
{
	return application_name != NULL && strncmp(application_name, "pg_", 3) == 0 &&
		(strcmp(application_name, "pg_dump") == 0 ||
		 strcmp(application_name, "pg_dumpall") == 0);
}

static bool
is_replication(void)
{
	return am_walsender || IsLogicalWorker() ||
		(MyReplicationSlot != NULL && SlotIsLogical(MyReplicationSlot));
}

const TenantContext *
tenant_context(void)
{
	if (context.name_len == 0 || is_replication() || is_dump())
		return NULL;
	return &context;
}

/* Without the library preloaded the setting is a word that nobody reads. */
const TenantContext *
tenant_context_require(void)
{
	const TenantContext *found = tenant_context();

	if (unlikely(found == NULL))
	{
		shmem_require();
		condition_raise_plain(CONDITION_NO_TENANT);
	}
	return found;
}

bool
tenant_name_is_utf8(const char *name, size_t len)
{
	if (GetDatabaseEncoding() == PG_UTF8)
		return pg_verify_mbstr(PG_UTF8, name, (int) len, true);
	for (size_t i = 0; i < len; i++)
	{
		if (IS_HIGHBIT_SET(name[i]))
			return false;
	}
	return true;
}

static bool
check_tenant(char **value, void **extra, GucSource source)
{
	Size		len = strlen(*value);

	if (len == 0)
		return true;
	if (source > PGC_S_DEFAULT && source < PGC_S_CLIENT)
	{
		GUC_check_errcode(ERRCODE_CANT_CHANGE_RUNTIME_PARAM);
		GUC_check_errmsg("parameter \"%s\" can be set in a session only", TENANT_SETTING);
		return false;
	}
	if (len > TENANT_NAME_MAX)
	{
		GUC_check_errdetail("A tenant's name has at most %d bytes.", TENANT_NAME_MAX);
		return false;
	}
	/* An option of the connection comes as the client has sent it. */
	if (!tenant_name_is_utf8(*value, len))
	{
		GUC_check_errdetail("A tenant's name is in UTF-8, in databases of other encodings in ASCII.");
		return false;
	}
	return true;
}

static void
assign_tenant(const char *value, void *extra)
{
	Size		len = strlen(value);

	context.name = value;
	context.name_len = len;
	context.serial++;
	if (len > 0 && !kdf_fingerprint(bytes_of(value, len), context.fingerprint))
		context.name_len = 0;	/* no library, no tenant */
}

static void
end_of_transaction(XactEvent event, void *arg)
{
	/* A rollback takes back what the transaction set by itself. */
	if ((event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE) &&
		scope_setting == SCOPE_TRANSACTION && context.name_len > 0)
		SetConfigOption(TENANT_SETTING, "", PGC_USERSET, PGC_S_SESSION);
}

/* Refuses to store the setting where it would be ignored later. */
static void
refuse_stored_setting(Node *statement)
{
	VariableSetStmt *set = NULL;

	if (IsA(statement, AlterSystemStmt))
		set = ((AlterSystemStmt *) statement)->setstmt;
	else if (IsA(statement, AlterRoleSetStmt))
		set = ((AlterRoleSetStmt *) statement)->setstmt;
	else if (IsA(statement, AlterDatabaseSetStmt))
		set = ((AlterDatabaseSetStmt *) statement)->setstmt;
	if (set != NULL && set->name != NULL && pg_strcasecmp(set->name, TENANT_SETTING) == 0 &&
		(set->kind == VAR_SET_VALUE || set->kind == VAR_SET_CURRENT))
		ereport(ERROR,
				(errcode(ERRCODE_CANT_CHANGE_RUNTIME_PARAM),
				 errmsg("parameter \"%s\" can be set in a session only", TENANT_SETTING),
				 errdetail("Stored with a role or a database it would make dumps and replication plaintext.")));
}

static const UtilityWatch watch = {.before = refuse_stored_setting};

void
tenant_context_init(void)
{
	DefineCustomStringVariable(TENANT_SETTING,
							   "Tenant this session asks to act for.",
							   "Its role needs a grant: bionic_crypt.grant_tenant().",
							   &tenant_setting, "", PGC_USERSET, 0,
							   check_tenant, assign_tenant, NULL);
	DefineCustomEnumVariable("bionic_crypt.tenant_scope",
							 "How long bionic_crypt.tenant counts once it is set.",
							 "\"transaction\" leaves nothing behind in a pooled connection.",
							 &scope_setting, SCOPE_SESSION, scope_names,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	RegisterXactCallback(end_of_transaction, NULL);
	utility_watch(&watch);
}
