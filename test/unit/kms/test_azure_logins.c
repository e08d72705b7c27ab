/*-------------------------------------------------------------------------
 *
 * test_azure_logins.c
 *	  How the provider azure logs in: at Entra ID, and at the metadata service.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include "rfc_certificate.h"
#include "rfc_key.h"

#define PATH		"/etc/kms/x"
#define AZURE		"provider", "azure", "address", "https://acme.vault.azure.net"
#define WHO			"tenant_id", "acme.example", "client_id", "11111111-2222"
#define SECRET		AZURE, WHO, "auth_method", "client_secret", "client_secret_file", PATH
#define CERTIFICATE	AZURE, WHO, "auth_method", "client_certificate", "client_certificate_file", PATH
#define WORKLOAD	AZURE, WHO, "auth_method", "workload_identity", "federated_token_file", PATH
#define MANAGED		"auth_method", "managed_identity"

#define OPTIONS_MAX 32
#define NOW			INT64CONST(1800000000)
#define A_JWT		"eyJh.eyJz.c2ln"
#define FORM		"Content-Type: application/x-www-form-urlencoded\n" "Accept: application/json\n"
#define TYPE		"client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
#define PUBLIC_URL	"https://login.microsoftonline.com/acme.example/oauth2/v2.0/token"

static KmsRequest request;
static KmsToken token;
static KmsError error;

static void test_requests(void);
static void test_certificate(void);
static void test_credentials(void);
static void test_replies(void);
static void test_files(void);

void
test_azure_logins(void)
{
	test_requests();
	test_certificate();
	test_credentials();
	test_replies();
	test_files();
}

static KmsProgress
build(const char *const *options, KmsLogin step, const char *secret)
{
	static KmsCredential credential;
	KmsLoginAsked asked = {.step = step,.credential = &credential,.now_s = NOW};

	strlcpy(credential.secret, secret, sizeof(credential.secret));
	memset(&request, 0xff, sizeof(request));
	return kms_azure.remote->build_login(server_of(options), &asked, &token, &request, &error);
}

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

static void
test_requests(void)
{
	static const struct
	{
		const char *name;
		const char *secret;
		const char *method;
		const char *url;
		const char *body;
		const char *options[OPTIONS_MAX];
	}			cases[] = {
		{"client secret", "S~1+&", "POST", PUBLIC_URL,
			"grant_type=client_credentials&client_id=11111111-2222&"
			"scope=https%3A%2F%2Fvault.azure.net%2F.default&client_secret=S%7E1%2B%26",
		{SECRET}},
		{"client secret, elsewhere", "S", "POST",
			"https://login.example:8443/acme.example/oauth2/v2.0/token",
			"grant_type=client_credentials&client_id=11111111-2222&"
			"scope=https%3A%2F%2Fvault.azure.net%2F.default&client_secret=S",
		{SECRET, "authority_address", "https://login.example:8443"}},
		{"workload identity", A_JWT, "POST", PUBLIC_URL,
			"grant_type=client_credentials&client_id=11111111-2222&"
			"scope=https%3A%2F%2Fvault.azure.net%2F.default&" TYPE "&client_assertion=" A_JWT,
		{WORKLOAD}},
		{"Managed HSM of the US government", "S", "POST",
			"https://login.microsoftonline.us/t/oauth2/v2.0/token",
			"grant_type=client_credentials&client_id=c&"
			"scope=https%3A%2F%2Fmanagedhsm.usgovcloudapi.net%2F.default&client_secret=S",
			{"provider", "azure", "address", "https://acme.managedhsm.usgovcloudapi.net", "tenant_id", "t",
		"client_id", "c", "auth_method", "client_secret", "client_secret_file", PATH}},
		{"vault in China", "S", "POST", "https://login.chinacloudapi.cn/t/oauth2/v2.0/token",
			"grant_type=client_credentials&client_id=c&"
			"scope=https%3A%2F%2Fvault.azure.cn%2F.default&client_secret=S",
			{"provider", "azure", "address", "https://acme.vault.azure.cn", "tenant_id", "t",
		"client_id", "c", "auth_method", "client_secret", "client_secret_file", PATH}},
		{"managed identity", "", "GET",
			"http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01"
			"&resource=https%3A%2F%2Fvault.azure.net", "",
		{AZURE, MANAGED}},
		{"managed identity, one of several", "", "GET",
			"http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01"
			"&resource=https%3A%2F%2Fmanagedhsm.azure.net&client_id=c-1", "",
		{"provider", "azure", "address", "https://a.managedhsm.azure.net", MANAGED, "client_id", "c-1"}},
		{"managed identity, an emulator", "", "GET",
			"http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01"
			"&resource=https%3A%2F%2Fvault.example", "",
		{"provider", "azure", "address", "https://kms.example", MANAGED, "resource", "https://vault.example"}},
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		bool		is_get = strcmp(cases[i].method, "GET") == 0;

		tap_ok(build(cases[i].options, KMS_LOGIN, cases[i].secret) == KMS_GO_ON &&
			   (request.peer == KMS_PEER_METADATA) == is_get &&
			   request_is(cases[i].method, cases[i].url, is_get ? "Metadata: true\n" : FORM,
						  cases[i].body),
			   "azure login: %s", cases[i].name);
	}
	tap_ok(build(cases[0].options, KMS_LOGOUT, "") == KMS_COMPLETE,
		   "azure login: a token is not given back");
}

/* What is behind a name in the form, up to the next; without escapes. */
static const char *
form_value(const char *name)
{
	static char value[KMS_REQUEST_BODY_MAX];
	const char *from;

	request.body[request.body_len] = '\0';
	from = strstr(request.body, name);
	if (from == NULL)
		return "";
	from += strlen(name);
	strlcpy(value, from, strcspn(from, "&") + 1);
	return value;
}

