/*-------------------------------------------------------------------------
 *
 * kms_exchange.h
 *	  One exchange of a call with its server: built, sent, read by the
 *	  provider.  Of kms_call.c only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef WORKER_KMS_EXCHANGE_H
#define WORKER_KMS_EXCHANGE_H

#include "postgres.h"

#include "worker/kms_call.h"

/* Once a process. */
extern void kms_exchanges_init(void);

/* False when the provider cannot build it: see the call's error. */
extern bool kms_exchange_send(KmsCall *call, int timeout_ms, KmsDone done);

/* Sets the call's ok to what the provider makes of the reply; for guarded_run(). */
extern void kms_exchange_read(void *call);

/* By a local provider, at once; may raise errors. */
extern bool kms_exchange_local(KmsCall *call);

#endif							/* WORKER_KMS_EXCHANGE_H */
