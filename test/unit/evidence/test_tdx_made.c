/*-------------------------------------------------------------------------
 *
 * test_tdx_made.c
 *	  Quotes of TDX that no recorded one is like: what they claim, and each
 *	  thing that may be wrong with one, alone.
 *
 *-------------------------------------------------------------------------
 */
#include "made_tdx.h"

/* The one of the running test, as it is large. */
static MadeTdx made;

static void
begin(void)
{
	made_tdx_begin(&made, 4);
}

static void
begin_v5(uint16_t body_type, size_t body_len)
{
	made_tdx_begin(&made, 5);
	made.body_type = body_type;
	made.body_stated = (uint32_t) body_len;
	made.body_len = body_len;
}

static bool
passes(void)
{
	return holds(made_tdx_verify(&made) && made.claims.foreign_root, &made.verdict);
}

static void
genuine(const char *name)
{
	made_tdx_issue(&made);
	tap_ok(passes(), "%s", name);
	made_tdx_free(&made);
}

/* What is refused claims nothing. */
static bool
fails(const char *what, const char *detail)
{
	return !made_tdx_verify(&made) && refused_for(&made.verdict, what, detail) &&
		claims_nothing(&made.claims);
}

static void
refused(const char *name, const char *what, const char *detail)
{
	made_tdx_issue(&made);
	tap_ok(fails(what, detail), "%s", name);
	made_tdx_free(&made);
}

static void
test_claims(void)
{
	const HardwareClaims *claims = &made.claims;
	bool		rtmrs = true;

	begin();
	genuine("a quote of version 4");
	for (int i = 0; i < RTMR_COUNT; i++)
		rtmrs = rtmrs && is_filled(claims->rtmrs[i], 0xa0 + i, MEASUREMENT_LEN);
	tap_ok(claims->has_rtmrs && rtmrs && is_filled(claims->measurement, 0x3e, MEASUREMENT_LEN) &&
		   is_filled(claims->mr_config_id, 0xc0, MEASUREMENT_LEN) &&
		   is_filled(claims->report_data, 0xda, REPORT_DATA_LEN) &&
		   !claims->debug && !claims->migratable, "which says what it was made with");
	begin_v5(2, 584);
	genuine("a quote of version 5, of TDX 1.0");
	tap_ok(is_filled(claims->report_data, 0xda, REPORT_DATA_LEN), "which says it likewise");
	begin_v5(3, 648);
	genuine("a quote of version 5, of TDX 1.5");
	tap_ok(is_filled(claims->report_data, 0xda, REPORT_DATA_LEN), "and this one, too");

	for (int bit = 0; bit < 8; bit += 4)
	{
		begin();
		put_le(made.body + AT_TDX_ATTRIBUTES, UINT64_C(1) << bit, 8);
		genuine("a TD that somebody looks into");
		tap_ok(claims->debug && !claims->migratable, "is told: attribute %d", bit);
	}
	begin();
	put_le(made.body + AT_TDX_ATTRIBUTES, UINT64_C(1) << 29, 8);
	genuine("a TD that may be moved");
	tap_ok(!claims->debug && claims->migratable, "is told");
	begin();
	put_le(made.body + AT_TDX_ATTRIBUTES, UINT64_C(0xc80000005801) << 16 & ~UINT64_C(0x20000000), 8);
	genuine("other attributes");
	tap_ok(!claims->debug && !claims->migratable, "are of no meaning here");
}

static void
test_header(void)
{
	static const char form[] = "the TDX quote is well-formed";
	static const char kind[] = "of TDX, made by Intel's quoting enclave";

	begin();
	put_le(made.header + AT_TDX_VERSION, 3, 2);
	refused("version 3", form, "version is neither");
	begin();
	put_le(made.header + AT_TDX_VERSION, 0x0104, 2);
	refused("a version of two bytes", form, "version is neither");
	begin();
	put_le(made.header + AT_TDX_TEE_TYPE, 0, 4);
	refused("a quote of SGX", kind, "TEE type 0x0,");
	begin();
	put_le(made.header + AT_TDX_KEY_TYPE, 3, 2);
	refused("an attestation key of P-384", kind, "key type 3");
	begin();
	made.header[AT_TDX_VENDOR + 15] ^= 1;
	refused("a quoting enclave of another vendor", kind, "");
	begin_v5(1, 384);
	refused("a body of SGX", form, "type or length of its body");
	begin_v5(2, 648);
	refused("a body of another type's length", form, "type or length of its body");
	begin_v5(3, 584);
	refused("and the other way round", form, "type or length of its body");
	begin_v5(4, 648);
	refused("a body of a type to come", form, "type or length of its body");
}

static void
test_lengths(void)
{
	static const char form[] = "the TDX quote is well-formed";

	begin();
	made.signature_excess = 1;
	refused("more signature data than there is", form, "signature data is cut short");
	begin();
	made.signature_excess = UINT32_MAX - 8000;
	refused("4 GB of it", form, "signature data is cut short");
	begin();
	made.signature_trailing = 1;
	refused("a byte behind what is certified", form, "does not end with a certified QE report");
	begin();
	made.qe_excess = 1;
	refused("more certification data than there is", form, "does not end with a certified QE report");
	begin();
	made.qe_type = 5;
	refused("a chain in place of the QE's report", form, "does not end with a certified QE report");
	begin();
	made.qe_trailing = 1;
	refused("a byte behind the chain", form, "does not end with a chain");
	begin();
	made.chain_excess = 1;
	refused("a longer chain than there is", form, "does not end with a chain");
	begin();
	made.chain_type = 3;
	refused("an encrypted PPID in place of a chain", form, "does not end with a chain");
	begin();
	made.auth_excess = UINT16_MAX - 32;
	refused("more authentication data than there is", form, "authentication data is cut short");

	begin();
	made_tdx_issue(&made);
	memset(made.quote + made.len, 'x', 100);
	made.evidence.report.len += 100;
	tap_ok(passes() && strstr(made.verdict.checks[0].detail, "100 bytes behind it") != NULL,
		   "what is behind the quote is not read, and told");
	made_tdx_free(&made);
}

