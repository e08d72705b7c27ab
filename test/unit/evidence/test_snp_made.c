/*-------------------------------------------------------------------------
 *
 * test_snp_made.c
 *	  Reports of SEV-SNP that no recorded one is like: what they claim, and
 *	  each thing that may be wrong with one, alone.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/snp_report.h"
#include "made_snp.h"

#define TCB_OLDER		UINT64_C(0xdd1b000000000004)	/* microcode 221, */
#define TCB_NEWER		UINT64_C(0xde1c000000000004)	/* SNP 28, for 222 and 27 */
#define TCB_UNUSED		UINT64_C(0xde1b000100000004)

/* The one of the running test, as it is large. */
static MadeSnp made;

static void
begin(void)
{
	made_begin(&made, false);
}

static void
begin_vlek(void)
{
	made_begin(&made, true);
}

static void
genuine(const char *name)
{
	made_issue(&made);
	tap_ok(holds(made_verify(&made) && made.claims.foreign_root, &made.verdict), "%s", name);
	made_free(&made);
}

/* What is refused claims nothing. */
static void
refused(const char *name, const char *what, const char *detail)
{
	made_issue(&made);
	tap_ok(!made_verify(&made) && refused_for(&made.verdict, what, detail) &&
		   claims_nothing(&made.claims), "%s", name);
	made_free(&made);
}

static void
test_claims(void)
{
	const HardwareClaims *claims = &made.claims;

	begin();
	made_put(&made, AT_POLICY, 0xf0000, 8);
	made_put(&made, AT_VMPL, 2, 4);
	made_put(&made, AT_PLATFORM, 0x20, 8);
	memset(made.report + AT_HOST_DATA, 0x40, 32);
	memset(made.report + AT_ID_KEY, 0x1d, 48);
	memset(made.report + AT_AUTHOR_KEY, 0xa0, 48);
	made_issue(&made);
	tap_ok(made_verify(&made) && claims->foreign_root && claims->debug && claims->migratable &&
		   claims->vmpl == 2 && claims->guest_svn == 7 && claims->alias_checked &&
		   strcmp(claims->product, "Milan") == 0 && claims->csp_id[0] == '\0' &&
		   claims->reported_tcb.bootloader == 4 && claims->reported_tcb.tee == 0 &&
		   claims->reported_tcb.snp == 27 && claims->reported_tcb.microcode == 222 &&
		   claims->reported_tcb.fmc == 0,
		   "a report of a guest that is debugged and migrates is genuine, and says so");
	tap_ok(is_filled(claims->report_data, 0xda, REPORT_DATA_LEN) &&
		   is_filled(claims->measurement, 0x3e, MEASUREMENT_LEN) &&
		   is_filled(claims->host_data, 0x40, 32) && is_filled(claims->id_key_digest, 0x1d, 48) &&
		   is_filled(claims->author_key_digest, 0xa0, 48) &&
		   memcmp(claims->chip_id, made.report + AT_CHIP_ID, 64) == 0 &&
		   !claims->has_rtmrs && claims->pcr_mask == 0 && claims->image_digest[0] == '\0',
		   "it claims what is in it, and nothing else");
	made.trust.n_roots = 0;
	tap_ok(!made_verify(&made) && refused_for(&made.verdict, "leads to AMD's root", "SEV-VCEK: "),
		   "under AMD's roots it is nobody's");
	made_free(&made);

	begin_vlek();
	made_issue(&made);
	tap_ok(made_verify(&made) && strcmp(claims->csp_id, MADE_CSP_ID) == 0 &&
		   is_filled(claims->chip_id, 0, 64), "a VLEK's says who the provider is");
	made_free(&made);
}

