/*-------------------------------------------------------------------------
 *
 * test_azure_replies.c
 *	  Replies of a vault that are what was asked for, or should be.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include <sodium.h>

#include "kms/kms_inner_key.h"

#define METHOD	"auth_method", "managed_identity", NULL
#define VERSION "0123456789abcdef0123456789abcdef"
#define KID		"https://acme.vault.azure.net/keys/saas-chat/" VERSION
#define HSM_KID "https://acme.managedhsm.azure.net/keys/saas-chat/" VERSION
#define KEY		"AAECAwQFBgcICQoLDA0OD_Dx8vP09fb3-Pn6-_z9_v8"

static const char *const vault[] = {"provider", "azure", "address", "https://acme.vault.azure.net", METHOD};
static const char *const hsm[] = {
	"provider", "azure", "address", "https://acme.managedhsm.azure.net", "algorithm", "a256gcm", METHOD
};

static uint8 scratch[KMS_SCRATCH_LEN];
static uint8 out[KMS_WRAPPED_MAX];
static Size out_len;
static KmsError error;

static void test_rsa(void);
static void test_rsa_bad(void);
static void test_kids(void);
static void test_aes(void);

void
test_azure_replies(void)
{
	test_rsa();
	test_rsa_bad();
	test_kids();
	test_aes();
}

static bool
read_reply(const char *const *options, KmsOperation operation, Bytes in, const char *body)
{
	KmsAsked	asked = {.operation = operation,.context = &test_context,.in = in,.scratch = scratch};

	memset(out, 'z', sizeof(out));
	memset(&error, 'z', sizeof(error));
	out_len = 99;
	return kms_azure.remote->read(server_of(options), &asked, reply_of(200, body), out, &out_len,
								  &error);
}

/* {"kid":..,"value":..} with so many bytes of value. */
static const char *
wrapped_reply(const char *kid, Size len)
{
	static char body[4096];
	uint8		bytes[1024];
	char		text[2048];

	memset(bytes, 7, sizeof(bytes));
	sodium_bin2base64(text, sizeof(text), bytes, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	snprintf(body, sizeof(body), "{\"kid\":\"%s\",\"value\":\"%s\"}", kid, text);
	return body;
}

/* Wraps the data key; the inner key is test_data_key. */
static bool
wrap(Size ciphertext_len)
{
	memcpy(scratch, test_data_key, KMS_INNER_KEY_LEN);
	return read_reply(vault, KMS_WRAP, bytes_of(test_data_key, DATA_KEY_LEN),
					  wrapped_reply(KID, ciphertext_len));
}

static bool
says(KmsStatus status)
{
	return error.status == status && error.subject[0] == '\0' && error.detail[0] != '\0';
}

static void
test_rsa(void)
{
	static const Size lengths[] = {256, 384, 512};
	static const Size bad_lengths[] = {0, 1, 32, 255, 257, 511, 513, 1024};
	uint8		wrapped[KMS_WRAPPED_MAX];
	KmsInnerBlob blob;
	bool		ok = true;

	for (int i = 0; i < lengthof(lengths); i++)
		TAP_EACH(ok, wrap(lengths[i]) && kms_inner_parse(bytes_of(out, out_len), &blob, &error) &&
				 bytes_equal(blob.header, bytes_of_string(VERSION)) &&
				 blob.ciphertext.len == lengths[i], "length %d", (int) lengths[i]);
	tap_ok(ok, "azure: what a key of RSA wrapped is stored with its version");
	ok = true;
	for (int i = 0; i < lengthof(bad_lengths); i++)
		TAP_EACH(ok, !wrap(bad_lengths[i]) && says(KMS_PROTOCOL), "length %d", (int) bad_lengths[i]);
	tap_ok(ok, "azure: what is no ciphertext of RSA is refused");

	wrap(256);
	memcpy(wrapped, out, out_len);
	tap_ok(read_reply(vault, KMS_UNWRAP, bytes_of(wrapped, out_len),
					  "{\"kid\":\"" KID "\",\"value\":\"" KEY "\"}") &&
		   out_len == DATA_KEY_LEN && memcmp(out, test_data_key, DATA_KEY_LEN) == 0,
		   "azure: the inner key that it unwrapped opens the data key");
}

static void
test_rsa_bad(void)
{
	static const struct
	{
		KmsStatus	means;
		const char *body;
	}			bad[] = {
		{KMS_PROTOCOL, ""},
		{KMS_PROTOCOL, "{}"},
		{KMS_PROTOCOL, "<html>"},
		{KMS_PROTOCOL, "{\"value\":\"" KEY "\"}"},
		{KMS_PROTOCOL, "{\"kid\":\"" KID "\"}"},
		{KMS_PROTOCOL, "{\"kid\":\"" KID "\",\"value\":\"\"}"},
		{KMS_PROTOCOL, "{\"kid\":\"" KID "\",\"value\":\"" KEY "=\"}"},
		{KMS_PROTOCOL, "{\"kid\":\"" KID "\",\"value\":\"AAECAwQFBgcICQoLDA0ODw\"}"},
		{KMS_PROTOCOL, "{\"kid\":\"" KID "\",\"value\":\"" KEY "AA\"}"},
		{KMS_PROTOCOL, "{\"kid\":\"" KID "\",\"value\":\"AAECAwQFBgcICQoLDA0OD/Dx8vP09fb3+Pn6+/z9/v8\"}"},
		{KMS_PROTOCOL, "{\"kid\":\"" KID "\",\"value\":\"" KEY "\",\"value\":\"" KEY "\"}"},
		{KMS_PROTOCOL, "{\"kid\":\"https://acme.vault.azure.net/keys/saas-chat/"
		"0123456789abcdef0123456789abcdee\",\"value\":\"" KEY "\"}"},
		{KMS_BAD_CIPHERTEXT, "{\"kid\":\"" KID "\",\"value\":\"AAECAwQFBgcICQoLDA0OD_Dx8vP09fb3-Pn6-_z9_vw\"}"},
	};
	uint8		wrapped[KMS_WRAPPED_MAX];
	Size		len;
	bool		ok = wrap(256);

	len = out_len;
	memcpy(wrapped, out, len);
	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, !read_reply(vault, KMS_UNWRAP, bytes_of(wrapped, len), bad[i].body) &&
				 says(bad[i].means) && memmem(out, sizeof(out), test_data_key, 16) == NULL,
				 "%d: %s", error.status, bad[i].body);
	tap_ok(ok, "azure: what is no key of that version, or another one, opens nothing");
}

