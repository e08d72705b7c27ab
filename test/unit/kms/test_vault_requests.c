/*-------------------------------------------------------------------------
 *
 * test_vault_requests.c
 *	  What the provider vault asks, byte by byte, and what it does not.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#define PATH	"/etc/kms/x"
#define VAULT	"provider", "vault", "address", "https://vault.example:8200"
#define TOKEN	VAULT, "auth_method", "token", "token_file", PATH
#define APPROLE VAULT, "auth_method", "approle", "secret_id_file", PATH
#define JWT_OPTIONS "jwt_file", PATH, "role", "saas"
#define CERT	"client_cert_file", PATH, "client_key_file", PATH

#define OPTIONS_MAX 24

/* Base64 of test_data_key, and of what it is bound to. */
#define PLAINTEXT	"AAECAwQFBgcICQoLDA0OD/Dx8vP09fb3+Pn6+/z9/v8="
#define BOUND		"QkNLMQAEYWNtZQAIAQIDBAUGBwgABGRhdGEACXNhYXMtY2hhdA=="
#define WRAPPED		"vault:v12:AAECAwQF"
#define A_JWT		"eyJh.eyJz.c2ln"

static KmsRequest request;

static void test_operations(void);
static void test_not_built(void);
static void test_wrapped_forms(void);
static void test_logins(void);
static void test_credentials(void);
static void test_files(void);

void
test_vault_requests(void)
{
	test_operations();
	test_not_built();
	test_wrapped_forms();
	test_logins();
	test_credentials();
	test_files();
}

/* Compares the request with its parts; headers one a line. */
static bool
request_is(const char *method, const char *url, const char *headers, const char *body)
{
	char		lines[HTTP_HEADERS_MAX];

	for (Size i = 0; i < request.headers_len; i++)
		lines[i] = request.headers[i] == '\0' ? '\n' : request.headers[i];
	if (!request.invalid && strcmp(request.method, method) == 0 &&
		strcmp(request.url, url) == 0 &&
		bytes_equal(bytes_of(lines, request.headers_len), bytes_of_string(headers)) &&
		bytes_equal(bytes_of(request.body, request.body_len), bytes_of_string(body)))
		return true;
	tap_note("%s %s%s", request.method, request.url, request.invalid ? ", invalid" : "");
	tap_note("%.*s", (int) request.headers_len, lines);
	tap_note("%.*s", (int) request.body_len, request.body);
	return false;
}

static const KmsToken *
token_of(const char *token)
{
	static KmsToken made;

	strlcpy(made.text, token, sizeof(made.text));
	return &made;
}

/* in: the wrapped key; NULL: the data key. */
static bool
build(const char *const *options, KmsOperation operation, const char *wrapped, KmsError *error)
{
	memset(&request, 0xff, sizeof(request));
	return ask_build(&kms_vault, server_of(options), operation, &test_context,
								 wrapped ? bytes_of_string(wrapped) :
								 bytes_of(test_data_key, DATA_KEY_LEN),
								 token_of("hvs.TOKEN"), &request, error);
}

#define HEADERS \
	"X-Vault-Request: true\n" "X-Vault-Token: hvs.TOKEN\n" "Content-Type: application/json\n"

static void
test_operations(void)
{
	static const char *const plain[] = {TOKEN, NULL};
	static const char *const full[] = {
		TOKEN, "mount", "kms/transit", "namespace", "acme/db", "binding", "associated_data", NULL
	};
	static const char *const derived[] = {TOKEN, "binding", "derived_context", NULL};
	KmsError	error;

	tap_ok(build(plain, KMS_WRAP, NULL, &error) &&
		   request_is("POST", "https://vault.example:8200/v1/transit/encrypt/saas-chat", HEADERS,
					  "{\"plaintext\":\"" PLAINTEXT "\",\"associated_data\":\"" BOUND "\"}"),
		   "a key is wrapped by encrypt, bound by associated data");
	tap_ok(build(plain, KMS_UNWRAP, WRAPPED, &error) &&
		   request_is("POST", "https://vault.example:8200/v1/transit/decrypt/saas-chat", HEADERS,
					  "{\"ciphertext\":\"" WRAPPED "\",\"associated_data\":\"" BOUND "\"}"),
		   "a key is unwrapped by decrypt");
	tap_ok(build(full, KMS_UNWRAP, WRAPPED, &error) &&
		   request_is("POST", "https://vault.example:8200/v1/kms/transit/decrypt/saas-chat",
					  "X-Vault-Request: true\n" "X-Vault-Namespace: acme/db\n"
					  "X-Vault-Token: hvs.TOKEN\n" "Content-Type: application/json\n",
					  "{\"ciphertext\":\"" WRAPPED "\",\"associated_data\":\"" BOUND "\"}"),
		   "mount and namespace are where they belong");
	tap_ok(build(derived, KMS_WRAP, NULL, &error) &&
		   request_is("POST", "https://vault.example:8200/v1/transit/encrypt/saas-chat", HEADERS,
					  "{\"plaintext\":\"" PLAINTEXT "\",\"context\":\"" BOUND "\"}") &&
		   build(derived, KMS_UNWRAP, WRAPPED, &error) &&
		   request_is("POST", "https://vault.example:8200/v1/transit/decrypt/saas-chat", HEADERS,
					  "{\"ciphertext\":\"" WRAPPED "\",\"context\":\"" BOUND "\"}") &&
		   build(derived, KMS_REWRAP, WRAPPED, &error) &&
		   request_is("POST", "https://vault.example:8200/v1/transit/rewrap/saas-chat", HEADERS,
					  "{\"ciphertext\":\"" WRAPPED "\",\"context\":\"" BOUND "\"}"),
		   "a derived key is bound by its context, and can be wrapped anew there");
	tap_ok(!kms_vault.remote->can_rewrap(server_of(plain)) &&
		   !kms_vault.remote->can_rewrap(server_of(full)) &&
		   kms_vault.remote->can_rewrap(server_of(derived)),
		   "who asks is told whether a key can be wrapped anew there");
}