static void
test_form(void)
{
	static const uint16_t empty[] = {0x4c, 0x18b, 0x19f, 0x1eb, 0x1ef, 0x208, 0x29f};

	begin();
	made_put(&made, AT_VERSION, 1, 4);
	refused("version 1", "of a version that we know", "1");
	begin();
	made_put(&made, AT_VERSION, 6, 4);
	refused("version 6", "of a version that we know", "6");
	begin();
	made_put(&made, AT_VERSION, 4, 4);
	made_put(&made, AT_MITIGATIONS, 0, 8);
	genuine("version 4");
	begin();
	made_put(&made, AT_VERSION, 4, 4);
	refused("version 4 with a vector of mitigations", "nothing where nothing may be", "byte 0x1f8 is 0x0b");
	begin();
	made_put(&made, AT_VERSION, 2, 4);
	made_put(&made, AT_MITIGATIONS, 0, 8);
	refused("version 2 with a processor", "nothing where nothing may be", "byte 0x188 is 0x19");
	begin();
	made_put(&made, AT_ALGORITHM, 2, 4);
	refused("another algorithm", "is of ECDSA P-384 with SHA-384", "algorithm 2");
	begin();
	made_put(&made, AT_POLICY, 0x10000, 8);
	refused("a policy without bit 17", "policy is one of SEV-SNP", "0x10000");
	begin();
	made_put(&made, AT_KEY_INFO, 7 << 2, 4);
	refused("a report with no key", "key is a VCEK or a VLEK", "none");
	begin();
	made_put(&made, AT_KEY_INFO, 2 << 2, 4);
	refused("a report with a key that we do not know", "key is a VCEK or a VLEK", "unknown");
	begin();
	made_put(&made, AT_KEY_INFO, 1 << 5, 4);
	refused("a bit of the key's information that we do not know", "nothing where nothing may be", "0x20");
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
	{
		begin();
		made_put(&made, empty[i], 0x80, 1);
		refused("a byte that is reserved, signed", "nothing where nothing may be", "is 0x80");
	}
}

/* What is behind the signed part: changed after it was signed. */
static void
test_padding(void)
{
	static const uint16_t empty[] = {0x2d0, 0x2e7, 0x318, 0x32f, 0x330, 0x49f};

	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
	{
		begin();
		made_issue(&made);
		made.report[empty[i]] = 1;
		tap_ok(!made_verify(&made) && refused_for(&made.verdict, "nothing where nothing may be", "is 0x01"),
			   "a signature with something at 0x%x", empty[i]);
		made_free(&made);
	}
	begin();
	made_issue(&made);
	memset(made.report + AT_SIGNATURE, 0xff, 48);
	tap_ok(!made_verify(&made) && refused_for(&made.verdict, "signed by the VCEK", ""),
		   "an r that is no number of the curve's order");
	made_free(&made);
}

static void
test_signer(void)
{
	begin();
	made.other_signer = true;
	refused("another key's signature", "report is signed by the VCEK", "");
	begin_vlek();
	made.other_signer = true;
	refused("another key's signature for a VLEK's", "report is signed by the VLEK", "");
	begin();
	made.key_form.curve = "P-256";
	refused("a key of P-256", "key is one of P-384", "");

	begin();
	made_put(&made, AT_KEY_INFO, 4, 4);
	refused("a VCEK that a report takes for a VLEK", "for a provider", "");
	begin_vlek();
	made_put(&made, AT_KEY_INFO, 0, 4);
	refused("a VLEK that a report takes for a VCEK", "for this chip", "");
	begin_vlek();
	pki_extension(&made.key_form, AMD_EXTENSION "5")->oid = NULL;
	refused("a VLEK of nobody", "for a provider", "");
	begin_vlek();
	pki_extend(&made.key_form, AMD_EXTENSION "4", bytes_of(made.report, 64));
	refused("a VLEK of a chip", "for a provider", MADE_CSP_ID);
	begin();
	pki_extend(&made.key_form, AMD_EXTENSION "5", bytes_of("\x16\x01x", 3));
	refused("a VCEK of a provider", "for this chip", "");
}

static void
test_chip(void)
{
	begin();
	pki_extension(&made.key_form, AMD_EXTENSION "4")->value[63] ^= 1;
	refused("another chip", "for this chip", "");
	begin();
	memset(made.report + AT_CHIP_ID, 0, 64);
	refused("a chip that is masked", "for this chip", "");
	begin();
	pki_extension(&made.key_form, AMD_EXTENSION "4")->oid = NULL;
	refused("no chip", "for this chip", "");
	begin();
	pki_extension(&made.key_form, AMD_EXTENSION "4")->oid = NULL;
	memset(made.report + AT_CHIP_ID, 0, 64);
	refused("no chip, and one that is masked", "for this chip", "");
}

