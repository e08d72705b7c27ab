/*-------------------------------------------------------------------------
 *
 * epochs.c
 *	  The cells of tenants in use: epoch and lease end.
 *
 * Locking: the owner of each cell is under SHMEM_LOCK_EPOCHS; cells are searched
 * in order, which a process does when it has to ask anyway.  The words
 * of a cell are atomics that a backend reads without a lock; the end of a
 * lease is moved by the key worker of its database only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/shmem.h"

#include "base/config.h"
#include "shmem/epochs.h"
#include "shmem/shmem.h"

/* Cells stand a cache line apart. */
typedef union PaddedCell
{
	TenantCell	cell;
	char		line[PG_CACHE_LINE_SIZE];
} PaddedCell;

typedef struct Epochs
{
	pg_atomic_uint64 last_epoch;
	uint32		cells_used;		/* cells[0 .. cells_used) had an owner */
	uint32		next_victim;	/* where the search for an old cell goes on */
	PaddedCell	cells[FLEXIBLE_ARRAY_MEMBER];
} Epochs;

/*
 * A tenant keeps a new cell until its KMS has answered, for this long: longer
 * than a KMS is waited for.
 */
#define CELL_KEPT_NS UINT64CONST(30000000000)

static Epochs *epochs;			/* shared */

Size
epochs_size(void)
{
	return add_size(offsetof(Epochs, cells),
					mul_size(config_max_tenants, sizeof(PaddedCell)));
}

void
epochs_attach(void *memory, bool found)
{
	epochs = memory;
	if (found)
		return;

	memset(epochs, 0, epochs_size());
	pg_atomic_init_u64(&epochs->last_epoch, 0);
	for (int i = 0; i < config_max_tenants; i++)
	{
		TenantCell *cell = &epochs->cells[i].cell;

		pg_atomic_init_u64(&cell->epoch, 0);
		pg_atomic_init_u64(&cell->lease_end, 0);
		pg_atomic_init_u32(&cell->used, 0);
	}
}

static void
advance(TenantCell *cell)
{
	pg_atomic_write_u64(&cell->epoch,
						pg_atomic_add_fetch_u64(&epochs->last_epoch, 1));
}

static bool
owned_by(const TenantCell *cell, Oid database, const uint8 *fingerprint)
{
	return cell->database == database &&
		memcmp(cell->fingerprint, fingerprint, FINGERPRINT_LEN) == 0;
}

/* NULL if the tenant has none.  The caller holds the lock. */
static TenantCell *
find_cell(Oid database, const uint8 *fingerprint)
{
	for (uint32 i = 0; i < epochs->cells_used; i++)
	{
		if (owned_by(&epochs->cells[i].cell, database, fingerprint))
			return &epochs->cells[i].cell;
	}
	return NULL;
}

/* A cell without a lease, or NULL.  The caller holds the lock. */
static TenantCell *
free_cell(void)
{
	uint64		now = epochs_now();

	if (epochs->cells_used < config_max_tenants)
		return &epochs->cells[epochs->cells_used++].cell;

	for (int i = 0; i < config_max_tenants; i++)
	{
		TenantCell *cell = &epochs->cells[epochs->next_victim].cell;

		epochs->next_victim = (epochs->next_victim + 1) % config_max_tenants;
		if (pg_atomic_read_u64(&cell->lease_end) <= now && cell->kept_until <= now)
			return cell;
	}
	return NULL;
}

TenantCell *
epochs_find_cell(Oid database, const uint8 *fingerprint)
{
	TenantCell *cell;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_EPOCHS), LW_SHARED);
	cell = find_cell(database, fingerprint);
	LWLockRelease(shmem_lock(SHMEM_LOCK_EPOCHS));
	return cell;
}

TenantCell *
epochs_cell(Oid database, const uint8 *fingerprint)
{
	TenantCell *cell;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_EPOCHS), LW_EXCLUSIVE);
	cell = find_cell(database, fingerprint);
	if (cell == NULL && (cell = free_cell()) != NULL)
	{
		/* The epoch first: whoever still points here must not be misled. */
		advance(cell);
		pg_atomic_write_u64(&cell->lease_end, 0);
		cell->database = database;
		memcpy(cell->fingerprint, fingerprint, FINGERPRINT_LEN);
	}
	if (cell != NULL)
		cell->kept_until = epochs_now() + CELL_KEPT_NS;
	LWLockRelease(shmem_lock(SHMEM_LOCK_EPOCHS));
	return cell;
}

uint32
epochs_cell_number(const TenantCell *cell)
{
	return (uint32) ((const PaddedCell *) cell - epochs->cells);
}

TenantCell *
epochs_cell_by_number(uint32 number)
{
	Assert(number < config_max_tenants);
	return &epochs->cells[number].cell;
}

void
epochs_advance(Oid database, const uint8 *fingerprint)
{
	TenantCell *cell;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_EPOCHS), LW_SHARED);
	cell = find_cell(database, fingerprint);
	if (cell != NULL)
		advance(cell);
	LWLockRelease(shmem_lock(SHMEM_LOCK_EPOCHS));
}

void
epochs_advance_database(Oid database)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_EPOCHS), LW_SHARED);
	for (uint32 i = 0; i < epochs->cells_used; i++)
	{
		if (epochs->cells[i].cell.database == database)
			advance(&epochs->cells[i].cell);
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_EPOCHS));
}

bool
epochs_renew_lease(TenantCell *cell, Oid database, const uint8 *fingerprint,
				   uint64 lease_end)
{
	bool		owned;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_EPOCHS), LW_SHARED);
	owned = owned_by(cell, database, fingerprint);
	if (owned)
		pg_atomic_write_u64(&cell->lease_end, lease_end);
	LWLockRelease(shmem_lock(SHMEM_LOCK_EPOCHS));
	return owned;
}

void
epochs_end_database(Oid database)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_EPOCHS), LW_SHARED);
	for (uint32 i = 0; i < epochs->cells_used; i++)
	{
		TenantCell *cell = &epochs->cells[i].cell;

		if (cell->database == database)
		{
			pg_atomic_write_u64(&cell->lease_end, 0);
			advance(cell);
		}
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_EPOCHS));
}
