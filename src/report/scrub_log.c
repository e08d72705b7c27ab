/*-------------------------------------------------------------------------
 *
 * scrub_log.c
 *	  Keeps what clients send and read out of the server log.
 *
 * PostgreSQL writes to its log the text of statements and their parameters,
 * rows that break a constraint, lines of COPY, and values it could not
 * convert.  The client that sent them may see them; the log may not hold them.
 *
 * A message goes to the log first and to the client next, out of one
 * ErrorData, and changing that for good changes both.  So the hook puts
 * harmless parts in place, has the log written by calling EmitErrorReport()
 * again for the log alone, puts the client's parts back, and lets the first
 * call go on to the client.  Nothing is allocated, so nothing can fail.
 *
 * What is hidden, in client backends and their parallel workers, and in the
 * postmaster's report of one that crashed:
 *	- STATEMENT, CONTEXT and QUERY, always;
 *	- DETAIL, unless this library wrote it or it is about locks;
 *	- messages that quote a statement: only their duration is left;
 *	- messages that quote data (SQLSTATE class 22) or source text (42601):
 *	  the format is left, without what was put in.
 *
 * What remains, for docs/threat_model.md: messages and hints that users raise
 * themselves (RAISE); names that do not exist, since "secret" in double
 * quotes is a column's name; messages that other extensions and languages
 * make of data under another SQLSTATE.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>
#include <dlfcn.h>

#include "access/parallel.h"
#include "miscadmin.h"
#include "utils/elog.h"
#include "utils/guc.h"

#include "report/scrub_log.h"

#define HIDDEN		"hidden by bionic_crypt.scrub_log"
#define MASK		"***"
#define MASKED_MAX	512			/* bytes; a longer format is cut */

/* What is known of the extension in this database. */
typedef enum Presence
{
	PRESENCE_UNKNOWN,
	PRESENCE_YES,
	PRESENCE_NO
} Presence;

/*
 * Formats of messages that quote a statement without a duration.  They are
 * matched untranslated, as message_id has them.
 */
static const char *const statement_formats[] = {
	"statement: %s",
	"%s %s%s%s: %s",			/* execute of the extended protocol */
	"parse %s: %s",
};

/* Not const, because ErrorData wants it so; nothing writes or frees it. */
static char hidden_detail[] = "Detail " HIDDEN ".";

static bool scrub_log = true;	/* setting */
static Presence presence = PRESENCE_UNKNOWN;
static bool scrubbing = false;	/* the log is being written by us */
static emit_log_hook_type next_emit_log = NULL; /* saved hook */

static void emit_log(ErrorData *edata);
static void emit_scrubbed(ErrorData *edata);
static bool quotes_client(const ErrorData *edata);
static bool is_ours(const ErrorData *edata);
static char *harmless_detail(const ErrorData *edata);
static const char *harmless_message(const ErrorData *edata, char *buffer);
static bool quotes_statement(const char *format);
static const char *duration_of(const char *message, char *buffer);
static const char *masked_format(const char *format, char *buffer);

