/*-------------------------------------------------------------------------
 *
 * kdf.c
 *	  What is derived from data keys and tenant names.
 *
 * OpenSSL only, so that all of it runs in a FIPS provider.  Every derivation
 * opens with a purpose of its own ("bionic_crypt value", "check", "tenant"),
 * so no output of one can be taken for another's.  What is derived here is in
 * stored values and in the catalog: the exact bytes are kept for ever.
 *
 * Keys are derived once a key and process.  Only a kept HmacKey is on a value's
 * path, a literal's.
 *
 *-------------------------------------------------------------------------
 */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "crypto/kdf.h"

#define HKDF_MAX_LEN	(255 * 32)	/* RFC 5869, section 2.3 */

static const char value_purpose[] = "bionic_crypt value";
static const char check_purpose[] = "bionic_crypt check";
static const char tenant_purpose[] = "bionic_crypt tenant";

/* OpenSSL's parameters are not const, though it only reads these. */
static char digest_name[] = "SHA256";

static bool hkdf_derive(EVP_KDF_CTX *ctx, Bytes secret, Bytes salt, Bytes info,
						uint8_t *out, size_t out_len);

bool
kdf_hkdf(Bytes secret, Bytes salt, Bytes info, uint8_t *out, size_t out_len)
{
	EVP_KDF    *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_HKDF, NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	bool		ok = false;

	if (ctx != NULL && out_len <= HKDF_MAX_LEN)
		ok = hkdf_derive(ctx, secret, salt, info, out, out_len);
	if (!ok)
		OPENSSL_cleanse(out, out_len);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok;
}

bool
kdf_hmac(Bytes key, const Bytes *parts, int n, uint8_t out[32])
{
	HmacKey    *kept = kdf_hmac_key(key);
	bool		ok = kept != NULL && kdf_hmac_with(kept, parts, n, out);

	if (!ok)
		OPENSSL_cleanse(out, 32);
	EVP_MAC_CTX_free(kept);
	return ok;
}

HmacKey *
kdf_hmac_key(Bytes key)
{
	EVP_MAC    *mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	OSSL_PARAM	params[2];

	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
												 digest_name, 0);
	params[1] = OSSL_PARAM_construct_end();

	/* a key of NULL would mean the key of before, and there is none */
	if (key.len == 0)
		key = bytes_of("", 0);
	if (ctx != NULL && EVP_MAC_init(ctx, key.data, key.len, params) != 1)
	{
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	EVP_MAC_free(mac);
	return ctx;
}

/* No key means the one it has: EVP_MAC(3). */
bool
kdf_hmac_with(HmacKey *key, const Bytes *parts, int n, uint8_t out[32])
{
	size_t		len = 0;
	bool		ok = EVP_MAC_init(key, NULL, 0, NULL) == 1;

	for (int i = 0; ok && i < n; i++)
		ok = parts[i].len == 0 ||
			EVP_MAC_update(key, parts[i].data, parts[i].len) == 1;
	ok = ok && EVP_MAC_final(key, out, &len, 32) == 1 && len == 32;
	if (!ok)
		OPENSSL_cleanse(out, 32);
	return ok;
}

bool
kdf_value_key(const uint8_t data_key[DATA_KEY_LEN], uint8_t algorithm,
			  const uint8_t key_id[KEY_ID_LEN], uint8_t out[AEAD_KEY_LEN])
{
	uint8_t		info[sizeof(value_purpose) - 1 + 1 + KEY_ID_LEN];
	ByteWriter	w = writer_of(info, sizeof(info));

	writer_put(&w, bytes_of_string(value_purpose));
	writer_u8(&w, algorithm);
	writer_put(&w, bytes_of(key_id, KEY_ID_LEN));
	return kdf_hkdf(bytes_of(data_key, DATA_KEY_LEN), bytes_of(NULL, 0),
					writer_bytes(&w), out, AEAD_KEY_LEN);
}

bool
kdf_check_value(const uint8_t data_key[DATA_KEY_LEN], Bytes tenant,
				const uint8_t key_id[KEY_ID_LEN], uint8_t out[CHECK_VALUE_LEN])
{
	Bytes		parts[4];

	/* sizeof: the byte 0 behind the purpose is C's own */
	parts[0] = bytes_of(check_purpose, sizeof(check_purpose));
	parts[1] = tenant;
	parts[2] = bytes_of("", 1);
	parts[3] = bytes_of(key_id, KEY_ID_LEN);
	return kdf_hmac(bytes_of(data_key, DATA_KEY_LEN), parts, 4, out);
}

bool
kdf_fingerprint(Bytes tenant, uint8_t out[FINGERPRINT_LEN])
{
	EVP_MD	   *md = EVP_MD_fetch(NULL, digest_name, NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t		digest[32];
	bool		ok;

	ok = md != NULL && ctx != NULL &&
		EVP_DigestInit_ex2(ctx, md, NULL) == 1 &&
		EVP_DigestUpdate(ctx, tenant_purpose, sizeof(tenant_purpose)) == 1 &&
		EVP_DigestUpdate(ctx, tenant.data, tenant.len) == 1 &&
		EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
	if (ok)
		memcpy(out, digest, FINGERPRINT_LEN);
	else
		memset(out, 0, FINGERPRINT_LEN);
	EVP_MD_CTX_free(ctx);
	EVP_MD_free(md);
	return ok;
}

static bool
hkdf_derive(EVP_KDF_CTX *ctx, Bytes secret, Bytes salt, Bytes info,
			uint8_t *out, size_t out_len)
{
	OSSL_PARAM	params[5];
	OSSL_PARAM *p = params;

	*p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
											digest_name, 0);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
											 (void *) secret.data, secret.len);
	/* no salt is HashLen zeros: RFC 5869, section 2.2 */
	if (salt.len > 0)
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT,
												 (void *) salt.data, salt.len);
	if (info.len > 0)
		*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
												 (void *) info.data, info.len);
	*p = OSSL_PARAM_construct_end();
	return EVP_KDF_derive(ctx, out, out_len, params) == 1;
}
