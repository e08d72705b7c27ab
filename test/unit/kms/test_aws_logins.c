/*-------------------------------------------------------------------------
 *
 * test_aws_logins.c
 *	  How the provider aws comes by an access key: what it reads, asks and
 *	  believes, exchange by exchange.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include "kms/kms_aws.h"

#define PATH	"/etc/kms/x"
#define AWS		"provider", "aws", "region", "eu-central-1"
#define STATIC	AWS, "auth_method", "static", "credentials_file", PATH
#define ROLE	"role_arn", "arn:aws:iam::444455556666:role/bionic"
#define WEB		AWS, "auth_method", "web_identity", "web_identity_token_file", PATH, \
	"web_identity_role_arn", "arn:aws:iam::111122223333:role/database"
#define IMDS	AWS, "auth_method", "imds"
#define CONTAINER AWS, "auth_method", "container"

#define FILE_OF_KEYS "[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = s3cret/+\n"
#define NOW		INT64CONST(1795391999)	/* 2026-11-22 23:59:59 */

#define FORM_HEADERS "Content-Type: application/x-www-form-urlencoded\nAccept: application/json\n"
#define FORM_OF(action, role) \
	"Action=" action "&Version=2011-06-15&DurationSeconds=900&RoleArn=arn%3Aaws%3Aiam%3A%3A" role \
	"&RoleSessionName=bionic_crypt"

static KmsRequest request;
static KmsToken token;
static KmsError error;
static KmsCredential credential;

static void test_static(void);
static void test_profiles(void);
static void test_role(void);
static void test_external_id(void);
static void test_web_identity(void);
static void test_container(void);
static void test_imds(void);
static void test_imds_replies(void);
static void test_keys_of_replies(void);
static void test_times(void);
static void test_ends(void);
static void test_no_reply(void);
static void test_files(void);

void
test_aws_logins(void)
{
	test_static();
	test_profiles();
	test_role();
	test_external_id();
	test_web_identity();
	test_container();
	test_imds();
	test_imds_replies();
	test_keys_of_replies();
	test_times();
	test_ends();
	test_no_reply();
	test_files();
}

static KmsProgress
build(const char *const *options, int round)
{
	KmsLoginAsked asked = {.step = KMS_LOGIN,.round = round,.credential = &credential,.now_s = NOW};

	memset(&request, 0xff, sizeof(request));
	memset(&error, 'z', sizeof(error));
	return kms_aws.remote->build_login(server_of(options), &asked, &token, &request, &error);
}

static KmsProgress
read_reply(const char *const *options, int round, const KmsReply *reply)
{
	KmsLoginAsked asked = {.step = KMS_LOGIN,.round = round,.credential = &credential,.now_s = NOW};

	memset(&error, 'z', sizeof(error));
	return kms_aws.remote->read_login(server_of(options), &asked, reply, &token, &error);
}

static void
begin(const char *secret)
{
	memset(&token, 0, sizeof(token));
	memset(&credential, 0, sizeof(credential));
	strlcpy(credential.secret, secret, sizeof(credential.secret));
}

/* headers: how they begin, one a line. */
static bool
request_is(const char *method, const char *url, const char *headers, const char *body)
{
	char		lines[HTTP_HEADERS_MAX];

	for (Size i = 0; i < request.headers_len; i++)
		lines[i] = request.headers[i] == '\0' ? '\n' : request.headers[i];
	if (!request.invalid && strcmp(request.method, method) == 0 && strcmp(request.url, url) == 0 &&
		request.headers_len >= strlen(headers) && memcmp(lines, headers, strlen(headers)) == 0 &&
		bytes_equal(bytes_of(request.body, request.body_len), bytes_of_string(body)))
		return true;
	tap_note("%s %s%s", request.method, request.url, request.invalid ? ", invalid" : "");
	tap_note("%.*s", (int) request.headers_len, lines);
	tap_note("%.*s", (int) request.body_len, request.body);
	return false;
}

static bool
has_header(const char *line)
{
	for (Size at = 0; at < request.headers_len; at += strlen(request.headers + at) + 1)
	{
		if (strncmp(request.headers + at, line, strlen(line)) == 0)
			return true;
	}
	return false;
}

