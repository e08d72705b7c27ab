/*-------------------------------------------------------------------------
 *
 * kms_reply.h
 *	  What the replies of all providers that speak HTTP have in common.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_KMS_REPLY_H
#define KMS_KMS_REPLY_H

#include "postgres.h"

#include "kms/kms_provider.h"

/* False when there is no answer of the KMS to look at: see error. */
extern bool kms_reply_came(const HttpReply *reply, KmsError *error);

/*
 * kms_fail() of an answer: our own words, its status and its id, and never
 * anything of its body.  The words begin small for KMS_CONFIG, whose message
 * they end, and large else; they have no period.
 */
extern bool kms_reply_fail(const HttpReply *reply, KmsError *error, KmsStatus status,
						   const char *subject, const char *words);

#endif							/* KMS_KMS_REPLY_H */
