/*-------------------------------------------------------------------------
 *
 * bionic_verify_output.c
 *	  A verdict in words, or in JSON.
 *
 * Details are printable: verdict_check() sees to it.
 *
 *-------------------------------------------------------------------------
 */
#include "programs/bionic_verify_output.h"

#include <stdio.h>

#include "programs/bionic_verify_options.h"

static void
print_string(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++)
	{
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

static void
print_hex(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%02x", data[i]);
}

static void
print_words(const Verdict *verdict, const Outcome *outcome)
{
	for (int i = 0; i < verdict->n; i++)
	{
		const Check *check = &verdict->checks[i];

		printf("%s %s%s%s\n", check->passed ? "ok     " : "REFUSED", check->what,
			   check->detail[0] == '\0' ? "" : ": ", check->detail);
	}
	if (outcome->claims != NULL)
	{
		printf("        measurement ");
		print_hex(outcome->claims->measurement, MEASUREMENT_LEN);
		printf("\n        report data ");
		print_hex(outcome->claims->report_data, REPORT_DATA_LEN);
		putchar('\n');
	}
	if (!outcome->passed)
		puts("refused");
	else if (outcome->level < 0)
		puts("verified");
	else
		printf("%s: level %d, %d is demanded\n",
			   (int) verdict->level >= outcome->level ? "verified" : "not enough",
			   verdict->level, outcome->level);
}

static void
print_json(const Verdict *verdict, const Outcome *outcome, int code)
{
	char		reason[VERDICT_REASON_MAX];

	printf("{\"accepted\": %s", code == EXIT_VERIFIED ? "true" : "false");
	if (outcome->level >= 0 && outcome->passed)
		printf(", \"level\": %d", verdict->level);
	else if (outcome->level >= 0)
		printf(", \"level\": null");
	printf(", \"reason\": ");
	if (verdict_reason(verdict, outcome->level, reason))
		print_string(reason);
	else
		printf("null");
	if (outcome->claims != NULL)
	{
		printf(", \"measurement\": \"");
		print_hex(outcome->claims->measurement, MEASUREMENT_LEN);
		printf("\", \"report_data\": \"");
		print_hex(outcome->claims->report_data, REPORT_DATA_LEN);
		putchar('"');
	}
	printf(", \"checks\": [");
	for (int i = 0; i < verdict->n; i++)
	{
		printf("%s{\"what\": ", i > 0 ? ", " : "");
		print_string(verdict->checks[i].what);
		printf(", \"passed\": %s, \"detail\": ", verdict->checks[i].passed ? "true" : "false");
		print_string(verdict->checks[i].detail);
		putchar('}');
	}
	puts("]}");
}

int
verify_print(const Verdict *verdict, const Outcome *outcome, bool json)
{
	int			code = !outcome->passed ? EXIT_REFUSED :
		(int) verdict->level >= outcome->level ? EXIT_VERIFIED : EXIT_ONLY_LEVEL_0 + verdict->level;

	if (json)
		print_json(verdict, outcome, code);
	else
		print_words(verdict, outcome);
	return code;
}
