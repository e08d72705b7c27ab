/*-------------------------------------------------------------------------
 *
 * kms_azure_refusal.c
 *	  What a refusal means, of the vault, of Entra ID and of the metadata
 *	  service.
 *
 * A vault says {"error":{"code":..,"message":..,"innererror":{"code":..}}},
 * of which the inner code is the better one; some write innerError.  Entra ID
 * gives numbers, AADSTS and up to seven digits; they are public, and its words
 * change.  All are looked at here and go no further.
 *
 * At Entra ID it matters who said no: the tenant's directory, which does not
 * admit us any more, or whoever looked at our credential.  The former is a
 * revocation; the latter is ours to mend.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/json.h"
#include "kms/kms_azure.h"
#include "kms/kms_reply.h"

#define CODE_MAX	128
#define SAID_MAX	4096		/* a longer one is as good as unknown */

#define WRAPS	KMS_ASKED_WRAP
#define STORED	KMS_ASKED_STORED	/* keys that were wrapped once */
#define KEYS	KMS_ASKED_KEYS
#define LOGIN	KMS_ASKED_LOGIN

/* The first that fits counts. */
static const KmsRefusal vault_refusals[] = {
	/* the key */
	{403, 0, KEYS, "KeyDisabled", NULL, KMS_DENIED, "",
	"The key-encryption key is disabled"},
	{403, 0, KEYS, NULL, "disabled key", KMS_DENIED, "",
	"The key-encryption key is disabled"},
	{403, 0, KEYS, "KeyExpired", NULL, KMS_DENIED, "",
	"The key-encryption key has expired"},
	{403, 0, KEYS, NULL, "expired", KMS_DENIED, "",
	"The key-encryption key has expired"},
	{403, 0, KEYS, "KeyNotYetValid", NULL, KMS_DENIED, "",
	"The key-encryption key is not valid yet"},
	{403, 0, KEYS, NULL, "not yet valid", KMS_DENIED, "",
	"The key-encryption key is not valid yet"},
	{404, 0, KEYS, "KeyNotFound", NULL, KMS_DENIED, "",
	"The key-encryption key does not exist, or is deleted, or its version is"},
	{400, 0, STORED, "BadParameter", NULL, KMS_BAD_CIPHERTEXT, "",
	"The wrapped key is not one of this key-encryption key"},
	{400, 0, WRAPS, "BadParameter", NULL, KMS_CONFIG, "kek",
	"the key-encryption key is not one for the server's algorithm"},

	/* we */
	{403, 0, KEYS, "ForbiddenByFirewall", NULL, KMS_DENIED, "",
	"The firewall of the vault does not let us in"},
	{403, 0, KEYS, NULL, "Client address", KMS_DENIED, "",
	"The firewall of the vault does not let us in"},
	{403, 0, KEYS, "ForbiddenByRbac", NULL, KMS_DENIED, "",
	"No role lets us use the key-encryption key"},
	{403, 0, KEYS, "ForbiddenByPolicy", NULL, KMS_DENIED, "",
	"No access policy lets us use the key-encryption key"},
	{403, 0, KEYS, NULL, NULL, KMS_DENIED, "",
	"It does not let us use the key-encryption key"},
	{401, 0, AZURE_ASKED_ADMITTED, NULL, NULL, KMS_DENIED, "",
	"It does not take a token of the tenant's directory"},
	{401, 0, KEYS, NULL, NULL, KMS_CREDENTIAL, "",
	"It does not take the token"},

	/* whatever it says */
	{429, 0, KEYS, NULL, NULL, KMS_THROTTLED, "", "Its rate limit is used up"},
	{408, 0, KEYS, NULL, NULL, KMS_UNAVAILABLE, "", "It had no time"},
	{500, 599, KEYS, NULL, NULL, KMS_UNAVAILABLE, "", "It is in trouble"},
};

