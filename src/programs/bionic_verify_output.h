/*-------------------------------------------------------------------------
 *
 * bionic_verify_output.h
 *	  A verdict in words, or in JSON.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PROGRAMS_BIONIC_VERIFY_OUTPUT_H
#define PROGRAMS_BIONIC_VERIFY_OUTPUT_H

#include "evidence/evidence.h"

/* What was asked of a verdict. */
typedef struct Outcome
{
	bool		passed;			/* nothing was refused */
	int			level;			/* that is demanded; -1: none can be */
	const HardwareClaims *claims;	/* to be shown; NULL: none */
} Outcome;

/* Prints it; the program's exit code. */
extern int	verify_print(const Verdict *verdict, const Outcome *outcome, bool json);

#endif							/* PROGRAMS_BIONIC_VERIFY_OUTPUT_H */