static void
test_pem(void)
{
	static const struct
	{
		const char *chain;
		int			nuls;
		const char *what;		/* NULL: it is right */
		const char *name;
	}			cases[] = {
		{"pcr", 1, NULL, "a chain with a NUL at its end"},
		{"pcr", 2, "well-formed", "with two"},
		{"pcr\n", 0, "well-formed", "with an empty line"},
		{" pcr", 0, "well-formed", "with a blank before it"},
		{"p\ncr", 0, "well-formed", "with an empty line in it"},
		{"pc", 0, "well-formed", "of two certificates"},
		{"pcrr", 0, "well-formed", "of four"},
		{"", 0, "well-formed", "of none"},
		{"pco", 0, "the one that is trusted", "with another root of the same name"},
		{"pcc", 0, "the one that is trusted", "without its root"},
		{"ccr", 0, "PCK) is certified", "of a CA for a PCK"},
		{"por", 0, "PCK) is certified", "of another CA"},
		{"cpr", 0, "PCK) is certified", "in another order"},
		{"rrr", 0, "PCK) is certified", "of roots"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		begin();
		made.chain = cases[i].chain;
		made.chain_nuls = cases[i].nuls;
		if (cases[i].what == NULL)
			genuine(cases[i].name);
		else
			refused(cases[i].name, cases[i].what, "");
	}
}

static void
test_certificates(void)
{
	static const char certified[] = "PCK) is certified";
	uint8_t		crls[2][PKI_DER_MAX];
	PkiCrlForm	crl = {.from_s = MADE_TDX_AT - 100,.until_s = MADE_TDX_AT + 100};

	begin();
	made_tdx_issue(&made);
	made.trust.n_roots = 0;
	tap_ok(fails("root is the one that is trusted", "Intel SGX Root CA, built in"),
		   "nobody's root is trusted but Intel's, unless the verifier says so");
	made.trust.roots[0] = pki_der(&made.other);
	made.trust.n_roots = 1;
	tap_ok(fails("root is the one that is trusted", "verifier's own"), "another root of the same name is not");
	made.trust.roots[1] = pki_der(&made.root);
	made.trust.n_roots = 2;
	tap_ok(passes(), "the second of two roots is");

	/* its certificates stay the same */
	made.trust.crls[0] = pki_crl(crls[0], &crl, &made.root, &made.root);
	made.trust.n_crls = 1;
	tap_ok(passes(), "a CRL without the CA lets it pass");
	crl.revoked = made.pck.x509;
	made.trust.crls[1] = pki_crl(crls[1], &crl, &made.ca, &made.ca);
	made.trust.n_crls = 2;
	tap_ok(fails(certified, "Test PCK: was revoked"), "a PCK that was revoked is refused");
	made_tdx_free(&made);

	begin();
	made.other_root = true;
	refused("a CA that another root issued", certified, "");
	begin();
	made.ca_form.constraints = "critical,CA:FALSE";
	refused("a CA that is none", certified, "");
	begin();
	made.pck_form.until_s = MADE_TDX_AT - 1;
	refused("a PCK that has ended", certified, "expired");
	begin();
	made.ca_form.from_s = MADE_TDX_AT + 1;
	refused("a CA that begins later", certified, "not yet valid");
}

static void
test_quoting_enclave(void)
{
	begin();
	made.other_pck = true;
	refused("a QE's report that another key signed", "report of the quoting enclave is signed by the PCK", "");
	begin();
	put_le(made.qe_report + AT_QE_ATTRIBUTES, 0x17, 8);
	refused("a QE for debugging", "quoting enclave cannot be debugged", "");
	begin();
	made.qe_report[AT_QE_MRSIGNER] ^= 1;
	refused("somebody's own enclave", "quoting enclave is Intel's", "");
	begin();
	put_le(made.qe_report + AT_QE_ISVPRODID, 1, 2);
	refused("Intel's other quoting enclave", "quoting enclave is Intel's", "ISVPRODID 1");
	begin();
	made.unbound = true;
	refused("an attestation key that the QE does not name", "vouches for the attestation key", "");
	begin();
	made.qe_report[AT_QE_REPORT_DATA + 63] = 1;
	refused("a QE that says more than the key", "vouches for the attestation key", "");
}

static void
test_signature(void)
{
	begin();
	made.other_signer = true;
	refused("a quote that the PCK signed", "signed by the attestation key", "");
	begin();
	made.no_point = true;
	refused("an attestation key that is no point of the curve", "signed by the attestation key", "");
	begin();
	made.body[AT_TDX_MRSIGNER_SEAM + 47] = 1;
	refused("somebody's TDX module", "TDX module is Intel's", "");
	begin();
	put_le(made.body + AT_TDX_SEAM_ATTRIBUTES, UINT64_C(1) << 63, 8);
	refused("a TDX module with attributes", "TDX module is Intel's", "");
}

void
test_tdx_made(void)
{
	test_claims();
	test_header();
	test_lengths();
	test_pem();
	test_certificates();
	test_quoting_enclave();
	test_signature();
}
