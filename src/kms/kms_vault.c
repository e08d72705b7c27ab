/*-------------------------------------------------------------------------
 *
 * kms_vault.c
 *	  The provider vault: Transit of HashiCorp Vault and of OpenBao.
 *
 * A wrapped key is what Transit calls a ciphertext, "vault:vN:" and base64, as
 * it came; N is the version of the key-encryption key.  It is stored for ever.
 *
 * It is bound to tenant, key id and purpose in one of two ways.  As associated
 * data, which rewrap does not know: such a key is unwrapped and wrapped to wrap
 * it anew.  Or as the context from which a key made with derived=true is
 * derived.  Transit ignores the context for any other key, so the worker tries
 * whether an unwrap for another purpose is refused when a server is checked.
 *
 * Nothing is upserted: a policy with "update" alone forbids it, as
 * docs/kms/vault.md demands.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "base/json.h"
#include "crypto/base64.h"
#include "kms/json_writer.h"
#include "kms/kms_options.h"
#include "kms/kms_reply.h"
#include "kms/kms_transport.h"
#include "kms/kms_vault.h"
#include "kms/token_source.h"

#define MOUNT_DEFAULT		"transit"
#define KEK_NAME_MAX		256
#define VERSION_DIGITS_MAX	9
#define WRAPPED_PREFIX		"vault:v"
#define BINDING_CONTEXT		"derived_context"
#define PLAINTEXT_MAX		64	/* more than base64 of a data key */

static const KmsOptionRule vault_option_rules[] = {
	{.name = "address",.required = true},
	{.name = "mount"},
	{.name = "namespace"},
	{.name = "binding"},
	{.name = "auth_method",.required = true},
	{.name = "auth_mount"},
	{.name = "token_file",.of_machine = true},
	{.name = "role_id"},
	{.name = "role_id_file",.of_machine = true},
	{.name = "secret_id_file",.of_machine = true},
	{.name = "role"},
	{.name = "jwt_file",.of_machine = true},
	TOKEN_SOURCE_OPTION_RULES,
	KMS_HTTP_OPTION_RULES,
	{.name = NULL},
};

static const char *const bindings[] = {"associated_data", BINDING_CONTEXT, NULL};

/* In the order of VaultMethod's bits. */
static const char *const methods[] = {
	"token", "approle", "jwt", "kubernetes", "cert", NULL
};

/* Options of some methods; the others refuse them. */
static const KmsMethodOption method_options[] = {
	{"auth_mount", 0, VAULT_ANY_METHOD & ~VAULT_TOKEN},
	{"token_file", VAULT_TOKEN, VAULT_TOKEN},
	{"role_id", 0, VAULT_APPROLE},
	{"role_id_file", 0, VAULT_APPROLE},
	{"secret_id_file", VAULT_APPROLE, VAULT_APPROLE},
	{"role", VAULT_JWT | VAULT_KUBERNETES, VAULT_JWT | VAULT_KUBERNETES | VAULT_CERT},
	{"jwt_file", VAULT_KUBERNETES, VAULT_JWT | VAULT_KUBERNETES},
	{"token_source", 0, VAULT_JWT},
	{"token_audience", 0, VAULT_JWT},
	{"attestation_claims", 0, VAULT_JWT},
	{"client_cert_file", VAULT_CERT, VAULT_ANY_METHOD},
	{"client_key_file", VAULT_CERT, VAULT_ANY_METHOD},
};

VaultMethod
vault_method(const KmsServer *server)
{
	return (VaultMethod) kms_option_method(server, methods);
}

static bool
validate_method(const KmsServer *server, KmsError *error)
{
	if (!kms_options_check_method(server, methods, method_options,
								  lengthof(method_options), error))
		return false;
	if (vault_method(server) == VAULT_APPROLE &&
		(kms_option(server, "role_id") == NULL) == (kms_option(server, "role_id_file") == NULL))
		return kms_fail(error, KMS_CONFIG, "role_id",
						"auth_method approle requires either it or role_id_file");
	if (vault_method(server) == VAULT_JWT && kms_option(server, "jwt_file") == NULL &&
		kms_option(server, "token_source") == NULL)
		return kms_fail(error, KMS_CONFIG, "token_source",
						"auth_method jwt requires either it or jwt_file");
	return true;
}

