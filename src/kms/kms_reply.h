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
extern bool kms_reply_came(const KmsReply *reply, KmsError *error);

/*
 * kms_fail() of an answer: our own words, its status and its id, and never
 * anything of its body.  The words begin small for KMS_CONFIG, whose message
 * they end, and large else; they have no period.
 */
extern bool kms_reply_fail(const KmsReply *reply, KmsError *error, KmsStatus status,
						   const char *subject, const char *words);

/* What was asked, when something is refused; a provider may have bits of its own. */
#define KMS_ASKED_WRAP		(1 << KMS_WRAP)
#define KMS_ASKED_UNWRAP	(1 << KMS_UNWRAP)
#define KMS_ASKED_REWRAP	(1 << KMS_REWRAP)
#define KMS_ASKED_LOGIN		(1 << 3)
#define KMS_ASKED_RENEW		(1 << 4)
#define KMS_ASKED_OWN		(1 << 5)	/* the first of a provider's own */

#define KMS_ASKED_STORED	(KMS_ASKED_UNWRAP | KMS_ASKED_REWRAP)
#define KMS_ASKED_KEYS		(KMS_ASKED_WRAP | KMS_ASKED_STORED)
#define KMS_ASKED_ALL		(~0)

/* One line of a provider's table of refusals. */
typedef struct KmsRefusal
{
	int			status;			/* of HTTP; 0: any */
	int			status_to;		/* 0: that one only */
	int			asked;			/* KMS_ASKED bits */
	const char *code;			/* its error code; NULL: any */
	const char *text;			/* a part of what it says; NULL: any */
	KmsStatus	class;
	const char *subject;
	const char *words;			/* ours, see kms_reply_fail() */
} KmsRefusal;

/*
 * kms_reply_fail() by the first line that fits; KMS_PROTOCOL, with the words
 * for it, when none does.  code and said are the KMS's: they are compared, and
 * go no further.
 */
extern bool kms_reply_refused(const KmsReply *reply, KmsError *error,
							  const KmsRefusal *table, int n, int asked,
							  const char *code, const char *said, const char *unknown);

/* Whole seconds in digits; more than a uint32 holds is as good as for ever. */
extern bool kms_reply_seconds(const char *text, uint32 *seconds);

#endif							/* KMS_KMS_REPLY_H */
