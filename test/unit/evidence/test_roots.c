/*-------------------------------------------------------------------------
 *
 * test_roots.c
 *	  The roots that are built in are the vendors', byte by byte.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>

#include "evidence/certificate.h"
#include "evidence_tap.h"

#define DIGEST_LEN 32

typedef struct Built
{
	const char *product;
	const char *digests[3];		/* ARK, ASK, ASVK; SHA-256 */
} Built;

static const Built built[] = {
	{"Milan", {
		"69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd",
		"67d303bd3905fd38db8b20e0793699870e7fa612eaad5dec358293fd8c0bac1b",
		"c5e081f59b7efab1fe2f8b505e159704e72f29cab7ef7cf628a05a42439082f5"
	}},
	{"Genoa", {
		"4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1",
		"5464738c1546aed5f2cecf1dc98c5c960a92e8913238a61711bc90ec6e828521",
		"197e610743a917d6b9bb982a5a9226ccc0a15b611be0619e626aca9151457372"
	}},
	{"Turin", {
		"1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a",
		"5b77ef5fe7a7a004fd9032668fba9d0fda22f88c4442069a479636a6ae3b3185",
		"104e10a8bd060a3c20a434261a57d0588fd65a88915b4f65b08bdecaf8df1a3c"
	}}
};

static const char intel_digest[] = "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3";

static bool
has_digest(X509 *certificate, const char *digest)
{
	uint8_t		sha256[DIGEST_LEN];
	char		hex[2 * DIGEST_LEN + 1];

	if (certificate == NULL || X509_digest(certificate, EVP_sha256(), sha256, NULL) != 1)
		return false;
	for (int i = 0; i < DIGEST_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
	return strcmp(hex, digest) == 0;
}

static bool
leads_to(X509 *leaf, X509 *root)
{
	EvidenceTrust trust = {.at_s = SAMPLES_AT};
	Verdict		verdict = {0};

	return certificate_verify_chain(leaf, NULL, 0, root, &trust, &verdict, "it is issued by the root");
}

/* An ASK is an authority, thus no leaf; but its signature holds until there. */
static void
test_product(const Built *product, X509 *ark, X509 *ask, X509 *asvk)
{
	tap_ok(has_digest(ark, product->digests[0]), "%s: the root is AMD's", product->product);
	tap_ok(has_digest(ask, product->digests[1]), "%s: so is what signs VCEKs", product->product);
	tap_ok(has_digest(asvk, product->digests[2]), "%s: so is what signs VLEKs", product->product);
	tap_ok(certificate_names_issuer(ask, ark) && certificate_names_issuer(asvk, ark) &&
		   certificate_names_issuer(ark, ark) && !certificate_names_issuer(ark, ask) &&
		   X509_verify(ask, X509_get0_pubkey(ark)) == 1 && X509_verify(asvk, X509_get0_pubkey(ark)) == 1,
		   "%s: the root issued both", product->product);
	tap_ok(!leads_to(ask, ark), "%s: an authority is no key of a processor", product->product);
}

void
test_roots(void)
{
	X509	   *intel = intel_root();

	for (size_t i = 0; i < sizeof(built) / sizeof(built[0]); i++)
	{
		X509	   *ark = amd_root(built[i].product);
		X509	   *ask = amd_intermediate(built[i].product, false);
		X509	   *asvk = amd_intermediate(built[i].product, true);

		test_product(&built[i], ark, ask, asvk);
		X509_free(ark);
		X509_free(ask);
		X509_free(asvk);
	}
	tap_ok(amd_root("Naples") == NULL && amd_intermediate("", false) == NULL, "no roots of other products");
	tap_ok(has_digest(intel, intel_digest), "Intel's root");
	X509_free(intel);
}
