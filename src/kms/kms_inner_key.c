/*-------------------------------------------------------------------------
 *
 * kms_inner_key.c
 *	  A key between the KMS and the data key.
 *
 * A wrapped key is: version 1 (1 byte), the provider's header and the KMS's
 * ciphertext, each sized, nonce (24), ciphertext and tag of XAES-256-GCM (48).
 * It is stored for ever.
 *
 * An inner key seals one data key.  The nonce is random all the same, so that
 * nothing hangs on that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "crypto/aead.h"
#include "kms/kms_inner_key.h"
#include "kms/kms_seal.h"

#define BLOB_VERSION	1
#define SEALED_LEN		(DATA_KEY_LEN + AEAD_TAG_LEN)

StaticAssertDecl(KMS_INNER_KEY_LEN == AEAD_KEY_LEN, "an inner key is one of the AEAD");
StaticAssertDecl(KMS_INNER_KEY_LEN <= KMS_SCRATCH_LEN, "an inner key does not fit");

bool
kms_inner_key_make(const KmsAsked *asked, KmsError *error)
{
	return pg_strong_random(asked->scratch, KMS_INNER_KEY_LEN) ||
		kms_fail(error, KMS_UNAVAILABLE, "", "There are no random numbers.");
}

bool
kms_inner_key_seal(const KmsAsked *asked, Bytes header, Bytes ciphertext,
				   uint8 *out, Size *out_len, KmsError *error)
{
	ByteWriter	w = writer_of(out, KMS_WRAPPED_MAX);
	uint8		nonce[AEAD_NONCE_LEN];
	uint8		sealed[SEALED_LEN];

	Assert(asked->in.len == DATA_KEY_LEN);
	if (!pg_strong_random(nonce, sizeof(nonce)) ||
		!kms_seal_or_open(asked->scratch, true, nonce, asked->context, asked->in, sealed))
		return kms_fail(error, KMS_UNAVAILABLE, "", "Could not seal the key.");

	writer_u8(&w, BLOB_VERSION);
	writer_sized(&w, header);
	writer_sized(&w, ciphertext);
	writer_put(&w, bytes_of(nonce, sizeof(nonce)));
	writer_put(&w, bytes_of(sealed, sizeof(sealed)));
	if (w.overflow || ciphertext.len == 0)
		return kms_fail(error, KMS_PROTOCOL, "", "What it wrapped has no length of a wrapped key.");
	*out_len = w.len;
	return true;
}

bool
kms_inner_parse(Bytes wrapped, KmsInnerBlob *blob, KmsError *error)
{
	ByteReader	in = reader_of(wrapped);
	uint8		version;

	if (wrapped.len <= KMS_WRAPPED_MAX &&
		reader_u8(&in, &version) && version == BLOB_VERSION &&
		reader_sized(&in, &blob->header) &&
		reader_sized(&in, &blob->ciphertext) && blob->ciphertext.len > 0 &&
		reader_take(&in, AEAD_NONCE_LEN, &blob->nonce) &&
		reader_take(&in, SEALED_LEN, &blob->sealed) &&
		reader_left(&in) == 0)
		return true;
	return kms_fail(error, KMS_BAD_CIPHERTEXT, "", "The wrapped key is malformed.");
}

bool
kms_inner_key_open(const KmsAsked *asked, const uint8 inner_key[KMS_INNER_KEY_LEN],
				   uint8 out[DATA_KEY_LEN], Size *out_len, KmsError *error)
{
	KmsInnerBlob blob;

	*out_len = 0;
	if (!kms_inner_parse(asked->in, &blob, error))
		return false;
	if (!kms_seal_or_open(inner_key, false, blob.nonce.data, asked->context, blob.sealed, out))
	{
		OPENSSL_cleanse(out, DATA_KEY_LEN);
		return kms_fail(error, KMS_BAD_CIPHERTEXT, "",
						"The wrapped key is not one of this tenant, key id and key-encryption key.");
	}
	*out_len = DATA_KEY_LEN;
	return true;
}