static bool
is_wiped(void)
{
	static const KmsToken zero;

	return memcmp(&token, &zero, sizeof(zero)) == 0;
}

static void
test_static(void)
{
	static const char *const plain[] = {STATIC, NULL};
	static const char *const other[] = {STATIC, "profile", "tenants", NULL};

	begin(FILE_OF_KEYS);
	tap_ok(build(plain, 0) == KMS_COMPLETE && strcmp(token.text, "AKIAEXAMPLE\ts3cret/+\t") == 0 &&
		   token.lifetime_s == 0 && !token.renewable,
		   "aws: the key of a file is there at once, and has no end");
	begin("[default]\naws_access_key_id = A\n\n# other\n[tenants]\r\naws_secret_access_key=x \r\n"
		  "aws_session_token =  t+/==\naws_access_key_id\t= ASIA\n");
	tap_ok(build(other, 0) == KMS_COMPLETE && strcmp(token.text, "ASIA\tx\tt+/==") == 0,
		   "aws: another profile, with a session token");
}

static void
test_profiles(void)
{
	static const char *const options[] = {STATIC, NULL};
	static const char *const good[] = {
		"[default]\naws_access_key_id=A\naws_secret_access_key=b",
		"# x\n; y\n\n[ default ]\naws_access_key_id=A\n\n# z\naws_secret_access_key=b\n[x]\nregion=y\n nested=z\n",
		"[x]\naws_access_key_id=C\n[default]\naws_access_key_id=A\naws_secret_access_key=b\n",
	};
	static const char *const bad[] = {
		"", "\n", "x", "AKIAEXAMPLE:s3cret",
		"aws_access_key_id=A\naws_secret_access_key=b\n",
		"[other]\naws_access_key_id=A\naws_secret_access_key=b\n",
		"[Default]\naws_access_key_id=A\naws_secret_access_key=b\n",
		"[default\naws_access_key_id=A\naws_secret_access_key=b\n",
		"[", "[default]", "[]\n",
		"[default]\naws_access_key_id=A\n",
		"[default]\naws_secret_access_key=b\n",
		"[default]\naws_access_key_id=\naws_secret_access_key=b\n",
		"[default]\naws_access_key_id=A\naws_secret_access_key=\n",
		"[default]\naws_access_key_id=A B\naws_secret_access_key=b\n",
		"[default]\naws_access_key_id=A\taws_secret_access_key=b\n",
		"[default]\naws_access_key_id=A\naws_secret_access_key=\"b\"\n",
		"[default]\naws_access_key_id=A\naws_secret_access_key=b\naws_session_token=x y\n",
		"[default]\naws_access_key_id=A\naws_access_key_id=A\naws_secret_access_key=b\n",
		"[default]\naws_access_key_id=A\naws_secret_access_key=b\n[default]\n",
		"[default]\naws_access_key_id=A\naws_secret_access_key=b\ncredential_process = /bin/x\n",
		"[default]\naws_access_key_id=A\naws_secret_access_key=b\nregion = x\n",
		"[default]\n aws_access_key_id=A\naws_secret_access_key=b\n",
		"[default]\naws_access_key_id=A\naws_secret_access_key=b\nx\n",
		"[default]\nAWS_ACCESS_KEY_ID=A\naws_secret_access_key=b\n",
		"[default]\naws_access_key_id=\xc3\x84\naws_secret_access_key=b\n",
	};
	char		body[512];
	bool		ok = true;

	for (int i = 0; i < lengthof(good); i++)
	{
		begin(good[i]);
		TAP_EACH(ok, build(options, 0) == KMS_COMPLETE && strcmp(token.text, "A\tb\t") == 0,
				 "%s: %s", good[i], error.detail);
	}
	tap_ok(ok, "aws: what a file of credentials may look like");

	for (int i = 0; i < lengthof(bad); i++)
	{
		begin(bad[i]);
		TAP_EACH(ok, build(options, 0) == KMS_FAILED && error.status == KMS_CREDENTIAL &&
				 strcmp(error.subject, "credentials_file") == 0 && is_wiped(), "%s", bad[i]);
	}
	snprintf(body, sizeof(body), "[default]\naws_access_key_id=A\naws_secret_access_key=%0128d", 0);
	begin(body);
	TAP_EACH(ok, build(options, 0) == KMS_COMPLETE, "128 characters");
	strcat(body, "0");
	begin(body);
	TAP_EACH(ok, build(options, 0) == KMS_FAILED && is_wiped(), "129 characters");
	tap_ok(ok, "aws: what is not a profile with a key and nothing else is our own trouble");
}