static void
test_not_built(void)
{
	static const char *const plain[] = {TOKEN, NULL};
	static const char *const bad_keks[] = {"", "..", "../keys", "a b", "a/b"};
	KmsError	error;
	bool		ok;

	tap_ok(!build(plain, KMS_REWRAP, WRAPPED, &error) && error.status == KMS_CONFIG &&
		   strcmp(error.subject, "binding") == 0,
		   "rewrap is not asked of a key that is bound by associated data");

	ok = true;
	for (int i = 0; i < lengthof(bad_keks); i++)
	{
		KmsContext	context = test_context;

		context.kek = bad_keks[i];
		TAP_EACH(ok, !ask_build(&kms_vault, server_of(plain), KMS_WRAP, &context,
											bytes_of(test_data_key, DATA_KEY_LEN),
											token_of("t"), &request, &error) &&
				 error.status == KMS_CONFIG && strcmp(error.subject, "kek") == 0, "%s", bad_keks[i]);
	}
	tap_ok(ok, "a request is not built for what is no name of a key");

	tap_ok(!ask_build(&kms_vault, server_of(plain), KMS_WRAP, &test_context,
								  bytes_of(test_data_key, DATA_KEY_LEN),
								  token_of("t\r\nX-Evil: 1"), &request, &error) &&
		   error.status == KMS_CONFIG, "a token with a line break builds no request");
}

static void
test_wrapped_forms(void)
{
	static const char *const good[] = {
		"vault:v1:Zg==", "vault:v9:Zm8=", "vault:v10:Zm9v", "vault:v999999999:Zm9vYmFy"
	};
	static const char *const bad[] = {
		"", "vault:", "vault:v", "vault:v1", "vault:v1:", "vault:v:Zm9v", "vault:v0:Zm9v",
		"vault:v01:Zm9v", "vault:v1 :Zm9v", "vault:v-1:Zm9v", "vault:v1000000000:Zm9v",
		"vault:1:Zm9v", "Vault:v1:Zm9v", " vault:v1:Zm9v", "vault:v1:Zm9v ", "vault:v1:Zm9v\n",
		"vault:v1:Zg", "vault:v1:Zh==", "vault:v1:Zm9_", "vault:v1:Zm9v:Zm9v", "vault:v1:\"",
		"wrapped", "{\"a\":1}"
	};
	static const char *const plain[] = {TOKEN, NULL};
	static char longest[KMS_WRAPPED_MAX + 2];
	KmsError	error;
	bool		ok = true;

	for (int i = 0; i < lengthof(good); i++)
		TAP_EACH(ok, build(plain, KMS_UNWRAP, good[i], &error), "%s", good[i]);
	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, !build(plain, KMS_UNWRAP, bad[i], &error) &&
				 error.status == KMS_BAD_CIPHERTEXT, "%s", bad[i]);
	TAP_EACH(ok, !ask_build(&kms_vault, server_of(plain), KMS_UNWRAP, &test_context,
										bytes_of("vault:v1:Zm9v\0x", 15), token_of("t"), &request,
										&error) && error.status == KMS_BAD_CIPHERTEXT, "a NUL");

	/* 2036 letters of base64 behind 12, and behind 13 */
	memset(longest, 'A', sizeof(longest) - 1);
	memcpy(longest, "vault:v12345:", 13);
	TAP_EACH(ok, !build(plain, KMS_UNWRAP, longest, &error) &&
			 error.status == KMS_BAD_CIPHERTEXT, "one too long");
	longest[KMS_WRAPPED_MAX] = '\0';
	memcpy(longest, "vault:v1234:A", 13);
	TAP_EACH(ok, build(plain, KMS_UNWRAP, longest, &error), "the longest");
	tap_ok(ok, "only what Transit writes is sent to be unwrapped");
}

