/*-------------------------------------------------------------------------
 *
 * verdict.c
 *	  What was checked of some evidence.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/verdict.h"

#include <ctype.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

bool
verdict_check(Verdict *verdict, bool passed, const char *what, const char *detail,...)
{
	Check	   *check;

	/* Without a line to say so nothing may pass. */
	if (verdict->n == VERDICT_CHECKS_MAX)
	{
		verdict->n--;
		passed = false;
	}

	check = &verdict->checks[verdict->n++];
	check->what = what;
	check->passed = passed;
	check->detail[0] = '\0';
	if (detail != NULL)
	{
		va_list		args;

		va_start(args, detail);
		vsnprintf(check->detail, sizeof(check->detail), detail, args);
		va_end(args);
	}

	/* what others wrote does not move anybody's cursor */
	for (char *c = check->detail; *c != '\0'; c++)
	{
		if (!isprint((unsigned char) *c))
			*c = '?';
	}
	return passed;
}

const Check *
verdict_failure(const Verdict *verdict)
{
	const Check *last = verdict->n == 0 ? NULL : &verdict->checks[verdict->n - 1];

	return last == NULL || last->passed ? NULL : last;
}

bool
verdict_reason(const Verdict *verdict, int level, char reason[VERDICT_REASON_MAX])
{
	const Check *failure = verdict_failure(verdict);

	if (failure != NULL)
		snprintf(reason, VERDICT_REASON_MAX, "not true: %s%s%s", failure->what,
				 failure->detail[0] == '\0' ? "" : ": ", failure->detail);
	else if ((int) verdict->level < level)
		snprintf(reason, VERDICT_REASON_MAX, "level %d is demanded", level);
	else
		return false;
	return true;
}
