/*-------------------------------------------------------------------------
 *
 * jwt.h
 *	  Signed tokens (RFC 7515, 7519), as RFC 8725 wants them read.
 *
 * The key says which algorithm is right, never the token: there is no "none",
 * nothing symmetric, no extension that is critical ("crit"), and no key that
 * the token brings or points to (jwk, jku, x5c, x5u).
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVIDENCE_JWT_H
#define EVIDENCE_JWT_H

#include "crypto/bytes.h"

#define JWT_MAX		16384

/* Views into itself; not to be copied. */
typedef struct Jwt
{
	Bytes		signing_input;	/* into the token */
	Bytes		header;			/* JSON */
	Bytes		payload;		/* JSON; nothing is true of it before jwt_verify() */
	Bytes		signature;
	char		room[JWT_MAX + 1];
} Jwt;

/* Three parts in strict base64url.  NULL when it is well-formed, else what is not. */
extern const char *jwt_read(Bytes token, Jwt *jwt);

/* By the key of a JWK set that the header names.  NULL: the signature is right. */
extern const char *jwt_verify(const Jwt *jwt, Bytes jwks);

#endif							/* EVIDENCE_JWT_H */
