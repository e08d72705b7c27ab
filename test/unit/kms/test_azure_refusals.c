/*-------------------------------------------------------------------------
 *
 * test_azure_refusals.c
 *	  What each refusal of a vault, of Entra ID and of the metadata service
 *	  means, in the words of Microsoft's documentation.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#define AZURE	"provider", "azure", "address", "https://acme.vault.azure.net"

static const char *const managed[] = {AZURE, "auth_method", "managed_identity", NULL};
static const char *const secret[] = {
	AZURE, "auth_method", "client_secret", "tenant_id", "t", "client_id", "c",
	"client_secret_file", "/f", NULL
};

static KmsError error;

static void test_vault(void);
static void test_vault_bodies(void);
static void test_entra(void);
static void test_metadata(void);

void
test_azure_refusals(void)
{
	test_vault();
	test_vault_bodies();
	test_entra();
	test_metadata();
}

/* The class of the answer to a key; *plain: nothing of it is in the detail. */
static KmsStatus
key_refused(KmsOperation operation, int status, const char *body, bool *plain)
{
	KmsAsked	asked = {.operation = operation,.context = &test_context};
	uint8		out[KMS_WRAPPED_MAX];
	Size		len;
	bool		ok;

	memset(&error, 'z', sizeof(error));
	ok = kms_azure.remote->read(server_of(managed), &asked, reply_of(status, body), out, &len, &error);
	*plain = strstr(error.detail, "s3cret") == NULL && error.detail[0] != '\0';
	return ok ? KMS_OK : error.status;
}

#define WRAP	(1 << KMS_WRAP)
#define UNWRAP	(1 << KMS_UNWRAP)
#define BOTH	(WRAP | UNWRAP)

