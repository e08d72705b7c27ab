/*-------------------------------------------------------------------------
 *
 * variants.c
 *	  What the libraries answer on machines that this one is not.
 *
 * The Makefile compiles xaes_256_gcm.c twice more, with some of the library's
 * functions renamed to these.
 *
 *-------------------------------------------------------------------------
 */
#include <openssl/types.h>
#include <sodium.h>
#include <stdlib.h>

#include "reference.h"

int			variant_no(void);
int			variant_fips_enabled(OSSL_LIB_CTX *ctx);
int			variant_beforenm(crypto_aead_aes256gcm_state *state,
							 const unsigned char *key);
int			variant_encrypt_afternm(void);
int			variant_decrypt_afternm(void);

const AeadAlgorithm *const algorithm_variants[ALGORITHM_VARIANTS] = {
	&aead_xaes_256_gcm,
	&aead_xaes_no_aes,
	&aead_xaes_fips,
	&aead_xchacha20_poly1305,
};

const char *const algorithm_variant_names[ALGORITHM_VARIANTS] = {
	"xaes-256-gcm",
	"xaes-256-gcm without libsodium's AES",
	"xaes-256-gcm under FIPS",
	"xchacha20-poly1305",
};

int
variant_no(void)
{
	return 0;
}

int
variant_fips_enabled(OSSL_LIB_CTX *ctx)
{
	(void) ctx;
	return 1;
}

/* Nobody may come here: libsodium's AES is not to be used. */
int
variant_beforenm(crypto_aead_aes256gcm_state *state, const unsigned char *key)
{
	(void) state;
	(void) key;
	abort();
}

int
variant_encrypt_afternm(void)
{
	abort();
}

int
variant_decrypt_afternm(void)
{
	abort();
}
