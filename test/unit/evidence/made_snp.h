/*-------------------------------------------------------------------------
 *
 * made_snp.h
 *	  A report of SEV-SNP under a root of the test: made right, unless its test
 *	  changes something before it is signed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_EVIDENCE_MADE_SNP_H
#define UNIT_EVIDENCE_MADE_SNP_H

#include "evidence/certificate.h"
#include "evidence_tap.h"
#include "test_pki.h"

#define MADE_REPORT_LEN	1184
#define MADE_AT			INT64_C(1800000000)
#define MADE_CSP_ID		"CN=cloud.example"

#define AMD_EXTENSION	"1.3.6.1.4.1.3704.1."

typedef struct MadeSnp
{
	/* what a test may change: */
	bool		vlek;
	PkiForm		root_form;
	PkiForm		intermediate_form;
	PkiForm		key_form;
	bool		longer;			/* one authority more */
	bool		other_signer;	/* another key signs the report */
	uint8_t		report[MADE_REPORT_LEN];
	EvidenceTrust trust;

	/* what is made of it: */
	PkiCertificate root;
	PkiCertificate intermediate;
	PkiCertificate between;
	PkiCertificate key;
	Evidence	evidence;
	HardwareClaims claims;
	Verdict		verdict;
} MadeSnp;

/* Milan, version 5; ended by made_free(). */
extern void made_begin(MadeSnp *made, bool vlek);

/* Puts a number of the report, little-endian. */
extern void made_put(MadeSnp *made, size_t offset, uint64_t value, int len);

/* Certificates and signature; the root is the only one that is trusted. */
extern void made_issue(MadeSnp *made);
extern bool made_verify(MadeSnp *made);

extern void made_free(MadeSnp *made);

/* Offsets of the report. */
#define AT_VERSION		0x000
#define AT_GUEST_SVN	0x004
#define AT_POLICY		0x008
#define AT_VMPL			0x030
#define AT_ALGORITHM	0x034
#define AT_CURRENT_TCB	0x038
#define AT_PLATFORM		0x040
#define AT_KEY_INFO		0x048
#define AT_REPORT_DATA	0x050
#define AT_MEASUREMENT	0x090
#define AT_HOST_DATA	0x0c0
#define AT_ID_KEY		0x0e0
#define AT_AUTHOR_KEY	0x110
#define AT_REPORTED_TCB	0x180
#define AT_CPUID		0x188
#define AT_CHIP_ID		0x1a0
#define AT_COMMITTED_TCB 0x1e0
#define AT_LAUNCH_TCB	0x1f0
#define AT_MITIGATIONS	0x1f8
#define AT_SIGNATURE	0x2a0

#endif							/* UNIT_EVIDENCE_MADE_SNP_H */
