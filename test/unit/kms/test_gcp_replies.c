/*-------------------------------------------------------------------------
 *
 * test_gcp_replies.c
 *	  Replies of Cloud KMS that are what was asked for, or should be.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include "gcp_tap.h"

#define CRC_OF_2048_ZEROS "2760475471"

static void test_unwrapped(void);
static void test_wrapped(void);
static void test_damaged(void);
static void test_longest(void);
static void test_no_reply(void);

void
test_gcp_replies(void)
{
	test_unwrapped();
	test_wrapped();
	test_damaged();
	test_longest();
	test_no_reply();
}

static uint8 out[KMS_WRAPPED_MAX + 1];
static Size out_len;
static KmsError error;

static bool
read_reply(KmsOperation operation, const KmsReply *reply)
{
	static const char *const options[] = {GCP_MACHINE, NULL};
	KmsContext	context = test_context;
	KmsAsked	asked = {.operation = operation,.context = &context};

	context.kek = GCP_KEK;
	memset(out, 'z', sizeof(out));
	memset(&error, 'z', sizeof(error));
	return kms_gcp.remote->read(server_of(options), &asked, reply, out, &out_len, &error);
}

static bool
says(KmsStatus status)
{
	return error.status == status && error.subject[0] == '\0' && error.retry_after_ms == 0 &&
		strlen(error.detail) > 0;
}

static bool
key_is_wiped(void)
{
	for (int i = 0; i < DATA_KEY_LEN; i++)
	{
		if (out[i] != 0)
			return false;
	}
	return out[DATA_KEY_LEN] == 'z';
}

static void
test_unwrapped(void)
{
	static const char reply[] =
		"{\n  \"plaintext\": \"" GCP_KEY "\",\n  \"plaintextCrc32c\": \"" GCP_KEY_CRC "\",\n"
		"  \"usedPrimary\": true,\n  \"protectionLevel\": \"HSM\"\n}\n";
	static const char *const bad[] = {
		"", "{}", "null", "<html>",
		"{\"plaintext\":\"" GCP_KEY "\"}",
		"{\"plaintextCrc32c\":\"" GCP_KEY_CRC "\"}",
		"{\"plaintext\":null,\"plaintextCrc32c\":\"0\"}",
		"{\"plaintext\":\"\",\"plaintextCrc32c\":\"0\"}",
		"{\"plaintext\":\"AAECAwQFBgcICQoLDA0OD/Dx8vP09fb3+Pn6+/z9/g==\",\"plaintextCrc32c\":\"3620113235\"}",
		"{\"plaintext\":\"AAECAwQFBgcICQoLDA0OD/Dx8vP09fb3+Pn6+/z9/v8A\",\"plaintextCrc32c\":\"3184036808\"}",
		"{\"plaintext\":\"AAECAwQFBgcICQoLDA0OD_Dx8vP09fb3-Pn6-_z9_v8=\",\"plaintextCrc32c\":\"" GCP_KEY_CRC "\"}",
		"{\"data\":{\"plaintext\":\"" GCP_KEY "\",\"plaintextCrc32c\":\"" GCP_KEY_CRC "\"}}",
		"{\"plaintext\":\"" GCP_KEY "\",\"plaintextCrc32c\":\"" GCP_KEY_CRC "\",\"plaintext\":\"\"}",
		"{\"plaintext\":\"" GCP_KEY "\",\"plaintextCrc32c\":\"3181572012000000000\"}",
		"{\"plaintext\":\"" GCP_KEY "\",\"plaintextCrc32c\":\"" GCP_KEY_CRC "\"",
	};
	bool		ok = true;

	tap_ok(read_reply(KMS_UNWRAP, reply_of(200, reply)) && out_len == DATA_KEY_LEN &&
		   memcmp(out, test_data_key, DATA_KEY_LEN) == 0 && out[DATA_KEY_LEN] == 'z',
		   "gcp: a data key is read");
	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, !read_reply(KMS_UNWRAP, reply_of(200, bad[i])) && says(KMS_PROTOCOL) &&
				 key_is_wiped(), "%s", bad[i]);
	tap_ok(ok, "gcp: what is no data key of 32 bytes is refused, with nothing left behind");

	ok = true;
	for (int status = 201; status < 300; status++)
		TAP_EACH(ok, !read_reply(KMS_UNWRAP, reply_of(status, reply)) && says(KMS_PROTOCOL),
				 "status %d", status);
	tap_ok(ok, "gcp: another success than 200 is none");
}

#define VERIFIED "\"verifiedPlaintextCrc32c\":true,\"verifiedAdditionalAuthenticatedDataCrc32c\":true"
#define CIPHER	"\"ciphertext\":\"" GCP_WRAPPED "\",\"ciphertextCrc32c\":\"" GCP_WRAPPED_CRC "\""
#define NAME(name) "\"name\":\"" name "\""
#define VERSION NAME(GCP_KEK "/cryptoKeyVersions/3")

static void
test_wrapped(void)
{
	static const char reply[] = "{" VERSION "," CIPHER "," VERIFIED ",\"protectionLevel\":\"SOFTWARE\"}";
	static const char *const bad[] = {
		"", "{}", "[]",
		"{" CIPHER "," VERIFIED "}",
		"{" VERSION "," VERIFIED "}",
		"{" VERSION ",\"ciphertext\":\"" GCP_WRAPPED "\"," VERIFIED "}",
		"{" VERSION ",\"ciphertext\":\"\",\"ciphertextCrc32c\":\"0\"," VERIFIED "}",
		"{" VERSION ",\"ciphertext\":\"%%%\",\"ciphertextCrc32c\":\"0\"," VERIFIED "}",
		/* another key; no version; more than one */
		"{" NAME("projects/evil/locations/europe-west3/keyRings/saas/cryptoKeys/chat/cryptoKeyVersions/3") ","
		CIPHER "," VERIFIED "}",
		"{" NAME(GCP_KEK "2/cryptoKeyVersions/3") "," CIPHER "," VERIFIED "}",
		"{" NAME(GCP_KEK) "," CIPHER "," VERIFIED "}",
		"{" NAME(GCP_KEK "/cryptoKeyVersions/") "," CIPHER "," VERIFIED "}",
		"{" NAME(GCP_KEK "/cryptoKeyVersions/x") "," CIPHER "," VERIFIED "}",
		"{" NAME(GCP_KEK "/cryptoKeyVersions/3/x") "," CIPHER "," VERIFIED "}",
		"{" NAME(GCP_KEK "/cryptoKeyVersions/1234567890") "," CIPHER "," VERIFIED "}",
		"{" NAME("") "," CIPHER "," VERIFIED "}",
		"{" VERSION "," VERSION "," CIPHER "," VERIFIED "}",
	};
	bool		ok = true;

	tap_ok(read_reply(KMS_WRAP, reply_of(200, reply)) &&
		   bytes_equal(bytes_of(out, out_len), bytes_of_string(GCP_WRAPPED_BYTES)),
		   "gcp: a wrapped key is read");
	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, !read_reply(KMS_WRAP, reply_of(200, bad[i])) && says(KMS_PROTOCOL), "%s", bad[i]);
	tap_ok(ok, "gcp: nothing else is taken for one, least of all one of another key");
}