/* identity and secret are the files' text. */
static bool
build_login(const char *const *options, KmsLogin step, const char *identity, const char *secret,
			KmsError *error)
{
	static KmsCredential credential;
	static KmsToken token;
	KmsLoginAsked asked = {.step = step};

	strlcpy(credential.identity, identity, sizeof(credential.identity));
	strlcpy(credential.secret, secret, sizeof(credential.secret));
	memset(&request, 0xff, sizeof(request));
	asked.credential = &credential;
	strlcpy(token.text, "hvs.TOKEN", sizeof(token.text));
	return kms_vault.remote->build_login(server_of(options), &asked, &token, &request,
										 error) == KMS_GO_ON;
}

typedef struct LoginCase
{
	const char *name;
	KmsLogin	step;
	const char *identity;
	const char *secret;
	const char *method;
	const char *url;			/* behind /v1/ */
	const char *headers;
	const char *body;
	const char *options[OPTIONS_MAX];
} LoginCase;

#define LOGIN_HEADERS "X-Vault-Request: true\n" "Content-Type: application/json\n"

static const LoginCase logins[] = {
	{"token", KMS_LOGIN, "", "hvs.FILE", "GET", "auth/token/lookup-self",
	"X-Vault-Request: true\n" "X-Vault-Token: hvs.FILE\n", "", {TOKEN}},
	{"token, renewed", KMS_RENEW, "", "", "POST", "auth/token/renew-self", HEADERS, "{}", {TOKEN}},
	{"approle", KMS_LOGIN, "", "S-1", "POST", "auth/approle/login", LOGIN_HEADERS,
	"{\"role_id\":\"r-1\",\"secret_id\":\"S-1\"}", {APPROLE, "role_id", "r-1"}},
	{"approle, role_id of a file", KMS_LOGIN, "r-2", "S 1\"", "POST", "auth/approle/login",
		LOGIN_HEADERS, "{\"role_id\":\"r-2\",\"secret_id\":\"S 1\\\"\"}",
	{APPROLE, "role_id_file", PATH}},
	{"approle, elsewhere", KMS_LOGIN, "", "S-1", "POST", "auth/team/approle/login",
		"X-Vault-Request: true\n" "X-Vault-Namespace: acme\n" "Content-Type: application/json\n",
		"{\"role_id\":\"r-1\",\"secret_id\":\"S-1\"}",
	{APPROLE, "role_id", "r-1", "auth_mount", "team/approle", "namespace", "acme"}},
	{"approle, renewed", KMS_RENEW, "", "", "POST", "auth/token/renew-self", HEADERS, "{}",
	{APPROLE, "role_id", "r-1"}},
	{"approle, ended", KMS_LOGOUT, "", "", "POST", "auth/token/revoke-self", HEADERS, "{}",
	{APPROLE, "role_id", "r-1"}},
	{"jwt", KMS_LOGIN, "", A_JWT, "POST", "auth/jwt/login", LOGIN_HEADERS,
	"{\"role\":\"saas\",\"jwt\":\"" A_JWT "\"}", {VAULT, "auth_method", "jwt", JWT_OPTIONS}},
	{"kubernetes", KMS_LOGIN, "", A_JWT, "POST", "auth/kubernetes/login", LOGIN_HEADERS,
	"{\"role\":\"saas\",\"jwt\":\"" A_JWT "\"}", {VAULT, "auth_method", "kubernetes", JWT_OPTIONS}},
	{"cert", KMS_LOGIN, "", "", "POST", "auth/cert/login", LOGIN_HEADERS, "{}",
	{VAULT, "auth_method", "cert", CERT}},
	{"cert with a role", KMS_LOGIN, "", "", "POST", "auth/cert/login", LOGIN_HEADERS,
	"{\"name\":\"saas\"}", {VAULT, "auth_method", "cert", CERT, "role", "saas"}},
};

static void
test_logins(void)
{
	static const char *const token[] = {TOKEN, NULL};
	static KmsToken held = {.text = "hvs.TOKEN"};
	KmsLoginAsked logout = {.step = KMS_LOGOUT};
	KmsError	error;

	for (int i = 0; i < lengthof(logins); i++)
	{
		const LoginCase *c = &logins[i];
		char		url[HTTP_URL_MAX];

		snprintf(url, sizeof(url), "https://vault.example:8200/v1/%s", c->url);
		tap_ok(build_login(c->options, c->step, c->identity, c->secret, &error) &&
			   request_is(c->method, url, c->headers, c->body), "login: %s", c->name);
	}
	tap_ok(kms_vault.remote->build_login(server_of(token), &logout, &held, &request, &error) ==
		   KMS_COMPLETE,
		   "the token of a file is not revoked");
}

