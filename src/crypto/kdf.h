/*-------------------------------------------------------------------------
 *
 * kdf.h
 *	  What is derived from data keys and tenant names: value keys, check
 *	  values, fingerprints, and nonces of literals.  docs/envelope.md has the
 *	  exact bytes.  HKDF is RFC 5869 with SHA-256 and an empty salt.
 *
 * Each answers false only when a library fails; the output is then zeroed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRYPTO_KDF_H
#define CRYPTO_KDF_H

#include "crypto/aead.h"
#include "crypto/bytes.h"
#include "crypto/envelope.h"

#define DATA_KEY_LEN		32
#define CHECK_VALUE_LEN		32

/* HKDF-SHA-256 (RFC 5869); out_len at most 255 * 32. */
extern bool kdf_hkdf(Bytes secret, Bytes salt, Bytes info,
					 uint8_t *out, size_t out_len);

/* HMAC-SHA-256 (FIPS 198-1) over the concatenation of n parts. */
extern bool kdf_hmac(Bytes key, const Bytes *parts, int n, uint8_t out[32]);

/*
 * A key of HMAC-SHA-256 kept for many messages: two thirds of the time of a
 * short one go into the rest.  OpenSSL holds and, at the end of the process,
 * has it; NULL when OpenSSL fails.
 */
typedef struct evp_mac_ctx_st HmacKey;

extern HmacKey *kdf_hmac_key(Bytes key);
extern bool kdf_hmac_with(HmacKey *key, const Bytes *parts, int n,
						  uint8_t out[32]);

/* HKDF(data key, "bionic_crypt value" || algorithm || key id) */
extern bool kdf_value_key(const uint8_t data_key[DATA_KEY_LEN],
						  uint8_t algorithm, const uint8_t key_id[KEY_ID_LEN],
						  uint8_t out[AEAD_KEY_LEN]);

/* HMAC(data key, "bionic_crypt check" || 0 || tenant || 0 || key id) */
extern bool kdf_check_value(const uint8_t data_key[DATA_KEY_LEN], Bytes tenant,
							const uint8_t key_id[KEY_ID_LEN],
							uint8_t out[CHECK_VALUE_LEN]);

/* First bytes of SHA-256("bionic_crypt tenant" || 0 || tenant). */
extern bool kdf_fingerprint(Bytes tenant, uint8_t out[FINGERPRINT_LEN]);

#endif							/* CRYPTO_KDF_H */
