/*-------------------------------------------------------------------------
 *
 * config.h
 *	  The server's settings.  docs/reference.md says what each does.  The
 *	  settings of a session stand where they are used.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include "postgres.h"

/* What becomes of a request when the key worker has no room to note it. */
typedef enum AuditOverflow
{
	AUDIT_OVERFLOW_WAIT,
	AUDIT_OVERFLOW_ERROR
} AuditOverflow;

extern int	config_max_databases;
extern int	config_max_tenants;
extern int	config_revocation_interval_ms;
extern int	config_kms_timeout_ms;
extern int	config_audit_window_ms;
extern int	config_attestation_interval_ms;
extern int	config_attestation_max_age_ms;
extern int	config_attestation_timeout_ms;
extern int	config_audit_overflow;	/* an AuditOverflow */
extern bool config_allow_core_dumps;
extern bool config_allow_local_kms;
extern char *config_attestation_certificates;
extern char *config_attestation_source;
extern char *config_default_kms;
extern char *config_default_kek;
extern char *config_pkcs11_modules;	/* paths, with commas between them */

extern void config_init(void);

#endif							/* BASE_CONFIG_H */
