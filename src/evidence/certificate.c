/*-------------------------------------------------------------------------
 *
 * certificate.c
 *	  Certificates out of bytes, and signatures of the hardware's keys.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/certificate.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#define PEM_MAX			8192	/* a certificate of 4096 bytes, and text around */
#define SIGNATURE_MAX	160		/* two numbers of 72 bytes, in DER */

static bool is_der_of(const X509 *certificate, Bytes der);
static bool signature_to_der(Bytes r_s, bool little_endian, unsigned char **der, int *len);

X509 *
certificate_read(Bytes der)
{
	const unsigned char *pos = der.data;
	X509	   *certificate;

	if (der.len == 0 || der.len > EVIDENCE_CERTIFICATE_MAX)
		return NULL;
	certificate = d2i_X509(NULL, &pos, (long) der.len);
	if (certificate != NULL && !is_der_of(certificate, der))
	{
		X509_free(certificate);
		certificate = NULL;
	}
	ERR_clear_error();			/* what another library reads next is its own */
	return certificate;
}

/*
 * By PEM_read_bio(), as PEM_read_bio_X509() would ask the terminal for the
 * password of a block that is encrypted.
 */
X509 *
certificate_read_pem(Bytes pem)
{
	X509	   *certificate = NULL;
	char	   *name = NULL;
	char	   *header = NULL;
	unsigned char *der = NULL;
	long		len = 0;
	BIO		   *in;

	if (pem.len == 0 || pem.len > PEM_MAX)
		return NULL;
	in = BIO_new_mem_buf(pem.data, (int) pem.len);
	if (in != NULL && PEM_read_bio(in, &name, &header, &der, &len) == 1 &&
		strcmp(name, PEM_STRING_X509) == 0 && strcmp(header, "") == 0)
		certificate = certificate_read(bytes_of(der, len));
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);

	/* a second one would be taken for trusted, by whom wrote it there */
	if (certificate != NULL && PEM_read_bio(in, &name, &header, &der, &len) == 1)
	{
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
		X509_free(certificate);
		certificate = NULL;
	}
	BIO_free(in);
	ERR_clear_error();			/* what another library reads next is its own */
	return certificate;
}

bool
certificate_names_issuer(const X509 *certificate, const X509 *issuer)
{
	return X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuer)) == 0;
}

X509 *
certificate_own_root(const EvidenceTrust *trust, const X509 *issued)
{
	for (int i = 0; i < trust->n_roots; i++)
	{
		X509	   *root = certificate_read(trust->roots[i]);

		if (root != NULL && certificate_names_issuer(issued, root))
			return root;
		X509_free(root);
	}
	return NULL;
}

bool
certificate_ecdsa_verify(EVP_PKEY *key, const char *digest, Bytes data, Bytes r_s, bool little_endian)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char *signature = NULL;
	int			len = 0;
	bool		ok;

	ok = context != NULL && EVP_PKEY_is_a(key, "EC") == 1 &&
		signature_to_der(r_s, little_endian, &signature, &len) &&
		EVP_DigestVerifyInit_ex(context, NULL, digest, NULL, NULL, key, NULL) == 1 &&
		EVP_DigestVerify(context, signature, len, data.data, data.len) == 1;
	OPENSSL_free(signature);
	EVP_MD_CTX_free(context);
	return ok;
}

/* d2i_X509() takes more than DER, and bytes behind it. */
static bool
is_der_of(const X509 *certificate, Bytes der)
{
	unsigned char *encoded = NULL;
	int			len = i2d_X509(certificate, &encoded);
	bool		ok = len > 0 && bytes_equal(bytes_of(encoded, len), der);

	OPENSSL_free(encoded);
	return ok;
}

/* OpenSSL refuses numbers that are not of the curve's order. */
static bool
signature_to_der(Bytes r_s, bool little_endian, unsigned char **der, int *len)
{
	int			half = (int) (r_s.len / 2);
	ECDSA_SIG  *signature;
	BIGNUM	   *r;
	BIGNUM	   *s;

	if (r_s.len == 0 || r_s.len % 2 != 0 || r_s.len > SIGNATURE_MAX)
		return false;
	signature = ECDSA_SIG_new();
	r = (little_endian ? BN_lebin2bn : BN_bin2bn) (r_s.data, half, NULL);
	s = (little_endian ? BN_lebin2bn : BN_bin2bn) (r_s.data + half, half, NULL);
	if (signature != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(signature, r, s) == 1)
		*len = i2d_ECDSA_SIG(signature, der);	/* owns both from here on */
	else
	{
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(signature);
	return *len > 0;
}
