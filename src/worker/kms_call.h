/*-------------------------------------------------------------------------
 *
 * kms_call.h
 *	  One operation of a KMS, asked for and answered later.
 *
 * A call is embedded in what it is for and belongs to its caller, who keeps
 * its record and its key alive until done or cancelled.  done runs from
 * kms_calls_run(), never from kms_call_start(), and may start the next call.
 *
 *-------------------------------------------------------------------------
 */
#ifndef WORKER_KMS_CALL_H
#define WORKER_KMS_CALL_H

#include "postgres.h"

#include "kms/kms_provider.h"
#include "kms/kms_transport.h"
#include "kms/loop.h"
#include "lib/ilist.h"
#include "portability/instr_time.h"
#include "shmem/key_message.h"

#define KEY_PURPOSE_DATA "data"

/* What no key is wrapped for: such an unwrap must be refused. */
#define KEY_PURPOSE_PROBE "probe"

struct KmsClient;

typedef enum KmsCallState
{
	KMS_CALL_IDLE = 0,
	KMS_CALL_QUEUED,			/* for a place, or a login */
	KMS_CALL_SENT,
	KMS_CALL_PAUSED,			/* before it is tried again */
	KMS_CALL_ENDED				/* done is to be called */
} KmsCallState;

typedef struct KmsCall
{
	KmsOperation operation;
	KeyRecord  *record;			/* its wrapped key is read or written */
	const char *purpose;
	uint8	   *data_key;		/* key store memory: read or written */
	bool		may_create_kek; /* KMS_WRAP by a key file */
	void		(*done) (struct KmsCall *call);
	void	   *argument;

	/* The outcome; an unwrapped key was compared with its check value. */
	bool		ok;
	bool		kek_created;	/* the path is in error's subject */
	bool		by_breaker;		/* the KMS was not asked at all */
	KmsError	error;

	/* The rest is kms_call.c's. */
	KmsCallState state;
	struct KmsClient *client;
	dlist_node	node;
	int			attempts;
	bool		confirming;		/* it was refused once, */
	bool		denied;			/* by a denial */
	uint64		token_serial;	/* with which it was sent */
	instr_time	started;
	uint64		deadline;
	void	   *transfer;		/* the transport's */
	MemoryContext memory;		/* of reply and scratch */
	KmsReply   *reply;
	uint8	   *scratch;		/* the provider's, from build to read */
	LoopTimer	timer;
} KmsCall;

/* Once a process. */
extern void kms_calls_init(void);

/* Its first part is filled in, the rest zero or of a call that was done. */
extern void kms_call_start(KmsCall *call);

/* Ends it with an error of the caller's, as if a KMS had failed. */
extern void kms_call_refuse(KmsCall *call, KmsStatus status, const char *subject,
							const char *detail);

static inline bool
kms_call_under_way(const KmsCall *call)
{
	return call->state != KMS_CALL_IDLE;
}

/* Its done is not called; nothing happens when it is not under way. */
extern void kms_call_cancel(KmsCall *call);

/* Sends what can be sent, ends what has ended, until there is nothing. */
extern void kms_calls_run(void);

#endif							/* WORKER_KMS_CALL_H */
