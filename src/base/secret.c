/*-------------------------------------------------------------------------
 *
 * secret.c
 *	  Key material in PostgreSQL's memory.
 *
 * The callback sits inside the allocation, which is never pfree'd, so it
 * cannot outlive it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>
#include <sys/resource.h>

#include "base/config.h"
#include "base/secret.h"

static void
secret_wipe_callback(void *arg)
{
	secret_wipe((Secret *) arg);
}

Secret *
secret_create(Size len)
{
	Secret	   *secret = palloc0(offsetof(Secret, data) + len);

	secret->len = len;
	secret->wipe.func = secret_wipe_callback;
	secret->wipe.arg = secret;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &secret->wipe);
	return secret;
}

void
secret_wipe(Secret *secret)
{
	OPENSSL_cleanse(secret->data, secret->len);
}

void
secret_forbid_core_dumps(void)
{
	static bool forbidden = false;
	struct rlimit none = {0, 0};

	if (forbidden || config_allow_core_dumps)
		return;

	/* The hard limit too: nothing that runs later in here may lift it. */
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("could not forbid core dumps: %m")));
	forbidden = true;
}