#define EXPIRES "\"Expiration\":1.7953928E9"	/* in 801 seconds */
#define STS_KEYS "\"Credentials\":{\"AccessKeyId\":\"ASIAROLE\",\"SecretAccessKey\":\"r0le\"," \
	"\"SessionToken\":\"r+/=\"," EXPIRES "}"
#define ROLE_REPLY "{\"AssumeRoleResponse\":{\"AssumeRoleResult\":{\"AssumedRoleUser\":{}," STS_KEYS "}," \
	"\"ResponseMetadata\":{\"RequestId\":\"x\"}}}"

#define SIGNED_STS FORM_HEADERS "Host: sts.eu-central-1.amazonaws.com\nX-Amz-Date: 20261122T235959Z\n" \
	"Authorization: AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20261122/eu-central-1/sts/aws4_request, " \
	"SignedHeaders=accept;content-type;host;x-amz-date, Signature="

static void
test_role(void)
{
	static const char *const options[] = {STATIC, ROLE, NULL};
	static const char *const elsewhere[] = {
		STATIC, ROLE, "sts_address", "https://sts.example:8443", "role_session_name", "db@1", NULL
	};
	static const char *const fips[] = {STATIC, ROLE, "use_fips_endpoint", "true", NULL};

	begin(FILE_OF_KEYS);
	tap_ok(build(options, 0) == KMS_GO_ON &&
		   request_is("POST", "https://sts.eu-central-1.amazonaws.com/", SIGNED_STS,
					  FORM_OF("AssumeRole", "444455556666%3Arole%2Fbionic")) && request.peer == KMS_PEER_KMS,
		   "aws: a role is asked for with the key of the file");
	tap_ok(read_reply(options, 0, reply_of(200, ROLE_REPLY)) == KMS_COMPLETE &&
		   strcmp(token.text, "ASIAROLE\tr0le\tr+/=") == 0 && token.lifetime_s == 801 && !token.renewable,
		   "aws: it has a key with an end");

	begin(FILE_OF_KEYS);
	tap_ok(build(elsewhere, 0) == KMS_GO_ON && strcmp(request.url, "https://sts.example:8443/") == 0 &&
		   has_header("Host: sts.example:8443") &&
		   strstr(request.body, "&RoleSessionName=db%401") != NULL,
		   "aws: of an STS elsewhere, by another name");
	begin(FILE_OF_KEYS);
	tap_ok(build(fips, 0) == KMS_GO_ON && strcmp(request.url, "https://sts-fips.eu-central-1.amazonaws.com/") == 0,
		   "aws: of STS's FIPS endpoint");
}

static void
test_external_id(void)
{
	static const char *const given[] = {STATIC, ROLE, "external_id", "acme:1/2=", NULL};
	static const char *const of_file[] = {STATIC, ROLE, "external_id_file", PATH, NULL};
	static const char *const bad[] = {"", "x", "a b", "a&b", "a\nb"};
	bool		ok = true;

	begin(FILE_OF_KEYS);
	tap_ok(build(given, 0) == KMS_GO_ON && strstr(request.body, "&ExternalId=acme%3A1%2F2%3D") != NULL,
		   "aws: with the external id of the option");
	begin(FILE_OF_KEYS);
	strcpy(credential.identity, "acme-7");
	tap_ok(build(of_file, 0) == KMS_GO_ON && strstr(request.body, "&ExternalId=acme-7") != NULL &&
		   strcmp(kms_aws.remote->identity_file(server_of(of_file)), PATH) == 0 &&
		   kms_aws.remote->identity_file(server_of(given)) == NULL,
		   "aws: with the external id of a file");
	for (int i = 0; i < lengthof(bad); i++)
	{
		begin(FILE_OF_KEYS);
		strcpy(credential.identity, bad[i]);
		TAP_EACH(ok, build(of_file, 0) == KMS_FAILED && error.status == KMS_CREDENTIAL &&
				 strcmp(error.subject, "external_id_file") == 0, "%s", bad[i]);
	}
	tap_ok(ok, "aws: a file without one is our own trouble");
}

