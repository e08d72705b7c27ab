/*-------------------------------------------------------------------------
 *
 * tap.c
 *	  Test Anything Protocol, as much as we need of it.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>

#include "tap.h"

/* The program's only result. */
static int	tests;
static int	failures;

void
tap_ok(bool ok, const char *format, ...)
{
	va_list		args;

	tests++;
	if (!ok)
		failures++;
	printf("%sok %d - ", ok ? "" : "not ", tests);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

void
tap_note(const char *format, ...)
{
	va_list		args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

int
tap_done(void)
{
	printf("1..%d\n", tests);
	if (failures > 0)
		tap_note("%d of %d failed", failures, tests);
	return failures > 0 || tests == 0 ? 1 : 0;
}
