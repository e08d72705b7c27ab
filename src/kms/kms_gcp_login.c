/*-------------------------------------------------------------------------
 *
 * kms_gcp_login.c
 *	  How we get an access token of Google.
 *
 * One exchange, or two.  The first says who we are: by a JWT that the key of a
 * service account signs (RFC 7523), by what the metadata service of this
 * machine says, or by a token of somebody else, which the tenant's workload
 * identity pool admits (RFC 8693); one of Confidential Space says which program
 * runs where.  The second, where a service account is to be impersonated, is
 * the tenant's permission to act as that one.
 *
 * Tokens cannot be revoked, and end by themselves.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "base/json.h"
#include "kms/kms_gcp.h"
#include "kms/kms_jwt.h"
#include "kms/kms_oauth.h"
#include "kms/kms_options.h"
#include "kms/token_source.h"

#define TOKEN_ADDRESS			"https://oauth2.googleapis.com"
#define TOKEN_PATH				"/token"
#define STS_ADDRESS				"https://sts.googleapis.com"
#define STS_PATH				"/v1/token"
#define IAM_ADDRESS				"https://iamcredentials.googleapis.com"
#define METADATA_ADDRESS		"http://169.254.169.254"
#define METADATA_PATH			"/computeMetadata/v1/instance/service-accounts/default/token"
#define METADATA_FLAVOR			"Google"
#define CONFIDENTIAL_SPACE_FILE "/run/container_launcher/attestation_verifier_claims_token"

#define SCOPE_KMS				"https://www.googleapis.com/auth/cloudkms"
#define SCOPE_IMPERSONATE		"https://www.googleapis.com/auth/iam"
#define LIFETIME_S				3600	/* the longest that Google takes */

#define EMAIL_MAX				320
#define KEY_ID_TEXT_MAX			128
#define KEY_TEXT_MAX			8192

/* What is in the file of a service account; the rest of it is not looked at. */
typedef struct ServiceAccount
{
	char		type[32];
	char		email[EMAIL_MAX];
	char		key_id[KEY_ID_TEXT_MAX];
	char		key[KEY_TEXT_MAX];	/* PEM */
} ServiceAccount;

const char *
gcp_secret_file(const KmsServer *server)
{
	return kms_option(server, "credentials_file");
}

bool
gcp_token_source(const KmsServer *server, TokenSource *source)
{
	*source = token_source_of(server, "subject_token_file", CONFIDENTIAL_SPACE_FILE);
	return (gcp_method(server) & GCP_EXCHANGE) != 0;
}

static bool
impersonates(const KmsServer *server)
{
	return kms_option(server, "service_account_impersonation") != NULL;
}

bool
gcp_logs_in(const KmsServer *server)
{
	return (gcp_method(server) & GCP_EXCHANGE) != 0 || impersonates(server);
}

/* What the first token is for. */
static const char *
first_scope(const KmsServer *server)
{
	return impersonates(server) ? SCOPE_IMPERSONATE : SCOPE_KMS;
}

static bool
read_account(const char *file, ServiceAccount *account)
{
	JsonWanted	wanted[] = {
		{"type", account->type, sizeof(account->type), false},
		{"client_email", account->email, sizeof(account->email), false},
		{"private_key_id", account->key_id, sizeof(account->key_id), false},
		{"private_key", account->key, sizeof(account->key), false},
	};

	return json_find(bytes_of_string(file), wanted, lengthof(wanted)) &&
		strcmp(account->type, "service_account") == 0 &&
		kms_text_is_token(account->email) && kms_text_is_token(account->key_id) &&
		wanted[3].found;
}

/* Whatever way it gets there, it is for Google, as its own clients have it. */
static bool
sign_assertion(const KmsServer *server, const ServiceAccount *account, int64 now_s,
			   char jwt[JWT_MAX])
{
	const JwtMember header[] = {
		{"kid", account->key_id, 0},
		{NULL, NULL, 0},
	};
	const JwtMember claims[] = {
		{"iss", account->email, 0},
		{"scope", first_scope(server), 0},
		{"aud", TOKEN_ADDRESS TOKEN_PATH, 0},
		{"iat", NULL, now_s},
		{"exp", NULL, now_s + LIFETIME_S},
		{NULL, NULL, 0},
	};

	return jwt_make(JWT_RS256, account->key, header, claims, jwt);
}

