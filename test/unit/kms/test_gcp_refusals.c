/*-------------------------------------------------------------------------
 *
 * test_gcp_refusals.c
 *	  What each refusal of Google means, in its own words.
 *
 * They are copied from what people have reported of it; nobody has made it say
 * them to us.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include "gcp_tap.h"

typedef enum Asked
{
	WRAP = 1 << 0,
	UNWRAP = 1 << 1,
	SIGNED = 1 << 2,			/* an assertion */
	MACHINE = 1 << 3,			/* the metadata service */
	TRADE = 1 << 4,				/* a token exchange */
	ACT = 1 << 5				/* an impersonation */
} Asked;

#define KEYS	(WRAP | UNWRAP)
#define FORMS	(SIGNED | TRADE)
#define ALL		(KEYS | FORMS | MACHINE | ACT)

typedef struct Refusal
{
	const char *what;
	int			status;
	const char *code;			/* NULL: no JSON at all */
	const char *said;			/* of forms: error_description */
	const char *reason;			/* of details.0; NULL: no details */
	int			asked;
	KmsStatus	means;
	const char *subject;
} Refusal;

#define VERSION "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"
#define NOT_ENABLED VERSION " is not enabled, current state is: "
#define API_OFF "Cloud Key Management Service (KMS) API has not been used in project 1 before or it is disabled. " \
	"Enable it by visiting https://console.developers.google.com/apis/api/cloudkms.googleapis.com/overview?project=1 then retry."

