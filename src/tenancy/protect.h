/*-------------------------------------------------------------------------
 *
 * protect.h
 *	  Tables whose rows are kept apart by tenant: protect_table() and
 *	  unprotect_table(), and what the utility hook needs of them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TENANCY_PROTECT_H
#define TENANCY_PROTECT_H

#include "postgres.h"

/*
 * Protects a table that is, or is about to be, a partition of a protected
 * one, and its own partitions.  The caller of the statement must own all.
 */
extern void protect_as_partition(Oid relation, Oid parent);

/*
 * Adds the guards that new encrypted columns of a protected table lack, and
 * refuses what its definition must not have.  The statement that changed the
 * table holds the locks.
 */
extern void protect_changed_table(Oid relation);

#endif							/* TENANCY_PROTECT_H */
