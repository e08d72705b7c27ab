/*-------------------------------------------------------------------------
 *
 * kms_oauth.c
 *	  The exchanges of OAuth 2.0 (RFC 6749).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "base/json.h"
#include "kms/kms_oauth.h"
#include "kms/kms_options.h"
#include "kms/kms_reply.h"

#define WORD_MAX	16			/* a type, or digits of a lifetime; and a NUL */

void
oauth_request(KmsRequest *request, const char *url)
{
	http_request_init(request, "POST", url);
	http_request_header(request, "Content-Type", "application/x-www-form-urlencoded");
	http_request_header(request, "Accept", "application/json");
}

/* RFC 6749, appendix B.  Written where it is to stand: values are secrets. */
static void
put_encoded(KmsRequest *request, const char *text)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	static const char hex[] = "0123456789ABCDEF";

	for (const char *c = text; *c != '\0'; c++)
	{
		uint8		byte = (uint8) *c;
		char		escaped[] = {'%', hex[byte >> 4], hex[byte & 15]};

		if (strchr(plain, *c) != NULL)
			kms_request_body(request, bytes_of(c, 1));
		else if (*c == ' ')
			kms_request_body(request, bytes_of("+", 1));
		else
			kms_request_body(request, bytes_of(escaped, sizeof(escaped)));
	}
}

void
oauth_put(KmsRequest *request, const char *name, const char *value)
{
	if (request->body_len > 0)
		kms_request_body(request, bytes_of("&", 1));
	put_encoded(request, name);
	kms_request_body(request, bytes_of("=", 1));
	put_encoded(request, value);
}

static bool
read_token(const KmsReply *reply, KmsToken *token)
{
	char		type[WORD_MAX];
	char		lifetime[WORD_MAX];
	JsonWanted	wanted[] = {
		{"access_token", token->text, sizeof(token->text), false},
		{"token_type", type, sizeof(type), false},
		{"expires_in", lifetime, sizeof(lifetime), false},
	};

	token->renewable = false;
	token->replaceable = true;
	token->lifetime_s = 0;
	if (!json_find(bytes_of(reply->body, reply->body_len), wanted, lengthof(wanted)) ||
		!kms_text_is_token(token->text) || pg_strcasecmp(type, "Bearer") != 0)
		return false;
	if (!wanted[2].found)
		return true;
	if (!kms_reply_seconds(lifetime, &token->lifetime_s))
		return false;

	/* To us 0 is a token without an end, and this one is at its end. */
	token->lifetime_s = Max(token->lifetime_s, 1);
	return true;
}

bool
oauth_read_token(const KmsReply *reply, KmsToken *token, KmsError *error)
{
	if (read_token(reply, token))
		return true;
	OPENSSL_cleanse(token, sizeof(*token));
	return kms_reply_fail(reply, error, KMS_PROTOCOL, "", "Its reply holds no token");
}

void
oauth_read_error(const KmsReply *reply, char code[OAUTH_CODE_MAX], char said[OAUTH_SAID_MAX])
{
	Bytes		body = bytes_of(reply->body, reply->body_len);
	JsonWanted	wanted_code = {"error", code, OAUTH_CODE_MAX, false};
	JsonWanted	wanted_said = {"error_description", said, OAUTH_SAID_MAX, false};

	/* One by one: a description that is too long leaves the code. */
	(void) json_find(body, &wanted_code, 1);
	(void) json_find(body, &wanted_said, 1);
}
