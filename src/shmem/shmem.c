/*-------------------------------------------------------------------------
 *
 * shmem.c
 *	  The shared memory of the extension: asked for and laid out in one place.
 *
 * The startup hook runs again after a crash restart, in fresh memory; each
 * part lays itself out anew and nothing of before is looked at.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"

#include "report/condition.h"
#include "shmem/attestation_desk.h"
#include "shmem/epochs.h"
#include "shmem/kms_stats.h"
#include "shmem/mailbox.h"
#include "shmem/registry.h"
#include "shmem/shmem.h"

#define TRANCHE_NAME "bionic_crypt"

typedef struct Part
{
	const char *name;
	Size		(*size) (void);
	void		(*attach) (void *memory, bool found);
} Part;

static const Part parts[] = {
	{"bionic_crypt epochs", epochs_size, epochs_attach},
	{"bionic_crypt mailbox", mailbox_size, mailbox_attach},
	{"bionic_crypt registry", registry_size, registry_attach},
	{"bionic_crypt kms_stats", kms_stats_size, kms_stats_attach},
	{"bionic_crypt attestation desk", desk_size, desk_attach},
};

/* Hooks before ours. */
static shmem_request_hook_type previous_request_hook;
static shmem_startup_hook_type previous_startup_hook;

/* The named locks; NULL when the library was not preloaded. */
static LWLockPadded *locks;

static void
request_memory(void)
{
	if (previous_request_hook)
		previous_request_hook();

	for (int i = 0; i < lengthof(parts); i++)
		RequestAddinShmemSpace(MAXALIGN(parts[i].size()));
	RequestNamedLWLockTranche(TRANCHE_NAME, SHMEM_LOCKS);
}

static void
lay_out_memory(void)
{
	if (previous_startup_hook)
		previous_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	locks = GetNamedLWLockTranche(TRANCHE_NAME);
	for (int i = 0; i < lengthof(parts); i++)
	{
		bool		found;
		void	   *memory = ShmemInitStruct(parts[i].name, parts[i].size(), &found);

		parts[i].attach(memory, found);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
shmem_init(void)
{
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_memory;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = lay_out_memory;
}

bool
shmem_ready(void)
{
	return locks != NULL;
}

void
shmem_require(void)
{
	if (!shmem_ready())
		condition_raise_plain(CONDITION_NOT_PRELOADED);
}

LWLock *
shmem_lock(int which)
{
	Assert(shmem_ready() && which >= 0 && which < SHMEM_LOCKS);
	return &locks[which].lock;
}
