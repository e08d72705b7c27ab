/*-------------------------------------------------------------------------
 *
 * azure_hcl.h
 *	  What a confidential VM of Azure has to show: the report of its paravisor
 *	  (HCL), and a quote of the vTPM that the paravisor holds.
 *
 * The guest has no way to the processor that signs reports.  The paravisor,
 * which has, puts its report into the vTPM: an SNP report whose report data is
 * SHA-256 of "runtime claims" in JSON, and these claims, which hold the vTPM's
 * attestation key (AK) and 64 bytes that the guest may choose ("user-data").
 *
 * This is how the guest binds report data of 64 bytes, and what bundles must
 * hold; whoever makes evidence has to do these steps in this order:
 *
 *	1.	write report_data to the vTPM's NV index AZURE_NV_USER_DATA
 *	2.	read the new report from AZURE_NV_REPORT: its "user-data" is report_data,
 *		so that the processor itself has signed it just now
 *	3.	quote PCRs of the SHA-256 bank with the AK, RSASSA with SHA-256, and
 *		SHA-256 of report_data as qualifying data: a TPM without SHA-512 takes
 *		50 bytes at most
 *
 * Evidence of others whose user-data is empty is verified, too: report data is
 * then the quote's qualifying data and zeros, and the SNP report may be as old
 * as the VM's start.  Because such data ends in zeros, it is never what a
 * bundle of ours binds, a SHA-512.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVIDENCE_AZURE_HCL_H
#define EVIDENCE_AZURE_HCL_H

#include "crypto/bytes.h"
#include "evidence/evidence.h"

#define AZURE_NV_REPORT		0x01400001
#define AZURE_NV_USER_DATA	0x01400002
#define AZURE_AK_HANDLE		0x81000003
#define AZURE_AK_KID		"HCLAkPub"

typedef struct AzureHcl
{
	Bytes		snp_report;
	Bytes		runtime_claims;
} AzureHcl;

/* Views into in.  NULL when it is well-formed, else what is not. */
extern const char *azure_hcl_read(Bytes in, AzureHcl *hcl);

#endif							/* EVIDENCE_AZURE_HCL_H */
