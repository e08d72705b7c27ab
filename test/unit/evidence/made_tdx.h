/*-------------------------------------------------------------------------
 *
 * made_tdx.h
 *	  A quote of TDX under a root of the test: made right, unless its test
 *	  changes something before it is signed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_EVIDENCE_MADE_TDX_H
#define UNIT_EVIDENCE_MADE_TDX_H

#include "evidence_tap.h"
#include "test_pki.h"

#define MADE_TDX_AT			INT64_C(1800000000)
#define MADE_TDX_QUOTE_MAX	16384
#define MADE_TDX_CHAIN_MAX	12288

typedef struct MadeTdx
{
	/* what a test may change: */
	PkiForm		root_form;
	PkiForm		ca_form;
	PkiForm		pck_form;
	uint8_t		header[48];
	uint16_t	body_type;		/* of version 5 */
	uint32_t	body_stated;
	size_t		body_len;
	uint8_t		body[648];
	bool		other_signer;	/* another key signs the body, */
	bool		other_pck;		/* or the QE's report, */
	bool		other_root;		/* or the CA's certificate */
	uint8_t		qe_report[384];
	bool		unbound;		/* the QE's report names no key */
	bool		no_point;		/* the attestation key is none */
	uint16_t	qe_type;		/* of certification data */
	uint16_t	chain_type;
	uint16_t	auth_excess;	/* how much too long its length is */
	uint32_t	qe_excess;		/* likewise, of the other lengths */
	uint32_t	chain_excess;
	uint32_t	signature_excess;
	int			qe_trailing;	/* bytes more than the parts need */
	int			signature_trailing;
	const char *chain;			/* 'p'ck, 'c'a, 'r'oot, or another character as it is */
	int			chain_nuls;
	EvidenceTrust trust;

	/* what is made of it: */
	PkiCertificate root;
	PkiCertificate ca;
	PkiCertificate pck;
	PkiCertificate other;		/* of another's root, with the same name */
	EVP_PKEY   *attestation;
	size_t		len;
	uint8_t		quote[MADE_TDX_QUOTE_MAX];
	Evidence	evidence;
	HardwareClaims claims;
	Verdict		verdict;
} MadeTdx;

/* Ended by made_tdx_free(). */
extern void made_tdx_begin(MadeTdx *made, int version);

/* Puts a number, little-endian. */
extern void put_le(uint8_t *out, uint64_t value, int len);

/* Certificates and signatures; the root is the only one that is trusted. */
extern void made_tdx_issue(MadeTdx *made);

/* The quote again, under the same certificates. */
extern void made_tdx_assemble(MadeTdx *made);

extern bool made_tdx_verify(MadeTdx *made);

extern void made_tdx_free(MadeTdx *made);

/* Offsets of the header, */
#define AT_TDX_VERSION		0x00
#define AT_TDX_KEY_TYPE		0x02
#define AT_TDX_TEE_TYPE		0x04
#define AT_TDX_VENDOR		0x0c

/* of the body, */
#define AT_TDX_MRSIGNER_SEAM	0x040
#define AT_TDX_SEAM_ATTRIBUTES	0x070
#define AT_TDX_ATTRIBUTES	0x078
#define AT_TDX_MRTD			0x088
#define AT_TDX_MRCONFIGID	0x0b8
#define AT_TDX_RTMRS		0x148
#define AT_TDX_REPORT_DATA	0x208

/* and of the QE's report. */
#define AT_QE_ATTRIBUTES	0x030
#define AT_QE_MRSIGNER		0x080
#define AT_QE_ISVPRODID		0x100
#define AT_QE_REPORT_DATA	0x140

#endif							/* UNIT_EVIDENCE_MADE_TDX_H */