void
scrub_log_init(void)
{
	DefineCustomBoolVariable("bionic_crypt.scrub_log",
							 "Keeps statements and data of clients out of the server log.",
							 NULL,
							 &scrub_log, true,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	next_emit_log = emit_log_hook;
	emit_log_hook = emit_log;
}

void
scrub_log_extension_known(bool present)
{
	presence = present ? PRESENCE_YES : PRESENCE_NO;
}

static void
emit_log(ErrorData *edata)
{
	if (!scrubbing && scrub_log && quotes_client(edata))
		emit_scrubbed(edata);
	else if (next_emit_log)
		next_emit_log(edata);
}

/*
 * EmitErrorReport() works on the top of the error stack, which is what the
 * hook was given.
 */
static void
emit_scrubbed(ErrorData *edata)
{
	ErrorData	original = *edata;
	char		buffer[MASKED_MAX];

	edata->output_to_client = false;
	edata->hide_stmt = true;
	edata->hide_ctx = true;
	edata->internalquery = NULL;
	if (!is_ours(edata))
	{
		if (edata->detail != NULL || edata->detail_log != NULL)
			edata->detail_log = harmless_detail(edata);
		edata->message = unconstify(char *, harmless_message(edata, buffer));
	}

	scrubbing = true;
	PG_TRY();
	{
		EmitErrorReport();
	}
	PG_FINALLY();
	{
		scrubbing = false;
	}
	PG_END_TRY();

	*edata = original;
	edata->output_to_server = false;	/* it is written */
}

/*
 * Before it has a database, a process has seen no data.  The postmaster tells
 * what a process that crashed was running.
 */
static bool
quotes_client(const ErrorData *edata)
{
	if (!IsUnderPostmaster)
		return edata->message_id != NULL &&
			strncmp(edata->message_id, "%s (PID %d) ", strlen("%s (PID %d) ")) == 0;
	return presence != PRESENCE_NO && OidIsValid(MyDatabaseId) &&
		(MyBackendType == B_BACKEND || IsParallelWorker());
}

/* Our messages hold no plaintext, and their DETAIL is made for the log. */
static bool
is_ours(const ErrorData *edata)
{
	Dl_info		raiser;
	Dl_info		us;

	return edata->funcname != NULL &&
		dladdr(edata->funcname, &raiser) != 0 &&
		dladdr(&scrub_log, &us) != 0 &&
		raiser.dli_fbase == us.dli_fbase;
}

/*
 * Of a deadlock the log is told the statements, the client only the locks;
 * the DETAIL of log_lock_waits is a list of processes.
 */
static char *
harmless_detail(const ErrorData *edata)
{
	const char *format = edata->message_id;

	if (edata->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED && edata->detail)
		return edata->detail;
	if (format != NULL && edata->detail_log &&
		strncmp(format, "process %d ", strlen("process %d ")) == 0)
		return edata->detail_log;
	return hidden_detail;
}

static const char *
harmless_message(const ErrorData *edata, char *buffer)
{
	const char *format = edata->message_id;
	bool		quotes_data = edata->sqlerrcode == ERRCODE_SYNTAX_ERROR ||
		ERRCODE_TO_CATEGORY(edata->sqlerrcode) == ERRCODE_DATA_EXCEPTION;

	if (format == NULL)			/* raised again by another process */
		return quotes_data ? "message " HIDDEN : edata->message;
	if (strncmp(format, "duration: ", strlen("duration: ")) == 0)
		return duration_of(edata->message, buffer);
	if (quotes_statement(format))
		return "statement " HIDDEN;
	if (quotes_data && strchr(format, '%') != NULL)
		return masked_format(format, buffer);
	return edata->message;
}

static bool
quotes_statement(const char *format)
{
	for (int i = 0; i < lengthof(statement_formats); i++)
		if (strcmp(format, statement_formats[i]) == 0)
			return true;
	return false;
}

/*
 * The first number of the message.  Translations differ in their words, and
 * in all of them the statement comes after it.
 */
static const char *
duration_of(const char *message, char *buffer)
{
	size_t		start = strcspn(message, "0123456789");
	size_t		len = strspn(message + start, "0123456789.");

	snprintf(buffer, MASKED_MAX, "duration: %.*s ms", (int) Min(len, 32),
			 message + start);
	return buffer;
}

/* The format with a mask for each conversion. */
static const char *
masked_format(const char *format, char *buffer)
{
	char	   *out = buffer;
	char	   *end = buffer + MASKED_MAX - sizeof(MASK);

	while (*format != '\0' && out < end)
	{
		if (*format != '%' || *++format == '%')
		{
			*out++ = *format++;
			continue;
		}
		format += strspn(format, "0123456789$-+ #'.*hlzjtq");
		if (*format != '\0')
			format++;
		out += strlcpy(out, MASK, sizeof(MASK));
	}
	*out = '\0';
	return buffer;
}
