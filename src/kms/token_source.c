/*-------------------------------------------------------------------------
 *
 * token_source.c
 *	  Where the JWT comes from that a provider logs in with.
 *
 * What is on this machine and makes tokens may fail in any way: that is our
 * trouble (KMS_CREDENTIAL), and never a "no" of the tenant's KMS.  A token is
 * nobody's to see: no text says anything of it but when it expired, and which
 * claim of those that the operator wrote it does not have.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "base/json.h"
#include "kms/json_writer.h"
#include "kms/kms_address.h"
#include "kms/kms_jwt.h"
#include "kms/kms_options.h"
#include "kms/token_claims.h"
#include "kms/token_source.h"

#define LAUNCHER_URL "http://localhost/v1/token"

/* The value of the option begins with the word; the place follows, or is all of it. */
static const struct
{
	const char *word;
	bool		is_path;
	TokenSourceKind kind;
}			forms[] = {
	{"file:", true, TOKEN_OF_FILE},
	{"unix:", true, TOKEN_OF_LAUNCHER},
	{"http:", false, TOKEN_OF_URL},
	{"helper:", true, TOKEN_OF_HELPER},
};

static bool
read_option(const char *value, TokenSource *source)
{
	source->option = "token_source";
	for (int i = 0; i < lengthof(forms); i++)
	{
		Size		len = strlen(forms[i].word);

		if (strncmp(value, forms[i].word, len) != 0)
			continue;
		source->kind = forms[i].kind;
		source->place = forms[i].is_path ? value + len : value;
		return true;
	}
	return false;
}

static bool
is_socket(const TokenSource *source)
{
	return source->kind == TOKEN_OF_LAUNCHER || source->kind == TOKEN_OF_HELPER;
}

static bool
check_place(const TokenSource *source, KmsError *error)
{
	if (source->kind == TOKEN_OF_URL)
		return kms_loopback_url_validate(source->option, source->place, error);
	if (!is_absolute_path(source->place))
		return kms_fail(error, KMS_CONFIG, source->option, "its path must be an absolute one");
	if (is_socket(source) && strlen(source->place) >= KMS_SOCKET_PATH_MAX)
		return kms_fail(error, KMS_CONFIG, source->option,
						"the path of a socket has at most %d bytes", KMS_SOCKET_PATH_MAX - 1);
	return true;
}

static bool
check_audience(const KmsServer *server, const TokenSource *source, KmsError *error)
{
	bool		given = kms_option(server, "token_audience") != NULL;

	if (given && (source == NULL || !is_socket(source)))
		return kms_fail(error, KMS_CONFIG, "token_audience",
						"it is of use with a token_source of unix: or helper: only");
	if (!given && source != NULL && source->kind == TOKEN_OF_LAUNCHER)
		return kms_fail(error, KMS_CONFIG, "token_audience",
						"a token_source of unix: requires it");
	return kms_option_check_printable(server, "token_audience", error);
}

bool
token_source_check(const KmsServer *server, const char *file_option, KmsError *error)
{
	const char *value = kms_option(server, "token_source");
	const char *claims = kms_option(server, "attestation_claims");
	TokenSource source;

	if (value != NULL && !read_option(value, &source))
		return kms_fail(error, KMS_CONFIG, "token_source",
						"it must begin with file:/, unix:/, http:// or helper:/");
	if (value != NULL && kms_option(server, file_option) != NULL)
		return kms_fail(error, KMS_CONFIG, "token_source",
						"it takes the place of %s, which is given too", file_option);
	return (value == NULL || check_place(&source, error)) &&
		check_audience(server, value == NULL ? NULL : &source, error) &&
		kms_option_check_file(server, file_option, error) &&
		(claims == NULL || token_claims_validate(claims, "attestation_claims", error));
}

TokenSource
token_source_of(const KmsServer *server, const char *file_option, const char *default_file)
{
	const char *value = kms_option(server, "token_source");
	const char *file = kms_option(server, file_option);
	TokenSource source = {TOKEN_OF_FILE, file != NULL ? file : default_file, file_option};

	if (value != NULL)
		(void) read_option(value, &source);
	return source;
}

bool
token_source_is_identity(const KmsServer *server)
{
	const char *value = kms_option(server, "token_source");
	TokenSource source;

	return value != NULL && read_option(value, &source) && source.kind != TOKEN_OF_FILE;
}

/* As the launcher of a Confidential Space wants it (its "custom token"). */
static void
ask_launcher(const KmsServer *server, const TokenSource *source, const char *nonce,
			 KmsRequest *request)
{
	http_request_socket(request, "POST", LAUNCHER_URL, source->place);
	http_request_header(request, "Content-Type", "application/json");
	json_put_member(request, "audience", kms_option(server, "token_audience"));
	json_put_member(request, "token_type", "OIDC");
	kms_request_body(request, bytes_of_string(",\"nonces\":["));
	json_put_string(request, nonce);
	kms_request_body(request, bytes_of_string("]}"));
}

/* One line; the answer is all that comes until the end. */
static void
ask_helper(const KmsServer *server, const TokenSource *source, const char *nonce,
		   KmsRequest *request)
{
	const char *audience = kms_option(server, "token_audience");

	kms_request_line(request, source->place);
	if (audience != NULL)
		json_put_member(request, "audience", audience);
	json_put_member(request, "nonce", nonce);
	kms_request_body(request, bytes_of_string("}\n"));
}

