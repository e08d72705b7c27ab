/*-------------------------------------------------------------------------
 *
 * lease_table.h
 *	  The leases as lease.c and lease_look.c see them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef WORKER_LEASE_TABLE_H
#define WORKER_LEASE_TABLE_H

#include "postgres.h"

#include "utils/hsearch.h"
#include "worker/held_key.h"
#include "worker/lease.h"

struct Lease
{
	char		tenant[NAMEDATALEN];	/* hash key; must be first */
	uint8		fingerprint[FINGERPRINT_LEN];
	TenantCell *cell;
	HeldKey    *keys;
	uint64		next_look;
};

/* By the tenant's name. */
extern HTAB *lease_table;

/* Whether it holds a key, and whether one is being asked about. */
extern void lease_survey(const Lease *lease, bool *holds, bool *asks);

/* Wipes keys past their end; true if there was one. */
extern bool lease_expire(Lease *lease, uint64 now);

/* Backends have copies of a key that was wiped: they all ask again. */
extern void lease_recall(Lease *lease);

/* Ends it for good; a next request begins a new one. */
extern void lease_drop(Lease *lease);

/* Those whose key was given up come back with their question. */
extern void lease_tell_turned_away(void);
extern bool lease_any_turned_away(void);

/* When a lease is to be looked at, from now. */
extern uint64 lease_regular_look(void);

/* After a question without an answer. */
extern void lease_look_soon(Lease *lease, int64 after_ms);

#endif							/* WORKER_LEASE_TABLE_H */
