/*-------------------------------------------------------------------------
 *
 * snp_evidence.c
 *	  AMD SEV-SNP: whether a report is genuine.
 *
 *	  AMD's root (ARK) -> ASK -> VCEK: a key of this chip with this firmware
 *	                   -> ASVK -> VLEK: a key of a provider with this firmware
 *	  the VCEK or VLEK signs the report
 *	  the report names the chip and the firmware that the certificate is for
 *
 * Which root it is follows from the product in the certificate; a report that
 * tells its processor must be of that product.
 *
 * A report has no time, and its signature is not unique, as (r, n - s) holds as
 * well: only what is in report_data makes it fresh.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/snp_evidence.h"

#include "evidence/certificate.h"
#include "evidence/snp_certificate.h"

#define VERSION_CPUID	3
#define CURVE			"secp384r1"

/* From the key that signed the report to a root that is trusted. */
typedef struct Endorsement
{
	X509	   *key;
	X509	   *intermediate;
	X509	   *root;
	SnpCertificate content;		/* of the key's certificate */
	SnpTcb		reported_tcb;
} Endorsement;

static bool verify(const Evidence *evidence, const EvidenceTrust *trust,
				   HardwareClaims *claims, Verdict *verdict);
static bool verify_key(const SnpReport *report, const Evidence *evidence,
					   const EvidenceTrust *trust, Endorsement *by, Verdict *verdict);
static bool read_key(const SnpReport *report, const Evidence *evidence,
					 Endorsement *by, Verdict *verdict);
static void find_own_authorities(const Evidence *evidence, const EvidenceTrust *trust, Endorsement *by);
static bool verify_signature(const SnpReport *report, const Endorsement *by, Verdict *verdict);
static bool verify_tcb(const SnpReport *report, Endorsement *by, Verdict *verdict);
static bool verify_owner(const SnpReport *report, const Endorsement *by, Verdict *verdict);
static void take_claims(const SnpReport *report, const Endorsement *by, HardwareClaims *claims);

const EvidenceType evidence_sev_snp = {
	.name = "sev-snp",
	.verify = verify,
};

bool
snp_verify_report(Bytes report, const Evidence *evidence, const EvidenceTrust *trust,
				  HardwareClaims *claims, Verdict *verdict)
{
	SnpReport	read;
	Endorsement by = {.key = NULL};
	bool		ok;

	ok = snp_report_read(report, &read, verdict) &&
		verify_key(&read, evidence, trust, &by, verdict) &&
		verify_signature(&read, &by, verdict) &&
		verify_tcb(&read, &by, verdict) &&
		verify_owner(&read, &by, verdict);
	if (ok)
	{
		take_claims(&read, &by, claims);
		claims->foreign_root = trust->n_roots > 0;
	}
	X509_free(by.key);
	X509_free(by.intermediate);
	X509_free(by.root);
	return ok;
}

static bool
verify(const Evidence *evidence, const EvidenceTrust *trust,
	   HardwareClaims *claims, Verdict *verdict)
{
	return snp_verify_report(evidence->report, evidence, trust, claims, verdict);
}

static bool
verify_key(const SnpReport *report, const Evidence *evidence,
		   const EvidenceTrust *trust, Endorsement *by, Verdict *verdict)
{
	static const char leads_to_amd[] = "certificate of the key leads to AMD's root";
	static const char leads_to_own[] = "certificate of the key leads to the verifier's own root";
	const char *what = trust->n_roots > 0 ? leads_to_own : leads_to_amd;

	if (!read_key(report, evidence, by, verdict))
		return false;
	if (trust->n_roots > 0)
		find_own_authorities(evidence, trust, by);
	else
	{
		by->intermediate = amd_intermediate(by->content.product->name, report->signer == SNP_SIGNER_VLEK);
		by->root = amd_root(by->content.product->name);
	}
	if (by->intermediate == NULL || by->root == NULL)
		return verdict_check(verdict, false, what, "there is no certificate of %s",
							 by->intermediate == NULL ? "its issuer" : "its issuer's issuer");
	return certificate_verify_chain(by->key, &by->intermediate, 1, by->root, trust, verdict, what);
}

/* Its certificate, and for which processor it is. */
static bool
read_key(const SnpReport *report, const Evidence *evidence, Endorsement *by, Verdict *verdict)
{
	const SnpProduct *product = snp_product_by_cpuid(report->family, report->model);
	const char *wrong;

	if (!verdict_check(verdict, evidence->n_certificates > 0,
					   "evidence has the certificate of the report's key", NULL))
		return false;
	by->key = certificate_read(evidence->certificates[0]);
	if (!verdict_check(verdict, by->key != NULL, "certificate of the key is one in DER", NULL))
		return false;
	wrong = snp_certificate_read(by->key, &by->content);
	return verdict_check(verdict, wrong == NULL, "certificate of the key says what AMD's say", "%s",
						 wrong == NULL ? "" : wrong) &&
		verdict_check(verdict, report->version < VERSION_CPUID || product == by->content.product,
					  "certificate of the key is for the report's processor",
					  "%.*s, processor of family 0x%02x, model 0x%02x",
					  (int) by->content.product_name.len, (const char *) by->content.product_name.data,
					  report->family, report->model);
}

