/*-------------------------------------------------------------------------
 *
 * epochs.h
 *	  The two words of one cache line that a backend reads for every value:
 *	  its tenant's epoch, and the end of its lease.
 *
 * An epoch is drawn from one counter of the whole server, so no two tenants
 * and no two states of a tenant ever have the same: a cell that was given to
 * another tenant is seen by whoever still points at it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SHMEM_EPOCHS_H
#define SHMEM_EPOCHS_H

#include "postgres.h"

#include "base/clock.h"
#include "crypto/envelope.h"
#include "port/atomics.h"

typedef struct TenantCell
{
	pg_atomic_uint64 epoch;		/* moved by every decision about the tenant */
	pg_atomic_uint64 lease_end; /* ns of CLOCK_MONOTONIC; 0: no lease */
	pg_atomic_uint32 used;		/* by a backend, since the worker last looked */
	uint64		kept_until;		/* the rest under SHMEM_LOCK_EPOCHS */
	Oid			database;
	uint8		fingerprint[FINGERPRINT_LEN];
} TenantCell;

/* The clock that the ends of leases are given in. */
static inline uint64
epochs_now(void)
{
	return clock_now_ns();
}

/* Whether what was learnt at this epoch still holds. */
static inline bool
epochs_unchanged(TenantCell *cell, uint64 epoch)
{
	return pg_atomic_read_u64(&cell->epoch) == epoch;
}

/* Whether a key got at this epoch may be used now; notes the use. */
static inline bool
epochs_lease_holds(TenantCell *cell, uint64 epoch)
{
	if (pg_atomic_read_u64(&cell->epoch) != epoch ||
		pg_atomic_read_u64(&cell->lease_end) <= epochs_now())
		return false;
	if (pg_atomic_read_u32(&cell->used) == 0)
		pg_atomic_write_u32(&cell->used, 1);
	return true;
}

extern Size epochs_size(void);
extern void epochs_attach(void *memory, bool found);

/* The cell of a tenant; NULL if it has none. */
extern TenantCell *epochs_find_cell(Oid database, const uint8 *fingerprint);

/*
 * The same, given to it if it had none, and kept for it for a while; NULL when
 * all are held by tenants with a lease.
 */
extern TenantCell *epochs_cell(Oid database, const uint8 *fingerprint);

/* For messages between processes. */
extern uint32 epochs_cell_number(const TenantCell *cell);
extern TenantCell *epochs_cell_by_number(uint32 number);

/* A decision about a tenant was committed: whoever has a key asks again. */
extern void epochs_advance(Oid database, const uint8 *fingerprint);
extern void epochs_advance_database(Oid database);

/*
 * Moves the end of a lease: only the key worker of the tenant's database,
 * only after a fresh answer of the KMS.  False when the cell went to another.
 */
extern bool epochs_renew_lease(TenantCell *cell, Oid database,
							   const uint8 *fingerprint, uint64 lease_end);

/* Ends all leases of a database now and moves their epochs. */
extern void epochs_end_database(Oid database);

#endif							/* SHMEM_EPOCHS_H */
