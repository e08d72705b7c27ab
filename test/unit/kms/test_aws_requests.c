/*-------------------------------------------------------------------------
 *
 * test_aws_requests.c
 *	  The options of the provider aws, the keys that it takes, and what it asks
 *	  of AWS KMS.
 *
 *-------------------------------------------------------------------------
 */
#include "base/config.h"
#include "kms_tap.h"

#define PATH	"/etc/kms/x"
#define AWS		"provider", "aws", "region", "eu-central-1"
#define STATIC	AWS, "auth_method", "static", "credentials_file", PATH
#define ROLE	"role_arn", "arn:aws:iam::444455556666:role/bionic"
#define WEB		AWS, "auth_method", "web_identity", "web_identity_token_file", PATH, \
	"web_identity_role_arn", "arn:aws:iam::111122223333:role/database"
#define IMDS	AWS, "auth_method", "imds"

#define KEK		"arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
#define CONTEXT "{\"bionic:key_id\":\"0102030405060708\",\"bionic:purpose\":\"data\",\"bionic:tenant\":\"acme\"}"

#define OPTIONS_MAX 28

static KmsRequest request;
static KmsError error;

static void test_options_given(void);
static void test_options_refused(void);
static void test_machine(void);
static void test_keks(void);
static void test_operations(void);
static void test_places(void);
static void test_tenant_names(void);
static void test_not_built(void);

void
test_aws_requests(void)
{
	test_options_given();
	test_options_refused();
	test_machine();
	test_keks();
	test_operations();
	test_places();
	test_tenant_names();
	test_not_built();
}

static void
test_options_given(void)
{
	static const char *const good[][OPTIONS_MAX] = {
		{STATIC},
		{STATIC, "profile", "tenants"},
		{STATIC, "address", "https://vpce-1.kms.eu-central-1.vpce.amazonaws.com", "use_fips_endpoint", "false"},
		{STATIC, "use_fips_endpoint", "true"},
		{STATIC, ROLE, "external_id", "acme:1/2", "role_session_name", "db@1", "sts_address", "https://sts.example"},
		{STATIC, ROLE, "external_id_file", PATH},
		{WEB},
		{WEB, "sts_address", "https://sts.example"},
		{WEB, ROLE},
		{AWS, "auth_method", "container"},
		{AWS, "auth_method", "container", ROLE},
		{IMDS},
		{IMDS, ROLE, "metadata_address", "http://169.254.169.254"},
		{STATIC, "ca_file", PATH, "connect_timeout_ms", "100", "request_timeout_ms", "60000"},
	};
	KmsServer	server;
	bool		ok = true;

	for (int i = 0; i < lengthof(good); i++)
		TAP_EACH(ok, server_read(&server, &error, good[i]), "%d: %s %s", i, error.subject, error.detail);
	tap_ok(ok, "aws: good options are taken");
}