#define WEB_REPLY "{\"AssumeRoleWithWebIdentityResponse\":{\"AssumeRoleWithWebIdentityResult\":{" STS_KEYS "}}}"

static void
test_web_identity(void)
{
	static const char *const alone[] = {WEB, NULL};
	static const char *const chain[] = {WEB, ROLE, NULL};
	static const char *const bad[] = {"", "x", "a.b", "a.b.c.d", "a.b.c d", "a.b.c&Action=x"};
	bool		ok = true;

	begin("eyJh.eyJz.c2ln");
	tap_ok(build(alone, 0) == KMS_GO_ON &&
		   request_is("POST", "https://sts.eu-central-1.amazonaws.com/", FORM_HEADERS,
					  FORM_OF("AssumeRoleWithWebIdentity", "111122223333%3Arole%2Fdatabase")
					  "&WebIdentityToken=eyJh.eyJz.c2ln") && !has_header("Authorization"),
		   "aws: a role is asked for with a token, without a signature");
	tap_ok(read_reply(alone, 0, reply_of(200, WEB_REPLY)) == KMS_COMPLETE &&
		   strcmp(token.text, "ASIAROLE\tr0le\tr+/=") == 0 && token.lifetime_s == 801,
		   "aws: that is all, if it is the tenant's");

	begin("eyJh.eyJz.c2ln");
	tap_ok(build(chain, 0) == KMS_GO_ON && read_reply(chain, 0, reply_of(200, WEB_REPLY)) == KMS_GO_ON &&
		   build(chain, 1) == KMS_GO_ON &&
		   strstr(request.body, "Action=AssumeRole&") != NULL &&
		   has_header("Authorization: AWS4-HMAC-SHA256 Credential=ASIAROLE/") &&
		   has_header("X-Amz-Security-Token: r+/=") &&
		   read_reply(chain, 1, reply_of(200, ROLE_REPLY)) == KMS_COMPLETE,
		   "aws: or the tenant's role comes after ours");

	for (int i = 0; i < lengthof(bad); i++)
	{
		begin(bad[i]);
		TAP_EACH(ok, build(alone, 0) == KMS_FAILED && error.status == KMS_CREDENTIAL &&
				 strcmp(error.subject, "web_identity_token_file") == 0, "%s", bad[i]);
	}
	TAP_EACH(ok, read_reply(alone, 0, reply_of(200, ROLE_REPLY)) == KMS_FAILED && error.status == KMS_PROTOCOL,
			 "a reply to something else");
	tap_ok(ok, "aws: what is no token is not sent");
}

#define METADATA_KEYS "{\"Code\":\"Success\",\"Type\":\"AWS-HMAC\",\"AccessKeyId\":\"ASIAMETA\"," \
	"\"SecretAccessKey\":\"m3ta\",\"Token\":\"t0ken\",\"Expiration\":\"2026-11-23T01:00:00Z\"}"

static void
environment(const char *path, const char *url, const char *authorization, const char *file)
{
	const char *names[] = {
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
	};
	const char *values[] = {path, url, authorization, file};

	for (int i = 0; i < lengthof(names); i++)
	{
		if (values[i] != NULL)
			setenv(names[i], values[i], 1);
		else
			unsetenv(names[i]);
	}
	begin("");
}