/* Where it goes is not for the file to say. */
static bool
build_assertion(const KmsServer *server, const KmsLoginAsked *asked, KmsRequest *request,
				KmsError *error)
{
	ServiceAccount account;
	char		jwt[JWT_MAX];
	bool		ok;

	ok = read_account(asked->credential->secret, &account) &&
		sign_assertion(server, &account, asked->now_s, jwt);
	OPENSSL_cleanse(&account, sizeof(account));
	if (!ok)
		return kms_fail(error, KMS_CREDENTIAL, "credentials_file",
						"The file holds no service account with an RSA key.");

	oauth_request(request, gcp_option(server, "token_address", TOKEN_ADDRESS));
	http_request_path(request, TOKEN_PATH);
	oauth_put(request, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
	oauth_put(request, "assertion", jwt);
	OPENSSL_cleanse(jwt, sizeof(jwt));
	return true;
}

static bool
build_metadata(const KmsServer *server, KmsRequest *request)
{
	http_request_metadata(request, "GET",
						  gcp_option(server, "metadata_address", METADATA_ADDRESS));
	http_request_path(request, METADATA_PATH);
	http_request_header(request, "Metadata-Flavor", METADATA_FLAVOR);
	return true;
}

/*
 * A token that has expired is not sent: the answer would be one of the
 * tenant's side, and the fault is ours.
 */
static bool
build_exchange(const KmsServer *server, const KmsLoginAsked *asked, KmsRequest *request,
			   KmsError *error)
{
	TokenSource source;

	(void) gcp_token_source(server, &source);
	if (!token_source_permits(server, &source, asked->credential, asked->now_s, error))
		return false;

	oauth_request(request, gcp_option(server, "sts_address", STS_ADDRESS));
	http_request_path(request, STS_PATH);
	oauth_put(request, "grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
	oauth_put(request, "audience", kms_option(server, "audience"));
	oauth_put(request, "scope", first_scope(server));
	oauth_put(request, "requested_token_type", "urn:ietf:params:oauth:token-type:access_token");
	oauth_put(request, "subject_token_type", "urn:ietf:params:oauth:token-type:jwt");
	oauth_put(request, "subject_token", asked->credential->secret);
	return true;
}

/* With the token of the first exchange. */
static bool
build_impersonation(const KmsServer *server, const KmsToken *token, KmsRequest *request)
{
	char		body[256];

	http_request_init(request, "POST", gcp_option(server, "iamcredentials_address", IAM_ADDRESS));
	http_request_path(request, "/v1/projects/-/serviceAccounts/");
	http_request_escaped(request, kms_option(server, "service_account_impersonation"));
	http_request_path(request, ":generateAccessToken");
	gcp_put_token(request, token);
	http_request_header(request, "Content-Type", "application/json");
	snprintf(body, sizeof(body), "{\"scope\":[\"" SCOPE_KMS "\"],\"lifetime\":\"%ds\"}",
			 LIFETIME_S);
	kms_request_body(request, bytes_of_string(body));
	return true;
}

/* What is asked, as gcp_refused() knows it. */
static int
asked_of(const KmsServer *server, const KmsLoginAsked *asked)
{
	if (asked->round > 0)
		return GCP_ASKED_IMPERSONATION;
	switch (gcp_method(server))
	{
		case GCP_SERVICE_ACCOUNT:
			return GCP_ASKED_ASSERTION;
		case GCP_METADATA:
			return GCP_ASKED_METADATA;
		default:
			return GCP_ASKED_EXCHANGE;
	}
}

KmsProgress
gcp_build_login(const KmsServer *server, const KmsLoginAsked *asked, KmsToken *token,
				KmsRequest *request, KmsError *error)
{
	bool		ok;

	if (asked->step != KMS_LOGIN)
		return KMS_COMPLETE;	/* no token is renewed, none ended */
	switch (asked_of(server, asked))
	{
		case GCP_ASKED_ASSERTION:
			ok = build_assertion(server, asked, request, error);
			break;
		case GCP_ASKED_METADATA:
			ok = build_metadata(server, request);
			break;
		case GCP_ASKED_EXCHANGE:
			ok = build_exchange(server, asked, request, error);
			break;
		default:
			ok = build_impersonation(server, token, request);
			break;
	}
	return ok && gcp_request_ok(request, error) ? KMS_GO_ON : KMS_FAILED;
}

/* It lasts as long as was asked for; if not, the KMS will say so. */
static bool
read_impersonation(const KmsReply *reply, KmsToken *token, KmsError *error)
{
	JsonWanted	wanted = {"accessToken", token->text, sizeof(token->text), false};

	token->renewable = false;
	token->lifetime_s = LIFETIME_S;
	return (json_find(bytes_of(reply->body, reply->body_len), &wanted, 1) &&
			kms_text_is_token(token->text)) ||
		kms_reply_fail(reply, error, KMS_PROTOCOL, "", "Its reply holds no token");
}

KmsProgress
gcp_read_login(const KmsServer *server, const KmsLoginAsked *asked, const KmsReply *reply,
			   KmsToken *token, KmsError *error)
{
	int			what = asked_of(server, asked);
	bool		ok;

	if (!kms_reply_came(reply, error))
		ok = false;
	else if (what == GCP_ASKED_METADATA && strcmp(reply->metadata_flavor, METADATA_FLAVOR) != 0)
		ok = kms_reply_fail(reply, error, KMS_PROTOCOL, "metadata_address",
							"It is not the metadata service of Google");
	else if (reply->status != 200)
		ok = gcp_refused(reply, what, error);
	else if (what == GCP_ASKED_IMPERSONATION)
		ok = read_impersonation(reply, token, error);
	else
		ok = oauth_read_token(reply, token, error);
	if (!ok)
	{
		OPENSSL_cleanse(token, sizeof(*token));
		return KMS_FAILED;
	}
	return what != GCP_ASKED_IMPERSONATION && impersonates(server) ? KMS_GO_ON : KMS_COMPLETE;
}