static void
test_vault(void)
{
	static const struct
	{
		const char *what;
		int			status;
		int			asked;
		const char *code;		/* NULL: no JSON at all */
		const char *inner;		/* its JSON, or "" */
		const char *message;
		KmsStatus	means;
		const char *subject;
	}			cases[] = {
		{"key disabled", 403, BOTH, "Forbidden", ",\"innererror\":{\"code\":\"KeyDisabled\"}",
		"Operation unwrapKey is not allowed on a disabled key.", KMS_DENIED, ""},
		{"key disabled, written otherwise", 403, BOTH, "Forbidden",
		",\"innerError\":{\"code\":\"KeyDisabled\"}", "s3cret", KMS_DENIED, ""},
		{"key disabled, without an inner code", 403, BOTH, "Forbidden", "",
		"Operation decrypt is not allowed on a disabled key.", KMS_DENIED, ""},
		{"key expired", 403, BOTH, "Forbidden", ",\"innererror\":{\"code\":\"KeyExpired\"}",
		"s3cret", KMS_DENIED, ""},
		{"key expired, without an inner code", 403, BOTH, "Forbidden", "",
		"Operation wrapKey is not allowed on an expired key.", KMS_DENIED, ""},
		{"key too early", 403, BOTH, "Forbidden", ",\"innererror\":{\"code\":\"KeyNotYetValid\"}",
		"s3cret", KMS_DENIED, ""},
		{"key too early, without an inner code", 403, BOTH, "Forbidden", "",
		"Operation wrapKey is not allowed on a key that is not yet valid.", KMS_DENIED, ""},
		{"key deleted, and soft-deleted", 404, BOTH, "KeyNotFound", "",
			"A key with (name/id) s3cret was not found in this key vault. If you recently deleted this key "
		"you may be able to recover it using the correct recovery command.", KMS_DENIED, ""},
		{"no role", 403, BOTH, "Forbidden", ",\"innererror\":{\"code\":\"ForbiddenByRbac\"}",
			"Caller is not authorized to perform action on resource.\\r\\nCaller: appid=s3cret",
		KMS_DENIED, ""},
		{"no access policy", 403, BOTH, "Forbidden", ",\"innererror\":{\"code\":\"ForbiddenByPolicy\"}",
			"The user, group or application 's3cret' does not have keys unwrapKey permission on key vault",
		KMS_DENIED, ""},
		{"no access policy, as it was", 403, BOTH, "Forbidden",
		",\"innererror\":{\"code\":\"AccessDenied\"}", "s3cret", KMS_DENIED, ""},
		{"firewall", 403, BOTH, "Forbidden", ",\"innererror\":{\"code\":\"ForbiddenByFirewall\"}",
			"Client address is not authorized and caller is not a trusted service.\\r\\nClient address: 192.0.2.1",
		KMS_DENIED, ""},
		{"firewall, as it was", 403, BOTH, "Forbidden", "",
		"Client address (192.0.2.1) is not authorized and caller is not a trusted service", KMS_DENIED, ""},
		{"anything else", 403, BOTH, "Forbidden", "", "s3cret", KMS_DENIED, ""},
		{"a firewall's page", 403, BOTH, NULL, NULL, NULL, KMS_DENIED, ""},
		{"token expired, of another directory", 401, BOTH, "Unauthorized", "",
			"AKV10032: Invalid issuer. Expected one of https://sts.windows.net/s3cret/",
		KMS_CREDENTIAL, ""},
		{"no token", 401, BOTH, NULL, NULL, NULL, KMS_CREDENTIAL, ""},
		{"tampered", 400, UNWRAP, "BadParameter", "",
		"The parameter is incorrect.\\r\\n", KMS_BAD_CIPHERTEXT, ""},
		{"key of another kind", 400, WRAP, "BadParameter", "",
		"Key and signing/encryption algorithm mismatch", KMS_CONFIG, "kek"},
		{"another 400", 400, BOTH, "s3cret", "", "s3cret", KMS_PROTOCOL, ""},
		{"another 404", 404, BOTH, "NotFound", "", "s3cret", KMS_PROTOCOL, ""},
		{"page of something in between", 404, BOTH, NULL, NULL, NULL, KMS_PROTOCOL, ""},
		{"page of something in between", 400, BOTH, NULL, NULL, NULL, KMS_PROTOCOL, ""},
		{"not a vault", 405, BOTH, NULL, NULL, NULL, KMS_PROTOCOL, ""},
		{"being changed", 409, BOTH, "Conflict", "", "s3cret", KMS_PROTOCOL, ""},
		{"throttled", 429, BOTH, "Throttled", "", "s3cret", KMS_THROTTLED, ""},
		{"slow", 408, BOTH, NULL, NULL, NULL, KMS_UNAVAILABLE, ""},
		{"trouble", 500, BOTH, "InternalServerError", "", "s3cret", KMS_UNAVAILABLE, ""},
		{"trouble that speaks of keys", 503, BOTH, "KeyNotFound", "", "s3cret", KMS_UNAVAILABLE, ""},
		{"gateway", 504, BOTH, NULL, NULL, NULL, KMS_UNAVAILABLE, ""},
		{"no such status", 600, BOTH, NULL, NULL, NULL, KMS_PROTOCOL, ""},
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		char		body[1024] = "<html>s3cret</html>";
		bool		ok = true;

		if (cases[i].code != NULL)
			snprintf(body, sizeof(body), "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"%s}}",
					 cases[i].code, cases[i].message, cases[i].inner);
		for (KmsOperation operation = KMS_WRAP; operation <= KMS_UNWRAP; operation++)
		{
			KmsStatus	means;
			bool		plain;

			if ((cases[i].asked & (1 << operation)) == 0)
				continue;
			means = key_refused(operation, cases[i].status, body, &plain);
			TAP_EACH(ok, means == cases[i].means && plain &&
					 strcmp(error.subject, cases[i].subject) == 0,
					 "operation %d: class %d, %s", operation, means, error.detail);
		}
		tap_ok(ok, "azure says %d: %s", cases[i].status, cases[i].what);
	}
}

static void
test_vault_bodies(void)
{
	KmsReply   *reply;
	KmsAsked	asked = {.operation = KMS_UNWRAP,.context = &test_context};
	char		body[8192];
	char		words[6000];
	uint8		out[KMS_WRAPPED_MAX];
	Size		len;
	bool		plain;

	memset(words, 'w', sizeof(words));
	words[sizeof(words) - 1] = '\0';
	snprintf(body, sizeof(body), "{\"error\":{\"code\":\"KeyNotFound\",\"message\":\"%s\"}}", words);
	tap_ok(key_refused(KMS_UNWRAP, 404, body, &plain) == KMS_DENIED,
		   "azure says: a long message hides no code");

	tap_ok(!kms_azure.remote->read(server_of(secret), &asked, reply_of(401, ""), out, &len,
								   &error) && error.status == KMS_DENIED,
		   "azure says: a token of the tenant's own directory is refused by the tenant");

	reply = reply_of(429, "");
	reply->retry_after_ms = 7000;
	tap_ok(!kms_azure.remote->read(server_of(managed), &asked, reply, out, &len, &error) &&
		   error.status == KMS_THROTTLED && error.retry_after_ms == 7000,
		   "azure says: the time that it asks for is handed on");
}