static void
test_container(void)
{
	static const char *const options[] = {CONTAINER, NULL};
	static const char *const chain[] = {CONTAINER, ROLE, NULL};
	static const char *const bad[][4] = {
		{NULL, NULL, NULL, NULL},
		{"", "", NULL, NULL},
		{"v2/x", NULL, NULL, NULL},
		{"@evil.example/", NULL, NULL, NULL},
		{"/v2 x", NULL, NULL, NULL},
		{NULL, "https://127.0.0.1/x", NULL, NULL},
		{NULL, "ftp://127.0.0.1/x", NULL, NULL},
		{NULL, "http://127.0.0.1/\n", NULL, NULL},
		{"/v2", NULL, "a\r\nb", NULL},
	};
	bool		ok = true;

	environment("/v2/credentials/1", "http://192.0.2.1/", NULL, NULL);
	tap_ok(build(options, 0) == KMS_GO_ON && request.peer == KMS_PEER_METADATA &&
		   request_is("GET", "http://169.254.170.2/v2/credentials/1", "", "") && request.headers_len == 0,
		   "aws: a container's key is asked for where the environment says");
	environment(NULL, "http://169.254.170.23/v1/credentials", "Basic abc", NULL);
	tap_ok(build(options, 0) == KMS_GO_ON && request.peer == KMS_PEER_METADATA &&
		   request_is("GET", "http://169.254.170.23/v1/credentials", "Authorization: Basic abc\n", ""),
		   "aws: or elsewhere, with a token");
	environment(NULL, "http://169.254.170.23/v1/credentials", "not this", "/var/run/token");
	strcpy(credential.secret, "eyJh.eyJz.c2ln");
	tap_ok(strcmp(kms_aws.remote->secret_file(server_of(options)), "/var/run/token") == 0 &&
		   build(options, 0) == KMS_GO_ON &&
		   request_is("GET", "http://169.254.170.23/v1/credentials", "Authorization: eyJh.eyJz.c2ln\n", ""),
		   "aws: or with the token of a file");
	tap_ok(read_reply(options, 0, reply_of(200, METADATA_KEYS)) == KMS_COMPLETE &&
		   strcmp(token.text, "ASIAMETA\tm3ta\tt0ken") == 0 && token.lifetime_s == 3601,
		   "aws: it has a key with an end");
	tap_ok(read_reply(chain, 0, reply_of(200, METADATA_KEYS)) == KMS_GO_ON && build(chain, 1) == KMS_GO_ON &&
		   request.peer == KMS_PEER_KMS && strcmp(request.url, "https://sts.eu-central-1.amazonaws.com/") == 0,
		   "aws: before the tenant's role");

	for (int i = 0; i < lengthof(bad); i++)
	{
		environment(bad[i][0], bad[i][1], bad[i][2], bad[i][3]);
		TAP_EACH(ok, build(options, 0) == KMS_FAILED && error.status == KMS_CREDENTIAL &&
				 strcmp(error.subject, "auth_method") == 0, "%d", i);
	}
	tap_ok(ok, "aws: without them there is no key");
	environment(NULL, NULL, NULL, NULL);
}

#define KEYS_URL "http://169.254.169.254/latest/meta-data/iam/security-credentials/"

