/*-------------------------------------------------------------------------
 *
 * test_vault_replies.c
 *	  Replies of Transit and of logins that are what was asked for, or should
 *	  be; and having none.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#define PATH		"/etc/kms/x"
#define VAULT		"provider", "vault", "address", "https://vault.example:8200"

#define PLAINTEXT	"AAECAwQFBgcICQoLDA0OD/Dx8vP09fb3+Pn6+/z9/v8="

static const char *const by_token[] = {VAULT, "auth_method", "token", "token_file", PATH, NULL};
static const char *const by_approle[] = {
	VAULT, "auth_method", "approle", "role_id", "r", "secret_id_file", PATH, NULL
};

static void test_unwrapped(void);
static void test_wrapped(void);
static void test_logged_in(void);
static void test_looked_up(void);
static void test_renewed(void);
static void test_logged_out(void);
static void test_no_reply(void);
static void test_details(void);

void
test_vault_replies(void)
{
	test_unwrapped();
	test_wrapped();
	test_logged_in();
	test_looked_up();
	test_renewed();
	test_logged_out();
	test_no_reply();
	test_details();
}

static uint8 out[KMS_WRAPPED_MAX];
static Size out_len;
static KmsError error;

static bool
read_reply(KmsOperation operation, const KmsReply *reply)
{
	memset(out, 'z', sizeof(out));
	memset(&error, 'z', sizeof(error));
	out_len = 99;
	return ask_read(&kms_vault, server_of(by_token), operation, reply, out, &out_len, &error);
}

static bool
says_protocol(void)
{
	return error.status == KMS_PROTOCOL && error.subject[0] == '\0' && error.retry_after_ms == 0 &&
		strlen(error.detail) > 0;
}

static void
test_unwrapped(void)
{
	/* as OpenBao 2.7.2 answers */
	static const char reply[] =
		"{\"request_id\":\"77cb818e-3506-f88b-c57c-b8dea7aaf269\",\"lease_id\":\"\","
		"\"renewable\":false,\"lease_duration\":0,\"data\":{\"plaintext\":\"" PLAINTEXT "\"},"
		"\"wrap_info\":null,\"warnings\":null,\"auth\":null}\n";
	static const char *const bad[] = {
		"", "{}", "null", "<html>", "{\"data\":null}", "{\"data\":{}}",
		"{\"data\":{\"plaintext\":null}}",
		"{\"data\":{\"plaintext\":\"\"}}",
		"{\"data\":{\"plaintext\":12345}}",
		"{\"plaintext\":\"" PLAINTEXT "\"}",
		"{\"data\":{\"plaintext\":\"AAECAwQFBgcICQoLDA0ODw==\"}}",
		"{\"data\":{\"plaintext\":\"AAECAwQFBgcICQoLDA0OD/Dx8vP09fb3+Pn6+/z9/g==\"}}",
		"{\"data\":{\"plaintext\":\"AAECAwQFBgcICQoLDA0OD/Dx8vP09fb3+Pn6+/z9/v8A\"}}",
		"{\"data\":{\"plaintext\":\"AAECAwQFBgcICQoLDA0OD/Dx8vP09fb3+Pn6+/z9/v8\"}}",
		"{\"data\":{\"plaintext\":\"AAECAwQFBgcICQoLDA0OD_Dx8vP09fb3-Pn6-_z9_v8=\"}}",
		"{\"data\":{\"plaintext\":\"" PLAINTEXT PLAINTEXT "\"}}",
		"{\"data\":{\"plaintext\":\"" PLAINTEXT "\",\"plaintext\":\"" PLAINTEXT "\"}}",
		"{\"data\":{\"plaintext\":\"" PLAINTEXT "\"},\"data\":{}}",
		"{\"data\":{\"plaintext\":\"" PLAINTEXT "\"}",
		"{\"data\":{\"ciphertext\":\"vault:v1:Zm9v\"}}",
	};
	bool		ok = true;

	tap_ok(read_reply(KMS_UNWRAP, reply_of(200, reply)) && out_len == DATA_KEY_LEN &&
		   memcmp(out, test_data_key, DATA_KEY_LEN) == 0 && out[DATA_KEY_LEN] == 'z',
		   "a data key is read");
	for (int i = 0; i < lengthof(bad); i++)
	{
		TAP_EACH(ok, !read_reply(KMS_UNWRAP, reply_of(200, bad[i])) && says_protocol(), "%s", bad[i]);
		for (int j = 0; j < DATA_KEY_LEN; j++)
			TAP_EACH(ok, out[j] == 0, "byte %d of %s", j, bad[i]);
		TAP_EACH(ok, out[DATA_KEY_LEN] == 'z', "byte behind the key, %s", bad[i]);
	}
	tap_ok(ok, "what is no data key of 32 bytes is refused, with nothing left behind");

	ok = true;
	for (int status = 201; status < 300; status++)
		TAP_EACH(ok, !read_reply(KMS_UNWRAP, reply_of(status, reply)) && says_protocol(),
				 "status %d", status);
	tap_ok(ok, "another success than 200 is none");
}

