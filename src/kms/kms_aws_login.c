/*-------------------------------------------------------------------------
 *
 * kms_aws_login.c
 *	  How we come by the access key that requests are signed with.
 *
 * First by who we are: a file, a token of our workload that STS takes for a
 * role, or the metadata service of the container or of the machine.  Then, if
 * the tenant's side has a role for us, STS gives one for that.  Each exchange
 * leaves in token->text what the next one needs; the last an access key.
 *
 * Only the role of the tenant's side is a tenant's to refuse.  Sessions are as
 * short as STS allows: they are replaced long before their end, and an access
 * key that got away is of no use for long.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "kms/kms_aws.h"
#include "kms/kms_oauth.h"
#include "kms/kms_options.h"

#define SESSION_S			"900"	/* the least that STS gives */
#define SESSION_NAME		"bionic_crypt"
#define STS_VERSION			"2011-06-15"

#define IMDS_ADDRESS		"http://169.254.169.254"
#define IMDS_SESSION_S		"60"	/* for two requests at once */
#define IMDS_KEYS_PATH		"/latest/meta-data/iam/security-credentials/"
#define IMDS_TOKEN_MAX		1024
#define ROLE_NAME_MAX		64

/* Of ECS; the environment names a path there, or a whole URL. */
#define CONTAINER_ADDRESS	"http://169.254.170.2"
#define CONTAINER_PATH		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define CONTAINER_URL		"AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define CONTAINER_TOKEN		"AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define CONTAINER_TOKEN_FILE "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

/* One exchange of a login. */
typedef struct AwsExchange
{
	const char *option;			/* which its failures are about */
	bool		(*build) (const KmsServer *server, const KmsLoginAsked *asked,
						  const KmsToken *token, KmsRequest *request, KmsError *error);
	bool		(*read) (const KmsServer *server, const KmsLoginAsked *asked,
						 const KmsReply *reply, KmsToken *token, KmsError *error);
	int			(*asks) (const KmsServer *server);	/* AWS_ASKED bit */
} AwsExchange;

/* NULL: it is not there, or empty. */
static const char *
environment(const char *name)
{
	const char *value = getenv(name);

	return value == NULL || value[0] == '\0' ? NULL : value;
}

const char *
aws_identity_file(const KmsServer *server)
{
	return kms_option(server, "external_id_file");
}

const char *
aws_secret_file(const KmsServer *server)
{
	switch (aws_method(server))
	{
		case AWS_STATIC:
			return kms_option(server, "credentials_file");
		case AWS_WEB_IDENTITY:
			return kms_option(server, "web_identity_token_file");
		case AWS_CONTAINER:
			return environment(CONTAINER_TOKEN_FILE);
		default:
			return NULL;
	}
}

static bool
has_role(const KmsServer *server)
{
	return kms_option(server, "role_arn") != NULL;
}

/* Without another role, the one of the web identity is the tenant's. */
bool
aws_logs_in(const KmsServer *server)
{
	return has_role(server) || aws_method(server) == AWS_WEB_IDENTITY;
}


/* Roles, which STS gives */

static void
begin_role(const KmsServer *server, const char *action, const char *role_arn,
		   KmsRequest *request)
{
	const char *name = kms_option(server, "role_session_name");
	char		url[AWS_URL_MAX];

	oauth_request(request, aws_url(server, "sts_address", "sts", url));
	http_request_path(request, "/");
	oauth_put(request, "Action", action);
	oauth_put(request, "Version", STS_VERSION);
	oauth_put(request, "DurationSeconds", SESSION_S);
	oauth_put(request, "RoleArn", role_arn);
	oauth_put(request, "RoleSessionName", name != NULL ? name : SESSION_NAME);
}

/* Not signed: the token is what says who we are. */
static bool
build_web_identity(const KmsServer *server, const KmsLoginAsked *asked,
				   const KmsToken *token, KmsRequest *request, KmsError *error)
{
	if (!kms_text_is_jwt(asked->credential->secret))
		return kms_fail(error, KMS_CREDENTIAL, "web_identity_token_file",
						"The file holds no JWT.");
	begin_role(server, "AssumeRoleWithWebIdentity",
			   kms_option(server, "web_identity_role_arn"), request);
	oauth_put(request, "WebIdentityToken", asked->credential->secret);
	return aws_request_ok(request, error);
}

static bool
read_web_identity(const KmsServer *server, const KmsLoginAsked *asked,
				  const KmsReply *reply, KmsToken *token, KmsError *error)
{
#define PLACE "AssumeRoleWithWebIdentityResponse.AssumeRoleWithWebIdentityResult.Credentials."
	static const AwsKeysPlace place = {
		PLACE "AccessKeyId", PLACE "SecretAccessKey", PLACE "SessionToken", PLACE "Expiration"
	};
#undef PLACE

	return aws_keys_of_reply(reply, &place, asked->now_s, token, error);
}

