/*-------------------------------------------------------------------------
 *
 * test_public_key.c
 *	  Public keys from their numbers, and RSA's signatures.
 *
 *-------------------------------------------------------------------------
 */
#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "evidence/public_key.h"
#include "evidence_tap.h"

static bool
is_key(EVP_PKEY *key)
{
	bool		is = key != NULL;

	EVP_PKEY_free(key);
	return is;
}

static void
test_rsa(void)
{
	uint8_t		n[RSA_BYTES_MAX + 2];

	memset(n, 0xff, sizeof(n));
	tap_ok(is_key(public_key_rsa(bytes_of(n, RSA_BYTES_MIN))) && is_key(public_key_rsa(bytes_of(n, RSA_BYTES_MAX))),
		   "RSA of 2048 and 4096 bits");
	tap_ok(!is_key(public_key_rsa(bytes_of(n, RSA_BYTES_MIN - 1))) &&
		   !is_key(public_key_rsa(bytes_of(n, RSA_BYTES_MAX + 1))) && !is_key(public_key_rsa(bytes_of(n, 0))),
		   "but no less and no more");
	n[0] = 0x7f;
	tap_ok(!is_key(public_key_rsa(bytes_of(n, RSA_BYTES_MIN))), "not of 2047 bits, either");
	n[0] = 0;
	tap_ok(!is_key(public_key_rsa(bytes_of(n, RSA_BYTES_MIN + 1))), "nor with a zero before them");
	n[0] = 0xff;
	n[RSA_BYTES_MIN - 1] = 0xfe;
	tap_ok(!is_key(public_key_rsa(bytes_of(n, RSA_BYTES_MIN))), "nor an even one");
}

static void
test_p256(void)
{
	EVP_PKEY   *key = EVP_EC_gen("P-256");
	uint8_t    *point = NULL;
	size_t		len = EVP_PKEY_get1_encoded_public_key(key, &point);

	tap_ok(len == 65 && is_key(public_key_p256(bytes_of(point + 1, 64))), "a point of P-256");
	tap_ok(!is_key(public_key_p256(bytes_of(point, 65))) && !is_key(public_key_p256(bytes_of(point + 1, 63))) &&
		   !is_key(public_key_p256(bytes_of(point, 0))), "of 64 bytes");
	point[64] ^= 1;
	tap_ok(!is_key(public_key_p256(bytes_of(point + 1, 64))), "which is on the curve");
	OPENSSL_free(point);
	EVP_PKEY_free(key);
}

static size_t
sign(EVP_PKEY *key, int salt_len, Bytes data, uint8_t *out)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key_context;
	size_t		len = RSA_BYTES_MAX;
	bool		ok = EVP_DigestSignInit(context, &key_context, EVP_sha256(), NULL, key) == 1 &&
		EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) == 1 &&
		EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, salt_len) == 1 &&
		EVP_DigestSign(context, out, &len, data.data, data.len) == 1;

	EVP_MD_CTX_free(context);
	return ok ? len : 0;
}

/* RFC 7518, 3.5: the salt is as long as the hash. */
static void
test_pss(void)
{
	EVP_PKEY   *key = EVP_RSA_gen(2048);
	EVP_PKEY   *other = EVP_EC_gen("P-256");
	uint8_t		signature[RSA_BYTES_MAX];
	Bytes		data = bytes_of_string("data");
	size_t		len = sign(key, 32, data, signature);

	tap_ok(public_key_rsa_verify(key, RSA_SCHEME_PSS, data, bytes_of(signature, len)), "a signature of RSASSA-PSS");
	tap_ok(!public_key_rsa_verify(key, RSA_SCHEME_PKCS1, data, bytes_of(signature, len)), "is none of PKCS#1 v1.5");
	tap_ok(!public_key_rsa_verify(other, RSA_SCHEME_PSS, data, bytes_of(signature, len)), "nor of a key that is not of RSA");
	len = sign(key, 20, data, signature);
	tap_ok(len > 0 && !public_key_rsa_verify(key, RSA_SCHEME_PSS, data, bytes_of(signature, len)),
		   "one with another salt is refused");
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

void
test_public_key(void)
{
	test_rsa();
	test_p256();
	test_pss();
}
