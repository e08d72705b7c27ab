/*-------------------------------------------------------------------------
 *
 * kms_azure.c
 *	  The provider azure: Azure Key Vault and Azure Managed HSM.  Its options.
 *
 * Who gives a token, and for whom it is, is configured.  A vault says so too,
 * in the challenge of a 401, and nobody follows that: it would tell us where
 * to send our credential.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "kms/kms_address.h"
#include "kms/kms_azure.h"
#include "kms/kms_options.h"
#include "kms/kms_transport.h"

#define AUTHORITY_PUBLIC	"https://login.microsoftonline.com"
#define AUTHORITY_CHINA		"https://login.chinacloudapi.cn"
#define AUTHORITY_US		"https://login.microsoftonline.us"
#define ALGORITHM_AES		"a256gcm"

static const KmsOptionRule azure_option_rules[] = {
	{.name = "address",.required = true},
	{.name = "algorithm"},
	{.name = "auth_method",.required = true,.of_machine = true},
	{.name = "tenant_id"},
	{.name = "client_id"},
	{.name = "client_secret_file",.of_machine = true},
	{.name = "client_certificate_file",.of_machine = true},
	{.name = "federated_token_file",.of_machine = true},
	{.name = "authority_address"},
	{.name = "metadata_address",.of_machine = true},
	{.name = "resource"},
	{.name = "api_version"},
	KMS_HTTP_OPTION_RULES,
	{.name = NULL},
};

static const char *const algorithms[] = {"rsa_oaep_256", ALGORITHM_AES, NULL};

/* In the order of AzureMethod's bits. */
static const char *const methods[] = {
	"client_secret", "client_certificate", "workload_identity", "managed_identity", NULL
};

/* Options of some methods; the others refuse them. */
static const KmsMethodOption method_options[] = {
	{"tenant_id", AZURE_ENTRA, AZURE_ENTRA},
	{"client_id", AZURE_ENTRA, AZURE_ANY_METHOD},
	{"client_secret_file", AZURE_CLIENT_SECRET, AZURE_CLIENT_SECRET},
	{"client_certificate_file", AZURE_CLIENT_CERTIFICATE, AZURE_CLIENT_CERTIFICATE},
	{"federated_token_file", AZURE_WORKLOAD_IDENTITY, AZURE_WORKLOAD_IDENTITY},
	{"authority_address", 0, AZURE_ENTRA},
	{"metadata_address", 0, AZURE_MANAGED_IDENTITY},
};

/* Where Azure's own vaults are. */
typedef struct AzureDomain
{
	const char *suffix;			/* of the host */
	const char *resource;
	const char *authority;
	bool		is_hsm;
} AzureDomain;

static const AzureDomain domains[] = {
	{".vault.azure.net", "https://vault.azure.net", AUTHORITY_PUBLIC, false},
	{".managedhsm.azure.net", "https://managedhsm.azure.net", AUTHORITY_PUBLIC, true},
	{".vault.azure.cn", "https://vault.azure.cn", AUTHORITY_CHINA, false},
	{".managedhsm.azure.cn", "https://managedhsm.azure.cn", AUTHORITY_CHINA, true},
	{".vault.usgovcloudapi.net", "https://vault.usgovcloudapi.net", AUTHORITY_US, false},
	{".managedhsm.usgovcloudapi.net", "https://managedhsm.usgovcloudapi.net", AUTHORITY_US, true},
};

/* NULL for an address outside: that of an emulator, say. */
static const AzureDomain *
azure_domain(const KmsServer *server)
{
	const char *host = kms_option(server, "address") + strlen("https://");
	Size		len = strcspn(host, ":");

	for (int i = 0; i < lengthof(domains); i++)
	{
		Size		suffix_len = strlen(domains[i].suffix);

		if (len > suffix_len &&
			pg_strncasecmp(host + len - suffix_len, domains[i].suffix, suffix_len) == 0)
			return &domains[i];
	}
	return NULL;
}

const char *
azure_resource(const KmsServer *server)
{
	const AzureDomain *domain = azure_domain(server);

	return domain != NULL ? domain->resource : kms_option(server, "resource");
}

