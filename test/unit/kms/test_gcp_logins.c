/*-------------------------------------------------------------------------
 *
 * test_gcp_logins.c
 *	  How the provider gcp gets its tokens: what is asked, and what comes back.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include <sodium.h>

#include "gcp_tap.h"
#include "kms/kms_jwt.h"
#include "kms/token_source.h"
#include "rfc_key.h"

#define NOW_S		INT64CONST(1795305600)
#define ACCOUNT_FILE \
	"{\n  \"type\": \"service_account\",\n  \"project_id\": \"acme-saas\",\n" \
	"  \"private_key_id\": \"b0a1\",\n  \"private_key\": \"" RFC_KEY_PKCS8("\\n") "\",\n" \
	"  \"client_email\": \"saas@acme-saas.iam.gserviceaccount.com\",\n" \
	"  \"token_uri\": \"https://evil.example/token\"\n}"

static const char *const by_account[] = {GCP_ACCOUNT, NULL};
static const char *const by_machine[] = {GCP_MACHINE, NULL};
static const char *const by_trade[] = {GCP_TRADE, NULL};
static const char *const as_another[] = {GCP_TRADE, GCP_ACT, NULL};
static const char *const in_space[] = {
	GCP_METHOD, "confidential_space", "audience", GCP_POOL, NULL
};

static void test_assertion(void);
static void test_metadata(void);
static void test_exchange(void);
static void test_impersonation(void);
static void test_credentials(void);
static void test_files(void);
static void test_tokens(void);
static void test_flavor(void);
static void test_no_reply(void);

void
test_gcp_logins(void)
{
	test_assertion();
	test_metadata();
	test_exchange();
	test_impersonation();
	test_credentials();
	test_files();
	test_tokens();
	test_flavor();
	test_no_reply();
}

static KmsRequest request;
static KmsToken token;
static KmsError error;

static KmsProgress
build(const char *const *options, int round, const char *secret)
{
	static KmsCredential credential;
	KmsLoginAsked asked = {.step = KMS_LOGIN,.round = round,.credential = &credential,.now_s = NOW_S};

	strlcpy(credential.secret, secret, sizeof(credential.secret));
	memset(&request, 0xff, sizeof(request));
	memset(&error, 'z', sizeof(error));
	return kms_gcp.remote->build_login(server_of(options), &asked, &token, &request, &error);
}

static KmsProgress
read_login(const char *const *options, int round, KmsReply *reply)
{
	static KmsCredential credential;
	KmsLoginAsked asked = {.step = KMS_LOGIN,.round = round,.credential = &credential,.now_s = NOW_S};

	memset(&error, 'z', sizeof(error));
	return kms_gcp.remote->read_login(server_of(options), &asked, reply, &token, &error);
}

/* A JWT that ends then. */
static const char *
subject_token(int64 expires)
{
	static char jwt[JWT_MAX];
	const JwtMember nothing[] = {{NULL, NULL, 0}};
	const JwtMember claims[] = {{"exp", NULL, expires}, {NULL, NULL, 0}};

	jwt_make(JWT_RS256, RFC_KEY_PKCS8("\n"), nothing, claims, jwt);
	return jwt;
}

#define FORM_HEADERS "Content-Type: application/x-www-form-urlencoded\n" "Accept: application/json\n"