void
token_source_ask(const KmsServer *server, const TokenSource *source, const char *nonce,
				 KmsRequest *request)
{
	switch (source->kind)
	{
		case TOKEN_OF_LAUNCHER:
			ask_launcher(server, source, nonce, request);
			break;
		case TOKEN_OF_URL:
			http_request_loopback(request, "GET", source->place);
			http_request_header(request, "Accept", "application/json, application/jwt, text/plain");
			break;
		case TOKEN_OF_HELPER:
			ask_helper(server, source, nonce, request);
			break;
		case TOKEN_OF_FILE:
			Assert(false);
			break;
	}
}

/* kms_fail() about a source: "The token of file:/run/token expired ...". */
static bool
fail(const TokenSource *source, KmsError *error, const char *before, const char *after)
{
	const char *word = "";

	for (int i = 0; i < lengthof(forms); i++)
	{
		if (forms[i].kind == source->kind && forms[i].is_path)
			word = forms[i].word;
	}
	return kms_fail(error, KMS_CREDENTIAL, source->option, "%s%s%.256s%s", before, word,
					source->place, after);
}

/* The token itself, or an object that holds it. */
bool
token_source_read(const TokenSource *source, const KmsReply *reply, char *out, KmsError *error)
{
	JsonWanted	wanted = {"token", out, KMS_JWT_MAX, false};
	Size		len = reply->body_len;
	char		said[64];

	if (reply->failure != KMS_REPLIED)
	{
		snprintf(said, sizeof(said), ": %s.", reply->failure_text);
		return fail(source, error, "No token came from ", said);
	}
	if (source->kind != TOKEN_OF_HELPER && reply->status != 200)
	{
		snprintf(said, sizeof(said), ", which answered with status %d.", reply->status);
		return fail(source, error, "No token came from ", said);
	}
	if (reply->body[0] == '{')
		return (json_find(bytes_of(reply->body, len), &wanted, 1) && wanted.found) ||
			fail(source, error, "The answer of ", " holds no token.");
	while (len > 0 && (reply->body[len - 1] == '\n' || reply->body[len - 1] == '\r'))
		len--;
	if (len == 0 || len >= KMS_JWT_MAX || memchr(reply->body, '\0', len) != NULL)
		return fail(source, error, "The answer of ", " is empty, too long or not text.");
	memcpy(out, reply->body, len);
	out[len] = '\0';
	return true;
}

/* " expired 12 minutes ago." */
static void
say_expired(int64 ago_s, char *out, Size size)
{
	static const struct
	{
		int64		seconds;
		const char *name;
	}			units[] = {{86400, "days"}, {3600, "hours"}, {60, "minutes"}, {1, "seconds"}};
	int			i = 0;

	while (i < lengthof(units) - 1 && ago_s < 2 * units[i].seconds)
		i++;
	snprintf(out, size, " expired " INT64_FORMAT " %s ago.", ago_s / units[i].seconds,
			 units[i].name);
}

static bool
check_claims(const KmsServer *server, const TokenSource *source, Bytes claims, KmsError *error)
{
	const char *demanded = kms_option(server, "attestation_claims");
	char		missing[TOKEN_CLAIM_NAME_MAX];
	char		said[TOKEN_CLAIM_NAME_MAX + 64];

	if (demanded == NULL || token_claims_hold(demanded, claims, missing))
		return true;
	snprintf(said, sizeof(said), " does not have the claim \"%s\" as attestation_claims demands it.",
			 missing);
	fail(source, error, "The token of ", said);
	error->status = KMS_UNATTESTED;
	return false;
}

/* *claims is scratch, of KMS_JWT_MAX bytes. */
static bool
check_token(const KmsServer *server, const TokenSource *source,
			const KmsCredential *credential, int64 now_s, uint8 *claims, KmsError *error)
{
	Size		len = 0;
	int64		expires;
	char		said[64];

	if (!kms_text_is_jwt(credential->secret))
		return fail(source, error, "What comes from ", " is no JWT.");
	if (!jwt_claims(credential->secret, claims, KMS_JWT_MAX, &len))
		len = 0;				/* for the KMS to refuse, if nothing is demanded */
	expires = jwt_expires(bytes_of(claims, len));
	if (expires != 0 && expires <= now_s)
	{
		say_expired(now_s - expires, said, sizeof(said));
		return fail(source, error, "The token of ", said);
	}
	if (source->kind == TOKEN_OF_LAUNCHER &&
		!token_claims_answer(bytes_of(claims, len), credential->nonce))
		return fail(source, error, "The token of ", " is the answer to another question.");
	return check_claims(server, source, bytes_of(claims, len), error);
}

bool
token_source_permits(const KmsServer *server, const TokenSource *source,
					 const KmsCredential *credential, int64 now_s, KmsError *error)
{
	uint8		claims[KMS_JWT_MAX];
	bool		permits = check_token(server, source, credential, now_s, claims, error);

	OPENSSL_cleanse(claims, sizeof(claims));
	return permits;
}
