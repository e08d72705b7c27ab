/*-------------------------------------------------------------------------
 *
 * kms_gcp.c
 *	  The provider gcp: Google Cloud KMS, by its REST interface.
 *
 * A wrapped key is what encrypt calls a ciphertext, as bytes.  The KMS knows
 * by itself which version of the key made it.  It is stored for ever.
 *
 * It is bound to tenant, key id and purpose as additional authenticated data.
 * There is no re-encryption on that side: a key is unwrapped and wrapped, by
 * the key's primary version, to wrap it anew.
 *
 * Google asks of a client that it sends the CRC32C of what it sends, and looks
 * at that of what it gets: between the end of TLS and the module there are
 * machines.  A sum that is wrong is as good as no answer, and is asked again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "port/pg_crc32c.h"

#include "base/json.h"
#include "crypto/base64.h"
#include "kms/json_writer.h"
#include "kms/kms_address.h"
#include "kms/kms_gcp.h"
#include "kms/kms_options.h"
#include "kms/kms_transport.h"
#include "kms/token_source.h"

#define ADDRESS_DEFAULT		"https://cloudkms.googleapis.com"
#define POOL_PREFIX			"//iam.googleapis.com/"
#define VERSION_INFIX		"/cryptoKeyVersions/"
#define VERSION_DIGITS_MAX	9
#define NAME_MAX_LEN		512
#define CRC_MAX				16	/* digits of a sum, and a NUL */
#define FLAG_MAX			8
#define WRAPPED_TEXT_MAX	(KMS_WRAPPED_MAX / 3 * 4 + 8)	/* in base64 */
#define PLAINTEXT_MAX		64	/* more than base64 of a data key */

#define LOWER	"abcdefghijklmnopqrstuvwxyz"
#define UPPER	"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS	"0123456789"
#define PROJECT	LOWER DIGITS "-.:"

/* Whoever names a server of any method uses a file or the identity of this machine. */
static const KmsOptionRule gcp_option_rules[] = {
	{.name = "address"},
	{.name = "auth_method",.required = true,.of_machine = true},
	{.name = "credentials_file",.of_machine = true},
	{.name = "token_address"},
	{.name = "metadata_address",.of_machine = true},
	{.name = "audience"},
	{.name = "subject_token_file",.of_machine = true},
	TOKEN_SOURCE_OPTION_RULES,
	{.name = "sts_address"},
	{.name = "service_account_impersonation"},
	{.name = "iamcredentials_address"},
	{.name = "quota_project"},
	KMS_HTTP_OPTION_RULES,
	{.name = NULL},
};

/* In the order of GcpMethod's bits. */
static const char *const methods[] = {
	"service_account", "metadata", "workload_identity", "confidential_space", NULL
};

/* Options of some methods; the others refuse them. */
static const KmsMethodOption method_options[] = {
	{"credentials_file", GCP_SERVICE_ACCOUNT, GCP_SERVICE_ACCOUNT},
	{"token_address", 0, GCP_SERVICE_ACCOUNT},
	{"metadata_address", 0, GCP_METADATA},
	{"audience", GCP_EXCHANGE, GCP_EXCHANGE},
	{"subject_token_file", 0, GCP_EXCHANGE},
	{"token_source", 0, GCP_EXCHANGE},
	{"token_audience", 0, GCP_EXCHANGE},
	{"attestation_claims", 0, GCP_EXCHANGE},
	{"sts_address", 0, GCP_EXCHANGE},
};

/* projects/P/locations/L/keyRings/R/cryptoKeys/K: what may be in each part. */
static const struct
{
	const char *before;
	const char *letters;
	Size		len_max;
}			name_parts[] = {
	{"projects/", PROJECT, 100},
	{"/locations/", LOWER DIGITS "-", 63},
	{"/keyRings/", LOWER UPPER DIGITS "-_", 63},
	{"/cryptoKeys/", LOWER UPPER DIGITS "-_", 63},
};

GcpMethod
gcp_method(const KmsServer *server)
{
	return (GcpMethod) kms_option_method(server, methods);
}

const char *
gcp_option(const KmsServer *server, const char *name, const char *otherwise)
{
	const char *value = kms_option(server, name);

	return value != NULL ? value : otherwise;
}

