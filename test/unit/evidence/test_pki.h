/*-------------------------------------------------------------------------
 *
 * test_pki.h
 *	  Certificates, CRLs and reports that tests make at run time.
 *
 * Keys are of elliptic curves, which are quick to make; chains of RSA keys are
 * in the recorded evidence.  What is made is right, or the program ends.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_EVIDENCE_TEST_PKI_H
#define UNIT_EVIDENCE_TEST_PKI_H

#include <openssl/x509.h>

#include "crypto/bytes.h"

#define PKI_EXTENSIONS_MAX	20
#define PKI_VALUE_MAX		256
#define PKI_DER_MAX			8192

/* The value is what stands in the OCTET STRING. */
typedef struct PkiExtension
{
	const char *oid;			/* NULL: left out */
	bool		critical;
	size_t		len;
	uint8_t		value[PKI_VALUE_MAX];
} PkiExtension;

/* What a certificate is to say. */
typedef struct PkiForm
{
	const char *name;			/* CN */
	const char *curve;			/* "P-384" */
	const char *digest;			/* of its signature */
	int64_t		from_s;
	int64_t		until_s;
	long		serial;
	const char *constraints;	/* of OpenSSL's configuration; NULL: none */
	const char *usage;
	int			n_extensions;
	PkiExtension extensions[PKI_EXTENSIONS_MAX];
} PkiForm;

typedef struct PkiCertificate
{
	X509	   *x509;
	EVP_PKEY   *key;
	size_t		der_len;
	uint8_t		der[PKI_DER_MAX];
} PkiCertificate;

/* What a CRL is to say. */
typedef struct PkiCrlForm
{
	int64_t		from_s;
	int64_t		until_s;		/* 0: it does not say */
	const X509 *revoked;		/* NULL: none */
	bool		critical;		/* with an extension that is, and unknown */
} PkiCrlForm;

/* An authority of the chain, or with no constraints the leaf. */
extern PkiForm pki_form(const char *name, const char *constraints, const char *usage, int64_t at_s);

extern void pki_extend(PkiForm *form, const char *oid, Bytes value);
extern PkiExtension *pki_extension(PkiForm *form, const char *oid);

/* By itself when issuer is NULL; ended by pki_free(). */
extern void pki_issue(PkiCertificate *out, const PkiForm *form, const PkiCertificate *issuer);
extern void pki_free(PkiCertificate *certificate);
extern Bytes pki_der(const PkiCertificate *certificate);

/* In DER; the issuer's name may be another's than the signer's. */
extern Bytes pki_crl(uint8_t out[PKI_DER_MAX], const PkiCrlForm *form,
					 const PkiCertificate *issuer, const PkiCertificate *signer);

/* r and s, little-endian and padded with zeros, each half_len bytes. */
extern void pki_sign_little_endian(EVP_PKEY *key, const EVP_MD *digest, Bytes data,
								   uint8_t *r_s, int half_len);

/* What AMD says of a Milan's key; the HWID is 64 bytes, or empty. */
extern void pki_extend_as_amd(PkiForm *form, Bytes hwid, const char *csp_id);

/* An INTEGER of DER of a byte. */
extern Bytes pki_number(uint8_t value);

#endif							/* UNIT_EVIDENCE_TEST_PKI_H */
