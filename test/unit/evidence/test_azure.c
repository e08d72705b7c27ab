/*-------------------------------------------------------------------------
 *
 * test_azure.c
 *	  Recorded evidence of Azure's confidential VMs, and what becomes of it.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/azure_hcl.h"
#include "evidence/snp_report.h"
#include "evidence/tpm_quote.h"
#include "evidence_tap.h"

static void test_samples(void);
static void test_mixed(void);
static void test_absent(void);
static void test_every_length(void);
static void test_bits(void);

void
test_azure(void)
{
	if (!samples_present("evidence of Azure"))
		return;
	test_samples();
	test_mixed();
	test_absent();
	test_every_length();
	test_bits();
}

/* Numbers in JSON: an array of 24 arrays of 32. */
static Bytes
read_pcrs(Bytes json)
{
	static uint8_t pcrs[2][PCR_COUNT * PCR_LEN];
	static int	turn;
	uint8_t    *out = pcrs[turn++ % 2];
	size_t		n = 0;

	for (size_t i = 0; i < json.len && n < sizeof(pcrs[0]); i++)
	{
		if (json.data[i] >= '0' && json.data[i] <= '9')
		{
			char	   *end;

			out[n++] = (uint8_t) strtol((const char *) json.data + i, &end, 10);
			i = (size_t) ((const uint8_t *) end - json.data);
		}
	}
	return bytes_of(out, n);
}

static Evidence
evidence_of(const char *name)
{
	Evidence	evidence = {
		.type = &evidence_azure_snp_vtpm,
		.report = sample("azure/%s/hcl_report.bin", name),
		.n_certificates = 1,
		.certificates = {sample("azure/%s/vek.der", name)},
		.tpm_quote = sample("azure/%s/tpm_quote.msg", name),
		.tpm_signature = sample("azure/%s/tpm_quote.sig", name),
		.tpm_pcrs = read_pcrs(sample("azure/%s/pcrs.json", name)),
	};

	return evidence;
}

static bool
verify(const Evidence *evidence, HardwareClaims *claims, Verdict *verdict)
{
	EvidenceTrust trust = {.at_s = SAMPLES_AT};

	verdict->n = 0;
	return evidence_verify(evidence, &trust, claims, verdict);
}

static void
test_samples(void)
{
	Evidence	evidence = evidence_of("v1");
	HardwareClaims claims;
	Verdict		verdict;
	uint8_t		expected[REPORT_DATA_LEN] = "challenge";
	bool		ok = verify(&evidence, &claims, &verdict);

	tap_ok(ok && !claims.debug && !claims.foreign_root && claims.vmpl == 0 &&
		   strcmp(claims.product, "Milan") == 0 &&
		   memcmp(claims.report_data, expected, REPORT_DATA_LEN) == 0 &&
		   strstr(verdict.checks[verdict.n - 1].detail, "the quote's alone") != NULL,
		   "v1 is genuine; its report data is the quote's alone, and zeros");
	tap_ok(claims.pcr_mask == 0xffffff && claims.pcrs[0][0] == 225 && claims.pcrs[1][0] == 125 &&
		   memcmp(claims.pcrs[23], evidence.tpm_pcrs.data + 23 * PCR_LEN, PCR_LEN) == 0 &&
		   memcmp(claims.id_key_digest, "\x94\x2f\xd9\x3e", 4) == 0,
		   "with 24 PCRs, and the digest of the ID key of Azure's paravisor");
	if (!ok)
		refused_for(&verdict, "?", "");

	evidence = evidence_of("v2");
	memset(expected, 0, sizeof(expected));
	memcpy(expected, evidence.tpm_quote.data + 44, 48);
	ok = verify(&evidence, &claims, &verdict);
	tap_ok(ok && memcmp(claims.report_data, expected, REPORT_DATA_LEN) == 0 &&
		   memcmp(expected, "\x98\x2f\x5c\x6e", 4) == 0 &&
		   verdict.checks[verdict.n - 1].detail[0] == '\0',
		   "v2 is genuine; SNP report and quote bind the same data");
	if (!ok)
		refused_for(&verdict, "?", "");
}

/* Parts of two machines do not make one. */
static void
test_mixed(void)
{
	Evidence	v1 = evidence_of("v1");
	Evidence	v2 = evidence_of("v2");
	Evidence	mixed = v2;
	HardwareClaims claims;
	Verdict		verdict;

	mixed.tpm_quote = v1.tpm_quote;
	mixed.tpm_signature = v1.tpm_signature;
	mixed.tpm_pcrs = v1.tpm_pcrs;
	tap_ok(!verify(&mixed, &claims, &verdict) &&
		   refused_for(&verdict, "signed by the vTPM's attestation key", ""),
		   "another machine's quote is refused");
	mixed = v2;
	mixed.certificates[0] = v1.certificates[0];
	tap_ok(!verify(&mixed, &claims, &verdict) && refused_for(&verdict, "report", ""),
		   "as is another processor's certificate");
	mixed = v2;
	mixed.tpm_pcrs = v1.tpm_pcrs;
	tap_ok(!verify(&mixed, &claims, &verdict) && refused_for(&verdict, "these values of PCRs", ""),
		   "and other values of PCRs");
}

