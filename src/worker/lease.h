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
#include "lib/ilist.h"
#include "shmem/epochs.h"
#include "shmem/key_message.h"

/* Ends the leases of a worker before us: they have nobody who asks. */
extern void lease_init(void);

/*
 * Who needs a key; embedded, zero before its first use.  done gets the key,
 * valid until it returns, or an error; or neither: the catalog has changed
 * meanwhile, and the question has to be asked anew.
 */
typedef struct LeaseWaiter
{
	dlist_node	node;
	bool		waiting;
	void	   *argument;
	void		(*done) (struct LeaseWaiter *waiter, const uint8 *data_key,
						 const KmsError *error);
} LeaseWaiter;

/*
 * Gets the unwrapped key of a record under a lease: at once when it is at
 * hand or was refused a moment ago, else from its KMS later.
 */
extern void lease_want_key(const KeyRecord *record, TenantCell *cell, LeaseWaiter *waiter);

/* Its done is not called any more. */
extern void lease_forget(LeaseWaiter *waiter);

/* Asks about what is due, ends what is over. */
extern void lease_tick(void);

/* Milliseconds until lease_tick() has something to do. */
extern long lease_timeout_ms(void);

/* After a change of settings: looks at every lease anew. */
extern void lease_check_all_soon(void);

#endif							/* WORKER_LEASE_H */
