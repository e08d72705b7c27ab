/*-------------------------------------------------------------------------
 *
 * made_token.h
 *	  A token of Confidential Space under keys of the test: made right, unless
 *	  its test changes something before it is signed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_EVIDENCE_MADE_TOKEN_H
#define UNIT_EVIDENCE_MADE_TOKEN_H

#include <openssl/evp.h>

#include "evidence_tap.h"

#define MADE_TOKEN_AT	INT64_C(1800000000)
#define MADE_TEXT_MAX	4096
#define MADE_TOKEN_MAX	32768

typedef struct MadeToken
{
	/* what a test may change; JSON: */
	char		header[MADE_TEXT_MAX];
	char		payload[MADE_TOKEN_MAX / 2];
	char		jwks[2 * MADE_TEXT_MAX];
	const char *sign_as;		/* an algorithm, or "none" or "HS256" */
	const char *sign_with;		/* "rsa", "ec", "other" */
	int			padding;		/* zeros before r and s of ES256 */
	EvidenceTrust trust;

	/* what is made of it: */
	char		token[MADE_TOKEN_MAX];
	Evidence	evidence;
	HardwareClaims claims;
	Verdict		verdict;
} MadeToken;

/* The keys are made once; until made_token_end(). */
extern void made_token_start(void);
extern void made_token_end(void);

/* Of this algorithm; the JWK set has "rsa", "ec" and "small". */
extern void made_token_begin(MadeToken *made, const char *algorithm);

/* Puts one for the other, which must be there. */
extern void made_replace(char *text, size_t size, const char *old, const char *new);

extern void made_token_issue(MadeToken *made);
extern bool made_token_verify(MadeToken *made);

/* In base64url without padding, with a NUL. */
extern size_t made_base64url(const void *data, size_t len, char *out);

/* The JWK's members of a key of RSA: "n":"...","e":"AQAB". */
extern void made_rsa_members(EVP_PKEY *key, char *out, size_t size);

#endif							/* UNIT_EVIDENCE_MADE_TOKEN_H */