/* Sums that are not right: what came is not used, and it is asked again. */
static void
test_damaged(void)
{
	static const char *const keys[] = {
		"{\"plaintext\":\"" GCP_KEY "\",\"plaintextCrc32c\":\"3181572013\"}",
		"{\"plaintext\":\"" GCP_KEY "\",\"plaintextCrc32c\":\"03181572012\"}",
		"{\"plaintext\":\"" GCP_KEY "\",\"plaintextCrc32c\":\"\"}",
		"{\"plaintext\":\"BAECAwQFBgcICQoLDA0OD/Dx8vP09fb3+Pn6+/z9/v8=\",\"plaintextCrc32c\":\"" GCP_KEY_CRC "\"}",
	};
	static const char *const wrapped[] = {
		"{" VERSION ",\"ciphertext\":\"" GCP_WRAPPED "\",\"ciphertextCrc32c\":\"1\"," VERIFIED "}",
		"{" VERSION "," CIPHER "}",
		"{" VERSION "," CIPHER ",\"verifiedPlaintextCrc32c\":true}",
		"{" VERSION "," CIPHER ",\"verifiedAdditionalAuthenticatedDataCrc32c\":true}",
		"{" VERSION "," CIPHER ",\"verifiedPlaintextCrc32c\":false,"
		"\"verifiedAdditionalAuthenticatedDataCrc32c\":true}",
		"{" VERSION "," CIPHER ",\"verifiedPlaintextCrc32c\":true,"
		"\"verifiedAdditionalAuthenticatedDataCrc32c\":false}",
	};
	bool		ok = true;

	for (int i = 0; i < lengthof(keys); i++)
		TAP_EACH(ok, !read_reply(KMS_UNWRAP, reply_of(200, keys[i])) && says(KMS_UNAVAILABLE) &&
				 key_is_wiped(), "%s", keys[i]);
	for (int i = 0; i < lengthof(wrapped); i++)
		TAP_EACH(ok, !read_reply(KMS_WRAP, reply_of(200, wrapped[i])) && says(KMS_UNAVAILABLE), "%s",
				 wrapped[i]);
	tap_ok(ok, "gcp: what was damaged on the way is not used, and can be asked again");
}

