/*-------------------------------------------------------------------------
 *
 * made_azure.h
 *	  Evidence of a confidential VM of Azure, under a root and a vTPM of the
 *	  test: made right, unless its test changes something before it is signed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_EVIDENCE_MADE_AZURE_H
#define UNIT_EVIDENCE_MADE_AZURE_H

#include "made_snp.h"

#define MADE_CLAIMS_MAX	8192
#define MADE_HCL_MAX	16384
#define MADE_QUOTE_MAX	512

typedef struct MadeAzure
{
	/* what a test may change: */
	MadeSnp		snp;			/* its report data are made */
	bool		unbound;		/* they are of other claims */
	uint8_t		more_bound;		/* their last byte */
	char		claims[MADE_CLAIMS_MAX];	/* JSON */
	uint32_t	hcl_magic;
	uint32_t	hcl_version;
	uint32_t	hcl_excess;		/* how much its length is too long, */
	uint32_t	claims_excess;	/* that of the claims, */
	uint32_t	part_excess;	/* and of claims and their header */
	uint32_t	report_type;
	uint32_t	hash_type;
	int			hcl_zeros;		/* behind it; or with */
	uint8_t		hcl_last;		/* another last one */
	size_t		extra_len;
	uint8_t		extra[128];
	uint32_t	tpm_magic;
	uint16_t	tpm_type;
	uint32_t	banks;
	uint16_t	bank;
	uint8_t		selection_len;
	uint8_t		selection[4];
	uint16_t	digest_len;		/* 32, or as much of it */
	int			tpm_trailing;
	bool		other_ak;		/* another key signs the quote, */
	bool		pss;			/* or with another scheme */
	size_t		pcrs_len;
	uint8_t		pcrs[PCR_COUNT * PCR_LEN];

	/* what is made of it: */
	size_t		hcl_len;
	uint8_t		hcl[MADE_HCL_MAX];
	size_t		quote_len;
	uint8_t		quote[MADE_QUOTE_MAX];
	uint8_t		signature[512];
	HardwareClaims hardware;
	Verdict		verdict;
} MadeAzure;

/* The vTPM's key is made once; until made_azure_end(). */
extern void made_azure_start(void);
extern void made_azure_end(void);

/* Binds 64 bytes of 0xda as azure_hcl.h says; ended by made_azure_free(). */
extern void made_azure_begin(MadeAzure *made);

extern void made_azure_issue(MadeAzure *made);

/* The paravisor's report again, of the same processor; another quote. */
extern void made_azure_assemble(MadeAzure *made);
extern void made_azure_sign(MadeAzure *made, Bytes quote);

extern bool made_azure_verify(MadeAzure *made);

extern void made_azure_free(MadeAzure *made);

#endif							/* UNIT_EVIDENCE_MADE_AZURE_H */
