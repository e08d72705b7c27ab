/*-------------------------------------------------------------------------
 *
 * test_snp_samples.c
 *	  Recorded reports of SEV-SNP: what each says, and what was altered.
 *
 *-------------------------------------------------------------------------
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "evidence/certificate.h"
#include "evidence_tap.h"

#define VLEK_AT		INT64_C(1735689600)	/* within its year */
#define REPORT_LEN	1184
#define DATA		0x50
#define SIGNATURE_S	0x2e8
#define POLICY		0x08

typedef struct Sample
{
	const char *name;
	const char *product;
	uint32_t	vmpl;
	const char *report_data;	/* how it begins */
	const char *measurement;
	SnpTcb		tcb;
	const char *csp_id;
	uint32_t	guest_svn;
	bool		debug;
	bool		alias_checked;
} Sample;

static const Sample samples[] = {
	{"genoa-v5-oak", "Genoa", 0, "8100555af0ad8e75", "c57729018b0a6fb9", {0, 10, 0, 25, 84}, "", 0, false, true},
	{"milan-v2", "Milan", 0, "d447b55d197491bf", "7a1e5c266c0108db", {0, 3, 0, 8, 115}, "", 0, false, false},
	{"milan-v2-debug", "Milan", 0, "0102030405000000", "b07af9620f3b839b", {0, 2, 0, 5, 68}, "", 0, true, false},
	{"milan-v2-idblock-azure", "Milan", 0, "ec6c52d7533cc2c4", "a1f3930413247bb3", {0, 3, 0, 8, 115}, "", 4, false, false},
	{"milan-v3-vlek-aws", "Milan", 1, "819770b7e6ea6df8", "8922ebbdd00ec2c5", {0, 4, 0, 24, 217},
		"CN=cc-us-east-2.amazonaws.com", 0, false, true},
	{"milan-v5-gcp", "Milan", 1, "32fc4f6c1971cbf9", "b747d55452e0b9e9", {0, 4, 0, 27, 222}, "", 0, false, true},
	{"milan-v5-gcp-nonce", "Milan", 1, "3a6753fd4b194de5", "b747d55452e0b9e9", {0, 4, 0, 27, 222}, "", 0, false, true},
	{"turin-v5-oak", "Turin", 0, "e0fd0bdb6aa4030a", "f924dd18f168df60", {0, 1, 0, 2, 71}, "", 0, false, true},
};

static HardwareClaims claims;
static Verdict verdict;

static bool
verify_at(Bytes report, Bytes certificate, int64_t at_s)
{
	Evidence	evidence = {.type = evidence_type_by_name("sev-snp"), .report = report,
		.n_certificates = 1, .certificates = {certificate}};
	EvidenceTrust trust = {.at_s = at_s};

	memset(&verdict, 0, sizeof(verdict));
	return evidence_verify(&evidence, &trust, &claims, &verdict);
}

static bool
verify(Bytes report, Bytes certificate)
{
	return verify_at(report, certificate, SAMPLES_AT);
}

static Bytes
report_of(const char *name)
{
	return sample("snp/%s/report.bin", name);
}

static Bytes
certificate_of(const char *name)
{
	return sample("snp/%s/vek.der", name);
}

static bool
begins_with(const uint8_t *bytes, const char *hex)
{
	char		begin[17];

	for (int i = 0; i < 8; i++)
		snprintf(begin + 2 * i, 3, "%02x", bytes[i]);
	return strcmp(begin, hex) == 0;
}

static void
test_sample(const Sample *expected)
{
	bool		vlek = expected->csp_id[0] != '\0';
	bool		genuine = verify_at(report_of(expected->name), certificate_of(expected->name),
									vlek ? VLEK_AT : SAMPLES_AT);

	tap_ok(holds(genuine, &verdict) && !claims.foreign_root &&
		   strcmp(claims.product, expected->product) == 0 &&
		   claims.vmpl == expected->vmpl && claims.debug == expected->debug && !claims.migratable &&
		   claims.guest_svn == expected->guest_svn && claims.alias_checked == expected->alias_checked &&
		   begins_with(claims.report_data, expected->report_data) &&
		   begins_with(claims.measurement, expected->measurement) &&
		   memcmp(&claims.reported_tcb, &expected->tcb, sizeof(SnpTcb)) == 0 &&
		   strcmp(claims.csp_id, expected->csp_id) == 0,
		   "%s is genuine, and says what it is known to say", expected->name);
}

/* Its report_data is SHA-512 of a nonce and a key, both known. */
static void
test_nonce(void)
{
	Bytes		text = sample("snp/milan-v5-gcp-nonce/nonce.txt");
	uint8_t		bound[64];
	uint8_t		digest[64];
	size_t		n = 0;

	for (size_t i = 0; i < text.len && n < sizeof(bound); i++)
	{
		while (i < text.len && text.data[i] != '=')
			i++;
		for (unsigned value; ++i + 1 < text.len && n < sizeof(bound) &&
			 sscanf((const char *) text.data + i, "%2x", &value) == 1 && text.data[i] != '\n'; i++)
			bound[n++] = (uint8_t) value;
	}
	tap_ok(n == sizeof(bound) && EVP_Digest(bound, n, digest, NULL, EVP_sha512(), NULL) == 1 &&
		   verify(report_of("milan-v5-gcp-nonce"), certificate_of("milan-v5-gcp-nonce")) &&
		   memcmp(claims.report_data, digest, sizeof(digest)) == 0,
		   "a report is bound to a nonce and a key");
}

