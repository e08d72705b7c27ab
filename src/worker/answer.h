/*-------------------------------------------------------------------------
 *
 * answer.h
 *	  The key worker's answers to requests of backends.
 *
 *-------------------------------------------------------------------------
 */
#ifndef WORKER_ANSWER_H
#define WORKER_ANSWER_H

#include "postgres.h"

#include "shmem/mailbox.h"

/* Once a process. */
extern void answers_init(void);

/* Answers it in any case: now, or when its KMS has, or when its time is over. */
extern void answer_request(const MailboxRequest *request);

/* Tells those whose time is over that their KMS has not answered. */
extern void answers_tick(void);

/* Milliseconds until the next one's is, at most limit_ms. */
extern long answers_timeout_ms(long limit_ms);

#endif							/* WORKER_ANSWER_H */
