/*-------------------------------------------------------------------------
 *
 * catalog_spi.c
 *	  Statements on the catalog.
 *
 * Run as the owner of the catalog, so that nobody else needs a privilege on
 * it, with a search path in which no one else can create anything, and as
 * PostgreSQL runs maintenance commands: what a trigger there would leave in
 * the session is refused.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "keys/catalog.h"
#include "keys/catalog_spi.h"

/* The table that was looked at last, if it is the extension's. */
static Oid	known_table = InvalidOid;

/* In the place of a table that is not ours anybody may have put another. */
static bool
is_ours(Oid table)
{
	Oid			extension;

	if (table != known_table)
	{
		extension = getExtensionOfObject(RelationRelationId, table);
		if (!OidIsValid(extension) || extension != get_extension_oid("bionic_crypt", true))
			return false;
		known_table = table;
	}
	return true;
}

static Oid
catalog_table(void)
{
	Oid			schema = get_namespace_oid(CATALOG_SCHEMA, true);
	Oid			table = OidIsValid(schema) ?
		get_relname_relid("catalog_tenants", schema) : InvalidOid;

	return OidIsValid(table) && is_ours(table) ? table : InvalidOid;
}

bool
catalog_exists(void)
{
	return OidIsValid(catalog_table());
}

static Oid
catalog_owner(void)
{
	Oid			table = catalog_table();
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension \"%s\" is not created in this database",
						"bionic_crypt")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

void
catalog_open(CatalogAccess *access)
{
	Oid			owner = catalog_owner();

	GetUserIdAndSecContext(&access->user, &access->security_context);
	SetUserIdAndSecContext(owner, access->security_context |
						   SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	access->guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
catalog_close(CatalogAccess *access)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	AtEOXact_GUC(true, access->guc_level);
	SetUserIdAndSecContext(access->user, access->security_context);
}

/*
 * With the latest snapshot at every isolation level, as PostgreSQL reads its
 * own catalogs: what was revoked or suspended since the transaction began
 * must not come back by its age.
 */
uint64
catalog_run(CatalogStatement *statement, Datum *values)
{
	int			result;

	if (statement->plan == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare(statement->sql, statement->n_parameters,
									   statement->types);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare a statement on the catalog: %s",
				 SPI_result_code_string(SPI_result));
		statement->plan = plan;
	}
	result = SPI_execute_snapshot(statement->plan, values, NULL, GetLatestSnapshot(),
								  InvalidSnapshot, false, true, 0);
	if (result < 0)
		elog(ERROR, "could not run a statement on the catalog: %s",
			 SPI_result_code_string(result));
	return SPI_processed;
}

Datum
catalog_column(uint64 row, int column)
{
	bool		is_null;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
									  column, &is_null);

	if (is_null)
		elog(ERROR, "column %d of a catalog row is null", column);
	return value;
}

void
catalog_copy_text(uint64 row, int column, char *out, Size size)
{
	char	   *copied = TextDatumGetCString(catalog_column(row, column));

	if (strlcpy(out, copied, size) >= size)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("catalog of tenants and keys is damaged"),
				 errdetail_log("Column %d is longer than %zu bytes.", column, size - 1)));
	pfree(copied);
}

Size
catalog_copy_bytes(uint64 row, int column, uint8 *out, Size size)
{
	bytea	   *bytes = DatumGetByteaPP(catalog_column(row, column));
	Size		len = VARSIZE_ANY_EXHDR(bytes);

	if (len > size)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("catalog of tenants and keys is damaged"),
				 errdetail_log("Column %d is longer than %zu bytes.", column, size)));
	memcpy(out, VARDATA_ANY(bytes), len);
	return len;
}
