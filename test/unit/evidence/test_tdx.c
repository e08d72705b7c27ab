/*-------------------------------------------------------------------------
 *
 * test_tdx.c
 *	  Recorded quotes of TDX: real ones, and what becomes of them.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/tdx_quote.h"
#include "evidence_tap.h"

static void test_samples(void);
static void test_claims(void);
static void test_tampered(void);
static void test_every_length(void);
static void test_bits(void);
static void test_time(void);

void
test_tdx(void)
{
	if (!samples_present("quotes of TDX"))
		return;
	test_samples();
	test_claims();
	test_tampered();
	test_every_length();
	test_bits();
	test_time();
}

static bool
verify_at(Bytes quote, int64_t at_s, HardwareClaims *claims, Verdict *verdict)
{
	Evidence	evidence = {.type = &evidence_tdx,.report = quote};
	EvidenceTrust trust = {.at_s = at_s};

	verdict->n = 0;
	return evidence_verify(&evidence, &trust, claims, verdict);
}

static bool
verify(Bytes quote, HardwareClaims *claims, Verdict *verdict)
{
	return verify_at(quote, SAMPLES_AT, claims, verdict);
}

static void
test_samples(void)
{
	static const struct
	{
		const char *name;
		const char *detail;		/* of the first check */
		bool		debug;
	}			samples[] = {
		{"v4-intel-prod", "version 4; 39 bytes", false},
		{"v4-gcp-cos113", "version 4; 3065 bytes", false},
		{"v4-azure", "version 4; 70 bytes", false},
		{"v4-debug-td", "version 4; 0 bytes", true},
		{"v5-tdx10", "version 5; 0 bytes", false},
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
	{
		HardwareClaims claims;
		Verdict		verdict;
		bool		ok = verify(sample("tdx/%s.quote", samples[i].name), &claims, &verdict);

		tap_ok(ok && verdict_failure(&verdict) == NULL && claims.debug == samples[i].debug &&
			   !claims.foreign_root && !claims.migratable && claims.has_rtmrs &&
			   strstr(verdict.checks[0].detail, samples[i].detail) != NULL &&
			   strcmp(verdict.checks[verdict.n - 1].what, "TCB status not evaluated") == 0,
			   "%s is genuine, of a TD %s", samples[i].name,
			   samples[i].debug ? "for debugging" : "that nobody debugs");
		if (!ok)
			refused_for(&verdict, "?", "");
	}
}

static void
test_claims(void)
{
	Bytes		quote = sample("tdx/v4-intel-prod.quote");
	HardwareClaims claims;
	Verdict		verdict;

	static const uint8_t mrtd[] = {0x63, 0x63, 0xb8, 0x04};
	static const uint8_t rtmr0[] = {0x29, 0x27, 0xda, 0x70};
	static const uint8_t rtmr2[] = {0x86, 0x52, 0xf0, 0xca};
	static const uint8_t report_data[] = {0x6c, 0x62, 0xde, 0xc1};
	static const uint8_t report_data_end[] = {0x28, 0x1f, 0x11, 0x13};

	tap_ok(verify(quote, &claims, &verdict) &&
		   memcmp(claims.measurement, mrtd, 4) == 0 &&
		   memcmp(claims.rtmrs[0], rtmr0, 4) == 0 && memcmp(claims.rtmrs[2], rtmr2, 4) == 0 &&
		   bytes_are_zero(bytes_of(claims.rtmrs[3], MEASUREMENT_LEN)) &&
		   bytes_are_zero(bytes_of(claims.mr_config_id, MEASUREMENT_LEN)) &&
		   memcmp(claims.report_data, report_data, 4) == 0 &&
		   memcmp(claims.report_data + REPORT_DATA_LEN - 4, report_data_end, 4) == 0,
		   "MRTD, RTMRs, MRCONFIGID and report data are those of the quote");

	/* of version 5 */
	quote = sample("tdx/v5-tdx10.quote");
	tap_ok(verify(quote, &claims, &verdict) &&
		   memcmp(claims.measurement, "\xdf\xba\x22\x1b", 4) == 0 &&
		   memcmp(claims.rtmrs[1], "\xca\x5a\x97\x93", 4) == 0 &&
		   memcmp(claims.report_data, "\x6d\x6a\xb1\x3b", 4) == 0,
		   "those of version 5 are behind its longer header");
}

