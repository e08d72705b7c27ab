/*-------------------------------------------------------------------------
 *
 * bionic_verify_options.c
 *	  What bionic-verify is asked to do, and the files that it is given.
 *
 *-------------------------------------------------------------------------
 */
#include "programs/bionic_verify_options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char help[] =
"bionic-verify checks what a server with bionic_crypt proves about itself.\n"
"\n"
"Usage:\n"
"  bionic-verify server --dsn CONNINFO [--tenant NAME] [--fresh] [OPTION]...\n"
"  bionic-verify bundle FILE --nonce HEX [OPTION]...\n"
"  bionic-verify evidence --type TYPE --report FILE [--cert FILE]... [OPTION]...\n"
"  bionic-verify manifest FILE --key FILE [--file FILE]... [OPTION]...\n"
"\n"
"server asks a server over TLS and verifies what it answers; bundle verifies an\n"
"answer that was kept; evidence the report of the hardware alone; manifest the\n"
"signed manifest of a release, and that files are in it.\n"
"\n"
"Options:\n"
"  --policy FILE         what is demanded (docs/attestation.md)\n"
"  --manifest FILE       the release's manifest\n"
"  --key FILE            public key of manifests, PEM; besides the policy's\n"
"  --level N             the level that is demanded, 0 to 3; else the policy's\n"
"  --at TIME             verify as of then: seconds since 1970, or like\n"
"                        2026-01-31T12:00:00Z; else now\n"
"  --json                print one object of JSON\n"
"  --nonce HEX           16 to 64 bytes, which the bundle must answer\n"
"  --dsn CONNINFO        as libpq takes it; TLS is required\n"
"  --no-tls              talk to the server without TLS: level 0 at most\n"
"  --tenant NAME         the answer must be about that tenant\n"
"  --fresh               demand a report that the hardware makes for us\n"
"  --type TYPE           sev-snp, tdx, azure-snp-vtpm, confidential-space\n"
"  --report FILE         report, quote or token, as the hardware gave it\n"
"  --cert FILE           certificate that came with it, DER or PEM\n"
"  --tpm-quote FILE, --tpm-signature FILE, --tpm-pcrs FILE\n"
"                        of a vTPM; PCRs are 32 bytes each, as quoted\n"
"  --report-data HEX     64 bytes that the report must have\n"
"  --file FILE           a file whose digest must be in the manifest\n"
"\n"
"Exit status: 0 the demanded level was reached; 1 refused; 2 usage, or input that\n"
"cannot be read; 10, 11, 12 all is true, but only level 0, 1, 2 was reached.\n";

enum
{
	OPT_HELP = 1000, OPT_POLICY, OPT_MANIFEST, OPT_KEY, OPT_LEVEL, OPT_AT, OPT_JSON, OPT_NONCE,
	OPT_DSN, OPT_NO_TLS, OPT_TENANT, OPT_FRESH, OPT_TYPE, OPT_REPORT, OPT_CERT, OPT_TPM_QUOTE,
	OPT_TPM_SIGNATURE, OPT_TPM_PCRS, OPT_REPORT_DATA, OPT_FILE
};

static const struct option long_options[] = {
	{"help", no_argument, NULL, OPT_HELP},
	{"policy", required_argument, NULL, OPT_POLICY},
	{"manifest", required_argument, NULL, OPT_MANIFEST},
	{"key", required_argument, NULL, OPT_KEY},
	{"level", required_argument, NULL, OPT_LEVEL},
	{"at", required_argument, NULL, OPT_AT},
	{"json", no_argument, NULL, OPT_JSON},
	{"nonce", required_argument, NULL, OPT_NONCE},
	{"dsn", required_argument, NULL, OPT_DSN},
	{"no-tls", no_argument, NULL, OPT_NO_TLS},
	{"tenant", required_argument, NULL, OPT_TENANT},
	{"fresh", no_argument, NULL, OPT_FRESH},
	{"type", required_argument, NULL, OPT_TYPE},
	{"report", required_argument, NULL, OPT_REPORT},
	{"cert", required_argument, NULL, OPT_CERT},
	{"tpm-quote", required_argument, NULL, OPT_TPM_QUOTE},
	{"tpm-signature", required_argument, NULL, OPT_TPM_SIGNATURE},
	{"tpm-pcrs", required_argument, NULL, OPT_TPM_PCRS},
	{"report-data", required_argument, NULL, OPT_REPORT_DATA},
	{"file", required_argument, NULL, OPT_FILE},
	{NULL, 0, NULL, 0}
};

