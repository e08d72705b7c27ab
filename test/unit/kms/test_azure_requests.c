/*-------------------------------------------------------------------------
 *
 * test_azure_requests.c
 *	  What the provider azure asks a vault, byte by byte, and what it does not.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include <sodium.h>

#include "kms/kms_inner_key.h"

#define PATH	"/etc/kms/x"
#define METHOD	"auth_method", "managed_identity"
#define VAULT	"provider", "azure", "address", "https://acme.vault.azure.net", METHOD
#define HSM		"provider", "azure", "address", "https://acme.managedhsm.azure.net", METHOD
#define AES		HSM, "algorithm", "a256gcm"

#define OPTIONS_MAX 32

/* base64url of test_data_key, and of what it is bound to. */
#define PLAINTEXT	"AAECAwQFBgcICQoLDA0OD_Dx8vP09fb3-Pn6-_z9_v8"
#define BOUND		"QkNLMQAEYWNtZQAIAQIDBAUGBwgABGRhdGEACXNhYXMtY2hhdA"
#define VERSION		"0123456789abcdef0123456789abcdef"

#define HEADERS		"Authorization: Bearer eyJ.TOKEN\n" "Content-Type: application/json\n"

static KmsRequest request;
static KmsError error;
static uint8 scratch[KMS_SCRATCH_LEN];

static void test_options_azure(void);
static void test_operations(void);
static void test_forms(void);

void
test_azure_requests(void)
{
	test_options_azure();
	test_operations();
	test_forms();
}

static void
test_options_azure(void)
{
	static const struct
	{
		const char *subject;	/* NULL: they are good */
		const char *options[OPTIONS_MAX];
	}			cases[] = {
		{NULL, {VAULT}},
		{NULL, {HSM}},
		{NULL, {AES}},
		{NULL, {VAULT, "algorithm", "rsa_oaep_256", "client_id", "c", "api_version", "7.6-preview.2"}},
		{NULL, {"provider", "azure", "address", "https://ACME.VAULT.AZURE.NET:443", METHOD}},
		{NULL, {"provider", "azure", "address", "https://acme.vault.usgovcloudapi.net", METHOD}},
		{NULL, {"provider", "azure", "address", "https://acme.managedhsm.azure.cn", METHOD}},
		{NULL, {"provider", "azure", "address", "https://emulator.example:8443", METHOD,
		"resource", "https://vault.azure.net"}},
		{"address", {"provider", "azure", METHOD}},
		{"address", {"provider", "azure", METHOD, "address", "http://acme.vault.azure.net"}},
		{"address", {"provider", "azure", METHOD, "address", "https://acme.vault.azure.net/keys/k"}},
		{"algorithm", {VAULT, "algorithm", "rsa1_5"}},
		{"algorithm", {VAULT, "algorithm", "a256gcm"}},
		{"resource", {VAULT, "resource", "https://management.azure.com"}},
		{"resource", {VAULT, "resource", "https://vault.azure.net"}},
		{"resource", {"provider", "azure", METHOD, "address", "https://vault.azure.net"}},
		{"resource", {"provider", "azure", METHOD, "address", "https://evilvault.azure.net"}},
		{"resource", {"provider", "azure", METHOD, "address", "https://acme.vault.azure.net.example"}},
		{"resource", {"provider", "azure", METHOD, "address", "https://x.example", "resource", "vault"}},
		{"auth_method", {"provider", "azure", "address", "https://acme.vault.azure.net"}},
		{"auth_method", {"provider", "azure", "address", "https://acme.vault.azure.net",
		"auth_method", "password"}},
		{"tenant_id", {VAULT, "tenant_id", "t"}},
		{"client_secret_file", {VAULT, "client_secret_file", PATH}},
		{"authority_address", {VAULT, "authority_address", "https://login.example"}},
		{"metadata_address", {VAULT, "metadata_address", "https://login.example/x"}},
		{"metadata_address", {VAULT, "metadata_address", "http://metadata.example"}},
		{"client_id", {VAULT, "client_id", "a&b"}},
		{"api_version", {VAULT, "api_version", "7.4&x=y"}},
		{"api_version", {VAULT, "api_version", ".."}},
		{"key_name", {VAULT, "key_name", "k"}},
	};
	bool		ok = true;

	for (int i = 0; i < lengthof(cases); i++)
	{
		KmsServer	server;
		bool		good = server_read(&server, &error, cases[i].options);

		TAP_EACH(ok, good == (cases[i].subject == NULL) &&
				 (good || (error.status == KMS_CONFIG && strcmp(error.subject, cases[i].subject) == 0)),
				 "case %d: %s, %s", i, good ? "" : error.subject, good ? "" : error.detail);
	}
	tap_ok(ok, "azure: options that do not fit together, or the address, are refused");

	ok = true;
	for (const KmsOptionRule *rule = kms_azure.option_rules; rule->name != NULL; rule++)
	{
		bool		must = strstr(rule->name, "_file") != NULL ||
			strcmp(rule->name, "auth_method") == 0 || strcmp(rule->name, "metadata_address") == 0;

		TAP_EACH(ok, rule->of_machine == must, "%s", rule->name);
	}
	tap_ok(ok, "azure: what names files or the machine's identity is not for everybody");
}