static bool
vault_validate(const KmsServer *server, KmsError *error)
{
	return kms_option_check_url(server, "address", error) &&
		kms_option_check_segments(server, "mount", error) &&
		kms_option_check_segments(server, "namespace", error) &&
		kms_option_check_choice(server, "binding", bindings, error) &&
		validate_method(server, error) &&
		kms_option_check_segments(server, "auth_mount", error) &&
		kms_option_check_file(server, "token_file", error) &&
		kms_option_check_printable(server, "role_id", error) &&
		kms_option_check_file(server, "role_id_file", error) &&
		kms_option_check_file(server, "secret_id_file", error) &&
		kms_option_check_printable(server, "role", error) &&
		token_source_check(server, "jwt_file", error) &&
		kms_options_check_http(server, error);
}

/* Transit's rule for names of keys: others are no path of it. */
static bool
vault_validate_kek(const char *kek, KmsError *error)
{
	static const char inner[] =
		"-.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	const char *outer = inner + 2;
	Size		len = strlen(kek);

	return (len > 0 && len <= KEK_NAME_MAX && strspn(kek, inner) == len &&
			strchr(outer, kek[0]) != NULL && strchr(outer, kek[len - 1]) != NULL) ||
		kms_fail(error, KMS_CONFIG, "kek",
				 "it must be the name of a key of Transit: 1 to %d letters, digits and _, with . and - between them",
				 KEK_NAME_MAX);
}

void
vault_request(const KmsServer *server, const char *method, const char *token,
			  KmsRequest *request)
{
	const char *namespace = kms_option(server, "namespace");

	http_request_init(request, method, kms_option(server, "address"));
	http_request_path(request, "/v1/");
	http_request_header(request, "X-Vault-Request", "true");
	if (namespace != NULL)
		http_request_header(request, "X-Vault-Namespace", namespace);
	if (token != NULL)
		http_request_header(request, "X-Vault-Token", token);
	if (strcmp(method, "POST") == 0)
		http_request_header(request, "Content-Type", "application/json");
}

bool
vault_request_ok(const KmsRequest *request, KmsError *error)
{
	return !request->invalid ||
		kms_fail(error, KMS_CONFIG, "options", "a request cannot be made of them");
}

static bool
binds_by_context(const KmsServer *server)
{
	const char *binding = kms_option(server, "binding");

	return binding != NULL && strcmp(binding, BINDING_CONTEXT) == 0;
}

/* Exactly what Transit writes: it reads more than that. */
static bool
is_wrapped_form(const char *form)
{
	const char *version = form + strlen(WRAPPED_PREFIX);
	uint8		decoded[KMS_WRAPPED_MAX];
	Size		digits;
	Size		len;

	if (strncmp(form, WRAPPED_PREFIX, strlen(WRAPPED_PREFIX)) != 0)
		return false;
	digits = strspn(version, "0123456789");
	return digits > 0 && digits <= VERSION_DIGITS_MAX && version[0] != '0' &&
		version[digits] == ':' &&
		base64_decode(version + digits + 1, decoded, sizeof(decoded), &len) && len > 0;
}

/* A wrapped key as the body's member "ciphertext". */
static bool
put_wrapped(KmsRequest *request, Bytes wrapped, KmsError *error)
{
	char		form[KMS_WRAPPED_MAX + 1];

	if (wrapped.len <= KMS_WRAPPED_MAX)
	{
		memcpy(form, wrapped.data, wrapped.len);
		form[wrapped.len] = '\0';
		if (strlen(form) == wrapped.len && is_wrapped_form(form))
		{
			kms_request_body(request, bytes_of_string("\"ciphertext\":"));
			json_put_string(request, form);
			return true;
		}
	}
	return kms_fail(error, KMS_BAD_CIPHERTEXT, "", "The wrapped key is not one of Transit.");
}

