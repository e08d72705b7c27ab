/*-------------------------------------------------------------------------
 *
 * kms_jwt.c
 *	  JSON Web Tokens in the compact form of RFC 7515: three parts in
 *	  base64url, of which the third signs the two before.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include "base/json.h"
#include "crypto/base64.h"
#include "kms/kms_jwt.h"
#include "kms/kms_options.h"
#include "kms/kms_rsa_key.h"

#define PART_MAX		4096	/* of JSON, before it is encoded */
#define SIGNATURE_MAX	1024	/* of a key of 8192 bits */
#define EXPIRES_MAX		24		/* digits, maybe a fraction, and a NUL */
#define SECONDS_MAX		(INT64CONST(1) << 40)

static const char *const algorithm_names[] = {
	[JWT_RS256] = "RS256",
	[JWT_PS256] = "PS256",
};

static void
put(ByteWriter *json, const char *text)
{
	writer_put(json, bytes_of_string(text));
}

/* Quoted; what is not printable ASCII makes it overflow, which refuses it. */
static void
put_string(ByteWriter *json, const char *text)
{
	if (!kms_text_is_printable(text))
		json->overflow = true;
	put(json, "\"");
	for (const char *c = text; *c != '\0'; c++)
	{
		if (*c == '"' || *c == '\\')
			put(json, "\\");
		writer_put(json, bytes_of(c, 1));
	}
	put(json, "\"");
}

static void
put_members(ByteWriter *json, const JwtMember *member)
{
	for (; member->name != NULL; member++)
	{
		char		number[EXPIRES_MAX];

		if (json->len > 1)
			put(json, ",");
		put_string(json, member->name);
		put(json, ":");
		if (member->string != NULL)
			put_string(json, member->string);
		else
		{
			snprintf(number, sizeof(number), INT64_FORMAT, member->number);
			put(json, number);
		}
	}
}

/* Appends a part; false: it does not fit. */
static bool
put_part(char out[JWT_MAX], Size *len, Bytes part)
{
	const int	variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
	Size		needed = sodium_base64_encoded_len(part.len, variant);

	if (needed + 1 > JWT_MAX - *len)
		return false;
	if (*len > 0)
		out[(*len)++] = '.';
	sodium_bin2base64(out + *len, needed, part.data, part.len, variant);
	*len += needed - 1;
	return true;
}

static bool
sign(JwtAlgorithm algorithm, EVP_PKEY *key, Bytes text, uint8 *signature, Size *len)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options;		/* of context */
	bool		ok;

	ok = context != NULL &&
		EVP_DigestSignInit(context, &options, EVP_sha256(), NULL, key) == 1 &&
		(algorithm != JWT_PS256 ||
		 (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
		  EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
		EVP_DigestSign(context, signature, len, text.data, text.len) == 1;
	EVP_MD_CTX_free(context);
	return ok;
}

bool
jwt_sign(JwtAlgorithm algorithm, const char *key, Bytes header, Bytes claims,
		 char out[JWT_MAX])
{
	uint8		signature[SIGNATURE_MAX];
	Size		signature_len = sizeof(signature);
	Size		len = 0;
	EVP_PKEY   *pkey = rsa_key_read(key);
	bool		ok;

	ok = pkey != NULL && put_part(out, &len, header) && put_part(out, &len, claims) &&
		sign(algorithm, pkey, bytes_of(out, len), signature, &signature_len) &&
		put_part(out, &len, bytes_of(signature, signature_len));
	EVP_PKEY_free(pkey);
	ERR_clear_error();			/* what libcurl reads next is its own */
	OPENSSL_cleanse(signature, sizeof(signature));
	if (!ok)
		OPENSSL_cleanse(out, JWT_MAX);
	return ok;
}

bool
jwt_make(JwtAlgorithm algorithm, const char *key, const JwtMember *header,
		 const JwtMember *claims, char out[JWT_MAX])
{
	const JwtMember first[] = {
		{"alg", algorithm_names[algorithm], 0},
		{"typ", "JWT", 0},
		{NULL, NULL, 0},
	};
	uint8		header_text[PART_MAX];
	uint8		claims_text[PART_MAX];
	ByteWriter	header_json = writer_of(header_text, sizeof(header_text));
	ByteWriter	claims_json = writer_of(claims_text, sizeof(claims_text));

	put(&header_json, "{");
	put_members(&header_json, first);
	put_members(&header_json, header);
	put(&header_json, "}");
	put(&claims_json, "{");
	put_members(&claims_json, claims);
	put(&claims_json, "}");
	if (!header_json.overflow && !claims_json.overflow)
		return jwt_sign(algorithm, key, writer_bytes(&header_json), writer_bytes(&claims_json),
						out);
	memset(out, 0, JWT_MAX);
	return false;
}

bool
jwt_claims(const char *token, uint8 *out, Size capacity, Size *len)
{
	const char *claims;

	*len = 0;
	if (!kms_text_is_jwt(token))
		return false;
	claims = strchr(token, '.') + 1;
	*len = strcspn(claims, ".");
	if (*len < capacity)
	{
		memcpy(out, claims, *len);
		out[*len] = '\0';
		if (base64url_decode((const char *) out, out, capacity, len))
			return true;
	}
	*len = 0;
	return false;
}

int64
jwt_expires(Bytes claims)
{
	char		expires[EXPIRES_MAX];
	JsonWanted	wanted = {"exp", expires, sizeof(expires), false};

	/* Digits, and behind a dot what nobody needs (RFC 7519, 2). */
	if (!json_find(claims, &wanted, 1) || !wanted.found ||
		strspn(expires, "0123456789.") != strlen(expires))
		return 0;
	return Min(strtoll(expires, NULL, 10), SECONDS_MAX);
}
