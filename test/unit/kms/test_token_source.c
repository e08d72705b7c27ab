/*-------------------------------------------------------------------------
 *
 * test_token_source.c
 *	  The option token_source: what is asked, what is taken, what is sent on.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include "kms/kms_jwt.h"
#include "kms/token_source.h"
#include "rfc_key.h"

#define OPTIONS_MAX 20
#define NOW_S		INT64CONST(1800000000)
#define NONCE		"0123456789abcdef"

#define JWT			"provider", "vault", "address", "https://vault.example", "auth_method", "jwt", \
					"role", "r"
#define FROM(source) JWT, "token_source", source

static KmsRequest request;
static KmsCredential credential;
static KmsError error;

static void
test_options_of_sources(void)
{
	static const struct
	{
		TokenSourceKind kind;
		const char *place;
		const char *option;
		const char *options[OPTIONS_MAX];
	}			good[] = {
		{TOKEN_OF_FILE, "/a b", "jwt_file", {JWT, "jwt_file", "/a b"}},
		{TOKEN_OF_FILE, "/a b", "token_source", {FROM("file:/a b")}},
		{TOKEN_OF_LAUNCHER, "/s", "token_source", {FROM("unix:/s"), "token_audience", "a"}},
		{TOKEN_OF_HELPER, "/s", "token_source", {FROM("helper:/s")}},
		{TOKEN_OF_HELPER, "/s", "token_source", {FROM("helper:/s"), "token_audience", "a"}},
		{TOKEN_OF_URL, "http://127.0.0.1:8006/aa/token?token_type=kbs", "token_source",
		{FROM("http://127.0.0.1:8006/aa/token?token_type=kbs")}},
		{TOKEN_OF_URL, "http://[::1]:8006/t", "token_source", {FROM("http://[::1]:8006/t")}},
		{TOKEN_OF_URL, "http://127.9.9.9/", "token_source", {FROM("http://127.9.9.9/")}},
	};
	static const struct
	{
		const char *option;
		const char *options[OPTIONS_MAX];
	}			bad[] = {
		{"token_source", {FROM("/a")}},
		{"token_source", {FROM("file:a")}},
		{"token_source", {FROM("file://host/a"), "jwt_file", "/a"}},
		{"token_source", {FROM("File:/a")}},
		{"token_source", {FROM("unix:s"), "token_audience", "a"}},
		{"token_source", {FROM("helper:")}},
		{"token_source", {FROM("exec:/bin/true")}},
		{"token_source", {FROM("https://127.0.0.1/t")}},
		{"token_source", {FROM("http://127.0.0.1")}},
		{"token_source", {FROM("http://localhost/t")}},
		{"token_source", {FROM("http://127.1/t")}},
		{"token_source", {FROM("http://0.0.0.0/t")}},
		{"token_source", {FROM("http://10.0.0.1/t")}},
		{"token_source", {FROM("http://169.254.169.254/t")}},
		{"token_source", {FROM("http://[::ffff:127.0.0.1]/t")}},
		{"token_source", {FROM("http://127.0.0.1@10.0.0.1/t")}},
		{"token_source", {FROM("http://127.0.0.1:80@10.0.0.1/t")}},
		{"token_source", {FROM("http://127.0.0.1:/t")}},
		{"token_source", {FROM("http://127.0.0.1\\@10.0.0.1/t")}},
		{"token_source", {FROM("http://127.0.0.1/t#x")}},
		{"token_source", {FROM("http://127.0.0.1/t x")}},
		{"token_source", {FROM("http://127.0.0.1?t")}},
		{"token_audience", {FROM("unix:/s")}},
		{"token_audience", {FROM("file:/s"), "token_audience", "a"}},
		{"token_audience", {FROM("http://127.0.0.1/t"), "token_audience", "a"}},
		{"token_audience", {FROM("helper:/s"), "token_audience", "a\nb"}},
		{"token_audience", {JWT, "jwt_file", "/a", "token_audience", "a"}},
		{"attestation_claims", {FROM("helper:/s"), "attestation_claims", "{}"}},
	};
	static KmsServer server;
	char		path[KMS_SOCKET_PATH_MAX + 16];
	const char *sized[] = {FROM(path), NULL};
	bool		ok = true;

	for (int i = 0; i < lengthof(good); i++)
	{
		TokenSource source;

		TAP_EACH(ok, kms_vault.remote->token_source(server_of(good[i].options), &source) &&
				 source.kind == good[i].kind && strcmp(source.place, good[i].place) == 0 &&
				 strcmp(source.option, good[i].option) == 0 &&
				 kms_vault.needs_superuser(server_of(good[i].options)) == (good[i].kind != TOKEN_OF_FILE),
				 "%d", i);
	}
	tap_ok(ok, "a source of tokens is a file, or what only superusers name");
	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, !server_read(&server, &error, bad[i].options) && error.status == KMS_CONFIG &&
				 strcmp(error.subject, bad[i].option) == 0, "%d: %s %s", i, error.subject, error.detail);
	tap_ok(ok, "and nothing else");

	snprintf(path, sizeof(path), "helper:/%0*d", KMS_SOCKET_PATH_MAX - 2, 0);
	TAP_EACH(ok, server_read(&server, &error, sized), "%s", error.detail);
	snprintf(path, sizeof(path), "helper:/%0*d", KMS_SOCKET_PATH_MAX - 1, 0);
	tap_ok(ok && !server_read(&server, &error, sized), "the path of a socket fits into an address");
}

static bool
asks(const char *const *options, KmsPeer peer, const char *url, const char *path, const char *body)
{
	const KmsServer *server = server_of(options);
	TokenSource source;

	memset(&request, 0xff, sizeof(request));
	(void) kms_vault.remote->token_source(server, &source);
	token_source_ask(server, &source, NONCE, &request);
	return !request.invalid && request.peer == peer && strcmp(request.url, url) == 0 &&
		strcmp(request.socket_path, path) == 0 &&
		bytes_equal(bytes_of(request.body, request.body_len), bytes_of_string(body));
}

static void
test_questions(void)
{
	static const char *const launcher[] = {FROM("unix:/s"), "token_audience", "a\"b", NULL};
	static const char *const url[] = {FROM("http://127.0.0.1:8006/aa/token?token_type=kbs"), NULL};
	static const char *const helper[] = {FROM("helper:/s"), NULL};
	static const char *const for_whom[] = {FROM("helper:/s"), "token_audience", "a", NULL};

	tap_ok(asks(launcher, KMS_PEER_SOCKET, "http://localhost/v1/token", "/s",
				"{\"audience\":\"a\\\"b\",\"token_type\":\"OIDC\",\"nonces\":[\"" NONCE "\"]}") &&
		   strcmp(request.method, "POST") == 0,
		   "a launcher is asked for a token of its own audience and nonce");
	tap_ok(asks(url, KMS_PEER_LOOPBACK, "http://127.0.0.1:8006/aa/token?token_type=kbs", "", "") &&
		   strcmp(request.method, "GET") == 0, "a URL is got");
	tap_ok(asks(helper, KMS_PEER_HELPER, "", "/s", "{\"nonce\":\"" NONCE "\"}\n") &&
		   asks(for_whom, KMS_PEER_HELPER, "", "/s", "{\"audience\":\"a\",\"nonce\":\"" NONCE "\"}\n"),
		   "a helper gets a line");
}

/* "" when it was taken and is expected; else what was wrong. */
static const char *
answer(TokenSourceKind kind, int status, const char *body, Size len, const char *expected)
{
	static char token[KMS_JWT_MAX];
	TokenSource source = {kind, "/s", "token_source"};
	KmsReply   *reply = reply_of(status, "");

	memcpy(reply->body, body, len);
	reply->body[len] = '\0';
	reply->body_len = len;
	if (!token_source_read(&source, reply, token, &error))
		return error.status == KMS_CREDENTIAL && strcmp(error.subject, "token_source") == 0 &&
			strstr(error.detail, "SECRET") == NULL ? error.detail : "?";
	return strcmp(token, expected) == 0 ? "" : "another token";
}