static void
test_wrapped(void)
{
	static const char reply[] =
		"{\"request_id\":\"71594718-36e5-ed56-dd2e-86b88d36e6a5\",\"lease_id\":\"\","
		"\"renewable\":false,\"lease_duration\":0,\"data\":{\"ciphertext\":"
		"\"vault:v1:yGavSalBEjbxWRFSGVmjVrSDrIdBD2bObXLSz/UHdU1ah8Hd3KMGKvF3C+vzr3ZApreS7YmyC4XZW0Fh\","
		"\"key_version\":1},\"wrap_info\":null,\"warnings\":null,\"auth\":null}\n";
	static const char wrapped[] =
		"vault:v1:yGavSalBEjbxWRFSGVmjVrSDrIdBD2bObXLSz/UHdU1ah8Hd3KMGKvF3C+vzr3ZApreS7YmyC4XZW0Fh";
	static const char *const bad[] = {
		"", "{}", "{\"data\":{}}", "{\"data\":{\"ciphertext\":null}}",
		"{\"data\":{\"ciphertext\":\"\"}}",
		"{\"data\":{\"ciphertext\":\"Zm9v\"}}",
		"{\"data\":{\"ciphertext\":\"vault:v0:Zm9v\"}}",
		"{\"data\":{\"ciphertext\":\"vault:v1:Zm9v \"}}",
		"{\"data\":{\"ciphertext\":\"vault:v1:Zm9\"}}",
		"{\"data\":{\"ciphertext\":\"vault:v1:Zm9v\\n\"}}",
		"{\"ciphertext\":\"vault:v1:Zm9v\"}",
		"{\"data\":{\"plaintext\":\"" PLAINTEXT "\"}}",
	};
	static char long_reply[KMS_WRAPPED_MAX + 64];
	bool		ok = true;

	for (KmsOperation operation = KMS_WRAP; operation <= KMS_REWRAP; operation += KMS_REWRAP - KMS_WRAP)
	{
		TAP_EACH(ok, read_reply(operation, reply_of(200, reply)) &&
				 bytes_equal(bytes_of(out, out_len), bytes_of_string(wrapped)),
				 "operation %d", operation);
		for (int i = 0; i < lengthof(bad); i++)
			TAP_EACH(ok, !read_reply(operation, reply_of(200, bad[i])) && says_protocol(), "%s", bad[i]);

		memset(long_reply, 'A', sizeof(long_reply));
		memcpy(long_reply, "{\"data\":{\"ciphertext\":\"vault:v1234:", 35);
		strcpy(long_reply + 23 + KMS_WRAPPED_MAX, "\"}}");
		TAP_EACH(ok, read_reply(operation, reply_of(200, long_reply)) && out_len == KMS_WRAPPED_MAX,
				 "the longest");
		memcpy(long_reply, "{\"data\":{\"ciphertext\":\"vault:v12345:", 36);
		strcpy(long_reply + 24 + KMS_WRAPPED_MAX, "\"}}");
		TAP_EACH(ok, !read_reply(operation, reply_of(200, long_reply)) && says_protocol(), "one too long");
	}
	tap_ok(ok, "a wrapped key is read, and nothing else taken for one");
}

static KmsToken token;

static bool
read_login(const char *const *options, KmsLogin step, const KmsReply *reply)
{
	static KmsCredential credential;
	KmsLoginAsked asked = {.step = step,.credential = &credential};

	strlcpy(credential.secret, "hvs.FILE", sizeof(credential.secret));
	memset(&error, 'z', sizeof(error));
	return kms_vault.remote->read_login(server_of(options), &asked, reply, &token,
										&error) == KMS_COMPLETE;
}

static bool
token_is(const char *text, uint32 lifetime_s, bool renewable)
{
	return strcmp(token.text, text) == 0 && token.lifetime_s == lifetime_s &&
		token.renewable == renewable;
}

static bool
token_is_wiped(void)
{
	static const KmsToken nothing;

	return memcmp(&token, &nothing, sizeof(token)) == 0;
}

#define AUTH(members) "{\"data\":null,\"auth\":{" members "}}"

