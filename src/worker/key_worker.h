/*-------------------------------------------------------------------------
 *
 * key_worker.h
 *	  Entry points of the background workers, and their registration.
 *
 *-------------------------------------------------------------------------
 */
#ifndef WORKER_KEY_WORKER_H
#define WORKER_KEY_WORKER_H

#include "postgres.h"

#include "fmgr.h"
#include "postmaster/bgworker.h"

#define LIBRARY_NAME "bionic_crypt"

extern PGDLLEXPORT void bionic_crypt_key_worker_main(Datum database);
extern PGDLLEXPORT void bionic_crypt_launcher_main(Datum unused);

/* Registers the launcher; from _PG_init() in the postmaster. */
extern void launcher_register(void);

/* The hook that makes room for DROP DATABASE and its like. */
extern void database_statements_init(void);

#endif							/* WORKER_KEY_WORKER_H */
