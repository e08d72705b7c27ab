/*-------------------------------------------------------------------------
 *
 * kms_rsa_key.h
 *	  An RSA private key out of a file's text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_KMS_RSA_KEY_H
#define KMS_KMS_RSA_KEY_H

#include "postgres.h"

#include <openssl/evp.h>

/*
 * The first private key of a text in PEM (RFC 7468), in the form of PKCS #8 or
 * PKCS #1.  NULL: there is none, it wants a password, or it is no RSA key of
 * 2048 to 8192 bits.  Free it with EVP_PKEY_free(), which wipes it.
 */
extern EVP_PKEY *rsa_key_read(const char *pem);

#endif							/* KMS_KMS_RSA_KEY_H */
