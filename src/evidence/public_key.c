/*-------------------------------------------------------------------------
 *
 * public_key.c
 *	  Public keys from their numbers or PEM, and RSA's signatures.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

/* OpenSSL looks whether the point is on the curve. */
static EVP_PKEY *
key_from(const char *algorithm, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
	EVP_PKEY   *key = NULL;

	if (context == NULL || params == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
		EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	return key;
}

EVP_PKEY *
public_key_p256(Bytes x_y)
{
	char		curve[] = "P-256";
	uint8_t		point[1 + P256_POINT_LEN] = {POINT_CONVERSION_UNCOMPRESSED};
	OSSL_PARAM	params[3];

	if (x_y.len != P256_POINT_LEN)
		return NULL;
	memcpy(point + 1, x_y.data, P256_POINT_LEN);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point));
	params[2] = OSSL_PARAM_construct_end();
	return key_from("EC", params);
}

EVP_PKEY *
public_key_rsa(Bytes modulus)
{
	OSSL_PARAM_BLD *builder;
	OSSL_PARAM *params = NULL;
	BIGNUM	   *n;
	EVP_PKEY   *key = NULL;

	/* its highest bit set, or it would be of fewer bits than its length says */
	if (modulus.len < RSA_BYTES_MIN || modulus.len > RSA_BYTES_MAX ||
		modulus.data[0] < 0x80 || modulus.data[modulus.len - 1] % 2 == 0)
		return NULL;

	builder = OSSL_PARAM_BLD_new();
	n = BN_bin2bn(modulus.data, (int) modulus.len, NULL);
	if (builder != NULL && n != NULL &&
		OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
		OSSL_PARAM_BLD_push_ulong(builder, OSSL_PKEY_PARAM_RSA_E, RSA_F4) == 1)
		params = OSSL_PARAM_BLD_to_param(builder);
	key = key_from("RSA", params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	BN_free(n);
	return key;
}

/*
 * By PEM_read_bio(), as PEM_read_bio_PUBKEY() would ask the terminal for the
 * password of a block that is encrypted.
 */
EVP_PKEY *
public_key_pem(const char *pem)
{
	BIO		   *in = BIO_new_mem_buf(pem, -1);
	EVP_PKEY   *key = NULL;
	char	   *name = NULL;
	char	   *header = NULL;
	unsigned char *der = NULL;
	long		len = 0;

	if (in != NULL && PEM_read_bio(in, &name, &header, &der, &len) == 1 &&
		strcmp(name, PEM_STRING_PUBLIC) == 0 && strcmp(header, "") == 0)
	{
		const unsigned char *pos = der;

		key = d2i_PUBKEY(NULL, &pos, len);
	}
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	BIO_free(in);
	ERR_clear_error();			/* what another library reads next is its own */
	return key;
}

bool
public_key_rsa_verify(EVP_PKEY *key, RsaScheme scheme, Bytes data, Bytes signature)
{
	int			padding = scheme == RSA_SCHEME_PSS ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key_context;		/* the other's */
	bool		ok;

	ok = context != NULL &&
		EVP_DigestVerifyInit_ex(context, &key_context, "SHA256", NULL, NULL, key, NULL) == 1 &&
		EVP_PKEY_CTX_set_rsa_padding(key_context, padding) == 1 &&
		(scheme != RSA_SCHEME_PSS ||
		 EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST) == 1) &&
		EVP_DigestVerify(context, signature.data, signature.len, data.data, data.len) == 1;
	EVP_MD_CTX_free(context);
	return ok;
}
