/*-------------------------------------------------------------------------
 *
 * test_azure_made.c
 *	  Evidence of Azure's VMs that no recorded one is like: how report data are
 *	  bound, and each thing that may be wrong, alone.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>

#include "made_azure.h"
#include "made_token.h"

#define DA_4	"DADADADA"
#define DA_32	DA_4 DA_4 DA_4 DA_4 DA_4 DA_4 DA_4 DA_4
#define USER_DATA	"\"user-data\":\"" DA_32 DA_32 "\""

/* The one of the running test, as it is large. */
static MadeAzure made;

static void
begin(void)
{
	made_azure_begin(&made);
}

static void
claims(const char *old, const char *new)
{
	made_replace(made.claims, sizeof(made.claims), old, new);
}

/* The quote's, without a hash. */
static void
extra(size_t len)
{
	memset(made.extra, 0xda, sizeof(made.extra));
	made.extra_len = len;
}

static void
genuine(const char *name, size_t report_data_len)
{
	uint8_t		expected[REPORT_DATA_LEN] = {0};

	memset(expected, 0xda, report_data_len);
	made_azure_issue(&made);
	tap_ok(holds(made_azure_verify(&made), &made.verdict) && made.hardware.foreign_root &&
		   memcmp(made.hardware.report_data, expected, REPORT_DATA_LEN) == 0, "%s", name);
	made_azure_free(&made);
}

/* What is refused claims nothing. */
static void
refused(const char *name, const char *what, const char *detail)
{
	made_azure_issue(&made);
	tap_ok(!made_azure_verify(&made) && refused_for(&made.verdict, what, detail) &&
		   claims_nothing(&made.hardware), "%s", name);
	made_azure_free(&made);
}

static void
test_claims(void)
{
	begin();
	genuine("user-data, and its hash in the quote", REPORT_DATA_LEN);
	tap_ok(made.hardware.pcr_mask == 0x800091 &&
		   is_filled(made.hardware.pcrs[0], 0x10, PCR_LEN) && is_filled(made.hardware.pcrs[4], 0x11, PCR_LEN) &&
		   is_filled(made.hardware.pcrs[7], 0x12, PCR_LEN) && is_filled(made.hardware.pcrs[23], 0x13, PCR_LEN) &&
		   is_filled(made.hardware.pcrs[1], 0, PCR_LEN) &&
		   is_filled(made.hardware.measurement, 0x3e, MEASUREMENT_LEN) && !made.hardware.debug,
		   "with the PCRs that were quoted, and what the SNP report says");
	begin();
	made_put(&made.snp, AT_POLICY, 0xb0000, 8);
	genuine("a guest for debugging", REPORT_DATA_LEN);
	tap_ok(made.hardware.debug, "is told");
	begin();
	claims(DA_4 "\"", "dadadada\"");
	genuine("user-data with small letters", REPORT_DATA_LEN);
	begin();
	made.hcl_version = 2;
	made.hcl_zeros = 0;
	genuine("a header of version 2, and nothing behind", REPORT_DATA_LEN);
}

static void
test_binding(void)
{
	static const char same[] = "made for the same data";
	static const char form[] = "64 bytes of user-data, or none";
	static const char zeros[] = "\"user-data\":\"0000000000000000000000000000000000000000000000000000000000000000"
		"0000000000000000000000000000000000000000000000000000000000000000\"";

	begin();
	made.extra[31] ^= 1;
	refused("user-data, and another's hash", same, "");
	begin();
	made.extra_len = 31;
	refused("and not all of its hash", same, "");
	begin();
	extra(0);
	refused("and nothing", same, "");
	begin();
	extra(32);
	refused("and a part of it", same, "");
	begin();
	extra(REPORT_DATA_LEN);
	refused("and all of it, which few TPMs take", same, "");
	begin();
	claims(DA_32 "\"", "0000000000000000000000000000000000000000000000000000000000000000\"");
	extra(32);
	genuine("user-data that ends in zeros, and what precedes them", 32);
	begin();
	claims(DA_32 "\"", "0000000000000000000000000000000000000000000000000000000000000000\"");
	extra(31);
	refused("and less than that", same, "");

	begin();
	claims(USER_DATA, zeros);
	extra(50);
	genuine("no user-data: what the quote binds, and zeros", 50);
	begin();
	claims("," USER_DATA, "");
	extra(8);
	genuine("the same without the member", 8);
	begin();
	claims(USER_DATA, zeros);
	extra(51);
	refused("more than the quote alone may bind", same, "the quote's alone");
	begin();
	claims(USER_DATA, zeros);
	extra(REPORT_DATA_LEN);
	refused("all of report data", same, "");
	begin();
	claims(USER_DATA, zeros);
	extra(0);
	refused("nothing at all", same, "");

	begin();
	claims("DA\"", "\"");
	refused("user-data of 63 bytes", form, "");
	begin();
	claims("DA\"", "DADA\"");
	refused("of 65", form, "");
	begin();
	claims("DA\"", "DG\"");
	refused("of other characters", form, "");
	begin();
	claims("\"vm-conf", USER_DATA ",\"vm-conf");
	refused("user-data twice", form, "");
}