static void
test_imds(void)
{
	static const char *const options[] = {IMDS, NULL};
	static const char *const chain[] = {IMDS, ROLE, NULL};
	static const char *const elsewhere[] = {IMDS, "metadata_address", "http://169.254.0.9:8080", NULL};
	bool		ok;

	begin("");
	ok = build(chain, 0) == KMS_GO_ON && request.peer == KMS_PEER_METADATA &&
		request_is("PUT", "http://169.254.169.254/latest/api/token",
				   "X-aws-ec2-metadata-token-ttl-seconds: 60\n", "") &&
		read_reply(chain, 0, reply_of(200, "s3ssion==")) == KMS_GO_ON;
	ok = ok && build(chain, 1) == KMS_GO_ON && request.peer == KMS_PEER_METADATA &&
		request_is("GET", KEYS_URL, "X-aws-ec2-metadata-token: s3ssion==\n", "") &&
		read_reply(chain, 1, reply_of(200, "web+db@1\n")) == KMS_GO_ON;
	ok = ok && build(chain, 2) == KMS_GO_ON && request.peer == KMS_PEER_METADATA &&
		request_is("GET", KEYS_URL "web%2Bdb%401", "X-aws-ec2-metadata-token: s3ssion==\n", "") &&
		read_reply(chain, 2, reply_of(200, METADATA_KEYS)) == KMS_GO_ON;
	tap_ok(ok && build(chain, 3) == KMS_GO_ON && request.peer == KMS_PEER_KMS &&
		   has_header("Authorization: AWS4-HMAC-SHA256 Credential=ASIAMETA/") &&
		   has_header("X-Amz-Security-Token: t0ken") &&
		   read_reply(chain, 3, reply_of(200, ROLE_REPLY)) == KMS_COMPLETE &&
		   strcmp(token.text, "ASIAROLE\tr0le\tr+/=") == 0,
		   "aws: a machine's key takes three exchanges, the tenant's role one more");

	begin("");
	strcpy(token.text, "role\tsession");
	tap_ok(read_reply(options, 2, reply_of(200, METADATA_KEYS)) == KMS_COMPLETE &&
		   strcmp(token.text, "ASIAMETA\tm3ta\tt0ken") == 0 &&
		   build(elsewhere, 0) == KMS_GO_ON && strcmp(request.url, "http://169.254.0.9:8080/latest/api/token") == 0,
		   "aws: without a role they are all, and may be asked elsewhere");
}

static void
test_imds_replies(void)
{
	static const char *const options[] = {IMDS, NULL};
	static const char *const no_sessions[] = {"", "a b", "a\nb", "a\n", "<html>\r\n", "\xc3\x84"};
	static const char *const no_roles[] = {
		"", "\n", "a b", "a/b", "../x", "a\nb", "a\n b", "a?b", "\xc3\x84",
		"12345678901234567890123456789012345678901234567890123456789012345",
	};
	static char long_text[1100];
	bool		ok = true;

	for (int i = 0; i < lengthof(no_sessions); i++)
		TAP_EACH(ok, read_reply(options, 0, reply_of(200, no_sessions[i])) == KMS_FAILED &&
				 error.status == KMS_PROTOCOL && is_wiped(), "%s", no_sessions[i]);
	memset(long_text, 'x', 1024);
	TAP_EACH(ok, read_reply(options, 0, reply_of(200, long_text)) == KMS_GO_ON, "1024 bytes");
	long_text[1024] = 'x';
	TAP_EACH(ok, read_reply(options, 0, reply_of(200, long_text)) == KMS_FAILED, "1025 bytes");
	tap_ok(ok, "aws: what is no session of a metadata service");

	for (int i = 0; i < lengthof(no_roles); i++)
	{
		strcpy(token.text, "s3ssion");
		TAP_EACH(ok, read_reply(options, 1, reply_of(200, no_roles[i])) == KMS_FAILED &&
				 error.status == KMS_PROTOCOL && is_wiped(), "%s", no_roles[i]);
	}
	tap_ok(ok, "aws: what is no role of a machine");
}

#define REPLY_OF(id, secret, session, expiration) \
	"{\"AccessKeyId\":" id ",\"SecretAccessKey\":" secret ",\"Token\":" session ",\"Expiration\":" expiration "}"
#define GOOD_END "\"2026-11-23T00:00:00Z\""

