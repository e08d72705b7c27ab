/*-------------------------------------------------------------------------
 *
 * test_chain.c
 *	  Chains that do not hold, CRLs, and certificates that are none.
 *
 *-------------------------------------------------------------------------
 */
#include <openssl/pem.h>

#include "made_snp.h"

#define OWN		"leads to the verifier's own root"
#define DAY_S	86400

/* The one of the running test, as it is large. */
static MadeSnp made;
static uint8_t crl_der[2][PKI_DER_MAX];

static void
begin(void)
{
	made_begin(&made, false);
}

static void
leads_to_root(const char *name)
{
	tap_ok(holds(made_verify(&made), &made.verdict), "%s", name);
}

static void
fails(const char *name, const char *what, const char *detail)
{
	tap_ok(!made_verify(&made) && refused_for(&made.verdict, what, detail), "%s", name);
}

static void
issued_fails(const char *name, const char *detail)
{
	made_issue(&made);
	fails(name, OWN, detail);
	made_free(&made);
}

static void
test_times(void)
{
	begin();
	made.intermediate_form.until_s = MADE_AT;
	issued_fails("an authority that has expired", "SEV-Test: certificate has expired");
	begin();
	made.intermediate_form.from_s = MADE_AT + 1;
	issued_fails("an authority that is not yet valid", "SEV-Test: certificate is not yet valid");
	begin();
	made.root_form.until_s = MADE_AT - 1;
	issued_fails("a root that has expired", "ARK-Test: certificate has expired");
	begin();
	made.key_form.until_s = MADE_AT - 1;
	issued_fails("a key that has expired", "SEV-VCEK: certificate has expired");
	begin();
	made_issue(&made);
	leads_to_root("a chain that holds");
	made.trust.at_s = MADE_AT + DAY_S - 1;
	leads_to_root("until its last second");
	made.trust.at_s = MADE_AT + DAY_S;
	fails("not longer", OWN, "certificate has expired");
	made.trust.at_s = MADE_AT - DAY_S - 1;
	fails("nor before", OWN, "certificate is not yet valid");
	made.trust.at_s = INT64_MAX;
	fails("the end of time", OWN, "");
	made.trust.at_s = INT64_MIN;
	fails("its beginning", OWN, "");
	made_free(&made);
}

static void
test_authorities(void)
{
	begin();
	made.intermediate_form.constraints = "critical,CA:FALSE";
	issued_fails("an authority that is none", "SEV-Test: invalid CA certificate");
	begin();
	made.intermediate_form.constraints = NULL;
	issued_fails("an authority only by its key's usage", "SEV-Test: ");
	begin();
	made.intermediate_form.usage = "critical,digitalSignature";
	issued_fails("an authority whose key may not sign certificates", "SEV-Test: invalid CA certificate");
	begin();
	made.root_form.constraints = NULL;
	issued_fails("a root only by its key's usage", "ARK-Test: is no authority");
	begin();
	made.root_form.constraints = "critical,CA:TRUE,pathlen:0";
	issued_fails("a root that allows none below it", "path length constraint exceeded");
	begin();
	made.key_form.constraints = "critical,CA:TRUE";
	made.key_form.usage = "critical,keyCertSign";
	made.intermediate_form.constraints = "critical,CA:TRUE";
	issued_fails("an authority in the place of the key", "SEV-VCEK: is an authority");
	begin();
	made.key_form.constraints = "critical,CA:FALSE";
	made.key_form.usage = "critical,digitalSignature";
	made_issue(&made);
	leads_to_root("a key that says it is no authority");
	made_free(&made);
	begin();
	pki_extend(&made.key_form, "1.2.3.4", pki_number(1));
	pki_extension(&made.key_form, "1.2.3.4")->critical = true;
	issued_fails("a critical extension that nobody knows", "unhandled critical extension");
	begin();
	made.longer = true;
	made.intermediate_form.constraints = "critical,CA:TRUE";
	issued_fails("a chain that is longer", "there is no certificate of its issuer's issuer");
	begin();
	made.intermediate_form.curve = "P-224";
	made.intermediate_form.digest = "SHA256";
	issued_fails("an authority whose key is weak", "key too weak");
	begin();
	made.key_form.digest = "SHA1";
	issued_fails("a signature with SHA-1", "digest algorithm too weak");
}

