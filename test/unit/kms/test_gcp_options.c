/*-------------------------------------------------------------------------
 *
 * test_gcp_options.c
 *	  Options of servers of the provider gcp, and names of its keys.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include "base/config.h"

#define OPTIONS_MAX 40
#define PATH	"/etc/kms/x"
#define POOL	"//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x"
#define METHOD	"provider", "gcp", "auth_method"
#define ACCOUNT	METHOD, "service_account", "credentials_file", PATH
#define MACHINE METHOD, "metadata"
#define TRADE	METHOD, "workload_identity", "subject_token_file", PATH, "audience", POOL
#define SPACE	METHOD, "confidential_space", "audience", POOL
#define EMAIL	"service_account_impersonation", "kms@acme.iam.gserviceaccount.com"

static void test_valid(void);
static void test_invalid(void);
static void test_addresses(void);
static void test_rules(void);
static void test_kek(void);

void
test_gcp_options(void)
{
	test_valid();
	test_invalid();
	test_addresses();
	test_rules();
	test_kek();
}

static KmsServer server;
static KmsError error;

static void
test_valid(void)
{
	static const char *const valid[][OPTIONS_MAX] = {
		{ACCOUNT},
		{ACCOUNT, "token_address", "https://token.example", EMAIL},
		{MACHINE},
		{MACHINE, "metadata_address", "http://169.254.169.254", "quota_project", "acme-billing"},
		{MACHINE, "quota_project", "acme.example:billing"},
		{TRADE},
		{TRADE, "sts_address", "https://sts.example:8443", EMAIL, "iamcredentials_address",
		"https://iam.example"},
		{SPACE},
		{SPACE, "subject_token_file", "/run/token", "address", "https://kms.example", "ca_file", PATH,
		"connect_timeout_ms", "100", "request_timeout_ms", "60000"},
	};
	bool		ok = true;

	for (int i = 0; i < lengthof(valid); i++)
		TAP_EACH(ok, server_read(&server, &error, valid[i]), "server %d: %s, %s", i,
				 error.subject, error.detail);
	tap_ok(ok, "gcp: each auth method is taken with what it needs");
}

static void
test_invalid(void)
{
	static const struct
	{
		const char *option;
		const char *options[OPTIONS_MAX];
	}			invalid[] = {
		{"auth_method", {"provider", "gcp"}},
		{"auth_method", {METHOD, "api_key"}},
		{"credentials_file", {METHOD, "service_account"}},
		{"credentials_file", {METHOD, "service_account", "credentials_file", "key.json"}},
		{"credentials_file", {MACHINE, "credentials_file", PATH}},
		{"token_address", {MACHINE, "token_address", "https://token.example"}},
		{"token_address", {ACCOUNT, "token_address", "https://token.example/token"}},
		{"metadata_address", {ACCOUNT, "metadata_address", "http://169.254.169.254"}},
		{"audience", {METHOD, "workload_identity", "subject_token_file", PATH}},
		{"audience", {ACCOUNT, "audience", POOL}},
		{"audience", {METHOD, "confidential_space", "audience", "https://acme.example"}},
		{"audience", {METHOD, "confidential_space", "audience", POOL " x"}},
		{"token_source", {METHOD, "workload_identity", "audience", POOL}},
		{"token_source", {TRADE, "token_source", "file:/a"}},
		{"token_source", {MACHINE, "token_source", "file:/a"}},
		{"attestation_claims", {ACCOUNT, "attestation_claims", "{\"/a\":1}"}},
		{"token_audience", {TRADE, "token_audience", "x"}},
		{"subject_token_file", {SPACE, "subject_token_file", "token"}},
		{"subject_token_file", {MACHINE, "subject_token_file", PATH}},
		{"sts_address", {ACCOUNT, "sts_address", "https://sts.example"}},
		{"sts_address", {TRADE, "sts_address", "http://sts.example"}},
		{"service_account_impersonation", {MACHINE, "service_account_impersonation", "a/b@x"}},
		{"service_account_impersonation", {MACHINE, "service_account_impersonation", "kms"}},
		{"service_account_impersonation", {MACHINE, "service_account_impersonation", "@x"}},
		{"service_account_impersonation", {MACHINE, "service_account_impersonation", ""}},
		{"iamcredentials_address", {MACHINE, "iamcredentials_address", "https://iam.example"}},
		{"iamcredentials_address", {MACHINE, EMAIL, "iamcredentials_address", "iam.example"}},
		{"quota_project", {MACHINE, "quota_project", "a b"}},
		{"quota_project", {MACHINE, "quota_project", ""}},
		{"quota_project", {MACHINE, "quota_project", "../x"}},
		{"address", {MACHINE, "address", "https://kms.example/v1"}},
		{"address", {MACHINE, "address", "https://169.254.169.254"}},
		{"ca_file", {MACHINE, "ca_file", "ca.crt"}},
		{"key", {MACHINE, "key", "x"}},
	};
	bool		ok = true;

	for (int i = 0; i < lengthof(invalid); i++)
		TAP_EACH(ok, !server_read(&server, &error, invalid[i].options) &&
				 error.status == KMS_CONFIG && strcmp(error.subject, invalid[i].option) == 0,
				 "server %d: %s, %s", i, error.subject, error.detail);
	tap_ok(ok, "gcp: each wrong option is refused, and named");
}

static void
test_addresses(void)
{
	static const char *const local[] = {MACHINE, "metadata_address", "http://127.0.0.1:8080", NULL};
	static const char *const named[] = {MACHINE, "metadata_address", "http://metadata.google.internal", NULL};
	static const char *const secure[] = {MACHINE, "metadata_address", "https://169.254.169.254", NULL};
	static const char *const elsewhere[] = {MACHINE, "metadata_address", "http://192.0.2.1", NULL};
	bool		ok = true;

	config_allow_local_kms = true;
	TAP_EACH(ok, server_read(&server, &error, local), "%s", error.detail);
	config_allow_local_kms = false;
	TAP_EACH(ok, !server_read(&server, &error, local) && error.status == KMS_CONFIG &&
			 strcmp(error.subject, "metadata_address") == 0, "of this machine");
	TAP_EACH(ok, !server_read(&server, &error, named), "a name");
	TAP_EACH(ok, !server_read(&server, &error, secure), "not http");
	TAP_EACH(ok, !server_read(&server, &error, elsewhere), "elsewhere");
	tap_ok(ok, "gcp: a metadata service is where one can be, and nowhere else");
}

/* Nobody but who may read the machine's files makes a server of this provider. */
static void
test_rules(void)
{
	static const char *const of_machine[] = {
		"auth_method", "credentials_file", "metadata_address", "subject_token_file", "token_source", "ca_file",
		"client_cert_file", "client_key_file"
	};
	bool		ok = true;

	for (int i = 0; i < lengthof(of_machine); i++)
		TAP_EACH(ok, kms_option_rule(&kms_gcp, of_machine[i])->of_machine, "%s", of_machine[i]);
	TAP_EACH(ok, kms_option_rule(&kms_gcp, "auth_method")->required, "auth_method");
	tap_ok(ok, "gcp: what is of this machine is marked so");
}

