/*-------------------------------------------------------------------------
 *
 * kms_gcp_refusal.c
 *	  What an answer of Google means that is not the one asked for.
 *
 * Its services say it in two forms: an object of status, message and details
 * (google.rpc.Status), or the error of OAuth.  The texts are those that people
 * have reported of them, which the tests have word for word; nobody has made
 * Google say them to us.  They are looked at here and go no further.
 *
 * Where a text is unknown the status decides.  403 and 404 about a key are a
 * "no".  FAILED_PRECONDITION is one only with the state of a version that
 * somebody chose: it is also what a key of an external key manager says that
 * cannot be reached.  400 to a token exchange is a "no" as well, since nothing
 * in the request changes but the subject's token.
 *
 * About our own identity there is no "no": it is ours to mend.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/json.h"
#include "kms/kms_gcp.h"
#include "kms/kms_oauth.h"

#define REASON_MAX	64

#define WRAPS	KMS_ASKED_WRAP
#define STORED	KMS_ASKED_STORED	/* keys that were wrapped once */
#define KEYS	KMS_ASKED_KEYS
#define SIGNED	GCP_ASKED_ASSERTION
#define MACHINE GCP_ASKED_METADATA
#define TRADE	GCP_ASKED_EXCHANGE
#define ACT		GCP_ASKED_IMPERSONATION
#define ALL		KMS_ASKED_ALL

/* The first that fits counts. */
static const KmsRefusal refusals[] = {
	/* the key */
	{400, 0, KEYS, "FAILED_PRECONDITION", "current state is: DISABLED", KMS_DENIED, "",
	"The version of the key-encryption key is disabled"},
	{400, 0, KEYS, "FAILED_PRECONDITION", "current state is: DESTROY_SCHEDULED", KMS_DENIED, "",
	"The version of the key-encryption key is to be destroyed, though it can be restored"},
	{400, 0, KEYS, "FAILED_PRECONDITION", "current state is: DESTROYED", KMS_DENIED, "",
	"The version of the key-encryption key is destroyed"},
	{404, 0, KEYS, "NOT_FOUND", NULL, KMS_DENIED, "",
	"The key-encryption key does not exist"},
	{400, 0, STORED, "INVALID_ARGUMENT", "Decryption failed", KMS_BAD_CIPHERTEXT, "",
	"The wrapped key is not one of this tenant, key id and key-encryption key"},
	{400, 0, KEYS, "INVALID_ARGUMENT", "The checksum in field", KMS_UNAVAILABLE, "",
	"Something was damaged on the way to the KMS"},
	{400, 0, WRAPS, "INVALID_ARGUMENT", NULL, KMS_CONFIG, "kek",
	"the KMS does not wrap with it: its purpose must be ENCRYPT_DECRYPT"},

	/* the API, which the project that pays must have turned on */
	{400, 403, WRAPS, NULL, "SERVICE_DISABLED", KMS_CONFIG, "quota_project",
	"the Cloud KMS API is not enabled in the project that the calls count for"},
	{400, 403, WRAPS, NULL, "has not been used in project", KMS_CONFIG, "quota_project",
	"the Cloud KMS API is not enabled in the project that the calls count for"},
	{403, 0, WRAPS, NULL, "USER_PROJECT_DENIED", KMS_CONFIG, "quota_project",
	"that project may not be used for the calls"},
	{400, 403, STORED, NULL, "SERVICE_DISABLED", KMS_DENIED, "",
	"The Cloud KMS API was disabled in the project that the calls count for"},
	{400, 403, STORED, NULL, "has not been used in project", KMS_DENIED, "",
	"The Cloud KMS API was disabled in the project that the calls count for"},

	/* an external key manager that cannot be reached, a version in the making */
	{400, 0, KEYS, "FAILED_PRECONDITION", NULL, KMS_UNAVAILABLE, "",
	"The key-encryption key cannot be used now"},

	/* the token */
	{401, 0, KEYS | ACT, NULL, NULL, KMS_CREDENTIAL, "", "The access token does not count"},
	{403, 0, KEYS | ACT, NULL, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", KMS_CREDENTIAL, "",
	"The access token is not for this: the scopes of the machine do not have it"},
	{403, 0, KEYS, NULL, NULL, KMS_DENIED, "", "No permission allows this, or a perimeter forbids it"},

	/* who we are */
	{400, 401, SIGNED, "invalid_grant", "short-lived", KMS_CREDENTIAL, "",
	"A clock is wrong: the assertion's times are not the KMS's"},
	{400, 401, SIGNED, "invalid_grant", "Signature", KMS_CREDENTIAL, "credentials_file",
	"The service account's key is not, or no longer, one of it"},
	{400, 403, SIGNED, NULL, NULL, KMS_CREDENTIAL, "credentials_file",
	"The service account was refused"},
	{403, 404, MACHINE, NULL, NULL, KMS_CREDENTIAL, "metadata_address",
	"The machine has no service account"},

	/* whom the tenant admits: the token of somebody else */
	{400, 403, TRADE, "invalid_grant", "is stale to sign-in", KMS_CREDENTIAL, "",
	"The JWT has expired"},
	{400, 0, TRADE, "invalid_grant", "Error connecting to the given credential's issuer",
	KMS_UNAVAILABLE, "", "The KMS could not ask the issuer of the JWT for its keys"},
	{400, 0, TRADE, "invalid_target", NULL, KMS_DENIED, "",
	"The workload identity pool or its provider is disabled, deleted or was never there"},
	{400, 403, TRADE, "unauthorized_client", NULL, KMS_DENIED, "",
	"The condition of the workload identity pool does not admit the JWT"},
	{400, 403, TRADE, NULL, NULL, KMS_DENIED, "", "The token exchange was refused"},

	/* whom the tenant admits: as one of its service accounts */
	{404, 0, ACT, "NOT_FOUND", NULL, KMS_DENIED, "",
	"The service account to impersonate does not exist"},
	{400, 0, ACT, NULL, NULL, KMS_DENIED, "", "The service account cannot be impersonated"},
	{403, 0, ACT, NULL, NULL, KMS_DENIED, "", "The service account may not be impersonated"},

	/* whatever was asked */
	{429, 0, ALL, NULL, NULL, KMS_THROTTLED, "", "Its quota is used up"},
	{409, 0, ALL, "ABORTED", NULL, KMS_UNAVAILABLE, "", "It gave the request up"},
	{500, 599, ALL, NULL, NULL, KMS_UNAVAILABLE, "", "It is in trouble"},
};

