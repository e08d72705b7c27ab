/*-------------------------------------------------------------------------
 *
 * config.c
 *	  The server's settings.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/config.h"
#include "utils/guc.h"

int			config_max_databases;
int			config_max_tenants;
int			config_revocation_interval_ms;
int			config_kms_timeout_ms;
int			config_audit_window_ms;
int			config_attestation_interval_ms;
int			config_attestation_max_age_ms;
int			config_attestation_timeout_ms;
int			config_audit_overflow;
bool		config_allow_core_dumps;
bool		config_allow_local_kms;
char	   *config_attestation_certificates;
char	   *config_attestation_source;
char	   *config_default_kms;
char	   *config_default_kek;
char	   *config_pkcs11_modules;

/* One entry a setting with a number; bounds are part of the contract. */
typedef struct IntSetting
{
	const char *name;
	const char *description;
	const char *detail;
	int		   *value;
	int			default_value;
	int			min;
	int			max;
	GucContext	context;
	int			flags;
} IntSetting;

static const IntSetting int_settings[] = {
	{
		.name = "bionic_crypt.max_databases",
		.description = "Databases that can have a key worker at the same time.",
		.detail = "Each takes one of max_worker_processes.",
		.value = &config_max_databases,
		.default_value = 4,
		.min = 1,
		.max = 256,
		.context = PGC_POSTMASTER,
	},
	{
		.name = "bionic_crypt.max_tenants",
		.description = "Tenants, of all databases, whose keys can be in use at the same time.",
		.detail = "Each takes 128 bytes of shared memory, and in the key worker 256 bytes of locked memory.",
		.value = &config_max_tenants,
		.default_value = 4096,
		.min = 16,
		.max = 1000000,
		.context = PGC_POSTMASTER,
	},
	{
		.name = "bionic_crypt.revocation_interval",
		.description = "Time after which a key that its KMS denies is used by no backend.",
		.detail = "The KMS is asked twice in it for every tenant in use.",
		.value = &config_revocation_interval_ms,
		.default_value = 60 * 1000,
		.min = 1000,
		.max = 24 * 3600 * 1000,
		.context = PGC_SIGHUP,
		.flags = GUC_UNIT_MS,
	},
	{
		.name = "bionic_crypt.kms_timeout",
		.description = "Longest time a statement waits for a key.",
		.value = &config_kms_timeout_ms,
		.default_value = 10 * 1000,
		.min = 100,
		.max = 600 * 1000,
		.context = PGC_USERSET,
		.flags = GUC_UNIT_MS,
	},
	{
		.name = "bionic_crypt.audit_window",
		.description = "Time in which an audit event that happens again is counted rather than written.",
		.detail = "Its repetitions are written once, with their number, when the time is over.",
		.value = &config_audit_window_ms,
		.default_value = 10 * 1000,
		.min = 1000,
		.max = 3600 * 1000,
		.context = PGC_SIGHUP,
		.flags = GUC_UNIT_MS,
	},
	{
		.name = "bionic_crypt.attestation_interval",
		.description = "Shortest time between two reports of the hardware.",
		.detail = "All who wait for one share it.",
		.value = &config_attestation_interval_ms,
		.default_value = 10 * 1000,
		.min = 100,
		.max = 3600 * 1000,
		.context = PGC_SIGHUP,
		.flags = GUC_UNIT_MS,
	},
	{
		.name = "bionic_crypt.attestation_max_age",
		.description = "Age up to which a report of the hardware serves who does not ask for a fresh one.",
		.value = &config_attestation_max_age_ms,
		.default_value = 600 * 1000,
		.min = 1000,
		.max = 24 * 3600 * 1000,
		.context = PGC_SIGHUP,
		.flags = GUC_UNIT_MS,
	},
	{
		.name = "bionic_crypt.attestation_timeout",
		.description = "Longest time bionic_crypt.attestation() waits.",
		.value = &config_attestation_timeout_ms,
		.default_value = 30 * 1000,
		.min = 100,
		.max = 600 * 1000,
		.context = PGC_USERSET,
		.flags = GUC_UNIT_MS,
	},
};

static const struct config_enum_entry audit_overflow_values[] = {
	{"wait", AUDIT_OVERFLOW_WAIT, false},
	{"error", AUDIT_OVERFLOW_ERROR, false},
	{NULL, 0, false}
};

void
config_init(void)
{
	for (int i = 0; i < lengthof(int_settings); i++)
	{
		const IntSetting *s = &int_settings[i];

		DefineCustomIntVariable(s->name, s->description, s->detail, s->value,
								s->default_value, s->min, s->max, s->context,
								s->flags, NULL, NULL, NULL);
	}

	DefineCustomEnumVariable("bionic_crypt.audit_overflow",
							 "What happens to a request when the key worker's buffer of audit events is full.",
							 "wait: until the events are written; error: it is refused.",
							 &config_audit_overflow, AUDIT_OVERFLOW_WAIT,
							 audit_overflow_values,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("bionic_crypt.allow_core_dumps",
							 "Lets processes that hold keys write core dumps.",
							 "For debugging: a core dump holds decrypted values and may hold keys.",
							 &config_allow_core_dumps, false,
							 PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("bionic_crypt.allow_local_kms",
							 "Lets KMS servers have loopback, link-local and metadata addresses.",
							 "For a KMS on the server's own machine, and for tests.",
							 &config_allow_local_kms, false,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("bionic_crypt.attestation_source",
							   "Where evidence of this machine's hardware comes from.",
							   "off, none, configfs, sev-guest, confidential-space, coco or helper, each with \":\" and a place where it is not the usual one.",
							   &config_attestation_source, "none",
							   PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("bionic_crypt.attestation_certificates",
							   "File with the certificate of the chip's key, where the host gives none.",
							   "PEM or DER; for reports of SEV-SNP.",
							   &config_attestation_certificates, "",
							   PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("bionic_crypt.default_kms",
							   "Server that wraps the keys of tenants created without one of their own.",
							   NULL,
							   &config_default_kms, "embedded",
							   PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("bionic_crypt.default_kek",
							   "Key-encryption key of tenants created without a KMS and key of their own.",
							   "In the words of the server bionic_crypt.default_kms.",
							   &config_default_kek, "",
							   PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("bionic_crypt.pkcs11_modules",
							   "Modules of PKCS#11 that KMS servers may name.",
							   "Absolute paths with commas between them: each is code that runs as the server's user.",
							   &config_pkcs11_modules, "",
							   PGC_SIGHUP, 0, NULL, NULL, NULL);
}
