/*-------------------------------------------------------------------------
 *
 * vtpm.h
 *	  The vTPM of a confidential VM of Azure, through the TPM2 Software Stack.
 *
 * Whatever fails ends the program, with a line on standard error.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PROGRAMS_VTPM_H
#define PROGRAMS_VTPM_H

#include "evidence/evidence.h"

#define VTPM_REPORT_MAX		4096
#define VTPM_QUOTE_MAX		1024
#define VTPM_SIGNATURE_MAX	512

typedef struct Vtpm Vtpm;

typedef struct VtpmQuote
{
	size_t		quote_len;
	uint8_t		quote[VTPM_QUOTE_MAX];
	size_t		signature_len;
	uint8_t		signature[VTPM_SIGNATURE_MAX];
	uint8_t		pcrs[PCR_COUNT][PCR_LEN];
} VtpmQuote;

/* As tcti says, in the stack's words ("device:/dev/tpmrm0"); NULL: its default. */
extern Vtpm *vtpm_open(const char *tcti);
extern void vtpm_close(Vtpm *tpm);

extern void vtpm_write_user_data(Vtpm *tpm, const uint8_t data[REPORT_DATA_LEN]);
extern size_t vtpm_read_report(Vtpm *tpm, uint8_t report[VTPM_REPORT_MAX]);

/* Of all PCRs of the SHA-256 bank. */
extern void vtpm_quote(Vtpm *tpm, Bytes qualifying_data, VtpmQuote *quote);

extern void vtpm_give_up(const char *format,...) __attribute__((noreturn, format(printf, 1, 2)));

#endif							/* PROGRAMS_VTPM_H */