/* Beside a root of his own, a verifier needs what the evidence has between. */
static void
find_own_authorities(const Evidence *evidence, const EvidenceTrust *trust, Endorsement *by)
{
	for (int i = 1; i < evidence->n_certificates && by->intermediate == NULL; i++)
	{
		X509	   *certificate = certificate_read(evidence->certificates[i]);

		if (certificate != NULL && certificate_names_issuer(by->key, certificate))
			by->intermediate = certificate;
		else
			X509_free(certificate);
	}
	if (by->intermediate != NULL)
		by->root = certificate_own_root(trust, by->intermediate);
}

static bool
verify_signature(const SnpReport *report, const Endorsement *by, Verdict *verdict)
{
	EVP_PKEY   *key = X509_get0_pubkey(by->key);
	char		curve[16];
	size_t		len;

	return verdict_check(verdict, key != NULL &&
						 EVP_PKEY_get_group_name(key, curve, sizeof(curve), &len) == 1 &&
						 strcmp(curve, CURVE) == 0, "key is one of P-384", NULL) &&
		verdict_check(verdict, certificate_ecdsa_verify(key, "SHA384", report->signed_part,
														report->signature, true),
					  report->signer == SNP_SIGNER_VLEK ? "report is signed by the VLEK" :
					  "report is signed by the VCEK", NULL);
}

/*
 * A host may report older firmware than it runs, never newer; and the key is
 * derived from what is reported.  What a policy wants at least is compared with
 * that.
 */
static bool
verify_tcb(const SnpReport *report, Endorsement *by, Verdict *verdict)
{
	const SnpProduct *product = by->content.product;
	const SnpTcb *certified = &by->content.tcb;
	SnpTcb	   *reported = &by->reported_tcb;
	SnpTcb		current;
	SnpTcb		committed;

	return verdict_check(verdict, snp_tcb_read(product, report->reported_tcb, reported) &&
						 snp_tcb_read(product, report->current_tcb, &current) &&
						 snp_tcb_read(product, report->committed_tcb, &committed),
						 "report's TCBs have the parts of its processor", "%s", product->name) &&
		verdict_check(verdict, memcmp(certified, reported, sizeof(*reported)) == 0,
					  "certificate of the key is for the reported TCB",
					  "certified FMC %u, bootloader %u, TEE %u, SNP %u, microcode %u;"
					  " reported %u, %u, %u, %u, %u",
					  certified->fmc, certified->bootloader, certified->tee,
					  certified->snp, certified->microcode,
					  reported->fmc, reported->bootloader, reported->tee,
					  reported->snp, reported->microcode) &&
		verdict_check(verdict, snp_tcb_reaches(&current, reported),
					  "reported TCB is not above the one that runs", NULL) &&
		verdict_check(verdict, snp_tcb_reaches(&current, &committed),
					  "committed TCB is not above the one that runs", NULL);
}

static bool
verify_owner(const SnpReport *report, const Endorsement *by, Verdict *verdict)
{
	static const uint8_t zeros[SNP_CHIP_ID_LEN];
	const SnpCertificate *content = &by->content;
	Bytes		hwid = content->hwid;

	if (report->signer == SNP_SIGNER_VLEK)
		return verdict_check(verdict, hwid.len == 0 && content->csp_id.len > 0,
							 "certificate of the key is for a provider", "%.*s", (int) content->csp_id.len,
							 content->csp_id.len == 0 ? "" : (const char *) content->csp_id.data);
	return verdict_check(verdict, content->csp_id.len == 0 && hwid.len > 0 &&
						 memcmp(report->chip_id.data, hwid.data, hwid.len) == 0 &&
						 memcmp(report->chip_id.data + hwid.len, zeros, SNP_CHIP_ID_LEN - hwid.len) == 0,
						 "certificate of the key is for this chip", NULL);
}

static void
take_claims(const SnpReport *report, const Endorsement *by, HardwareClaims *claims)
{
	const SnpCertificate *content = &by->content;

	memcpy(claims->report_data, report->report_data.data, REPORT_DATA_LEN);
	claims->debug = (report->policy & SNP_POLICY_DEBUG) != 0;
	claims->migratable = (report->policy & SNP_POLICY_MIGRATE_MA) != 0;
	memcpy(claims->measurement, report->measurement.data, MEASUREMENT_LEN);
	memcpy(claims->product, content->product->name, strlen(content->product->name) + 1);
	claims->vmpl = report->vmpl;
	memcpy(claims->host_data, report->host_data.data, sizeof(claims->host_data));
	memcpy(claims->id_key_digest, report->id_key_digest.data, sizeof(claims->id_key_digest));
	memcpy(claims->author_key_digest, report->author_key_digest.data, sizeof(claims->author_key_digest));
	claims->guest_svn = report->guest_svn;
	claims->reported_tcb = by->reported_tcb;
	claims->alias_checked = (report->platform_info & SNP_PLATFORM_ALIAS_CHECKED) != 0;
	memcpy(claims->chip_id, report->chip_id.data, SNP_CHIP_ID_LEN);

	/* its buffer ends in a NUL: csp_id is shorter, and claims began as zeros */
	if (content->csp_id.len > 0)
		memcpy(claims->csp_id, content->csp_id.data, content->csp_id.len);
}
