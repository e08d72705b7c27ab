/*-------------------------------------------------------------------------
 *
 * lease.h
 *	  The tenants whose keys this key worker holds, and until when their
 *	  KMSs let them be used.
 *
 *-------------------------------------------------------------------------
 */
#ifndef WORKER_LEASE_H
#define WORKER_LEASE_H

#include "postgres.h"

#include "kms/kms_provider.h"
#include "shmem/epochs.h"
#include "shmem/key_message.h"

/* Ends the leases of a worker before us: they have nobody who asks. */
extern void lease_init(void);

/*
 * The unwrapped key of a record, under a lease: from the store, or from the
 * KMS.  NULL: *error says why.  Valid until the next call of this file.
 */
extern const uint8 *lease_key(const KeyRecord *record, TenantCell *cell,
							  KmsError *error);

/* Renews and ends leases that are due; milliseconds until the next is. */
extern long lease_tick(void);

/* After a change of settings: looks at every lease anew. */
extern void lease_check_all_soon(void);

#endif							/* WORKER_LEASE_H */