static void
test_longest(void)
{
	static char reply[8192];
	static char zeros[4096];

	memset(zeros, 'A', sizeof(zeros));
	snprintf(reply, sizeof(reply), "{" VERSION "," VERIFIED ",\"ciphertext\":\"%.2730sA=\","
			 "\"ciphertextCrc32c\":\"" CRC_OF_2048_ZEROS "\"}", zeros);
	tap_ok(read_reply(KMS_WRAP, reply_of(200, reply)) && out_len == KMS_WRAPPED_MAX &&
		   out[KMS_WRAPPED_MAX] == 'z', "gcp: the longest wrapped key fits");
	snprintf(reply, sizeof(reply), "{" VERSION "," VERIFIED ",\"ciphertext\":\"%.2732s\","
			 "\"ciphertextCrc32c\":\"0\"}", zeros);
	tap_ok(!read_reply(KMS_WRAP, reply_of(200, reply)) && says(KMS_PROTOCOL) &&
		   out[KMS_WRAPPED_MAX] == 'z', "gcp: a longer one is none");
}

static void
test_no_reply(void)
{
	static const struct
	{
		KmsFailure	failure;
		KmsStatus	status;
	}			failures[] = {
		{KMS_UNREACHABLE, KMS_UNAVAILABLE},
		{KMS_UNTRUSTED, KMS_UNAVAILABLE},
		{KMS_FORBIDDEN_ADDRESS, KMS_CONFIG},
		{KMS_BAD_REPLY, KMS_PROTOCOL},
		{KMS_LOCAL_FAILURE, KMS_CREDENTIAL},
	};
	bool		ok = true;

	for (int i = 0; i < lengthof(failures); i++)
	{
		/* a body that was left there does not count */
		KmsReply   *reply = reply_of(200, "{\"plaintext\":\"" GCP_KEY "\",\"plaintextCrc32c\":\""
									 GCP_KEY_CRC "\"}");

		reply->failure = failures[i].failure;
		TAP_EACH(ok, !read_reply(KMS_UNWRAP, reply) && error.status == failures[i].status &&
				 !read_reply(KMS_WRAP, reply) && error.status == failures[i].status,
				 "failure %d", failures[i].failure);
	}
	for (int status = 300; status < 400; status++)
		TAP_EACH(ok, !read_reply(KMS_UNWRAP, reply_of(status, "")) && says(KMS_PROTOCOL),
				 "status %d", status);
	tap_ok(ok, "gcp: without an answer it has not been asked");
}