const char *
azure_authority(const KmsServer *server)
{
	const AzureDomain *domain = azure_domain(server);
	const char *given = kms_option(server, "authority_address");

	if (given != NULL)
		return given;
	return domain != NULL ? domain->authority : AUTHORITY_PUBLIC;
}

bool
azure_uses_aes(const KmsServer *server)
{
	const char *algorithm = kms_option(server, "algorithm");

	return algorithm != NULL && strcmp(algorithm, ALGORITHM_AES) == 0;
}

AzureMethod
azure_method(const KmsServer *server)
{
	return (AzureMethod) kms_option_method(server, methods);
}

/* A token that is for somebody else than the vault must not be sent to it. */
static bool
validate_domain(const KmsServer *server, KmsError *error)
{
	const AzureDomain *domain = azure_domain(server);
	bool		given = kms_option(server, "resource") != NULL;

	if (domain == NULL && !given)
		return kms_fail(error, KMS_CONFIG, "resource",
						"it is required for an address that is not one of Azure's domains");
	if (domain != NULL && given)
		return kms_fail(error, KMS_CONFIG, "resource",
						"it must not be given for an address of Azure, which says it already");
	if (domain != NULL && !domain->is_hsm && azure_uses_aes(server))
		return kms_fail(error, KMS_CONFIG, "algorithm",
						"only a Managed HSM has keys of AES, and the address is one of a Key Vault");
	return true;
}

/* GUIDs, names of domains, versions: what cannot lead out of its place. */
static bool
check_word(const KmsServer *server, const char *name, KmsError *error)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	const char *value = kms_option(server, name);

	return value == NULL ||
		(strspn(value, allowed) == strlen(value) && strspn(value, ".") < strlen(value)) ||
		kms_fail(error, KMS_CONFIG, name, "it must be letters, digits, . and -");
}

static bool
check_metadata_url(const KmsServer *server, KmsError *error)
{
	const char *value = kms_option(server, "metadata_address");

	return value == NULL || kms_metadata_url_validate("metadata_address", value, error);
}

static bool
azure_validate(const KmsServer *server, KmsError *error)
{
	return kms_option_check_url(server, "address", error) &&
		kms_option_check_choice(server, "algorithm", algorithms, error) &&
		kms_option_check_url(server, "resource", error) &&
		validate_domain(server, error) &&
		kms_options_check_method(server, methods, method_options,
								 lengthof(method_options), error) &&
		check_word(server, "tenant_id", error) &&
		check_word(server, "client_id", error) &&
		kms_option_check_file(server, "client_secret_file", error) &&
		kms_option_check_file(server, "client_certificate_file", error) &&
		kms_option_check_file(server, "federated_token_file", error) &&
		kms_option_check_url(server, "authority_address", error) &&
		check_metadata_url(server, error) &&
		check_word(server, "api_version", error) &&
		kms_options_check_http(server, error);
}

bool
azure_request_ok(const KmsRequest *request, KmsError *error)
{
	return !request->invalid ||
		kms_fail(error, KMS_CONFIG, "options", "a request cannot be made of them");
}

/* Key Vault has no operation for it. */
static bool
azure_can_rewrap(const KmsServer *server)
{
	return false;
}

static bool
azure_uses_identity(const KmsServer *server)
{
	return azure_method(server) == AZURE_MANAGED_IDENTITY;
}

static const KmsRemote azure_remote = {
	.transport = &kms_over_http,
	.identity_file = azure_identity_file,
	.secret_file = azure_secret_file,
	.logs_in = azure_logs_in,
	.build_login = azure_build_login,
	.read_login = azure_read_login,
	.build = azure_build,
	.read = azure_read,
	.can_rewrap = azure_can_rewrap,
};

const KmsProvider kms_azure = {
	.name = "azure",
	.option_rules = azure_option_rules,
	.validate = azure_validate,
	.validate_kek = azure_validate_kek,
	.needs_superuser = azure_uses_identity,
	.remote = &azure_remote,
};
