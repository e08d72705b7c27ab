/*-------------------------------------------------------------------------
 *
 * sealed_box.h
 *	  Bytes sealed to an ephemeral public key: ECDH on P-256 (SP 800-56A),
 *	  HKDF-SHA-256 (RFC 5869), AES-256-GCM (SP 800-38D).  OpenSSL only, so
 *	  that it runs in a FIPS provider.
 *
 * Each box has a sender's key of its own, hence an AES key of its own, so the
 * nonce is all zero.  Layout: sender's public key (65, uncompressed point),
 * ciphertext, tag (16).  The info of HKDF holds both public keys.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRYPTO_SEALED_BOX_H
#define CRYPTO_SEALED_BOX_H

#include "crypto/bytes.h"

#define BOX_PUBLIC_LEN	65
#define BOX_OVERHEAD	(BOX_PUBLIC_LEN + 16)

typedef struct BoxKey BoxKey;	/* a private key; malloc'ed by OpenSSL */

/*
 * Loads what OpenSSL loads at the first use, so that processes forked later
 * have it; makes and throws away a key.  False when OpenSSL fails.
 */
extern bool box_startup(void);

/* NULL when OpenSSL fails. */
extern BoxKey *box_key_generate(uint8_t public_key[BOX_PUBLIC_LEN]);
extern void box_key_free(BoxKey *key);	/* wipes; NULL is allowed */

/* out has room for plaintext.len + BOX_OVERHEAD */
extern bool box_seal(const uint8_t public_key[BOX_PUBLIC_LEN], Bytes associated,
					 Bytes plaintext, uint8_t *out);

/* out has room for sealed.len - BOX_OVERHEAD; zeroed when false */
extern bool box_open(const BoxKey *key, Bytes associated, Bytes sealed,
					 uint8_t *out);

#endif							/* CRYPTO_SEALED_BOX_H */
