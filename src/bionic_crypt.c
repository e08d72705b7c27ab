/*-------------------------------------------------------------------------
 *
 * bionic_crypt.c
 *	  What happens when the server loads the library: settings, shared
 *	  memory, hooks, workers.
 *
 * Hooks chain; the one set last runs first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "attest/attester.h"
#include "base/config.h"
#include "base/utility.h"
#include "crypto/aead.h"
#include "crypto/sealed_box.h"
#include "keys/catalog_changed.h"
#include "report/loaded_libraries.h"
#include "report/scrub_log.h"
#include "session/key_cache.h"
#include "session/pending.h"
#include "session/tenant_context.h"
#include "shmem/shmem.h"
#include "tenancy/tenancy.h"
#include "types/types.h"
#include "worker/key_worker.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

/*
 * Without preloading there is no shared memory and no worker: the functions
 * say so when they are called, and no hook is set.  pg_upgrade's servers load
 * the library, too; they need no keys and get none.
 */
void
_PG_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;

	/*
	 * Here rather than in each backend, where it takes a millisecond of the
	 * first key.  OpenSSL's random generator notices a fork.
	 */
	if (!aead_startup() || !box_startup())
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("could not initialize the cryptographic libraries")));

	config_init();
	utility_init();
	tenant_context_init();
	key_cache_init();
	pending_init();
	catalog_changed_init();
	scrub_log_init();
	types_init();
	tenancy_init();
	database_statements_init();
	MarkGUCPrefixReserved("bionic_crypt");

	shmem_init();
	loaded_libraries_init();
	if (!IsBinaryUpgrade)
	{
		launcher_register();
		attester_register();
	}
}