static void
test_options_refused(void)
{
	static char long_text[1100];
	static const struct
	{
		const char *subject;
		const char *options[OPTIONS_MAX];
	}			bad[] = {
		{"region", {"provider", "aws", "auth_method", "imds"}},
		{"region", {"provider", "aws", "region", "", "auth_method", "imds"}},
		{"region", {"provider", "aws", "region", "eu-central-1.evil.example", "auth_method", "imds"}},
		{"region", {"provider", "aws", "region", "EU-central-1", "auth_method", "imds"}},
		{"region", {"provider", "aws", "region", "-eu", "auth_method", "imds"}},
		{"region", {"provider", "aws", "region", "eu-", "auth_method", "imds"}},
		{"region", {"provider", "aws", "region", "1eu", "auth_method", "imds"}},
		{"region", {"provider", "aws", "region", "eu/central", "auth_method", "imds"}},
		{"region", {"provider", "aws", "region", "a23456789012345678901234567890123", "auth_method", "imds"}},
		{"auth_method", {AWS}},
		{"auth_method", {AWS, "auth_method", "default"}},
		{"credentials_file", {AWS, "auth_method", "static"}},
		{"credentials_file", {AWS, "auth_method", "static", "credentials_file", "relative"}},
		{"credentials_file", {IMDS, "credentials_file", PATH}},
		{"profile", {IMDS, "profile", "x"}},
		{"profile", {STATIC, "profile", ""}},
		{"profile", {STATIC, "profile", "a]"}},
		{"profile", {STATIC, "profile", "a b"}},
		{"web_identity_token_file", {AWS, "auth_method", "web_identity", "web_identity_role_arn", "arn:aws:iam::1:role/x"}},
		{"web_identity_token_file", {WEB, "web_identity_token_file", "x"}},
		{"web_identity_role_arn", {AWS, "auth_method", "web_identity", "web_identity_token_file", PATH}},
		{"web_identity_role_arn", {AWS, "auth_method", "web_identity", "web_identity_token_file", PATH,
		"web_identity_role_arn", "role/x"}},
		{"web_identity_token_file", {STATIC, "web_identity_token_file", PATH}},
		{"metadata_address", {STATIC, "metadata_address", "http://169.254.169.254"}},
		{"metadata_address", {IMDS, "metadata_address", "http://192.0.2.1"}},
		{"metadata_address", {IMDS, "metadata_address", "http://127.0.0.1:80"}},
		{"metadata_address", {IMDS, "metadata_address", "https://169.254.169.254"}},
		{"metadata_address", {IMDS, "metadata_address", "http://169.254.169.254/x"}},
		{"role_arn", {STATIC, "role_arn", "short"}},
		{"role_arn", {STATIC, "role_arn", "arn:aws:iam::444455556666:role/a b"}},
		{"external_id", {STATIC, "external_id", "acme"}},
		{"external_id", {STATIC, ROLE, "external_id", "x"}},
		{"external_id", {STATIC, ROLE, "external_id", "a&b"}},
		{"external_id", {STATIC, ROLE, "external_id", "a b"}},
		{"external_id_file", {STATIC, "external_id_file", PATH}},
		{"external_id_file", {STATIC, ROLE, "external_id_file", "x"}},
		{"external_id_file", {STATIC, ROLE, "external_id", "acme", "external_id_file", PATH}},
		{"role_session_name", {STATIC, "role_session_name", "abc"}},
		{"role_session_name", {STATIC, ROLE, "role_session_name", "a/b"}},
		{"role_session_name", {STATIC, ROLE, "role_session_name", "a"}},
		{"sts_address", {STATIC, "sts_address", "https://sts.example"}},
		{"sts_address", {STATIC, ROLE, "sts_address", "http://sts.example"}},
		{"sts_address", {STATIC, ROLE, "sts_address", "https://127.0.0.1"}},
		{"address", {STATIC, "address", "http://kms.example"}},
		{"address", {STATIC, "address", "https://kms.example/x"}},
		{"address", {STATIC, "address", "https://169.254.169.254"}},
		{"use_fips_endpoint", {STATIC, "use_fips_endpoint", "yes"}},
		{"use_fips_endpoint", {STATIC, "use_fips_endpoint", "true", "address", "https://kms.example"}},
		{"access_key_id", {STATIC, "access_key_id", "AKIDEXAMPLE"}},
		{"secret_access_key", {STATIC, "secret_access_key", "x"}},
		{"token_file", {STATIC, "token_file", PATH}},
		{"ca_file", {STATIC, "ca_file", "x"}},
	};
	const char *const too_long[] = {STATIC, ROLE, "external_id", long_text, NULL};
	KmsServer	server;
	bool		ok = true;

	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, !server_read(&server, &error, bad[i].options) && error.status == KMS_CONFIG &&
				 strcmp(error.subject, bad[i].subject) == 0,
				 "%d, %s: \"%s\" %s", i, bad[i].subject, error.subject, error.detail);
	memset(long_text, 'x', 1024);
	TAP_EACH(ok, !server_read(&server, &error, too_long), "1024 bytes");
	tap_ok(ok, "aws: other options are refused, and which one is said");

	config_allow_local_kms = true;
	long_text[1023] = '\0';
	TAP_EACH(ok, server_read(&server, &error, too_long), "%s %s", error.subject, error.detail);
	config_allow_local_kms = false;
	tap_ok(ok, "aws: an external id has its longest length");
}

