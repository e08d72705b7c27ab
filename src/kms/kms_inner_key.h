/*-------------------------------------------------------------------------
 *
 * kms_inner_key.h
 *	  A key between the KMS and the data key, for KMSs that know no associated
 *	  data: RSA, and AES key wrap.
 *
 * The KMS wraps an inner key, fresh and random for each wrap; the data key is
 * sealed under it, with the context as associated data.  So a wrapped key is
 * bound to tenant, key id and purpose although the KMS knows nothing of them.
 *
 * To wrap: kms_inner_key_make() when the request is built, then the KMS wraps
 * the key that is in asked->scratch, then kms_inner_key_seal() when its reply
 * is read.  To unwrap: kms_inner_parse(), the KMS unwraps .ciphertext, then
 * kms_inner_key_open().
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_KMS_INNER_KEY_H
#define KMS_KMS_INNER_KEY_H

#include "postgres.h"

#include "kms/kms_provider.h"

#define KMS_INNER_KEY_LEN 32

/* A wrapped key as it is stored, for ever; borrowed from its bytes. */
typedef struct KmsInnerBlob
{
	Bytes		header;			/* the provider's: a key's version, say */
	Bytes		ciphertext;		/* of the inner key, as the KMS gave it */
	Bytes		nonce;
	Bytes		sealed;			/* the data key */
} KmsInnerBlob;

/* A new inner key, as the first KMS_INNER_KEY_LEN bytes of asked->scratch. */
extern bool kms_inner_key_make(const KmsAsked *asked, KmsError *error);

/*
 * Seals the data key, asked->in, under the inner key in asked->scratch.  out
 * has room for KMS_WRAPPED_MAX bytes; what does not fit is KMS_PROTOCOL, as
 * only the KMS makes its ciphertext so long.
 */
extern bool kms_inner_key_seal(const KmsAsked *asked, Bytes header, Bytes ciphertext,
							   uint8 *out, Size *out_len, KmsError *error);

/* Anything but exactly such bytes is KMS_BAD_CIPHERTEXT. */
extern bool kms_inner_parse(Bytes wrapped, KmsInnerBlob *blob, KmsError *error);

/*
 * Opens asked->in under the inner key that the KMS unwrapped.  KMS_BAD_CIPHERTEXT,
 * and nothing in out, unless it was sealed for this context.
 */
extern bool kms_inner_key_open(const KmsAsked *asked,
							   const uint8 inner_key[KMS_INNER_KEY_LEN],
							   uint8 out[DATA_KEY_LEN], Size *out_len, KmsError *error);

#endif							/* KMS_KMS_INNER_KEY_H */
