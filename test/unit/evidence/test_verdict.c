/*-------------------------------------------------------------------------
 *
 * test_verdict.c
 *	  A verdict: the check that failed is the last, and no more checks than
 *	  there are lines can make it pass.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence_tap.h"

void
test_verdict(void)
{
	static Verdict verdict;
	bool		ok = true;

	tap_ok(verdict_failure(&verdict) == NULL, "nothing checked, nothing failed");
	tap_ok(verdict_check(&verdict, true, "it is so", NULL) && verdict_failure(&verdict) == NULL &&
		   strcmp(verdict.checks[0].detail, "") == 0, "a check that passes");
	tap_ok(!verdict_check(&verdict, false, "it is not", "%d is not %d", 1, 2) &&
		   refused_for(&verdict, "it is not", "1 is not 2"), "a check that fails is the reason");

	memset(&verdict, 0, sizeof(verdict));
	for (int i = 0; i < VERDICT_CHECKS_MAX; i++)
		TAP_EACH(ok, verdict_check(&verdict, true, "it is so", "%d", i), "%d", i);
	tap_ok(ok && verdict_failure(&verdict) == NULL, "as many checks as there are lines");
	tap_ok(!verdict_check(&verdict, true, "one more", NULL) && verdict_failure(&verdict) != NULL &&
		   verdict.n == VERDICT_CHECKS_MAX, "one check more fails, for want of a line");
	tap_ok(evidence_type_by_name("none") == NULL && evidence_type_by_name("") == NULL,
		   "a type of evidence that there is not");
}
