/*-------------------------------------------------------------------------
 *
 * aws_sigv4.h
 *	  Signatures of requests to AWS, Signature Version 4.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_AWS_SIGV4_H
#define KMS_AWS_SIGV4_H

#include "postgres.h"

#include "crypto/bytes.h"
#include "kms/kms_message.h"

#define SIGV4_ACCESS_KEY_ID_MAX		128
#define SIGV4_SECRET_KEY_MAX		128

/* Borrowed. */
typedef struct SigV4Keys
{
	Bytes		access_key_id;
	Bytes		secret_key;
	const char *session_token;	/* "": of a user, who has none */
} SigV4Keys;

/*
 * Signs a request that has its URL, headers and body, and adds the headers
 * Host, X-Amz-Date, X-Amz-Security-Token and Authorization.  Path and query
 * are taken as they are: escaped, and the query sorted.
 *
 * False when it cannot be signed: the request is invalid, as it is afterwards
 * when something did not fit, or has a header twice or with odd spaces; the
 * keys are too long; it is no time of this era; or OpenSSL fails.
 */
extern bool sigv4_sign(KmsRequest *request, const SigV4Keys *keys, const char *region,
					   const char *service, int64 now_s);

#endif							/* KMS_AWS_SIGV4_H */