static void
test_keys_of_replies(void)
{
	static const char *const options[] = {CONTAINER, NULL};
	static const char *const bad[] = {
		"", "<html>", "{}", "\"x\"",
		REPLY_OF("\"\"", "\"b\"", "\"c\"", GOOD_END),
		REPLY_OF("\"A\\tb\"", "\"b\"", "\"c\"", GOOD_END),
		REPLY_OF("null", "\"b\"", "\"c\"", GOOD_END),
		REPLY_OF("\"A\"", "\"\"", "\"c\"", GOOD_END),
		REPLY_OF("\"A\"", "\"b\\n\"", "\"c\"", GOOD_END),
		REPLY_OF("\"A\"", "null", "\"c\"", GOOD_END),
		REPLY_OF("\"A\"", "\"b\"", "\"\"", GOOD_END),
		REPLY_OF("\"A\"", "\"b\"", "\"c d\"", GOOD_END),
		REPLY_OF("\"A\"", "\"b\"", "\"c\\r\\nd\"", GOOD_END),
		REPLY_OF("\"A\"", "\"b\"", "null", GOOD_END),
		REPLY_OF("\"A\"", "\"b\"", "\"c\"", "null"),
		REPLY_OF("\"A\"", "\"b\"", "\"c\"", "\"\""),
		REPLY_OF("\"A\"", "\"b\"", "\"c\"", "\"tomorrow\""),
		"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"b\",\"Token\":\"c\"}",
		"{\"AccessKeyId\":\"A\"," REPLY_OF("\"A\"", "\"b\"", "\"c\"", GOOD_END),
	};
	static char body[KMS_REPLY_BODY_MAX];
	bool		ok = true;

	environment("/v2", NULL, NULL, NULL);
	TAP_EACH(ok, read_reply(options, 0, reply_of(200, REPLY_OF("\"A\"", "\"b\"", "\"c\"", GOOD_END))) == KMS_COMPLETE &&
			 token.lifetime_s == 1, "%s", error.detail);
	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, read_reply(options, 0, reply_of(200, bad[i])) == KMS_FAILED &&
				 error.status == KMS_PROTOCOL && is_wiped(), "%s", bad[i]);

	/* A session token as long as it fits. */
	snprintf(body, sizeof(body), REPLY_OF("\"A\"", "\"b\"", "\"%0*d\"", GOOD_END), KMS_CREDENTIAL_MAX - 5, 0);
	TAP_EACH(ok, read_reply(options, 0, reply_of(200, body)) == KMS_COMPLETE &&
			 strlen(token.text) == KMS_CREDENTIAL_MAX - 1, "%s", error.detail);
	snprintf(body, sizeof(body), REPLY_OF("\"A\"", "\"b\"", "\"%0*d\"", GOOD_END), KMS_CREDENTIAL_MAX - 4, 0);
	TAP_EACH(ok, read_reply(options, 0, reply_of(200, body)) == KMS_FAILED && is_wiped(), "one more");
	tap_ok(ok, "aws: what is no access key with an end is refused");

	TAP_EACH(ok, read_reply(options, 0, reply_of(200, REPLY_OF("\"A\"", "\"b\"", "\"c\"",
															   "\"2026-11-22T23:59:59Z\""))) == KMS_FAILED &&
			 error.status == KMS_CREDENTIAL && is_wiped(), "now");
	TAP_EACH(ok, read_reply(options, 0, reply_of(200, REPLY_OF("\"A\"", "\"b\"", "\"c\"", "0"))) == KMS_FAILED &&
			 error.status == KMS_CREDENTIAL && is_wiped(), "1970");
	TAP_EACH(ok, read_reply(options, 0, reply_of(200, REPLY_OF("\"A\"", "\"b\"", "\"c\"",
															   "\"9999-12-31T23:59:59Z\""))) == KMS_COMPLETE &&
			 token.lifetime_s == PG_UINT32_MAX, "the year 9999");
	tap_ok(ok, "aws: a key that has expired is our own trouble");
	environment(NULL, NULL, NULL, NULL);
}

static void
test_times(void)
{
	static const struct
	{
		const char *text;
		int64		seconds;
	}			good[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2015-08-30T12:36:00Z", 1440938160},
		{"2024-02-29T00:00:00Z", 1709164800},
		{"2026-11-22T23:59:59.5Z", 1795391999},
		{"2026-11-22T23:59:59.123456789Z", 1795391999},
		{"1795391999", 1795391999},
		{"1.795391999E9", 1795391999},
		{"1795391999.75", 1795391999},
		{"0", 0},
	};
	static const char *const bad[] = {
		"", "x", "-1", "+1", ".5", "1e400", "1e12", "nan", "inf", "0x10", "1 ", " 1", "1e", "1..2", "eE+",
		"2023-02-29T00:00:00Z", "2023-13-01T00:00:00Z", "2023-00-01T00:00:00Z", "2023-01-00T00:00:00Z",
		"2023-01-01T24:00:00Z", "2023-01-01T00:60:00Z", "2023-01-01T00:00:60Z",
		"2023-01-01T00:00:00", "2023-01-01 00:00:00Z", "2023-01-01T00:00:00+00:00", "2023-01-01T00:00:00Zx",
		"2023-1-1T00:00:00Z", "23-01-01T00:00:00Z", "2023-01-01T00:00:00.Z", "2023-01-01T00:00:00.1234567890Z",
		"2023-01-01", "2023-01-01T00:00:0", "2023-01-01T00:00:00,5Z",
	};
	int64		seconds;
	bool		ok = true;

	for (int i = 0; i < lengthof(good); i++)
		TAP_EACH(ok, aws_time_read(good[i].text, &seconds) && seconds == good[i].seconds, "%s", good[i].text);
	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, !aws_time_read(bad[i], &seconds), "%s", bad[i]);
	tap_ok(ok, "aws: times as AWS writes them, and no others");
}

