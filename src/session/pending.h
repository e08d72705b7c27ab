/*-------------------------------------------------------------------------
 *
 * pending.h
 *	  Keys and grants made by the current transaction, which the key worker
 *	  cannot see yet and the transaction may use at once.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SESSION_PENDING_H
#define SESSION_PENDING_H

#include "postgres.h"

#include "shmem/key_message.h"

/* Whether this transaction has made any. */
extern bool pending_any(void);

/* From now on, until rollback or commit. */
extern void pending_add_key(const KeyRecord *record);

/*
 * A key was wrapped anew: if it is one of ours, this is its record from now
 * on.  A tenant's keys come here from the oldest to the newest.
 */
extern void pending_follow_key(const KeyRecord *record);

/*
 * A grant to role; authority is the role in whose name the key worker is
 * asked: the one that granted, or InvalidOid when the tenant itself is new.
 * An empty tenant stands for all.
 */
extern void pending_add_grant(const char *tenant, Oid role, uint32 privileges,
							  Oid authority);

/* Takes back what this transaction granted. */
extern void pending_remove_grant(const char *tenant, Oid role, uint32 privileges);

/* The newest such key (key_id NULL), or the one with the id; NULL if none. */
extern const KeyRecord *pending_find_key(const char *tenant, const uint8 *key_id);

/* What pending grants let a role do, and in whose name to ask. */
extern uint32 pending_privileges(const char *tenant, Oid role, Oid *authority);

extern void pending_init(void);

#endif							/* SESSION_PENDING_H */
