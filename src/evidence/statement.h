/*-------------------------------------------------------------------------
 *
 * statement.h
 *	  What a server says about itself: the endorsement that its hardware has
 *	  signed, and the statement that the key in the endorsement has signed.
 *
 * An endorsement is good for many statements: hardware is slow, and can be
 * asked too often.  Both are JSON, and hashed and signed as they are sent.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVIDENCE_STATEMENT_H
#define EVIDENCE_STATEMENT_H

#include "evidence/form.h"

#define DIGEST_LEN				32	/* SHA-256 */
#define INSTANCE_KEY_LEN		32	/* Ed25519 */
#define INSTANCE_SIGNATURE_LEN	64
#define ATTESTATION_NONCE_MIN	16
#define ATTESTATION_NONCE_MAX	64

/* Before the bytes that are hashed or signed, with their NULs. */
#define ENDORSEMENT_DOMAIN	"bionic_crypt-evidence-v1"
#define STATEMENT_DOMAIN	"bionic_crypt-statement-v1"

/* A file that the server's process has mapped. */
typedef struct Library
{
	const char *name;			/* "libcrypto.so.3" */
	Bytes		sha256;
} Library;

typedef struct Endorsement
{
	int64_t		time_s;
	Bytes		instance_key;
	const char *system_identifier;
	const char *server_version;
	const char *module_version;
	Bytes		module_sha256;
	const char *commit;			/* NULL: not known */
	const char *tree;
	Bytes		source_sha256;
	FormList	libraries;		/* of Library */
	FormList	nonces;			/* of Bytes: SHA-256 of each caller's who waited
								 * for it */
} Endorsement;

typedef struct Setting
{
	const char *name;
	const char *value;
} Setting;

typedef struct Statement
{
	Bytes		nonce;
	int64_t		time_s;
	Bytes		endorsement_sha256;
	const char *system_identifier;
	const char *cluster_name;
	const char *database;
	bool		in_recovery;
	Bytes		tls_certificate_sha256; /* empty: no TLS */
	FormList	replaced;		/* of const char *: names of libraries */
	FormList	settings;		/* of Setting */
	const char *tenant;			/* NULL: none was asked about */
	bool		tenant_attested;
	const char *kms_provider;
	const char *kms_address;
} Statement;

extern bool endorsement_read(Bytes text, FormMemory *memory, Endorsement *endorsement,
							 FormFault *fault);
extern bool statement_read(Bytes text, FormMemory *memory, Statement *statement,
						   FormFault *fault);

/* NULL: it does not say. */
extern const char *statement_setting(const Statement *statement, const char *name);

/* SHA-512 of the domain and the bytes: what the hardware signs. */
extern bool endorsement_digest(Bytes endorsement, uint8_t out[64]);

/* Whether the key signed the bytes as a statement. */
extern bool statement_signed(Bytes statement, Bytes signature, Bytes instance_key);

#endif							/* EVIDENCE_STATEMENT_H */