/* Two chains with the same names. */
static void
test_others(void)
{
	static MadeSnp other;

	begin();
	made_issue(&made);
	made_begin(&other, false);
	made_issue(&other);

	made.trust.roots[0] = pki_der(&other.root);
	fails("another root of the same name", OWN, "certificate signature failure");
	made.trust.roots[1] = pki_der(&made.root);
	made.trust.n_roots = 2;
	fails("which is the first of them", OWN, "certificate signature failure");
	made.trust.roots[0] = pki_der(&made.root);
	made.evidence.certificates[1] = pki_der(&other.intermediate);
	fails("another authority of the same name", OWN, "certificate signature failure");
	made.trust.roots[0] = pki_der(&made.intermediate);
	made.trust.n_roots = 1;
	made.evidence.certificates[1] = pki_der(&made.intermediate);
	fails("an authority in place of the root", OWN, "there is no certificate of its issuer's issuer");
	made.trust.roots[0] = bytes_of("no certificate", 14);
	fails("a root that is no certificate", OWN, "there is no certificate of its issuer's issuer");
	made.trust.roots[0] = pki_der(&made.root);
	made.evidence.n_certificates = 1;
	fails("no authority with the evidence", OWN, "there is no certificate of its issuer");
	made.evidence.n_certificates = 0;
	fails("no certificate at all", "has the certificate of the report's key", "");
	made.evidence.n_certificates = 3;
	made.evidence.certificates[1] = bytes_of("no certificate", 14);
	made.evidence.certificates[2] = pki_der(&made.intermediate);
	leads_to_root("certificates that are none before the authority");
	made.evidence.certificates[0] = bytes_of("no certificate", 14);
	fails("no certificate of the key", "is one in DER", "");
	made_free(&made);
	made_free(&other);
}

/* The authority has the name of the root, which issues the key by itself. */
static void
test_shorter(void)
{
	begin();
	made.intermediate_form.name = "ARK-Test";
	made_issue(&made);
	pki_free(&made.key);
	pki_issue(&made.key, &made.key_form, &made.root);
	made.evidence.certificates[0] = pki_der(&made.key);
	fails("a chain that is shorter", OWN, "a shorter chain is another chain");
	made_free(&made);
}

static void
give_crl(const PkiCrlForm *form, const PkiCertificate *issuer, const PkiCertificate *signer)
{
	int			n = made.trust.n_crls++;

	made.trust.crls[n] = pki_crl(crl_der[n], form, issuer, signer);
}

static void
crl_fails(const char *name, const PkiCrlForm *form, const PkiCertificate *issuer,
		  const PkiCertificate *signer, const char *detail)
{
	made.trust.n_crls = 0;
	give_crl(form, issuer, signer);
	fails(name, OWN, detail);
}

static void
test_crls(void)
{
	PkiCrlForm	good = {.from_s = MADE_AT, .until_s = MADE_AT + 1};
	PkiCrlForm	form = good;

	begin();
	made.intermediate_form.serial = 77;
	made.intermediate_form.usage = "critical,keyCertSign,cRLSign";
	made.key_form.serial = 78;
	made_issue(&made);
	give_crl(&good, &made.root, &made.root);
	leads_to_root("a CRL of the root in which nothing is revoked");
	give_crl(&good, &made.intermediate, &made.intermediate);
	leads_to_root("and one of what is below it");

	form.revoked = made.key.x509;
	made.trust.n_crls = 1;
	give_crl(&form, &made.intermediate, &made.intermediate);
	fails("a key that was revoked", OWN, "SEV-VCEK: was revoked");
	crl_fails("an authority that was revoked", &(PkiCrlForm) {.from_s = MADE_AT, .until_s = MADE_AT + 1,
															  .revoked = made.intermediate.x509},
			  &made.root, &made.root, "SEV-Test: was revoked");
	made.trust.n_crls = 0;
	give_crl(&form, &made.root, &made.root);
	leads_to_root("a serial number that another issuer's certificate has");

	form = good;
	crl_fails("no CRL of the root", &form, &made.intermediate, &made.intermediate, "ARK-Test: has no CRL among those given");
	crl_fails("a CRL of somebody else alone", &form, &made.key, &made.key, "ARK-Test: has no CRL among those given");
	give_crl(&form, &made.root, &made.root);
	leads_to_root("a CRL of somebody else beside the root's");
	crl_fails("a CRL that another key signed", &form, &made.root, &made.intermediate, "ARK-Test: did not sign its CRL");
	form.from_s = MADE_AT + 1;
	crl_fails("a CRL that is not yet valid", &form, &made.root, &made.root, "ARK-Test: has a CRL that is not yet valid");
	form = good;
	form.until_s = MADE_AT;
	crl_fails("a CRL that is no longer valid", &form, &made.root, &made.root, "ARK-Test: has a CRL that is no longer valid");
	form.until_s = 0;
	crl_fails("a CRL without an end", &form, &made.root, &made.root, "ARK-Test: has a CRL that is no longer valid");
	form = good;
	form.critical = true;
	crl_fails("a CRL of changes only", &form, &made.root, &made.root, "ARK-Test: has a CRL that is not all of it");

	made.trust.n_crls = 0;
	give_crl(&good, &made.root, &made.root);
	made.trust.crls[0].len--;
	fails("a CRL cut short", OWN, "a CRL is not one in DER");
	made.trust.crls[0].len += 2;
	fails("a CRL with a byte behind it", OWN, "a CRL is not one in DER");
	made.trust.crls[0].len = 0;
	fails("an empty CRL", OWN, "a CRL is not one in DER");
	made_free(&made);

	begin();
	made.root_form.usage = "critical,keyCertSign";
	made_issue(&made);
	crl_fails("a CRL of a root that may not sign any", &good, &made.root, &made.root, "ARK-Test: may not sign its CRL");
	made_free(&made);
}