static void
test_tcb(void)
{
	begin();
	made_put(&made, AT_REPORTED_TCB, TCB_OLDER, 8);
	refused("a key of newer firmware than is reported", "key is for the reported TCB", "microcode 222; reported 0, 4, 0, 27, 221");
	begin();
	made_put(&made, AT_CURRENT_TCB, TCB_NEWER, 8);
	made_put(&made, AT_REPORTED_TCB, TCB_NEWER, 8);
	refused("a key of older firmware than is reported", "key is for the reported TCB", "reported 0, 4, 0, 28, 222");
	begin();
	made_put(&made, AT_CURRENT_TCB, TCB_OLDER, 8);
	made_put(&made, AT_COMMITTED_TCB, TCB_OLDER, 8);
	refused("older firmware than is reported", "reported TCB is not above", "");
	begin();
	made_put(&made, AT_COMMITTED_TCB, TCB_NEWER, 8);
	refused("older firmware than is committed", "committed TCB is not above", "");
	begin();
	made_put(&made, AT_CURRENT_TCB, TCB_NEWER, 8);
	genuine("newer firmware than is reported");
	begin();
	made_put(&made, AT_CURRENT_TCB, TCB_UNUSED, 8);
	refused("a part of the TCB that the processor does not have", "TCBs have the parts of its processor", "Milan");
}

/* Each part by itself: none makes up for another. */
static void
test_tcb_parts(void)
{
	const SnpTcb minimum = {.fmc = 1, .bootloader = 1, .tee = 1, .snp = 1, .microcode = 1};
	bool		ok = snp_tcb_reaches(&minimum, &minimum);

	for (size_t part = 0; part < sizeof(SnpTcb); part++)
	{
		uint8_t		parts[sizeof(SnpTcb)];
		SnpTcb		tcb;

		memset(parts, 255, sizeof(parts));
		memcpy(&tcb, parts, sizeof(tcb));
		TAP_EACH(ok, snp_tcb_reaches(&tcb, &minimum) && !snp_tcb_reaches(&minimum, &tcb), "part %zu", part);
		parts[part] = 0;
		memcpy(&tcb, parts, sizeof(tcb));
		TAP_EACH(ok, !snp_tcb_reaches(&tcb, &minimum), "part %zu", part);
	}
	tap_ok(ok, "a TCB with one part below the minimum is below it");
}

static void
set_text(const char *arc, const char *der, size_t len)
{
	PkiExtension *extension = pki_extension(&made.key_form, arc);

	memcpy(extension->value, der, len);
	extension->len = len;
}

static void
test_product(void)
{
	begin();
	made_put(&made, AT_CPUID, 0x1119, 3);
	refused("a processor of Genoa with a key of Milan", "for the report's processor", "Milan-B0, processor of family 0x19, model 0x11");
	begin();
	made_put(&made, AT_CPUID, 0x0117, 3);
	refused("a processor before SEV-SNP", "for the report's processor", "family 0x17");
	begin();
	set_text(AMD_EXTENSION "2", "\x16\x06Naples", 8);
	refused("a key of another product", "says what AMD's say", "a product that we do not know");
	begin();
	set_text(AMD_EXTENSION "2", "\x16\x05Genoa", 7);
	made_put(&made, AT_CPUID, 0xa019, 3);
	genuine("Genoa, with the model of Siena");

	/* Turin: FMC, bootloader, TEE, SNP, three unused, microcode; and 8 bytes of chip */
	begin();
	set_text(AMD_EXTENSION "2", "\x16\x05Turin", 7);
	set_text(AMD_EXTENSION "4", (const char *) made.report + AT_CHIP_ID, 8);
	memset(made.report + AT_CHIP_ID + 8, 0, 56);
	pki_extend(&made.key_form, AMD_EXTENSION "3.9", pki_number(3));
	made_put(&made, AT_CPUID, 0x021a, 3);
	for (int i = 0; i < 3; i++)
		made_put(&made, i == 0 ? AT_REPORTED_TCB : i == 1 ? AT_CURRENT_TCB : AT_COMMITTED_TCB,
				 UINT64_C(0xde0000001b000403), 8);
	genuine("Turin, with its order of the TCB");
	tap_ok(made.claims.reported_tcb.fmc == 3 && made.claims.reported_tcb.bootloader == 4 &&
		   made.claims.reported_tcb.snp == 27 && made.claims.reported_tcb.microcode == 222,
		   "and its FMC is told");
	pki_extension(&made.key_form, AMD_EXTENSION "3.9")->oid = NULL;
	made.evidence.n_certificates = 0;
	refused("Turin without an FMC", "says what AMD's say", "the FMC of its TCB");
	pki_extend(&made.key_form, AMD_EXTENSION "3.9", pki_number(3));
	made.report[AT_CHIP_ID + 8] = 1;
	made.evidence.n_certificates = 0;
	refused("Turin with a longer chip than the key's", "for this chip", "");
}

void
test_snp_made(void)
{
	test_claims();
	test_form();
	test_padding();
	test_signer();
	test_chip();
	test_tcb();
	test_tcb_parts();
	test_product();
}