static KmsStatus
login_refused(const char *const *options, int status, const char *body)
{
	static KmsToken token;
	KmsLoginAsked asked = {.step = KMS_LOGIN};

	memset(&error, 'z', sizeof(error));
	return kms_azure.remote->read_login(server_of(options), &asked, reply_of(status, body), &token,
										&error) == KMS_FAILED ? error.status : KMS_OK;
}

static void
test_entra(void)
{
	static const struct
	{
		int			status;
		const char *number;		/* AADSTS; NULL: no JSON at all */
		const char *kind;
		KmsStatus	means;
		const char *subject;
	}			cases[] = {
		/* the tenant's directory */
		{400, "700016", "unauthorized_client", KMS_DENIED, ""},
		{400, "700011", "unauthorized_client", KMS_DENIED, ""},
		{401, "7000229", "unauthorized_client", KMS_DENIED, ""},
		{401, "7000112", "unauthorized_client", KMS_DENIED, ""},
		{400, "70001", "unauthorized_client", KMS_DENIED, ""},
		{400, "90002", "invalid_request", KMS_DENIED, ""},
		{400, "500011", "invalid_resource", KMS_DENIED, ""},
		{400, "500014", "invalid_resource", KMS_DENIED, ""},
		{400, "1", "invalid_resource", KMS_DENIED, ""},
		{400, "650052", "invalid_client", KMS_DENIED, ""},
		{400, "50105", "invalid_grant", KMS_DENIED, ""},
		{400, "65001", "invalid_grant", KMS_DENIED, ""},
		{400, "53003", "access_denied", KMS_DENIED, ""},
		{400, "530032", "access_denied", KMS_DENIED, ""},
		{400, "50131", "access_denied", KMS_DENIED, ""},
		{400, "500213", "access_denied", KMS_DENIED, ""},

		/* our credential */
		{401, "7000215", "invalid_client", KMS_CREDENTIAL, "client_secret_file"},
		{401, "7000222", "invalid_client", KMS_CREDENTIAL, "client_secret_file"},
		{401, "70002", "invalid_client", KMS_CREDENTIAL, ""},
		{400, "50126", "invalid_grant", KMS_CREDENTIAL, ""},
		{401, "7000218", "invalid_client", KMS_CREDENTIAL, ""},
		{401, "700025", "invalid_client", KMS_CREDENTIAL, ""},
		{401, "700024", "invalid_client", KMS_CREDENTIAL, ""},
		{400, "500133", "invalid_grant", KMS_CREDENTIAL, ""},
		{401, "700027", "invalid_client", KMS_CREDENTIAL, "client_certificate_file"},
		{401, "7000214", "invalid_client", KMS_CREDENTIAL, "client_certificate_file"},
		{401, "700030", "invalid_client", KMS_CREDENTIAL, "client_certificate_file"},
		{401, "700021", "invalid_client", KMS_CREDENTIAL, ""},
		{400, "900384", "invalid_grant", KMS_CREDENTIAL, ""},
		{401, "50012", "invalid_client", KMS_CREDENTIAL, ""},
		{400, "50013", "invalid_grant", KMS_CREDENTIAL, ""},
		{400, "50027", "invalid_request", KMS_CREDENTIAL, ""},
		{400, "70021", "invalid_request", KMS_CREDENTIAL, "federated_token_file"},
		{401, "700211", "invalid_client", KMS_CREDENTIAL, "federated_token_file"},
		{401, "700212", "invalid_client", KMS_CREDENTIAL, "federated_token_file"},
		{401, "700213", "invalid_client", KMS_CREDENTIAL, "federated_token_file"},
		{401, "70025", "invalid_client", KMS_CREDENTIAL, "federated_token_file"},

		/* our options */
		{400, "900023", "invalid_request", KMS_CONFIG, "tenant_id"},
		{400, "700038", "unauthorized_client", KMS_CONFIG, "client_id"},
		{400, "70011", "invalid_scope", KMS_CONFIG, "resource"},
		{400, "1002012", "invalid_scope", KMS_CONFIG, "resource"},

		/* neither */
		{400, "90055", "invalid_request", KMS_THROTTLED, ""},
		{400, "50196", "invalid_grant", KMS_THROTTLED, ""},
		{429, NULL, NULL, KMS_THROTTLED, ""},
		{400, "90033", "temporarily_unavailable", KMS_UNAVAILABLE, ""},
		{400, "90012", "temporarily_unavailable", KMS_UNAVAILABLE, ""},
		{400, "90006", "temporarily_unavailable", KMS_UNAVAILABLE, ""},
		{400, "90024", "temporarily_unavailable", KMS_UNAVAILABLE, ""},
		{400, "90090", "temporarily_unavailable", KMS_UNAVAILABLE, ""},
		{400, "50033", "temporarily_unavailable", KMS_UNAVAILABLE, ""},
		{500, "700016", "unauthorized_client", KMS_UNAVAILABLE, ""},
		{503, NULL, NULL, KMS_UNAVAILABLE, ""},
		{408, NULL, NULL, KMS_UNAVAILABLE, ""},

		/* numbers of later years */
		{400, "1", "unauthorized_client", KMS_DENIED, ""},
		{400, "1", "access_denied", KMS_DENIED, ""},
		{400, "1", "invalid_grant", KMS_DENIED, ""},
		{401, "1", "invalid_client", KMS_CREDENTIAL, ""},
		{400, "1", "temporarily_unavailable", KMS_UNAVAILABLE, ""},
		{400, "1", "invalid_request", KMS_PROTOCOL, ""},
		{400, "70001", "s3cret", KMS_DENIED, ""},
		{400, "7000", "s3cret", KMS_PROTOCOL, ""},
		{403, NULL, NULL, KMS_DENIED, ""},
		{400, NULL, NULL, KMS_PROTOCOL, ""},
		{404, NULL, NULL, KMS_PROTOCOL, ""},
		{404, "700016", "unauthorized_client", KMS_PROTOCOL, ""},
	};
	bool		ok = true;

	for (int i = 0; i < lengthof(cases); i++)
	{
		char		body[1024] = "<html>s3cret</html>";
		KmsStatus	means;

		if (cases[i].number != NULL)
			snprintf(body, sizeof(body),
					 "{\"error\":\"%s\",\"error_description\":\"AADSTS%s: s3cret. Trace ID: 0\","
					 "\"error_codes\":[%s],\"timestamp\":\"2026-11-22 19:32:26Z\","
					 "\"trace_id\":\"0\",\"correlation_id\":\"0\"}",
					 cases[i].kind, cases[i].number, cases[i].number);
		means = login_refused(secret, cases[i].status, body);
		TAP_EACH(ok, means == cases[i].means && strcmp(error.subject, cases[i].subject) == 0 &&
				 strstr(error.detail, "s3cret") == NULL,
				 "%d, AADSTS%s: class %d, %s, %s", cases[i].status,
				 cases[i].number != NULL ? cases[i].number : "", means, error.subject, error.detail);
	}
	tap_ok(ok, "azure login: the tenant's directory denies, our own credential is ours to mend");
}

static void
test_metadata(void)
{
	static const struct
	{
		int			status;
		KmsStatus	means;
	}			cases[] = {
		{400, KMS_CREDENTIAL}, {401, KMS_CREDENTIAL}, {403, KMS_CREDENTIAL}, {405, KMS_CREDENTIAL},
		{404, KMS_UNAVAILABLE}, {410, KMS_UNAVAILABLE}, {429, KMS_THROTTLED},
		{500, KMS_UNAVAILABLE}, {503, KMS_UNAVAILABLE}, {600, KMS_PROTOCOL}, {204, KMS_PROTOCOL},
	};
	bool		ok = true;

	for (int i = 0; i < lengthof(cases); i++)
		TAP_EACH(ok, login_refused(managed, cases[i].status,
								   "{\"error\":\"invalid_request\",\"error_description\":\"Identity not found\"}") ==
				 cases[i].means, "%d: %s", cases[i].status, error.detail);
	tap_ok(ok, "azure login: the metadata service never speaks for a tenant");
}