#define ANSWER(kind, status, body, expected) answer(kind, status, body, strlen(body), expected)

static void
test_answers(void)
{
	static char longest[KMS_REPLY_BODY_MAX];
	KmsReply   *reply;
	TokenSource source = {TOKEN_OF_URL, "http://127.0.0.1/t", "token_source"};
	bool		ok;

	tap_ok(ANSWER(TOKEN_OF_LAUNCHER, 200, "a.b.c", "a.b.c")[0] == '\0' &&
		   ANSWER(TOKEN_OF_LAUNCHER, 200, "a.b.c\r\n", "a.b.c")[0] == '\0' &&
		   ANSWER(TOKEN_OF_URL, 200, "{\"token\":\"a.b.c\",\"tee_keypair\":\"SECRET\"}", "a.b.c")[0] == '\0' &&
		   ANSWER(TOKEN_OF_HELPER, 0, "{\"token\":\"a.b.c\"}\n", "a.b.c")[0] == '\0',
		   "a token comes bare, or in an object");
	ok = strstr(ANSWER(TOKEN_OF_URL, 500, "SECRET", ""), "answered with status 500") != NULL;
	ok = ok && strstr(ANSWER(TOKEN_OF_URL, 302, "SECRET", ""), "answered with status 302") != NULL;
	ok = ok && strstr(ANSWER(TOKEN_OF_HELPER, 0, "", ""), "is empty") != NULL;
	ok = ok && strstr(ANSWER(TOKEN_OF_HELPER, 0, "\n", ""), "is empty") != NULL;
	ok = ok && strstr(answer(TOKEN_OF_HELPER, 0, "a\0b", 3, ""), "not text") != NULL;
	ok = ok && strstr(ANSWER(TOKEN_OF_HELPER, 0, "{\"token\":1", ""), "holds no token") != NULL;
	ok = ok && strstr(ANSWER(TOKEN_OF_HELPER, 0, "{\"error\":\"SECRET\"}", ""), "holds no token") != NULL;
	memset(longest, 'x', sizeof(longest));
	ok = ok && answer(TOKEN_OF_HELPER, 0, longest, KMS_JWT_MAX - 1, "")[0] == 'a' &&
		strstr(answer(TOKEN_OF_HELPER, 0, longest, KMS_JWT_MAX, ""), "too long") != NULL;
	tap_ok(ok, "what is none is ours to mend, and nothing of it is told");

	reply = reply_of(0, "");
	kms_reply_lost(reply, KMS_UNREACHABLE, "Timeout was reached");
	tap_ok(!token_source_read(&source, reply, longest, &error) && error.status == KMS_CREDENTIAL &&
		   strcmp(error.detail, "No token came from http://127.0.0.1/t: Timeout was reached.") == 0,
		   "a source that says nothing is named: %s", error.detail);
}

