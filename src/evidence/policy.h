/*-------------------------------------------------------------------------
 *
 * policy.h
 *	  What a verifier demands of evidence, as it is written in JSON; see
 *	  docs/attestation.md.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVIDENCE_POLICY_H
#define EVIDENCE_POLICY_H

#include "evidence/evidence.h"
#include "evidence/form.h"

#define POLICY_DEFAULT "{\"type\": \"bionic_crypt/policy/v1\"}"

/* The least parts of a product's TCB. */
typedef struct MinimumTcb
{
	const char *product;
	int64_t		fmc;
	int64_t		bootloader;
	int64_t		tee;
	int64_t		snp;
	int64_t		microcode;
} MinimumTcb;

typedef struct ImagePcr
{
	const char *number;
	Bytes		value;
} ImagePcr;

/* What a measured image gives; what is empty is not compared. */
typedef struct Image
{
	const char *name;
	const char *covers;			/* "image", or "firmware": what runs later is not measured */
	Bytes		measurement;
	Bytes		rtmrs[RTMR_COUNT];
	Bytes		mr_config_id;
	FormList	pcrs;			/* of ImagePcr */
	Bytes		host_data;
	Bytes		id_key_digest;
	Bytes		author_key_digest;
	int64_t		minimum_guest_svn;
	const char *image_digest;
	FormList	module_sha256;	/* of Bytes: libraries that it holds */
} Image;

typedef struct AllowedLibrary
{
	const char *name;
	FormList	sha256;			/* of Bytes */
} AllowedLibrary;

typedef struct Policy
{
	int64_t		level;
	FormList	evidence;		/* of const char *; empty: all but "none" */
	bool		allow_debug;
	bool		allow_migration;
	FormList	vmpl;			/* of int64_t; empty: 0 and 1 */
	FormList	minimum_tcb;	/* of MinimumTcb */
	FormList	chip_ids;		/* of Bytes */
	FormList	csp_ids;		/* of const char * */
	bool		require_alias_check;
	FormList	images;			/* of Image */
	int64_t		max_age_s;
	int64_t		max_endorsement_age_s;
	bool		fresh;
	Bytes		tls_certificate_sha256;
	const char *system_identifier;
	FormList	manifest_keys;	/* of const char *: PEM */
	FormList	libraries;		/* of AllowedLibrary */
	FormList	roots;			/* of const char *: PEM */
	FormList	crls;			/* of Bytes: DER */
	Bytes		jwks;			/* borrowed of the policy's text */
	const char *tenant;
	bool		kms_bound;

	EvidenceTrust trust;		/* roots, crls and jwks; at_s is the caller's */
} Policy;

/* What is read borrows text and memory.  False: the fault names the member. */
extern bool policy_read(Bytes text, FormMemory *memory, Policy *policy, FormFault *fault);

#endif							/* EVIDENCE_POLICY_H */