static void
test_kek(void)
{
#define RING "projects/acme-kms/locations/europe-west3/keyRings/saas/"
	static const char *const good[] = {
		RING "cryptoKeys/chat",
		"projects/acme.example:kms/locations/global/keyRings/R_1/cryptoKeys/K-1",
		"projects/123456789/locations/eu/keyRings/r/cryptoKeys/"
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk",
	};
	static const char *const bad[] = {
		"", "chat", "/" RING "cryptoKeys/chat", RING, RING "cryptoKeys/",
		RING "cryptoKeys/chat/cryptoKeyVersions/1", RING "cryptoKeys/chat/", RING "cryptoKeys/chat:encrypt",
		RING "cryptoKeys/ch at", RING "cryptoKeys/..", RING "cryptokeys/chat", RING "cryptoKeys/chat?x=1",
		RING "cryptoKeys/ch\xc3\xa4t",
		"projects/../locations/global/keyRings/r/cryptoKeys/k",
		"projects//locations/global/keyRings/r/cryptoKeys/k",
		"projects/p/locations/Global/keyRings/r/cryptoKeys/k",
		"projects/p/locations/global/keyRings/r.x/cryptoKeys/k",
		"projects/p/locations/global/keyRings/r/cryptoKeys/"
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl",
	};
	bool		ok = true;

	for (int i = 0; i < lengthof(good); i++)
		TAP_EACH(ok, kms_gcp.validate_kek(good[i], &error), "%s", good[i]);
	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, !kms_gcp.validate_kek(bad[i], &error) && error.status == KMS_CONFIG &&
				 strcmp(error.subject, "kek") == 0, "%s", bad[i]);
	tap_ok(ok, "gcp: a key is named whole, and without a version");
}