static void
test_ends(void)
{
	static const char *const alone[] = {STATIC, NULL};
	static const char *const chain[] = {STATIC, ROLE, NULL};
	static const char *const web[] = {WEB, NULL};
	static const char *const imds[] = {IMDS, NULL};
	static const char *const imds_chain[] = {IMDS, ROLE, NULL};
	const KmsRemote *remote = kms_aws.remote;
	KmsLoginAsked asked = {.step = KMS_LOGOUT};
	bool		ok;

	tap_ok(!remote->logs_in(server_of(alone)) && remote->logs_in(server_of(chain)) &&
		   remote->logs_in(server_of(web)) && !remote->logs_in(server_of(imds)) &&
		   remote->logs_in(server_of(imds_chain)),
		   "aws: a role of the tenant's side is asked for again and again");

	strcpy(token.text, "A\tb\tc");
	ok = remote->build_login(server_of(chain), &asked, &token, &request, &error) == KMS_COMPLETE;
	asked.step = KMS_RENEW;
	tap_ok(ok && remote->build_login(server_of(chain), &asked, &token, &request, &error) == KMS_COMPLETE &&
		   strcmp(token.text, "A\tb\tc") == 0,
		   "aws: a key is neither renewed nor given back");
}

static void
test_no_reply(void)
{
	static const char *const chain[] = {IMDS, ROLE, NULL};
	static const char *const web[] = {WEB, NULL};
	KmsReply   *reply = reply_of(200, "");
	bool		ok = true;

	for (int round = 0; round <= 3; round++)
	{
		reply->failure = KMS_UNREACHABLE;
		strcpy(token.text, "x");
		TAP_EACH(ok, read_reply(chain, round, reply) == KMS_FAILED && error.status == KMS_UNAVAILABLE &&
				 strcmp(error.subject, round < 3 ? "auth_method" : "sts_address") == 0 && is_wiped(),
				 "round %d: %s", round, error.subject);
		reply->failure = KMS_FORBIDDEN_ADDRESS;
		TAP_EACH(ok, read_reply(chain, round, reply) == KMS_FAILED && error.status == KMS_CONFIG &&
				 strcmp(error.subject, round < 3 ? "auth_method" : "sts_address") == 0, "round %d", round);
	}
	TAP_EACH(ok, read_reply(web, 0, reply) == KMS_FAILED && error.status == KMS_CONFIG &&
			 strcmp(error.subject, "sts_address") == 0, "%s", error.subject);
	tap_ok(ok, "aws: who does not answer is named by its option");
}

static void
test_files(void)
{
	static const char *const of_file[] = {STATIC, NULL};
	static const char *const web[] = {WEB, NULL};
	static const char *const imds[] = {IMDS, NULL};
	static const char *const container[] = {CONTAINER, NULL};
	const KmsRemote *remote = kms_aws.remote;

	tap_ok(strcmp(remote->secret_file(server_of(of_file)), PATH) == 0 &&
		   strcmp(remote->secret_file(server_of(web)), PATH) == 0 &&
		   remote->secret_file(server_of(imds)) == NULL && remote->secret_file(server_of(container)) == NULL &&
		   remote->identity_file(server_of(of_file)) == NULL,
		   "aws: the files that are read");
}
