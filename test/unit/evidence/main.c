/*-------------------------------------------------------------------------
 *
 * main.c
 *	  Runs the tests of src/evidence.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>

#include "evidence_tap.h"

#define SAMPLES_MAX 128

/* What was read, until the end. */
static uint8_t *samples[SAMPLES_MAX];
static int	n_samples;

static void
give_up(const char *path)
{
	perror(path);
	exit(2);
}

bool
samples_present(const char *what)
{
	const char *folder = getenv("BIONIC_CRYPT_TEST_DATA");
	char		path[4096];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/attestation/README.md", folder == NULL ? "" : folder);
	file = folder == NULL ? NULL : fopen(path, "r");
	if (file == NULL)
	{
		tap_ok(true, "%s # SKIP no recorded evidence in BIONIC_CRYPT_TEST_DATA", what);
		return false;
	}
	fclose(file);
	return true;
}

Bytes
sample(const char *path_format,...)
{
	char		path[4096];
	size_t		len = snprintf(path, sizeof(path), "%s/attestation/", getenv("BIONIC_CRYPT_TEST_DATA"));
	uint8_t    *data = malloc(SAMPLE_MAX);
	FILE	   *file;
	va_list		args;

	va_start(args, path_format);
	vsnprintf(path + len, sizeof(path) - len, path_format, args);
	va_end(args);

	file = fopen(path, "rb");
	if (file == NULL || data == NULL || n_samples == SAMPLES_MAX)
		give_up(path);
	samples[n_samples++] = data;
	len = fread(data, 1, SAMPLE_MAX, file);
	if (ferror(file) || len == SAMPLE_MAX)
		give_up(path);
	fclose(file);

	/* so that a read past the end is one past the memory, but for a text's NUL */
	samples[n_samples - 1] = realloc(data, len + 1);
	samples[n_samples - 1][len] = '\0';
	return bytes_of(samples[n_samples - 1], len);
}

bool
refused_for(const Verdict *verdict, const char *what, const char *detail)
{
	const Check *check = verdict_failure(verdict);

	if (check != NULL && strstr(check->what, what) != NULL && strstr(check->detail, detail) != NULL)
		return true;
	tap_note("%s: %s", check == NULL ? "nothing failed" : check->what, check == NULL ? "" : check->detail);
	return false;
}

bool
holds(bool verified, const Verdict *verdict)
{
	const Check *failure = verdict_failure(verdict);

	if (failure != NULL)
		tap_note("%s: %s", failure->what, failure->detail);
	return verified && failure == NULL;
}

bool
claims_nothing(const HardwareClaims *claims)
{
	static const HardwareClaims nothing;

	return memcmp(claims, &nothing, sizeof(nothing)) == 0;
}

bool
is_filled(const uint8_t *bytes, uint8_t with, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		if (bytes[i] != with)
			return false;
	}
	return true;
}

int
main(void)
{
	test_verdict();
	test_walk();
	test_attestation();
	test_roots();
	test_snp_samples();
	test_snp_made();
	test_snp_certificate();
	test_chain();
	test_public_key();
	test_tdx();
	test_tdx_made();
	test_azure();
	test_azure_made();
	test_token();
	while (n_samples > 0)
		free(samples[--n_samples]);
	return tap_done();
}
