/*-------------------------------------------------------------------------
 *
 * bundle.h
 *	  What bionic_crypt.attestation() returns.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVIDENCE_BUNDLE_H
#define EVIDENCE_BUNDLE_H

#include "evidence/evidence.h"
#include "evidence/form.h"

/* Of the type of evidence that there is none. */
#define EVIDENCE_NONE "none"

typedef struct Bundle
{
	Bytes		statement;		/* JSON, as it was signed */
	Bytes		signature;
	Bytes		endorsement;	/* JSON, as it was hashed */
	const char *evidence_type;
	Evidence	evidence;		/* its type is NULL for "none" */
} Bundle;

/* What is read borrows memory. */
extern bool bundle_read(Bytes text, FormMemory *memory, Bundle *bundle, FormFault *fault);

/* Of the member "evidence" alone. */
extern bool bundle_read_evidence(Bytes text, FormMemory *memory, Bundle *bundle, FormFault *fault);

#endif							/* EVIDENCE_BUNDLE_H */
