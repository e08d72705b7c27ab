/*-------------------------------------------------------------------------
 *
 * evidence_typelist.h
 *	  The types of evidence that we verify, a line each; included wherever
 *	  something is to be said of each.
 *
 *-------------------------------------------------------------------------
 */
EVIDENCE_TYPE(evidence_sev_snp)
EVIDENCE_TYPE(evidence_tdx)
EVIDENCE_TYPE(evidence_confidential_space)
EVIDENCE_TYPE(evidence_azure_snp_vtpm)