static void
test_logged_in(void)
{
	static const char reply[] =
		"{\"request_id\":\"13c457bf-d4df-4f5a-2182-3a51b6e376cc\",\"lease_id\":\"\",\"renewable\":false,"
		"\"lease_duration\":0,\"data\":null,\"wrap_info\":null,\"warnings\":null,\"auth\":{"
		"\"client_token\":\"s.vJPSjJBKSGy8kfqjPqz15d2U.amcyWG\",\"accessor\":\"6BaB08Zk76I9z13eKLrEleNi\","
		"\"policies\":[\"default\",\"p\"],\"token_policies\":[\"default\",\"p\"],"
		"\"metadata\":{\"role_name\":\"r1\"},\"lease_duration\":1200,\"renewable\":true}}\n";
	static const char *const bad[] = {
		"", "{}", "{\"auth\":null}",
		AUTH("\"client_token\":\"\",\"lease_duration\":1"),
		AUTH("\"client_token\":null,\"lease_duration\":1"),
		AUTH("\"client_token\":\"s.a b\",\"lease_duration\":1"),
		AUTH("\"client_token\":\"s.a\\r\\nX-Evil: 1\",\"lease_duration\":1"),
		AUTH("\"client_token\":\"s.\xc3\xa9\",\"lease_duration\":1"),
		AUTH("\"client_token\":\"s.a\\u007f\",\"lease_duration\":1"),
		AUTH("\"client_token\":\"s.a\""),
		AUTH("\"client_token\":\"s.a\",\"lease_duration\":null"),
		AUTH("\"client_token\":\"s.a\",\"lease_duration\":-1"),
		AUTH("\"client_token\":\"s.a\",\"lease_duration\":1.5"),
		AUTH("\"client_token\":\"s.a\",\"lease_duration\":1e3"),
		AUTH("\"client_token\":\"s.a\",\"lease_duration\":\"\""),
		AUTH("\"client_token\":\"s.a\",\"lease_duration\":1000000000000000"),
		AUTH("\"client_token\":\"s.a\",\"client_token\":\"s.b\",\"lease_duration\":1"),
		"{\"client_token\":\"s.a\",\"lease_duration\":1}",
	};
	bool		ok = true;

	tap_ok(read_login(by_approle, KMS_LOGIN, reply_of(200, reply)) &&
		   token_is("s.vJPSjJBKSGy8kfqjPqz15d2U.amcyWG", 1200, true),
		   "the token of a login is read, and how long it lasts");
	tap_ok(read_login(by_approle, KMS_LOGIN,
					  reply_of(200, AUTH("\"client_token\":\"b.x\",\"lease_duration\":0"))) &&
		   token_is("b.x", 0, false) &&
		   read_login(by_approle, KMS_LOGIN,
					  reply_of(200, AUTH("\"client_token\":\"b.x\",\"lease_duration\":5,\"renewable\":false"))) &&
		   token_is("b.x", 5, false) &&
		   read_login(by_approle, KMS_LOGIN,
					  reply_of(200, AUTH("\"client_token\":\"b.x\",\"lease_duration\":99999999999"))) &&
		   token_is("b.x", PG_UINT32_MAX, false),
		   "a token that does not end, cannot be renewed, or lasts for ages is as well");
	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, !read_login(by_approle, KMS_LOGIN, reply_of(200, bad[i])) && says_protocol() &&
				 token_is_wiped(), "%s", bad[i]);
	tap_ok(ok, "what is no token is refused, with nothing left behind");
}

/* The token of a file. */
static void
test_looked_up(void)
{
	static const char *const bad[] = {
		"", "{}", "{\"data\":{}}", "{\"data\":{\"ttl\":null}}", "{\"data\":{\"ttl\":-5}}",
		"{\"data\":{\"ttl\":1,\"ttl\":2}}"
	};
	bool		ok = true;

	tap_ok(read_login(by_token, KMS_LOGIN,
					  reply_of(200, "{\"data\":{\"id\":\"hvs.OTHER\",\"ttl\":2764800,\"renewable\":true}}")) &&
		   token_is("hvs.FILE", 2764800, true),
		   "the token of a file stays what the file says, and how long it lasts is read");
	tap_ok(read_login(by_token, KMS_LOGIN, reply_of(200, "{\"data\":{\"ttl\":0}}")) &&
		   token_is("hvs.FILE", 0, false), "a root token does not end");
	tap_ok(read_login(by_token, KMS_LOGIN,
					  reply_of(403, "{\"errors\":[\"1 error occurred:\\n\\t* permission denied\\n\\n\"]}")) &&
		   token_is("hvs.FILE", 0, false),
		   "a token that may not be looked up is taken, for a key will show whether it is good");
	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, !read_login(by_token, KMS_LOGIN, reply_of(200, bad[i])) && says_protocol() &&
				 token_is_wiped(), "%s", bad[i]);
	TAP_EACH(ok, !read_login(by_token, KMS_LOGIN, reply_of(503, "")) && token_is_wiped() &&
			 error.status == KMS_UNAVAILABLE, "503");
	tap_ok(ok, "a look-up that fails gives no token");
}

