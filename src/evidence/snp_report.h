/*-------------------------------------------------------------------------
 *
 * snp_report.h
 *	  The attestation report of SEV-SNP (AMD 56860, "ATTESTATION_REPORT
 *	  structure"), and the processors that make it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVIDENCE_SNP_REPORT_H
#define EVIDENCE_SNP_REPORT_H

#include "evidence/evidence.h"

#define SNP_REPORT_LEN			1184
#define SNP_TCB_LEN				8
#define SNP_CHIP_ID_LEN			64

#define SNP_POLICY_MIGRATE_MA		(UINT64_C(1) << 18)
#define SNP_POLICY_DEBUG			(UINT64_C(1) << 19)
#define SNP_PLATFORM_ALIAS_CHECKED	(UINT64_C(1) << 5)

/* A generation of processors; its name is that of AMD's root. */
typedef struct SnpProduct
{
	const char *name;
	uint8_t		family;			/* of CPUID; and its models: */
	struct
	{
		uint8_t		first;
		uint8_t		last;
	}			models[2];
	bool		has_fmc;		/* a TCB of five parts, in another order */
	size_t		hwid_len;		/* of CHIP_ID; what follows is zero */
} SnpProduct;

typedef enum SnpSigner
{
	SNP_SIGNER_VCEK = 0,		/* a chip's own key */
	SNP_SIGNER_VLEK = 1			/* a key of a cloud provider */
} SnpSigner;

/* Borrowed from the bytes that it was read from. */
typedef struct SnpReport
{
	uint32_t	version;
	uint32_t	guest_svn;
	uint64_t	policy;
	uint32_t	vmpl;
	uint32_t	signature_algorithm;
	Bytes		current_tcb;
	uint64_t	platform_info;
	uint32_t	key_info;
	SnpSigner	signer;
	Bytes		report_data;
	Bytes		measurement;
	Bytes		host_data;
	Bytes		id_key_digest;
	Bytes		author_key_digest;
	Bytes		reported_tcb;
	uint8_t		family;			/* and model: zero before version 3 */
	uint8_t		model;
	Bytes		chip_id;
	Bytes		committed_tcb;
	Bytes		signature;		/* r and s, 72 bytes each, little-endian */
	Bytes		signed_part;
} SnpReport;

/* Whether the form is right, a check of the verdict each; no signature yet. */
extern bool snp_report_read(Bytes bytes, SnpReport *report, Verdict *verdict);

/* NULL: none of those that we know. */
extern const SnpProduct *snp_product_by_name(Bytes name);
extern const SnpProduct *snp_product_by_cpuid(uint8_t family, uint8_t model);

/* False: the bytes that the product does not use are not zero. */
extern bool snp_tcb_read(const SnpProduct *product, Bytes bytes, SnpTcb *tcb);

/* Whether no part is below the minimum's. */
extern bool snp_tcb_reaches(const SnpTcb *tcb, const SnpTcb *minimum);

#endif							/* EVIDENCE_SNP_REPORT_H */