/* The assertion within its form: its parts, and that it is signed. */
static bool
assertion_is(const char *claims)
{
	static const char form[] =
		"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
	static const char header[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"b0a1\"}";
	char		made[JWT_MAX];
	Bytes		jwt;

	if (request.body_len <= strlen(form) || memcmp(request.body, form, strlen(form)) != 0 ||
		!jwt_sign(JWT_RS256, RFC_KEY_PKCS8("\n"), bytes_of_string(header), bytes_of_string(claims), made))
		return false;
	jwt = bytes_of(request.body + strlen(form), request.body_len - strlen(form));
	return bytes_equal(jwt, bytes_of_string(made));
}

static void
test_assertion(void)
{
	static const char *const elsewhere[] = {
		GCP_ACCOUNT, "token_address", "https://token.example", GCP_ACT, NULL
	};

	tap_ok(build(by_account, 0, ACCOUNT_FILE) == KMS_GO_ON &&
		   strcmp(request.url, "https://oauth2.googleapis.com/token") == 0 &&
		   assertion_is("{\"iss\":\"saas@acme-saas.iam.gserviceaccount.com\","
						"\"scope\":\"https://www.googleapis.com/auth/cloudkms\","
						"\"aud\":\"https://oauth2.googleapis.com/token\","
						"\"iat\":1795305600,\"exp\":1795309200}"),
		   "gcp: a service account signs an assertion, and its file says not where that goes");
	tap_ok(build(elsewhere, 0, ACCOUNT_FILE) == KMS_GO_ON &&
		   strcmp(request.url, "https://token.example/token") == 0 &&
		   assertion_is("{\"iss\":\"saas@acme-saas.iam.gserviceaccount.com\","
						"\"scope\":\"https://www.googleapis.com/auth/iam\","
						"\"aud\":\"https://oauth2.googleapis.com/token\","
						"\"iat\":1795305600,\"exp\":1795309200}"),
		   "gcp: a token to impersonate with is for nothing else");
}

static void
test_metadata(void)
{
	static const char *const elsewhere[] = {
		GCP_MACHINE, "metadata_address", "http://169.254.169.253:80", NULL
	};

	tap_ok(build(by_machine, 0, "") == KMS_GO_ON && request.peer == KMS_PEER_METADATA &&
		   gcp_request_is(&request, "GET",
						  "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token",
						  "Metadata-Flavor: Google\n", ""),
		   "gcp: the machine's token is asked of its metadata service");
	tap_ok(build(elsewhere, 0, "") == KMS_GO_ON && request.peer == KMS_PEER_METADATA &&
		   strncmp(request.url, "http://169.254.169.253:80/computeMetadata/", 42) == 0,
		   "gcp: or of another one");
}

static void
test_exchange(void)
{
	static const char *const elsewhere[] = {GCP_TRADE, "sts_address", "https://sts.example", NULL};
	char		body[16384];
	const char *subject = subject_token(NOW_S + 1);

	snprintf(body, sizeof(body),
			 "grant_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Agrant-type%%3Atoken-exchange"
			 "&audience=%%2F%%2Fiam.googleapis.com%%2Fprojects%%2F1%%2Flocations%%2Fglobal"
			 "%%2FworkloadIdentityPools%%2Fp%%2Fproviders%%2Fx"
			 "&scope=https%%3A%%2F%%2Fwww.googleapis.com%%2Fauth%%2Fcloudkms"
			 "&requested_token_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Atoken-type%%3Aaccess_token"
			 "&subject_token_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Atoken-type%%3Ajwt"
			 "&subject_token=%s", subject);
	tap_ok(build(by_trade, 0, subject) == KMS_GO_ON &&
		   gcp_request_is(&request, "POST", "https://sts.googleapis.com/v1/token", FORM_HEADERS, body) &&
		   build(in_space, 0, subject) == KMS_GO_ON &&
		   gcp_request_is(&request, "POST", "https://sts.googleapis.com/v1/token", FORM_HEADERS, body),
		   "gcp: a token of somebody else is traded, as is one of Confidential Space");
	tap_ok(build(elsewhere, 0, subject) == KMS_GO_ON &&
		   gcp_request_is(&request, "POST", "https://sts.example/v1/token", FORM_HEADERS, body),
		   "gcp: or elsewhere");
	tap_ok(build(as_another, 0, subject) == KMS_GO_ON && !request.invalid &&
		   memmem(request.body, request.body_len, "auth%2Fiam&", 11) != NULL,
		   "gcp: one to impersonate with is for nothing else");
}

static void
test_impersonation(void)
{
	static const char *const elsewhere[] = {
		GCP_MACHINE, GCP_ACT, "iamcredentials_address", "https://iam.example", NULL
	};

	strlcpy(token.text, "ya29.FIRST", sizeof(token.text));
	tap_ok(build(as_another, 1, "") == KMS_GO_ON &&
		   gcp_request_is(&request, "POST", "https://iamcredentials.googleapis.com/v1/projects/-/"
						  "serviceAccounts/kms%40acme.iam.gserviceaccount.com:generateAccessToken",
						  "Authorization: Bearer ya29.FIRST\n" "Content-Type: application/json\n",
						  "{\"scope\":[\"https://www.googleapis.com/auth/cloudkms\"],"
						  "\"lifetime\":\"3600s\"}") &&
		   build(elsewhere, 1, "") == KMS_GO_ON &&
		   strncmp(request.url, "https://iam.example/v1/projects/-/", 34) == 0,
		   "gcp: a service account is impersonated with the first token");
}

static void
test_credentials(void)
{
	static const char *const files[] = {
		"", "{}", "[]", "key", ACCOUNT_FILE "x",
		"{\"type\":\"authorized_user\",\"client_email\":\"a@b\",\"private_key_id\":\"1\",\"private_key\":\""
		RFC_KEY_PKCS8("\\n") "\"}",
		"{\"type\":\"service_account\",\"private_key_id\":\"1\",\"private_key\":\"" RFC_KEY_PKCS8("\\n") "\"}",
		"{\"type\":\"service_account\",\"client_email\":\"a b\",\"private_key_id\":\"1\",\"private_key\":\""
		RFC_KEY_PKCS8("\\n") "\"}",
		"{\"type\":\"service_account\",\"client_email\":\"a@b\",\"private_key\":\"" RFC_KEY_PKCS8("\\n") "\"}",
		"{\"type\":\"service_account\",\"client_email\":\"a@b\",\"private_key_id\":\"1\"}",
		"{\"type\":\"service_account\",\"client_email\":\"a@b\",\"private_key_id\":\"1\",\"private_key\":\"x\"}",
	};
	static const char *const subjects[] = {"", "x", "a.b", "a.b.c.d", "a.b.c d", "a.b.c\n"};
	bool		ok = true;

	for (int i = 0; i < lengthof(files); i++)
		TAP_EACH(ok, build(by_account, 0, files[i]) == KMS_FAILED && error.status == KMS_CREDENTIAL &&
				 strcmp(error.subject, "credentials_file") == 0 && strstr(error.detail, "MII") == NULL,
				 "file %d", i);
	for (int i = 0; i < lengthof(subjects); i++)
		TAP_EACH(ok, build(by_trade, 0, subjects[i]) == KMS_FAILED && error.status == KMS_CREDENTIAL &&
				 strcmp(error.subject, "subject_token_file") == 0, "%s", subjects[i]);
	tap_ok(ok, "gcp: a file that holds no credential is ours to mend, and is not sent");

	tap_ok(build(by_trade, 0, subject_token(NOW_S)) == KMS_FAILED && error.status == KMS_CREDENTIAL &&
		   strcmp(error.detail, "The token of file:" GCP_PATH " expired 0 seconds ago.") == 0 &&
		   build(by_trade, 0, "e30.e30.c2ln") == KMS_GO_ON,
		   "gcp: nor is a token that has expired; one that does not say when it ends is");
}

/* Whether a JWT is wanted, and of this file. */
static bool
source_is(const char *const *options, const char *path)
{
	TokenSource source;

	return kms_gcp.remote->token_source(server_of(options), &source) &&
		source.kind == TOKEN_OF_FILE && strcmp(source.place, path) == 0;
}

static void
test_files(void)
{
	static const char *const own_file[] = {
		GCP_METHOD, "confidential_space", "audience", GCP_POOL, "subject_token_file", GCP_PATH, NULL
	};
	static const char *const account_as_another[] = {GCP_ACCOUNT, GCP_ACT, NULL};
	static const char *const machine_as_another[] = {GCP_MACHINE, GCP_ACT, NULL};
	const char *(*file) (const KmsServer *) = kms_gcp.remote->secret_file;
	bool		(*logs_in) (const KmsServer *) = kms_gcp.remote->logs_in;
	KmsLoginAsked renew = {.step = KMS_RENEW};
	KmsLoginAsked logout = {.step = KMS_LOGOUT};

	tap_ok(strcmp(file(server_of(by_account)), GCP_PATH) == 0 && file(server_of(by_machine)) == NULL &&
		   file(server_of(by_trade)) == NULL && !source_is(by_account, NULL) &&
		   !source_is(by_machine, NULL) && source_is(by_trade, GCP_PATH) &&
		   source_is(own_file, GCP_PATH) &&
		   source_is(in_space, "/run/container_launcher/attestation_verifier_claims_token"),
		   "gcp: each method names the file it reads");
	tap_ok(!logs_in(server_of(by_account)) && !logs_in(server_of(by_machine)) &&
		   logs_in(server_of(by_trade)) && logs_in(server_of(in_space)) &&
		   logs_in(server_of(account_as_another)) && logs_in(server_of(machine_as_another)),
		   "gcp: whom a tenant admits asks for it again and again");
	tap_ok(kms_gcp.remote->build_login(server_of(by_trade), &renew, &token, &request, &error) == KMS_COMPLETE &&
		   kms_gcp.remote->build_login(server_of(by_trade), &logout, &token, &request, &error) == KMS_COMPLETE,
		   "gcp: tokens are neither renewed nor ended");
}

static bool
token_is(const char *text, uint32 lifetime_s)
{
	return strcmp(token.text, text) == 0 && token.lifetime_s == lifetime_s && !token.renewable;
}

static bool
token_is_wiped(void)
{
	static const KmsToken nothing;

	return memcmp(&token, &nothing, sizeof(token)) == 0;
}

static KmsReply *
from_google(KmsReply *reply)
{
	strcpy(reply->metadata_flavor, "Google");
	return reply;
}

static void
test_tokens(void)
{
	static const char first[] =
		"{\"access_token\":\"ya29.c\",\"expires_in\":3599,\"token_type\":\"Bearer\"}";
	static const char second[] =
		"{\n  \"accessToken\": \"ya29.d\",\n  \"expireTime\": \"2026-11-22T21:00:00Z\"\n}\n";
	static const char *const bad[] = {
		"", "{}", "{\"access_token\":\"ya29.d\"}", "{\"accessToken\":\"\"}", "{\"accessToken\":\"a b\"}",
		"{\"accessToken\":null}", "{\"accessToken\":\"a\",\"accessToken\":\"b\"}",
	};
	bool		ok = true;

	tap_ok(read_login(by_account, 0, reply_of(200, first)) == KMS_COMPLETE && token_is("ya29.c", 3599) &&
		   read_login(by_trade, 0, reply_of(200, first)) == KMS_COMPLETE && token_is("ya29.c", 3599) &&
		   read_login(by_machine, 0, from_google(reply_of(200, first))) == KMS_COMPLETE &&
		   token_is("ya29.c", 3599),
		   "gcp: a token is read");
	tap_ok(read_login(as_another, 0, reply_of(200, first)) == KMS_GO_ON && token_is("ya29.c", 3599) &&
		   read_login(as_another, 1, reply_of(200, second)) == KMS_COMPLETE && token_is("ya29.d", 3600),
		   "gcp: where another is impersonated, that one's token takes its place");
	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, read_login(as_another, 1, reply_of(200, bad[i])) == KMS_FAILED &&
				 error.status == KMS_PROTOCOL && token_is_wiped(), "%s", bad[i]);
	TAP_EACH(ok, read_login(by_account, 0, reply_of(200, second)) == KMS_FAILED &&
			 error.status == KMS_PROTOCOL && token_is_wiped(), "the other form");
	tap_ok(ok, "gcp: what is no token is refused, with nothing left behind");
}

