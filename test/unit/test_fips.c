/*-------------------------------------------------------------------------
 *
 * test_fips.c
 *	  What changes when OpenSSL is told to be FIPS only.
 *
 * It needs no FIPS provider: the question is what we ask for.  That
 * XAES-256-GCM then keeps off libsodium is shown by the variants.
 *
 *-------------------------------------------------------------------------
 */
#include <openssl/evp.h>

#include "crypto/aead.h"
#include "tap.h"

void
test_fips(void)
{
	EVP_default_properties_enable_fips(NULL, 1);
	tap_ok(aead_xaes_256_gcm.available() && !aead_xchacha20_poly1305.available(),
		   "under FIPS XAES-256-GCM is available, XChaCha20-Poly1305 is not");
	EVP_default_properties_enable_fips(NULL, 0);
	tap_ok(aead_xaes_256_gcm.available() && aead_xchacha20_poly1305.available(),
		   "without it both are");
}
