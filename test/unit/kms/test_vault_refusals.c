/*-------------------------------------------------------------------------
 *
 * test_vault_refusals.c
 *	  What each refusal of Vault and OpenBao means, in their own words.
 *
 * Those of OpenBao are copied from a server of version 2.7.2; "HashiCorp"
 * stands before what only the other says.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#define PATH	"/etc/kms/x"
#define VAULT	"provider", "vault", "address", "https://vault.example:8200"
#define OPTIONS_MAX 16

typedef enum Asked
{
	WRAP = 1 << 0,
	UNWRAP = 1 << 1,
	REWRAP = 1 << 2,
	LOGIN = 1 << 3,
	RENEW = 1 << 4
} Asked;

#define STORED	(UNWRAP | REWRAP)
#define KEYS	(WRAP | STORED)
#define ALL		(KEYS | LOGIN | RENEW)

typedef struct Refusal
{
	const char *what;
	int			status;
	const char *said;			/* errors.0, as JSON; NULL: no JSON at all */
	int			asked;
	KmsStatus	means;
	const char *subject;
} Refusal;

#define DENIED_TEXT "1 error occurred:\\n\\t* permission denied\\n\\n"

static const Refusal refusals[] = {
	/* the key */
	{"key deleted", 400, "encryption key not found", KEYS, KMS_DENIED, ""},
	{"key soft-deleted", 400, "refusing to use soft-deleted key", KEYS, KMS_DENIED, ""},
	{"min_decryption_version raised, version trimmed", 400,
	"ciphertext or signature version is disallowed by policy (too old)", STORED, KMS_DENIED, ""},
	{"other tenant, key made anew, tampered", 400, "cipher: message authentication failed", STORED,
	KMS_BAD_CIPHERTEXT, ""},
	{"HashiCorp: the same", 400, "invalid ciphertext: unable to decrypt", STORED, KMS_BAD_CIPHERTEXT, ""},
	{"key of an older backup", 400, "invalid ciphertext: version is too new", STORED, KMS_BAD_CIPHERTEXT, ""},
	{"no prefix", 400, "invalid ciphertext: no prefix", STORED, KMS_BAD_CIPHERTEXT, ""},
	{"no base64", 400, "invalid ciphertext: could not decode base64", STORED, KMS_BAD_CIPHERTEXT, ""},
	{"short", 400, "invalid ciphertext length", STORED, KMS_BAD_CIPHERTEXT, ""},
	{"version of 20 digits", 400, "invalid ciphertext: version number could not be decoded", STORED,
	KMS_BAD_CIPHERTEXT, ""},
	{"those to who wraps", 400, "cipher: message authentication failed", WRAP, KMS_PROTOCOL, ""},
	{"derived key, bound by associated data", 400,
		"missing 'context' for key derivation; the key was created using a derived key, which means "
		"additional, per-request information must be included in order to perform operations with the key",
	KEYS, KMS_CONFIG, "binding"},
	{"key of RSA", 400, "'[0].associated_data' provided for non-AEAD cipher suite rsa-2048", KEYS,
	KMS_CONFIG, "kek"},
	{"anything else", 400, "missing ciphertext to decrypt", KEYS, KMS_PROTOCOL, ""},
	{"anything else", 400, "illegal base64 data at input byte 0", KEYS, KMS_PROTOCOL, ""},

	/* the place */
	{"mount gone, namespace sealed", 404,
		"no handler for route \\\"t2/decrypt/k\\\". route entry not found.", STORED | LOGIN | RENEW,
	KMS_DENIED, ""},
	{"mount wrong", 404, "no handler for route \\\"t2/encrypt/k\\\". route entry not found.", WRAP,
	KMS_CONFIG, "mount"},
	{"HashiCorp: mount gone", 404, "no handler for route 'transit/decrypt/k'", STORED, KMS_DENIED, ""},
	{"another engine", 404, "1 error occurred:\\n\\t* unsupported path\\n\\n", STORED | LOGIN | RENEW,
	KMS_DENIED, ""},
	{"another engine", 404, "1 error occurred:\\n\\t* unsupported path\\n\\n", WRAP, KMS_CONFIG, "mount"},
	{"another engine", 405, "1 error occurred:\\n\\t* unsupported operation\\n\\n", STORED | LOGIN | RENEW,
	KMS_DENIED, ""},
	{"another engine", 405, "1 error occurred:\\n\\t* unsupported operation\\n\\n", WRAP, KMS_CONFIG, "mount"},
	{"namespace gone", 404, "namespace not found", STORED | LOGIN | RENEW, KMS_DENIED, ""},
	{"namespace wrong", 404, "namespace not found", WRAP, KMS_CONFIG, "namespace"},
	{"namespace locked", 503,
		"API access to this namespace has been locked by an administrator - \\\"ns1/\\\" must be unlocked to gain access.",
	ALL, KMS_DENIED, ""},
	{"page of something in between", 404, NULL, ALL, KMS_PROTOCOL, ""},
	{"page of something in between", 404, "page not found", ALL, KMS_PROTOCOL, ""},

	/* the token and its policy */
	{"policy removed, update on another path", 403, DENIED_TEXT, KEYS, KMS_DENIED, ""},
	{"token revoked, expired, used up, of another address", 403, "permission denied", KEYS | RENEW,
	KMS_DENIED, ""},
	{"HashiCorp: token revoked", 403, "2 errors occurred:\\n\\t* permission denied\\n\\t* invalid token\\n\\n",
	KEYS | RENEW, KMS_DENIED, ""},
	{"a firewall's page", 403, NULL, KEYS | LOGIN | RENEW, KMS_DENIED, ""},
	{"token not renewable", 400, "lease is not renewable", RENEW, KMS_PROTOCOL, ""},
	{"batch token", 400, "batch tokens cannot be renewed", RENEW, KMS_PROTOCOL, ""},

	/* logins */
	{"AppRole: secret_id wrong, destroyed, expired; role gone", 400, "invalid role or secret ID", LOGIN,
	KMS_DENIED, ""},
	{"HashiCorp: AppRole", 400, "invalid secret id", LOGIN, KMS_DENIED, ""},
	{"AppRole: from elsewhere", 400,
		"source address \\\"127.0.0.1\\\" unauthorized through CIDR restrictions on the secret ID", LOGIN,
	KMS_DENIED, ""},
	{"auth method disabled", 403, "permission denied", LOGIN, KMS_DENIED, ""},
	{"JWT: expired", 400,
		"error validating token: invalid expiration time (exp) claim: token is expired", LOGIN,
	KMS_CREDENTIAL, ""},
	{"HashiCorp: JWT expired", 400, "square/go-jose/jwt: validation failed, token is expired (exp)", LOGIN,
	KMS_CREDENTIAL, ""},
	{"JWT: too early", 400,
		"error validating token: invalid not before (nbf) claim: token not yet valid", LOGIN,
	KMS_CREDENTIAL, ""},
	{"HashiCorp: JWT too early", 400, "validation failed, token not valid yet (nbf)", LOGIN,
	KMS_CREDENTIAL, ""},
	{"JWT: audience", 400,
		"error validating token: invalid audience (aud) claim: audience claim does not match any expected audience",
	LOGIN, KMS_DENIED, ""},
	{"JWT: subject", 400, "error validating token: invalid subject (sub) claim", LOGIN, KMS_DENIED, ""},
	{"JWT: key withdrawn", 400,
		"error validating token: error verifying token signature: no known key successfully validated the token signature",
	LOGIN, KMS_DENIED, ""},
	{"JWT: key withdrawn, of a JWKS", 400,
		"error validating token: error verifying token signature: failed to verify id token signature", LOGIN,
	KMS_DENIED, ""},
	{"JWT: claims", 400, "error validating claims: claim \\\"x\\\" is missing", LOGIN, KMS_DENIED, ""},
	{"JWT: role gone", 400, "role \\\"saas\\\" could not be found", LOGIN, KMS_DENIED, ""},
	{"JWT: made anew, without its settings", 400, "could not load configuration", LOGIN, KMS_DENIED, ""},
	{"JWT: issuer not reached", 400,
		"error validating token: error verifying token signature: fetching keys oidc: get keys failed "
		"Get \\\"https://issuer.example/jwks\\\": dial tcp 192.0.2.1:443: connect: connection refused", LOGIN,
	KMS_UNAVAILABLE, ""},
	{"JWT: issuer not reached, first time", 400,
		"error configuring token validator: keyset configuration error: "
		"Get \\\"https://issuer.example/.well-known/openid-configuration\\\": dial tcp 192.0.2.1:443: connect: connection refused",
	LOGIN, KMS_UNAVAILABLE, ""},
	{"Kubernetes: expired", 403, "invalid expiration time (exp) claim: token is expired", LOGIN,
	KMS_CREDENTIAL, ""},
	{"Kubernetes: audience", 403,
		"invalid audience (aud) claim: audience claim does not match any expected audience", LOGIN,
	KMS_DENIED, ""},
	{"Kubernetes: another namespace", 403, "namespace not authorized", LOGIN, KMS_DENIED, ""},
	{"Kubernetes: role gone", 400, "invalid role name \\\"saas\\\"", LOGIN, KMS_DENIED, ""},
	{"certificate: role gone, another certificate", 400,
	"invalid certificate or no client certificate supplied", LOGIN, KMS_DENIED, ""},
	{"certificate: in the CRL, another name", 400,
		"no chain matching all constraints could be found for this login certificate", LOGIN, KMS_DENIED, ""},
	{"certificate: expired", 500,
		"failed to verify client's certificate: x509: certificate has expired or is not yet valid: "
		"current time 2026-11-22T19:32:26Z is after 2026-11-21T19:32:26Z", LOGIN, KMS_CREDENTIAL,
	"client_cert_file"},
	{"certificate: not asked for", 400, "no client certificate found", LOGIN, KMS_CONFIG, "client_cert_file"},
	{"HashiCorp: TLS ends before it", 400, "tls connection required", LOGIN, KMS_CONFIG, "client_cert_file"},
	{"not of a login", 400, "token is expired", KEYS, KMS_PROTOCOL, ""},
	{"not of a login", 403, "token is expired", KEYS | RENEW, KMS_DENIED, ""},

	/* not a word on the key */
	{"rate limit", 429, "request path \\\"transit/decrypt/k\\\": rate limit quota exceeded", ALL,
	KMS_THROTTLED, ""},
	{"rate limit of something in between", 429, NULL, ALL, KMS_THROTTLED, ""},
	{"sealed", 503, "Vault is sealed", ALL, KMS_UNAVAILABLE, ""},
	{"HashiCorp: behind", 412, "required index state not present", ALL, KMS_UNAVAILABLE, ""},
	{"trouble", 500, "internal error", ALL, KMS_UNAVAILABLE, ""},
	{"trouble that speaks of denials", 500, "permission denied", ALL, KMS_UNAVAILABLE, ""},
	{"trouble that speaks of keys", 500, "encryption key not found", ALL, KMS_UNAVAILABLE, ""},
	{"gateway", 502, NULL, ALL, KMS_UNAVAILABLE, ""},
	{"gateway", 504, NULL, ALL, KMS_UNAVAILABLE, ""},
	{"the last of its kind", 599, NULL, ALL, KMS_UNAVAILABLE, ""},
	{"no such status", 600, NULL, ALL, KMS_PROTOCOL, ""},
	{"no such status", 0, NULL, ALL, KMS_PROTOCOL, ""},
	{"no such status", 100, NULL, ALL, KMS_PROTOCOL, ""},
	{"standby, to who asks for health", 472, NULL, ALL, KMS_PROTOCOL, ""},
	{"not Transit", 401, "permission denied", ALL, KMS_PROTOCOL, ""},
	{"not Transit", 402, NULL, ALL, KMS_PROTOCOL, ""},
	{"not Transit", 405, NULL, ALL, KMS_PROTOCOL, ""},
	{"not Transit", 410, NULL, ALL, KMS_PROTOCOL, ""},
	{"not Transit", 413, NULL, ALL, KMS_PROTOCOL, ""},
	{"no JSON", 400, NULL, KEYS | RENEW, KMS_PROTOCOL, ""},
	{"no JSON", 400, NULL, LOGIN, KMS_DENIED, ""},
};

