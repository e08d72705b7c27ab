/*-------------------------------------------------------------------------
 *
 * mailbox.h
 *	  Requests of backends to the key worker of their database, and its
 *	  replies: one slot a process, by its number.  What is in the messages,
 *	  key_message.h says; this moves bytes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SHMEM_MAILBOX_H
#define SHMEM_MAILBOX_H

#include "postgres.h"

#include "crypto/bytes.h"
#include "datatype/timestamp.h"

#define MAILBOX_MESSAGE_MAX 12288	/* bytes of a request or a reply */

/* A request as the worker took it. */
typedef struct MailboxRequest
{
	int			slot;
	uint64		generation;
	Oid			session_role;	/* that logged in */
	Size		len;
	uint8		message[MAILBOX_MESSAGE_MAX];
} MailboxRequest;

extern Size mailbox_size(void);
extern void mailbox_attach(void *memory, bool found);

/* Backend: puts a request into our slot; an older one is forgotten. */
extern uint64 mailbox_submit(Bytes request);

/*
 * Backend: waits for the reply of this generation until the deadline; -1 when
 * it passed.  Interrupts are served.  The reply is copied to out, of
 * MAILBOX_MESSAGE_MAX bytes.
 */
extern int	mailbox_wait(uint64 generation, TimestampTz deadline, uint8 *out);

/* Our number among the slots, bound into each sealed reply. */
extern int	mailbox_my_slot(void);

/*
 * Worker: takes the next request of a live process in this database, at or
 * after slot number from; false when there is none.
 */
extern bool mailbox_take(int from, MailboxRequest *request);

/* Worker: how many slots there are. */
extern int	mailbox_slots(void);

/* Worker: answers it, unless its backend gave up or went away. */
extern void mailbox_reply(int slot, uint64 generation, Bytes reply);

/* Worker: whether a live process of this database has ever asked. */
extern bool mailbox_has_clients(void);

#endif							/* SHMEM_MAILBOX_H */
