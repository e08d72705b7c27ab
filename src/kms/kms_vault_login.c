/*-------------------------------------------------------------------------
 *
 * kms_vault_login.c
 *	  Logins at Vault and OpenBao.
 *
 * Each method but token is a login at an auth mount of the tenant's side, with
 * what our files say at that time; it gives a token that is ours to revoke.
 * The token of a file is the tenant's own: it is looked up, so that we know
 * when it ends, and renewed, and never revoked.
 *
 * A file or token that cannot be a credential is refused here.  Sent, it would come
 * back as a refusal of the login, and that counts as a revocation.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "base/json.h"
#include "kms/json_writer.h"
#include "kms/kms_options.h"
#include "kms/kms_reply.h"
#include "kms/kms_vault.h"
#include "kms/token_source.h"

#define NUMBER_MAX	16			/* digits of a lifetime, and a NUL */

const char *
vault_identity_file(const KmsServer *server)
{
	return kms_option(server, "role_id_file");
}

const char *
vault_secret_file(const KmsServer *server)
{
	switch (vault_method(server))
	{
		case VAULT_TOKEN:
			return kms_option(server, "token_file");
		case VAULT_APPROLE:
			return kms_option(server, "secret_id_file");
		default:
			return NULL;
	}
}

bool
vault_token_source(const KmsServer *server, TokenSource *source)
{
	*source = token_source_of(server, "jwt_file", NULL);
	return (vault_method(server) & (VAULT_JWT | VAULT_KUBERNETES)) != 0;
}

bool
vault_logs_in(const KmsServer *server)
{
	return vault_method(server) != VAULT_TOKEN;
}

static bool
put_credential(const KmsServer *server, const KmsLoginAsked *asked,
			   KmsRequest *request, KmsError *error)
{
	const KmsCredential *credential = asked->credential;
	const char *role = kms_option(server, "role");
	TokenSource source;

	switch (vault_method(server))
	{
		case VAULT_APPROLE:
			role = kms_option(server, "role_id");
			if (role == NULL)
				role = credential->identity;
			if (role[0] == '\0' || !kms_text_is_printable(role))
				return kms_fail(error, KMS_CREDENTIAL, "role_id_file",
								"The file holds no role_id.");
			if (credential->secret[0] == '\0' || !kms_text_is_printable(credential->secret))
				return kms_fail(error, KMS_CREDENTIAL, "secret_id_file",
								"The file holds no secret_id.");
			json_put_member(request, "role_id", role);
			json_put_member(request, "secret_id", credential->secret);
			break;
		case VAULT_JWT:
		case VAULT_KUBERNETES:
			(void) vault_token_source(server, &source);
			if (!token_source_permits(server, &source, credential, asked->now_s, error))
				return false;
			json_put_member(request, "role", role);
			json_put_member(request, "jwt", credential->secret);
			break;
		default:
			if (role != NULL)
				json_put_member(request, "name", role);
			else
				kms_request_body(request, bytes_of_string("{"));
			break;
	}
	kms_request_body(request, bytes_of_string("}"));
	return true;
}

static bool
build_first_login(const KmsServer *server, const KmsLoginAsked *asked,
				  KmsRequest *request, KmsError *error)
{
	const char *mount = kms_option(server, "auth_mount");
	const char *secret = asked->credential->secret;

	if (vault_method(server) == VAULT_TOKEN)
	{
		if (!kms_text_is_token(secret))
			return kms_fail(error, KMS_CREDENTIAL, "token_file", "The file holds no token.");
		vault_request(server, "GET", secret, request);
		http_request_path(request, "auth/token/lookup-self");
		return vault_request_ok(request, error);
	}
	vault_request(server, "POST", NULL, request);
	http_request_path(request, "auth/");
	http_request_path(request, mount != NULL ? mount : kms_option(server, "auth_method"));
	http_request_path(request, "/login");
	return put_credential(server, asked, request, error) &&
		vault_request_ok(request, error);
}

KmsProgress
vault_build_login(const KmsServer *server, const KmsLoginAsked *asked, KmsToken *token,
				  KmsRequest *request, KmsError *error)
{
	if (asked->step == KMS_LOGIN)
		return build_first_login(server, asked, request, error) ? KMS_GO_ON : KMS_FAILED;

	/* A token of a file is not ours to revoke. */
	if (asked->step == KMS_LOGOUT && !vault_logs_in(server))
		return KMS_COMPLETE;
	vault_request(server, "POST", token->text, request);
	http_request_path(request, asked->step == KMS_RENEW ? "auth/token/renew-self" :
					  "auth/token/revoke-self");
	kms_request_body(request, bytes_of_string("{}"));
	return vault_request_ok(request, error) ? KMS_GO_ON : KMS_FAILED;
}

/* A token and how long it lasts, or that alone. */
static bool
read_token(const KmsReply *reply, const char *text_path, const char *lifetime_path,
		   const char *renewable_path, KmsToken *token)
{
	char		lifetime[NUMBER_MAX];
	char		renewable[NUMBER_MAX];
	JsonWanted	wanted[] = {
		{lifetime_path, lifetime, sizeof(lifetime), false},
		{renewable_path, renewable, sizeof(renewable), false},
		{text_path, token->text, sizeof(token->text), false},
	};
	int			n = text_path == NULL ? 2 : 3;

	if (!json_find(bytes_of(reply->body, reply->body_len), wanted, n) ||
		!wanted[0].found || !kms_reply_seconds(lifetime, &token->lifetime_s))
		return false;
	token->renewable = wanted[1].found && strcmp(renewable, "true") == 0;
	return text_path == NULL || kms_text_is_token(token->text);
}

/*
 * The file's token.  A policy may keep it from being looked up; whether it is
 * good will be seen by the first key.
 */
static bool
read_lookup(const KmsCredential *credential, const KmsReply *reply, KmsToken *token,
			KmsError *error)
{
	strlcpy(token->text, credential->secret, sizeof(token->text));
	token->lifetime_s = 0;
	token->renewable = false;
	if (reply->status == 403)
		return true;
	if (reply->status != 200)
		return vault_refused(reply, KMS_ASKED_LOGIN, error);
	return read_token(reply, NULL, "data.ttl", "data.renewable", token) ||
		kms_reply_fail(reply, error, KMS_PROTOCOL, "", "Its reply says nothing of the token");
}

KmsProgress
vault_read_login(const KmsServer *server, const KmsLoginAsked *asked, const KmsReply *reply,
				 KmsToken *token, KmsError *error)
{
	bool		renews = asked->step == KMS_RENEW;
	bool		ok;

	if (!kms_reply_came(reply, error))
		return KMS_FAILED;
	if (asked->step == KMS_LOGOUT)
		ok = reply->status == 200 || reply->status == 204 ||
			vault_refused(reply, KMS_ASKED_RENEW, error);
	else if (asked->step == KMS_LOGIN && !vault_logs_in(server))
		ok = read_lookup(asked->credential, reply, token, error);
	else if (reply->status != 200)
		ok = vault_refused(reply, renews ? KMS_ASKED_RENEW : KMS_ASKED_LOGIN, error);
	else
		ok = read_token(reply, "auth.client_token", "auth.lease_duration", "auth.renewable",
						token) ||
			kms_reply_fail(reply, error, KMS_PROTOCOL, "", "Its reply holds no token");
	if (!ok)
		OPENSSL_cleanse(token, sizeof(*token));
	return ok ? KMS_COMPLETE : KMS_FAILED;
}
