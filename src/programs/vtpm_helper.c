/*-------------------------------------------------------------------------
 *
 * vtpm_helper.c
 *	  bionic_crypt_vtpm: evidence of a confidential VM of Azure, for a server
 *	  that may not open the TPM.
 *
 *		bionic_crypt_vtpm --certificates FILE [--tcti TCTI] [--wait SECONDS]
 *
 * Reads one line, {"report_data":"<base64>"}, from standard input, and writes the
 * member "evidence" of a bundle to standard output: run for each connection to
 * a Unix socket, as systemd does with Accept=yes.  azure_hcl.h says what it
 * does.  The certificates, that of the processor's key first, are those that
 * Azure's metadata service hands out; this program opens no connection.
 *
 * One report at a time: the TPM's index of user-data is one for all.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <getopt.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/json.h"
#include "crypto/base64.h"
#include "evidence/azure_hcl.h"
#include "evidence/certificate.h"
#include "evidence/form.h"
#include "programs/vtpm.h"

#define LINE_MAX_LEN		256
#define PEM_FILE_MAX		32768
#define WAIT_S				8		/* for the paravisor to see user-data */
#define LOOK_EVERY_MS		100

typedef struct Options
{
	const char *certificates;
	const char *tcti;
	int			wait_s;
} Options;

typedef struct Certificates
{
	int			n;
	X509	   *x509[EVIDENCE_CERTIFICATES_MAX];
} Certificates;

static void
read_options(int argc, char **argv, Options *options)
{
	static const struct option known[] = {
		{"certificates", required_argument, NULL, 'c'},
		{"tcti", required_argument, NULL, 't'},
		{"wait", required_argument, NULL, 'w'},
		{NULL, 0, NULL, 0},
	};
	int			c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
	{
		if (c == 'c')
			options->certificates = optarg;
		else if (c == 't')
			options->tcti = optarg;
		else if (c == 'w')
			options->wait_s = atoi(optarg);
		else
			exit(2);
	}
	if (options->certificates == NULL || optind != argc)
	{
		fputs("usage: bionic_crypt_vtpm --certificates FILE [--tcti TCTI] [--wait SECONDS]\n", stderr);
		exit(2);
	}
}

/* Up to the end of the line; the other end need not close. */
static void
read_request(uint8_t report_data[REPORT_DATA_LEN])
{
	char		line[LINE_MAX_LEN];
	char		text[LINE_MAX_LEN];
	JsonWanted	wanted = {.path = "report_data",.out = text,.size = sizeof(text)};
	size_t		len;

	if (fgets(line, sizeof(line), stdin) == NULL || strchr(line, '\n') == NULL ||
		!json_find(bytes_of_string(line), &wanted, 1) || !wanted.found ||
		!base64_decode(text, report_data, REPORT_DATA_LEN, &len) || len != REPORT_DATA_LEN)
		vtpm_give_up("the request is not a line of JSON with report_data of %d bytes", REPORT_DATA_LEN);
}

static void
read_pem(const char *path, char pem[PEM_FILE_MAX])
{
	FILE	   *file = fopen(path, "rb");
	size_t		len;

	if (file == NULL)
		vtpm_give_up("could not open \"%s\": %s", path, strerror(errno));
	len = fread(pem, 1, PEM_FILE_MAX - 1, file);
	if (ferror(file) || len == PEM_FILE_MAX - 1)
		vtpm_give_up("could not read \"%s\", or it is too long", path);
	fclose(file);
	pem[len] = '\0';
}

/* One behind the other, the processor's first. */
static void
read_certificates(const char *path, Certificates *certificates)
{
	static const char end[] = "-----END CERTIFICATE-----\n";
	char		pem[PEM_FILE_MAX];
	const char *rest = pem;
	const char *next;

	read_pem(path, pem);
	while ((next = strstr(rest, end)) != NULL)
	{
		X509	   *certificate;

		next += strlen(end);
		certificate = certificate_read_pem(bytes_of(rest, (size_t) (next - rest)));
		if (certificate == NULL || certificates->n == EVIDENCE_CERTIFICATES_MAX)
			vtpm_give_up("certificate %d of \"%s\" is none, or one too many", certificates->n + 1, path);
		certificates->x509[certificates->n++] = certificate;
		rest = next;
	}
	if (certificates->n == 0)
		vtpm_give_up("\"%s\" has no certificate in PEM", path);
}