static void
test_renewed(void)
{
	memset(&token, 0, sizeof(token));
	strlcpy(token.text, "hvs.OLD", sizeof(token.text));
	tap_ok(read_login(by_token, KMS_RENEW,
					  reply_of(200, AUTH("\"client_token\":\"hvs.OLD\",\"lease_duration\":60,\"renewable\":true"))) &&
		   token_is("hvs.OLD", 60, true) &&
		   read_login(by_approle, KMS_RENEW,
					  reply_of(200, AUTH("\"client_token\":\"s.x\",\"lease_duration\":60"))) &&
		   token_is("s.x", 60, false), "a renewed token is read");
	tap_ok(!read_login(by_token, KMS_RENEW, reply_of(200, "{}")) && says_protocol(),
		   "a renewal that says nothing is none");
}

static void
test_logged_out(void)
{
	tap_ok(read_login(by_approle, KMS_LOGOUT, reply_of(204, "")) &&
		   read_login(by_approle, KMS_LOGOUT, reply_of(200, "{}")) &&
		   !read_login(by_approle, KMS_LOGOUT, reply_of(403, "")) && error.status == KMS_DENIED &&
		   !read_login(by_approle, KMS_LOGOUT, reply_of(500, "")) && error.status == KMS_UNAVAILABLE,
		   "the end of a token is seen");
}

/* No answer is never a "no", whatever is asked. */
static void
test_no_reply(void)
{
	static const struct
	{
		KmsFailure failure;
		KmsStatus	status;
		const char *subject;
		const char *detail;
	}			failures[] = {
		{KMS_UNREACHABLE, KMS_UNAVAILABLE, "", "It could not be reached: words."},
		{KMS_UNTRUSTED, KMS_UNAVAILABLE, "", "Its certificate is not trusted: words."},
		{KMS_FORBIDDEN_ADDRESS, KMS_CONFIG, "address",
		"it leads to this machine, a link-local address or a metadata service, and bionic_crypt.allow_local_kms is off"},
		{KMS_BAD_REPLY, KMS_PROTOCOL, "", "Its reply cannot be read: words."},
		{KMS_LOCAL_FAILURE, KMS_CREDENTIAL, "", "It could not be asked: words."},
		{KMS_LOCAL_FAILURE + 1, KMS_PROTOCOL, "", "Its reply cannot be read: words."},
	};
	bool		ok = true;

	for (int i = 0; i < lengthof(failures); i++)
	{
		/* a body that was left there does not count */
		KmsReply  *reply = reply_of(200, "{\"data\":{\"plaintext\":\"" PLAINTEXT "\"}}");

		reply->failure = failures[i].failure;
		strcpy(reply->failure_text, "words");
		for (int what = 0; what < 6; what++)
		{
			bool		answer = what < 3 ? read_reply((KmsOperation) what, reply) :
				read_login(by_approle, (KmsLogin) (what - 3), reply);

			TAP_EACH(ok, !answer && error.status == failures[i].status &&
					 strcmp(error.subject, failures[i].subject) == 0 &&
					 strcmp(error.detail, failures[i].detail) == 0 && error.retry_after_ms == 0,
					 "failure %d of %d: %d, %s", i, what, error.status, error.detail);
		}
	}
	tap_ok(ok, "without an answer it has not been asked, and never has it denied");

	ok = true;
	for (int status = 300; status < 400; status++)
		TAP_EACH(ok, !read_reply(KMS_UNWRAP, reply_of(status, "")) && says_protocol() &&
				 strncmp(error.detail, "It answered with a redirect, which is not followed (", 52) == 0 &&
				 !read_login(by_token, KMS_LOGIN, reply_of(status, "")) && says_protocol(),
				 "status %d: %s", status, error.detail);
	tap_ok(ok, "a redirect is not followed, and said to be one");
}

static void
test_details(void)
{
	KmsReply  *reply = reply_of(403, "{\"errors\":[\"s3cret\"]}");
	bool		ok;

	strcpy(reply->request_id, "id-1");
	ok = !read_reply(KMS_UNWRAP, reply) &&
		strcmp(error.detail, "The token does not count any more, or no policy allows it this (status 403, request id-1).") == 0;
	reply = reply_of(404, "{\"errors\":[\"no handler for route s3cret\"]}");
	ok = ok && !read_reply(KMS_WRAP, reply) &&
		strcmp(error.detail, "there is no secrets engine (status 404)") == 0;
	tap_ok(ok, "details are our words, the status and the request, and nothing of the body");

	reply = reply_of(429, "");
	reply->retry_after_ms = 29000;
	ok = !read_reply(KMS_UNWRAP, reply) && error.status == KMS_THROTTLED &&
		error.retry_after_ms == 29000;
	reply->status = 503;
	tap_ok(ok && !read_reply(KMS_UNWRAP, reply) && error.status == KMS_UNAVAILABLE &&
		   error.retry_after_ms == 0, "how long to wait is read from who throttles");
}
