/*-------------------------------------------------------------------------
 *
 * kms_aws_options.c
 *	  The options of the provider aws, and what they say.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "kms/kms_address.h"
#include "kms/kms_aws.h"
#include "kms/kms_options.h"

#define REGION_MAX			32
#define PROFILE_MAX			64
#define EXTERNAL_ID_MAX		1023
#define ROLE_ARN_MAX		2048
#define SESSION_NAME_MAX	64

#define LOWER	"abcdefghijklmnopqrstuvwxyz"
#define DIGITS	"0123456789"
#define WORD	LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "_"

/* Each method uses a file or an identity of this machine. */
const KmsOptionRule aws_option_rules[] = {
	{.name = "region",.required = true},
	{.name = "address"},
	{.name = "use_fips_endpoint"},
	{.name = "auth_method",.required = true,.of_machine = true},
	{.name = "credentials_file",.of_machine = true},
	{.name = "profile"},
	{.name = "web_identity_token_file",.of_machine = true},
	{.name = "web_identity_role_arn"},
	{.name = "metadata_address",.of_machine = true},
	{.name = "role_arn"},
	{.name = "role_session_name"},
	{.name = "external_id"},
	{.name = "external_id_file",.of_machine = true},
	{.name = "sts_address"},
	KMS_HTTP_OPTION_RULES,
	{.name = NULL},
};

static const char *const booleans[] = {"true", "false", NULL};

/* In the order of AwsMethod's bits. */
static const char *const methods[] = {
	"static", "web_identity", "container", "imds", NULL
};

/* Options of some methods; the others refuse them. */
static const KmsMethodOption method_options[] = {
	{"credentials_file", AWS_STATIC, AWS_STATIC},
	{"profile", 0, AWS_STATIC},
	{"web_identity_token_file", AWS_WEB_IDENTITY, AWS_WEB_IDENTITY},
	{"web_identity_role_arn", AWS_WEB_IDENTITY, AWS_WEB_IDENTITY},
	{"metadata_address", 0, AWS_IMDS},
};

#define PROFILES WORD ".-"
#define NAMES	WORD "+=,.@-"	/* of IAM */
#define ARNS	WORD "+=,.@:/-"

/* Options that go to AWS as they are. */
static const struct
{
	const char *name;
	const char *allowed;
	Size		min;
	Size		max;
	const char *form;
}			texts[] = {
	{"profile", PROFILES, 1, PROFILE_MAX, "1 to 64 letters, digits, _, . and -"},
	{"external_id", ARNS, 2, EXTERNAL_ID_MAX, "2 to 1023 letters, digits and _+=,.@:/-"},
	{"role_session_name", NAMES, 2, SESSION_NAME_MAX, "2 to 64 letters, digits and _+=,.@-"},
	{"role_arn", ARNS, 20, ROLE_ARN_MAX, "arn:aws:iam::ACCOUNT:role/NAME"},
	{"web_identity_role_arn", ARNS, 20, ROLE_ARN_MAX, "arn:aws:iam::ACCOUNT:role/NAME"},
};

AwsMethod
aws_method(const KmsServer *server)
{
	return (AwsMethod) kms_option_method(server, methods);
}

/* What there is for the role of the tenant's side. */
bool
aws_uses_identity(const KmsServer *server)
{
	return (aws_method(server) & (AWS_CONTAINER | AWS_IMDS)) != 0;
}

static bool
validate_role(const KmsServer *server, KmsError *error)
{
	static const char *const of_role[] = {"external_id", "external_id_file"};
	bool		has_role = kms_option(server, "role_arn") != NULL;

	for (int i = 0; i < lengthof(of_role); i++)
	{
		if (kms_option(server, of_role[i]) != NULL && !has_role)
			return kms_fail(error, KMS_CONFIG, of_role[i], "it requires role_arn");
	}
	if (kms_option(server, "external_id") != NULL && kms_option(server, "external_id_file") != NULL)
		return kms_fail(error, KMS_CONFIG, "external_id_file", "external_id is given too");
	if (has_role || aws_method(server) == AWS_WEB_IDENTITY)
		return true;
	if (kms_option(server, "sts_address") != NULL)
		return kms_fail(error, KMS_CONFIG, "sts_address", "no role is assumed");
	return kms_option(server, "role_session_name") == NULL ||
		kms_fail(error, KMS_CONFIG, "role_session_name", "no role is assumed");
}

static bool
validate_texts(const KmsServer *server, KmsError *error)
{
	for (int i = 0; i < lengthof(texts); i++)
	{
		const char *value = kms_option(server, texts[i].name);
		Size		len = value == NULL ? 0 : strlen(value);

		if (value != NULL && (len < texts[i].min || len > texts[i].max ||
							  strspn(value, texts[i].allowed) != len))
			return kms_fail(error, KMS_CONFIG, texts[i].name, "it must be %s", texts[i].form);
	}
	return true;
}

/* It becomes a part of host names. */
static bool
validate_region(const KmsServer *server, KmsError *error)
{
	const char *region = kms_option(server, "region");
	Size		len = strlen(region);

	return (len > 0 && len <= REGION_MAX && strspn(region, LOWER DIGITS "-") == len &&
			strchr(LOWER, region[0]) != NULL && region[len - 1] != '-') ||
		kms_fail(error, KMS_CONFIG, "region", "it must be one of AWS, such as eu-central-1");
}

static bool
uses_fips(const KmsServer *server)
{
	const char *given = kms_option(server, "use_fips_endpoint");

	return given != NULL && strcmp(given, "true") == 0;
}

static bool
validate_addresses(const KmsServer *server, KmsError *error)
{
	const char *metadata = kms_option(server, "metadata_address");

	if (!kms_option_check_choice(server, "use_fips_endpoint", booleans, error) ||
		!kms_option_check_url(server, "address", error) ||
		!kms_option_check_url(server, "sts_address", error))
		return false;
	if (uses_fips(server) && kms_option(server, "address") != NULL)
		return kms_fail(error, KMS_CONFIG, "use_fips_endpoint", "address is given");
	return metadata == NULL ||
		kms_metadata_url_validate("metadata_address", metadata, error);
}

bool
aws_validate(const KmsServer *server, KmsError *error)
{
	return validate_region(server, error) &&
		validate_addresses(server, error) &&
		kms_options_check_method(server, methods, method_options,
								 lengthof(method_options), error) &&
		validate_role(server, error) &&
		validate_texts(server, error) &&
		kms_option_check_file(server, "credentials_file", error) &&
		kms_option_check_file(server, "web_identity_token_file", error) &&
		kms_option_check_file(server, "external_id_file", error) &&
		kms_options_check_http(server, error);
}

const char *
aws_url(const KmsServer *server, const char *option, const char *service,
		char url[AWS_URL_MAX])
{
	const char *given = kms_option(server, option);
	const char *region = kms_option(server, "region");

	if (given != NULL)
		return given;
	snprintf(url, AWS_URL_MAX, "https://%s%s.%s.amazonaws.com%s", service,
			 uses_fips(server) ? "-fips" : "", region,
			 strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
	return url;
}