static bool
vault_build(const KmsServer *server, const KmsAsked *asked, const KmsToken *token,
			KmsRequest *request, KmsError *error)
{
	static const char *const verbs[] = {
		[KMS_WRAP] = "/encrypt/",
		[KMS_UNWRAP] = "/decrypt/",
		[KMS_REWRAP] = "/rewrap/",
	};
	const char *mount = kms_option(server, "mount");
	bool		by_context = binds_by_context(server);
	uint8		associated[KMS_ASSOCIATED_MAX];

	if (!vault_validate_kek(asked->context->kek, error))
		return false;
	if (asked->operation == KMS_REWRAP && !by_context)
		return kms_fail(error, KMS_CONFIG, "binding", "rewrap has no associated data");

	vault_request(server, "POST", token->text, request);
	http_request_path(request, mount != NULL ? mount : MOUNT_DEFAULT);
	http_request_path(request, verbs[asked->operation]);
	http_request_escaped(request, asked->context->kek);

	kms_request_body(request, bytes_of_string("{"));
	if (asked->operation == KMS_WRAP)
	{
		kms_request_body(request, bytes_of_string("\"plaintext\":"));
		json_put_base64(request, asked->in);
	}
	else if (!put_wrapped(request, asked->in, error))
		return false;
	kms_request_body(request, bytes_of_string(by_context ? ",\"context\":" :
											   ",\"associated_data\":"));
	json_put_base64(request, bytes_of(associated,
									  kms_associated_data(asked->context, associated)));
	kms_request_body(request, bytes_of_string("}"));
	return vault_request_ok(request, error);
}

static bool
read_key(const KmsReply *reply, uint8 *out, Size *out_len, KmsError *error)
{
	char		plaintext[PLAINTEXT_MAX];
	JsonWanted	wanted = {"data.plaintext", plaintext, sizeof(plaintext), false};
	bool		ok;

	ok = json_find(bytes_of(reply->body, reply->body_len), &wanted, 1) && wanted.found &&
		base64_decode(plaintext, out, DATA_KEY_LEN, out_len) && *out_len == DATA_KEY_LEN;
	OPENSSL_cleanse(plaintext, sizeof(plaintext));
	if (ok)
		return true;
	OPENSSL_cleanse(out, DATA_KEY_LEN);
	return kms_reply_fail(reply, error, KMS_PROTOCOL, "", "Its reply holds no data key");
}

static bool
read_wrapped(const KmsReply *reply, uint8 *out, Size *out_len, KmsError *error)
{
	char		wrapped[KMS_WRAPPED_MAX + 1];
	JsonWanted	wanted = {"data.ciphertext", wrapped, sizeof(wrapped), false};

	if (!json_find(bytes_of(reply->body, reply->body_len), &wanted, 1) || !wanted.found ||
		!is_wrapped_form(wrapped))
		return kms_reply_fail(reply, error, KMS_PROTOCOL, "", "Its reply holds no wrapped key");
	*out_len = strlen(wrapped);
	memcpy(out, wrapped, *out_len);
	return true;
}

static bool
vault_read(const KmsServer *server, const KmsAsked *asked, const KmsReply *reply,
		   uint8 *out, Size *out_len, KmsError *error)
{
	if (!kms_reply_came(reply, error))
		return false;
	if (reply->status != 200)
		return vault_refused(reply, 1 << asked->operation, error);
	return asked->operation == KMS_UNWRAP ? read_key(reply, out, out_len, error)
		: read_wrapped(reply, out, out_len, error);
}

static const KmsRemote vault_remote = {
	.transport = &kms_over_http,
	.identity_file = vault_identity_file,
	.secret_file = vault_secret_file,
	.token_source = vault_token_source,
	.logs_in = vault_logs_in,
	.build_login = vault_build_login,
	.read_login = vault_read_login,
	.build = vault_build,
	.read = vault_read,
	.can_rewrap = binds_by_context,
};

const KmsProvider kms_vault = {
	.name = "vault",
	.option_rules = vault_option_rules,
	.validate = vault_validate,
	.validate_kek = vault_validate_kek,
	.needs_superuser = token_source_is_identity,
	.remote = &vault_remote,
};
