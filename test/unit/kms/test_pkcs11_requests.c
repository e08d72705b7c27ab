/*-------------------------------------------------------------------------
 *
 * test_pkcs11_requests.c
 *	  What the provider pkcs11 takes as options, and what it asks its helper,
 *	  read as the helper reads it.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include "base/config.h"
#include "kms/kms_inner_key.h"
#include "kms/kms_pkcs11.h"
#include "miscadmin.h"

#define MODULE		"/usr/lib/softhsm/libsofthsm2.so"
#define SERVER		"provider", "pkcs11", "module_path", MODULE, "token_label", "acme hsm", "pin_file", "/etc/pin"
#define KEY_WRAP	"mechanism", "aes_key_wrap_pad"
#define OPTIONS_MAX 24
#define TEXT_32		"0123456789abcdef0123456789abcdef"

static KmsRequest request;
static uint8 scratch[KMS_SCRATCH_LEN];
static Pkcs11Request asked_for;

static void test_options_taken(void);
static void test_module_list(void);
static void test_keks(void);
static void test_pins(void);
static void test_wraps(void);
static void test_unwraps(void);
static void test_frames(void);

void
test_pkcs11_requests(void)
{
	config_pkcs11_modules = "/other.so, " MODULE;
	test_options_taken();
	test_module_list();
	test_keks();
	test_pins();
	test_wraps();
	test_unwraps();
	test_frames();
}

static void
test_options_taken(void)
{
	static const char *const good[][OPTIONS_MAX] = {
		{SERVER},
		{SERVER, "token_serial", "0123456789abcdef", "mechanism", "aes_gcm", "gcm_iv", "hsm",
		"request_timeout_ms", "5000"},
		{SERVER, "gcm_iv", "client"},
		{SERVER, KEY_WRAP},
	};
	static const struct
	{
		const char *subject;
		const char *options[OPTIONS_MAX];
	}			bad[] = {
		{"module_path", {"provider", "pkcs11", "token_label", "t", "pin_file", "/p"}},
		{"token_label", {"provider", "pkcs11", "module_path", MODULE, "pin_file", "/p"}},
		{"pin_file", {"provider", "pkcs11", "module_path", MODULE, "token_label", "t"}},
		{"module_path", {"provider", "pkcs11", "module_path", "other.so", "token_label", "t", "pin_file", "/p"}},
		{"module_path", {"provider", "pkcs11", "module_path", "/not/listed.so", "token_label", "t", "pin_file", "/p"}},
		{"token_label", {"provider", "pkcs11", "module_path", MODULE, "token_label", TEXT_32 "x", "pin_file", "/p"}},
		{"token_label", {"provider", "pkcs11", "module_path", MODULE, "token_label", "a\nb", "pin_file", "/p"}},
		{"token_serial", {SERVER, "token_serial", "0123456789abcdefx"}},
		{"pin_file", {"provider", "pkcs11", "module_path", MODULE, "token_label", "t", "pin_file", "p"}},
		{"mechanism", {SERVER, "mechanism", "rsa"}},
		{"gcm_iv", {SERVER, "gcm_iv", "zero"}},
		{"gcm_iv", {SERVER, KEY_WRAP, "gcm_iv", "client"}},
		{"request_timeout_ms", {SERVER, "request_timeout_ms", "99"}},
		{"slot_id", {SERVER, "slot_id", "0"}},
		{"address", {SERVER, "address", "https://hsm.example"}},
	};
	KmsServer	server;
	KmsError	error;
	bool		ok = true;

	for (int i = 0; i < lengthof(good); i++)
		TAP_EACH(ok, server_read(&server, &error, good[i]), "case %d: %s, %s", i, error.subject, error.detail);
	tap_ok(ok, "pkcs11: servers as they should be");
	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, !server_read(&server, &error, bad[i].options) &&
				 error.status == KMS_CONFIG && strcmp(error.subject, bad[i].subject) == 0,
				 "case %d: %s, %s", i, error.subject, error.detail);
	tap_ok(ok, "pkcs11: each option has its limits");
	tap_ok(kms_option_rule(&kms_pkcs11, "module_path")->of_machine &&
		   kms_option_rule(&kms_pkcs11, "pin_file")->of_machine,
		   "pkcs11: a module and a file are the machine's, and not for everybody to name");
}

static void
test_module_list(void)
{
	static const char *const with[] = {
		MODULE, MODULE ",/other.so", "/other.so," MODULE, " " MODULE " ,/o", "/o ,  " MODULE, ",," MODULE ",,"
	};
	static const char *const without[] = {
		"", ",", " ", "/other.so", MODULE "x", "/x" MODULE, MODULE "/", "*", "/usr/lib/softhsm", "/usr/lib/softhsm/"
	};
	static const char *const options[] = {SERVER, NULL};
	const KmsServer *server = server_of(options);
	KmsServer	upgraded;
	KmsError	error;
	bool		ok = true;

	for (int i = 0; i < lengthof(with); i++)
	{
		config_pkcs11_modules = unconstify(char *, with[i]);
		TAP_EACH(ok, pkcs11_module_is_allowed(server), "%s", with[i]);
	}
	for (int i = 0; i < lengthof(without); i++)
	{
		config_pkcs11_modules = unconstify(char *, without[i]);
		TAP_EACH(ok, !pkcs11_module_is_allowed(server), "%s", without[i]);
	}
	config_pkcs11_modules = "";
	IsBinaryUpgrade = true;
	TAP_EACH(ok, server_read(&upgraded, &error, options), "pg_upgrade: %s", error.detail);
	IsBinaryUpgrade = false;
	TAP_EACH(ok, !server_read(&upgraded, &error, options), "not pg_upgrade");
	config_pkcs11_modules = MODULE;
	tap_ok(ok, "pkcs11: a module is allowed when its whole path is in the list");
}

static void
test_keks(void)
{
	static const char *const good[] = {"k", "SaaS chat 2026", TEXT_32 TEXT_32};
	static const char *const bad[] = {"", "a\tb", "caf\xc3\xa9", "a\nb"};
	char		label[PKCS11_KEY_LABEL_MAX + 2];
	KmsError	error;
	bool		ok = true;

	for (int i = 0; i < lengthof(good); i++)
		TAP_EACH(ok, kms_pkcs11.validate_kek(good[i], &error), "%s", good[i]);
	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, !kms_pkcs11.validate_kek(bad[i], &error) && error.status == KMS_CONFIG &&
				 strcmp(error.subject, "kek") == 0, "%s", bad[i]);
	memset(label, 'k', sizeof(label));
	label[PKCS11_KEY_LABEL_MAX + 1] = '\0';
	TAP_EACH(ok, !kms_pkcs11.validate_kek(label, &error), "one too long");
	label[PKCS11_KEY_LABEL_MAX] = '\0';
	TAP_EACH(ok, kms_pkcs11.validate_kek(label, &error), "the longest");
	tap_ok(ok, "pkcs11: a key is named by its label");
}

static KmsProgress
log_in(const char *pin, KmsLogin step, KmsToken *token, KmsError *error)
{
	static const char *const options[] = {SERVER, NULL};
	static KmsCredential credential;
	KmsLoginAsked asked = {.step = step,.credential = &credential};

	strlcpy(credential.secret, pin, sizeof(credential.secret));
	return kms_pkcs11.remote->build_login(server_of(options), &asked, token, &request, error);
}

static void
test_pins(void)
{
	static const char *const options[] = {SERVER, NULL};
	static KmsToken token;
	char		pin[PKCS11_PIN_MAX + 2];
	KmsError	error;

	tap_ok(log_in("user:p\xc3\xa4ss word", KMS_LOGIN, &token, &error) == KMS_COMPLETE &&
		   strcmp(token.text, "user:p\xc3\xa4ss word") == 0 && token.lifetime_s == 1 &&
		   log_in("", KMS_LOGOUT, &token, &error) == KMS_COMPLETE,
		   "pkcs11: the PIN is the token, and nothing is sent to log in");
	memset(pin, '1', sizeof(pin));
	pin[PKCS11_PIN_MAX + 1] = '\0';
	tap_ok(log_in("", KMS_LOGIN, &token, &error) == KMS_FAILED && error.status == KMS_CREDENTIAL &&
		   log_in(pin, KMS_LOGIN, &token, &error) == KMS_FAILED && error.status == KMS_CREDENTIAL &&
		   strstr(error.detail, "111") == NULL &&
		   log_in(pin + 1, KMS_LOGIN, &token, &error) == KMS_COMPLETE,
		   "pkcs11: what can be no PIN is not tried");
	tap_ok(strcmp(kms_pkcs11.remote->secret_file(server_of(options)), "/etc/pin") == 0 &&
		   kms_pkcs11.remote->identity_file(server_of(options)) == NULL &&
		   !kms_pkcs11.remote->logs_in(server_of(options)) &&
		   !kms_pkcs11.remote->can_rewrap(server_of(options)),
		   "pkcs11: its file, whose credential it is, and no rewrap of its own");
}

/* Into asked_for, as the helper reads it. */
static bool
build(const char *const *options, KmsOperation operation, Bytes in, KmsError *error)
{
	static const KmsToken token = {.text = "1234"};
	KmsAsked	asked = {
		.operation = operation,.context = &test_context,.in = in,.scratch = scratch
	};

	memset(&request, 0xff, sizeof(request));
	return kms_pkcs11.remote->build(server_of(options), &asked, &token, &request, error) &&
		pkcs11_read_request(bytes_of(request.body, request.body_len), &asked_for);
}