static const Refusal refusals[] = {
	/* the key */
	{"version disabled", 400, "FAILED_PRECONDITION", NOT_ENABLED "DISABLED.", NULL, KEYS, KMS_DENIED, ""},
	{"version to be destroyed", 400, "FAILED_PRECONDITION", NOT_ENABLED "DESTROY_SCHEDULED.", NULL, KEYS,
	KMS_DENIED, ""},
	{"version destroyed", 400, "FAILED_PRECONDITION", NOT_ENABLED "DESTROYED.", NULL, KEYS, KMS_DENIED, ""},
	{"version in the making", 400, "FAILED_PRECONDITION", NOT_ENABLED "PENDING_GENERATION.", NULL, KEYS,
	KMS_UNAVAILABLE, ""},
	{"external: being destroyed there", 400, "FAILED_PRECONDITION",
	NOT_ENABLED "PENDING_EXTERNAL_DESTRUCTION.", NULL, KEYS, KMS_UNAVAILABLE, ""},
	{"external: not reached", 400, "FAILED_PRECONDITION",
		"The external key manager could not be reached; its state may be DISABLED or DESTROYED.", NULL, KEYS,
	KMS_UNAVAILABLE, ""},
	{"key gone", 404, "NOT_FOUND", "CryptoKey projects/p/locations/global/keyRings/r/cryptoKeys/k not found.",
	NULL, KEYS, KMS_DENIED, ""},
	{"wrong binding, other key, tampered", 400, "INVALID_ARGUMENT",
	"Decryption failed: verify that 'name' refers to the correct CryptoKey.", NULL, UNWRAP, KMS_BAD_CIPHERTEXT, ""},
	{"no ciphertext", 400, "INVALID_ARGUMENT", "Decryption failed: the ciphertext is invalid.", NULL, UNWRAP,
	KMS_BAD_CIPHERTEXT, ""},
	{"those to who wraps", 400, "INVALID_ARGUMENT", "Decryption failed: the ciphertext is invalid.", NULL, WRAP,
	KMS_CONFIG, "kek"},
	{"damaged on the way", 400, "INVALID_ARGUMENT",
		"The checksum in field plaintext_crc32c did not match the data in field plaintext.", NULL, KEYS,
	KMS_UNAVAILABLE, ""},
	{"key for signatures", 400, "INVALID_ARGUMENT", "Invalid purpose.", NULL, WRAP, KMS_CONFIG, "kek"},
	{"anything else", 400, "INVALID_ARGUMENT", "Request contains an invalid argument.", NULL, UNWRAP,
	KMS_PROTOCOL, ""},
	{"disabled, said elsewhere", 400, "INVALID_ARGUMENT", NOT_ENABLED "DISABLED.", NULL, UNWRAP,
	KMS_PROTOCOL, ""},
	{"disabled, with trouble", 503, "FAILED_PRECONDITION", NOT_ENABLED "DISABLED.", NULL, KEYS,
	KMS_UNAVAILABLE, ""},

	/* the API */
	{"API off", 403, "PERMISSION_DENIED", API_OFF, "SERVICE_DISABLED", WRAP, KMS_CONFIG, "quota_project"},
	{"API off", 403, "PERMISSION_DENIED", API_OFF, "SERVICE_DISABLED", UNWRAP, KMS_DENIED, ""},
	{"API off, by its reason", 403, "PERMISSION_DENIED", "x", "SERVICE_DISABLED", WRAP, KMS_CONFIG,
	"quota_project"},
	{"API off, by its text", 400, "FAILED_PRECONDITION", API_OFF, NULL, WRAP, KMS_CONFIG, "quota_project"},
	{"API off, by its text", 400, "FAILED_PRECONDITION", API_OFF, NULL, UNWRAP, KMS_DENIED, ""},
	{"quota project not ours", 403, "PERMISSION_DENIED",
		"Caller does not have required permission to use project acme-billing.", "USER_PROJECT_DENIED", WRAP,
	KMS_CONFIG, "quota_project"},

	/* permissions */
	{"permission gone", 403, "PERMISSION_DENIED",
		"Permission 'cloudkms.cryptoKeyVersions.useToDecrypt' denied on resource (or it may not exist).",
	"IAM_PERMISSION_DENIED", KEYS, KMS_DENIED, ""},
	{"perimeter", 403, "PERMISSION_DENIED", "Request is prohibited by organization's policy.",
	"SECURITY_POLICY_VIOLATED", KEYS, KMS_DENIED, ""},
	{"a firewall's page", 403, NULL, NULL, NULL, KEYS | TRADE | ACT, KMS_DENIED, ""},
	{"scopes of the machine", 403, "PERMISSION_DENIED", "Request had insufficient authentication scopes.",
	"ACCESS_TOKEN_SCOPE_INSUFFICIENT", KEYS | ACT, KMS_CREDENTIAL, ""},
	{"token of no use", 401, "UNAUTHENTICATED",
		"Request had invalid authentication credentials. Expected OAuth 2 access token.", "ACCESS_TOKEN_EXPIRED",
	KEYS | ACT, KMS_CREDENTIAL, ""},
	{"page of something in between", 404, NULL, NULL, NULL, ALL & ~MACHINE, KMS_PROTOCOL, ""},

	/* who we are */
	{"clock", 400, "invalid_grant",
		"Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
	"Check your iat and exp values in the JWT claim.", NULL, SIGNED, KMS_CREDENTIAL, ""},
	{"key deleted", 400, "invalid_grant", "Invalid JWT Signature.", NULL, SIGNED, KMS_CREDENTIAL,
	"credentials_file"},
	{"account deleted", 400, "invalid_grant", "Invalid grant: account not found", NULL, SIGNED, KMS_CREDENTIAL,
	"credentials_file"},
	{"account disabled", 401, "disabled_client", "The OAuth client was disabled.", NULL, SIGNED, KMS_CREDENTIAL,
	"credentials_file"},
	{"no account on this machine", 404, NULL, NULL, NULL, MACHINE, KMS_CREDENTIAL, "metadata_address"},
	{"not for this machine", 403, NULL, NULL, NULL, MACHINE, KMS_CREDENTIAL, "metadata_address"},

	/* whom the tenant admits */
	{"subject expired", 400, "invalid_grant", "ID Token issued at 1778083730 is stale to sign-in.", NULL, TRADE,
	KMS_CREDENTIAL, ""},
	{"issuer not reached", 400, "invalid_grant", "Error connecting to the given credential's issuer.", NULL,
	TRADE, KMS_UNAVAILABLE, ""},
	{"pool deleted", 400, "invalid_target",
		"The target service indicated by the \\\"audience\\\" parameters is invalid. This might either be because "
		"the pool or provider is disabled or deleted or because it doesn't exist.", NULL, TRADE, KMS_DENIED, ""},
	{"condition", 401, "unauthorized_client", "The given credential is rejected by the attribute condition.",
	NULL, TRADE, KMS_DENIED, ""},
	{"audience of the subject", 400, "invalid_grant",
	"The audience in ID Token [x] does not match the expected audience y.", NULL, TRADE, KMS_DENIED, ""},
	{"anything else", 400, "invalid_request", "x", NULL, TRADE, KMS_DENIED, ""},
	{"anything else", 403, "access_denied", "x", NULL, TRADE, KMS_DENIED, ""},
	{"account gone", 404, "NOT_FOUND", "Not found; Gaia id not found for email kms@acme.iam.gserviceaccount.com",
	NULL, ACT, KMS_DENIED, ""},
	{"may not act", 403, "PERMISSION_DENIED",
		"Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).",
	"IAM_PERMISSION_DENIED", ACT, KMS_DENIED, ""},
	{"may not act so", 400, "FAILED_PRECONDITION", "x", NULL, ACT, KMS_DENIED, ""},

	/* not a word on anybody */
	{"quota", 429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Cryptographic requests'.",
	"RATE_LIMIT_EXCEEDED", KEYS | ACT, KMS_THROTTLED, ""},
	{"quota", 429, NULL, NULL, NULL, ALL, KMS_THROTTLED, ""},
	{"conflict", 409, "ABORTED", "x", NULL, KEYS | ACT, KMS_UNAVAILABLE, ""},
	{"conflict of something else", 409, NULL, NULL, NULL, ALL, KMS_PROTOCOL, ""},
	{"down", 503, "UNAVAILABLE", "The service is currently unavailable.", NULL, KEYS | ACT, KMS_UNAVAILABLE, ""},
	{"slow", 504, "DEADLINE_EXCEEDED", "x", NULL, KEYS | ACT, KMS_UNAVAILABLE, ""},
	{"trouble", 500, "INTERNAL", "Internal error encountered.", NULL, KEYS | ACT, KMS_UNAVAILABLE, ""},
	{"trouble that speaks of denials", 500, "PERMISSION_DENIED", "x", NULL, KEYS | ACT, KMS_UNAVAILABLE, ""},
	{"trouble of a login", 500, "internal_failure", "x", NULL, FORMS, KMS_UNAVAILABLE, ""},
	{"gateway", 502, NULL, NULL, NULL, ALL, KMS_UNAVAILABLE, ""},
	{"the last of its kind", 599, NULL, NULL, NULL, ALL, KMS_UNAVAILABLE, ""},
	{"no such status", 600, NULL, NULL, NULL, ALL, KMS_PROTOCOL, ""},
	{"no such status", 0, NULL, NULL, NULL, ALL, KMS_PROTOCOL, ""},
	{"not of Google", 405, NULL, NULL, NULL, ALL, KMS_PROTOCOL, ""},
	{"not of Google", 413, NULL, NULL, NULL, ALL, KMS_PROTOCOL, ""},
	{"no JSON", 400, NULL, NULL, NULL, KEYS | MACHINE, KMS_PROTOCOL, ""},
};

