/*-------------------------------------------------------------------------
 *
 * test_sigv4.c
 *	  Signatures of AWS: those that it has published, those that botocore
 *	  1.44 makes of our kind of requests, and what is not signed.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include "kms/aws_sigv4.h"

#define ID		"AKIDEXAMPLE"
#define SECRET	"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define SESSION \
	"AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIY" \
	"RqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp" \
	"75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9" \
	"FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
#define BODY \
	"{\"KeyId\":\"arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab\"," \
	"\"Plaintext\":\"AAECAwQFBgcICQoLDA0OD/Dx8vP09fb3+Pn6+/z9/v8=\"}"
#define KMS_URL	"https://kms.eu-central-1.amazonaws.com/"

#define IN_2015	INT64CONST(1440938160)	/* 30 August, 12:36:00 */
#define IN_2024	INT64CONST(1709164800)	/* 29 February, 00:00:00 */
#define IN_2026	INT64CONST(1795391999)	/* 22 November, 23:59:59 */

typedef struct Vector
{
	const char *what;
	const char *method;
	const char *url;
	const char *headers[2][2];
	const char *body;
	const char *session_token;
	const char *region;
	const char *service;
	int64		now_s;
	const char *authorization;	/* behind the algorithm */
}			Vector;

#define FORM {"Content-Type", "application/x-www-form-urlencoded"}
#define ENCRYPT {{"Content-Type", "application/x-amz-json-1.1"}, {"X-Amz-Target", "TrentService.Encrypt"}}