/* Who is no superuser must not use what the machine may do. */
static void
test_machine(void)
{
	static const char *const of_machine[] = {
		"auth_method", "credentials_file", "web_identity_token_file", "metadata_address",
		"external_id_file", "ca_file", "client_cert_file", "client_key_file"
	};
	bool		ok = true;

	for (int i = 0; i < lengthof(of_machine); i++)
	{
		const KmsOptionRule *rule = kms_option_rule(&kms_aws, of_machine[i]);

		TAP_EACH(ok, rule != NULL && rule->of_machine, "%s", of_machine[i]);
	}
	tap_ok(ok && kms_option_rule(&kms_aws, "auth_method")->required,
		   "aws: files and identities of the machine are not for everybody, and each server has one");
}

static void
test_keks(void)
{
	static const char *const good[] = {
		KEK,
		"arn:aws:kms:eu-central-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
		"arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/x",
		"arn:aws-cn:kms:cn-north-1:111122223333:key/x",
	};
	static const char *const bad[] = {
		"", "1234abcd-12ab-34cd-56ef-1234567890ab", "alias/acme",
		"arn:aws:kms:eu-central-1:111122223333:alias/acme",
		"arn:aws:kms:eu-central-1:111122223333:key/",
		"arn:aws:kms:eu-central-1:111122223333:key/a b",
		"arn:aws:kms:eu-central-1:111122223333:key/a\"b",
		"arn:aws:kms:eu-central-1:111122223333:key/a:b",
		"arn:aws:kms:eu-central-1:11112222333:key/a",
		"arn:aws:kms:eu-central-1:1111222233334:key/a",
		"arn:aws:kms::111122223333:key/a",
		"arn:aws:s3:eu-central-1:111122223333:key/a",
		"xrn:aws:kms:eu-central-1:111122223333:key/a",
		"arn:aws:kms:eu-central-1:111122223333:key",
		"arn:aws:kms:eu-central-1",
		"arn:aws:kms:eu-central-1:111122223333:key/"
		"12345678901234567890123456789012345678901234567890123456789012345",
	};
	bool		ok = true;

	for (int i = 0; i < lengthof(good); i++)
		TAP_EACH(ok, kms_aws.validate_kek(good[i], &error), "%s", good[i]);
	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, !kms_aws.validate_kek(bad[i], &error) && error.status == KMS_CONFIG &&
				 strcmp(error.subject, "kek") == 0, "%s", bad[i]);
	tap_ok(ok, "aws: a key is named by its ARN, and by nothing else");
}

static const KmsContext context = {
	.tenant = "acme",
	.key_id = (const uint8 *) "\1\2\3\4\5\6\7\10",
	.purpose = "data",
	.kek = KEK,
};

static const KmsToken token = {.text = "AKIDEXAMPLE\tsecret\tsession"};

static bool
build_of(const KmsServer *server, KmsOperation operation, const KmsContext *of, Bytes in,
		 const KmsToken *with)
{
	memset(&request, 0xff, sizeof(request));
	return ask_build(&kms_aws, server, operation, of, in, with, &request, &error);
}

static bool
build(const char *const *options, KmsOperation operation)
{
	return build_of(server_of(options), operation, &context,
					operation == KMS_WRAP ? bytes_of(test_data_key, DATA_KEY_LEN) :
					bytes_of("\0\1\2\xff", 4), &token);
}

