/*-------------------------------------------------------------------------
 *
 * test_pkcs11_replies.c
 *	  What the provider pkcs11 makes of the answers of its helper: keys, and
 *	  the class of each outcome and each code.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include <p11-kit/pkcs11.h>

#include "base/config.h"
#include "kms/kms_inner_key.h"
#include "kms/kms_pkcs11.h"

#define MODULE		"/usr/lib/softhsm/libsofthsm2.so"
#define SERVER		"provider", "pkcs11", "module_path", MODULE, "token_label", "t", "pin_file", "/etc/pin"

static const char *const plain[] = {SERVER, NULL};
static const char *const hsm_iv[] = {SERVER, "gcm_iv", "hsm", NULL};
static const char *const key_wrap[] = {SERVER, "mechanism", "aes_key_wrap_pad", NULL};

static uint8 scratch[KMS_SCRATCH_LEN];
static uint8 sealed[PKCS11_OUT_MAX];
static uint8 out[KMS_WRAPPED_MAX];
static Size out_len;

static void test_wrapped(void);
static void test_unwrapped(void);
static void test_key_wrap(void);
static void test_codes(void);
static void test_outcomes(void);
static void test_no_answer(void);

void
test_pkcs11_replies(void)
{
	config_pkcs11_modules = MODULE;
	for (int i = 0; i < lengthof(sealed); i++)
		sealed[i] = (uint8) (i ^ 0x5a);
	for (int i = 0; i < lengthof(scratch); i++)
		scratch[i] = (uint8) (i + 1);
	test_wrapped();
	test_unwrapped();
	test_key_wrap();
	test_codes();
	test_outcomes();
	test_no_answer();
}

static KmsReply *
framed(const Pkcs11Reply *said)
{
	KmsReply   *reply = reply_of(0, "");
	ByteWriter	w = writer_of(reply->body, KMS_REPLY_BODY_MAX);

	pkcs11_write_reply(&w, said);
	reply->body_len = w.len;
	return reply;
}

static bool
read_reply(const char *const *options, KmsOperation operation, Bytes in, const KmsReply *reply,
		   KmsError *error)
{
	KmsAsked	asked = {
		.operation = operation,.context = &test_context,.in = in,.scratch = scratch
	};

	memset(out, 0xee, sizeof(out));
	out_len = 0;
	return kms_pkcs11.remote->read(server_of(options), &asked, reply, out, &out_len, error);
}

static bool
read_wrap(const char *const *options, Bytes iv, Size len, KmsError *error)
{
	Pkcs11Reply said = {.outcome = PKCS11_DONE,.iv = iv,.out = bytes_of(sealed, len)};

	return read_reply(options, KMS_WRAP, bytes_of(test_data_key, DATA_KEY_LEN), framed(&said), error);
}

static void
test_wrapped(void)
{
	static const uint8 zeros[PKCS11_IV_LEN];
	Bytes		sent = bytes_of(scratch, PKCS11_IV_LEN);
	Bytes		made = bytes_of(sealed + 100, PKCS11_IV_LEN);
	KmsError	error;
	bool		ok = true;

	tap_ok(read_wrap(plain, sent, 48, &error) && out_len == 62 &&
		   memcmp(out, "\1\1", 2) == 0 && memcmp(out + 2, scratch, 12) == 0 &&
		   memcmp(out + 14, sealed, 48) == 0,
		   "pkcs11: what is stored of AES-GCM");
	tap_ok(read_wrap(hsm_iv, made, 48, &error) && out_len == 62 && memcmp(out + 2, made.data, 12) == 0,
		   "pkcs11: an IV that the module made is stored");
	tap_ok(!read_wrap(hsm_iv, bytes_of(zeros, sizeof(zeros)), 48, &error) &&
		   error.status == KMS_CONFIG && strcmp(error.subject, "gcm_iv") == 0 &&
		   !read_wrap(plain, made, 48, &error) &&
		   error.status == KMS_CONFIG && strcmp(error.subject, "gcm_iv") == 0,
		   "pkcs11: an IV of somebody else than gcm_iv says is refused");
	for (Size len = 0; len <= PKCS11_OUT_MAX; len++)
		TAP_EACH(ok, len == 48 || (!read_wrap(plain, sent, len, &error) &&
								   error.status == KMS_PROTOCOL), "%zu bytes", len);
	for (Size len = 0; len < PKCS11_IV_LEN; len++)
		TAP_EACH(ok, !read_wrap(plain, bytes_of(scratch, len), 48, &error) &&
				 error.status == KMS_PROTOCOL, "an IV of %zu bytes", len);
	tap_ok(ok, "pkcs11: a wrapped key of another length is refused");
}

static void
test_unwrapped(void)
{
	uint8		wrapped[62] = {1, PKCS11_AES_GCM};
	KmsError	error;
	bool		ok = true;

	for (Size len = 0; len <= PKCS11_OUT_MAX; len++)
	{
		Pkcs11Reply said = {.outcome = PKCS11_DONE,.out = bytes_of(sealed, len)};
		bool		read = read_reply(plain, KMS_UNWRAP, bytes_of(wrapped, sizeof(wrapped)),
									  framed(&said), &error);

		if (len == DATA_KEY_LEN)
			TAP_EACH(ok, read && out_len == len && memcmp(out, sealed, len) == 0, "the key");
		else
			TAP_EACH(ok, !read && error.status == KMS_PROTOCOL && out[0] == 0xee, "%zu bytes", len);
	}
	tap_ok(ok, "pkcs11: a data key has 32 bytes");
}

static void
test_key_wrap(void)
{
	uint8		wrapped[KMS_WRAPPED_MAX];
	Size		len;
	Pkcs11Reply said = {.outcome = PKCS11_DONE,.out = bytes_of(sealed, 40)};
	Pkcs11Reply inner = {.outcome = PKCS11_DONE,.out = bytes_of(scratch, KMS_INNER_KEY_LEN)};
	KmsContext	other = test_context;
	KmsAsked	asked = {.operation = KMS_UNWRAP,.context = &other,.scratch = scratch};
	KmsError	error;
	bool		ok = true;

	tap_ok(read_reply(key_wrap, KMS_WRAP, bytes_of(test_data_key, DATA_KEY_LEN), framed(&said), &error) &&
		   out_len == 2 + 1 + 2 + 2 + 40 + 24 + 48 && memcmp(out, "\1\2\1\0\0\0\50", 7) == 0 &&
		   memcmp(out + 7, sealed, 40) == 0,
		   "pkcs11: what is stored of AES key wrap");
	len = out_len;
	memcpy(wrapped, out, len);
	tap_ok(read_reply(plain, KMS_UNWRAP, bytes_of(wrapped, len), framed(&inner), &error) &&
		   out_len == DATA_KEY_LEN && memcmp(out, test_data_key, DATA_KEY_LEN) == 0,
		   "pkcs11: it opens again");

	asked.in = bytes_of(wrapped, len);
	other.purpose = "probe";
	TAP_EACH(ok, !kms_pkcs11.remote->read(server_of(plain), &asked, framed(&inner), out, &out_len, &error) &&
			 error.status == KMS_BAD_CIPHERTEXT, "another purpose");
	for (Size i = 0; i < len; i++)
	{
		/* the KMS's own ciphertext is the KMS's to check */
		if (i >= 7 && i < 47)
			continue;
		wrapped[i] ^= 1;
		TAP_EACH(ok, !read_reply(plain, KMS_UNWRAP, bytes_of(wrapped, len), framed(&inner), &error) &&
				 (error.status == KMS_BAD_CIPHERTEXT || (i == 1 && error.status == KMS_BAD_CIPHERTEXT)),
				 "byte %zu", i);
		wrapped[i] ^= 1;
	}
	tap_ok(ok, "pkcs11: AES key wrap is bound by the inner key to what it is for");

	said.out = bytes_of(sealed, 0);
	tap_ok(!read_reply(key_wrap, KMS_WRAP, bytes_of(test_data_key, DATA_KEY_LEN), framed(&said), &error) &&
		   error.status == KMS_PROTOCOL, "pkcs11: a module that wraps nothing is not believed");
}

