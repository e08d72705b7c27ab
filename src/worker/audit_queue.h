/*-------------------------------------------------------------------------
 *
 * audit_queue.h
 *	  What the key worker decided, on its way to audit.
 *
 *-------------------------------------------------------------------------
 */
#ifndef WORKER_AUDIT_QUEUE_H
#define WORKER_AUDIT_QUEUE_H

#include "postgres.h"

#include "keys/audit.h"
#include "shmem/key_message.h"

/* Once in the key worker, after it has its database. */
extern void audit_queue_init(void);

/*
 * Notes an event of a key that no request brought about.  It is written soon,
 * or goes to the server log.  Not in a transaction.
 */
extern void audit_note(AuditEvent event, const KeyRecord *record);

/*
 * Notes what of an answer has to be known later: a refusal, or a key that was
 * made.  False: there is no room, and the request has to be refused with
 * CONDITION_AUDIT_FULL.  tenant_exists: a name that is nobody's is not kept, as
 * anybody could fill the audit with names.  Not in a transaction.
 */
extern bool audit_answer(const KeyRequest *request, const KeyReply *reply,
						 Oid session_role, bool tenant_exists);

/* In each round: writes what is due, from here and from the outbox. */
extern void audit_write_pending(void);

/* Milliseconds until the next round is needed; at most limit_ms. */
extern long audit_timeout_ms(long limit_ms);

#endif							/* WORKER_AUDIT_QUEUE_H */