/* The signature is as good as sigv4_sign(), which has its own tests. */
static bool
request_is(const char *url, const char *target, const char *body)
{
	char		expected[1024];
	char		lines[HTTP_HEADERS_MAX];
	int			len;

	len = snprintf(expected, sizeof(expected),
				   "Content-Type: application/x-amz-json-1.1\nX-Amz-Target: TrentService.%s\n"
				   "Host: %.*s\nX-Amz-Date: 19700101T000000Z\nX-Amz-Security-Token: session\n"
				   "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/19700101/eu-central-1/kms/aws4_request, "
				   "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=",
				   target, (int) strcspn(url + 8, "/"), url + 8);
	for (Size i = 0; i < request.headers_len; i++)
		lines[i] = request.headers[i] == '\0' ? '\n' : request.headers[i];
	if (!request.invalid && request.peer == KMS_PEER_KMS && strcmp(request.method, "POST") == 0 &&
		strcmp(request.url, url) == 0 &&
		request.headers_len == len + 64 + 1 && memcmp(lines, expected, len) == 0 &&
		bytes_equal(bytes_of(request.body, request.body_len), bytes_of_string(body)))
		return true;
	tap_note("%s %s%s", request.method, request.url, request.invalid ? ", invalid" : "");
	tap_note("%.*s", (int) request.headers_len, lines);
	tap_note("%.*s", (int) request.body_len, request.body);
	return false;
}

#define KMS_URL "https://kms.eu-central-1.amazonaws.com/"

static void
test_operations(void)
{
	static const char *const options[] = {STATIC, NULL};

	tap_ok(build(options, KMS_WRAP) &&
		   request_is(KMS_URL, "Encrypt", "{\"KeyId\":\"" KEK "\",\"EncryptionContext\":" CONTEXT
					  ",\"Plaintext\":\"AAECAwQFBgcICQoLDA0OD/Dx8vP09fb3+Pn6+/z9/v8=\"}"),
		   "aws: a key is wrapped by Encrypt, bound by its context");
	tap_ok(build(options, KMS_UNWRAP) &&
		   request_is(KMS_URL, "Decrypt", "{\"KeyId\":\"" KEK "\",\"EncryptionContext\":" CONTEXT
					  ",\"CiphertextBlob\":\"AAEC/w==\"}"),
		   "aws: a key is unwrapped by Decrypt, which names the key");
	tap_ok(build(options, KMS_REWRAP) &&
		   request_is(KMS_URL, "ReEncrypt", "{\"SourceKeyId\":\"" KEK "\",\"SourceEncryptionContext\":" CONTEXT
					  ",\"DestinationKeyId\":\"" KEK "\",\"DestinationEncryptionContext\":" CONTEXT
					  ",\"CiphertextBlob\":\"AAEC/w==\"}"),
		   "aws: a key is wrapped anew by ReEncrypt, under the same key and context");
	tap_ok(kms_aws.remote->can_rewrap(server_of(options)), "aws: AWS does that by itself");
}

static void
test_places(void)
{
	static const struct
	{
		const char *url;
		const char *kek;
		const char *options[OPTIONS_MAX];
	}			places[] = {
		{"https://kms.example:8443/", KEK, {STATIC, "address", "https://kms.example:8443"}},
		{"https://kms-fips.eu-central-1.amazonaws.com/", KEK, {STATIC, "use_fips_endpoint", "true"}},
		{"https://kms.eu-central-1.amazonaws.com/", KEK, {STATIC, "use_fips_endpoint", "false"}},
		{"https://kms.cn-north-1.amazonaws.com.cn/", "arn:aws-cn:kms:cn-north-1:111122223333:key/x",
			{"provider", "aws", "region", "cn-north-1", "auth_method", "imds"}},
		{"https://kms-fips.us-gov-west-1.amazonaws.com/", "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/x",
			{"provider", "aws", "region", "us-gov-west-1", "auth_method", "imds", "use_fips_endpoint", "true"}},
	};
	bool		ok = true;

	for (int i = 0; i < lengthof(places); i++)
	{
		KmsContext	of = context;

		of.kek = places[i].kek;
		TAP_EACH(ok, build_of(server_of(places[i].options), KMS_WRAP, &of,
							  bytes_of(test_data_key, DATA_KEY_LEN), &token) &&
				 strcmp(request.url, places[i].url) == 0, "%s: %s", places[i].url, request.url);
	}
	tap_ok(ok, "aws: AWS is where it is, or where the option says");
}

