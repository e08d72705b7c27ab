/*-------------------------------------------------------------------------
 *
 * public_key.h
 *	  Public keys from their numbers or PEM, and RSA's signatures.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVIDENCE_PUBLIC_KEY_H
#define EVIDENCE_PUBLIC_KEY_H

#include <openssl/evp.h>

#include "crypto/bytes.h"

#define P256_POINT_LEN		64	/* x and y */
#define RSA_BYTES_MIN		256 /* a modulus of 2048 bits */
#define RSA_BYTES_MAX		512

/* Free with EVP_PKEY_free().  NULL: x_y is no point of the curve. */
extern EVP_PKEY *public_key_p256(Bytes x_y);

/* With the exponent 65537.  NULL: the modulus is of another length, or even. */
extern EVP_PKEY *public_key_rsa(Bytes modulus);

/* Of text in PEM ("PUBLIC KEY").  NULL: it does not begin with one. */
extern EVP_PKEY *public_key_pem(const char *pem);

typedef enum RsaScheme
{
	RSA_SCHEME_PKCS1,			/* RSASSA-PKCS1-v1_5 (RFC 8017, 8.2) */
	RSA_SCHEME_PSS				/* RSASSA-PSS (8.1), MGF1 and salt of SHA-256 */
} RsaScheme;

/* The signature is over SHA-256 of data; false, too, when the key is not of RSA. */
extern bool public_key_rsa_verify(EVP_PKEY *key, RsaScheme scheme, Bytes data, Bytes signature);

#endif							/* EVIDENCE_PUBLIC_KEY_H */