static bool
reads_pem(const char *before, const char *kind, Bytes der, int times, const char *header)
{
	BIO		   *out = BIO_new(BIO_s_mem());
	char	   *text;
	long		len;
	X509	   *certificate;

	BIO_puts(out, before);
	for (int i = 0; i < times; i++)
		PEM_write_bio(out, kind, header, der.data, (long) der.len);
	len = BIO_get_mem_data(out, &text);
	certificate = certificate_read_pem(bytes_of(text, len));
	BIO_free(out);
	X509_free(certificate);
	return certificate != NULL;
}

static void
test_pem(void)
{
	static const char encrypted[] = "Proc-Type: 4,ENCRYPTED\n"
		"DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n";
	static char blanks[9000];
	PkiCertificate certificate;
	PkiForm		form = pki_form("A name of\nbytes \x7f\x80", NULL, NULL, MADE_AT);
	Bytes		der;

	pki_issue(&certificate, &form, NULL);
	der = pki_der(&certificate);
	memset(blanks, '\n', sizeof(blanks) - 1);
	tap_ok(reads_pem("", PEM_STRING_X509, der, 1, "") && reads_pem("text\n", PEM_STRING_X509, der, 1, ""),
		   "a certificate in PEM");
	tap_ok(!reads_pem("", PEM_STRING_X509, der, 2, ""), "not two");
	tap_ok(!reads_pem("", PEM_STRING_X509, der, 0, "") && !reads_pem("no PEM", "", der, 0, ""), "nor none");
	tap_ok(!reads_pem("", PEM_STRING_X509_TRUSTED, der, 1, "") && !reads_pem("", PEM_STRING_PKCS7, der, 1, ""),
		   "nor another thing");
	tap_ok(!reads_pem("", PEM_STRING_X509, der, 1, encrypted), "nor one for which a password would be asked");
	tap_ok(!reads_pem("", PEM_STRING_X509, bytes_of(der.data, der.len - 1), 1, "") &&
		   !reads_pem("", PEM_STRING_X509, bytes_of(certificate.der, der.len + 1), 1, ""),
		   "nor a part of one, or more");
	tap_ok(!reads_pem(blanks, PEM_STRING_X509, der, 1, ""), "nor one in very long text");
	pki_free(&certificate);
}

/* The same certificate with a length of more bytes than DER takes for it. */
static void
test_der(void)
{
	PkiCertificate certificate;
	PkiForm		form = pki_form("SEV-VCEK", NULL, NULL, MADE_AT);
	static uint8_t longer[PKI_DER_MAX + 1];
	static PkiCertificate large;
	static const uint8_t value[PKI_VALUE_MAX];
	X509	   *read;
	Bytes		der;

	pki_issue(&certificate, &form, NULL);
	der = pki_der(&certificate);
	longer[0] = der.data[0];
	longer[1] = 0x83;
	longer[2] = 0;
	memcpy(longer + 3, der.data + 2, der.len - 2);
	read = certificate_read(der);
	tap_ok(read != NULL && der.data[1] == 0x82, "a certificate in DER");
	X509_free(read);
	read = certificate_read(bytes_of(longer, der.len + 1));
	tap_ok(read == NULL, "not in BER");
	tap_ok(certificate_read(bytes_of(certificate.der, der.len + 1)) == NULL &&
		   certificate_read(bytes_of(der.data, der.len - 1)) == NULL &&
		   certificate_read(bytes_of(NULL, 0)) == NULL, "nor with a byte more or less, or of no bytes");
	while (form.n_extensions < PKI_EXTENSIONS_MAX)
		pki_extend(&form, "1.2.3.4", bytes_of(value, sizeof(value)));
	pki_issue(&large, &form, NULL);
	tap_ok(large.der_len > EVIDENCE_CERTIFICATE_MAX && certificate_read(pki_der(&large)) == NULL, "nor too long");
	pki_free(&large);
	pki_free(&certificate);
}

void
test_chain(void)
{
	test_times();
	test_authorities();
	test_others();
	test_shorter();
	test_crls();
	test_pem();
	test_der();
}
