/*-------------------------------------------------------------------------
 *
 * test_kmip_requests.c
 *	  The options of the provider kmip, and what it asks, byte by byte.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include "kms/kms_kmip.h"

#define FILES	"client_cert_file", "/c", "client_key_file", "/k"
#define KMIP	"provider", "kmip", "address", "kmip.example:5696", FILES

#define OPTIONS_MAX 24

#define HEX_VERSION	"4200690100000020" "42006a02000000040000000100000000" "42006b02000000040000000400000000"
#define HEX_COUNT	"42000d02000000040000000100000000"
#define HEX_KEY		"4200940700000009" "736161732d63686174" "00000000000000"
#define HEX_GCM		"42002b0100000030" "42001105000000040000000900000000" \
	"42002805000000040000000300000000" "4200ce02000000040000001000000000"
#define HEX_DATA	"4200c20800000020" "000102030405060708090a0b0c0d0e0f" "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
#define HEX_IV		"42003d080000000c" "a0a1a2a3a4a5a6a7a8a9aaab" "00000000"
#define HEX_BOUND	"4200fe0800000025" "42434b31" "000461636d65" "00080102030405060708" \
	"000464617461" "0009736161732d63686174" "000000"
#define HEX_TAG		"4200ff0800000010" "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf"

static KmsRequest request;
static KmsToken token;
static uint8 scratch[KMS_SCRATCH_LEN];
static uint8 wrapped[61];

static const char *const plain[] = {KMIP, NULL};
static const char *const with_password[] = {
	KMIP, "username", "vendor", "password_file", "/p", NULL
};

static void test_options_taken(void);
static void test_keks(void);
static void test_login(void);
static void test_wrap(void);
static void test_unwrap(void);
static void test_wrapped_forms(void);
static void test_credential_sent(void);

void
test_kmip_requests(void)
{
	wrapped[0] = 1;
	for (int i = 0; i < KMIP_IV_LEN; i++)
		wrapped[1 + i] = 0xa0 + i;
	memcpy(wrapped + 13, test_data_key, DATA_KEY_LEN);
	for (int i = 0; i < KMIP_TAG_LEN; i++)
		wrapped[45 + i] = 0xb0 + i;

	test_options_taken();
	test_keks();
	test_login();
	test_wrap();
	test_unwrap();
	test_wrapped_forms();
	test_credential_sent();
}

static void
test_options_taken(void)
{
	static const char *const good[][OPTIONS_MAX] = {
		{KMIP},
		{"provider", "kmip", "address", "192.0.2.1", FILES},
		{KMIP, "ca_file", "/ca", "connect_timeout_ms", "100", "request_timeout_ms", "60000"},
		{KMIP, "username", "vendor of acme", "password_file", "/p"},
	};
	static const struct
	{
		const char *subject;
		const char *options[OPTIONS_MAX];
	}			bad[] = {
		{"address", {"provider", "kmip", FILES}},
		{"address", {"provider", "kmip", "address", "", FILES}},
		{"address", {"provider", "kmip", "address", "https://kmip.example", FILES}},
		{"address", {"provider", "kmip", "address", "kmip.example:0", FILES}},
		{"address", {"provider", "kmip", "address", "127.0.0.1:5696", FILES}},
		{"client_cert_file", {"provider", "kmip", "address", "kmip.example", "client_key_file", "/k"}},
		{"client_key_file", {"provider", "kmip", "address", "kmip.example", "client_cert_file", "/c"}},
		{"client_key_file", {"provider", "kmip", "address", "kmip.example", "client_cert_file", "/c",
				"client_key_file", "k"}},
		{"ca_file", {KMIP, "ca_file", "ca"}},
		{"password_file", {KMIP, "username", "vendor"}},
		{"username", {KMIP, "password_file", "/p"}},
		{"username", {KMIP, "username", "", "password_file", "/p"}},
		{"username", {KMIP, "username", "a\tb", "password_file", "/p"}},
		{"password_file", {KMIP, "username", "vendor", "password_file", "p"}},
		{"request_timeout_ms", {KMIP, "request_timeout_ms", "1"}},
		{"protocol_version", {KMIP, "protocol_version", "2.0"}},
		{"auth_method", {KMIP, "auth_method", "cert"}},
	};
	static const char *const of_machine[] = {
		"password_file", "ca_file", "client_cert_file", "client_key_file"
	};
	static const char *const of_all[] = {
		"address", "username", "connect_timeout_ms", "request_timeout_ms"
	};
	KmsServer	server;
	KmsError	error;
	bool		ok = true;

	for (int i = 0; i < lengthof(good); i++)
		TAP_EACH(ok, server_read(&server, &error, good[i]), "%d: %s %s", i, error.subject, error.detail);
	tap_ok(ok, "kmip: options are taken");

	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, !server_read(&server, &error, bad[i].options) && error.status == KMS_CONFIG &&
				 strcmp(error.subject, bad[i].subject) == 0, "%d: %s", i, error.subject);
	tap_ok(ok, "kmip: wrong options are named");

	for (int i = 0; i < lengthof(of_machine); i++)
		TAP_EACH(ok, kms_option_rule(&kms_kmip, of_machine[i])->of_machine, "%s", of_machine[i]);
	for (int i = 0; i < lengthof(of_all); i++)
		TAP_EACH(ok, !kms_option_rule(&kms_kmip, of_all[i])->of_machine, "%s", of_all[i]);
	tap_ok(ok, "kmip: options that name files are the machine's");
}

static void
test_keks(void)
{
	static const char *const good[] = {
		"4", "saas-chat", "11a3e31b-16d6-4b31-9b6c-c1d0e5a7f2aa", "a/b:c{}\"'\\%~"
	};
	static const char *const bad[] = {"", " ", "a b", "a\n", "a\x7f", "\xc3\xa9"};
	static char long_kek[258];
	KmsError	error;
	bool		ok = true;

	for (int i = 0; i < lengthof(good); i++)
		TAP_EACH(ok, kms_kmip.validate_kek(good[i], &error), "%s", good[i]);
	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, !kms_kmip.validate_kek(bad[i], &error) && error.status == KMS_CONFIG &&
				 strcmp(error.subject, "kek") == 0, "%s", bad[i]);
	memset(long_kek, 'a', 257);
	TAP_EACH(ok, !kms_kmip.validate_kek(long_kek, &error), "257 characters");
	long_kek[256] = '\0';
	TAP_EACH(ok, kms_kmip.validate_kek(long_kek, &error), "256 characters");
	tap_ok(ok, "kmip: a KEK is a unique identifier");
}

static KmsProgress
login(const char *const *options, KmsLogin step, const char *password, KmsError *error)
{
	static KmsCredential credential;
	KmsLoginAsked asked = {.step = step,.credential = step == KMS_LOGIN ? &credential : NULL};

	memset(&request, 0xff, sizeof(request));
	strlcpy(credential.secret, password, sizeof(credential.secret));
	return kms_kmip.remote->build_login(server_of(options), &asked, &token, &request, error);
}

static void
test_login(void)
{
	static const char *const bad[] = {"a\tb", "a\nb", "p\xc3\xa4ss", "\x7f"};
	const KmsRemote *remote = kms_kmip.remote;
	KmsError	error;
	bool		ok;

	tap_ok(login(with_password, KMS_LOGIN, "pass word", &error) == KMS_COMPLETE &&
		   strcmp(token.text, "pass word") == 0 && token.lifetime_s == 0 && !token.renewable,
		   "kmip: the password is all there is to a login");
	ok = login(with_password, KMS_LOGOUT, "", &error) == KMS_COMPLETE &&
		login(with_password, KMS_RENEW, "", &error) == KMS_COMPLETE &&
		strcmp(token.text, "pass word") == 0;
	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, login(with_password, KMS_LOGIN, bad[i], &error) == KMS_FAILED &&
				 error.status == KMS_CREDENTIAL && strcmp(error.subject, "password_file") == 0 &&
				 strstr(error.detail, bad[i]) == NULL, "%s", bad[i]);
	tap_ok(ok, "kmip: a file that holds no password is ours to mend");

	memset(&token, 0, sizeof(token));
	tap_ok(login(plain, KMS_LOGIN, "", &error) == KMS_COMPLETE && token.text[0] == '\0' &&
		   remote->identity_file(server_of(with_password)) == NULL &&
		   remote->secret_file(server_of(plain)) == NULL &&
		   strcmp(remote->secret_file(server_of(with_password)), "/p") == 0 &&
		   !remote->logs_in(server_of(with_password)) && !remote->can_rewrap(server_of(plain)),
		   "kmip: without a password no file is read and nothing is sent");
}

static bool
build(const char *const *options, KmsOperation operation, const KmsContext *context, Bytes in,
	  KmsError *error)
{
	KmsAsked	asked = {.operation = operation,.context = context,.in = in,.scratch = scratch};

	memset(&request, 0xff, sizeof(request));
	return kms_kmip.remote->build(server_of(options), &asked, &token, &request, error);
}

/* Compares the request's body. */
static bool
body_is(const char *hex)
{
	Size		len = strlen(hex) / 2;
	bool		ok = !request.invalid && request.method == NULL && request.url_len == 0 &&
		request.headers_len == 0 && request.body_len == len;

	for (Size i = 0; i < request.body_len; i++)
	{
		char		byte[3];

		snprintf(byte, sizeof(byte), "%02x", (uint8) request.body[i]);
		TAP_EACH(ok, i < len && strncmp(byte, hex + 2 * i, 2) == 0, "byte %d is %s", (int) i, byte);
	}
	return ok;
}