static void
test_kids(void)
{
	static const char *const with_port[] = {
		"provider", "azure", "address", "https://kms.example:8443", "resource", "https://r.example", METHOD
	};
	static const struct
	{
		bool		good;
		const char *kid;
	}			cases[] = {
		{true, "https://kms.example:8443/keys/saas-chat/" VERSION},
		{true, "https://kms.example/keys/saas-chat/" VERSION},
		{true, "https://KMS.example/keys/SaaS-Chat/" VERSION},
		{false, ""},
		{false, "https://kms.example"},
		{false, VERSION},
		{false, "https://kms.example:8444/keys/saas-chat/" VERSION},
		{false, "https://kms.example:84433/keys/saas-chat/" VERSION},
		{false, "https://kms.example.evil/keys/saas-chat/" VERSION},
		{false, "https://kms.exampl/keys/saas-chat/" VERSION},
		{false, "http://kms.example/keys/saas-chat/" VERSION},
		{false, "https://other.example/keys/saas-chat/" VERSION},
		{false, "https://kmt.example/keys/saas-chat/" VERSION},
		{false, "https://kmt.example:8443/keys/saas-chat/" VERSION},
		{false, "https://kms.example/keys/saas-cha/" VERSION},
		{false, "https://kms.example/keys/saas-chat2/" VERSION},
		{false, "https://kms.example/secrets/saas-chat/" VERSION},
		{false, "https://kms.example/keys/saas-chat"},
		{false, "https://kms.example/keys/saas-chat/"},
		{false, "https://kms.example/keys/saas-chat/" VERSION "/"},
		{false, "https://kms.example/keys/saas-chat/0123456789ABCDEF0123456789ABCDEF"},
		{false, "https://kms.example/keys/saas-chat/0123456789abcdef0123456789abcde"},
		{false, "https://kms.example/keys/saas-chat//" VERSION},
		{false, "https://kms.example/keys/saas-chat/0123456789abcdef0123456789abcde\\u0001"},
	};
	bool		ok = true;

	for (int i = 0; i < lengthof(cases); i++)
		TAP_EACH(ok, read_reply(with_port, KMS_WRAP, bytes_of(test_data_key, DATA_KEY_LEN),
								wrapped_reply(cases[i].kid, 256)) == cases[i].good &&
				 (cases[i].good || says(KMS_PROTOCOL)), "%s", cases[i].kid);
	tap_ok(ok, "azure: only the key that was asked for counts, in a version that can be asked for again");
}