/* Compares the request with its parts; headers one a line. */
static bool
request_is(const char *url, const char *body)
{
	char		lines[HTTP_HEADERS_MAX];

	for (Size i = 0; i < request.headers_len; i++)
		lines[i] = request.headers[i] == '\0' ? '\n' : request.headers[i];
	if (!request.invalid && request.peer == KMS_PEER_KMS && strcmp(request.method, "POST") == 0 &&
		strcmp(request.url, url) == 0 &&
		bytes_equal(bytes_of(lines, request.headers_len), bytes_of_string(HEADERS)) &&
		bytes_equal(bytes_of(request.body, request.body_len), bytes_of_string(body)))
		return true;
	tap_note("%s %s%s", request.method, request.url, request.invalid ? ", invalid" : "");
	tap_note("%.*s", (int) request.headers_len, lines);
	tap_note("%.*s", (int) request.body_len, request.body);
	return false;
}

static bool
build(const char *const *options, KmsOperation operation, Bytes in, const char *kek)
{
	static KmsToken token = {.text = "eyJ.TOKEN"};
	KmsContext	context = test_context;
	KmsAsked	asked = {.operation = operation,.context = &context,.in = in,.scratch = scratch};

	context.kek = kek;
	memset(&request, 0xff, sizeof(request));
	return kms_azure.remote->build(server_of(options), &asked, &token, &request, &error);
}