static bool
validate_method(const KmsServer *server, KmsError *error)
{
	if (!kms_options_check_method(server, methods, method_options,
								  lengthof(method_options), error))
		return false;
	if (kms_option(server, "iamcredentials_address") != NULL &&
		kms_option(server, "service_account_impersonation") == NULL)
		return kms_fail(error, KMS_CONFIG, "iamcredentials_address",
						"it is of use with service_account_impersonation only");
	if (gcp_method(server) == GCP_WORKLOAD_IDENTITY &&
		kms_option(server, "subject_token_file") == NULL &&
		kms_option(server, "token_source") == NULL)
		return kms_fail(error, KMS_CONFIG, "token_source",
						"auth_method workload_identity requires either it or subject_token_file");
	return true;
}

static bool
check_email(const KmsServer *server, const char *name, KmsError *error)
{
	const char *value = kms_option(server, name);
	const char *domain = value == NULL ? NULL : strchr(value, '@');

	return value == NULL ||
		(domain != NULL && domain > value && domain[1] != '\0' &&
		 value + strspn(value, LOWER UPPER DIGITS "-_.") == domain &&
		 strspn(domain + 1, LOWER DIGITS "-.") == strlen(domain + 1)) ||
		kms_fail(error, KMS_CONFIG, name, "it must be the email address of a service account");
}

static bool
check_project(const KmsServer *server, const char *name, KmsError *error)
{
	const char *value = kms_option(server, name);

	return value == NULL ||
		(strspn(value, LOWER DIGITS) > 0 && strspn(value, PROJECT) == strlen(value)) ||
		kms_fail(error, KMS_CONFIG, name, "it must be the id or the number of a project");
}

static bool
check_audience(const KmsServer *server, KmsError *error)
{
	const char *value = kms_option(server, "audience");

	return value == NULL ||
		(strncmp(value, POOL_PREFIX, strlen(POOL_PREFIX)) == 0 && kms_text_is_token(value)) ||
		kms_fail(error, KMS_CONFIG, "audience",
				 "it must be the provider of a workload identity pool: " POOL_PREFIX
				 "projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER");
}

static bool
check_metadata_address(const KmsServer *server, KmsError *error)
{
	const char *value = kms_option(server, "metadata_address");

	return value == NULL || kms_metadata_url_validate("metadata_address", value, error);
}

static bool
gcp_validate(const KmsServer *server, KmsError *error)
{
	return kms_option_check_url(server, "address", error) &&
		validate_method(server, error) &&
		kms_option_check_file(server, "credentials_file", error) &&
		kms_option_check_url(server, "token_address", error) &&
		check_metadata_address(server, error) &&
		check_audience(server, error) &&
		token_source_check(server, "subject_token_file", error) &&
		kms_option_check_url(server, "sts_address", error) &&
		check_email(server, "service_account_impersonation", error) &&
		kms_option_check_url(server, "iamcredentials_address", error) &&
		check_project(server, "quota_project", error) &&
		kms_options_check_http(server, error);
}

/* Without a version: encrypt would be of that one for ever. */
static bool
gcp_validate_kek(const char *kek, KmsError *error)
{
	bool		ok = strlen(kek) <= NAME_MAX_LEN;

	for (int i = 0; ok && i < lengthof(name_parts); i++)
	{
		Size		before_len = strlen(name_parts[i].before);
		Size		len;

		ok = strncmp(kek, name_parts[i].before, before_len) == 0;
		if (!ok)
			break;
		kek += before_len;
		len = strspn(kek, name_parts[i].letters);
		ok = len > 0 && len <= name_parts[i].len_max &&
			strspn(kek, LOWER UPPER DIGITS "-_") > 0;
		kek += len;
	}
	return (ok && *kek == '\0') ||
		kms_fail(error, KMS_CONFIG, "kek",
				 "it must be the name of a key of Cloud KMS: projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY");
}

bool
gcp_request_ok(const KmsRequest *request, KmsError *error)
{
	return !request->invalid ||
		kms_fail(error, KMS_CONFIG, "options", "a request cannot be made of them");
}