static bool
is(Bytes got, const char *text)
{
	return bytes_equal(got, bytes_of_string(text));
}

static bool
is_bound(Bytes associated)
{
	uint8		expected[KMS_ASSOCIATED_MAX];

	return bytes_equal(associated,
					   bytes_of(expected, kms_associated_data(&test_context, expected)));
}

static void
test_wraps(void)
{
	static const char *const plain[] = {SERVER, NULL};
	static const char *const full[] = {SERVER, "token_serial", "77", "gcm_iv", "hsm", NULL};
	static const char *const key_wrap[] = {SERVER, KEY_WRAP, NULL};
	Bytes		key = bytes_of(test_data_key, DATA_KEY_LEN);
	uint8		first_iv[PKCS11_IV_LEN];
	KmsError	error;
	bool		ok;

	ok = build(plain, KMS_WRAP, key, &error) &&
		asked_for.operation == PKCS11_WRAP && asked_for.mechanism == PKCS11_AES_GCM &&
		is(asked_for.token_label, "acme hsm") && asked_for.token_serial.len == 0 &&
		is(asked_for.pin, "1234") && is(asked_for.key_label, "saas-chat") &&
		is_bound(asked_for.associated) && bytes_equal(asked_for.in, key) &&
		bytes_equal(asked_for.iv, bytes_of(scratch, PKCS11_IV_LEN));
	memcpy(first_iv, scratch, sizeof(first_iv));
	tap_ok(ok && request.method == NULL && request.headers_len == 0,
		   "pkcs11: a key is wrapped by AES-GCM, bound by associated data");
	tap_ok(build(plain, KMS_WRAP, key, &error) && memcmp(first_iv, scratch, sizeof(first_iv)) != 0,
		   "pkcs11: each wrap has an IV of its own");
	tap_ok(build(full, KMS_WRAP, key, &error) && is(asked_for.token_serial, "77") &&
		   asked_for.iv.len == 0 && asked_for.module_makes_iv,
		   "pkcs11: a module that makes the IV gets none");
	tap_ok(build(key_wrap, KMS_WRAP, key, &error) &&
		   asked_for.mechanism == PKCS11_AES_KEY_WRAP_PAD && asked_for.associated.len == 0 &&
		   asked_for.iv.len == 0 && bytes_equal(asked_for.in, bytes_of(scratch, KMS_INNER_KEY_LEN)) &&
		   !bytes_equal(asked_for.in, key),
		   "pkcs11: AES key wrap wraps an inner key, not the data key");
}

