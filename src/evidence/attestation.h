/*-------------------------------------------------------------------------
 *
 * attestation.h
 *	  The whole verdict on a bundle: see docs/attestation.md for what each
 *	  level proves.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVIDENCE_ATTESTATION_H
#define EVIDENCE_ATTESTATION_H

#include "evidence/bundle.h"
#include "evidence/manifest.h"
#include "evidence/policy.h"
#include "evidence/statement.h"

/* What the verifier knows, and demands; all of it is borrowed. */
typedef struct AttestationQuestion
{
	Bytes		bundle;			/* JSON */
	Bytes		nonce;			/* that the verifier made */
	const Policy *policy;
	Bytes		manifest;		/* JSON; empty: none */
	Bytes		tls_certificate_sha256; /* of the certificate that the verifier
										 * saw; empty: it saw none */
	bool		without_tls;	/* it asked the server, but not by TLS */
	int64_t		at_s;
} AttestationQuestion;

/* What was read and proven, as far as verification came; borrows memory. */
typedef struct Attestation
{
	Bundle		bundle;
	Endorsement endorsement;
	Statement	statement;
	Manifest	manifest;
	bool		has_claims;
	HardwareClaims claims;
	const Image *image;			/* NULL: of no image that the policy has */
} Attestation;

/*
 * Whether all is true and the policy does not forbid it.  verdict->level may
 * still be less than the policy demands: that is the caller's to compare.
 */
extern bool attestation_verify(const AttestationQuestion *question, FormMemory *memory,
							   Attestation *attestation, Verdict *verdict);

/* Whether the evidence alone is genuine, and its claims are allowed. */
extern bool attestation_verify_evidence(const Bundle *bundle, const Policy *policy, int64_t at_s,
										Attestation *attestation, Verdict *verdict);

#endif							/* EVIDENCE_ATTESTATION_H */