void
gcp_put_token(KmsRequest *request, const KmsToken *token)
{
	char		value[KMS_CREDENTIAL_MAX + 8];

	snprintf(value, sizeof(value), "Bearer %s", token->text);
	http_request_header(request, "Authorization", value);
	OPENSSL_cleanse(value, sizeof(value));
}

static uint32
crc32c_of(Bytes bytes)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, bytes.data, bytes.len);
	FIN_CRC32C(crc);
	return crc;
}

/* A member of bytes and one of their sum; a 64-bit number is a string in Google's JSON. */
static void
put_summed(KmsRequest *request, const char *name, Bytes bytes)
{
	char		crc[CRC_MAX];

	snprintf(crc, sizeof(crc), "%u", crc32c_of(bytes));
	kms_request_body(request, bytes_of_string(request->body_len == 0 ? "{\"" : ",\""));
	kms_request_body(request, bytes_of_string(name));
	kms_request_body(request, bytes_of_string("\":"));
	json_put_base64(request, bytes);
	kms_request_body(request, bytes_of_string(",\""));
	kms_request_body(request, bytes_of_string(name));
	kms_request_body(request, bytes_of_string("Crc32c\":\""));
	kms_request_body(request, bytes_of_string(crc));
	kms_request_body(request, bytes_of_string("\""));
	OPENSSL_cleanse(crc, sizeof(crc));	/* a part of what is known of a key */
}

static bool
gcp_build(const KmsServer *server, const KmsAsked *asked, const KmsToken *token,
		  KmsRequest *request, KmsError *error)
{
	const char *quota_project = kms_option(server, "quota_project");
	bool		wraps = asked->operation == KMS_WRAP;
	uint8		associated[KMS_ASSOCIATED_MAX];

	if (!gcp_validate_kek(asked->context->kek, error))
		return false;
	if (asked->operation == KMS_REWRAP)
		return kms_fail(error, KMS_CONFIG, "kek", "Cloud KMS cannot wrap anew by itself");
	if (!wraps && (asked->in.len == 0 || asked->in.len > KMS_WRAPPED_MAX))
		return kms_fail(error, KMS_BAD_CIPHERTEXT, "",
						"The wrapped key is not one of Cloud KMS.");

	http_request_init(request, "POST", gcp_option(server, "address", ADDRESS_DEFAULT));
	http_request_path(request, "/v1/");
	http_request_path(request, asked->context->kek);
	http_request_path(request, wraps ? ":encrypt" : ":decrypt");
	gcp_put_token(request, token);
	http_request_header(request, "Content-Type", "application/json");
	if (quota_project != NULL)
		http_request_header(request, "X-Goog-User-Project", quota_project);

	put_summed(request, wraps ? "plaintext" : "ciphertext", asked->in);
	put_summed(request, "additionalAuthenticatedData",
			   bytes_of(associated, kms_associated_data(asked->context, associated)));
	kms_request_body(request, bytes_of_string("}"));
	return gcp_request_ok(request, error);
}

/* Whether the text is the sum of the bytes. */
static bool
is_crc32c(const char *sum, Bytes bytes)
{
	char		crc[CRC_MAX];
	bool		same;

	snprintf(crc, sizeof(crc), "%u", crc32c_of(bytes));
	same = strcmp(crc, sum) == 0;
	OPENSSL_cleanse(crc, sizeof(crc));
	return same;
}

static bool
fail_damaged(const KmsReply *reply, KmsError *error)
{
	return kms_reply_fail(reply, error, KMS_UNAVAILABLE, "",
						  "Something was damaged on the way to the KMS or back");
}

static bool
read_key(const KmsReply *reply, uint8 *out, Size *out_len, KmsError *error)
{
	char		plaintext[PLAINTEXT_MAX];
	char		crc[CRC_MAX];
	JsonWanted	wanted[] = {
		{"plaintext", plaintext, sizeof(plaintext), false},
		{"plaintextCrc32c", crc, sizeof(crc), false},
	};
	bool		is_key;
	bool		intact;

	is_key = json_find(bytes_of(reply->body, reply->body_len), wanted, lengthof(wanted)) &&
		wanted[0].found && wanted[1].found &&
		base64_decode(plaintext, out, DATA_KEY_LEN, out_len) && *out_len == DATA_KEY_LEN;
	intact = is_key && is_crc32c(crc, bytes_of(out, DATA_KEY_LEN));
	OPENSSL_cleanse(plaintext, sizeof(plaintext));
	OPENSSL_cleanse(crc, sizeof(crc));
	if (intact)
		return true;
	OPENSSL_cleanse(out, DATA_KEY_LEN);
	return is_key ? fail_damaged(reply, error)
		: kms_reply_fail(reply, error, KMS_PROTOCOL, "", "Its reply holds no data key");
}

