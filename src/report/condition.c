/*-------------------------------------------------------------------------
 *
 * condition.c
 *	  One wording and one SQLSTATE for each condition of our own.
 *
 * The texts of one condition must not tell apart what an attacker should not
 * know: an unknown tenant and one without a grant are one condition, and so
 * are all causes of a value that cannot be decrypted.  What helps the
 * operator goes to the server log by log_detail.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "report/condition.h"

typedef struct ConditionText
{
	const char *sqlstate;		/* five characters */
	const char *message;		/* %s: first subject, then object */
	const char *detail;
	const char *hint;
} ConditionText;

static const ConditionText texts[] = {
	[CONDITION_KMS_DENIED] = {
		"KM001", "KMS \"%s\" denied the key of tenant \"%s\"",
		"The key-encryption key is disabled, deleted, or may not be used by this server.",
	"Values of the tenant are readable again as soon as its KMS permits it."},
	[CONDITION_KMS_UNREACHABLE] = {
		"KM002", "could not reach KMS \"%s\"", NULL,
	"The server log says why."},
	[CONDITION_UNATTESTED] = {
		"KM009", "KMS \"%s\" was not asked for the key of tenant \"%s\"",
		"The key is asked for with an attestation token only, and the one at hand does not have the claims that this takes.",
	"The server log says which."},
	[CONDITION_TENANT_SUSPENDED] = {
		"KM003", "tenant \"%s\" is suspended", NULL,
	"Use bionic_crypt.resume_tenant() to end it."},
	[CONDITION_TENANT_SHREDDED] = {
	"KM004", "tenant \"%s\" has been shredded"},
	[CONDITION_NO_TENANT] = {
		"KM005", "no tenant is set", NULL,
	"Set bionic_crypt.tenant before encrypting or decrypting values."},
	[CONDITION_KEY_DESTROYED] = {
	"KM007", "data key of this value has been destroyed"},
	[CONDITION_INVALID_VALUE] = {
	"22P02", "invalid encrypted value"},
	[CONDITION_INVALID_VALUE_BINARY] = {
	"22P03", "invalid encrypted value"},
	[CONDITION_ALREADY_ENCRYPTED] = {
		"22P02", "value is already encrypted", NULL,
	"Load a dump with no tenant set: RESET bionic_crypt.tenant."},
	[CONDITION_CANNOT_DECRYPT] = {
	"22000", "could not decrypt value"},
	[CONDITION_FOREIGN_VALUE] = {
	"42501", "value belongs to another tenant"},
	[CONDITION_PERMISSION] = {
	"42501", "permission denied for tenant \"%s\""},
	[CONDITION_KMS_OPTION] = {
	"22023", "invalid KMS option \"%s\": %s"},
	[CONDITION_KEY_FILE_MISSING] = {
		"58P01", "key file \"%s\" does not exist", NULL,
	"Restore it from its backup, or copy it from the primary."},
	[CONDITION_KEY_FILE_OPEN] = {
		"42501", "key file \"%s\" is accessible by others", NULL,
	"It must be a regular file of the server's user with mode 0600."},
	[CONDITION_TOO_MANY_TENANTS] = {
		"53400", "no room for the keys of another tenant", NULL,
	"Raise bionic_crypt.max_tenants."},
	[CONDITION_NO_KEY_WORKER] = {
		"53400", "no key worker is free", NULL,
	"Raise bionic_crypt.max_databases and max_worker_processes."},
	[CONDITION_KEY_WORKER] = {
		"KM002", "key worker did not answer", NULL,
	"The server log says why."},
	[CONDITION_AUDIT_FULL] = {
		"53000", "audit buffer is full",
		"What cannot be written to the audit is not done.",
	"The server log says why it cannot be written, if that is so."},
	[CONDITION_ATTESTATION] = {
	"KM008", "could not get attestation evidence: %s"},
	[CONDITION_ATTESTATION_FULL] = {
		"53000", "too many requests for attestation", NULL,
	"Try again when some of them were answered."},
	[CONDITION_ATTESTATION_OFF] = {
		"55000", "attestation is off", NULL,
	"Set bionic_crypt.attestation_source and restart the server."},
	[CONDITION_NOT_PRELOADED] = {
		"55000", "bionic_crypt must be loaded via shared_preload_libraries", NULL,
	"Add bionic_crypt to shared_preload_libraries and restart the server."},
};

void
condition_raise(Condition condition, const char *subject, const char *object,
				const char *log_detail)
{
	const ConditionText *text = &texts[condition];
	const char *s = text->sqlstate;

	Assert(condition > CONDITION_NONE && condition < lengthof(texts));

	ereport(ERROR,
			(errcode(MAKE_SQLSTATE(s[0], s[1], s[2], s[3], s[4])),
			 errmsg(text->message, subject ? subject : "", object ? object : ""),
			 text->detail ? errdetail("%s", text->detail) : 0,
			 log_detail && log_detail[0] ? errdetail_log("%s", log_detail) : 0,
			 text->hint ? errhint("%s", text->hint) : 0));
	pg_unreachable();
}

void
condition_raise_plain(Condition condition)
{
	condition_raise(condition, NULL, NULL, NULL);
}

char *
condition_message(Condition condition, const char *subject, const char *object)
{
	return psprintf(texts[condition].message, subject, object);
}