static int
whose_web_identity(const KmsServer *server)
{
	return has_role(server) ? AWS_ASKED_OUR_ROLE : AWS_ASKED_WEB_ROLE;
}

static bool
is_external_id(const char *text)
{
	return strlen(text) >= 2 &&
		strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@:/-") ==
		strlen(text);
}

static bool
build_role(const KmsServer *server, const KmsLoginAsked *asked, const KmsToken *token,
		   KmsRequest *request, KmsError *error)
{
	const char *external_id = kms_option(server, "external_id");

	begin_role(server, "AssumeRole", kms_option(server, "role_arn"), request);
	if (kms_option(server, "external_id_file") != NULL)
	{
		external_id = asked->credential->identity;
		if (!is_external_id(external_id))
			return kms_fail(error, KMS_CREDENTIAL, "external_id_file",
							"The file holds no external id.");
	}
	if (external_id != NULL)
		oauth_put(request, "ExternalId", external_id);
	return aws_request_sign(server, "sts", token, asked->now_s, request, error);
}

static bool
read_role(const KmsServer *server, const KmsLoginAsked *asked, const KmsReply *reply,
		  KmsToken *token, KmsError *error)
{
#define PLACE "AssumeRoleResponse.AssumeRoleResult.Credentials."
	static const AwsKeysPlace place = {
		PLACE "AccessKeyId", PLACE "SecretAccessKey", PLACE "SessionToken", PLACE "Expiration"
	};
#undef PLACE

	return aws_keys_of_reply(reply, &place, asked->now_s, token, error);
}

static int
whose_role(const KmsServer *server)
{
	return AWS_ASKED_ROLE;
}


/* Metadata services */

static int
whose_metadata(const KmsServer *server)
{
	return AWS_ASKED_METADATA;
}

static bool
read_metadata_keys(const KmsServer *server, const KmsLoginAsked *asked,
				   const KmsReply *reply, KmsToken *token, KmsError *error)
{
	static const AwsKeysPlace place = {
		"AccessKeyId", "SecretAccessKey", "Token", "Expiration"
	};

	return aws_keys_of_reply(reply, &place, asked->now_s, token, error);
}

static bool
build_container(const KmsServer *server, const KmsLoginAsked *asked, const KmsToken *token,
				KmsRequest *request, KmsError *error)
{
	const char *path = environment(CONTAINER_PATH);
	const char *url = environment(CONTAINER_URL);
	const char *authorization = environment(CONTAINER_TOKEN);

	if (path != NULL && path[0] == '/')
	{
		http_request_metadata(request, "GET", CONTAINER_ADDRESS);
		http_request_path(request, path);
	}
	else if (path == NULL && url != NULL && strncmp(url, "http://", 7) == 0)
		http_request_metadata(request, "GET", url);
	else
		return kms_fail(error, KMS_CREDENTIAL, "auth_method",
						"The server's environment has no path in %s and no http:// address in %s.",
						CONTAINER_PATH, CONTAINER_URL);

	if (aws_secret_file(server) != NULL)
		authorization = asked->credential->secret;
	if (authorization != NULL)
		http_request_header(request, "Authorization", authorization);
	return !request->invalid ||
		kms_fail(error, KMS_CREDENTIAL, "auth_method",
				 "A request cannot be made of what the server's environment says of containers.");
}

static void
begin_imds(const KmsServer *server, const char *method, const char *path, KmsRequest *request)
{
	const char *address = kms_option(server, "metadata_address");

	http_request_metadata(request, method, address != NULL ? address : IMDS_ADDRESS);
	http_request_path(request, path);
}

/* Version 2 only: the first one answers whoever can make us send a GET. */
static bool
build_imds_session(const KmsServer *server, const KmsLoginAsked *asked,
				   const KmsToken *token, KmsRequest *request, KmsError *error)
{
	begin_imds(server, "PUT", "/latest/api/token", request);
	http_request_header(request, "X-aws-ec2-metadata-token-ttl-seconds", IMDS_SESSION_S);
	return aws_request_ok(request, error);
}

static bool
read_imds_session(const KmsServer *server, const KmsLoginAsked *asked,
				  const KmsReply *reply, KmsToken *token, KmsError *error)
{
	if (strlen(reply->body) != reply->body_len || reply->body_len > IMDS_TOKEN_MAX ||
		!kms_text_is_token(reply->body))
		return kms_reply_fail(reply, error, KMS_PROTOCOL, "auth_method",
							  "The metadata service gave no session");
	strlcpy(token->text, reply->body, sizeof(token->text));
	return true;
}

static bool
build_imds_role(const KmsServer *server, const KmsLoginAsked *asked, const KmsToken *token,
				KmsRequest *request, KmsError *error)
{
	begin_imds(server, "GET", IMDS_KEYS_PATH, request);
	http_request_header(request, "X-aws-ec2-metadata-token", token->text);
	return aws_request_ok(request, error);
}

