/*-------------------------------------------------------------------------
 *
 * catalog_spi.h
 *	  Statements on the catalog: prepared once a process, run as its owner.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KEYS_CATALOG_SPI_H
#define KEYS_CATALOG_SPI_H

#include "postgres.h"

#include "executor/spi.h"

#define CATALOG_SCHEMA "bionic_crypt"
#define CATALOG_MAX_PARAMETERS 10

/* A statement with its plan, which is made at the first use. */
typedef struct CatalogStatement
{
	const char *sql;			/* every name in it qualified */
	int			n_parameters;
	Oid			types[CATALOG_MAX_PARAMETERS];
	SPIPlanPtr	plan;
} CatalogStatement;

/* What has to be put back; an error puts it back by itself. */
typedef struct CatalogAccess
{
	Oid			user;
	int			security_context;
	int			guc_level;
} CatalogAccess;

/* Between these, statements may be run and SPI's result looked at. */
extern void catalog_open(CatalogAccess *access);
extern void catalog_close(CatalogAccess *access);

/* The number of rows; raises an error when the statement fails. */
extern uint64 catalog_run(CatalogStatement *statement, Datum *values);

/* Columns of a row of the result; nothing in the catalog is NULL. */
extern Datum catalog_column(uint64 row, int column);
extern void catalog_copy_text(uint64 row, int column, char *out, Size size);
extern Size catalog_copy_bytes(uint64 row, int column, uint8 *out, Size size);

#endif							/* KEYS_CATALOG_SPI_H */
