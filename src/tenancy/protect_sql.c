/*-------------------------------------------------------------------------
 *
 * protect_sql.c
 *	  The statements that protect a table and that undo it.
 *
 * They are text because PostgreSQL offers no other stable way to DDL.  Each
 * name goes in through quote_identifier(); each function, type and operator
 * is qualified; search_path is pinned while they run.  So neither the name of
 * a table or column nor an object that someone put in the caller's path can
 * change what they mean.  They run as the caller: what the caller may not do,
 * they cannot.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "tenancy/protect_sql.h"
#include "tenancy/protection.h"

static char *table_name(Oid relation);

static const TenantType tenant_types[] = {
	{TEXTOID, "pg_catalog.text", true},
	{VARCHAROID, "pg_catalog.varchar", true},
	{INT2OID, "pg_catalog.int2", false},
	{INT4OID, "pg_catalog.int4", false},
	{INT8OID, "pg_catalog.int8", false},
	{UUIDOID, "pg_catalog.uuid", false},
};

const TenantType *
tenant_type(Oid type)
{
	for (int i = 0; i < lengthof(tenant_types); i++)
		if (tenant_types[i].type == type)
			return &tenant_types[i];
	return NULL;
}

/*
 * The sub-select makes PostgreSQL ask for the tenant once a statement, and
 * lets it use an index on the column.
 *
 * Many texts make one integer or UUID: a session of tenant "07" must not see
 * the rows of tenant "7".  So only the text that the value is written as
 * counts; all others select nothing.
 */
char *
sql_create_tenant_policy(Oid relation, const char *tenant_column,
						 const TenantType *type)
{
	const char *column = quote_identifier(tenant_column);
	char	   *condition;

	if (type->is_text)
		condition = psprintf("%s::pg_catalog.text OPERATOR(pg_catalog.=)"
							 " (SELECT bionic_crypt.current_tenant())", column);
	else
		condition = psprintf("%s OPERATOR(pg_catalog.=)"
							 " (SELECT session.tenant::%s"
							 " FROM bionic_crypt.current_tenant() AS session(tenant)"
							 " WHERE session.tenant::%s::pg_catalog.text"
							 " OPERATOR(pg_catalog.=) session.tenant)",
							 column, type->name, type->name);

	return psprintf("CREATE POLICY %s ON %s AS RESTRICTIVE FOR ALL TO PUBLIC"
					" USING (%s) WITH CHECK (%s)",
					TENANT_POLICY, table_name(relation), condition, condition);
}

/* A restrictive policy alone lets nothing through. */
char *
sql_create_access_policy(Oid relation)
{
	return psprintf("CREATE POLICY %s ON %s AS PERMISSIVE FOR ALL TO PUBLIC"
					" USING (true) WITH CHECK (true)",
					ACCESS_POLICY, table_name(relation));
}

char *
sql_drop_policy(Oid relation, const char *policy)
{
	return psprintf("DROP POLICY %s ON %s", quote_identifier(policy),
					table_name(relation));
}

char *
sql_alter_table(Oid relation, List *actions)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, actions)
		appendStringInfo(&sql, "%s %s", sql.len == 0 ? "" : ",",
						 (char *) lfirst(lc));
	return psprintf("ALTER TABLE %s%s", table_name(relation), sql.data);
}

char *
sql_set_not_null(const char *column)
{
	return psprintf("ALTER COLUMN %s SET NOT NULL", quote_identifier(column));
}

char *
sql_set_default(const char *column, const TenantType *type)
{
	return psprintf("ALTER COLUMN %s SET DEFAULT"
					" bionic_crypt.current_tenant()::%s",
					quote_identifier(column), type->name);
}

char *
sql_drop_default(const char *column)
{
	return psprintf("ALTER COLUMN %s DROP DEFAULT", quote_identifier(column));
}

char *
sql_add_guard(const char *guard, const char *column, const char *tenant_column)
{
	return psprintf("ADD CONSTRAINT %s CHECK"
					" (bionic_crypt.belongs_to(%s, %s::pg_catalog.text))",
					quote_identifier(guard), quote_identifier(column),
					quote_identifier(tenant_column));
}

char *
sql_drop_guard(const char *guard)
{
	return psprintf("DROP CONSTRAINT %s", quote_identifier(guard));
}

void
sql_run(List *statements)
{
	int			nest_level = NewGUCNestLevel();
	ListCell   *lc;

	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	foreach(lc, statements)
	{
		int			code = SPI_execute(lfirst(lc), false, 0);

		if (code != SPI_OK_UTILITY)
			elog(ERROR, "SPI_execute failed: %s",
				 SPI_result_code_string(code));
	}
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	AtEOXact_GUC(true, nest_level);
}

static char *
table_name(Oid relation)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
									  get_rel_name(relation));
}