/* One name; it is put before the session, with a tab between them. */
static bool
read_imds_role(const KmsServer *server, const KmsLoginAsked *asked, const KmsReply *reply,
			   KmsToken *token, KmsError *error)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-";
	Size		len = strspn(reply->body, allowed);
	Size		end = len + strspn(reply->body + len, "\r\n");

	if (len == 0 || len > ROLE_NAME_MAX || end != reply->body_len)
		return kms_reply_fail(reply, error, KMS_PROTOCOL, "auth_method",
							  "The metadata service named no role");
	memmove(&token->text[len + 1], token->text, strlen(token->text) + 1);
	memcpy(token->text, reply->body, len);
	token->text[len] = '\t';
	return true;
}

static bool
build_imds_keys(const KmsServer *server, const KmsLoginAsked *asked, const KmsToken *token,
				KmsRequest *request, KmsError *error)
{
	char		role[ROLE_NAME_MAX + 1];
	Size		len = strcspn(token->text, "\t");

	Assert(len <= ROLE_NAME_MAX && token->text[len] == '\t');
	memcpy(role, token->text, len);
	role[len] = '\0';
	begin_imds(server, "GET", IMDS_KEYS_PATH, request);
	http_request_escaped(request, role);
	http_request_header(request, "X-aws-ec2-metadata-token", &token->text[len + 1]);
	return aws_request_ok(request, error);
}


/* The chain */

static const AwsExchange web_identity = {
	"sts_address", build_web_identity, read_web_identity, whose_web_identity
};

static const AwsExchange container = {
	"auth_method", build_container, read_metadata_keys, whose_metadata
};

static const AwsExchange imds[] = {
	{"auth_method", build_imds_session, read_imds_session, whose_metadata},
	{"auth_method", build_imds_role, read_imds_role, whose_metadata},
	{"auth_method", build_imds_keys, read_metadata_keys, whose_metadata},
};

static const AwsExchange role = {
	"sts_address", build_role, read_role, whose_role
};

StaticAssertDecl(lengthof(imds) + 1 <= KMS_LOGIN_ROUNDS_MAX, "a login must have an end");

/* NULL: there is no such one any more. */
static const AwsExchange *
exchange_of(const KmsServer *server, int round)
{
	const AwsExchange *first = NULL;
	int			n = 0;

	switch (aws_method(server))
	{
		case AWS_STATIC:
			break;
		case AWS_WEB_IDENTITY:
			first = &web_identity;
			n = 1;
			break;
		case AWS_CONTAINER:
			first = &container;
			n = 1;
			break;
		case AWS_IMDS:
			first = imds;
			n = lengthof(imds);
			break;
	}
	if (round < n)
		return &first[round];
	return round == n && has_role(server) ? &role : NULL;
}

static bool
take_profile(const KmsServer *server, const KmsCredential *credential, KmsToken *token,
			 KmsError *error)
{
	const char *profile = kms_option(server, "profile");

	token->lifetime_s = 0;
	token->renewable = false;
	return aws_keys_of_profile(credential->secret, profile != NULL ? profile : "default",
							   token, error);
}

/* AWS keeps no account of access keys that we could give back or renew. */
KmsProgress
aws_build_login(const KmsServer *server, const KmsLoginAsked *asked, KmsToken *token,
				KmsRequest *request, KmsError *error)
{
	const AwsExchange *exchange = exchange_of(server, asked->round);

	if (asked->step != KMS_LOGIN)
		return KMS_COMPLETE;
	if (asked->round == 0 && aws_method(server) == AWS_STATIC &&
		!take_profile(server, asked->credential, token, error))
		return KMS_FAILED;
	if (exchange == NULL)
		return KMS_COMPLETE;
	return exchange->build(server, asked, token, request, error) ? KMS_GO_ON : KMS_FAILED;
}

KmsProgress
aws_read_login(const KmsServer *server, const KmsLoginAsked *asked, const KmsReply *reply,
			   KmsToken *token, KmsError *error)
{
	const AwsExchange *exchange = exchange_of(server, asked->round);
	bool		ok;

	Assert(asked->step == KMS_LOGIN && exchange != NULL);
	ok = kms_reply_came(reply, error);
	if (!ok)
		strlcpy(error->subject, exchange->option, sizeof(error->subject));
	else if (reply->status != 200)
		ok = aws_refused(reply, exchange->asks(server), error);
	else
		ok = exchange->read(server, asked, reply, token, error);
	if (!ok)
	{
		OPENSSL_cleanse(token, sizeof(*token));
		return KMS_FAILED;
	}
	return exchange_of(server, asked->round + 1) != NULL ? KMS_GO_ON : KMS_COMPLETE;
}