#define NOT_ADMITTED(number, words) \
	{400, 403, LOGIN, number, NULL, KMS_DENIED, "", words}
#define NOT_US(number, subject, words) \
	{400, 403, LOGIN, number, NULL, KMS_CREDENTIAL, subject, words}
#define TROUBLE(number) \
	{400, 403, LOGIN, number, NULL, KMS_UNAVAILABLE, "", "Entra ID is in trouble"}

static const KmsRefusal entra_refusals[] = {
	/* the tenant's directory */
	NOT_ADMITTED("700016", "The application is not in the tenant's directory"),
	NOT_ADMITTED("700011", "The application is not in the tenant's directory"),
	NOT_ADMITTED("7000229", "The application is not in the tenant's directory"),
	NOT_ADMITTED("7000112", "The application is disabled"),
	NOT_ADMITTED("70001", "The application is disabled"),
	NOT_ADMITTED("90002", "The tenant's directory does not exist"),
	NOT_ADMITTED("500011", "The tenant's directory knows no vaults"),
	NOT_ADMITTED("500014", "The tenant's directory has disabled vaults"),
	NOT_ADMITTED("650052", "The tenant's directory knows no vaults"),
	NOT_ADMITTED("50105", "The application is assigned no role"),
	NOT_ADMITTED("65001", "The tenant has not consented to the application"),
	NOT_ADMITTED("53003", "Conditional access of the tenant does not let us in"),
	NOT_ADMITTED("530032", "A security policy of the tenant does not let us in"),
	NOT_ADMITTED("50131", "Conditional access of the tenant does not let us in"),
	NOT_ADMITTED("500213", "Cross-tenant access of the tenant does not let us in"),

	/* our credential */
	NOT_US("7000215", "client_secret_file", "The client secret is not the application's"),
	NOT_US("7000222", "client_secret_file", "The client secret has expired"),
	NOT_US("70002", "", "The credential is not the application's"),
	NOT_US("50126", "", "The credential is not the application's"),
	NOT_US("7000218", "", "The credential did not arrive"),
	NOT_US("700025", "", "The application takes no credentials"),
	NOT_US("700024", "", "The assertion has expired or is not valid yet, or a clock is wrong"),
	NOT_US("500133", "", "The assertion has expired or is not valid yet, or a clock is wrong"),
	NOT_US("700027", "client_certificate_file", "The certificate is not the application's"),
	NOT_US("7000214", "client_certificate_file", "The certificate is not the application's"),
	NOT_US("700030", "client_certificate_file", "The certificate is not the application's"),
	NOT_US("700021", "", "The assertion is one of another application"),
	NOT_US("900384", "", "The assertion does not count"),
	NOT_US("50012", "", "The assertion does not count"),
	NOT_US("50013", "", "The assertion does not count"),
	NOT_US("50027", "", "The assertion does not count"),
	NOT_US("70021", "federated_token_file", "The application trusts no such token"),
	NOT_US("700211", "federated_token_file", "The application does not trust the token's issuer"),
	NOT_US("700212", "federated_token_file", "The application does not trust the token's audience"),
	NOT_US("700213", "federated_token_file", "The application does not trust the token's subject"),
	NOT_US("70025", "federated_token_file", "The application trusts no tokens"),

	/* our options */
	{400, 403, LOGIN, "900023", NULL, KMS_CONFIG, "tenant_id", "Entra ID takes it for no directory"},
	{400, 403, LOGIN, "700038", NULL, KMS_CONFIG, "client_id", "Entra ID takes it for no application"},
	{400, 403, LOGIN, "70011", NULL, KMS_CONFIG, "resource", "Entra ID knows no such resource"},
	{400, 403, LOGIN, "1002012", NULL, KMS_CONFIG, "resource", "Entra ID knows no such resource"},

	/* neither */
	{400, 403, LOGIN, "90055", NULL, KMS_THROTTLED, "", "There are too many logins"},
	{400, 403, LOGIN, "50196", NULL, KMS_THROTTLED, "", "There are too many logins"},
	TROUBLE("90033"), TROUBLE("90012"), TROUBLE("90006"), TROUBLE("90024"),
	TROUBLE("90090"), TROUBLE("50033"),

	/* numbers that we do not know, by their kind (RFC 6749, 5.2) */
	{400, 403, LOGIN, NULL, "unauthorized_client", KMS_DENIED, "", "The tenant's directory does not admit us"},
	{400, 403, LOGIN, NULL, "access_denied", KMS_DENIED, "", "The tenant's directory does not admit us"},
	{400, 403, LOGIN, NULL, "invalid_grant", KMS_DENIED, "", "The tenant's directory does not admit us"},
	{400, 403, LOGIN, NULL, "invalid_resource", KMS_DENIED, "", "The tenant's directory does not admit us"},
	{400, 403, LOGIN, NULL, "invalid_client", KMS_CREDENTIAL, "", "The credential does not count"},
	{400, 0, LOGIN, NULL, "temporarily_unavailable", KMS_UNAVAILABLE, "", "Entra ID is in trouble"},

	{403, 0, LOGIN, NULL, NULL, KMS_DENIED, "", "The login was refused"},
	{429, 0, LOGIN, NULL, NULL, KMS_THROTTLED, "", "There are too many logins"},
	{408, 0, LOGIN, NULL, NULL, KMS_UNAVAILABLE, "", "Entra ID had no time"},
	{500, 599, LOGIN, NULL, NULL, KMS_UNAVAILABLE, "", "Entra ID is in trouble"},
};

