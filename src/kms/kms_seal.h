/*-------------------------------------------------------------------------
 *
 * kms_seal.h
 *	  Sealing a data key under a key that we have ourselves: that of a key
 *	  file, or one that a KMS without associated data keeps for us.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_KMS_SEAL_H
#define KMS_KMS_SEAL_H

#include "postgres.h"

#include "kms/kms_provider.h"

/*
 * XAES-256-GCM with the context as associated data; key and nonce as
 * crypto/aead.h has them.  out has room for the tag as well when it seals.
 */
extern bool kms_seal_or_open(const uint8 *key, bool seal, const uint8 *nonce,
							 const KmsContext *context, Bytes in, uint8 *out);

#endif							/* KMS_KMS_SEAL_H */