static const Vector vectors[] = {
	{"AWS: get-vanilla", "GET", "https://example.amazonaws.com/", {{0}}, "", "",
	"us-east-1", "service", IN_2015,
	"Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, "
	"Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"AWS: get-vanilla, no path", "GET", "https://example.amazonaws.com", {{0}}, "", "",
	"us-east-1", "service", IN_2015,
	"Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, "
	"Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"AWS: post-vanilla", "POST", "https://example.amazonaws.com/", {{0}}, "", "",
	"us-east-1", "service", IN_2015,
	"Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, "
	"Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
	{"AWS: get-vanilla-query-order-key-case", "GET", "https://example.amazonaws.com/?Param1=value1&Param2=value2",
		{{0}}, "", "", "us-east-1", "service", IN_2015,
		"Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, "
	"Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
	{"AWS: post-x-www-form-urlencoded", "POST", "https://example.amazonaws.com/", {FORM}, "Param1=value1", "",
	"us-east-1", "service", IN_2015,
	"Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
	"SignedHeaders=content-type;host;x-amz-date, "
	"Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
	{"AWS: ListUsers of the documentation", "GET",
		"https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
		{{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}}, "", "",
		"us-east-1", "iam", IN_2015,
		"Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
		"SignedHeaders=content-type;host;x-amz-date, "
	"Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
	{"botocore: Encrypt", "POST", KMS_URL, ENCRYPT, BODY, "", "eu-central-1", "kms", IN_2026,
		"Credential=AKIDEXAMPLE/20261122/eu-central-1/kms/aws4_request, "
		"SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
	"Signature=c2922d94977e6d4aa5aa69034cf512f34da3e9743f3fa926f89e1cb5751d4041"},
	{"botocore: a host with a port", "POST", "https://127.0.0.1:8443/", ENCRYPT, BODY, "",
		"eu-central-1", "kms", IN_2026,
		"Credential=AKIDEXAMPLE/20261122/eu-central-1/kms/aws4_request, "
		"SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
	"Signature=7720b484edac1624c2b1fa9403ceff31369e28d4937926c54877d1ca782ecb3b"},
	{"botocore: a session token", "POST", KMS_URL, ENCRYPT, BODY, SESSION, "eu-central-1", "kms", IN_2026,
		"Credential=AKIDEXAMPLE/20261122/eu-central-1/kms/aws4_request, "
		"SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
	"Signature=b9853f004b8883f763b25bcfb1bc10c1ffdf37fe379fea788715a89d1407df98"},
	{"botocore: STS, on a leap day", "POST", "https://sts.eu-central-1.amazonaws.com/",
		{FORM, {"Accept", "application/json"}}, "Action=AssumeRole&Version=2011-06-15", "",
		"eu-central-1", "sts", IN_2024,
		"Credential=AKIDEXAMPLE/20240229/eu-central-1/sts/aws4_request, "
		"SignedHeaders=accept;content-type;host;x-amz-date, "
	"Signature=0e16801a8dd58b6f73fd2e53b67a09fd97005ca44842c2935292d85e0e450968"},
	{"botocore: a header's name that begins another's", "POST", KMS_URL,
		{{"X-Amz-A-B", "2"}, {"X-Amz-A", "1"}}, "", "", "eu-central-1", "kms", IN_2024,
		"Credential=AKIDEXAMPLE/20240229/eu-central-1/kms/aws4_request, "
		"SignedHeaders=host;x-amz-a;x-amz-a-b;x-amz-date, "
	"Signature=f391f1ae58ecc0cbad1501bd3523ef8fe25bf098c2055962f9e8eec780bbc8b4"},
};

static KmsRequest request;

static void test_vectors(void);
static void test_not_signed(void);
static void test_wiped(void);

void
test_sigv4(void)
{
	test_vectors();
	test_not_signed();
	test_wiped();
}

/* A header of the request; NULL if it has none. */
static const char *
header(const char *name)
{
	Size		len = strlen(name);

	for (Size at = 0; at < request.headers_len; at += strlen(request.headers + at) + 1)
	{
		if (strncmp(request.headers + at, name, len) == 0 && request.headers[at + len] == ':')
			return request.headers + at + len + 2;
	}
	return NULL;
}

static SigV4Keys
keys_of(const char *session_token)
{
	return (SigV4Keys)
	{
		bytes_of_string(ID), bytes_of_string(SECRET), session_token
	};
}

static void
begin(const Vector * vector)
{
	memset(&request, 0xff, sizeof(request));
	http_request_init(&request, vector->method, vector->url);
	for (int i = 0; i < 2 && vector->headers[i][0] != NULL; i++)
		http_request_header(&request, vector->headers[i][0], vector->headers[i][1]);
	kms_request_body(&request, bytes_of_string(vector->body));
}

static void
test_vectors(void)
{
	for (int i = 0; i < lengthof(vectors); i++)
	{
		const		Vector *v = &vectors[i];
		SigV4Keys	keys = keys_of(v->session_token);
		bool		ok = true;
		const char *sent;

		begin(v);
		TAP_EACH(ok, sigv4_sign(&request, &keys, v->region, v->service, v->now_s), "not signed");
		sent = ok ? header("Authorization") : "";
		TAP_EACH(ok, strncmp(sent, "AWS4-HMAC-SHA256 ", 17) == 0 && strcmp(sent + 17, v->authorization) == 0,
				 "%s", sent);
		TAP_EACH(ok, strncmp(v->url + 8, header("Host"), strlen(header("Host"))) == 0, "%s", header("Host"));
		TAP_EACH(ok, (header("X-Amz-Security-Token") != NULL) == (v->session_token[0] != '\0'),
				 "session token");
		tap_ok(ok, "sigv4: %s", v->what);
	}
}

static bool
signs(const char *url, const char *name, const char *value, SigV4Keys keys, int64 now_s)
{
	http_request_init(&request, "POST", url);
	if (name != NULL)
		http_request_header(&request, name, value);
	return sigv4_sign(&request, &keys, "eu-central-1", "kms", now_s) ||
		header("Authorization") != NULL;
}

static void
test_not_signed(void)
{
	static char long_text[KMS_REQUEST_BODY_MAX];
	SigV4Keys	keys = keys_of("");
	SigV4Keys	other = keys;
	bool		ok = true;

	memset(long_text, 'x', sizeof(long_text) - 1);
	TAP_EACH(ok, signs(KMS_URL, "A", "b c", keys, IN_2015), "it can be signed at all");
	TAP_EACH(ok, !signs(KMS_URL, "A", " b", keys, IN_2015), "space before");
	TAP_EACH(ok, !signs(KMS_URL, "A", "b ", keys, IN_2015), "space behind");
	TAP_EACH(ok, !signs(KMS_URL, "A", "b  c", keys, IN_2015), "two spaces");
	TAP_EACH(ok, !signs(KMS_URL, "A", "b\nc", keys, IN_2015), "line feed");
	TAP_EACH(ok, !signs(KMS_URL, "host", "b", keys, IN_2015), "a header twice");
	TAP_EACH(ok, !signs("no url", NULL, NULL, keys, IN_2015), "no URL");
	TAP_EACH(ok, !signs("https:///", NULL, NULL, keys, IN_2015), "no host");
	TAP_EACH(ok, !signs(KMS_URL, NULL, NULL, keys, INT64CONST(253402300800)), "the year 10000");
	TAP_EACH(ok, !signs(KMS_URL, NULL, NULL, keys, PG_INT64_MAX), "no year");

	other.secret_key = bytes_of(long_text, SIGV4_SECRET_KEY_MAX);
	TAP_EACH(ok, signs(KMS_URL, NULL, NULL, other, IN_2015), "the longest secret");
	other.secret_key = bytes_of(long_text, SIGV4_SECRET_KEY_MAX + 1);
	TAP_EACH(ok, !signs(KMS_URL, NULL, NULL, other, IN_2015), "a longer one");
	other = keys;
	other.access_key_id = bytes_of(long_text, SIGV4_ACCESS_KEY_ID_MAX + 1);
	TAP_EACH(ok, !signs(KMS_URL, NULL, NULL, other, IN_2015), "a longer id");
	other = keys;
	other.session_token = long_text;
	TAP_EACH(ok, !signs(KMS_URL, NULL, NULL, other, IN_2015), "a session token that does not fit");

	http_request_init(&request, "POST", KMS_URL);
	for (int i = 0; i < 16; i++)
	{
		char		name[] = {'A', (char) ('a' + i), '\0'};

		http_request_header(&request, name, "x");
	}
	TAP_EACH(ok, !sigv4_sign(&request, &keys, "eu-central-1", "kms", IN_2015), "many headers");

	http_request_init(&request, "POST", KMS_URL);
	TAP_EACH(ok, !sigv4_sign(&request, &keys, long_text, "kms", IN_2015), "a long region");
	tap_ok(ok, "sigv4: what cannot be signed is not, and nothing is added that says it is");
}

/* The secret is in no header. */
static void
test_wiped(void)
{
	SigV4Keys	keys = keys_of("");
	bool		ok;

	http_request_init(&request, "POST", KMS_URL);
	ok = sigv4_sign(&request, &keys, "eu-central-1", "kms", IN_2015);
	for (Size at = 0; at + strlen(SECRET) <= request.headers_len; at++)
		ok = ok && memcmp(request.headers + at, SECRET, strlen(SECRET)) != 0;
	tap_ok(ok, "sigv4: the secret is not in the request");
}
