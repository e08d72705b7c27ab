/*-------------------------------------------------------------------------
 *
 * kms_vault_refusal.c
 *	  What an answer of Vault or OpenBao means that is not the one asked for.
 *
 * They say it in English and nothing else.  The texts are those of OpenBao
 * 2.7.2, which was made to say each of them, and of HashiCorp Vault; the tests
 * have them word for word.  They are looked at here and go no further: a KMS
 * may write into them what it likes.
 *
 * Where a text is unknown the status decides.  403 is a "no" whoever says it.
 * 400 to a login is a "no" as well, since nothing in the request changes but
 * the credential.  400 to a key may be anything, and so is not one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/json.h"
#include "kms/kms_reply.h"
#include "kms/kms_vault.h"

#define ERROR_TEXT_MAX	4096	/* a longer one is as good as unknown */

#define WRAPS	KMS_ASKED_WRAP
#define STORED	KMS_ASKED_STORED	/* keys that were wrapped once */
#define KEYS	KMS_ASKED_KEYS
#define LOGIN	KMS_ASKED_LOGIN
#define RENEW	KMS_ASKED_RENEW
#define LOGINS	(LOGIN | RENEW)
#define ALL		KMS_ASKED_ALL

/* The first that fits counts. */
static const KmsRefusal refusals[] = {
	/* the key */
	{400, 0, KEYS, NULL, "encryption key not found", KMS_DENIED, "",
	"The key-encryption key does not exist"},
	{400, 0, KEYS, NULL, "soft-deleted key", KMS_DENIED, "",
	"The key-encryption key is deleted, though it can be restored"},
	{400, 0, STORED, NULL, "disallowed by policy (too old)", KMS_DENIED, "",
	"The version of the key-encryption key is below its min_decryption_version"},
	{400, 0, STORED, NULL, "message authentication failed", KMS_BAD_CIPHERTEXT, "",
	"The wrapped key is not one of this tenant, key id and key-encryption key"},
	{400, 0, STORED, NULL, "invalid ciphertext", KMS_BAD_CIPHERTEXT, "",
	"The wrapped key is not one of this key-encryption key"},
	{400, 0, KEYS, NULL, "missing 'context'", KMS_CONFIG, "binding",
	"the key-encryption key is a derived one, for derived_context"},
	{400, 0, KEYS, NULL, "non-AEAD cipher suite", KMS_CONFIG, "kek",
	"keys of its type know no associated data"},

	/* the place: a mount or namespace that went away was taken away */
	{404, 0, WRAPS, NULL, "no handler for route", KMS_CONFIG, "mount",
	"there is no secrets engine"},
	{404, 0, WRAPS, NULL, "unsupported path", KMS_CONFIG, "mount",
	"the secrets engine there is not Transit"},
	{405, 0, WRAPS, NULL, "unsupported operation", KMS_CONFIG, "mount",
	"the secrets engine there is not Transit"},
	{404, 0, WRAPS, NULL, "namespace not found", KMS_CONFIG, "namespace",
	"there is no such namespace"},
	{404, 0, STORED, NULL, "no handler for route", KMS_DENIED, "",
	"There is no secrets engine at the mount any more"},
	{404, 0, STORED, NULL, "unsupported path", KMS_DENIED, "",
	"The secrets engine at the mount is not Transit any more"},
	{405, 0, STORED, NULL, "unsupported operation", KMS_DENIED, "",
	"The secrets engine at the mount is not Transit any more"},
	{404, 0, LOGINS, NULL, "no handler for route", KMS_DENIED, "",
	"There is no auth method at auth_mount"},
	{404, 0, LOGINS, NULL, "unsupported path", KMS_DENIED, "",
	"The auth method at auth_mount is another one"},
	{405, 0, LOGINS, NULL, "unsupported operation", KMS_DENIED, "",
	"The auth method at auth_mount is another one"},
	{404, 0, STORED | LOGINS, NULL, "namespace not found", KMS_DENIED, "",
	"There is no such namespace"},
	{503, 0, ALL, NULL, "has been locked by an administrator", KMS_DENIED, "",
	"The namespace is locked"},

	/* our own credential */
	{400, 403, LOGIN, NULL, "token is expired", KMS_CREDENTIAL, "",
	"The JWT has expired"},
	{400, 403, LOGIN, NULL, "not yet valid", KMS_CREDENTIAL, "",
	"The JWT is not valid yet, or a clock is wrong"},
	{400, 403, LOGIN, NULL, "not valid yet", KMS_CREDENTIAL, "",
	"The JWT is not valid yet, or a clock is wrong"},
	{500, 0, LOGIN, NULL, "certificate has expired or is not yet valid", KMS_CREDENTIAL,
	"client_cert_file", "The client certificate has expired or is not valid yet"},
	{400, 0, LOGIN, NULL, "no client certificate found", KMS_CONFIG, "client_cert_file",
	"the certificate did not arrive: the KMS does not ask for one, or TLS ends in front of it"},
	{400, 0, LOGIN, NULL, "tls connection required", KMS_CONFIG, "client_cert_file",
	"the certificate did not arrive: TLS ends in front of the KMS"},

	/* who the KMS itself must ask */
	{400, 0, LOGIN, NULL, "fetching keys", KMS_UNAVAILABLE, "",
	"The KMS could not ask the issuer of the JWT for its keys"},
	{400, 0, LOGIN, NULL, "error configuring token validator", KMS_UNAVAILABLE, "",
	"The KMS could not ask the issuer of the JWT for its keys"},

	/* whatever the text */
	{400, 0, LOGIN, NULL, NULL, KMS_DENIED, "", "The login was refused"},
	{403, 0, LOGIN, NULL, NULL, KMS_DENIED, "", "The login was refused"},
	{403, 0, RENEW, NULL, NULL, KMS_DENIED, "", "The token does not count any more"},
	{403, 0, KEYS, NULL, NULL, KMS_DENIED, "", "The token does not count any more, or no policy allows it this"},
	{429, 0, ALL, NULL, NULL, KMS_THROTTLED, "", "Its rate limit is used up"},
	{412, 0, ALL, NULL, NULL, KMS_UNAVAILABLE, "", "It is behind another node"},
	{500, 599, ALL, NULL, NULL, KMS_UNAVAILABLE, "", "It is sealed, on standby or in trouble"},
};

/* The first error; empty when there is none that can be read. */
static void
error_text(const KmsReply *reply, char said[ERROR_TEXT_MAX])
{
	JsonWanted	wanted = {"errors.0", said, ERROR_TEXT_MAX, false};

	(void) json_find(bytes_of(reply->body, reply->body_len), &wanted, 1);
}

bool
vault_refused(const KmsReply *reply, int asked, KmsError *error)
{
	char		said[ERROR_TEXT_MAX];

	error_text(reply, said);
	return kms_reply_refused(reply, error, refusals, lengthof(refusals), asked, "", said,
							 "Its answer is not one of Transit");
}