static void
test_wrap(void)
{
	uint8		first[KMIP_IV_LEN];
	Bytes		key = bytes_of(test_data_key, DATA_KEY_LEN);
	KmipCipher	cipher = {
		.operation = KMIP_ENCRYPT,.key = "saas-chat",.data = key,
		.iv = bytes_of("\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xab", KMIP_IV_LEN),
	};
	uint8		associated[KMS_ASSOCIATED_MAX];
	KmsError	error;
	bool		ok;

	cipher.associated = bytes_of(associated, kms_associated_data(&test_context, associated));
	kmip_request(&cipher, NULL, NULL, &request);
	tap_ok(body_is("4200780100000120"
				   "4200770100000038" HEX_VERSION HEX_COUNT
				   "42000f01000000d8" "42005c05000000040000001f00000000"
				   "42007901000000c0" HEX_KEY HEX_GCM HEX_DATA HEX_IV HEX_BOUND),
		   "kmip: a key is wrapped by Encrypt, bound by associated data");

	memset(scratch, 0, sizeof(scratch));
	ok = build(plain, KMS_WRAP, &test_context, key, &error) && request.body_len == 0x128;
	memcpy(first, scratch, sizeof(first));
	ok = ok && memcmp(request.body + 0xe8, scratch, KMIP_IV_LEN) == 0 &&
		build(plain, KMS_WRAP, &test_context, key, &error) &&
		memcmp(first, scratch, KMIP_IV_LEN) != 0 &&
		memcmp(request.body + 0xe8, scratch, KMIP_IV_LEN) == 0;
	tap_ok(ok, "kmip: each wrap has an IV of its own, which is kept for the answer");
}

