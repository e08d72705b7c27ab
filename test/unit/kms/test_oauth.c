/*-------------------------------------------------------------------------
 *
 * test_oauth.c
 *	  Forms that are sent to OAuth servers, and what comes back.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include "kms/kms_oauth.h"

static KmsRequest request;
static KmsToken token;

static void test_forms(void);
static void test_tokens(void);
static void test_no_tokens(void);
static void test_errors(void);

void
test_oauth(void)
{
	test_forms();
	test_tokens();
	test_no_tokens();
	test_errors();
}

static bool
body_is(const char *text)
{
	return bytes_equal(bytes_of(request.body, request.body_len), bytes_of_string(text));
}

static void
test_forms(void)
{
	static const char headers[] =
		"Content-Type: application/x-www-form-urlencoded\0" "Accept: application/json";
	static char long_value[KMS_REQUEST_BODY_MAX / 3 + 2];

	oauth_request(&request, "https://login.example/token");
	oauth_put(&request, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
	oauth_put(&request, "a b", "-._~*&=+%/:\"\n");
	tap_ok(!request.invalid && strcmp(request.method, "POST") == 0 &&
		   strcmp(request.url, "https://login.example/token") == 0 &&
		   bytes_equal(bytes_of(request.headers, request.headers_len),
					   bytes_of(headers, sizeof(headers))) &&
		   body_is("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
				   "&a+b=-._%7E%2A%26%3D%2B%25%2F%3A%22%0A"),
		   "a form is sent, with all but plain characters escaped");

	/* RFC 6749, appendix B */
	oauth_request(&request, "https://login.example/token");
	oauth_put(&request, "v", " %&+\xc2\xa3\xe2\x82\xac");
	tap_ok(body_is("v=+%25%26%2B%C2%A3%E2%82%AC"), "the RFC's example");

	memset(long_value, '%', sizeof(long_value) - 1);
	oauth_request(&request, "https://login.example/token");
	oauth_put(&request, "v", long_value);
	tap_ok(request.invalid, "a form that does not fit is not sent");
}

static bool
reads(const char *body, KmsError *error)
{
	memset(&token, 0xff, sizeof(token));
	return oauth_read_token(reply_of(200, body), &token, error);
}

static void
test_tokens(void)
{
	static const struct
	{
		const char *body;
		uint32		lifetime_s;
	}			cases[] = {
		{"{\"access_token\":\"ya29.c\",\"token_type\":\"Bearer\",\"expires_in\":3599}", 3599},
		{"{\"token_type\":\"bearer\",\"expires_in\":\"86399\",\"access_token\":\"ya29.c\"}", 86399},
		{"{\"access_token\":\"ya29.c\",\"token_type\":\"BEARER\",\"x\":[{\"access_token\":\"y\"}]}", 0},
		{"{\"access_token\":\"ya29.c\",\"token_type\":\"Bearer\",\"expires_in\":0}", 1},
		{"{\"access_token\":\"ya29.c\",\"token_type\":\"Bearer\",\"expires_in\":null}", 0},
	};
	KmsError	error;
	bool		ok = true;

	for (int i = 0; i < lengthof(cases); i++)
		TAP_EACH(ok, reads(cases[i].body, &error) && strcmp(token.text, "ya29.c") == 0 &&
				 token.lifetime_s == cases[i].lifetime_s && !token.renewable,
				 "%s", cases[i].body);
	tap_ok(ok, "a token for a bearer is taken, with its lifetime in any form");
}

static void
test_no_tokens(void)
{
	static const KmsToken none;
	static const char *const bodies[] = {
		"",
		"ya29.c",
		"{\"token_type\":\"Bearer\",\"expires_in\":3599}",
		"{\"access_token\":\"ya29.c\",\"expires_in\":3599}",
		"{\"access_token\":\"ya29.c\",\"token_type\":\"mac\",\"expires_in\":3599}",
		"{\"access_token\":\"\",\"token_type\":\"Bearer\",\"expires_in\":3599}",
		"{\"access_token\":null,\"token_type\":\"Bearer\",\"expires_in\":3599}",
		"{\"access_token\":\"a b\",\"token_type\":\"Bearer\",\"expires_in\":3599}",
		"{\"access_token\":\"a\\r\\nb: c\",\"token_type\":\"Bearer\",\"expires_in\":3599}",
		"{\"access_token\":\"ya29.c\",\"token_type\":\"Bearer\",\"expires_in\":-1}",
		"{\"access_token\":\"ya29.c\",\"token_type\":\"Bearer\",\"expires_in\":1.5}",
		"{\"access_token\":\"ya29.c\",\"token_type\":\"Bearer\",\"expires_in\":\"\"}",
		"{\"access_token\":\"ya29.c\",\"token_type\":\"Bearer\",\"access_token\":\"other\"}",
	};
	KmsError	error;
	bool		ok = true;

	for (int i = 0; i < lengthof(bodies); i++)
		TAP_EACH(ok, !reads(bodies[i], &error) && error.status == KMS_PROTOCOL &&
				 memcmp(&token, &none, sizeof(token)) == 0 &&
				 strstr(error.detail, "ya29") == NULL, "%s", bodies[i]);
	tap_ok(ok, "anything else is none, and leaves none");
}

static void
test_errors(void)
{
	char		code[OAUTH_CODE_MAX];
	char		said[OAUTH_SAID_MAX];
	char		body[OAUTH_SAID_MAX + 100];

	oauth_read_error(reply_of(400, "{\"error\":\"invalid_grant\",\"error_description\":"
							  "\"Invalid JWT\",\"error_codes\":[70021]}"), code, said);
	tap_ok(strcmp(code, "invalid_grant") == 0 && strcmp(said, "Invalid JWT") == 0,
		   "an error has its code and what is said of it");

	snprintf(body, sizeof(body), "{\"error\":\"invalid_grant\",\"error_description\":\"%0*d\"}",
			 OAUTH_SAID_MAX, 0);
	oauth_read_error(reply_of(400, body), code, said);
	tap_ok(strcmp(code, "invalid_grant") == 0 && said[0] == '\0',
		   "one that says too much leaves its code");

	oauth_read_error(reply_of(502, "<html>"), code, said);
	tap_ok(code[0] == '\0' && said[0] == '\0', "one that is none of OAuth leaves nothing");
}
