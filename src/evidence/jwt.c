/*-------------------------------------------------------------------------
 *
 * jwt.c
 *	  Signed tokens.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/jwt.h"

#include "base/json.h"
#include "crypto/base64.h"
#include "evidence/certificate.h"
#include "evidence/jwk.h"
#include "evidence/public_key.h"

typedef struct JwtHeader
{
	bool		critical;
	char		alg[16];
	char		kid[JWK_KID_MAX];
} JwtHeader;

typedef struct JwtAlgorithm
{
	const char *name;
	const char *kty;			/* of the keys that it is for */
	bool		(*verify) (EVP_PKEY *key, Bytes data, Bytes signature);
} JwtAlgorithm;

static bool take_part(char **rest, bool last, Bytes *out);
static JsonStep visit_header(void *state, const JsonNode *node);
static bool verify_rs256(EVP_PKEY *key, Bytes data, Bytes signature);
static bool verify_ps256(EVP_PKEY *key, Bytes data, Bytes signature);
static bool verify_es256(EVP_PKEY *key, Bytes data, Bytes signature);

/* RFC 7518, 3.1 */
static const JwtAlgorithm algorithms[] = {
	{.name = "RS256",.kty = "RSA",.verify = verify_rs256},
	{.name = "PS256",.kty = "RSA",.verify = verify_ps256},
	{.name = "ES256",.kty = "EC",.verify = verify_es256},
};

const char *
jwt_read(Bytes token, Jwt *jwt)
{
	char	   *rest = jwt->room;

	if (token.len > JWT_MAX)
		return "it is too long";
	if (!bytes_are_ascii(token) || (token.len > 0 && memchr(token.data, '\0', token.len) != NULL))
		return "it is not text";
	if (token.len > 0)
		memcpy(jwt->room, token.data, token.len);
	jwt->room[token.len] = '\0';

	if (!take_part(&rest, false, &jwt->header) || !take_part(&rest, false, &jwt->payload))
		return "its header or payload is not base64url";
	jwt->signing_input = bytes_of(token.data, (size_t) (rest - jwt->room) - 1);
	if (!take_part(&rest, true, &jwt->signature))
		return "it does not end with a signature in base64url";
	return NULL;
}

/* Up to the next dot, or the end; decoded in its place. */
static bool
take_part(char **rest, bool last, Bytes *out)
{
	char	   *start = *rest;
	char	   *dot = strchr(start, '.');
	size_t		len;

	if ((dot == NULL) != last)
		return false;
	if (dot != NULL)
	{
		*dot = '\0';
		*rest = dot + 1;
	}
	len = strlen(start);
	if (len == 0 || !base64url_decode(start, (uint8_t *) start, len, &len))
		return false;
	*out = bytes_of(start, len);
	return true;
}

static const JwtAlgorithm *
algorithm_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
	{
		if (strcmp(algorithms[i].name, name) == 0)
			return &algorithms[i];
	}
	return NULL;
}

const char *
jwt_verify(const Jwt *jwt, Bytes jwks)
{
	JwtHeader	header = {.critical = false};
	const JwtAlgorithm *algorithm;
	const char *wrong;
	Jwk			jwk;

	if (!json_walk(jwt->header, visit_header, &header))
		return "its header is not JSON, has a name twice, or no texts for alg and kid";
	if (header.critical)
		return "its header has a critical extension";
	algorithm = algorithm_by_name(header.alg);
	if (algorithm == NULL)
		return "its algorithm is none of RS256, PS256 and ES256";
	if (header.kid[0] == '\0')
		return "its header names no key";

	wrong = jwk_find(jwks, header.kid, &jwk);
	if (wrong != NULL)
		return wrong;
	if (strcmp(jwk.kty, algorithm->kty) != 0 ||
		(jwk.alg[0] != '\0' && strcmp(jwk.alg, algorithm->name) != 0) ||
		(jwk.use[0] != '\0' && strcmp(jwk.use, "sig") != 0))
		wrong = "its algorithm is not the key's";
	else if (!algorithm->verify(jwk.key, jwt->signing_input, jwt->signature))
		wrong = "its signature is wrong";
	EVP_PKEY_free(jwk.key);
	return wrong;
}

static JsonStep
visit_header(void *state, const JsonNode *node)
{
	JwtHeader  *header = state;
	bool		is_string = node->kind == JSON_IS_STRING;

	if (strcmp(node->pointer, "/crit") == 0)
		header->critical = true;
	if (strcmp(node->pointer, "/alg") == 0 &&
		!(is_string && json_unescape(node->text, header->alg, sizeof(header->alg))))
		return JSON_STOP;
	if (strcmp(node->pointer, "/kid") == 0 &&
		!(is_string && json_unescape(node->text, header->kid, sizeof(header->kid))))
		return JSON_STOP;
	return JSON_ENTER;
}

static bool
verify_rs256(EVP_PKEY *key, Bytes data, Bytes signature)
{
	return public_key_rsa_verify(key, RSA_SCHEME_PKCS1, data, signature);
}

static bool
verify_ps256(EVP_PKEY *key, Bytes data, Bytes signature)
{
	return public_key_rsa_verify(key, RSA_SCHEME_PSS, data, signature);
}

static bool
verify_es256(EVP_PKEY *key, Bytes data, Bytes signature)
{
	return signature.len == P256_POINT_LEN &&
		certificate_ecdsa_verify(key, "SHA256", data, signature, false);
}
