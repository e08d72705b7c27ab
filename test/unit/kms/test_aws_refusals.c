/*-------------------------------------------------------------------------
 *
 * test_aws_refusals.c
 *	  What refusals of AWS mean, each as AWS words it.
 *
 * Codes and texts are those of the documentation and of botocore's service
 * model; nothing of a body gets into an error.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#define KEK		"arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
#define AWS		"provider", "aws", "region", "eu-central-1"
#define ROLE	"role_arn", "arn:aws:iam::444455556666:role/bionic"
#define WEB		AWS, "auth_method", "web_identity", "web_identity_token_file", "/etc/kms/x", \
	"web_identity_role_arn", "arn:aws:iam::111122223333:role/database"

/* Who is asked what. */
typedef enum Asked
{
	WRAP = 1 << 0,
	UNWRAP = 1 << 1,
	REWRAP = 1 << 2,
	ASSUME = 1 << 3,			/* the tenant's role */
	WEB_TENANT = 1 << 4,		/* likewise, for our token */
	WEB_OURS = 1 << 5,			/* our own role for our token */
	METADATA = 1 << 6
} Asked;

#define STORED	(UNWRAP | REWRAP)
#define KEYS	(WRAP | STORED)
#define TENANT	(ASSUME | WEB_TENANT)
#define STS		(TENANT | WEB_OURS)
#define SIGNED	(KEYS | ASSUME)
#define ALL		(KEYS | STS | METADATA)

typedef struct Refusal
{
	const char *what;
	int			status;
	const char *code;
	const char *said;
	int			asked;
	KmsStatus	means;
	const char *subject;
} Refusal;