static void
test_unwraps(void)
{
	static const char *const plain[] = {SERVER, NULL};
	static const char *const key_wrap[] = {SERVER, KEY_WRAP, NULL};
	uint8		wrapped[KMS_WRAPPED_MAX] = {1, PKCS11_AES_GCM};
	Size		whole = 2 + PKCS11_IV_LEN + DATA_KEY_LEN + 16;
	KmsError	error;
	bool		ok;

	for (Size i = 2; i < whole; i++)
		wrapped[i] = (uint8) i;
	tap_ok(build(key_wrap, KMS_UNWRAP, bytes_of(wrapped, whole), &error) &&
		   asked_for.operation == PKCS11_UNWRAP && asked_for.mechanism == PKCS11_AES_GCM &&
		   bytes_equal(asked_for.iv, bytes_of(wrapped + 2, PKCS11_IV_LEN)) &&
		   bytes_equal(asked_for.in, bytes_of(wrapped + 2 + PKCS11_IV_LEN, DATA_KEY_LEN + 16)) &&
		   is_bound(asked_for.associated),
		   "pkcs11: a key is unwrapped by the mechanism that wrapped it");

	ok = true;
	for (Size len = 0; len <= whole + 1; len++)
		TAP_EACH(ok, len == whole || (!build(plain, KMS_UNWRAP, bytes_of(wrapped, len), &error) &&
									  error.status == KMS_BAD_CIPHERTEXT), "%zu bytes", len);
	for (int i = 0; i < 2; i++)
	{
		for (int value = 0; value < 256; value++)
		{
			uint8		was = wrapped[i];

			wrapped[i] = (uint8) value;
			TAP_EACH(ok, value == was ||
					 (!build(plain, KMS_UNWRAP, bytes_of(wrapped, whole), &error) &&
					  error.status == KMS_BAD_CIPHERTEXT), "byte %d is %d", i, value);
			wrapped[i] = was;
		}
	}
	tap_ok(ok, "pkcs11: what we did not write is not sent to be unwrapped");
}

