/*-------------------------------------------------------------------------
 *
 * kms_jwt.h
 *	  JSON Web Tokens (RFC 7519) that we sign to say who we are, and what can
 *	  be told of one that somebody gave us.
 *
 * One that is signed is a credential: the caller wipes it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_KMS_JWT_H
#define KMS_KMS_JWT_H

#include "postgres.h"

#include "crypto/bytes.h"

#define JWT_MAX 8192			/* with its NUL */

/* Signatures of RFC 7518, 3.3 and 3.5; the key is an RSA one of either. */
typedef enum JwtAlgorithm
{
	JWT_RS256,
	JWT_PS256
} JwtAlgorithm;

/* A member of the header or of the claims; printable ASCII. */
typedef struct JwtMember
{
	const char *name;			/* NULL behind the last */
	const char *string;			/* NULL: it is the number */
	int64		number;
} JwtMember;

/*
 * Makes a token; alg and typ begin its header by themselves.  key is PEM,
 * which may not want a password.  False: that is no RSA key of 2048 to 8192
 * bits, or a member cannot be written, or it does not fit; out is zero then.
 */
extern bool jwt_make(JwtAlgorithm algorithm, const char *key, const JwtMember *header,
					 const JwtMember *claims, char out[JWT_MAX]);

/* Likewise, of texts as they are. */
extern bool jwt_sign(JwtAlgorithm algorithm, const char *key, Bytes header, Bytes claims,
					 char out[JWT_MAX]);

/* The claims of a token as JSON, not verified; false: it is none, or they do not fit. */
extern bool jwt_claims(const char *token, uint8 *out, Size capacity, Size *len);

/* Their exp, seconds since 1970; 0: they say none that can be read. */
extern int64 jwt_expires(Bytes claims);

#endif							/* KMS_KMS_JWT_H */
