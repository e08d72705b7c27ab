/*-------------------------------------------------------------------------
 *
 * kms_azure_login.c
 *	  Logins for Azure: at Entra ID in the tenant's directory, or at the
 *	  metadata service of the machine.
 *
 * At Entra ID (OAuth 2.0, client_credentials) we are an application that the
 * tenant has admitted to its directory; it can end that, and so is asked anew
 * at each check of keys.  Managed identities are of our own directory, where
 * no tenant has a say.
 *
 * A client certificate logs in with a token that its key signs (RFC 7523);
 * Entra ID knows the certificate by its hash.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <sodium.h>

#include "kms/kms_azure.h"
#include "kms/kms_jwt.h"
#include "kms/kms_oauth.h"
#include "kms/kms_options.h"
#include "kms/kms_reply.h"
#include "kms/kms_rsa_key.h"

#define METADATA_DEFAULT		"http://169.254.169.254"
#define METADATA_TOKEN			"/metadata/identity/oauth2/token?api-version=2018-02-01"
#define ASSERTION_TYPE			"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#define ASSERTION_LIFETIME_S	600
#define ASSERTION_ID_LEN		16
#define HASH_TEXT_LEN			44	/* base64url of SHA-256, and a NUL */

/* Who we are is an option, never a file. */
const char *
azure_identity_file(const KmsServer *server)
{
	return NULL;
}

const char *
azure_secret_file(const KmsServer *server)
{
	switch (azure_method(server))
	{
		case AZURE_CLIENT_SECRET:
			return kms_option(server, "client_secret_file");
		case AZURE_CLIENT_CERTIFICATE:
			return kms_option(server, "client_certificate_file");
		case AZURE_WORKLOAD_IDENTITY:
			return kms_option(server, "federated_token_file");
		default:
			return NULL;
	}
}

bool
azure_logs_in(const KmsServer *server)
{
	return (azure_method(server) & AZURE_ENTRA) != 0;
}

/* Else OpenSSL asks the terminal for the one of a block that is encrypted. */
static int
no_password(char *out, int size, int writing, void *unused)
{
	return -1;
}

/*
 * The first certificate of a text of PEM.  OpenSSL is shown nothing else of
 * it: it would decode what it passes over, the key, and not wipe that.
 */
static X509 *
read_certificate(const char *pem)
{
	static const char end[] = "-----END CERTIFICATE-----";
	const char *from = strstr(pem, "-----BEGIN CERTIFICATE-----");
	const char *to = from == NULL ? NULL : strstr(from, end);
	X509	   *certificate;
	BIO		   *in;

	if (to == NULL)
		return NULL;
	in = BIO_new_mem_buf(from, (int) (to - from + strlen(end)));
	if (in == NULL)
		return NULL;
	certificate = PEM_read_bio_X509(in, NULL, no_password, NULL);
	BIO_free(in);
	return certificate;
}