static void test_each(void);
static void test_bodies(void);

void
test_gcp_refusals(void)
{
	test_each();
	test_bodies();
}

static KmsError error;

static bool
read_refusal(Asked asked, KmsReply *reply)
{
	static const char *const account[] = {GCP_ACCOUNT, NULL};
	static const char *const machine[] = {GCP_MACHINE, NULL};
	static const char *const trade[] = {GCP_TRADE, GCP_ACT, NULL};
	static KmsCredential credential;
	static KmsToken token;
	const char *const *options = asked == SIGNED ? account : asked == MACHINE ? machine : trade;
	KmsLoginAsked login = {.step = KMS_LOGIN,.round = asked == ACT,.credential = &credential};
	uint8		out[KMS_WRAPPED_MAX];
	Size		len;

	memset(&error, 'z', sizeof(error));
	strcpy(reply->metadata_flavor, "Google");
	if ((asked & KEYS) != 0)
		return ask_read(&kms_gcp, server_of(options), asked == WRAP ? KMS_WRAP : KMS_UNWRAP, reply, out,
						&len, &error);
	return kms_gcp.remote->read_login(server_of(options), &login, reply, &token, &error) != KMS_FAILED;
}

static void
make_body(const Refusal *r, Asked asked, char *body, Size size)
{
	if (r->code == NULL)
		snprintf(body, size, "<html>s3cret</html>");
	else if ((asked & (FORMS | MACHINE)) != 0)
		snprintf(body, size, "{\"error\":\"%s\",\"error_description\":\"%s\",\"x\":\"s3cret\"}", r->code, r->said);
	else
		snprintf(body, size, "{\"error\":{\"code\":%d,\"message\":\"%s\",\"status\":\"%s\",\"x\":\"s3cret\","
				 "\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"%s\"}]}}",
				 r->status, r->said, r->code, r->reason == NULL ? "OTHER" : r->reason);
}

