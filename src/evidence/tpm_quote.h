/*-------------------------------------------------------------------------
 *
 * tpm_quote.h
 *	  What a TPM signs when it quotes its PCRs, taken apart.
 *
 * TPMS_ATTEST: TCG, "TPM 2.0 Library", part 2, 10.12.  Numbers are big-endian.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVIDENCE_TPM_QUOTE_H
#define EVIDENCE_TPM_QUOTE_H

#include "crypto/bytes.h"

typedef struct TpmQuote
{
	Bytes		extra_data;		/* the qualifying data it was asked with */
	uint32_t	pcr_mask;		/* bit n: PCR n of the SHA-256 bank; not zero */
	Bytes		pcr_digest;		/* SHA-256 of their values in order */
} TpmQuote;

/* Views into in.  NULL when it is well-formed, else what is not. */
extern const char *tpm_quote_read(Bytes in, TpmQuote *quote);

#endif							/* EVIDENCE_TPM_QUOTE_H */