static void test_each(void);
static void test_bodies(void);

void
test_vault_refusals(void)
{
	test_each();
	test_bodies();
}

static KmsError error;

static bool
read_refusal(Asked asked, const KmsReply *reply)
{
	static const char *const options[] = {
		VAULT, "auth_method", "jwt", "jwt_file", PATH, "role", "saas", NULL
	};
	static KmsCredential credential;
	static KmsToken token;
	const KmsServer *server = server_of(options);
	KmsLoginAsked login = {.step = asked == LOGIN ? KMS_LOGIN : KMS_RENEW,.credential = &credential};
	uint8		out[KMS_WRAPPED_MAX];
	Size		len;

	memset(&error, 'z', sizeof(error));
	switch (asked)
	{
		case WRAP:
			return ask_read(&kms_vault, server, KMS_WRAP, reply, out, &len, &error);
		case UNWRAP:
			return ask_read(&kms_vault, server, KMS_UNWRAP, reply, out, &len, &error);
		case REWRAP:
			return ask_read(&kms_vault, server, KMS_REWRAP, reply, out, &len, &error);
		default:
			return kms_vault.remote->read_login(server, &login, reply, &token, &error) != KMS_FAILED;
	}
}

static void
test_each(void)
{
	for (int i = 0; i < lengthof(refusals); i++)
	{
		const Refusal *r = &refusals[i];
		char		body[1024] = "<html>s3cret</html>";
		bool		ok = true;

		if (r->said != NULL)
			snprintf(body, sizeof(body), "{\"errors\":[\"%s\",\"s3cret\"]}\n", r->said);
		for (int asked = WRAP; asked <= RENEW; asked <<= 1)
		{
			if ((r->asked & asked) == 0)
				continue;
			TAP_EACH(ok, !read_refusal((Asked) asked, reply_of(r->status, body)) &&
					 error.status == r->means && strcmp(error.subject, r->subject) == 0 &&
					 strstr(error.detail, "s3cret") == NULL &&
					 (r->said == NULL || strstr(error.detail, r->said) == NULL) &&
					 error.retry_after_ms == 0,
					 "asked %d: means %d of \"%s\": %s", asked, error.status, error.subject, error.detail);
		}
		tap_ok(ok, "vault: %d, %s", r->status, r->what);
	}
}

