/*-------------------------------------------------------------------------
 *
 * made_token.c
 *	  A token of Confidential Space under keys of the test.
 *
 *-------------------------------------------------------------------------
 */
#include "made_token.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

#include "evidence/token_evidence.h"

static EVP_PKEY *rsa_key;
static EVP_PKEY *ec_key;
static EVP_PKEY *small_key;
static EVP_PKEY *other_key;

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

void
made_token_start(void)
{
	rsa_key = EVP_RSA_gen(2048);
	ec_key = EVP_EC_gen("P-256");
	small_key = EVP_RSA_gen(1024);
	other_key = EVP_RSA_gen(2048);
	must(rsa_key != NULL && ec_key != NULL && small_key != NULL && other_key != NULL, "keys");
}

void
made_token_end(void)
{
	EVP_PKEY_free(rsa_key);
	EVP_PKEY_free(ec_key);
	EVP_PKEY_free(small_key);
	EVP_PKEY_free(other_key);
}

size_t
made_base64url(const void *data, size_t len, char *out)
{
	size_t		n = (size_t) EVP_EncodeBlock((unsigned char *) out, data, (int) len);

	while (n > 0 && out[n - 1] == '=')
		n--;
	out[n] = '\0';
	for (char *c = out; *c != '\0'; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	return n;
}

void
made_rsa_members(EVP_PKEY *key, char *out, size_t size)
{
	BIGNUM	   *n = NULL;
	uint8_t		bytes[1024];
	char		text[1400];

	must(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
		 BN_num_bytes(n) <= (int) sizeof(bytes), "a modulus");
	made_base64url(bytes, (size_t) BN_bn2bin(n, bytes), text);
	snprintf(out, size, "\"n\":\"%s\",\"e\":\"AQAB\"", text);
	BN_free(n);
}

static void
ec_members(EVP_PKEY *key, char *out, size_t size)
{
	uint8_t    *point = NULL;
	char		x[64];
	char		y[64];

	must(EVP_PKEY_get1_encoded_public_key(key, &point) == 65, "a point");
	made_base64url(point + 1, 32, x);
	made_base64url(point + 33, 32, y);
	snprintf(out, size, "\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"", x, y);
	OPENSSL_free(point);
}

static void
make_jwks(MadeToken *made)
{
	char		rsa[1500];
	char		ec[200];
	char		small[1500];

	made_rsa_members(rsa_key, rsa, sizeof(rsa));
	ec_members(ec_key, ec, sizeof(ec));
	made_rsa_members(small_key, small, sizeof(small));
	snprintf(made->jwks, sizeof(made->jwks),
			 "{\"keys\":[{\"kid\":\"rsa\",\"kty\":\"RSA\",%s},{\"kid\":\"ec\",\"kty\":\"EC\",%s},"
			 "{\"kid\":\"small\",\"kty\":\"RSA\",%s}]}", rsa, ec, small);
}

void
made_token_begin(MadeToken *made, const char *algorithm)
{
	bool		is_ec = strcmp(algorithm, "ES256") == 0;
	uint8_t		report_data[REPORT_DATA_LEN];
	char		nonce[100];

	memset(made, 0, sizeof(*made));
	made->sign_as = algorithm;
	made->sign_with = is_ec ? "ec" : "rsa";
	made->trust.at_s = MADE_TOKEN_AT;
	make_jwks(made);
	memset(report_data, 0xda, sizeof(report_data));
	made_base64url(report_data, sizeof(report_data), nonce);
	snprintf(made->header, sizeof(made->header),
			 "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"JWT\"}", algorithm, made->sign_with);
	snprintf(made->payload, sizeof(made->payload),
			 "{\"iss\":\"https://confidentialcomputing.googleapis.com\",\"aud\":\"" TOKEN_AUDIENCE "\","
			 "\"iat\":%lld,\"nbf\":%lld,\"exp\":%lld,\"eat_nonce\":[\"%s\"],"
			 "\"swname\":\"CONFIDENTIAL_SPACE\",\"hwmodel\":\"GCP_INTEL_TDX\",\"secboot\":true,"
			 "\"dbgstat\":\"disabled-since-boot\",\"submods\":{\"confidential_space\":"
			 "{\"support_attributes\":[\"LATEST\",\"STABLE\",\"USABLE\"]},\"container\":"
			 "{\"image_digest\":\"sha256:%064d\",\"args\":[\"x\"]}}}",
			 (long long) MADE_TOKEN_AT, (long long) MADE_TOKEN_AT, (long long) MADE_TOKEN_AT + 3600,
			 nonce, 7);
}

void
made_replace(char *text, size_t size, const char *old, const char *new)
{
	char	   *at = strstr(text, old);

	must(at != NULL && strlen(text) + strlen(new) < size, old);
	memmove(at + strlen(new), at + strlen(old), strlen(at + strlen(old)) + 1);
	memcpy(at, new, strlen(new));
}

static size_t
sign_with_key(EVP_PKEY *key, bool pss, const char *data, uint8_t *out, size_t size)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key_context;
	size_t		len = size;

	must(EVP_DigestSignInit(context, &key_context, EVP_sha256(), NULL, key) == 1 &&
		 (!pss || (EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) == 1 &&
				   EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
		 EVP_DigestSign(context, out, &len, (const uint8_t *) data, strlen(data)) == 1, "a signature");
	EVP_MD_CTX_free(context);
	return len;
}

/* r and s, in place of DER */
static size_t
sign_es256(const char *data, int padding, uint8_t *out)
{
	uint8_t		der[100];
	const uint8_t *pos = der;
	size_t		len = sign_with_key(ec_key, false, data, der, sizeof(der));
	ECDSA_SIG  *signature = d2i_ECDSA_SIG(NULL, &pos, (long) len);
	int			half = 32 + padding;

	must(BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, half) == half &&
		 BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + half, half) == half, "a signature");
	ECDSA_SIG_free(signature);
	return 2 * (size_t) half;
}

