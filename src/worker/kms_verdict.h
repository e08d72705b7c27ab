/*-------------------------------------------------------------------------
 *
 * kms_verdict.h
 *	  Which keys are denied by their KMSs, so that audit is told when it begins
 *	  and when it ends.
 *
 *-------------------------------------------------------------------------
 */
#ifndef WORKER_KMS_VERDICT_H
#define WORKER_KMS_VERDICT_H

#include "postgres.h"

#include "kms/kms_provider.h"
#include "shmem/key_message.h"

/* After each answer of a KMS about a key. */
extern void kms_verdict_note(const KeyRecord *record, KmsStatus status);

#endif							/* WORKER_KMS_VERDICT_H */