/* Whoever else runs waits; the lock goes with the process. */
static void
wait_for_turn(const char *path)
{
	FILE	   *file = fopen(path, "rb");

	if (file == NULL || flock(fileno(file), LOCK_EX) != 0)
		vtpm_give_up("could not lock \"%s\": %s", path, strerror(errno));
}

static bool
is_for(Bytes report, const uint8_t report_data[REPORT_DATA_LEN])
{
	char		hex[2 * REPORT_DATA_LEN + 1];
	uint8_t		user_data[REPORT_DATA_LEN];
	JsonWanted	wanted = {.path = "user-data",.out = hex,.size = sizeof(hex)};
	AzureHcl	hcl;

	return azure_hcl_read(report, &hcl) == NULL && json_find(hcl.runtime_claims, &wanted, 1) &&
		wanted.found && form_parse_hex(hex, user_data, REPORT_DATA_LEN) &&
		memcmp(user_data, report_data, REPORT_DATA_LEN) == 0;
}

/* Nothing tells when the paravisor has made its report anew; we look once at least. */
static size_t
get_report(Vtpm *tpm, const uint8_t report_data[REPORT_DATA_LEN], int wait_s,
		   uint8_t report[VTPM_REPORT_MAX])
{
	vtpm_write_user_data(tpm, report_data);
	for (int waited_ms = 0;; waited_ms += LOOK_EVERY_MS)
	{
		size_t		len = vtpm_read_report(tpm, report);

		if (is_for(bytes_of(report, len), report_data))
			return len;
		if (waited_ms >= 1000 * wait_s)
			vtpm_give_up("the paravisor made no report for the data within %d s", wait_s);
		poll(NULL, 0, LOOK_EVERY_MS);
	}
}

static void
put_base64(const char *before, const uint8_t *data, size_t len, const char *after)
{
	uint8_t    *text = malloc((len + 2) / 3 * 4 + 1);

	if (text == NULL)
		vtpm_give_up("out of memory");
	EVP_EncodeBlock(text, data, (int) len);
	printf("%s\"%s\"%s", before, (char *) text, after);
	free(text);
}

static void
put_certificate(const char *before, X509 *certificate)
{
	unsigned char *der = NULL;
	int			len = i2d_X509(certificate, &der);

	if (len <= 0)
		vtpm_give_up("out of memory");
	put_base64(before, der, (size_t) len, "");
	OPENSSL_free(der);
}

static void
put_evidence(Bytes report, const Certificates *certificates, const VtpmQuote *quote)
{
	put_base64("{\"type\":\"azure-snp-vtpm\",\"report\":", report.data, report.len, ",\"certificates\":[");
	for (int i = 0; i < certificates->n; i++)
		put_certificate(i == 0 ? "" : ",", certificates->x509[i]);
	put_base64("],\"tpm_quote\":", quote->quote, quote->quote_len, "");
	put_base64(",\"tpm_signature\":", quote->signature, quote->signature_len, ",\"tpm_pcrs\":[");
	for (int i = 0; i < PCR_COUNT; i++)
	{
		fputs(i == 0 ? "\"" : ",\"", stdout);
		for (int j = 0; j < PCR_LEN; j++)
			printf("%02x", quote->pcrs[i][j]);
		fputc('"', stdout);
	}
	fputs("]}\n", stdout);
	if (fflush(stdout) != 0)
		vtpm_give_up("could not answer: %s", strerror(errno));
}

int
main(int argc, char **argv)
{
	Options		options = {.wait_s = WAIT_S};
	uint8_t		report_data[REPORT_DATA_LEN];
	uint8_t		qualifying_data[32];
	uint8_t		report[VTPM_REPORT_MAX];
	size_t		report_len;
	VtpmQuote	quote;
	Certificates certificates = {.n = 0};
	Vtpm	   *tpm;

	setenv("TSS2_LOG", "all+NONE", 0);	/* we say ourselves what fails */
	read_options(argc, argv, &options);
	read_request(report_data);
	read_certificates(options.certificates, &certificates);
	if (EVP_Digest(report_data, sizeof(report_data), qualifying_data, NULL, EVP_sha256(), NULL) != 1)
		vtpm_give_up("out of memory");

	wait_for_turn(options.certificates);
	tpm = vtpm_open(options.tcti);
	report_len = get_report(tpm, report_data, options.wait_s, report);
	vtpm_quote(tpm, bytes_of(qualifying_data, sizeof(qualifying_data)), &quote);
	vtpm_close(tpm);
	put_evidence(bytes_of(report, report_len), &certificates, &quote);
	for (int i = 0; i < certificates.n; i++)
		X509_free(certificates.x509[i]);
	return 0;
}
