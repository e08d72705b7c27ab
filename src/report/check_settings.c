/*-------------------------------------------------------------------------
 *
 * check_settings.c
 *	  Server settings that would put plaintext into logs or onto disks.
 *
 * The values are those of the session that asks: a setting of another role
 * or database shows when asked there.  What bionic_crypt.scrub_log keeps out
 * of the log is reported only while that is off.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

PG_FUNCTION_INFO_V1(bionic_crypt_check_settings);

typedef struct SettingCheck
{
	const char *setting;
	bool		(*leaks) (const char *value);
	bool		is_scrubbed;	/* harmless while scrub_log is on */
	const char *problem;
} SettingCheck;

static bool is_on(const char *value);
static bool is_off(const char *value);
static bool is_empty(const char *value);
static bool is_not_none(const char *value);
static bool is_audit_of_statements(const char *value);
static bool is_not_terse(const char *value);
static bool is_not_zero(const char *value);
static bool is_not_negative(const char *value);
static bool is_debug_level(const char *value);
static bool is_error_level(const char *value);

/* Settings of libraries that are not loaded do not exist, and are passed by. */
static const SettingCheck checks[] = {
	{"bionic_crypt.scrub_log", is_off, false,
	"statements and data of clients are written to the server log"},
	{"bionic_crypt.allow_core_dumps", is_on, false,
	"core dumps would hold decrypted values and keys"},
	{"temp_tablespaces", is_empty, false,
	"sorts and hashes over decrypted text that exceed work_mem are written to the data directory; name a tablespace on an encrypted or memory volume"},
	{"log_min_messages", is_debug_level, false,
	"debugging messages written to the server log can quote data"},
	{"pg_stat_statements.track_utility", is_on, false,
	"EXPLAIN and other utility statements are kept word for word, with their literals"},
	{"pg_stat_monitor.pgsm_normalized_query", is_off, false,
	"statements are kept word for word, with their literals"},
	{"pgaudit.log", is_audit_of_statements, false,
	"the audit log quotes statements; pgaudit.log_statement = off leaves them out"},
	{"auto_explain.log_min_duration", is_not_negative, true,
	"plans of slow statements are written to the server log with their literals"},
	{"debug_print_parse", is_on, true,
	"parse trees are written to the server log with their literals"},
	{"debug_print_rewritten", is_on, true,
	"query trees are written to the server log with their literals"},
	{"debug_print_plan", is_on, true,
	"plan trees are written to the server log with their literals"},
	{"log_error_verbosity", is_not_terse, true,
	"details of errors written to the server log quote rows"},
	{"log_min_duration_sample", is_not_negative, true,
	"a sample of slow statements is written to the server log"},
	{"log_min_duration_statement", is_not_negative, true,
	"slow statements are written to the server log"},
	{"log_min_error_statement", is_error_level, true,
	"statements that fail are written to the server log"},
	{"log_parameter_max_length_on_error", is_not_zero, true,
	"parameters of statements that fail are written to the server log"},
	{"log_statement", is_not_none, true,
	"statements are written to the server log"},
	{"log_transaction_sample_rate", is_not_zero, true,
	"statements of a sample of transactions are written to the server log"},
};

Datum
bionic_crypt_check_settings(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const char *scrub_log = GetConfigOption("bionic_crypt.scrub_log", true, false);
	bool		is_scrubbed = scrub_log != NULL && is_on(scrub_log);

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < lengthof(checks); i++)
	{
		const SettingCheck *check = &checks[i];
		const char *value = GetConfigOption(check->setting, true, false);
		Datum		values[3];
		bool		nulls[3] = {false, false, false};

		if (value == NULL || !check->leaks(value) ||
			(check->is_scrubbed && is_scrubbed))
			continue;
		values[0] = CStringGetTextDatum(check->setting);
		values[1] = CStringGetTextDatum(value);
		values[2] = CStringGetTextDatum(check->problem);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

static bool
is_on(const char *value)
{
	return strcmp(value, "on") == 0;
}

static bool
is_off(const char *value)
{
	return strcmp(value, "off") == 0;
}

/* An empty list is shown so, too. */
static bool
is_empty(const char *value)
{
	return value[0] == '\0' || strcmp(value, "\"\"") == 0;
}

static bool
is_not_none(const char *value)
{
	return strcmp(value, "none") != 0;
}

static bool
is_audit_of_statements(const char *value)
{
	const char *quoted = GetConfigOption("pgaudit.log_statement", true, false);

	return is_not_none(value) && (quoted == NULL || is_on(quoted));
}

static bool
is_not_terse(const char *value)
{
	return strcmp(value, "terse") != 0;
}

static bool
is_not_zero(const char *value)
{
	return strtod(value, NULL) != 0;
}

static bool
is_not_negative(const char *value)
{
	return value[0] != '-';
}

static bool
is_debug_level(const char *value)
{
	return strncmp(value, "debug", strlen("debug")) == 0;
}

/* Levels below which no failing statement is written, as PostgreSQL says. */
static bool
is_error_level(const char *value)
{
	return strcmp(value, "fatal") != 0 && strcmp(value, "panic") != 0;
}