static void
test_absent(void)
{
	Evidence	evidence = evidence_of("v2");
	HardwareClaims claims;
	Verdict		verdict;

	evidence.tpm_pcrs.len -= PCR_LEN;
	tap_ok(!verify(&evidence, &claims, &verdict) &&
		   refused_for(&verdict, "a value for each PCR", "23 values, mask 0xffffff"),
		   "a PCR without its value is refused");
	evidence = evidence_of("v2");
	evidence.tpm_signature = bytes_of(NULL, 0);
	tap_ok(!verify(&evidence, &claims, &verdict) &&
		   refused_for(&verdict, "signed by the vTPM's attestation key", ""),
		   "a quote without a signature is");
	evidence.tpm_quote = bytes_of(NULL, 0);
	tap_ok(!verify(&evidence, &claims, &verdict) &&
		   refused_for(&verdict, "signed by the vTPM's attestation key", ""),
		   "so is a report without a quote");
	evidence = evidence_of("v2");
	evidence.n_certificates = 0;
	tap_ok(!verify(&evidence, &claims, &verdict) && refused_for(&verdict, "certificate", ""),
		   "and one without a certificate");
}

/* Each length in memory of its own, so that a read past the end is found. */
static void
test_every_length(void)
{
	Evidence	evidence = evidence_of("v2");
	AzureHcl	hcl;
	TpmQuote	quote;
	size_t		end;
	bool		ok = azure_hcl_read(evidence.report, &hcl) == NULL;

	end = (size_t) (hcl.runtime_claims.data + hcl.runtime_claims.len - evidence.report.data);
	TAP_EACH(ok, ok && end < evidence.report.len, "%zu", end);
	for (size_t len = 0; len <= end; len++)
	{
		uint8_t    *copy = malloc(len + 1);

		memcpy(copy, evidence.report.data, len);
		TAP_EACH(ok, (azure_hcl_read(bytes_of(copy, len), &hcl) == NULL) == (len == end),
				 "%zu bytes", len);
		free(copy);
	}
	tap_ok(ok, "a paravisor's report cut short at any length is not well-formed");

	ok = true;
	for (size_t len = 0; len <= evidence.tpm_quote.len; len++)
	{
		uint8_t    *copy = malloc(len + 1);

		memcpy(copy, evidence.tpm_quote.data, len);
		TAP_EACH(ok, (tpm_quote_read(bytes_of(copy, len), &quote) == NULL) ==
				 (len == evidence.tpm_quote.len), "%zu bytes", len);
		free(copy);
	}
	tap_ok(ok, "nor is a quote");
}

/* Bits of in, with the others as they are; *in points to the copy meanwhile. */
static bool
refuses_every_bit(Evidence *evidence, Bytes *in, bool (*is_relevant) (size_t offset))
{
	uint8_t    *copy = malloc(in->len);
	bool		ok = true;

	memcpy(copy, in->data, in->len);
	in->data = copy;
	for (size_t bit = 0; bit < 8 * in->len; bit += bit_step())
	{
		HardwareClaims claims;
		Verdict		verdict;
		size_t		at = bit / 8;

		copy[at] ^= 1 << bit % 8;
		TAP_EACH(ok, verify(evidence, &claims, &verdict) == !is_relevant(at),
				 "bit %zu of byte %zu", bit % 8, at);
		copy[at] ^= 1 << bit % 8;
	}
	free(copy);
	return ok;
}

static bool
always(size_t offset)
{
	(void) offset;
	return true;
}

/*
 * Nothing signs the paravisor's headers.  What is read of them is where things
 * are; what is not: type of request, status and reserved bytes of the first,
 * the second's version.
 */
static bool
is_read(size_t offset)
{
	size_t		second = 32 + SNP_REPORT_LEN;

	return !(offset >= 12 && offset < 32) && !(offset >= second + 4 && offset < second + 8);
}

static void
test_bits(void)
{
	Evidence	evidence = evidence_of("v2");

	tap_ok(refuses_every_bit(&evidence, &evidence.report, is_read),
		   "no bit of a paravisor's report can be another one, if anything reads it");
	evidence = evidence_of("v2");
	tap_ok(refuses_every_bit(&evidence, &evidence.tpm_quote, always), "none of a quote can");
	evidence = evidence_of("v2");
	tap_ok(refuses_every_bit(&evidence, &evidence.tpm_signature, always), "none of its signature");
	evidence = evidence_of("v2");
	tap_ok(refuses_every_bit(&evidence, &evidence.tpm_pcrs, always), "and none of the PCRs");
}
