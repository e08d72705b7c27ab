/*-------------------------------------------------------------------------
 *
 * tdx_evidence.c
 *	  Intel TDX: whether a quote is genuine.
 *
 *	  Intel's root -> PCK: a key of this processor
 *	  PCK signs the report of the quoting enclave (QE)
 *	  the QE is Intel's, and its report names the attestation key
 *	  the attestation key signs the quote
 *
 * What is NOT evaluated is the status of the TCB: whether the processor's
 * microcode, the TDX module and the QE are the newest, or of those with known
 * holes.  That wants Intel's collateral of the day (TCB info, QE identity),
 * which is had on line.  The verdict says so, with the numbers to look up.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/evidence.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "evidence/certificate.h"
#include "evidence/public_key.h"
#include "evidence/tdx_quote.h"

#define KEY_TYPE_ECDSA_P256	2
#define TEE_TYPE_TDX		0x81

/* Of Intel's quoting enclaves */
static const uint8_t intel_qe_vendor[16] = {
	0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07
};

/* Who signed the QE, and which of his enclaves it is: Intel's "TD_QE" identity. */
static const uint8_t intel_qe_mrsigner[32] = {
	0xdc, 0x9e, 0x2a, 0x7c, 0x6f, 0x94, 0x8f, 0x17, 0x47, 0x4e, 0x34, 0xa7, 0xfc, 0x43, 0xed, 0x03,
	0x0f, 0x7c, 0x15, 0x63, 0xf1, 0xba, 0xbd, 0xdf, 0x63, 0x40, 0xc8, 0x2e, 0x0e, 0x54, 0xa8, 0xc5
};

#define INTEL_TD_QE_ISVPRODID	2

#define SGX_ATTRIBUTE_DEBUG		UINT64_C(2)

static bool verify(const Evidence *evidence, const EvidenceTrust *trust,
				   HardwareClaims *claims, Verdict *verdict);
static EVP_PKEY *verify_chain(const TdxQuote *quote, const EvidenceTrust *trust, Verdict *verdict);
static bool verify_qe(const TdxQuote *quote, EVP_PKEY *pck, Verdict *verdict);
static bool verify_quote(const TdxQuote *quote, Verdict *verdict);
static bool say_tcb(const TdxQuote *quote, Verdict *verdict);
static void take_claims(const TdxBody *body, HardwareClaims *claims);

const EvidenceType evidence_tdx = {
	.name = "tdx",
	.verify = verify,
};

static bool
verify(const Evidence *evidence, const EvidenceTrust *trust,
	   HardwareClaims *claims, Verdict *verdict)
{
	TdxQuote	quote;
	const char *wrong = tdx_quote_read(evidence->report, &quote);
	EVP_PKEY   *pck;
	bool		ok;

	if (wrong != NULL)
		return verdict_check(verdict, false, "the TDX quote is well-formed", "%s", wrong);
	verdict_check(verdict, true, "the TDX quote is well-formed",
				  "version %u; %zu bytes behind it are not looked at",
				  quote.version, quote.behind.len);
	if (!verdict_check(verdict,
					   quote.tee_type == TEE_TYPE_TDX && quote.key_type == KEY_TYPE_ECDSA_P256 &&
					   bytes_equal(quote.qe_vendor, bytes_of(intel_qe_vendor, 16)),
					   "the quote is of TDX, made by Intel's quoting enclave with ECDSA P-256",
					   "TEE type 0x%x, key type %u", quote.tee_type, quote.key_type))
		return false;

	pck = verify_chain(&quote, trust, verdict);
	ok = pck != NULL && verify_qe(&quote, pck, verdict) && verify_quote(&quote, verdict) &&
		say_tcb(&quote, verdict);
	EVP_PKEY_free(pck);
	if (ok)
	{
		take_claims(&quote.body, claims);
		claims->foreign_root = trust->n_roots > 0;
	}
	return ok;
}

/* The root that a quote brings must be one of those that are trusted. */
static X509 *
trusted_root(const X509 *brought, const EvidenceTrust *trust)
{
	int			n = trust->n_roots == 0 ? 1 : trust->n_roots;

	for (int i = 0; i < n; i++)
	{
		X509	   *root = trust->n_roots == 0 ? intel_root() : certificate_read(trust->roots[i]);

		if (root != NULL && X509_cmp(root, brought) == 0)
			return root;
		X509_free(root);
	}
	return NULL;
}