#define LOGIN	(1 << PKCS11_AT_LOGIN)
#define WRAPS	(1 << PKCS11_AT_WRAP)
#define UNWRAP	(1 << PKCS11_AT_UNWRAP)
#define USE		(WRAPS | UNWRAP)
#define ALL		((1 << PKCS11_STEPS) - 1)

/* By the names of the header; at any step not in the bits it is trouble. */
static const struct
{
	CK_RV		rv;
	int			steps;
	KmsStatus	class;
	const char *subject;
}			codes[] = {
	{CKR_PIN_INCORRECT, ALL, KMS_CREDENTIAL, "pin_file"},
	{CKR_PIN_INVALID, ALL, KMS_CREDENTIAL, "pin_file"},
	{CKR_PIN_LEN_RANGE, ALL, KMS_CREDENTIAL, "pin_file"},
	{CKR_PIN_EXPIRED, ALL, KMS_CREDENTIAL, "pin_file"},
	{CKR_PIN_LOCKED, ALL, KMS_CREDENTIAL, "pin_file"},
	{CKR_USER_PIN_NOT_INITIALIZED, LOGIN, KMS_CREDENTIAL, "pin_file"},
	{CKR_KEY_HANDLE_INVALID, USE, KMS_DENIED, ""},
	{CKR_OBJECT_HANDLE_INVALID, USE, KMS_DENIED, ""},
	{CKR_WRAPPING_KEY_HANDLE_INVALID, USE, KMS_DENIED, ""},
	{CKR_UNWRAPPING_KEY_HANDLE_INVALID, USE, KMS_DENIED, ""},
	{CKR_KEY_FUNCTION_NOT_PERMITTED, USE, KMS_DENIED, ""},
	{0x1b, USE, KMS_DENIED, ""},	/* CKR_ACTION_PROHIBITED, of 2.40 errata */
	{CKR_MECHANISM_INVALID, USE, KMS_CONFIG, "mechanism"},
	{CKR_FUNCTION_NOT_SUPPORTED, USE, KMS_CONFIG, "mechanism"},
	{CKR_MECHANISM_PARAM_INVALID, USE, KMS_CONFIG, "gcm_iv"},
	{CKR_KEY_SIZE_RANGE, USE, KMS_CONFIG, "kek"},
	{CKR_KEY_TYPE_INCONSISTENT, USE, KMS_CONFIG, "kek"},
	{CKR_WRAPPING_KEY_SIZE_RANGE, USE, KMS_CONFIG, "kek"},
	{CKR_WRAPPING_KEY_TYPE_INCONSISTENT, USE, KMS_CONFIG, "kek"},
	{CKR_UNWRAPPING_KEY_SIZE_RANGE, USE, KMS_CONFIG, "kek"},
	{CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, USE, KMS_CONFIG, "kek"},
	{CKR_GENERAL_ERROR, UNWRAP, KMS_BAD_CIPHERTEXT, ""},
	{CKR_FUNCTION_FAILED, UNWRAP, KMS_BAD_CIPHERTEXT, ""},
	{CKR_ENCRYPTED_DATA_INVALID, UNWRAP, KMS_BAD_CIPHERTEXT, ""},
	{CKR_ENCRYPTED_DATA_LEN_RANGE, UNWRAP, KMS_BAD_CIPHERTEXT, ""},
	{0x42, UNWRAP, KMS_BAD_CIPHERTEXT, ""}, /* CKR_AEAD_DECRYPT_FAILED, of 3.0 */
	{CKR_WRAPPED_KEY_INVALID, UNWRAP, KMS_BAD_CIPHERTEXT, ""},
	{CKR_WRAPPED_KEY_LEN_RANGE, UNWRAP, KMS_BAD_CIPHERTEXT, ""},
	{CKR_TOKEN_NOT_PRESENT, ALL, KMS_UNAVAILABLE, ""},
	{CKR_TOKEN_NOT_RECOGNIZED, ALL, KMS_UNAVAILABLE, ""},
	{CKR_DEVICE_REMOVED, ALL, KMS_UNAVAILABLE, ""},
	{CKR_DEVICE_ERROR, ALL, KMS_UNAVAILABLE, ""},
	{CKR_DEVICE_MEMORY, ALL, KMS_UNAVAILABLE, ""},
	{CKR_HOST_MEMORY, ALL, KMS_UNAVAILABLE, ""},
	{CKR_SESSION_HANDLE_INVALID, ALL, KMS_UNAVAILABLE, ""},
	{CKR_SESSION_CLOSED, ALL, KMS_UNAVAILABLE, ""},
	{CKR_SESSION_COUNT, ALL, KMS_UNAVAILABLE, ""},
	{CKR_USER_NOT_LOGGED_IN, ALL, KMS_UNAVAILABLE, ""},
	{CKR_CRYPTOKI_NOT_INITIALIZED, ALL, KMS_UNAVAILABLE, ""},
	{CKR_VENDOR_DEFINED | 7, ALL, KMS_UNAVAILABLE, ""},
	{0, ALL, KMS_UNAVAILABLE, ""},
};