static const Refusal refusals[] = {
	/* the key */
	{"disabled", 400, "DisabledException", KEK " is disabled.", KEYS, KMS_DENIED, ""},
	{"pending deletion", 400, "KMSInvalidStateException", KEK " is pending deletion.", KEYS, KMS_DENIED, ""},
	{"pending import", 400, "KMSInvalidStateException", KEK " is pending import.", KEYS, KMS_DENIED, ""},
	{"unavailable", 400, "KMSInvalidStateException", KEK " is unavailable.", KEYS, KMS_DENIED, ""},
	{"another state", 409, "KMSInvalidStateException", "", KEYS, KMS_DENIED, ""},
	{"external key store", 400, "KMSInvalidStateException",
	"The external key store proxy did not respond to the request within 250 ms.", KEYS, KMS_UNAVAILABLE, ""},
	{"external key store says no", 400, "KMSInvalidStateException",
	"The external key store proxy denied access to the operation. Verify that the user and the external key are correctly authorized for this operation, and try again.",
	KEYS, KMS_DENIED, ""},
	{"external key gone", 400, "KMSInvalidStateException",
	"The external key store proxy rejected the request because it could not find the external key.", KEYS, KMS_DENIED, ""},
	{"external key disabled", 400, "KMSInvalidStateException",
	"The external key store proxy rejected the request because the external key is not enabled in the external key manager.",
	KEYS, KMS_DENIED, ""},
	{"external key of another kind", 400, "KMSInvalidStateException",
	"The external key store proxy rejected the request because the external key does not support the requested operation.",
	KEYS, KMS_DENIED, ""},
	{"external key, other tenant", 400, "KMSInvalidStateException",
	"The external key store proxy rejected the request because the specified ciphertext or additional authenticated data is corrupted, missing, or otherwise invalid.",
	STORED, KMS_BAD_CIPHERTEXT, ""},
	{"deleted", 400, "NotFoundException", "Key '" KEK "' does not exist", KEYS, KMS_DENIED, ""},
	{"no policy", 400, "AccessDeniedException", "User: arn:aws:iam::1:user/v is not authorized", KEYS, KMS_DENIED, ""},
	{"no policy, in another form", 403, "AccessDenied", "User: arn:aws:iam::1:user/v is not authorized", KEYS, KMS_DENIED, ""},
	{"another context", 400, "InvalidCiphertextException", "", STORED, KMS_BAD_CIPHERTEXT, ""},
	{"another key", 400, "IncorrectKeyException", "The key ID in the request does not identify a CMK", STORED, KMS_BAD_CIPHERTEXT, ""},
	{"no ciphertext was sent", 400, "InvalidCiphertextException", "", WRAP, KMS_PROTOCOL, ""},
	{"not available", 500, "KeyUnavailableException", "", KEYS, KMS_UNAVAILABLE, ""},
	{"dependency", 503, "DependencyTimeoutException", "", KEYS, KMS_UNAVAILABLE, ""},
	{"internal", 500, "KMSInternalException", "", KEYS, KMS_UNAVAILABLE, ""},
	{"internal, as 400", 400, "KMSInternalException", "", KEYS, KMS_UNAVAILABLE, ""},
	{"cluster", 400, "CloudHsmClusterNotActiveException", "", KEYS, KMS_UNAVAILABLE, ""},
	{"key store", 400, "CustomKeyStoreInvalidStateException", "", KEYS, KMS_UNAVAILABLE, ""},
	{"proxy", 400, "XksProxyUriUnreachableException", "", KEYS, KMS_UNAVAILABLE, ""},
	{"proxy's reply", 400, "XksProxyInvalidResponseException", "", KEYS, KMS_UNAVAILABLE, ""},

	/* configuration */
	{"ARN", 400, "InvalidArnException", "Invalid keyId", KEYS, KMS_CONFIG, "kek"},
	{"usage", 400, "InvalidKeyUsageException", "", KEYS, KMS_CONFIG, "kek"},
	{"unsupported", 400, "UnsupportedOperationException", "", KEYS, KMS_CONFIG, "kek"},
	{"validation", 400, "ValidationException", "1 validation error detected", KEYS, KMS_CONFIG, "kek"},
	{"no KMS", 400, "UnknownOperationException", "", KEYS, KMS_CONFIG, "address"},
	{"role's ARN", 400, "ValidationError", "1 validation error detected", ASSUME, KMS_CONFIG, "role_arn"},
	{"role's ARN", 400, "ValidationError", "1 validation error detected", WEB_TENANT | WEB_OURS, KMS_CONFIG, "web_identity_role_arn"},

	/* too many */
	{"throttled with 400", 400, "ThrottlingException", "Rate exceeded", KEYS | STS, KMS_THROTTLED, ""},
	{"throttled", 400, "Throttling", "Rate exceeded", KEYS | STS, KMS_THROTTLED, ""},
	{"request limit", 503, "RequestLimitExceeded", "", KEYS | STS, KMS_THROTTLED, ""},
	{"quota", 400, "LimitExceededException", "", KEYS | STS, KMS_THROTTLED, ""},
	{"too many", 400, "TooManyRequestsException", "", KEYS | STS, KMS_THROTTLED, ""},
	{"429 without a word", 429, NULL, NULL, ALL, KMS_THROTTLED, ""},

	/* clocks */
	{"we are late", 400, "InvalidSignatureException",
		"Signature expired: 20261122T000000Z is now earlier than 20261122T001000Z (20261122T001500Z - 5 min.)",
	SIGNED, KMS_UNAVAILABLE, ""},
	{"we are early", 400, "InvalidSignatureException",
		"Signature not yet current: 20261122T003000Z is still later than 20261122T002000Z (20261122T001500Z + 5 min.)",
	SIGNED, KMS_UNAVAILABLE, ""},
	{"STS: we are late", 403, "SignatureDoesNotMatch",
	"Signature expired: 20261122T000000Z is now earlier than 20261122T001000Z", SIGNED, KMS_UNAVAILABLE, ""},
	{"STS: we are early", 403, "SignatureDoesNotMatch",
	"Signature not yet current: 20261122T003000Z is still later than", SIGNED, KMS_UNAVAILABLE, ""},
	{"expired request", 400, "RequestExpired", "", SIGNED, KMS_UNAVAILABLE, ""},
	{"skew", 403, "RequestTimeTooSkewed", "", SIGNED, KMS_UNAVAILABLE, ""},

	/* our access key */
	{"session over", 400, "ExpiredTokenException", "The security token included in the request is expired", SIGNED, KMS_CREDENTIAL, "auth_method"},
	{"session over", 403, "ExpiredToken", "The security token included in the request is expired", SIGNED, KMS_CREDENTIAL, "auth_method"},
	{"key deleted", 400, "UnrecognizedClientException", "The security token included in the request is invalid.", SIGNED, KMS_CREDENTIAL, "auth_method"},
	{"key deleted", 403, "InvalidClientTokenId", "The security token included in the request is invalid.", SIGNED, KMS_CREDENTIAL, "auth_method"},
	{"no such key", 403, "InvalidAccessKeyId", "", SIGNED, KMS_CREDENTIAL, "auth_method"},
	{"wrong secret", 400, "InvalidSignatureException", "The request signature we calculated does not match the signature you provided.", SIGNED, KMS_CREDENTIAL, "auth_method"},
	{"wrong secret", 403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.", SIGNED, KMS_CREDENTIAL, "auth_method"},
	{"half a signature", 400, "IncompleteSignature", "", SIGNED, KMS_CREDENTIAL, "auth_method"},
	{"half a signature", 403, "IncompleteSignatureException", "", SIGNED, KMS_CREDENTIAL, "auth_method"},
	{"no signature", 403, "MissingAuthenticationToken", "", SIGNED, KMS_CREDENTIAL, "auth_method"},
	{"no signature", 400, "MissingAuthenticationTokenException", "", SIGNED, KMS_CREDENTIAL, "auth_method"},
	{"no subscription", 403, "OptInRequired", "", SIGNED, KMS_CREDENTIAL, "auth_method"},

	/* our token, and who trusts its issuer */
	{"provider gone", 400, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://issuer.example",
	WEB_TENANT, KMS_DENIED, ""},
	{"audience gone", 400, "InvalidIdentityToken", "Incorrect token audience", WEB_TENANT, KMS_DENIED, ""},
	{"provider gone, ours", 400, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://issuer.example",
	WEB_OURS, KMS_CREDENTIAL, "web_identity_token_file"},
	{"verification key", 400, "InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider",
	WEB_TENANT | WEB_OURS, KMS_CREDENTIAL, "web_identity_token_file"},
	{"token expired", 400, "ExpiredTokenException", "Token expired: current date/time 1 must be before the expiration date/time 0",
	WEB_TENANT | WEB_OURS, KMS_CREDENTIAL, "web_identity_token_file"},
	{"claim rejected", 403, "IDPRejectedClaim", "", WEB_TENANT | WEB_OURS, KMS_CREDENTIAL, "web_identity_token_file"},
	{"issuer not reached", 400, "IDPCommunicationError", "", WEB_TENANT | WEB_OURS, KMS_UNAVAILABLE, ""},

	/* roles */
	{"role refused", 403, "AccessDenied", "User: arn:aws:iam::1:user/v is not authorized to perform: sts:AssumeRole", ASSUME, KMS_DENIED, ""},
	{"role refused", 403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", WEB_TENANT, KMS_DENIED, ""},
	{"our role refused", 403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", WEB_OURS, KMS_CREDENTIAL, "web_identity_role_arn"},
	{"region off", 403, "RegionDisabledException", "", TENANT, KMS_DENIED, ""},
	{"region off, ours", 403, "RegionDisabledException", "", WEB_OURS, KMS_CREDENTIAL, "web_identity_role_arn"},

	/* metadata services */
	{"no role", 404, NULL, NULL, METADATA, KMS_CREDENTIAL, "auth_method"},
	{"session over", 401, NULL, NULL, METADATA, KMS_CREDENTIAL, "auth_method"},
	{"turned off", 403, NULL, NULL, METADATA, KMS_CREDENTIAL, "auth_method"},
	{"who speaks of keys", 400, "DisabledException", "", METADATA, KMS_CREDENTIAL, "auth_method"},
	{"trouble", 500, NULL, NULL, METADATA, KMS_UNAVAILABLE, "auth_method"},
	{"trouble", 503, "AccessDenied", "", METADATA, KMS_UNAVAILABLE, "auth_method"},

	/* whatever the code */
	{"unknown 403", 403, "SomethingNew", "", KEYS | TENANT, KMS_DENIED, ""},
	{"unknown 403, ours", 403, "SomethingNew", "", WEB_OURS, KMS_CREDENTIAL, "web_identity_role_arn"},
	{"403 of something in between", 403, NULL, NULL, KEYS | TENANT, KMS_DENIED, ""},
	{"unknown 400", 400, "SomethingNew", "", KEYS | STS, KMS_PROTOCOL, ""},
	{"400 without a word", 400, NULL, NULL, KEYS | STS, KMS_PROTOCOL, ""},
	{"in the words of STS", 400, "AccessDenied", "", KEYS, KMS_DENIED, ""},
	{"a code of another place", 400, "DisabledException", "", STS, KMS_PROTOCOL, ""},
	{"trouble", 500, "InternalFailure", "", KEYS | STS, KMS_UNAVAILABLE, ""},
	{"trouble", 503, "ServiceUnavailable", "", KEYS | STS, KMS_UNAVAILABLE, ""},
	{"gateway", 502, NULL, NULL, KEYS | STS, KMS_UNAVAILABLE, ""},
	{"the last of its kind", 599, NULL, NULL, ALL & ~METADATA, KMS_UNAVAILABLE, ""},
	{"no such status", 600, NULL, NULL, ALL, KMS_PROTOCOL, ""},
	{"no such status", 100, NULL, NULL, ALL, KMS_PROTOCOL, ""},
	{"not found", 404, NULL, NULL, KEYS | STS, KMS_PROTOCOL, ""},
	{"not authorised", 401, NULL, NULL, KEYS | STS, KMS_PROTOCOL, ""},
	{"no content", 204, NULL, NULL, KEYS | STS, KMS_PROTOCOL, ""},
};

static KmsError error;

static void test_each(void);
static void test_forms(void);
static void test_places(void);
static void test_retry_after(void);

void
test_aws_refusals(void)
{
	test_each();
	test_forms();
	test_places();
	test_retry_after();
}

static bool
read_refusal(Asked asked, const KmsReply *reply)
{
	static const char *const imds_chain[] = {AWS, "auth_method", "imds", ROLE, NULL};
	static const char *const web[] = {WEB, NULL};
	static const char *const web_chain[] = {WEB, ROLE, NULL};
	static const KmsContext context = {.kek = KEK};
	static KmsToken token;
	const KmsRemote *remote = kms_aws.remote;
	KmsAsked	operation = {.context = &context};
	KmsLoginAsked login = {.step = KMS_LOGIN};
	uint8		out[KMS_WRAPPED_MAX];
	Size		len;

	memset(&error, 'z', sizeof(error));
	switch (asked)
	{
		case WRAP:
		case UNWRAP:
		case REWRAP:
			operation.operation = asked == WRAP ? KMS_WRAP : asked == UNWRAP ? KMS_UNWRAP : KMS_REWRAP;
			return remote->read(server_of(imds_chain), &operation, reply, out, &len, &error);
		case ASSUME:
			login.round = 3;
			return remote->read_login(server_of(imds_chain), &login, reply, &token, &error) != KMS_FAILED;
		case METADATA:
			login.round = 2;
			return remote->read_login(server_of(imds_chain), &login, reply, &token, &error) != KMS_FAILED;
		default:
			return remote->read_login(server_of(asked == WEB_TENANT ? web : web_chain), &login, reply,
									  &token, &error) != KMS_FAILED;
	}
}

static void
test_each(void)
{
	for (int i = 0; i < lengthof(refusals); i++)
	{
		const Refusal *r = &refusals[i];
		bool		ok = true;

		for (int asked = WRAP; asked <= METADATA; asked <<= 1)
		{
			char		body[1024] = "<html>s3cret</html>";

			if ((r->asked & asked) == 0)
				continue;
			if (r->code != NULL && (asked & STS) != 0)
				snprintf(body, sizeof(body), "{\"Error\":{\"Code\":\"%s\",\"Message\":\"%s s3cret\",\"Type\":\"Sender\"},"
						 "\"RequestId\":\"x\"}", r->code, r->said);
			else if (r->code != NULL)
				snprintf(body, sizeof(body), "{\"__type\":\"%s\",\"message\":\"%s s3cret\"}", r->code, r->said);
			TAP_EACH(ok, !read_refusal((Asked) asked, reply_of(r->status, body)) &&
					 error.status == r->means && strcmp(error.subject, r->subject) == 0 &&
					 strstr(error.detail, "s3cret") == NULL &&
					 (r->code == NULL || strstr(error.detail, r->code) == NULL) &&
					 error.retry_after_ms == 0,
					 "asked %d: means %d of \"%s\": %s", asked, error.status, error.subject, error.detail);
		}
		tap_ok(ok, "aws: %d %s, %s", r->status, r->code != NULL ? r->code : "", r->what);
	}
}

/* One code in all the ways in which AWS writes it. */
static void
test_forms(void)
{
	static const char *const denied[] = {
		"{\"__type\":\"DisabledException\"}",
		"{\"__type\":\"com.amazonaws.kms#DisabledException\"}",
		"{\"__type\":\"com.amazon.coral.service#DisabledException:http://internal.amazon.com/x#y\"}",
		"{\"__type\":\"DisabledException:http://internal.amazon.com/\",\"Message\":\"x\"}",
		"{\"__type\":\"DisabledException\",\"message\":\"M\\u00fcnchen\"}",
		"{\"message\":null,\"__type\":\"DisabledException\"}",
		"{\"Error\":{\"Code\":\"DisabledException\"}}",
	};
	static const char *const unread[] = {
		"{\"__type\":\"disabledexception\"}",
		"{\"__type\":\"XDisabledException\"}",
		"{\"__type\":\"DisabledExceptions\"}",
		"{\"__type\":\"DisabledException#\"}",
		"{\"__type\":\":DisabledException\"}",
		"{\"__type\":[\"DisabledException\"]}",
		"{\"x\":{\"__type\":\"DisabledException\"}}",
		"{\"__type\":\"DisabledException\",\"__type\":\"x\"}",
		"{\"__type\":\"DisabledException\"",
		"DisabledException",
		"<ErrorResponse><Error><Code>DisabledException</Code></Error></ErrorResponse>",
		"{\"code\":\"DisabledException\"}",
		"{\"__type\":\"12345678901234567890123456789012345678901234567890123456789012345678901234567890"
		"123456789012345678901234567890123456789012345678901234567890#DisabledException\"}",
		"",
	};
	static char body[8192];
	bool		ok = true;

	for (int i = 0; i < lengthof(denied); i++)
		TAP_EACH(ok, !read_refusal(UNWRAP, reply_of(400, denied[i])) && error.status == KMS_DENIED, "%s", denied[i]);
	tap_ok(ok, "aws: one code in all its forms");

	for (int i = 0; i < lengthof(unread); i++)
		TAP_EACH(ok, !read_refusal(UNWRAP, reply_of(400, unread[i])) && error.status == KMS_PROTOCOL, "%s", unread[i]);
	tap_ok(ok, "aws: and what is not one");

	/* "Message" as well as "message"; one that is too long is as good as none. */
	ok = !read_refusal(UNWRAP, reply_of(400, "{\"__type\":\"InvalidSignatureException\",\"Message\":\"Signature expired: x\"}")) &&
		error.status == KMS_UNAVAILABLE;
	snprintf(body, sizeof(body), "{\"__type\":\"InvalidSignatureException\",\"message\":\"Signature expired: %04096d\"}", 0);
	tap_ok(ok && !read_refusal(UNWRAP, reply_of(400, body)) && error.status == KMS_CREDENTIAL,
		   "aws: what it says is looked at where it matters");
}

/* A code that one service says is no code of another. */
static void
test_places(void)
{
	tap_ok(!read_refusal(METADATA, reply_of(403, "{\"__type\":\"ThrottlingException\"}")) &&
		   error.status == KMS_CREDENTIAL,
		   "aws: a metadata service has no codes");
	tap_ok(!read_refusal(ASSUME, reply_of(400, "{\"__type\":\"ThrottlingException\"}")) &&
		   error.status == KMS_THROTTLED,
		   "aws: STS may answer as KMS does");
}

static void
test_retry_after(void)
{
	KmsReply   *reply = reply_of(400, "{\"__type\":\"ThrottlingException\"}");
	bool		ok;

	reply->retry_after_ms = 3000;
	ok = !read_refusal(UNWRAP, reply) && error.status == KMS_THROTTLED && error.retry_after_ms == 3000;
	reply = reply_of(403, "");
	strcpy(reply->request_id, "7a1f-22");
	tap_ok(ok && !read_refusal(UNWRAP, reply) && strstr(error.detail, "7a1f-22") != NULL,
		   "aws: how long to wait is said, and the request's id");
}
