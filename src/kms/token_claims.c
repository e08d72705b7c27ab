/*-------------------------------------------------------------------------
 *
 * token_claims.c
 *	  Claims that a token must have, and whether it has them.
 *
 * Both texts are walked value by value.  A pointer as the walk tells it is in
 * its one canonical form, so the two are compared as bytes.  Numbers are too:
 * 1 is not 1.0, since nobody who issues tokens writes both.
 *
 * What cannot be read has no claims: a token with a name twice could be read
 * in one way by us and in another by who verifies it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/json.h"
#include "kms/kms_options.h"
#include "kms/token_claims.h"

#define VALUE_MAX 512			/* of a string, and its NUL */

typedef struct Claim
{
	char		pointer[TOKEN_CLAIM_NAME_MAX];
	JsonKind	kind;
	char		value[VALUE_MAX];	/* a number or boolean as it is written */
	bool		in_array;		/* an array is where it points to */
	bool		found;
} Claim;

typedef struct Claims
{
	int			n;
	const char *problem;		/* NULL: none */
	Claim		claim[TOKEN_CLAIMS_MAX];
} Claims;

/* A string without its quotes and escapes, or a number or boolean as it is. */
static bool
copy_value(const JsonNode *node, char *out, Size size)
{
	if (node->kind == JSON_IS_STRING)
		return json_unescape(node->text, out, size);
	if (node->text.len >= size)
		return false;
	memcpy(out, node->text.data, node->text.len);
	out[node->text.len] = '\0';
	return true;
}

/*
 * A name, which the walk has escaped behind a slash, as the pointer that it
 * is.  False unless it is one in canonical form, of printable ASCII.
 */
static bool
copy_pointer(const char *escaped, char *out)
{
	Size		len = 0;

	for (const char *c = escaped + 1; *c != '\0'; c++)
	{
		if (len == TOKEN_CLAIM_NAME_MAX - 1)
			return false;
		if (*c == '~')
			out[len++] = *++c == '1' ? '/' : '~';
		else
			out[len++] = *c;
	}
	out[len] = '\0';
	for (const char *c = strchr(out, '~'); c != NULL; c = strchr(c + 1, '~'))
	{
		if (c[1] != '0' && c[1] != '1')
			return false;
	}
	return out[0] == '/' && kms_text_is_printable(out);
}

static JsonStep
stop(Claims *claims, const char *problem)
{
	claims->problem = problem;
	return JSON_STOP;
}

static JsonStep
visit_demanded(void *state, const JsonNode *node)
{
	Claims	   *claims = state;
	Claim	   *claim = &claims->claim[claims->n];

	if (node->pointer[0] == '\0')
		return node->kind == JSON_IS_OBJECT ? JSON_ENTER :
			stop(claims, "it must be a JSON object of pointers and the values that are demanded there");
	if (claims->n == TOKEN_CLAIMS_MAX)
		return stop(claims, "there are too many of them");
	if (!copy_pointer(node->pointer, claim->pointer))
		return stop(claims, "its names must be JSON pointers, as /submods/container/image_digest");
	if (node->kind != JSON_IS_STRING && node->kind != JSON_IS_NUMBER &&
		node->kind != JSON_IS_BOOLEAN)
		return stop(claims, "its values must be strings, numbers and booleans");
	if (!copy_value(node, claim->value, sizeof(claim->value)))
		return stop(claims, "a value is too long, or escapes a character beyond ASCII");
	claim->kind = node->kind;
	claim->in_array = claim->found = false;
	claims->n++;
	return JSON_ENTER;
}

static void
read_demanded(const char *demanded, Claims *claims)
{
	claims->n = 0;
	claims->problem = NULL;
	if (!json_walk(bytes_of_string(demanded), visit_demanded, claims) &&
		claims->problem == NULL)
		claims->problem = "it is no JSON, or has a name twice";
	if (claims->problem == NULL && claims->n == 0)
		claims->problem = "it demands nothing";
}

bool
token_claims_validate(const char *demanded, const char *option, KmsError *error)
{
	Claims		claims;

	read_demanded(demanded, &claims);
	return claims.problem == NULL || kms_fail(error, KMS_CONFIG, option, "%s", claims.problem);
}

/* "/array/7" of "/array" */
static bool
is_member(const char *pointer, const char *array)
{
	Size		len = strlen(array);

	return strncmp(pointer, array, len) == 0 && pointer[len] == '/' &&
		strspn(pointer + len + 1, "0123456789") == strlen(pointer + len + 1);
}

static JsonStep
visit_claim(void *state, const JsonNode *node)
{
	Claims	   *claims = state;
	char		value[VALUE_MAX];

	for (int i = 0; i < claims->n; i++)
	{
		Claim	   *claim = &claims->claim[i];
		bool		here = strcmp(node->pointer, claim->pointer) == 0;

		if (here && node->kind == JSON_IS_ARRAY)
			claim->in_array = true;
		if ((here || (claim->in_array && is_member(node->pointer, claim->pointer))) &&
			node->kind == claim->kind && copy_value(node, value, sizeof(value)) &&
			strcmp(value, claim->value) == 0)
			claim->found = true;
	}
	return JSON_ENTER;
}

bool
token_claims_hold(const char *demanded, Bytes claims, char missing[TOKEN_CLAIM_NAME_MAX])
{
	Claims		wanted;
	bool		readable;

	strlcpy(missing, "", TOKEN_CLAIM_NAME_MAX);
	read_demanded(demanded, &wanted);
	if (wanted.problem != NULL)
		return false;
	readable = json_walk(claims, visit_claim, &wanted);
	for (int i = 0; i < wanted.n; i++)
	{
		if (readable && wanted.claim[i].found)
			continue;
		strlcpy(missing, wanted.claim[i].pointer, TOKEN_CLAIM_NAME_MAX);
		return false;
	}
	return true;
}

bool
token_claims_answer(Bytes claims, const char *nonce)
{
	Claims		wanted = {.n = 1,.claim = {{.pointer = "/eat_nonce",.kind = JSON_IS_STRING}}};

	strlcpy(wanted.claim[0].value, nonce, VALUE_MAX);
	return json_walk(claims, visit_claim, &wanted) && wanted.claim[0].found;
}
