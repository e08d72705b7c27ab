/*-------------------------------------------------------------------------
 *
 * tenant_context.h
 *	  The tenant this session asks to act for: the setting
 *	  bionic_crypt.tenant, its sources, its scope, and when it does not count.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SESSION_TENANT_CONTEXT_H
#define SESSION_TENANT_CONTEXT_H

#include "postgres.h"

#include "crypto/envelope.h"

#define TENANT_NAME_MAX 63		/* bytes of UTF-8 */

typedef struct TenantContext
{
	const char *name;			/* valid until the setting changes */
	size_t		name_len;
	uint8		fingerprint[FINGERPRINT_LEN];
	uint64		serial;			/* another one after each assignment */
} TenantContext;

/*
 * Whether the bytes of a name, which are hashed and told to a KMS, are its
 * UTF-8: in a database of another encoding only if they are ASCII.
 */
extern bool tenant_name_is_utf8(const char *name, size_t len);

/*
 * The tenant asked for, or NULL in raw mode: none set, or a process that
 * must see ciphertext (walsender, logical decoding and apply, pg_dump).
 * Says nothing of whether the role may: key_acquire() and
 * key_authorise() do.
 */
extern const TenantContext *tenant_context(void);

/* The same where raw mode is an error. */
extern const TenantContext *tenant_context_require(void);

/* Defines the settings and registers callbacks; from _PG_init(). */
extern void tenant_context_init(void);

#endif							/* SESSION_TENANT_CONTEXT_H */