/* A part of a JWT, as text. */
static const char *
part_of(const char *jwt, int n)
{
	static char part[8192];
	size_t		len;

	while (n-- > 0)
		jwt = strchr(jwt, '.') + 1;
	if (sodium_base642bin((unsigned char *) part, sizeof(part) - 1, jwt, strcspn(jwt, "."), NULL,
						  &len, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
		return "";
	part[len] = '\0';
	return part;
}

/* PS256 (RFC 7518, 3.5), by the key of the certificate. */
static bool
verifies(const char *jwt)
{
	BIO		   *bio = BIO_new_mem_buf(RFC_CERTIFICATE("\n"), -1);
	X509	   *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	EVP_PKEY   *key = X509_get_pubkey(certificate);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options;
	const char *signature = strrchr(jwt, '.');
	uint8		bytes[1024];
	size_t		len;
	bool		ok;

	ok = signature != NULL &&
		sodium_base642bin(bytes, sizeof(bytes), signature + 1, strlen(signature + 1), NULL, &len,
						  NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
		EVP_DigestVerifyInit(context, &options, EVP_sha256(), NULL, key) == 1 &&
		EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
		EVP_PKEY_CTX_set_rsa_pss_saltlen(options, 32) == 1 &&
		EVP_DigestVerify(context, bytes, len, (const uint8 *) jwt, signature - jwt) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	X509_free(certificate);
	BIO_free(bio);
	return ok;
}

static void
test_certificate(void)
{
	static const char *const options[] = {CERTIFICATE, NULL};
	static const char before_id[] = "{\"aud\":\"" PUBLIC_URL "\",\"iss\":\"11111111-2222\","
		"\"sub\":\"11111111-2222\",\"jti\":\"";
	static const char behind_id[] = "\",\"nbf\":1800000000,\"exp\":1800000600}";
	char		jwt[8192];
	char		id[33];
	const char *claims;
	bool		ok;

	ok = build(options, KMS_LOGIN, RFC_KEY_PKCS8("\n") RFC_CERTIFICATE("\n")) == KMS_GO_ON &&
		strcmp(request.url, PUBLIC_URL) == 0;
	strlcpy(jwt, form_value("&client_assertion="), sizeof(jwt));
	tap_ok(ok && strcmp(form_value("&client_assertion_type="),
						"urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer") == 0 &&
		   strcmp(part_of(jwt, 0), "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"x5t#S256\":\""
				  RFC_CERTIFICATE_HASH "\"}") == 0 && verifies(jwt),
		   "azure login: a token names the certificate and is signed by its key");

	claims = part_of(jwt, 1);
	ok = strncmp(claims, before_id, strlen(before_id)) == 0 &&
		strlen(claims) == strlen(before_id) + 32 + strlen(behind_id) &&
		strcmp(claims + strlen(before_id) + 32, behind_id) == 0;
	if (!ok)
		tap_note("%s", claims);
	strlcpy(id, claims + Min(strlen(before_id), strlen(claims)), sizeof(id));
	ok = ok && build(options, KMS_LOGIN, RFC_CERTIFICATE("\r\n") RFC_KEY_PKCS1("\r\n")) == KMS_GO_ON;
	strlcpy(jwt, form_value("&client_assertion="), sizeof(jwt));
	tap_ok(ok && verifies(jwt) && strstr(part_of(jwt, 1), id) == NULL,
		   "azure login: for Entra ID, for ten minutes, with an id that does not come again");
}

static void
test_credentials(void)
{
	static const struct
	{
		const char *subject;
		const char *secret;
		const char *options[OPTIONS_MAX];
	}			bad[] = {
		{"client_secret_file", "", {SECRET}},
		{"client_secret_file", "a\nb", {SECRET}},
		{"client_secret_file", "\xc3\xa9", {SECRET}},
		{"federated_token_file", "", {WORKLOAD}},
		{"federated_token_file", "a.b", {WORKLOAD}},
		{"federated_token_file", A_JWT " ", {WORKLOAD}},
		{"client_certificate_file", "", {CERTIFICATE}},
		{"client_certificate_file", RFC_KEY_PKCS8("\n"), {CERTIFICATE}},
		{"client_certificate_file", RFC_CERTIFICATE("\n"), {CERTIFICATE}},
		{"client_certificate_file", RFC_KEY_PKCS8("\n") OTHER_CERTIFICATE, {CERTIFICATE}},
		{"client_certificate_file", OTHER_CERTIFICATE RFC_KEY_PKCS8("\n") RFC_CERTIFICATE("\n"), {CERTIFICATE}},
		{"client_certificate_file", RFC_KEY_PKCS8("\n") "-----BEGIN CERTIFICATE-----\nAAAA\n", {CERTIFICATE}},
		{"client_certificate_file",
			RFC_KEY_PKCS8("\n") "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		{CERTIFICATE}},
	};
	bool		ok = true;

	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, build(bad[i].options, KMS_LOGIN, bad[i].secret) == KMS_FAILED &&
				 error.status == KMS_CREDENTIAL && strcmp(error.subject, bad[i].subject) == 0 &&
				 (bad[i].secret[0] == '\0' || strstr(error.detail, bad[i].secret) == NULL),
				 "case %d: %s, %s", i, error.subject, error.detail);
	tap_ok(ok, "azure login: a file that holds no credential is ours to mend, and is not sent");
}

static KmsProgress
read_reply(const char *const *options, const KmsReply *reply)
{
	KmsLoginAsked asked = {.step = KMS_LOGIN,.now_s = NOW};

	memset(&token, 'z', sizeof(token));
	memset(&error, 'z', sizeof(error));
	return kms_azure.remote->read_login(server_of(options), &asked, reply, &token, &error);
}

static void
test_replies(void)
{
	static const char *const secret[] = {SECRET, NULL};
	static const char *const managed[] = {AZURE, MANAGED, NULL};

	/* as Microsoft's documentation has them */
	static const char entra[] =
		"{\"token_type\":\"Bearer\",\"expires_in\":3599,\"ext_expires_in\":3599,"
		"\"access_token\":\"eyJ0.eyJh.c2ln\"}";
	static const char metadata[] =
		"{\"access_token\":\"eyJ0.eyJh.c2ln\",\"client_id\":\"c\",\"expires_in\":\"86399\","
		"\"expires_on\":\"1800086399\",\"ext_expires_in\":\"86399\",\"not_before\":\"1799999700\","
		"\"resource\":\"https://vault.azure.net\",\"token_type\":\"Bearer\"}";
	static const char *const bad[] = {
		"", "{}", "<html>", "{\"token_type\":\"Bearer\",\"expires_in\":3599}",
		"{\"token_type\":\"pop\",\"expires_in\":3599,\"access_token\":\"eyJ0.eyJh.c2ln\"}",
		"{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"a b\"}",
		"{\"token_type\":\"Bearer\",\"expires_in\":\"soon\",\"access_token\":\"eyJ0.eyJh.c2ln\"}",
		"{\"error\":\"invalid_client\",\"error_codes\":[7000215]}",
	};
	bool		ok = true;

	tap_ok(read_reply(secret, reply_of(200, entra)) == KMS_COMPLETE &&
		   strcmp(token.text, "eyJ0.eyJh.c2ln") == 0 && token.lifetime_s == 3599 && !token.renewable,
		   "azure login: a token of Entra ID is read");
	tap_ok(read_reply(managed, reply_of(200, metadata)) == KMS_COMPLETE &&
		   strcmp(token.text, "eyJ0.eyJh.c2ln") == 0 && token.lifetime_s == 86399,
		   "azure login: so is one of the metadata service, whose numbers are strings");
	for (int i = 0; i < lengthof(bad); i++)
	{
		TAP_EACH(ok, read_reply(secret, reply_of(200, bad[i])) == KMS_FAILED &&
				 error.status == KMS_PROTOCOL && token.text[0] == '\0', "%s", bad[i]);
		TAP_EACH(ok, read_reply(managed, reply_of(200, bad[i])) == KMS_FAILED &&
				 error.status == KMS_PROTOCOL, "%s", bad[i]);
	}
	tap_ok(ok, "azure login: what is no token is refused");
	tap_ok(read_reply(secret, reply_of(302, "")) == KMS_FAILED && error.status == KMS_PROTOCOL,
		   "azure login: a redirect is none");
}

static void
test_files(void)
{
	static const struct
	{
		const char *secret;
		bool		logs_in;
		const char *options[OPTIONS_MAX];
	}			methods[] = {
		{PATH, true, {SECRET}},
		{PATH, true, {CERTIFICATE}},
		{PATH, true, {WORKLOAD}},
		{NULL, false, {AZURE, MANAGED}},
	};
	bool		ok = true;

	for (int i = 0; i < lengthof(methods); i++)
	{
		const KmsServer *server = server_of(methods[i].options);
		const char *secret = kms_azure.remote->secret_file(server);

		TAP_EACH(ok, kms_azure.remote->identity_file(server) == NULL &&
				 (secret == NULL) == (methods[i].secret == NULL) &&
				 (secret == NULL || strcmp(secret, methods[i].secret) == 0) &&
				 kms_azure.remote->logs_in(server) == methods[i].logs_in, "method %d", i);
	}
	tap_ok(ok, "azure login: each method names its file; a tenant's directory is asked, our own is not");
}