/* Where the text must stand. */
static void
test_bodies(void)
{
	static const char *const unread[] = {
		"{\"errors\":[\"x\",\"encryption key not found\"]}",
		"{\"errors\":\"encryption key not found\"}",
		"{\"error\":[\"encryption key not found\"]}",
		"{\"data\":{\"errors\":[\"encryption key not found\"]}}",
		"{\"errors\":[\"encryption key not found\"],\"errors\":[]}",
		"{\"errors\":[\"encryption key not found\"]",
		"encryption key not found",
		"{\"errors\":[\"Encryption Key not found\"]}",
		"{\"errors\":[]}",
		"",
	};
	static char long_body[8192];
	bool		ok = true;

	for (int i = 0; i < lengthof(unread); i++)
		TAP_EACH(ok, !read_refusal(UNWRAP, reply_of(400, unread[i])) && error.status == KMS_PROTOCOL,
				 "%s", unread[i]);

	memset(long_body, 'x', sizeof(long_body));
	memcpy(long_body, "{\"errors\":[\"encryption key not found", 36);
	strcpy(long_body + 12 + 4095, "\"]}");
	TAP_EACH(ok, !read_refusal(UNWRAP, reply_of(400, long_body)) && error.status == KMS_DENIED, "4095 bytes");
	long_body[12 + 4095] = 'x';
	strcpy(long_body + 12 + 4096, "\"]}");
	TAP_EACH(ok, !read_refusal(UNWRAP, reply_of(400, long_body)) && error.status == KMS_PROTOCOL, "4096 bytes");
	tap_ok(ok, "vault: only the first error counts, where it belongs");
}