/* What takes a public key for a secret takes this for its signature. */
static size_t
sign_hs256(const MadeToken *made, const char *data, uint8_t *out)
{
	size_t		len = 0;

	must(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, made->jwks, strlen(made->jwks),
				   (const uint8_t *) data, strlen(data), out, 512, &len) != NULL, "a MAC");
	return len;
}

static size_t
sign(const MadeToken *made, const char *data, uint8_t *out)
{
	EVP_PKEY   *rsa = strcmp(made->sign_with, "other") == 0 ? other_key :
		strcmp(made->sign_with, "small") == 0 ? small_key : rsa_key;

	if (strcmp(made->sign_as, "none") == 0)
		return 0;
	if (strcmp(made->sign_as, "HS256") == 0)
		return sign_hs256(made, data, out);
	if (strcmp(made->sign_as, "ES256") == 0)
		return sign_es256(data, made->padding, out);
	return sign_with_key(rsa, strcmp(made->sign_as, "PS256") == 0, data, out, 512);
}

void
made_token_issue(MadeToken *made)
{
	char	   *end = made->token;
	uint8_t		signature[512];
	size_t		len;

	end += made_base64url(made->header, strlen(made->header), end);
	*end++ = '.';
	end += made_base64url(made->payload, strlen(made->payload), end);
	len = sign(made, made->token, signature);
	*end++ = '.';
	made_base64url(signature, len, end);

	made->evidence.type = evidence_type_by_name("confidential-space");
	made->evidence.report = bytes_of_string(made->token);
	made->trust.jwks = bytes_of_string(made->jwks);
}

bool
made_token_verify(MadeToken *made)
{
	memset(&made->verdict, 0, sizeof(made->verdict));
	return evidence_verify(&made->evidence, &made->trust, &made->claims, &made->verdict);
}
