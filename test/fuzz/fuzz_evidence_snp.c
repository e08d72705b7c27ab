/*-------------------------------------------------------------------------
 *
 * fuzz_evidence_snp.c
 *	  Any bytes as a report of SEV-SNP and the certificate of its key.
 *
 * The first byte says of which the bytes are taken: both, under AMD's roots; the
 * part of a report that is signed, which then is; or AMD's extensions of a
 * certificate, which then is issued.  So what is behind signatures is reached.
 *
 * What is refused has a reason and claims nothing; what is genuine claims what
 * is in it.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

#include "../unit/evidence/made_snp.h"
#include "fuzz.h"

static const char *const oids[] = {
	AMD_EXTENSION "1", AMD_EXTENSION "2", AMD_EXTENSION "3.1", AMD_EXTENSION "3.2",
	AMD_EXTENSION "3.3", AMD_EXTENSION "3.4", AMD_EXTENSION "3.8", AMD_EXTENSION "3.9",
	AMD_EXTENSION "4", AMD_EXTENSION "5", AMD_EXTENSION "3.10", "1.2.3.4"
};

#define OIDS (sizeof(oids) / sizeof(oids[0]))

/* A report under a root of its own, whose keys sign what is fuzzed. */
static MadeSnp made;

static void
check_verdict(bool genuine, Bytes report, const HardwareClaims *claims, const Verdict *verdict)
{
	static const HardwareClaims nothing;

	check(verdict->n > 0 && genuine == (verdict_failure(verdict) == NULL));
	if (genuine)
		check(memcmp(claims->report_data, report.data + AT_REPORT_DATA, REPORT_DATA_LEN) == 0 &&
			  memcmp(claims->measurement, report.data + AT_MEASUREMENT, MEASUREMENT_LEN) == 0 &&
			  claims->debug == ((report.data[AT_POLICY + 2] & 8) != 0) &&
			  memchr(claims->csp_id, '\0', sizeof(claims->csp_id)) != NULL);
	else
		check(memcmp(claims, &nothing, sizeof(nothing)) == 0);
}

static void
fuzz_both(Bytes in)
{
	size_t		len = in.len < MADE_REPORT_LEN ? in.len : MADE_REPORT_LEN;
	Evidence	evidence = {.type = evidence_type_by_name("sev-snp"), .report = bytes_of(in.data, len),
		.n_certificates = 1, .certificates = {bytes_of(in.data + len, in.len - len)}};
	EvidenceTrust trust = {.at_s = SAMPLES_AT};
	static HardwareClaims claims;
	static Verdict verdict;

	verdict.n = 0;
	check_verdict(evidence_verify(&evidence, &trust, &claims, &verdict), evidence.report, &claims, &verdict);
}

static void
verify_made(void)
{
	pki_sign_little_endian(made.key.key, EVP_sha384(), bytes_of(made.report, AT_SIGNATURE),
						   made.report + AT_SIGNATURE, 72);
	check_verdict(made_verify(&made), made.evidence.report, &made.claims, &made.verdict);
}

/* The bytes are what differs from a report that is right. */
static void
fuzz_report(Bytes in)
{
	static uint8_t right[AT_SIGNATURE];

	memcpy(right, made.report, AT_SIGNATURE);
	for (size_t i = 0; i < AT_SIGNATURE && i < in.len; i++)
		made.report[i] ^= in.data[i];
	verify_made();
	memcpy(made.report, right, AT_SIGNATURE);
}

/* A byte for the extension, one for its length, its value; and so on. */
static void
fuzz_extensions(Bytes in)
{
	ByteReader	r = reader_of(in);
	PkiForm		form = made.key_form;
	PkiCertificate right = made.key;
	uint8_t		oid;
	uint8_t		len;
	Bytes		value;

	while (reader_u8(&r, &oid) && reader_u8(&r, &len) &&
		   reader_take(&r, len % (PKI_VALUE_MAX + 1), &value) && form.n_extensions < PKI_EXTENSIONS_MAX)
	{
		/* it takes the place of the one that is there, unless it is to be another */
		for (int i = 0; i < form.n_extensions && oid < 128; i++)
		{
			if (form.extensions[i].oid != NULL && strcmp(form.extensions[i].oid, oids[oid % OIDS]) == 0)
				form.extensions[i].oid = NULL;
		}
		pki_extend(&form, oids[oid % OIDS], value);
	}
	pki_issue(&made.key, &form, &made.intermediate);
	made.evidence.certificates[0] = pki_der(&made.key);
	verify_made();
	pki_free(&made.key);
	made.key = right;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void) argc;
	(void) argv;
	made_begin(&made, false);
	made_issue(&made);
	check(made_verify(&made));
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] % 3 == 0)
		fuzz_both(bytes_of(data + 1, size - 1));
	else if (data[0] % 3 == 1)
		fuzz_report(bytes_of(data + 1, size - 1));
	else
		fuzz_extensions(bytes_of(data + 1, size - 1));
	return 0;
}
