/*-------------------------------------------------------------------------
 *
 * evidence.h
 *	  What the hardware of a TEE says about the machine that asked it, and
 *	  whether that is true.
 *
 * A type of evidence is one file and one line of evidence_typelist.h.  Its
 * verify function proves that the evidence is genuine: formats, signatures and
 * certificates up to a root, at a time.  What it says goes into *claims; which
 * claims are good enough is the policy's business (policy.h).
 *
 * All of it is bytes in, bytes out, with OpenSSL and without PostgreSQL, so
 * that bionic-verify and the server run the same code.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVIDENCE_EVIDENCE_H
#define EVIDENCE_EVIDENCE_H

#include "crypto/bytes.h"
#include "evidence/verdict.h"

#define EVIDENCE_REPORT_MAX			32768	/* TSM_REPORT_OUTBLOB_MAX of Linux */
#define EVIDENCE_CERTIFICATES_MAX	8
#define EVIDENCE_CERTIFICATE_MAX	4096
#define EVIDENCE_ROOTS_MAX			4
#define EVIDENCE_CRLS_MAX			8

#define REPORT_DATA_LEN			64
#define MEASUREMENT_LEN			48
#define RTMR_COUNT				4
#define PCR_COUNT				24
#define PCR_LEN					32

/* Borrowed bytes, as they came. */
typedef struct Evidence
{
	const struct EvidenceType *type;
	Bytes		report;			/* SNP report, TDX quote, HCL report, token */
	int			n_certificates; /* DER; SNP: that of the VCEK or VLEK is first,
								 * those of AMD that follow are not needed */
	Bytes		certificates[EVIDENCE_CERTIFICATES_MAX];
	Bytes		tpm_quote;		/* TPMS_ATTEST of a vTPM; empty: none */
	Bytes		tpm_signature;	/* RSASSA over it */
	Bytes		tpm_pcrs;		/* the values quoted, PCR_LEN each, in order */
} Evidence;

/* What a verifier trusts beside the roots that are built in. */
typedef struct EvidenceTrust
{
	int64_t		at_s;			/* the time of verification, since 1970 */
	int			n_roots;
	Bytes		roots[EVIDENCE_ROOTS_MAX];	/* DER; instead of a vendor's */
	int			n_crls;
	Bytes		crls[EVIDENCE_CRLS_MAX];	/* DER; if any, the root's must be
											 * among them; each of an issuer of
											 * the chain signed and current */
	Bytes		jwks;			/* JSON (RFC 7517): keys of tokens' issuers */
} EvidenceTrust;

/* Parts of AMD's TCB; those that a product lacks are 0. */
typedef struct SnpTcb
{
	uint8_t		fmc;			/* Turin */
	uint8_t		bootloader;
	uint8_t		tee;
	uint8_t		snp;
	uint8_t		microcode;
} SnpTcb;

/* What genuine evidence says.  What its type does not say is zero. */
typedef struct HardwareClaims
{
	bool		foreign_root;	/* the root was the verifier's own */
	uint8_t		report_data[REPORT_DATA_LEN];
	bool		debug;			/* the host can read the guest's memory */
	bool		migratable;		/* SNP: by a migration agent */
	uint8_t		measurement[MEASUREMENT_LEN];	/* SNP: launch; TDX: MRTD */

	bool		has_rtmrs;		/* TDX */
	uint8_t		rtmrs[RTMR_COUNT][MEASUREMENT_LEN];
	uint8_t		mr_config_id[MEASUREMENT_LEN];

	char		product[16];	/* SNP: Milan, Genoa, Turin */
	uint32_t	vmpl;
	uint8_t		host_data[32];
	uint8_t		id_key_digest[48];
	uint8_t		author_key_digest[48];
	uint32_t	guest_svn;
	SnpTcb		reported_tcb;
	bool		alias_checked;	/* platform_info bit 5: BadRAM */
	uint8_t		chip_id[64];	/* zero where masked */
	char		csp_id[64];		/* of a VLEK; else empty */

	uint32_t	pcr_mask;		/* bit n: PCR n was quoted */
	uint8_t		pcrs[PCR_COUNT][PCR_LEN];	/* SHA-256 */

	char		image_digest[80];	/* of a container: "sha256:..." */
} HardwareClaims;

typedef struct EvidenceType
{
	const char *name;			/* "sev-snp": in bundles and policies */
	bool		(*verify) (const Evidence *evidence, const EvidenceTrust *trust,
						   HardwareClaims *claims, Verdict *verdict);
} EvidenceType;

extern const EvidenceType *evidence_type_by_name(const char *name);

/* Whether it is genuine: see verdict. */
extern bool evidence_verify(const Evidence *evidence, const EvidenceTrust *trust,
							HardwareClaims *claims, Verdict *verdict);

#define EVIDENCE_TYPE(symbol) extern const EvidenceType symbol;
#include "evidence/evidence_typelist.h"
#undef EVIDENCE_TYPE

#endif							/* EVIDENCE_EVIDENCE_H */
