/*-------------------------------------------------------------------------
 *
 * tdx_quote.h
 *	  A quote of Intel TDX, version 4 or 5, taken apart.
 *
 * Formats: Intel, "TDX DCAP Quoting Library API", appendix A; "SGX ECDSA
 * QuoteGenReference", appendix A, for the report of the quoting enclave (QE).
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVIDENCE_TDX_QUOTE_H
#define EVIDENCE_TDX_QUOTE_H

#include "crypto/bytes.h"
#include "evidence/evidence.h"

#define TDX_CERTIFICATES	3	/* PCK, its CA, the root */
#define TDX_SVN_LEN			16

/* Of the TD's attributes.  None of the first eight is of a TD one can trust. */
#define TDX_ATTRIBUTES_UNTRUSTED	UINT64_C(0xff)	/* bit 0: DEBUG */
#define TDX_ATTRIBUTE_MIGRATABLE	(UINT64_C(1) << 29)

/* The report of the TD. */
typedef struct TdxBody
{
	Bytes		tcb_svn;
	Bytes		mrsigner_seam;	/* of who signed the TDX module; Intel: zero */
	uint64_t	seam_attributes;
	uint64_t	td_attributes;
	Bytes		mrtd;
	Bytes		mr_config_id;
	Bytes		rtmrs[RTMR_COUNT];
	Bytes		report_data;
} TdxBody;

/* The report of the enclave that holds the attestation key. */
typedef struct TdxQeReport
{
	Bytes		all;			/* what the PCK signs */
	uint64_t	attributes;
	Bytes		mrsigner;
	uint16_t	isvprodid;
	uint16_t	isvsvn;
	Bytes		report_data;
} TdxQeReport;

typedef struct TdxQuote
{
	uint16_t	version;
	uint16_t	key_type;		/* of the attestation key */
	uint32_t	tee_type;
	Bytes		qe_vendor;
	TdxBody		body;
	Bytes		signed_part;	/* header and body */
	Bytes		signature;		/* r and s */
	Bytes		attestation_key;	/* x and y */
	TdxQeReport qe;
	Bytes		qe_signature;
	Bytes		qe_auth_data;
	Bytes		certificates[TDX_CERTIFICATES]; /* in PEM */

	/*
	 * What follows the quote's own length.  Hosts hand out the whole buffer
	 * that they made the quote in; nothing signs the rest, and nobody reads it.
	 */
	Bytes		behind;
} TdxQuote;

/* Views into in.  NULL when it is well-formed, else what is not. */
extern const char *tdx_quote_read(Bytes in, TdxQuote *quote);

#endif							/* EVIDENCE_TDX_QUOTE_H */
