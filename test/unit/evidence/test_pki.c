/*-------------------------------------------------------------------------
 *
 * test_pki.c
 *	  Certificates, CRLs and reports that tests make at run time.
 *
 *-------------------------------------------------------------------------
 */
#include "test_pki.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#define AMD "1.3.6.1.4.1.3704.1."

#define DAY_S 86400

/* What must work does, or there is no test. */
static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	ERR_print_errors_fp(stderr);
	abort();
}

PkiForm
pki_form(const char *name, const char *constraints, const char *usage, int64_t at_s)
{
	PkiForm		form = {.name = name, .curve = "P-384", .digest = "SHA384", .serial = 1,
	.from_s = at_s - DAY_S, .until_s = at_s + DAY_S, .constraints = constraints, .usage = usage};

	return form;
}

void
pki_extend(PkiForm *form, const char *oid, Bytes value)
{
	PkiExtension *extension = &form->extensions[form->n_extensions++];

	must(form->n_extensions <= PKI_EXTENSIONS_MAX && value.len <= PKI_VALUE_MAX, "too much of extensions");
	extension->oid = oid;
	extension->critical = false;
	extension->len = value.len;
	if (value.len > 0)
		memcpy(extension->value, value.data, value.len);
}

PkiExtension *
pki_extension(PkiForm *form, const char *oid)
{
	for (int i = 0; i < form->n_extensions; i++)
	{
		if (form->extensions[i].oid != NULL && strcmp(form->extensions[i].oid, oid) == 0)
			return &form->extensions[i];
	}
	must(false, oid);
	return NULL;
}

Bytes
pki_number(uint8_t value)
{
	static uint8_t der[4];

	der[0] = 2;
	der[1] = value < 0x80 ? 1 : 2;
	der[2] = value < 0x80 ? value : 0;
	der[3] = value;
	return bytes_of(der, 2 + der[1]);
}

static Bytes
ia5string(const char *text)
{
	static uint8_t der[PKI_VALUE_MAX];

	must(strlen(text) < 0x80, text);
	der[0] = 0x16;
	der[1] = (uint8_t) strlen(text);
	memcpy(der + 2, text, der[1]);
	return bytes_of(der, 2 + der[1]);
}

void
pki_extend_as_amd(PkiForm *form, Bytes hwid, const char *csp_id)
{
	pki_extend(form, AMD "1", pki_number(0));
	pki_extend(form, AMD "2", ia5string(hwid.len > 0 ? "Milan-B0" : "Milan"));
	pki_extend(form, AMD "3.1", pki_number(4));
	pki_extend(form, AMD "3.2", pki_number(0));
	pki_extend(form, AMD "3.4", pki_number(0));
	pki_extend(form, AMD "3.3", pki_number(27));
	pki_extend(form, AMD "3.8", pki_number(222));
	if (hwid.len > 0)
		pki_extend(form, AMD "4", hwid);
	if (csp_id != NULL)
		pki_extend(form, AMD "5", ia5string(csp_id));
}

static void
add_extension(X509 *x509, const PkiExtension *extension)
{
	ASN1_OBJECT *object = OBJ_txt2obj(extension->oid, 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *made;

	must(object != NULL && value != NULL &&
		 ASN1_OCTET_STRING_set(value, extension->value, (int) extension->len) == 1, "an extension");
	made = X509_EXTENSION_create_by_OBJ(NULL, object, extension->critical, value);
	must(made != NULL && X509_add_ext(x509, made, -1) == 1, "an extension");
	X509_EXTENSION_free(made);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(object);
}

static void
add_configured(X509 *x509, int nid, const char *value)
{
	X509_EXTENSION *made = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	must(made != NULL && X509_add_ext(x509, made, -1) == 1, value);
	X509_EXTENSION_free(made);
}

static void
set_name(X509 *x509, const char *name)
{
	X509_NAME  *subject = X509_NAME_new();

	must(subject != NULL && X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
													   (const unsigned char *) name, -1, -1, 0) == 1 &&
		 X509_set_subject_name(x509, subject) == 1, name);
	X509_NAME_free(subject);
}

