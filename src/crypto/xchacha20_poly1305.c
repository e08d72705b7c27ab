/*-------------------------------------------------------------------------
 *
 * xchacha20_poly1305.c
 *	  XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) of libsodium: for machines
 *	  without AES instructions, and for who chooses it.
 *
 * The state is the key alone: HChaCha20 costs about what a look-up in a cache
 * would, so nothing is kept by the nonce's prefix.
 *
 *-------------------------------------------------------------------------
 */
#include <openssl/evp.h>
#include <sodium.h>

#include "crypto/aead.h"

typedef struct XChaChaState
{
	uint8_t		key[AEAD_KEY_LEN];
} XChaChaState;

static bool
xchacha_startup(void)
{
	return sodium_init() >= 0;
}

/* Not an approved algorithm: whoever asks OpenSSL for FIPS means all of us. */
static bool
xchacha_available(void)
{
	return EVP_default_properties_is_fips_enabled(NULL) == 0;
}

static bool
xchacha_init(void *state, const uint8_t key[AEAD_KEY_LEN])
{
	memcpy(((XChaChaState *) state)->key, key, AEAD_KEY_LEN);
	return true;
}

static bool
xchacha_seal(void *state, NonceReuse reuse,
			 const uint8_t nonce[AEAD_NONCE_LEN],
			 Bytes associated, Bytes plaintext, uint8_t *out)
{
	(void) reuse;
	return crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL,
													  plaintext.data, plaintext.len,
													  associated.data, associated.len,
													  NULL, nonce,
													  ((XChaChaState *) state)->key) == 0;
}

static bool
xchacha_open(void *state, const uint8_t nonce[AEAD_NONCE_LEN],
			 Bytes associated, Bytes sealed, uint8_t *out)
{
	if (sealed.len < AEAD_TAG_LEN)
		return false;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL,
												   sealed.data, sealed.len,
												   associated.data, associated.len,
												   nonce,
												   ((XChaChaState *) state)->key) == 0)
		return true;
	memset(out, 0, sealed.len - AEAD_TAG_LEN);
	return false;
}

static void
xchacha_wipe(void *state)
{
	sodium_memzero(state, sizeof(XChaChaState));
}

const AeadAlgorithm aead_xchacha20_poly1305 = {
	.id = 2,
	.name = "xchacha20-poly1305",
	.state_size = sizeof(XChaChaState),
	.startup = xchacha_startup,
	.available = xchacha_available,
	.init = xchacha_init,
	.seal = xchacha_seal,
	.open = xchacha_open,
	.wipe = xchacha_wipe,
};