static void
test_credentials(void)
{
	static const struct
	{
		const char *subject;
		const char *identity;
		const char *secret;
		const char *options[OPTIONS_MAX];
	}			bad[] = {
		{"token_file", "", "", {TOKEN}},
		{"token_file", "", "hvs.a b", {TOKEN}},
		{"token_file", "", "hvs.a\nhvs.b", {TOKEN}},
		{"token_file", "", "hvs.\xc3\xa9", {TOKEN}},
		{"secret_id_file", "", "", {APPROLE, "role_id", "r"}},
		{"secret_id_file", "", "a\nb", {APPROLE, "role_id", "r"}},
		{"role_id_file", "", "zzz", {APPROLE, "role_id_file", PATH}},
		{"role_id_file", "a\nb", "zzz", {APPROLE, "role_id_file", PATH}},
		{"jwt_file", "", "", {VAULT, "auth_method", "jwt", JWT_OPTIONS}},
		{"jwt_file", "", "a.b", {VAULT, "auth_method", "jwt", JWT_OPTIONS}},
		{"jwt_file", "", "a.b.c.d", {VAULT, "auth_method", "jwt", JWT_OPTIONS}},
		{"jwt_file", "", "a..c", {VAULT, "auth_method", "jwt", JWT_OPTIONS}},
		{"jwt_file", "", ".b.c", {VAULT, "auth_method", "jwt", JWT_OPTIONS}},
		{"jwt_file", "", "a.b.", {VAULT, "auth_method", "jwt", JWT_OPTIONS}},
		{"jwt_file", "", "a.b.c ", {VAULT, "auth_method", "jwt", JWT_OPTIONS}},
		{"jwt_file", "", "a.b.c=", {VAULT, "auth_method", "kubernetes", JWT_OPTIONS}},
	};
	static char long_secret[KMS_CREDENTIAL_MAX];
	static const char *const approle[] = {APPROLE, "role_id", "r", NULL};
	static const char *const token[] = {TOKEN, NULL};
	KmsError	error;
	bool		ok = true;

	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, !build_login(bad[i].options, KMS_LOGIN, bad[i].identity, bad[i].secret, &error) &&
				 error.status == KMS_CREDENTIAL && strcmp(error.subject, bad[i].subject) == 0 &&
				 (bad[i].secret[0] == '\0' || strstr(error.detail, bad[i].secret) == NULL),
				 "case %d: %s, %s", i, error.subject, error.detail);
	tap_ok(ok, "a file that holds no credential is ours to mend, and is not sent");

	memset(long_secret, 'x', sizeof(long_secret) - 1);
	ok = build_login(token, KMS_LOGIN, "", long_secret, &error) &&
		build_login(approle, KMS_LOGIN, "", long_secret, &error);
	memset(long_secret, '"', sizeof(long_secret) - 1);
	tap_ok(ok && build_login(approle, KMS_LOGIN, "", long_secret, &error),
		   "the longest credential fits into a request");
}

static bool
is(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void
test_files(void)
{
	static const struct
	{
		const char *identity;
		const char *secret;
		bool		logs_in;
		const char *options[OPTIONS_MAX];
	}			methods[] = {
		{NULL, "/s", false, {VAULT, "auth_method", "token", "token_file", "/s"}},
		{NULL, "/s", true, {VAULT, "auth_method", "approle", "role_id", "r", "secret_id_file", "/s"}},
		{"/i", "/s", true, {VAULT, "auth_method", "approle", "role_id_file", "/i", "secret_id_file", "/s"}},
		{NULL, NULL, true, {VAULT, "auth_method", "jwt", "role", "r", "jwt_file", "/s"}},
		{NULL, NULL, true, {VAULT, "auth_method", "kubernetes", "role", "r", "jwt_file", "/s"}},
		{NULL, NULL, true, {VAULT, "auth_method", "cert", CERT}},
	};
	bool		ok = true;

	for (int i = 0; i < lengthof(methods); i++)
	{
		const KmsServer *server = server_of(methods[i].options);

		TAP_EACH(ok, is(kms_vault.remote->identity_file(server), methods[i].identity) &&
				 is(kms_vault.remote->secret_file(server), methods[i].secret) &&
				 kms_vault.remote->logs_in(server) == methods[i].logs_in, "method %d", i);
	}
	tap_ok(ok, "each method names the files it reads, and all but token log in");
}