void
pki_issue(PkiCertificate *out, const PkiForm *form, const PkiCertificate *issuer)
{
	unsigned char *der = out->der;
	X509	   *x509 = X509_new();

	memset(out->der, 0, sizeof(out->der));	/* tests read a byte behind it, too */
	out->key = EVP_EC_gen(form->curve);
	out->x509 = x509;
	must(x509 != NULL && out->key != NULL, form->curve);
	set_name(x509, form->name);
	must(X509_set_version(x509, X509_VERSION_3) == 1 &&
		 ASN1_INTEGER_set(X509_get_serialNumber(x509), form->serial) == 1 &&
		 ASN1_TIME_set(X509_getm_notBefore(x509), (time_t) form->from_s) != NULL &&
		 ASN1_TIME_set(X509_getm_notAfter(x509), (time_t) form->until_s) != NULL &&
		 X509_set_pubkey(x509, out->key) == 1 &&
		 X509_set_issuer_name(x509, X509_get_subject_name(issuer == NULL ? x509 : issuer->x509)) == 1,
		 form->name);
	if (form->constraints != NULL)
		add_configured(x509, NID_basic_constraints, form->constraints);
	if (form->usage != NULL)
		add_configured(x509, NID_key_usage, form->usage);
	for (int i = 0; i < form->n_extensions; i++)
	{
		if (form->extensions[i].oid != NULL)
			add_extension(x509, &form->extensions[i]);
	}
	must(X509_sign(x509, issuer == NULL ? out->key : issuer->key, EVP_get_digestbyname(form->digest)) > 0 &&
		 i2d_X509(x509, NULL) <= PKI_DER_MAX, form->name);
	out->der_len = i2d_X509(x509, &der);
}

void
pki_free(PkiCertificate *certificate)
{
	X509_free(certificate->x509);
	EVP_PKEY_free(certificate->key);
	memset(certificate, 0, sizeof(*certificate));
}

Bytes
pki_der(const PkiCertificate *certificate)
{
	return bytes_of(certificate->der, certificate->der_len);
}

static void
add_revoked(X509_CRL *crl, const X509 *revoked, const ASN1_TIME *since)
{
	X509_REVOKED *entry = X509_REVOKED_new();

	must(entry != NULL && X509_REVOKED_set_revocationDate(entry, (ASN1_TIME *) since) == 1 &&
		 X509_REVOKED_set_serialNumber(entry, (ASN1_INTEGER *) X509_get0_serialNumber(revoked)) == 1 &&
		 X509_CRL_add0_revoked(crl, entry) == 1, "an entry of a CRL");
}

Bytes
pki_crl(uint8_t out[PKI_DER_MAX], const PkiCrlForm *form,
		const PkiCertificate *issuer, const PkiCertificate *signer)
{
	X509_CRL   *crl = X509_CRL_new();
	ASN1_TIME  *from = ASN1_TIME_set(NULL, (time_t) form->from_s);
	ASN1_TIME  *until = ASN1_TIME_set(NULL, (time_t) form->until_s);
	unsigned char *der = out;
	int			len;

	must(crl != NULL && from != NULL && until != NULL &&
		 X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
		 X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->x509)) == 1 &&
		 X509_CRL_set1_lastUpdate(crl, from) == 1 &&
		 (form->until_s == 0 || X509_CRL_set1_nextUpdate(crl, until) == 1), "a CRL");
	if (form->revoked != NULL)
		add_revoked(crl, form->revoked, from);
	if (form->critical)
	{
		ASN1_INTEGER *base = ASN1_INTEGER_new();

		must(base != NULL && ASN1_INTEGER_set(base, 1) == 1 &&
			 X509_CRL_add1_ext_i2d(crl, NID_delta_crl, base, 1, 0) == 1, "a CRL of changes");
		ASN1_INTEGER_free(base);
	}
	must(X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, signer->key, EVP_sha384()) > 0 &&
		 i2d_X509_CRL(crl, NULL) <= PKI_DER_MAX, "a CRL");
	len = i2d_X509_CRL(crl, &der);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	X509_CRL_free(crl);
	return bytes_of(out, len);
}

void
pki_sign_little_endian(EVP_PKEY *key, const EVP_MD *digest, Bytes data, uint8_t *r_s, int half_len)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char der[160];
	const unsigned char *pos = der;
	size_t		len = sizeof(der);
	ECDSA_SIG  *signature;

	must(context != NULL && EVP_DigestSignInit(context, NULL, digest, NULL, key) == 1 &&
		 EVP_DigestSign(context, der, &len, data.data, data.len) == 1, "a signature");
	signature = d2i_ECDSA_SIG(NULL, &pos, (long) len);
	must(signature != NULL &&
		 BN_bn2lebinpad(ECDSA_SIG_get0_r(signature), r_s, half_len) == half_len &&
		 BN_bn2lebinpad(ECDSA_SIG_get0_s(signature), r_s + half_len, half_len) == half_len, "a signature");
	ECDSA_SIG_free(signature);
	EVP_MD_CTX_free(context);
}