static void
test_altered(const char *name, const char *what, const char *detail)
{
	tap_ok(!verify(sample("tampered/%s.bin", name), certificate_of("milan-v2")) &&
		   refused_for(&verdict, what, detail), "%s is refused", name);
}

static void
test_others(void)
{
	Bytes		milan = report_of("milan-v2");
	Bytes		aws = report_of("milan-v3-vlek-aws");
	Bytes		vlek = certificate_of("milan-v3-vlek-aws");
	int64_t		starts = INT64_C(1733868861);	/* 2024-12-10 22:14:21 */
	int64_t		ends = INT64_C(1765404860);	/* its last second */

	tap_ok(!verify(milan, certificate_of("milan-v2-idblock-azure")) &&
		   refused_for(&verdict, "report is signed by the VCEK", ""), "a VCEK of another chip is refused");
	tap_ok(!verify(report_of("turin-v5-oak"), sample("certs/amd-turin-other-vcek.der")) &&
		   refused_for(&verdict, "report is signed by the VCEK", ""), "so is one of another chip of Turin");
	tap_ok(!verify(report_of("genoa-v5-oak"), certificate_of("milan-v2")) &&
		   refused_for(&verdict, "for the report's processor", "Milan-B0"), "a VCEK of another product is refused");
	tap_ok(!verify(milan, certificate_of("turin-v5-oak")) &&
		   refused_for(&verdict, "report is signed by the VCEK", ""),
		   "also by a report that does not tell its processor");
	tap_ok(verify_at(aws, vlek, starts) && verify_at(aws, vlek, ends), "a VLEK is good for its year");
	tap_ok(!verify_at(aws, vlek, starts - 1) && refused_for(&verdict, "leads to AMD's root", "SEV-VLEK: certificate is not yet valid"),
		   "not a second before it");
	tap_ok(!verify_at(aws, vlek, ends + 1) && refused_for(&verdict, "leads to AMD's root", "SEV-VLEK: certificate has expired"),
		   "nor a second after it");
	tap_ok(!verify_at(milan, certificate_of("milan-v2"), 0) && refused_for(&verdict, "leads to AMD's root", "not yet valid"),
		   "no time is long before");
}

/* One bit of each byte, or with LONG all of them, changes the verdict. */
static void
test_bits(void)
{
	Bytes		milan = report_of("milan-v2");
	Bytes		certificate = certificate_of("milan-v2");
	int			bits = getenv("LONG") == NULL ? 1 : 8;
	uint8_t		report[REPORT_LEN];
	bool		ok = true;

	memcpy(report, milan.data, REPORT_LEN);
	for (int i = 0; i < REPORT_LEN * bits; i++)
	{
		int			byte = i / bits;
		uint8_t		bit = 1 << (bits == 1 ? byte % 8 : i % 8);

		report[byte] ^= bit;
		TAP_EACH(ok, !verify(bytes_of(report, REPORT_LEN), certificate) && verdict_failure(&verdict) != NULL,
				 "byte %d, bit 0x%02x", byte, bit);
		report[byte] ^= bit;
	}
	tap_ok(ok && verify(bytes_of(report, REPORT_LEN), certificate), "no bit of a report can be changed");
}

/* The certificate, too, but for where DER leaves no choice but to fail anyway. */
static void
test_certificate_bits(void)
{
	Bytes		milan = report_of("milan-v2");
	Bytes		whole = certificate_of("milan-v2");
	uint8_t		der[EVIDENCE_CERTIFICATE_MAX];
	bool		ok = true;

	memcpy(der, whole.data, whole.len);
	for (size_t i = 0; i < whole.len; i++)
	{
		der[i] ^= 1 << i % 8;
		TAP_EACH(ok, !verify(milan, bytes_of(der, whole.len)), "byte %zu", i);
		der[i] ^= 1 << i % 8;
	}
	tap_ok(ok && verify(milan, bytes_of(der, whole.len)), "no byte of a certificate can be changed");
	for (size_t len = 0; len < whole.len; len++)
		TAP_EACH(ok, !verify(milan, bytes_of(der, len)) && refused_for(&verdict, "is one in DER", ""), "%zu bytes", len);
	der[whole.len] = 0;
	tap_ok(ok && !verify(milan, bytes_of(der, whole.len + 1)) && refused_for(&verdict, "is one in DER", ""),
		   "nor may it be cut, or have a byte behind it");
}

void
test_snp_samples(void)
{
	if (!samples_present("recorded reports of SEV-SNP"))
		return;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		test_sample(&samples[i]);
	test_nonce();
	test_altered("snp-debug-bit-set", "report is signed by the VCEK", "");
	test_altered("snp-measurement-1bit", "report is signed by the VCEK", "");
	test_altered("snp-report_data-1bit", "report is signed by the VCEK", "");
	test_altered("snp-signature-1bit", "report is signed by the VCEK", "");
	test_altered("snp-zero-signature", "report is signed by the VCEK", "");
	test_altered("snp-truncated", "report is 1184 bytes long", "1183");
	test_altered("snp-extended", "report is 1184 bytes long", "1185");
	tap_ok(verify(sample("tampered/snp-malleated-VALID.bin"), certificate_of("milan-v2")),
		   "the other signature of the same report is genuine as well");
	test_others();
	test_bits();
	test_certificate_bits();
}
