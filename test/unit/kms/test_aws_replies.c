/*-------------------------------------------------------------------------
 *
 * test_aws_replies.c
 *	  Replies of AWS KMS that are what was asked for, or should be.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#define KEK		"arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
#define OTHER	"arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ac"
#define PLAIN	"AAECAwQFBgcICQoLDA0OD/Dx8vP09fb3+Pn6+/z9/v8="

static const char *const options[] = {
	"provider", "aws", "region", "eu-central-1", "auth_method", "imds", NULL
};

static const KmsContext context = {
	.tenant = "acme",
	.key_id = (const uint8 *) "\1\2\3\4\5\6\7\10",
	.purpose = "data",
	.kek = KEK,
};

static uint8 out[KMS_WRAPPED_MAX];
static Size out_len;
static KmsError error;

static void test_unwrapped(void);
static void test_wrapped(void);
static void test_rewrapped(void);
static void test_other_keys(void);
static void test_no_reply(void);

void
test_aws_replies(void)
{
	test_unwrapped();
	test_wrapped();
	test_rewrapped();
	test_other_keys();
	test_no_reply();
}

static bool
read_reply(KmsOperation operation, const KmsReply *reply)
{
	KmsAsked	asked = {.operation = operation,.context = &context};

	memset(out, 'z', sizeof(out));
	memset(&error, 'z', sizeof(error));
	out_len = 99;
	return kms_aws.remote->read(server_of(options), &asked, reply, out, &out_len, &error);
}

static bool
refuses(KmsOperation operation, const char *body)
{
	static const uint8 zero[DATA_KEY_LEN];

	return !read_reply(operation, reply_of(200, body)) && error.status == KMS_PROTOCOL &&
		strstr(error.detail, "AAEC") == NULL &&
		(operation != KMS_UNWRAP || memcmp(out, zero, DATA_KEY_LEN) == 0);
}

static void
test_unwrapped(void)
{
	static const char *const bad[] = {
		"", "<html>", "{}", "[]", "\x01",
		"{\"KeyId\":\"" KEK "\"}",
		"{\"Plaintext\":\"" PLAIN "\"}",
		"{\"KeyId\":\"" KEK "\",\"Plaintext\":\"\"}",
		"{\"KeyId\":\"" KEK "\",\"Plaintext\":null}",
		"{\"KeyId\":\"" KEK "\",\"Plaintext\":[\"" PLAIN "\"]}",
		"{\"KeyId\":\"" KEK "\",\"Plaintext\":\"AAECAwQFBgcICQoLDA0ODw==\"}",
		"{\"KeyId\":\"" KEK "\",\"Plaintext\":\"AAECAwQFBgcICQoLDA0OD/Dx8vP09fb3+Pn6+/z9/v8A\"}",
		"{\"KeyId\":\"" KEK "\",\"Plaintext\":\"AAECAwQFBgcICQoLDA0OD/Dx8vP09fb3+Pn6+/z9/v9=\"}",
		"{\"KeyId\":\"" KEK "\",\"Plaintext\":\"AAECAwQFBgcICQoLDA0OD/Dx8vP09fb3+Pn6+/z9/v8\"}",
		"{\"KeyId\":\"" KEK "\",\"Plaintext\":\"AAECAwQFBgcICQoLDA0OD_Dx8vP09fb3-Pn6-_z9_v8=\"}",
		"{\"KeyId\":\"" KEK "\",\"Plaintext\":\"" PLAIN "\",\"Plaintext\":\"" PLAIN "\"}",
		"{\"KeyId\":\"" KEK "\",\"Plaintext\":\"" PLAIN "\"",
		"{\"KeyId\":\"" KEK "\",\"Plaintext\":\"" PLAIN "\",\"SourceKeyId\":\"" KEK "\"}",
	};
	bool		ok = true;

	tap_ok(read_reply(KMS_UNWRAP, reply_of(200, "{\"KeyId\":\"" KEK "\",\"Plaintext\":\"" PLAIN "\","
										   "\"EncryptionAlgorithm\":\"SYMMETRIC_DEFAULT\"}")) &&
		   out_len == DATA_KEY_LEN && memcmp(out, test_data_key, DATA_KEY_LEN) == 0,
		   "aws: a data key is taken");
	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, refuses(KMS_UNWRAP, bad[i]), "%s: %s", bad[i], error.detail);
	TAP_EACH(ok, !read_reply(KMS_UNWRAP, reply_of(201, "{\"KeyId\":\"" KEK "\",\"Plaintext\":\"" PLAIN "\"}")),
			 "status 201");
	tap_ok(ok, "aws: what is no data key is refused and wiped");
}

/* A reply to Encrypt with so many bytes of a CiphertextBlob. */
static const KmsReply *
wrapped_reply(Size n)
{
	static char body[8192];
	Size		groups = n / 3;
	char	   *at = body + strlcpy(body, "{\"KeyId\":\"" KEK "\",\"CiphertextBlob\":\"", sizeof(body));

	memset(at, '/', 4 * groups);
	strcpy(at + 4 * groups, n % 3 == 0 ? "" : n % 3 == 1 ? "/w==" : "//8=");
	strcat(at, "\"}");
	return reply_of(200, body);
}