static void
test_report(void)
{
	static const char form[] = "paravisor's report is well-formed";

	begin();
	made_put(&made.snp, AT_VMPL, 1, 4);
	refused("an SNP report that the guest has asked for", "of the paravisor, not of its guest", "VMPL 1");
	begin();
	made.unbound = true;
	refused("claims of another report", "SNP report binds the runtime claims", "");
	begin();
	made.more_bound = 1;
	refused("report data with more than claims", "SNP report binds the runtime claims", "");
	begin();
	made.snp.other_signer = true;
	refused("an SNP report that another key signed", "report", "");

	begin();
	made.hcl_magic ^= 1;
	refused("another magic", form, "not that of a paravisor's report");
	begin();
	made.hcl_version = 0;
	refused("version 0", form, "not that of a paravisor's report");
	begin();
	made.hcl_version = 3;
	refused("version 3", form, "not that of a paravisor's report");
	begin();
	made.hcl_excess = 1;
	refused("a longer length than there is", form, "length is another");
	begin();
	made.hcl_excess = UINT32_MAX;
	refused("a shorter one", form, "length is another");
	begin();
	made.part_excess = 1;
	refused("another length of the second part", form, "runtime claims are cut short");
	begin();
	made.claims_excess = INT32_MAX;
	made.part_excess = INT32_MAX;
	refused("claims of 2 GB", form, "runtime claims are cut short");
	begin();
	made.report_type = 4;
	refused("a report of TDX", form, "of no SNP report");
	begin();
	made.hash_type = 2;
	refused("another hash", form, "bound by another hash");
	begin();
	made.hcl_last = 1;
	refused("a byte behind the claims", form, "something follows");
}

static void
test_key(void)
{
	static const char held[] = "runtime claims hold the vTPM's attestation key";

	begin();
	claims("HCLAkPub", "HCLEkPub");
	refused("no attestation key", held, "no key has this kid");
	begin();
	claims("\"keys\":[", "\"keys\":[{\"kid\":\"HCLAkPub\"},");
	refused("two of them", held, "two keys");
	begin();
	claims("\"RSA\"", "\"oct\"");
	refused("a symmetric one", held, "not one of RSA");
	begin();
	claims("\"e\":\"AQAB\"", "\"e\":\"AQ\"");
	refused("an exponent of 1", held, "not one of RSA");
	begin();
	claims("\"kty\":\"RSA\"", "\"kty\":\"EC\",\"crv\":\"P-256\","
		   "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
		   "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"");
	refused("one of P-256", "signed by the vTPM's attestation key", "");
	begin();
	made.other_ak = true;
	refused("a quote that another key signed", "signed by the vTPM's attestation key", "");
	begin();
	made.pss = true;
	refused("or in another scheme", "signed by the vTPM's attestation key", "");
}

static void
test_quote(void)
{
	static const char form[] = "quote is well-formed";

	begin();
	made.tpm_magic = 0;
	refused("what the TPM did not make", form, "not marked as made by the TPM");
	begin();
	made.tpm_type = 0x8017;
	refused("what is no quote", form, "not a quote");
	begin();
	made.bank = 0x0004;
	refused("PCRs of SHA-1", form, "SHA-256 bank alone");
	begin();
	made.banks = 2;
	refused("two banks", form, "SHA-256 bank alone");
	begin();
	made.banks = 0;
	refused("none", form, "SHA-256 bank alone");
	begin();
	made.selection_len = 4;
	refused("more PCRs than there are", form, "SHA-256 bank alone");
	begin();
	memset(made.selection, 0, 3);
	refused("no PCR", form, "SHA-256 bank alone");
	begin();
	made.digest_len = 20;
	refused("a shorter digest", form, "does not end with a digest");
	begin();
	made.tpm_trailing = 1;
	refused("a byte behind it", form, "does not end with a digest");
	begin();
	made.pcrs_len = 3 * PCR_LEN;
	refused("a value too few", "a value for each PCR", "3 values");
	begin();
	made.pcrs_len = 5 * PCR_LEN;
	refused("one too many", "a value for each PCR", "5 values");
	begin();
	made_azure_issue(&made);
	made.pcrs[0] ^= 1;
	tap_ok(!made_azure_verify(&made) && refused_for(&made.verdict, "these values of PCRs", ""), "another value");
	made_azure_free(&made);
}

void
test_azure_made(void)
{
	made_azure_start();
	test_claims();
	test_binding();
	test_report();
	test_key();
	test_quote();
	made_azure_end();
}