static void
test_unwrap(void)
{
	static const char *const bad_keks[] = {"", "a b"};
	KmsContext	context = test_context;
	KmsError	error;
	bool		ok = true;

	tap_ok(build(plain, KMS_UNWRAP, &test_context, bytes_of(wrapped, sizeof(wrapped)), &error) &&
		   body_is("4200780100000138"
				   "4200770100000038" HEX_VERSION HEX_COUNT
				   "42000f01000000f0" "42005c05000000040000002000000000"
				   "42007901000000d8" HEX_KEY HEX_GCM HEX_DATA HEX_IV HEX_BOUND HEX_TAG),
		   "kmip: a key is unwrapped by Decrypt");
	for (int i = 0; i < lengthof(bad_keks); i++)
	{
		context.kek = bad_keks[i];
		TAP_EACH(ok, !build(plain, KMS_UNWRAP, &context, bytes_of(wrapped, sizeof(wrapped)), &error) &&
				 error.status == KMS_CONFIG && strcmp(error.subject, "kek") == 0, "%s", bad_keks[i]);
	}
	tap_ok(ok, "kmip: a request is not built for what is no unique identifier");
}

static void
test_wrapped_forms(void)
{
	uint8		other[sizeof(wrapped) + 1] = {0};
	KmsError	error;
	bool		ok = true;

	memcpy(other, wrapped, sizeof(wrapped));
	for (Size len = 0; len <= sizeof(other); len++)
		TAP_EACH(ok, len == sizeof(wrapped) ||
				 (!build(plain, KMS_UNWRAP, &test_context, bytes_of(other, len), &error) &&
				  error.status == KMS_BAD_CIPHERTEXT), "%d bytes", (int) len);
	for (int version = 0; version <= 0xff; version++)
	{
		other[0] = version;
		TAP_EACH(ok, version == 1 ||
				 (!build(plain, KMS_UNWRAP, &test_context, bytes_of(other, sizeof(wrapped)), &error) &&
				  error.status == KMS_BAD_CIPHERTEXT), "version %d", version);
	}
	tap_ok(ok, "kmip: only what we wrote is sent to be unwrapped");
}

static void
test_credential_sent(void)
{
	KmsError	error;
	static char long_name[MAXPGPATH];
	const char *const long_options[] = {KMIP, "username", long_name, "password_file", "/p", NULL};
	bool		ok;

	strcpy(token.text, "s3cret-9");
	tap_ok(build(with_password, KMS_UNWRAP, &test_context, bytes_of(wrapped, sizeof(wrapped)), &error) &&
		   body_is("4200780100000180"
				   "4200770100000080" HEX_VERSION
				   "42000c0100000040" "4200230100000038" "42002405000000040000000100000000"
				   "4200250100000020" "4200990700000006" "76656e646f720000"
				   "4200a10700000008" "7333637265742d39" HEX_COUNT
				   "42000f01000000f0" "42005c05000000040000002000000000"
				   "42007901000000d8" HEX_KEY HEX_GCM HEX_DATA HEX_IV HEX_BOUND HEX_TAG),
		   "kmip: username and password are sent as a credential");
	ok = build(plain, KMS_UNWRAP, &test_context, bytes_of(wrapped, sizeof(wrapped)), &error) &&
		request.body_len == 0x140;
	tap_ok(ok, "kmip: and not where none are asked for");

	memset(long_name, 'u', sizeof(long_name) - 1);
	memset(token.text, 'p', sizeof(token.text) - 1);
	tap_ok(build(long_options, KMS_WRAP, &test_context, bytes_of(test_data_key, DATA_KEY_LEN), &error) &&
		   request.body_len > KMS_CREDENTIAL_MAX,
		   "kmip: the longest of both fit");
}