static const char *
jwt_of(const char *claims)
{
	static char jwt[JWT_MAX];

	jwt_sign(JWT_RS256, RFC_KEY_PKCS8("\n"), bytes_of_string("{\"alg\":\"RS256\"}"),
			 bytes_of_string(claims), jwt);
	return jwt;
}

/* What a login with such a token says; "" when it is sent. */
static const char *
login(const char *const *options, const char *jwt)
{
	KmsLoginAsked asked = {.step = KMS_LOGIN,.credential = &credential,.now_s = NOW_S};
	static KmsToken token;

	strlcpy(credential.secret, jwt, sizeof(credential.secret));
	strlcpy(credential.nonce, NONCE, sizeof(credential.nonce));
	memset(&error, 0, sizeof(error));
	if (kms_vault.remote->build_login(server_of(options), &asked, &token, &request, &error) == KMS_GO_ON)
		return "";
	return strstr(error.detail, jwt) == NULL ? error.detail : "the token";
}

static void
test_permits(void)
{
	static const char *const plain[] = {JWT, "jwt_file", "/a", NULL};
	static const char *const launcher[] = {FROM("unix:/s"), "token_audience", "a", NULL};
	static const char *const attested[] = {
		FROM("helper:/s"), "attestation_claims", "{\"/dbgstat\":\"disabled-since-boot\"}", NULL
	};
	static char longest[KMS_JWT_MAX];
	bool		ok;

	ok = login(plain, jwt_of("{\"exp\":1800000001}"))[0] == '\0' &&
		login(plain, jwt_of("{}"))[0] == '\0' && login(plain, "a.b.c")[0] == '\0';
	tap_ok(ok, "a token is sent that does not say that it has expired: %s", error.detail);
	ok = strcmp(login(plain, jwt_of("{\"exp\":1799999280}")),
				"The token of file:/a expired 12 minutes ago.") == 0 &&
		strcmp(login(plain, jwt_of("{\"exp\":1799999999}")),
			   "The token of file:/a expired 1 seconds ago.") == 0 &&
		strcmp(login(plain, jwt_of("{\"exp\":1799992800.5}")),
			   "The token of file:/a expired 2 hours ago.") == 0 &&
		strcmp(login(plain, jwt_of("{\"exp\":1}")),
			   "The token of file:/a expired 20833 days ago.") == 0 &&
		error.status == KMS_CREDENTIAL && strcmp(error.subject, "jwt_file") == 0;
	tap_ok(ok, "else it is not, and is told: %s", error.detail);

	ok = login(launcher, jwt_of("{\"eat_nonce\":[\"" NONCE "\"]}"))[0] == '\0' &&
		strcmp(login(launcher, jwt_of("{\"eat_nonce\":\"old\"}")),
			   "The token of unix:/s is the answer to another question.") == 0 &&
		error.status == KMS_CREDENTIAL && login(launcher, jwt_of("{}"))[0] != '\0';
	tap_ok(ok, "nor is one of a launcher that answers another nonce");

	ok = login(attested, jwt_of("{\"dbgstat\":\"disabled-since-boot\"}"))[0] == '\0' &&
		strcmp(login(attested, jwt_of("{\"dbgstat\":\"enabled\"}")),
			   "The token of helper:/s does not have the claim \"/dbgstat\" as attestation_claims demands it.") == 0 &&
		error.status == KMS_UNATTESTED &&
		login(attested, "a.b.c")[0] != '\0' && error.status == KMS_UNATTESTED &&
		login(attested, "a.b")[0] != '\0' && error.status == KMS_CREDENTIAL &&
		login(attested, jwt_of("{\"exp\":1,\"dbgstat\":\"enabled\"}"))[0] != '\0' &&
		error.status == KMS_CREDENTIAL;
	tap_ok(ok, "nor one without the claims that are demanded: %s", error.detail);

	memset(longest, 'x', sizeof(longest) - 1);
	longest[1] = longest[3] = '.';
	tap_ok(login(plain, longest)[0] == '\0' && request.body_len > sizeof(longest),
		   "the longest token fits into a request");
}

void
test_token_source(void)
{
	test_options_of_sources();
	test_questions();
	test_answers();
	test_permits();
}
