/*-------------------------------------------------------------------------
 *
 * azure_evidence.c
 *	  Confidential VMs of Azure: whether a paravisor's report and its vTPM's
 *	  quote are genuine and belong together.
 *
 *	  AMD's root -> VCEK -> SNP report
 *	  the SNP report binds the runtime claims: the vTPM's attestation key (AK),
 *		  and what the guest had bound (user-data)
 *	  the AK signs the quote: PCRs, and what the guest had bound
 *	  azure_hcl.h says what these bind, and how
 *
 * That the AK is one of a vTPM, and the PCRs what was booted, is the word of the
 * software at VMPL 0.  Anybody with a processor of AMD may run his own there
 * and have it say the same: PCRs mean something only beside a measurement or a
 * digest of the ID key that is known to be of Azure's paravisor.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/azure_hcl.h"

#include <openssl/evp.h>

#include "base/json.h"
#include "evidence/form.h"
#include "evidence/jwk.h"
#include "evidence/public_key.h"
#include "evidence/snp_evidence.h"
#include "evidence/tpm_quote.h"

#define SHA256_LEN		32
#define EXTRA_DATA_MAX	50		/* shorter than report data, and what a TPM
								 * without SHA-512 takes */

static bool verify(const Evidence *evidence, const EvidenceTrust *trust,
				   HardwareClaims *claims, Verdict *verdict);
static bool verify_report(const AzureHcl *hcl, const Evidence *evidence, const EvidenceTrust *trust,
						  HardwareClaims *claims, Verdict *verdict);
static bool read_user_data(Bytes runtime_claims, uint8_t user_data[REPORT_DATA_LEN]);
static bool verify_quote(const Evidence *evidence, Bytes runtime_claims,
						 TpmQuote *quote, Verdict *verdict);
static bool verify_pcrs(Bytes values, const TpmQuote *quote, HardwareClaims *claims, Verdict *verdict);
static bool verify_binding(const uint8_t user_data[REPORT_DATA_LEN], Bytes extra_data,
						   HardwareClaims *claims, Verdict *verdict);

const EvidenceType evidence_azure_snp_vtpm = {
	.name = "azure-snp-vtpm",
	.verify = verify,
};

static bool
sha256(Bytes data, uint8_t out[SHA256_LEN])
{
	return EVP_Digest(data.data, data.len, out, NULL, EVP_sha256(), NULL) == 1;
}

static bool
verify(const Evidence *evidence, const EvidenceTrust *trust,
	   HardwareClaims *claims, Verdict *verdict)
{
	AzureHcl	hcl;
	TpmQuote	quote;
	uint8_t		user_data[REPORT_DATA_LEN];
	const char *wrong = azure_hcl_read(evidence->report, &hcl);

	return verdict_check(verdict, wrong == NULL, "paravisor's report is well-formed", "%s",
						 wrong == NULL ? "" : wrong) &&
		verify_report(&hcl, evidence, trust, claims, verdict) &&
		verdict_check(verdict, read_user_data(hcl.runtime_claims, user_data),
					  "runtime claims have 64 bytes of user-data, or none", NULL) &&
		verify_quote(evidence, hcl.runtime_claims, &quote, verdict) &&
		verify_pcrs(evidence->tpm_pcrs, &quote, claims, verdict) &&
		verify_binding(user_data, quote.extra_data, claims, verdict);
}

/* A guest behind a paravisor is at a higher VMPL, and cannot have one of 0. */
static bool
verify_report(const AzureHcl *hcl, const Evidence *evidence, const EvidenceTrust *trust,
			  HardwareClaims *claims, Verdict *verdict)
{
	uint8_t		bound[REPORT_DATA_LEN] = {0};	/* SHA-256, then zeros */

	return snp_verify_report(hcl->snp_report, evidence, trust, claims, verdict) &&
		verdict_check(verdict, claims->vmpl == 0, "SNP report is of the paravisor, not of its guest",
					  "VMPL %u", claims->vmpl) &&
		verdict_check(verdict,
					  sha256(hcl->runtime_claims, bound) &&
					  memcmp(claims->report_data, bound, sizeof(bound)) == 0,
					  "SNP report binds the runtime claims", NULL);
}