static bool
is_of_class(const KmsError *error, KmsStatus class, const char *subject)
{
	Size		len = strlen(error->detail);

	return error->status == class && strcmp(error->subject, subject) == 0 &&
		len > 0 && (class == KMS_CONFIG) == (error->detail[len - 1] != '.');
}

static void
test_codes(void)
{
	uint8		wrapped[62] = {1, PKCS11_AES_GCM};
	KmsError	error;
	bool		ok = true;

	for (int i = 0; i < lengthof(codes); i++)
	{
		for (int step = 0; step < PKCS11_STEPS; step++)
		{
			Pkcs11Reply said = {.outcome = PKCS11_REFUSED,.step = (Pkcs11Step) step,.rv = codes[i].rv};
			bool		here = (codes[i].steps & (1 << step)) != 0;

			TAP_EACH(ok, !read_reply(plain, KMS_UNWRAP, bytes_of(wrapped, sizeof(wrapped)), framed(&said), &error) &&
					 is_of_class(&error, here ? codes[i].class : KMS_UNAVAILABLE, here ? codes[i].subject : ""),
					 "code 0x%lx at step %d: %s", codes[i].rv, step, error.detail);
		}
	}
	tap_ok(ok, "pkcs11: each code has its class where it may come, and is trouble elsewhere");
}