static void
test_tampered(void)
{
	HardwareClaims claims;
	Verdict		verdict;

	tap_ok(!verify(sample("tampered/tdx-report_data-1bit.quote"), &claims, &verdict) &&
		   refused_for(&verdict, "the quote is signed by the attestation key", ""),
		   "a bit of report data breaks the quote's signature");
	tap_ok(!verify(sample("tampered/tdx-signature-1bit.quote"), &claims, &verdict) &&
		   refused_for(&verdict, "the quote is signed by the attestation key", ""),
		   "so does a bit of the signature");
}

/* Where the quote ends by its own lengths. */
static size_t
end_of(Bytes in)
{
	TdxQuote	quote;

	return tdx_quote_read(in, &quote) == NULL ? in.len - quote.behind.len : 0;
}

/* A copy of its own length, so that a read past the end is one past the memory. */
static void
test_every_length(void)
{
	static const char *const names[] = {"v4-azure", "v5-tdx10"};
	bool		ok = true;

	for (int i = 0; i < 2; i++)
	{
		Bytes		quote = sample("tdx/%s.quote", names[i]);
		size_t		end = end_of(quote);

		TAP_EACH(ok, end > 4096, "%s", names[i]);
		for (size_t len = 0; len <= end; len++)
		{
			uint8_t    *copy = malloc(len + 1);
			TdxQuote	parts;

			memcpy(copy, quote.data, len);
			TAP_EACH(ok, (tdx_quote_read(bytes_of(copy, len), &parts) == NULL) == (len == end),
					 "%s cut to %zu bytes", names[i], len);
			free(copy);
		}
	}
	tap_ok(ok, "a quote cut short at any length is not well-formed");
}

/*
 * Bits up to the quote's end.  Of a certificate in base64 the last character
 * may have bits that mean nothing; the bytes that they stand for are the same.
 */
static void
test_bits(void)
{
	Bytes		quote = sample("tdx/v5-tdx10.quote");
	size_t		end = end_of(quote);
	size_t		meaningless = end - strlen("I=\n-----END CERTIFICATE-----\n") - 1;
	uint8_t    *copy = malloc(end);
	HardwareClaims claims;
	Verdict		verdict;
	bool		ok = true;

	memcpy(copy, quote.data, end);
	for (size_t bit = 0; bit < 8 * end; bit += bit_step())
	{
		size_t		at = bit / 8;
		bool		may_change = at == meaningless && bit % 8 == 1;

		copy[at] ^= 1 << bit % 8;
		TAP_EACH(ok, verify(bytes_of(copy, end), &claims, &verdict) == may_change,
				 "bit %zu of byte %zu", bit % 8, at);
		copy[at] ^= 1 << bit % 8;
	}
	tap_ok(ok, "no bit of a quote can be another one");

	copy[meaningless] ^= 2;
	tap_ok(copy[meaningless] == 'K' && verify(bytes_of(copy, end), &claims, &verdict),
		   "save a bit of the base64 of the root that stands for nothing");
	free(copy);
}

static void
test_time(void)
{
	Bytes		quote = sample("tdx/v4-intel-prod.quote");
	HardwareClaims claims;
	Verdict		verdict;

	/* of the PCK: 2022-09-20 to 2029-09-20 */
	tap_ok(!verify_at(quote, INT64_C(1600000000), &claims, &verdict) &&
		   refused_for(&verdict, "PCK) is certified", "not yet valid"),
		   "a quote whose certificates begin later is refused");
	tap_ok(!verify_at(quote, INT64_C(1900000000), &claims, &verdict) &&
		   refused_for(&verdict, "PCK) is certified", "expired"),
		   "as is one whose certificates have ended");
}