static void
test_flavor(void)
{
	static const char body[] =
		"{\"access_token\":\"ya29.c\",\"expires_in\":3599,\"token_type\":\"Bearer\"}";
	KmsReply   *reply = reply_of(200, body);

	tap_ok(read_login(by_machine, 0, reply) == KMS_FAILED && error.status == KMS_PROTOCOL &&
		   strcmp(error.subject, "metadata_address") == 0 && token_is_wiped(),
		   "gcp: who does not say that it is Google's is not its metadata service");
	strcpy(reply->metadata_flavor, "google");
	tap_ok(read_login(by_machine, 0, reply) == KMS_FAILED &&
		   read_login(by_machine, 0, reply_of(404, "")) == KMS_FAILED && error.status == KMS_PROTOCOL &&
		   read_login(by_machine, 0, from_google(reply_of(404, ""))) == KMS_FAILED &&
		   error.status == KMS_CREDENTIAL,
		   "gcp: nor does it know of a service account");
}

static void
test_no_reply(void)
{
	KmsReply   *reply = reply_of(200, "");
	bool		ok = true;

	reply->failure = KMS_UNREACHABLE;
	TAP_EACH(ok, read_login(by_machine, 0, reply) == KMS_FAILED && error.status == KMS_UNAVAILABLE &&
			 token_is_wiped(), "metadata");
	TAP_EACH(ok, read_login(by_trade, 0, reply) == KMS_FAILED && error.status == KMS_UNAVAILABLE, "trade");
	reply->failure = KMS_UNTRUSTED;
	TAP_EACH(ok, read_login(as_another, 1, reply) == KMS_FAILED && error.status == KMS_UNAVAILABLE, "act");
	TAP_EACH(ok, read_login(by_account, 0, reply_of(302, "")) == KMS_FAILED &&
			 error.status == KMS_PROTOCOL, "redirect");
	tap_ok(ok, "gcp: a login without an answer is none, and no refusal");
}