/* The key of the PCK's certificate. */
static EVP_PKEY *
verify_chain(const TdxQuote *quote, const EvidenceTrust *trust, Verdict *verdict)
{
	X509	   *chain[TDX_CERTIFICATES];
	X509	   *root = NULL;
	EVP_PKEY   *key = NULL;
	bool		read = true;

	for (int i = 0; i < TDX_CERTIFICATES; i++)
	{
		chain[i] = certificate_read_pem(quote->certificates[i]);
		read = read && chain[i] != NULL;
	}

	if (verdict_check(verdict, read, "the quote's certificates can be read", NULL))
	{
		root = trusted_root(chain[2], trust);
		if (verdict_check(verdict, root != NULL, "the quote's root is the one that is trusted",
						  "%s", trust->n_roots == 0 ? "Intel SGX Root CA, built in" :
						  "of the verifier's own roots") &&
			certificate_verify_chain(chain[0], &chain[1], 1, root, trust, verdict,
									 "the processor's key (PCK) is certified"))
			key = X509_get_pubkey(chain[0]);
	}
	X509_free(root);
	for (int i = 0; i < TDX_CERTIFICATES; i++)
		X509_free(chain[i]);
	return key;
}

/* SHA-256 of one behind the other. */
static bool
hash_two(Bytes first, Bytes second, uint8_t *out)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool		ok;

	ok = context != NULL &&
		EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
		EVP_DigestUpdate(context, first.data, first.len) == 1 &&
		EVP_DigestUpdate(context, second.data, second.len) == 1 &&
		EVP_DigestFinal_ex(context, out, NULL) == 1;
	EVP_MD_CTX_free(context);
	return ok;
}

/*
 * A processor signs reports of anybody's enclaves; it is the QE's identity that
 * says whose word the attestation key is.
 */
static bool
verify_qe(const TdxQuote *quote, EVP_PKEY *pck, Verdict *verdict)
{
	const TdxQeReport *qe = &quote->qe;
	uint8_t		bound[REPORT_DATA_LEN] = {0};	/* SHA-256, then zeros */

	if (!verdict_check(verdict,
					   certificate_ecdsa_verify(pck, "SHA256", qe->all, quote->qe_signature, false),
					   "the report of the quoting enclave is signed by the PCK", NULL) ||
		!verdict_check(verdict, (qe->attributes & SGX_ATTRIBUTE_DEBUG) == 0,
					   "the quoting enclave cannot be debugged", NULL) ||
		!verdict_check(verdict,
					   bytes_equal(qe->mrsigner, bytes_of(intel_qe_mrsigner, 32)) &&
					   qe->isvprodid == INTEL_TD_QE_ISVPRODID,
					   "the quoting enclave is Intel's for TDs", "ISVPRODID %u", qe->isvprodid))
		return false;

	return verdict_check(verdict,
						 hash_two(quote->attestation_key, quote->qe_auth_data, bound) &&
						 bytes_equal(qe->report_data, bytes_of(bound, sizeof(bound))),
						 "the quoting enclave vouches for the attestation key", NULL);
}

static bool
verify_quote(const TdxQuote *quote, Verdict *verdict)
{
	EVP_PKEY   *key = public_key_p256(quote->attestation_key);
	bool		ok;

	ok = verdict_check(verdict,
					   key != NULL &&
					   certificate_ecdsa_verify(key, "SHA256", quote->signed_part,
												quote->signature, false),
					   "the quote is signed by the attestation key", NULL) &&
		verdict_check(verdict,
					  bytes_are_zero(quote->body.mrsigner_seam) && quote->body.seam_attributes == 0,
					  "the TDX module is Intel's, and cannot be debugged", NULL);
	EVP_PKEY_free(key);
	return ok;
}

static bool
say_tcb(const TdxQuote *quote, Verdict *verdict)
{
	char		svn[2 * TDX_SVN_LEN + 1];

	for (size_t i = 0; i < TDX_SVN_LEN; i++)
		snprintf(svn + 2 * i, 3, "%02x", quote->body.tcb_svn.data[i]);
	return verdict_check(verdict, true, "TCB status not evaluated",
						 "it wants Intel's collateral: TEE_TCB_SVN %s, QE ISVSVN %u",
						 svn, quote->qe.isvsvn);
}

static void
take_claims(const TdxBody *body, HardwareClaims *claims)
{
	claims->debug = (body->td_attributes & TDX_ATTRIBUTES_UNTRUSTED) != 0;
	claims->migratable = (body->td_attributes & TDX_ATTRIBUTE_MIGRATABLE) != 0;
	memcpy(claims->report_data, body->report_data.data, REPORT_DATA_LEN);
	memcpy(claims->measurement, body->mrtd.data, MEASUREMENT_LEN);
	memcpy(claims->mr_config_id, body->mr_config_id.data, MEASUREMENT_LEN);
	claims->has_rtmrs = true;
	for (int i = 0; i < RTMR_COUNT; i++)
		memcpy(claims->rtmrs[i], body->rtmrs[i].data, MEASUREMENT_LEN);
}
