/*-------------------------------------------------------------------------
 *
 * verdict.h
 *	  What was checked of some evidence, one line a check, and what follows.
 *
 * Verification stops at the first check that fails: its line is the reason.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVIDENCE_VERDICT_H
#define EVIDENCE_VERDICT_H

#include <stdbool.h>

#define VERDICT_CHECKS_MAX	64
#define CHECK_DETAIL_MAX	200

typedef struct Check
{
	const char *what;			/* "quote is signed by the attestation key" */
	bool		passed;
	char		detail[CHECK_DETAIL_MAX];	/* facts; may be empty */
} Check;

/* What was proven, docs/attestation.md. */
typedef enum AttestationLevel
{
	LEVEL_NONE = -1,			/* nothing: refused */
	LEVEL_INSTANCE_KEY,			/* L0: a key signed it, no TEE */
	LEVEL_TEE,					/* L1: genuine and fresh; the library's digest
								 * is the guest's own word */
	LEVEL_IMAGE,				/* L2: measured image that holds the library */
	LEVEL_KEY_RELEASE			/* L3: and the KMS releases keys to no other */
} AttestationLevel;

typedef struct Verdict
{
	int			n;
	Check		checks[VERDICT_CHECKS_MAX];
	AttestationLevel level;
} Verdict;

/*
 * Notes a check; detail is printf's, or NULL.  Answers "passed", for a caller
 * that goes on only then.
 */
extern bool verdict_check(Verdict *verdict, bool passed, const char *what,
						  const char *detail,...) __attribute__((format(printf, 4, 5)));

/* The check that failed; NULL when none did. */
extern const Check *verdict_failure(const Verdict *verdict);

#define VERDICT_REASON_MAX	(2 * CHECK_DETAIL_MAX)

/*
 * Why it is refused, or is not the level that is demanded; false when it is
 * neither.
 */
extern bool verdict_reason(const Verdict *verdict, int level, char reason[VERDICT_REASON_MAX]);

#endif							/* EVIDENCE_VERDICT_H */
