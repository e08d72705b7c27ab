/*-------------------------------------------------------------------------
 *
 * protect_sql.h
 *	  The statements that protect a table and that undo it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TENANCY_PROTECT_SQL_H
#define TENANCY_PROTECT_SQL_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* A type that a tenant column may have. */
typedef struct TenantType
{
	Oid			type;
	const char *name;			/* in SQL, qualified */
	bool		is_text;		/* the column can hold any tenant's name */
} TenantType;

/* NULL when a tenant column cannot have the type. */
extern const TenantType *tenant_type(Oid type);

/* Each returns one statement.  Columns are given by name. */
extern char *sql_create_tenant_policy(Oid relation, const char *tenant_column,
									  const TenantType *type);
extern char *sql_create_access_policy(Oid relation);
extern char *sql_drop_policy(Oid relation, const char *policy);


/* One ALTER TABLE of several actions, so that the table is scanned once. */
extern char *sql_alter_table(Oid relation, List *actions);

/* Actions of an ALTER TABLE. */
#define SQL_FORCE_ROW_SECURITY	"ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
#define SQL_NO_ROW_SECURITY		"DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY"
extern char *sql_set_not_null(const char *column);
extern char *sql_set_default(const char *column, const TenantType *type);
extern char *sql_drop_default(const char *column);
extern char *sql_add_guard(const char *guard, const char *column,
						   const char *tenant_column);
extern char *sql_drop_guard(const char *guard);

/*
 * Runs statements as the current role, with a search_path that no one else
 * can put an object into.
 */
extern void sql_run(List *statements);

#endif							/* TENANCY_PROTECT_SQL_H */
