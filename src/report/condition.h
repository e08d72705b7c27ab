/*-------------------------------------------------------------------------
 *
 * condition.h
 *	  The conditions that are this project's own, each with one wording and
 *	  one SQLSTATE, raised by whoever meets them.  The key worker answers with
 *	  a condition and its arguments; the backend raises it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REPORT_CONDITION_H
#define REPORT_CONDITION_H

#include "postgres.h"

#include "base/compat.h"

typedef enum Condition
{
	CONDITION_NONE = 0,
	CONDITION_KMS_DENIED,		/* subject: KMS, object: tenant */
	CONDITION_KMS_UNREACHABLE,	/* subject: KMS */
	CONDITION_UNATTESTED,		/* subject: KMS, object: tenant */
	CONDITION_TENANT_SUSPENDED, /* subject: tenant */
	CONDITION_TENANT_SHREDDED,	/* subject: tenant */
	CONDITION_NO_TENANT,
	CONDITION_KEY_DESTROYED,
	CONDITION_INVALID_VALUE,
	CONDITION_INVALID_VALUE_BINARY,
	CONDITION_ALREADY_ENCRYPTED,
	CONDITION_CANNOT_DECRYPT,
	CONDITION_FOREIGN_VALUE,
	CONDITION_PERMISSION,		/* subject: tenant */
	CONDITION_KMS_OPTION,		/* subject: option, object: reason */
	CONDITION_KEY_FILE_MISSING, /* subject: path */
	CONDITION_KEY_FILE_OPEN,	/* subject: path; readable by others */
	CONDITION_TOO_MANY_TENANTS,
	CONDITION_NO_KEY_WORKER,
	CONDITION_KEY_WORKER,		/* it failed, or did not answer in time */
	CONDITION_AUDIT_FULL,
	CONDITION_ATTESTATION,		/* subject: why there is no evidence */
	CONDITION_ATTESTATION_FULL,
	CONDITION_ATTESTATION_OFF,
	CONDITION_NOT_PRELOADED
} Condition;

#define CONDITION_LAST CONDITION_NOT_PRELOADED

/*
 * Raises the condition.  log_detail goes to the server log only; NULL for
 * none.  Subject and object may be NULL where the condition has none.
 */
pg_noreturn extern void condition_raise(Condition condition, const char *subject,
										const char *object, const char *log_detail);

/* For conditions without arguments. */
pg_noreturn extern void condition_raise_plain(Condition condition);

/* Its primary message, palloc'ed. */
extern char *condition_message(Condition condition, const char *subject,
							   const char *object);

#endif							/* REPORT_CONDITION_H */
