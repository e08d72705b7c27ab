/*-------------------------------------------------------------------------
 *
 * kms_seal.c
 *	  Sealing a data key under a key that we have ourselves.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "crypto/aead.h"
#include "kms/kms_seal.h"

bool
kms_seal_or_open(const uint8 *key, bool seal, const uint8 *nonce, const KmsContext *context,
			   Bytes in, uint8 *out)
{
	const AeadAlgorithm *aead = &aead_xaes_256_gcm;
	uint8		associated[KMS_ASSOCIATED_MAX];
	Bytes		ad = bytes_of(associated, kms_associated_data(context, associated));
	void	   *state = palloc0(aead->state_size);
	bool		ok;

	ok = aead->init(state, key);
	if (ok)
		ok = seal ? aead->seal(state, NONCE_PREFIX_ONCE, nonce, ad, in, out)
			: aead->open(state, nonce, ad, in, out);
	aead->wipe(state);
	pfree(state);
	return ok;
}
