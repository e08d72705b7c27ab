/*-------------------------------------------------------------------------
 *
 * answer.h
 *	  The key worker's answer to one request of a backend.
 *
 *-------------------------------------------------------------------------
 */
#ifndef WORKER_ANSWER_H
#define WORKER_ANSWER_H

#include "postgres.h"

#include "shmem/mailbox.h"

/* Answers it in any case; allocates in the current memory context. */
extern void answer_request(const MailboxRequest *request);

#endif							/* WORKER_ANSWER_H */
