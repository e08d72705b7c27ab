/*-------------------------------------------------------------------------
 *
 * reference.h
 *	  XAES-256-GCM once more, the slow way, to compare with; and what the
 *	  tests share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_REFERENCE_H
#define UNIT_REFERENCE_H

#include "crypto/aead.h"

/* Kx: the KDF of SP 800-108 with OpenSSL's CMAC, as C2SP defines it. */
extern void reference_derive(const uint8_t key[32], const uint8_t nonce[24],
							 uint8_t derived[32]);

/* out has room for plaintext.len + AEAD_TAG_LEN */
extern void reference_seal(const uint8_t key[32], const uint8_t nonce[24],
						   Bytes associated, Bytes plaintext, uint8_t *out);

/* AES-256-GCM with a nonce of 12 bytes, everything new. */
extern void reference_gcm_seal(const uint8_t key[32], const uint8_t nonce[12],
							   Bytes associated, Bytes plaintext, uint8_t *out);

/* XAES-256-GCM on each path, see the Makefile and variants.c. */
extern const AeadAlgorithm aead_xaes_no_aes;
extern const AeadAlgorithm aead_xaes_fips;

#define ALGORITHM_VARIANTS	4
extern const AeadAlgorithm *const algorithm_variants[ALGORITHM_VARIANTS];
extern const char *const algorithm_variant_names[ALGORITHM_VARIANTS];

/* The variants of XAES-256-GCM come first. */
#define XAES_VARIANTS	3

/* A state in new memory that is aligned to 8 bytes and no more. */
extern void *state_new(const AeadAlgorithm *algorithm, const uint8_t key[32]);
extern void state_free(const AeadAlgorithm *algorithm, void *state);

/* Deterministic, so that a failure comes again: SplitMix64. */
extern uint64_t random_next(uint64_t *seed);
extern void random_fill(uint64_t *seed, uint8_t *out, size_t len);

extern bool all_zero(const uint8_t *data, size_t len);

#endif							/* UNIT_REFERENCE_H */