static void
test_each(void)
{
	for (int i = 0; i < lengthof(refusals); i++)
	{
		const Refusal *r = &refusals[i];
		char		body[2048];
		bool		ok = true;

		for (int asked = WRAP; asked <= ACT; asked <<= 1)
		{
			if ((r->asked & asked) == 0)
				continue;
			make_body(r, (Asked) asked, body, sizeof(body));
			TAP_EACH(ok, !read_refusal((Asked) asked, reply_of(r->status, body)) &&
					 error.status == r->means && strcmp(error.subject, r->subject) == 0 &&
					 strstr(error.detail, "s3cret") == NULL && strstr(error.detail, "projects/") == NULL &&
					 error.retry_after_ms == 0,
					 "asked %d: means %d of \"%s\": %s", asked, error.status, error.subject, error.detail);
		}
		tap_ok(ok, "gcp: %d, %s", r->status, r->what);
	}
}

/* Where the words must stand. */
static void
test_bodies(void)
{
	static const char *const unread[] = {
		"{\"status\":\"FAILED_PRECONDITION\",\"message\":\"" NOT_ENABLED "DISABLED.\"}",
		"[{\"error\":{\"status\":\"FAILED_PRECONDITION\",\"message\":\"" NOT_ENABLED "DISABLED.\"}}]",
		"{\"error\":{\"status\":\"FAILED_PRECONDITION\",\"message\":\"" NOT_ENABLED "DISABLED.\"}",
		"{\"error\":{\"message\":\"" NOT_ENABLED "DISABLED.\"}}",
		"{\"error\":\"FAILED_PRECONDITION\",\"error_description\":\"" NOT_ENABLED "DISABLED.\"}",
		NOT_ENABLED "DISABLED.",
		"",
	};
	static char long_body[16384];
	bool		ok = true;

	for (int i = 0; i < lengthof(unread); i++)
		TAP_EACH(ok, !read_refusal(UNWRAP, reply_of(400, unread[i])) && error.status == KMS_PROTOCOL,
				 "%s", unread[i]);
	snprintf(long_body, sizeof(long_body), "{\"error\":{\"status\":\"FAILED_PRECONDITION\",\"message\":\""
			 NOT_ENABLED "DISABLED%05000d\"}}", 0);
	TAP_EACH(ok, !read_refusal(UNWRAP, reply_of(400, long_body)) && error.status == KMS_UNAVAILABLE,
			 "a message that is too long");
	tap_ok(ok, "gcp: only words where they belong count");
}
