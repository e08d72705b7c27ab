/*-------------------------------------------------------------------------
 *
 * fuzz_evidence_certificate.c
 *	  Any bytes as a certificate in DER or PEM, as a verifier's root, as a CRL.
 *
 * What is read is what there was, and leads to no root but by a signature.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

#include "../unit/evidence/made_snp.h"
#include "evidence/snp_certificate.h"
#include "fuzz.h"

/* A chain that holds, until something of it is fuzzed. */
static MadeSnp made;

static void
fuzz_der(Bytes in)
{
	X509	   *certificate = certificate_read(in);
	X509	   *authority = amd_intermediate("Milan", in.len % 2 == 0);
	X509	   *root = amd_root("Milan");
	EvidenceTrust trust = {.at_s = SAMPLES_AT};
	Verdict		verdict = {.n = 0};
	SnpCertificate content;
	unsigned char *der = NULL;
	bool		ok;

	if (certificate != NULL)
	{
		int			len = i2d_X509(certificate, &der);

		check(len > 0 && bytes_equal(bytes_of(der, len), in));
		if (snp_certificate_read(certificate, &content) == NULL)
			check(content.product != NULL && (content.hwid.len == 0 || content.hwid.len == content.product->hwid_len));
		ok = certificate_verify_chain(certificate, &authority, 1, root, &trust, &verdict, "it leads to AMD's root");
		check(verdict.n == 1 && ok == (verdict_failure(&verdict) == NULL) &&
			  (!ok || X509_verify(certificate, X509_get0_pubkey(authority)) == 1));
	}
	OPENSSL_free(der);
	X509_free(certificate);
	X509_free(authority);
	X509_free(root);
}

static void
fuzz_pem(Bytes in)
{
	X509_free(certificate_read_pem(in));
}

/* None is signed by the root, whose key is of this run. */
static void
fuzz_crl(Bytes in)
{
	made.trust.crls[0] = in;
	made.trust.n_crls = 1;
	check(!made_verify(&made));
	made.trust.n_crls = 0;
}

static void
fuzz_root(Bytes in)
{
	Bytes		right = made.trust.roots[0];

	made.trust.roots[0] = in;
	check(!made_verify(&made));
	made.trust.roots[0] = right;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void) argc;
	(void) argv;
	made_begin(&made, false);
	made_issue(&made);
	check(made_verify(&made));
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const kinds[]) (Bytes) = {fuzz_der, fuzz_pem, fuzz_crl, fuzz_root};

	if (size > 0)
		kinds[data[0] % 4] (bytes_of(data + 1, size - 1));
	return 0;
}