/* Zeros when there is none. */
static bool
read_user_data(Bytes runtime_claims, uint8_t user_data[REPORT_DATA_LEN])
{
	char		hex[2 * REPORT_DATA_LEN + 1];
	JsonWanted	wanted = {.path = "user-data",.out = hex,.size = sizeof(hex)};

	memset(user_data, 0, REPORT_DATA_LEN);
	return json_find(runtime_claims, &wanted, 1) &&
		(!wanted.found || form_parse_hex(hex, user_data, REPORT_DATA_LEN));
}

static bool
verify_quote(const Evidence *evidence, Bytes runtime_claims, TpmQuote *quote, Verdict *verdict)
{
	Jwk			ak;
	const char *wrong = jwk_find(runtime_claims, AZURE_AK_KID, &ak);
	bool		ok;

	if (!verdict_check(verdict, wrong == NULL, "runtime claims hold the vTPM's attestation key", "%s",
					   wrong == NULL ? "" : wrong))
		return false;
	ok = verdict_check(verdict,
					   public_key_rsa_verify(ak.key, RSA_SCHEME_PKCS1, evidence->tpm_quote,
											 evidence->tpm_signature),
					   "quote is signed by the vTPM's attestation key", NULL);
	EVP_PKEY_free(ak.key);
	if (!ok)
		return false;
	wrong = tpm_quote_read(evidence->tpm_quote, quote);
	return verdict_check(verdict, wrong == NULL, "quote is well-formed", "%s",
						 wrong == NULL ? "" : wrong);
}

/* The values are those of the mask's PCRs, lowest first. */
static bool
verify_pcrs(Bytes values, const TpmQuote *quote, HardwareClaims *claims, Verdict *verdict)
{
	ByteReader	r = reader_of(values);
	uint8_t		digest[SHA256_LEN];
	bool		ok = true;

	for (int i = 0; i < PCR_COUNT; i++)
	{
		if (quote->pcr_mask & UINT32_C(1) << i)
			ok = ok && reader_copy(&r, claims->pcrs[i], PCR_LEN);
	}
	claims->pcr_mask = quote->pcr_mask;
	return verdict_check(verdict, ok && reader_left(&r) == 0, "there is a value for each PCR quoted",
						 "%zu values, mask 0x%06x", values.len / PCR_LEN, quote->pcr_mask) &&
		verdict_check(verdict,
					  sha256(values, digest) &&
					  bytes_equal(quote->pcr_digest, bytes_of(digest, sizeof(digest))),
					  "quote is of these values of PCRs", NULL);
}

/* What precedes zeros up to the length of report data; false: it is too long. */
static bool
pad(Bytes extra_data, uint8_t report_data[REPORT_DATA_LEN])
{
	memset(report_data, 0, REPORT_DATA_LEN);
	if (extra_data.len == 0 || extra_data.len > EXTRA_DATA_MAX)
		return false;
	memcpy(report_data, extra_data.data, extra_data.len);
	return true;
}

static bool
verify_binding(const uint8_t user_data[REPORT_DATA_LEN], Bytes extra_data,
			   HardwareClaims *claims, Verdict *verdict)
{
	static const char what[] = "SNP report and quote were made for the same data";
	uint8_t		padded[REPORT_DATA_LEN];
	uint8_t		digest[SHA256_LEN];
	bool		fits = pad(extra_data, padded);

	if (bytes_are_zero(bytes_of(user_data, REPORT_DATA_LEN)))
	{
		memcpy(claims->report_data, padded, REPORT_DATA_LEN);
		return verdict_check(verdict, fits, what, "the quote's alone; the SNP report is of any time");
	}
	memcpy(claims->report_data, user_data, REPORT_DATA_LEN);
	return verdict_check(verdict,
						 (fits && memcmp(padded, user_data, REPORT_DATA_LEN) == 0) ||
						 (sha256(bytes_of(user_data, REPORT_DATA_LEN), digest) &&
						  bytes_equal(extra_data, bytes_of(digest, sizeof(digest)))),
						 what, NULL);
}