/* The service is of our own machine: it never speaks for a tenant. */
static const KmsRefusal metadata_refusals[] = {
	{429, 0, LOGIN, NULL, NULL, KMS_THROTTLED, "", "The metadata service is asked too often"},
	{404, 0, LOGIN, NULL, NULL, KMS_UNAVAILABLE, "", "The metadata service is being updated"},
	{410, 0, LOGIN, NULL, NULL, KMS_UNAVAILABLE, "", "The metadata service is being updated"},
	{500, 599, LOGIN, NULL, NULL, KMS_UNAVAILABLE, "", "The metadata service is in trouble"},
	{400, 499, LOGIN, NULL, NULL, KMS_CREDENTIAL, "auth_method", "The machine has no such identity"},
};

/* Each by itself: a message that is too long leaves the codes. */
static void
find(const KmsReply *reply, const char *path, char *out, Size size)
{
	JsonWanted	wanted = {path, out, size, false};

	(void) json_find(bytes_of(reply->body, reply->body_len), &wanted, 1);
}

bool
azure_refused(const KmsReply *reply, int asked, KmsError *error)
{
	char		code[CODE_MAX];
	char		said[SAID_MAX];

	find(reply, "error.innererror.code", code, sizeof(code));
	if (code[0] == '\0')
		find(reply, "error.innerError.code", code, sizeof(code));
	if (code[0] == '\0')
		find(reply, "error.code", code, sizeof(code));
	find(reply, "error.message", said, sizeof(said));
	return kms_reply_refused(reply, error, vault_refusals, lengthof(vault_refusals), asked,
							 code, said, "Its answer is not one of a vault");
}

bool
azure_entra_refused(const KmsReply *reply, KmsError *error)
{
	char		code[CODE_MAX];
	char		said[SAID_MAX];

	find(reply, "error_codes.0", code, sizeof(code));
	find(reply, "error", said, sizeof(said));
	return kms_reply_refused(reply, error, entra_refusals, lengthof(entra_refusals), LOGIN,
							 code, said, "Its answer is not one of Entra ID");
}

bool
azure_metadata_refused(const KmsReply *reply, KmsError *error)
{
	return kms_reply_refused(reply, error, metadata_refusals, lengthof(metadata_refusals), LOGIN,
							 "", "", "Its answer is not one of the metadata service");
}