/* google.rpc.Status: its status; the reason of its first detail and its message. */
static void
read_status(const KmsReply *reply, char code[OAUTH_CODE_MAX], char said[OAUTH_SAID_MAX])
{
	Bytes		body = bytes_of(reply->body, reply->body_len);
	char		reason[REASON_MAX];
	char		message[OAUTH_SAID_MAX - REASON_MAX];
	JsonWanted	wanted_code = {"error.status", code, OAUTH_CODE_MAX, false};
	JsonWanted	wanted_reason = {"error.details.0.reason", reason, sizeof(reason), false};
	JsonWanted	wanted_message = {"error.message", message, sizeof(message), false};

	/* One by one: what is too long leaves the others. */
	(void) json_find(body, &wanted_code, 1);
	(void) json_find(body, &wanted_reason, 1);
	(void) json_find(body, &wanted_message, 1);
	snprintf(said, OAUTH_SAID_MAX, "%s %s", reason, message);
}

bool
gcp_refused(const KmsReply *reply, int asked, KmsError *error)
{
	char		code[OAUTH_CODE_MAX];
	char		said[OAUTH_SAID_MAX];

	if ((asked & (SIGNED | MACHINE | TRADE)) != 0)
		oauth_read_error(reply, code, said);
	else
		read_status(reply, code, said);
	return kms_reply_refused(reply, error, refusals, lengthof(refusals), asked, code, said,
							 (asked & KEYS) != 0 ? "Its answer is not one of Cloud KMS" :
							 "Its answer to a login is not one of Google");
}