/* Any name of a tenant is data, and nothing else. */
static void
test_tenant_names(void)
{
	static const char *const options[] = {STATIC, NULL};
	static const struct
	{
		const char *name;
		const char *json;
	}			names[] = {
		{"a\"b\\c", "\"bionic:tenant\":\"a\\\"b\\\\c\"},\"Ciph"},
		{"\",\"x\":\"", "\"bionic:tenant\":\"\\\",\\\"x\\\":\\\"\"},\"Ciph"},
		{"\n\t\1\x7f", "\"bionic:tenant\":\"\\u000a\\u0009\\u0001\x7f\"},\"Ciph"},
		{"", "{\"bionic:key_id\":\"0102030405060708\",\"bionic:purpose\":\"data\"},\"Ciph"},
		{"M\xc3\xbcnchen \xf0\x9f\x94\x91", "\"bionic:tenant\":\"M\xc3\xbcnchen \xf0\x9f\x94\x91\"},\"Ciph"},
	};
	bool		ok = true;

	for (int i = 0; i < lengthof(names); i++)
	{
		KmsContext	of = context;

		of.tenant = names[i].name;
		TAP_EACH(ok, build_of(server_of(options), KMS_UNWRAP, &of, bytes_of("x", 1), &token),
				 "%s", error.detail);
		request.body[request.body_len] = '\0';
		TAP_EACH(ok, strstr(request.body, names[i].json) != NULL, "%s", request.body);
	}
	tap_ok(ok, "aws: a tenant may have any name, and who has none is no tenant");
}

static void
test_not_built(void)
{
	static const char *const options[] = {STATIC, NULL};
	static const char *const tokens[] = {
		"", "AKIDEXAMPLE", "AKIDEXAMPLE\tsecret", "\tsecret\t", "AKIDEXAMPLE\t\t", "A-B\tsecret\t",
		"AKIDEXAMPLE\tsec ret\t", "AKIDEXAMPLE\tsecret\tses sion", "AKIDEXAMPLE\tsecret\tses\tsion",
		"AKIDEXAMPLE\tsecret\tsession\n", "AKIDEXAMPLE\tsec\"ret\tsession",
	};
	static uint8 long_key[KMS_WRAPPED_MAX + 1];
	const KmsServer *server = server_of(options);
	KmsContext	elsewhere = context;
	KmsContext	alias = context;
	bool		ok = true;

	elsewhere.kek = "arn:aws:kms:eu-central-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
	TAP_EACH(ok, !build_of(server, KMS_UNWRAP, &elsewhere, bytes_of("x", 1), &token) &&
			 error.status == KMS_CONFIG && strcmp(error.subject, "kek") == 0, "region");
	alias.kek = "alias/acme";
	TAP_EACH(ok, !build_of(server, KMS_WRAP, &alias, bytes_of(test_data_key, DATA_KEY_LEN), &token) &&
			 error.status == KMS_CONFIG && strcmp(error.subject, "kek") == 0, "alias");
	tap_ok(ok, "aws: a key of another region is not asked for, nor an alias");

	TAP_EACH(ok, !build_of(server, KMS_UNWRAP, &context, bytes_of("", 0), &token) &&
			 error.status == KMS_BAD_CIPHERTEXT, "empty");
	TAP_EACH(ok, !build_of(server, KMS_REWRAP, &context, bytes_of(long_key, sizeof(long_key)), &token) &&
			 error.status == KMS_BAD_CIPHERTEXT, "long");
	TAP_EACH(ok, build_of(server, KMS_UNWRAP, &context, bytes_of(long_key, KMS_WRAPPED_MAX), &token),
			 "the longest");
	tap_ok(ok, "aws: what cannot be a wrapped key is not sent");

	for (int i = 0; i < lengthof(tokens); i++)
	{
		KmsToken	bad = {.lifetime_s = 0};

		strlcpy(bad.text, tokens[i], sizeof(bad.text));
		TAP_EACH(ok, !build_of(server, KMS_WRAP, &context, bytes_of(test_data_key, DATA_KEY_LEN), &bad) &&
				 error.status == KMS_CREDENTIAL, "%s", tokens[i]);
	}
	tap_ok(ok, "aws: nothing is signed with what is no access key");
}