static void
test_aes(void)
{
#define IV	"\"iv\":\"AAECAwQFBgcICQoL\""
#define TAG "\"tag\":\"AAECAwQFBgcICQoLDA0ODw\""
#define PARTS "\"kid\":\"" HSM_KID "\",\"value\":\"" KEY "\""
	static const char wrapped[] = "\2" VERSION "\0\1\2\3\4\5\6\7\10\11\12\13"
		"\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17"
		"\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17"
		"\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff";
	static const char *const bad[] = {
		"", "{}", "{" PARTS "}", "{" PARTS "," IV "}", "{" PARTS "," TAG "}",
		"{" PARTS "," IV ",\"tag\":\"AAECAwQFBgcICQoLDA0O\"}",
		"{" PARTS "," IV ",\"tag\":\"AAECAwQFBgcICQoLDA0ODxA\"}",
		"{" PARTS ",\"iv\":\"AAECAwQFBgcICQo\"," TAG "}",
		"{" PARTS ",\"iv\":\"AAECAwQFBgcICQoLDA\"," TAG "}",
		"{\"kid\":\"" HSM_KID "\",\"value\":\"AAECAwQFBgcICQoLDA0ODw\"," IV "," TAG "}",
		"{\"kid\":\"" KID "\",\"value\":\"" KEY "\"," IV "," TAG "}",
	};
	static const char *const bad_keys[] = {
		"", "{}", "{\"kid\":\"" HSM_KID "\",\"value\":\"AAECAwQFBgcICQoLDA0ODw\"}",
		"{\"kid\":\"" HSM_KID "\",\"value\":\"" KEY "AA\"}",
		"{\"kid\":\"https://acme.managedhsm.azure.net/keys/saas-chat/"
		"0123456789abcdef0123456789abcdee\",\"value\":\"" KEY "\"}",
	};
	Bytes		key = bytes_of(test_data_key, DATA_KEY_LEN);
	bool		ok = true;

	tap_ok(read_reply(hsm, KMS_WRAP, key, "{" PARTS "," IV "," TAG "}") &&
		   bytes_equal(bytes_of(out, out_len), bytes_of(wrapped, sizeof(wrapped) - 1)),
		   "azure: what a Managed HSM encrypted is stored with version, nonce and tag");
	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, !read_reply(hsm, KMS_WRAP, key, bad[i]) && says(KMS_PROTOCOL), "%s", bad[i]);
	tap_ok(ok, "azure: a part that is missing or of another length is none");

	tap_ok(read_reply(hsm, KMS_UNWRAP, bytes_of(wrapped, sizeof(wrapped) - 1), "{" PARTS "}") &&
		   out_len == DATA_KEY_LEN && memcmp(out, test_data_key, DATA_KEY_LEN) == 0,
		   "azure: what it decrypted is the data key");
	ok = true;
	for (int i = 0; i < lengthof(bad_keys); i++)
		TAP_EACH(ok, !read_reply(hsm, KMS_UNWRAP, bytes_of(wrapped, sizeof(wrapped) - 1), bad_keys[i]) &&
				 says(KMS_PROTOCOL) && out[0] == 'z', "%s", bad_keys[i]);
	tap_ok(ok, "azure: unless it is of another version or length");
}