/* Every part at its longest, and then one too long. */
static void
test_frames(void)
{
	static uint8 long_text[2048];
	static uint8 frame[PKCS11_FRAME_MAX];
	const Pkcs11Request longest = {
		.operation = PKCS11_UNWRAP,
		.mechanism = PKCS11_AES_GCM,
		.token_label = bytes_of(long_text, PKCS11_TOKEN_LABEL_MAX),
		.token_serial = bytes_of(long_text, PKCS11_TOKEN_SERIAL_MAX),
		.pin = bytes_of(long_text, PKCS11_PIN_MAX),
		.key_label = bytes_of(long_text, PKCS11_KEY_LABEL_MAX),
		.associated = bytes_of(long_text, KMS_ASSOCIATED_MAX),
		.iv = bytes_of(long_text, PKCS11_IV_LEN),
		.in = bytes_of(long_text, PKCS11_OUT_MAX),
	};
	Pkcs11Request read;
	Size		rest;
	ByteWriter	w = writer_of(frame, sizeof(frame));
	bool		ok = true;

	pkcs11_write_request(&w, &longest);
	tap_ok(!w.overflow && pkcs11_frame_rest(frame, &rest) && rest == w.len - PKCS11_HEADER_LEN &&
		   pkcs11_read_request(writer_bytes(&w), &read) && bytes_equal(read.in, longest.in),
		   "pkcs11: the longest request fits into a frame");
	for (Size len = 0; len < w.len; len++)
		TAP_EACH(ok, !pkcs11_read_request(bytes_of(frame, len), &read), "%zu bytes", len);
	frame[w.len] = 0;
	TAP_EACH(ok, !pkcs11_read_request(bytes_of(frame, w.len + 1), &read), "a byte behind it");
	for (Size i = 0; i < PKCS11_HEADER_LEN + 3; i++)
	{
		frame[i] ^= 0x40;
		TAP_EACH(ok, !pkcs11_read_request(writer_bytes(&w), &read), "byte %zu", i);
		frame[i] ^= 0x40;
	}
	for (int operation = PKCS11_WRAP; operation <= PKCS11_LOGIN; operation++)
	{
		Pkcs11Request bare = {
			.operation = (Pkcs11Operation) operation,
			.mechanism = PKCS11_AES_GCM,
			.token_label = longest.token_label,
		};

		w = writer_of(frame, sizeof(frame));
		pkcs11_write_request(&w, &bare);
		TAP_EACH(ok, pkcs11_read_request(writer_bytes(&w), &read) == (operation == PKCS11_OPEN),
				 "operation %d of a token only", operation);
	}
	for (int part = 0; part < 7; part++)
	{
		Pkcs11Request one = longest;
		Bytes	   *parts[] = {
			&one.token_label, &one.token_serial, &one.pin, &one.key_label,
			&one.associated, &one.iv, &one.in
		};

		parts[part]->len++;
		w = writer_of(frame, sizeof(frame));
		pkcs11_write_request(&w, &one);
		TAP_EACH(ok, !pkcs11_read_request(writer_bytes(&w), &read), "part %d too long", part);
	}
	memcpy(frame, "BC\2Q\0\0\x1f\xf8", PKCS11_HEADER_LEN);
	TAP_EACH(ok, pkcs11_frame_rest(frame, &rest), "the longest frame");
	frame[7]++;
	TAP_EACH(ok, !pkcs11_frame_rest(frame, &rest), "one too long");
	tap_ok(ok, "pkcs11: a frame that is damaged, or has a part too long, is none");
}