static void
test_wrapped(void)
{
	bool		ok = true;

	TAP_EACH(ok, read_reply(KMS_WRAP, wrapped_reply(184)) && out_len == 184 && out[183] == 0xff, "184");
	TAP_EACH(ok, read_reply(KMS_WRAP, wrapped_reply(1)) && out_len == 1, "1");
	TAP_EACH(ok, read_reply(KMS_WRAP, wrapped_reply(KMS_WRAPPED_MAX)) && out_len == KMS_WRAPPED_MAX,
			 "the longest");
	tap_ok(ok, "aws: a wrapped key is taken as it is");

	TAP_EACH(ok, !read_reply(KMS_WRAP, wrapped_reply(KMS_WRAPPED_MAX + 1)) && error.status == KMS_PROTOCOL,
			 "a longer one");
	TAP_EACH(ok, refuses(KMS_WRAP, "{\"KeyId\":\"" KEK "\",\"CiphertextBlob\":\"\"}"), "none");
	TAP_EACH(ok, refuses(KMS_WRAP, "{\"KeyId\":\"" KEK "\",\"CiphertextBlob\":\"?\"}"), "not base64");
	TAP_EACH(ok, refuses(KMS_WRAP, "{\"KeyId\":\"" KEK "\"}"), "missing");
	tap_ok(ok, "aws: what is no wrapped key is refused");
}

#define BLOB ",\"CiphertextBlob\":\"AAEC\"}"

static void
test_rewrapped(void)
{
	tap_ok(read_reply(KMS_REWRAP, reply_of(200, "{\"KeyId\":\"" KEK "\",\"SourceKeyId\":\"" KEK "\"" BLOB)) &&
		   out_len == 3 && memcmp(out, "\0\1\2", 3) == 0 &&
		   refuses(KMS_REWRAP, "{\"KeyId\":\"" KEK "\"" BLOB) &&
		   refuses(KMS_REWRAP, "{\"KeyId\":\"" OTHER "\",\"SourceKeyId\":\"" KEK "\"" BLOB) &&
		   refuses(KMS_REWRAP, "{\"KeyId\":\"" KEK "\",\"SourceKeyId\":\"" OTHER "\"" BLOB),
		   "aws: a key wrapped anew is one of the same key before and after");
}

/* Whoever may use two keys must not be given one for the other. */
static void
test_other_keys(void)
{
	static const char *const others[] = {
		OTHER, "1234abcd-12ab-34cd-56ef-1234567890ab", "alias/acme", "", KEK "x",
		"arn:aws:kms:eu-central-1:111122223333:key/1234ABCD-12ab-34cd-56ef-1234567890ab"
	};
	char		body[512];
	bool		ok = true;

	for (int i = 0; i < lengthof(others); i++)
	{
		snprintf(body, sizeof(body), "{\"KeyId\":\"%s\",\"Plaintext\":\"" PLAIN "\"}", others[i]);
		TAP_EACH(ok, refuses(KMS_UNWRAP, body), "%s", others[i]);
		snprintf(body, sizeof(body), "{\"KeyId\":\"%s\"" BLOB, others[i]);
		TAP_EACH(ok, refuses(KMS_WRAP, body), "%s", others[i]);
	}
	tap_ok(ok, "aws: a reply about another key is refused");
}

static void
test_no_reply(void)
{
	KmsReply   *reply = reply_of(200, "{\"KeyId\":\"" KEK "\",\"Plaintext\":\"" PLAIN "\"}");
	bool		ok;

	reply->failure = KMS_UNTRUSTED;
	ok = !read_reply(KMS_UNWRAP, reply) && error.status == KMS_UNAVAILABLE;
	reply->failure = KMS_REPLIED;
	reply->status = 307;
	tap_ok(ok && !read_reply(KMS_UNWRAP, reply) && error.status == KMS_PROTOCOL,
		   "aws: a reply of somebody else is not looked at");
}
