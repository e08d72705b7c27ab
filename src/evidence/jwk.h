/*-------------------------------------------------------------------------
 *
 * jwk.h
 *	  Public keys in JSON (RFC 7517), of RSA and P-256.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVIDENCE_JWK_H
#define EVIDENCE_JWK_H

#include <openssl/evp.h>

#include "crypto/bytes.h"

#define JWK_KID_MAX		256

typedef struct Jwk
{
	char		kty[8];			/* RSA, EC */
	char		alg[16];		/* the only algorithm it is for; empty: any of kty */
	char		use[8];			/* "sig"; empty: not told */
	EVP_PKEY   *key;			/* free with EVP_PKEY_free() */
} Jwk;

/*
 * The key of this name in a set ({"keys":[...]}); what else the set or its
 * object says does not matter.  NULL when found, else what is wrong.
 */
extern const char *jwk_find(Bytes set, const char *kid, Jwk *jwk);

#endif							/* EVIDENCE_JWK_H */