/* A version of that key, and of no other. */
static bool
is_version_of(const char *name, const char *kek)
{
	const char *version = name + strlen(kek) + strlen(VERSION_INFIX);
	Size		digits;

	if (strncmp(name, kek, strlen(kek)) != 0 ||
		strncmp(name + strlen(kek), VERSION_INFIX, strlen(VERSION_INFIX)) != 0)
		return false;
	digits = strspn(version, DIGITS);
	return digits > 0 && digits <= VERSION_DIGITS_MAX && version[digits] == '\0';
}

static bool
read_wrapped(const KmsReply *reply, const char *kek, uint8 *out, Size *out_len,
			 KmsError *error)
{
	char		name[NAME_MAX_LEN + 64];
	char		ciphertext[WRAPPED_TEXT_MAX];
	char		crc[CRC_MAX];
	char		key_came[FLAG_MAX];
	char		data_came[FLAG_MAX];
	JsonWanted	wanted[] = {
		{"name", name, sizeof(name), false},
		{"ciphertext", ciphertext, sizeof(ciphertext), false},
		{"ciphertextCrc32c", crc, sizeof(crc), false},
		{"verifiedPlaintextCrc32c", key_came, sizeof(key_came), false},
		{"verifiedAdditionalAuthenticatedDataCrc32c", data_came, sizeof(data_came), false},
	};

	if (!json_find(bytes_of(reply->body, reply->body_len), wanted, lengthof(wanted)) ||
		!wanted[1].found || !wanted[2].found ||
		!base64_decode(ciphertext, out, KMS_WRAPPED_MAX, out_len) || *out_len == 0)
		return kms_reply_fail(reply, error, KMS_PROTOCOL, "", "Its reply holds no wrapped key");
	if (!is_version_of(name, kek))
		return kms_reply_fail(reply, error, KMS_PROTOCOL, "",
							  "Its reply is of another key-encryption key");
	if (!is_crc32c(crc, bytes_of(out, *out_len)) ||
		strcmp(key_came, "true") != 0 || strcmp(data_came, "true") != 0)
		return fail_damaged(reply, error);
	return true;
}

static bool
gcp_read(const KmsServer *server, const KmsAsked *asked, const KmsReply *reply,
		 uint8 *out, Size *out_len, KmsError *error)
{
	if (!kms_reply_came(reply, error))
		return false;
	if (reply->status != 200)
		return gcp_refused(reply, 1 << asked->operation, error);
	return asked->operation == KMS_UNWRAP ? read_key(reply, out, out_len, error)
		: read_wrapped(reply, asked->context->kek, out, out_len, error);
}

static const char *
no_identity_file(const KmsServer *server)
{
	return NULL;
}

static bool
never(const KmsServer *server)
{
	return false;
}

static bool
gcp_uses_identity(const KmsServer *server)
{
	return gcp_method(server) == GCP_METADATA || token_source_is_identity(server);
}

static const KmsRemote gcp_remote = {
	.transport = &kms_over_http,
	.identity_file = no_identity_file,
	.secret_file = gcp_secret_file,
	.token_source = gcp_token_source,
	.logs_in = gcp_logs_in,
	.build_login = gcp_build_login,
	.read_login = gcp_read_login,
	.build = gcp_build,
	.read = gcp_read,
	.can_rewrap = never,
};

const KmsProvider kms_gcp = {
	.name = "gcp",
	.option_rules = gcp_option_rules,
	.validate = gcp_validate,
	.validate_kek = gcp_validate_kek,
	.needs_superuser = gcp_uses_identity,
	.remote = &gcp_remote,
};