/* The hash of the certificate in a text of PEM, if it is one of the key there. */
static bool
certificate_hash(const char *pem, char hash_text[HASH_TEXT_LEN])
{
	X509	   *certificate = read_certificate(pem);
	EVP_PKEY   *key = rsa_key_read(pem);
	uint8		hash[SHA256_DIGEST_LENGTH];
	bool		ok;

	ok = certificate != NULL && key != NULL &&
		X509_check_private_key(certificate, key) == 1 &&
		X509_digest(certificate, EVP_sha256(), hash, NULL) == 1;
	if (ok)
		sodium_bin2base64(hash_text, HASH_TEXT_LEN, hash, sizeof(hash),
						  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	EVP_PKEY_free(key);
	X509_free(certificate);
	ERR_clear_error();			/* what libcurl reads next is its own */
	return ok;
}

static bool
put_assertion_of_certificate(const KmsServer *server, const KmsLoginAsked *asked,
							 KmsRequest *request, KmsError *error)
{
	char		hash[HASH_TEXT_LEN];
	uint8		id[ASSERTION_ID_LEN];
	char		id_text[2 * ASSERTION_ID_LEN + 1];
	char		assertion[JWT_MAX];
	const char *client_id = kms_option(server, "client_id");
	const char *pem = asked->credential->secret;
	const JwtMember header[] = {
		{"x5t#S256", hash, 0},
		{NULL, NULL, 0},
	};
	const JwtMember claims[] = {
		{"aud", request->url, 0},
		{"iss", client_id, 0},
		{"sub", client_id, 0},
		{"jti", id_text, 0},
		{"nbf", NULL, asked->now_s},
		{"exp", NULL, asked->now_s + ASSERTION_LIFETIME_S},
		{NULL, NULL, 0},
	};

	if (!certificate_hash(pem, hash))
		return kms_fail(error, KMS_CREDENTIAL, "client_certificate_file",
						"The file holds no certificate and RSA key that belong together.");
	if (!pg_strong_random(id, sizeof(id)))
		return kms_fail(error, KMS_UNAVAILABLE, "", "There are no random numbers.");
	sodium_bin2hex(id_text, sizeof(id_text), id, sizeof(id));
	if (!jwt_make(JWT_PS256, pem, header, claims, assertion))
		return kms_fail(error, KMS_CREDENTIAL, "client_certificate_file",
						"Its key could not sign.");
	oauth_put(request, "client_assertion_type", ASSERTION_TYPE);
	oauth_put(request, "client_assertion", assertion);
	OPENSSL_cleanse(assertion, sizeof(assertion));
	return true;
}

static bool
put_credential(const KmsServer *server, const KmsLoginAsked *asked, KmsRequest *request,
			   KmsError *error)
{
	const char *secret = asked->credential->secret;

	switch (azure_method(server))
	{
		case AZURE_CLIENT_CERTIFICATE:
			return put_assertion_of_certificate(server, asked, request, error);
		case AZURE_WORKLOAD_IDENTITY:
			if (!kms_text_is_jwt(secret))
				return kms_fail(error, KMS_CREDENTIAL, "federated_token_file",
								"The file holds no JWT.");
			oauth_put(request, "client_assertion_type", ASSERTION_TYPE);
			oauth_put(request, "client_assertion", secret);
			return true;
		default:
			if (secret[0] == '\0' || !kms_text_is_printable(secret))
				return kms_fail(error, KMS_CREDENTIAL, "client_secret_file",
								"The file holds no client secret.");
			oauth_put(request, "client_secret", secret);
			return true;
	}
}

static bool
build_entra(const KmsServer *server, const KmsLoginAsked *asked, KmsRequest *request,
			KmsError *error)
{
	char		scope[HTTP_URL_MAX];

	snprintf(scope, sizeof(scope), "%s/.default", azure_resource(server));
	oauth_request(request, azure_authority(server));
	http_request_path(request, "/");
	http_request_escaped(request, kms_option(server, "tenant_id"));
	http_request_path(request, "/oauth2/v2.0/token");
	oauth_put(request, "grant_type", "client_credentials");
	oauth_put(request, "client_id", kms_option(server, "client_id"));
	oauth_put(request, "scope", scope);
	return put_credential(server, asked, request, error);
}

/* A client_id says which of the identities that the machine may have. */
static void
build_metadata(const KmsServer *server, KmsRequest *request)
{
	const char *address = kms_option(server, "metadata_address");
	const char *client_id = kms_option(server, "client_id");

	http_request_metadata(request, "GET", address != NULL ? address : METADATA_DEFAULT);
	http_request_path(request, METADATA_TOKEN "&resource=");
	http_request_escaped(request, azure_resource(server));
	if (client_id != NULL)
	{
		http_request_path(request, "&client_id=");
		http_request_escaped(request, client_id);
	}
	http_request_header(request, "Metadata", "true");
}

KmsProgress
azure_build_login(const KmsServer *server, const KmsLoginAsked *asked, KmsToken *token,
				  KmsRequest *request, KmsError *error)
{
	/* Nobody keeps account of tokens: they end by themselves. */
	if (asked->step == KMS_LOGOUT)
		return KMS_COMPLETE;
	Assert(asked->step == KMS_LOGIN);	/* none is renewable */
	if (!azure_logs_in(server))
		build_metadata(server, request);
	else if (!build_entra(server, asked, request, error))
		return KMS_FAILED;
	return azure_request_ok(request, error) ? KMS_GO_ON : KMS_FAILED;
}

KmsProgress
azure_read_login(const KmsServer *server, const KmsLoginAsked *asked, const KmsReply *reply,
				 KmsToken *token, KmsError *error)
{
	bool		ok;

	if (!kms_reply_came(reply, error))
		return KMS_FAILED;
	if (reply->status == 200)
		ok = oauth_read_token(reply, token, error);
	else if (azure_logs_in(server))
		ok = azure_entra_refused(reply, error);
	else
		ok = azure_metadata_refused(reply, error);
	return ok ? KMS_COMPLETE : KMS_FAILED;
}
