/*-------------------------------------------------------------------------
 *
 * jwk.c
 *	  Public keys in JSON.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/jwk.h"

#include <stdio.h>

#include "base/json.h"
#include "crypto/base64.h"
#include "evidence/public_key.h"

#define POINTER_MAX			32
#define BASE64_LEN(n)		(((n) + 2) / 3 * 4)
#define COORDINATE_LEN		(P256_POINT_LEN / 2)

/* Looks for the object whose kid it is. */
typedef struct KidSearch
{
	const char *kid;
	int			found;			/* how many */
	char		pointer[POINTER_MAX];	/* to the last, "/keys/3" */
} KidSearch;

/* Members as text; empty: not there */
typedef struct JwkText
{
	char		e[8];
	char		n[BASE64_LEN(RSA_BYTES_MAX) + 1];
	char		crv[8];
	char		x[BASE64_LEN(COORDINATE_LEN) + 1];
	char		y[BASE64_LEN(COORDINATE_LEN) + 1];
} JwkText;

static JsonStep look_for_kid(void *state, const JsonNode *node);
static bool read_members(Bytes set, const char *pointer, Jwk *jwk, JwkText *text);
static EVP_PKEY *rsa_key(const JwkText *text);
static EVP_PKEY *p256_key(const JwkText *text);

const char *
jwk_find(Bytes set, const char *kid, Jwk *jwk)
{
	KidSearch	search = {.kid = kid};
	JwkText		text;

	memset(jwk, 0, sizeof(*jwk));
	if (!json_walk(set, look_for_kid, &search))
		return "the set of keys is not JSON, or has a name twice";
	if (search.found == 0)
		return "no key has this kid";
	if (search.found > 1)
		return "two keys have this kid";
	if (!read_members(set, search.pointer, jwk, &text))
		return "the key has a member that is too long";

	if (strcmp(jwk->kty, "RSA") == 0)
		jwk->key = rsa_key(&text);
	else if (strcmp(jwk->kty, "EC") == 0)
		jwk->key = p256_key(&text);
	return jwk->key == NULL ? "the key is not one of RSA with 2048 to 4096 bits, or of P-256" : NULL;
}

/* Whether the pointer is /keys/N/kid; *len: of /keys/N. */
static bool
is_kid(const char *pointer, size_t *len)
{
	const char *c = pointer + strlen("/keys/");

	if (strncmp(pointer, "/keys/", strlen("/keys/")) != 0)
		return false;
	*len = strlen("/keys/") + strcspn(c, "/");
	return strcmp(pointer + *len, "/kid") == 0 && *len < POINTER_MAX;
}

static JsonStep
look_for_kid(void *state, const JsonNode *node)
{
	KidSearch  *search = state;
	char		kid[JWK_KID_MAX];
	size_t		len;

	if (node->kind == JSON_IS_STRING && is_kid(node->pointer, &len) &&
		json_unescape(node->text, kid, sizeof(kid)) && strcmp(kid, search->kid) == 0)
	{
		search->found++;
		memcpy(search->pointer, node->pointer, len);
		search->pointer[len] = '\0';
	}
	return JSON_ENTER;
}

static bool
read_members(Bytes set, const char *pointer, Jwk *jwk, JwkText *text)
{
	static const char *const names[] = {"kty", "alg", "use", "e", "n", "crv", "x", "y"};
	JsonWanted	wanted[] = {
		{.out = jwk->kty,.size = sizeof(jwk->kty)},
		{.out = jwk->alg,.size = sizeof(jwk->alg)},
		{.out = jwk->use,.size = sizeof(jwk->use)},
		{.out = text->e,.size = sizeof(text->e)},
		{.out = text->n,.size = sizeof(text->n)},
		{.out = text->crv,.size = sizeof(text->crv)},
		{.out = text->x,.size = sizeof(text->x)},
		{.out = text->y,.size = sizeof(text->y)},
	};
	char		paths[8][POINTER_MAX + 8];

	for (int i = 0; i < 8; i++)
	{
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", pointer, names[i]);
		wanted[i].path = paths[i];
	}
	return json_find(set, wanted, 8);
}

/* RFC 7518, 6.3.1.  Everybody's exponent is 65537. */
static EVP_PKEY *
rsa_key(const JwkText *text)
{
	uint8_t		modulus[RSA_BYTES_MAX];
	size_t		len;

	if (strcmp(text->e, "AQAB") != 0 || !base64url_decode(text->n, modulus, sizeof(modulus), &len))
		return NULL;
	return public_key_rsa(bytes_of(modulus, len));
}

/* RFC 7518, 6.2.1: coordinates keep their zeros. */
static EVP_PKEY *
p256_key(const JwkText *text)
{
	uint8_t		point[P256_POINT_LEN];
	size_t		x_len;
	size_t		y_len;

	if (strcmp(text->crv, "P-256") != 0 ||
		!base64url_decode(text->x, point, COORDINATE_LEN, &x_len) ||
		!base64url_decode(text->y, point + COORDINATE_LEN, COORDINATE_LEN, &y_len) ||
		x_len != COORDINATE_LEN || y_len != COORDINATE_LEN)
		return NULL;
	return public_key_p256(bytes_of(point, sizeof(point)));
}