void
verify_give_up(const char *format,...)
{
	va_list		args;

	va_start(args, format);
	fputs("bionic-verify: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(EXIT_USAGE);
}

void *
verify_room(size_t n)
{
	void	   *room = malloc(n);

	if (room == NULL)
		verify_give_up("out of memory");
	return room;
}

Bytes
verify_file(const char *path, size_t max)
{
	FILE	   *file = fopen(path, "rb");
	uint8_t    *data = verify_room(max + 1);
	size_t		len;

	if (file == NULL)
		verify_give_up("could not open \"%s\": %s", path, strerror(errno));
	len = fread(data, 1, max + 1, file);
	if (ferror(file))
		verify_give_up("could not read \"%s\": %s", path, strerror(errno));
	if (len > max)
		verify_give_up("\"%s\" has more than %zu bytes", path, max);
	fclose(file);
	return bytes_of(data, len);
}

static int64_t
time_of(const char *text)
{
	int64_t		at_s;
	char	   *end;

	if (form_parse_time(text, &at_s))
		return at_s;
	errno = 0;
	at_s = strtoll(text, &end, 10);
	if (!isdigit((unsigned char) *text) || *end != '\0' || errno != 0)
		verify_give_up("invalid time \"%s\"", text);
	return at_s;
}

static int
level_of(const char *text)
{
	if (text[0] < '0' || text[0] > '3' || text[1] != '\0')
		verify_give_up("invalid level \"%s\": from 0 to 3", text);
	return text[0] - '0';
}

/* One more, unless they are as many as there may be. */
static void
add(const char **list, int *n, int max, const char *value, const char *what)
{
	if (*n == max)
		verify_give_up("too many options --%s", what);
	list[(*n)++] = value;
}

static void
take_hex(const char *what, const char *text, uint8_t *out, size_t min, size_t max, size_t *len)
{
	*len = strlen(text) / 2;
	if (*len < min || *len > max || !form_parse_hex(text, out, *len))
		verify_give_up("invalid value of --%s", what);
}

static void
take_option(int option, const char *value, VerifyOptions *o)
{
	size_t		len;

	switch (option)
	{
		case OPT_HELP:
			fputs(help, stdout);
			exit(EXIT_VERIFIED);
		case OPT_POLICY:
			o->policy = value;
			break;
		case OPT_MANIFEST:
			o->manifest = value;
			break;
		case OPT_KEY:
			add(o->keys, &o->n_keys, VERIFY_KEYS_MAX, value, "key");
			break;
		case OPT_LEVEL:
			o->level = level_of(value);
			break;
		case OPT_AT:
			o->at_s = time_of(value);
			break;
		case OPT_JSON:
			o->json = true;
			break;
		case OPT_NONCE:
			take_hex("nonce", value, o->nonce, ATTESTATION_NONCE_MIN, ATTESTATION_NONCE_MAX,
					 &o->nonce_len);
			break;
		case OPT_DSN:
			o->dsn = value;
			break;
		case OPT_NO_TLS:
			o->no_tls = true;
			break;
		case OPT_TENANT:
			o->tenant = value;
			break;
		case OPT_FRESH:
			o->fresh = true;
			break;
		case OPT_TYPE:
			o->type = value;
			break;
		case OPT_REPORT:
			o->report = value;
			break;
		case OPT_CERT:
			add(o->certificates, &o->n_certificates, EVIDENCE_CERTIFICATES_MAX, value, "cert");
			break;
		case OPT_TPM_QUOTE:
			o->tpm_quote = value;
			break;
		case OPT_TPM_SIGNATURE:
			o->tpm_signature = value;
			break;
		case OPT_TPM_PCRS:
			o->tpm_pcrs = value;
			break;
		case OPT_REPORT_DATA:
			take_hex("report-data", value, o->report_data, REPORT_DATA_LEN, REPORT_DATA_LEN, &len);
			o->has_report_data = true;
			break;
		case OPT_FILE:
			add(o->files, &o->n_files, VERIFY_FILES_MAX, value, "file");
			break;
		default:
			verify_give_up("see bionic-verify --help");
	}
}

/* Whether the command has what it needs. */
static bool
is_complete(const VerifyOptions *o)
{
	bool		file = strcmp(o->command, "bundle") == 0 || strcmp(o->command, "manifest") == 0;
	bool		whole = strcmp(o->command, "bundle") == 0 || strcmp(o->command, "server") == 0;

	if (file != (o->file != NULL))
		return false;

	/* who demands what the command does not look at must not read "verified" */
	if (!whole && (o->level >= 0 || o->tenant != NULL || o->fresh))
		return false;
	if (strcmp(o->command, "bundle") == 0)
		return o->nonce_len > 0;
	if (strcmp(o->command, "manifest") == 0)
		return o->n_keys > 0;
	if (strcmp(o->command, "evidence") == 0)
		return o->type != NULL && o->report != NULL;
	return strcmp(o->command, "server") == 0 && o->dsn != NULL;
}

void
verify_options_read(int argc, char **argv, VerifyOptions *options)
{
	int			option;

	memset(options, 0, sizeof(*options));
	options->level = -1;
	options->at_s = time(NULL);
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		take_option(option, optarg, options);

	if (optind == argc || argc - optind > 2)
		verify_give_up("a command is wanted: see bionic-verify --help");
	options->command = argv[optind];
	options->file = argv[optind + 1];
	if (!is_complete(options))
		verify_give_up("%s lacks an option, or has too much: see bionic-verify --help", options->command);
}
