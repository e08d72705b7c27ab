/*-------------------------------------------------------------------------
 *
 * snp_evidence.h
 *	  Reports of SEV-SNP, also for evidence that holds one among other things.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVIDENCE_SNP_EVIDENCE_H
#define EVIDENCE_SNP_EVIDENCE_H

#include "evidence/evidence.h"

/*
 * Whether a processor of AMD made the report, by the certificates of the
 * evidence.  What it says goes into the claims, which stay as they are when it
 * is not genuine.
 */
extern bool snp_verify_report(Bytes report, const Evidence *evidence, const EvidenceTrust *trust,
							  HardwareClaims *claims, Verdict *verdict);

#endif							/* EVIDENCE_SNP_EVIDENCE_H */