/* Its inner key comes back in base64url. */
static bool
wraps_inner_key(void)
{
	static const char before[] = "{\"alg\":\"RSA-OAEP-256\",\"value\":\"";
	char		text[64];
	uint8		sent[KMS_INNER_KEY_LEN];
	Size		len;

	if (request.body_len != strlen(before) + 43 + 2 ||
		memcmp(request.body, before, strlen(before)) != 0)
		return false;
	memcpy(text, request.body + strlen(before), 43);
	text[43] = '\0';
	return sodium_base642bin(sent, sizeof(sent), text, 43, NULL, &len, NULL,
							 sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
		len == sizeof(sent) && memcmp(sent, scratch, len) == 0 &&
		memcmp(sent, test_data_key, len) != 0;
}

static const char gcm_wrapped[] = "\2" VERSION "nonce_nonce_tag_tag_tag_tag_"
	"ciphertextciphertextciphertext_3";

static void
test_operations(void)
{
	static const char *const vault[] = {VAULT, NULL};
	static const char *const newer[] = {VAULT, "api_version", "7.6-preview.2", NULL};
	static const char *const aes[] = {AES, NULL};
	Bytes		key = bytes_of(test_data_key, DATA_KEY_LEN);
	uint8		wrapped[KMS_WRAPPED_MAX];
	KmsAsked	asked = {.context = &test_context,.in = key,.scratch = scratch};
	Size		len;

	tap_ok(build(vault, KMS_WRAP, key, "saas-chat") &&
		   strcmp(request.url, "https://acme.vault.azure.net/keys/saas-chat//wrapkey?api-version=7.4") == 0 &&
		   wraps_inner_key(),
		   "azure: an inner key is wrapped with the newest version");

	tap_ok(kms_inner_key_seal(&asked, bytes_of_string(VERSION), bytes_of("\1\2\3", 3), wrapped, &len,
							  &error) &&
		   build(vault, KMS_UNWRAP, bytes_of(wrapped, len), "saas-chat") &&
		   request_is("https://acme.vault.azure.net/keys/saas-chat/" VERSION "/unwrapkey?api-version=7.4",
					  "{\"alg\":\"RSA-OAEP-256\",\"value\":\"AQID\"}"),
		   "azure: it is unwrapped with the version that wrapped it");
	tap_ok(build(newer, KMS_UNWRAP, bytes_of(wrapped, len), "saas-chat") &&
		   request_is("https://acme.vault.azure.net/keys/saas-chat/" VERSION
					  "/unwrapkey?api-version=7.6-preview.2",
					  "{\"alg\":\"RSA-OAEP-256\",\"value\":\"AQID\"}"),
		   "azure: another version of the API can be asked for");

	tap_ok(build(aes, KMS_WRAP, key, "saas-chat") &&
		   request_is("https://acme.managedhsm.azure.net/keys/saas-chat//encrypt?api-version=7.4",
					  "{\"alg\":\"A256GCM\",\"value\":\"" PLAINTEXT "\",\"aad\":\"" BOUND "\"}"),
		   "azure: a Managed HSM encrypts the data key, bound by associated data");
	tap_ok(build(aes, KMS_UNWRAP, bytes_of(gcm_wrapped, sizeof(gcm_wrapped) - 1), "saas-chat") &&
		   request_is("https://acme.managedhsm.azure.net/keys/saas-chat/" VERSION "/decrypt?api-version=7.4",
					  "{\"alg\":\"A256GCM\",\"value\":\"Y2lwaGVydGV4dGNpcGhlcnRleHRjaXBoZXJ0ZXh0XzM\","
					  "\"iv\":\"bm9uY2Vfbm9uY2Vf\",\"tag\":\"dGFnX3RhZ190YWdfdGFnXw\",\"aad\":\"" BOUND "\"}"),
		   "azure: and decrypts it with its nonce, tag and version");
	tap_ok(!kms_azure.remote->can_rewrap(server_of(vault)) &&
		   !kms_azure.remote->can_rewrap(server_of(aes)),
		   "azure: a vault wraps nothing anew by itself");
}

static void
test_forms(void)
{
	static const char *const vault[] = {VAULT, NULL};
	static const char *const aes[] = {AES, NULL};
	static const char *const bad_keks[] = {
		"", ".", "..", "a/b", "a/" VERSION, "a b", "a_b", "a?b", "https://acme.vault.azure.net/keys/a"
	};
	static const char *const bad_versions[] = {
		"", "0123456789abcdef0123456789abcde", VERSION "0", "0123456789ABCDEF0123456789ABCDEF",
		"0123456789abcdef0123456789abcde/", "../keys/other/" "0123456789abcdef01",
	};
	Bytes		key = bytes_of(test_data_key, DATA_KEY_LEN);
	KmsAsked	asked = {.context = &test_context,.in = key,.scratch = scratch};
	uint8		wrapped[KMS_WRAPPED_MAX];
	char		kek[129];
	Size		len;
	bool		ok = true;

	memset(kek, 'k', sizeof(kek));
	kek[127] = '\0';
	TAP_EACH(ok, build(vault, KMS_WRAP, key, kek), "127 letters");
	kek[127] = 'k';
	kek[128] = '\0';
	TAP_EACH(ok, !build(vault, KMS_WRAP, key, kek), "128 letters");
	for (int i = 0; i < lengthof(bad_keks); i++)
		TAP_EACH(ok, !build(vault, KMS_WRAP, key, bad_keks[i]) && error.status == KMS_CONFIG &&
				 strcmp(error.subject, "kek") == 0 && !kms_azure.validate_kek(bad_keks[i], &error),
				 "%s", bad_keks[i]);
	tap_ok(ok, "azure: what is no name of a key is refused");

	ok = true;
	for (int i = 0; i < lengthof(bad_versions); i++)
	{
		TAP_EACH(ok, kms_inner_key_seal(&asked, bytes_of_string(bad_versions[i]), bytes_of("\1\2\3", 3),
										wrapped, &len, &error) &&
				 !build(vault, KMS_UNWRAP, bytes_of(wrapped, len), "saas-chat") &&
				 error.status == KMS_BAD_CIPHERTEXT, "%s", bad_versions[i]);
	}
	TAP_EACH(ok, kms_inner_key_seal(&asked, bytes_of("0123456789abcdef\0" "123456789abcdef", 32),
									bytes_of("\1", 1), wrapped, &len, &error) &&
			 !build(vault, KMS_UNWRAP, bytes_of(wrapped, len), "saas-chat") &&
			 error.status == KMS_BAD_CIPHERTEXT, "a NUL");
	tap_ok(ok, "azure: only a version goes where a version belongs");

	ok = !build(vault, KMS_UNWRAP, bytes_of(gcm_wrapped, sizeof(gcm_wrapped) - 1), "saas-chat") &&
		error.status == KMS_BAD_CIPHERTEXT;
	ok = ok && kms_inner_key_seal(&asked, bytes_of_string(VERSION), bytes_of("\1\2\3", 3), wrapped, &len,
								  &error) &&
		!build(aes, KMS_UNWRAP, bytes_of(wrapped, len), "saas-chat") &&
		error.status == KMS_BAD_CIPHERTEXT;
	tap_ok(ok, "azure: what another algorithm wrapped is not sent");

	ok = true;
	for (Size cut = 0; cut < sizeof(gcm_wrapped) - 1; cut++)
		TAP_EACH(ok, !build(aes, KMS_UNWRAP, bytes_of(gcm_wrapped, cut), "saas-chat") &&
				 error.status == KMS_BAD_CIPHERTEXT, "length %d", (int) cut);
	TAP_EACH(ok, !build(aes, KMS_UNWRAP, bytes_of(gcm_wrapped, sizeof(gcm_wrapped)), "saas-chat"),
			 "one byte more");
	tap_ok(ok, "azure: nor what is cut short or too long");
}