static void
test_outcomes(void)
{
	static const struct
	{
		Pkcs11Outcome outcome;
		KmsStatus	class;
		const char *subject;
	}			outcomes[] = {
		{PKCS11_NONSENSE, KMS_PROTOCOL, ""},
		{PKCS11_BAD_REQUEST, KMS_PROTOCOL, ""},
		{PKCS11_NO_MODULE, KMS_CONFIG, "module_path"},
		{PKCS11_NO_TOKEN, KMS_UNAVAILABLE, "token_label"},
		{PKCS11_MANY_TOKENS, KMS_CONFIG, "token_serial"},
		{PKCS11_PIN_KNOWN_WRONG, KMS_CREDENTIAL, "pin_file"},
		{PKCS11_PIN_COUNTED, KMS_CREDENTIAL, "pin_file"},
		{PKCS11_PIN_LOCKED, KMS_CREDENTIAL, "pin_file"},
		{PKCS11_NO_KEY, KMS_DENIED, ""},
		{PKCS11_MANY_KEYS, KMS_CONFIG, "kek"},
		{PKCS11_NOT_OPEN, KMS_UNAVAILABLE, ""},
		{PKCS11_PIN_UNCLEAR, KMS_CREDENTIAL, "pin_file"},
	};
	uint8		wrapped[62] = {1, PKCS11_AES_GCM};
	KmsError	error;
	bool		ok = lengthof(outcomes) + 2 == PKCS11_OUTCOMES;

	for (int i = 0; i < lengthof(outcomes); i++)
	{
		Pkcs11Reply said = {.outcome = outcomes[i].outcome};

		TAP_EACH(ok, !read_reply(plain, KMS_UNWRAP, bytes_of(wrapped, sizeof(wrapped)), framed(&said), &error) &&
				 is_of_class(&error, outcomes[i].class, outcomes[i].subject),
				 "outcome %d: %s", outcomes[i].outcome, error.detail);
	}
	tap_ok(ok, "pkcs11: each outcome has its class");
}

static void
test_no_answer(void)
{
	static const struct
	{
		KmsFailure	failure;
		KmsStatus	class;
		const char *subject;
	}			failures[] = {
		{KMS_UNREACHABLE, KMS_UNAVAILABLE, ""},
		{KMS_BAD_REPLY, KMS_PROTOCOL, ""},
		{KMS_LOCAL_FAILURE, KMS_CREDENTIAL, ""},
		{KMS_FORBIDDEN_ADDRESS, KMS_CONFIG, "module_path"},
	};
	Bytes		key = bytes_of(test_data_key, DATA_KEY_LEN);
	Pkcs11Reply done = {
		.outcome = PKCS11_DONE,.iv = bytes_of(scratch, PKCS11_IV_LEN),.out = bytes_of(sealed, 48)
	};
	Pkcs11Reply refused = {.outcome = PKCS11_REFUSED,.rv = 5,.out = bytes_of(sealed, 1)};
	KmsReply   *reply;
	Size		whole;
	KmsError	error;
	bool		ok = true;

	for (int i = 0; i < lengthof(failures); i++)
	{
		reply = framed(&done);
		reply->failure = failures[i].failure;
		strlcpy(reply->failure_text, "words", sizeof(reply->failure_text));
		TAP_EACH(ok, !read_reply(plain, KMS_WRAP, key, reply, &error) &&
				 error.status == failures[i].class && strcmp(error.subject, failures[i].subject) == 0,
				 "failure %d: %s", failures[i].failure, error.detail);
	}
	tap_ok(ok, "pkcs11: without an answer there is none");

	reply = framed(&done);
	whole = reply->body_len;
	for (reply->body_len = 0; reply->body_len < whole; reply->body_len++)
		TAP_EACH(ok, !read_reply(plain, KMS_WRAP, key, reply, &error) && error.status == KMS_PROTOCOL,
				 "%zu bytes", reply->body_len);
	for (Size i = 0; i < PKCS11_HEADER_LEN + 2; i++)
	{
		reply = framed(&done);
		reply->body[i] ^= 0x40;
		TAP_EACH(ok, !read_reply(plain, KMS_WRAP, key, reply, &error) && error.status == KMS_PROTOCOL,
				 "byte %zu", i);
	}
	TAP_EACH(ok, !read_reply(plain, KMS_WRAP, key, framed(&refused), &error) &&
			 error.status == KMS_PROTOCOL, "a refusal with a key in it");
	tap_ok(ok, "pkcs11: an answer that is damaged is none");
}
