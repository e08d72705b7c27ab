/*-------------------------------------------------------------------------
 *
 * audit.h
 *	  The audit: an outbox, to which an event is written in the transaction
 *	  that it is about, and the chain, to which the key worker moves it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KEYS_AUDIT_H
#define KEYS_AUDIT_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

typedef enum AuditEvent
{
	/* Changes of the catalog. */
	AUDIT_TENANT_CREATED,
	AUDIT_TENANT_CHANGED,
	AUDIT_TENANT_SUSPENDED,
	AUDIT_TENANT_RESUMED,
	AUDIT_TENANT_SHREDDED,
	AUDIT_TENANT_MOVED,			/* to another KMS or key-encryption key */
	AUDIT_TENANT_ATTESTED,		/* its keys need an attestation token, or no more */
	AUDIT_TENANT_DELETED,
	AUDIT_KEY_CREATED,
	AUDIT_KEY_CHANGED,
	AUDIT_KEY_ACTIVATED,
	AUDIT_KEY_RETIRED,
	AUDIT_KEY_DESTROYED,
	AUDIT_KEY_MOVED,
	AUDIT_KEY_REWRAPPED,
	AUDIT_KEY_DELETED,
	AUDIT_GRANT_CREATED,
	AUDIT_GRANT_CHANGED,
	AUDIT_GRANT_DELETED,
	AUDIT_CATALOG_TRUNCATED,

	/* Decisions of the key worker. */
	AUDIT_KEY_GENERATED,		/* whether or not the transaction commits */
	AUDIT_KEY_INTEGRITY,		/* a wrapped key is another one */
	AUDIT_KEY_UNATTESTED,		/* not asked for: our token says too little */
	AUDIT_KMS_DENIED,
	AUDIT_KMS_RESTORED,
	AUDIT_PERMISSION_DENIED,
	AUDIT_SUSPENDED_DENIED,
	AUDIT_SHREDDED_DENIED,
	AUDIT_DESTROYED_DENIED
} AuditEvent;

typedef struct AuditRecord
{
	AuditEvent	event;
	TimestampTz at;
	const char *tenant;			/* NULL or "": none, or all */
	Oid			role;			/* that acted; InvalidOid: none */
	Oid			session_role;	/* that logged in; InvalidOid: none */
	const char *detail;			/* made by audit_say(); NULL: none */
} AuditRecord;

/*
 * Adds a member to a record's detail.  It is read by tenants and auditors:
 * never a secret, a value or the words of a KMS.
 */
extern void audit_say(StringInfo detail, const char *name, const char *value);
extern void audit_say_number(StringInfo detail, const char *name, uint64 value);

/* Writes it to the outbox, in the current transaction. */
extern void audit_put(const AuditRecord *record);

/* Writes it to the server log, where nothing else can be written. */
extern void audit_log(const AuditRecord *record);

/* Both for the one process that writes the chain, in a transaction. */

/* Locks the tables of audit; false when that would mean to wait. */
extern bool audit_lock(void);

/* Moves up to AUDIT_BATCH events from the outbox to the chain: their number. */
#define AUDIT_BATCH 64
extern int	audit_chain(void);

#endif							/* KEYS_AUDIT_H */
