/*-------------------------------------------------------------------------
 *
 * made_tdx.c
 *	  A quote of TDX under a root of the test.
 *
 *-------------------------------------------------------------------------
 */
#include "made_tdx.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <stdlib.h>

#define AUTH_LEN	32

static const uint8_t qe_vendor[] = {
	0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07
};

static const uint8_t qe_mrsigner[] = {
	0xdc, 0x9e, 0x2a, 0x7c, 0x6f, 0x94, 0x8f, 0x17, 0x47, 0x4e, 0x34, 0xa7, 0xfc, 0x43, 0xed, 0x03,
	0x0f, 0x7c, 0x15, 0x63, 0xf1, 0xba, 0xbd, 0xdf, 0x63, 0x40, 0xc8, 0x2e, 0x0e, 0x54, 0xa8, 0xc5
};

static PkiForm
form_of(const char *name, const char *constraints, const char *usage)
{
	PkiForm		form = pki_form(name, constraints, usage, MADE_TDX_AT);

	form.curve = "P-256";
	form.digest = "SHA256";
	return form;
}

void
put_le(uint8_t *out, uint64_t value, int len)
{
	for (int i = 0; i < len; i++)
		out[i] = (uint8_t) (value >> 8 * i);
}

void
made_tdx_begin(MadeTdx *made, int version)
{
	memset(made, 0, sizeof(*made));
	made->root_form = form_of("Test Root CA", "critical,CA:TRUE,pathlen:1", "critical,keyCertSign,cRLSign");
	made->ca_form = form_of("Test PCK CA", "critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign");
	made->pck_form = form_of("Test PCK", "critical,CA:FALSE", "critical,digitalSignature");
	made->trust.at_s = MADE_TDX_AT;

	put_le(made->header + AT_TDX_VERSION, version, 2);
	put_le(made->header + AT_TDX_KEY_TYPE, 2, 2);
	put_le(made->header + AT_TDX_TEE_TYPE, 0x81, 4);
	memcpy(made->header + AT_TDX_VENDOR, qe_vendor, sizeof(qe_vendor));
	made->body_type = 2;
	made->body_stated = made->body_len = 584;
	memset(made->body + AT_TDX_MRTD, 0x3e, MEASUREMENT_LEN);
	memset(made->body + AT_TDX_MRCONFIGID, 0xc0, MEASUREMENT_LEN);
	for (int i = 0; i < RTMR_COUNT; i++)
		memset(made->body + AT_TDX_RTMRS + i * MEASUREMENT_LEN, 0xa0 + i, MEASUREMENT_LEN);
	memset(made->body + AT_TDX_REPORT_DATA, 0xda, REPORT_DATA_LEN);
	put_le(made->qe_report + AT_QE_ATTRIBUTES, 0x15, 8);
	memcpy(made->qe_report + AT_QE_MRSIGNER, qe_mrsigner, sizeof(qe_mrsigner));
	put_le(made->qe_report + AT_QE_ISVPRODID, 2, 2);
	made->qe_type = 6;
	made->chain_type = 5;
	made->chain = "pcr";
}

static void
put(MadeTdx *made, const void *bytes, size_t len)
{
	if (len > MADE_TDX_QUOTE_MAX - made->len)
		abort();
	memcpy(made->quote + made->len, bytes, len);
	made->len += len;
}

static void
put_number(MadeTdx *made, uint64_t value, int len)
{
	uint8_t		bytes[8];

	put_le(bytes, value, len);
	put(made, bytes, len);
}

/* Over SHA-256 of data, big-endian. */
static void
put_signature(MadeTdx *made, EVP_PKEY *key, Bytes data)
{
	uint8_t		little[64];
	uint8_t		big[64];

	pki_sign_little_endian(key, EVP_sha256(), data, little, 32);
	for (int i = 0; i < 32; i++)
	{
		big[i] = little[31 - i];
		big[32 + i] = little[63 - i];
	}
	put(made, big, sizeof(big));
}

static void
attestation_point(EVP_PKEY *key, uint8_t x_y[64])
{
	uint8_t    *point = NULL;

	if (EVP_PKEY_get1_encoded_public_key(key, &point) != 65)
		abort();
	memcpy(x_y, point + 1, 64);
	OPENSSL_free(point);
}

static void
bind_key(MadeTdx *made, const uint8_t *key, const uint8_t *auth)
{
	uint8_t		both[64 + AUTH_LEN];

	memcpy(both, key, 64);
	memcpy(both + 64, auth, AUTH_LEN);
	if (EVP_Digest(both, sizeof(both), made->qe_report + AT_QE_REPORT_DATA, NULL, EVP_sha256(), NULL) != 1)
		abort();
}

static size_t
make_chain(const MadeTdx *made, char *out)
{
	BIO		   *bio = BIO_new(BIO_s_mem());
	int			len;

	for (const char *c = made->chain; *c != '\0'; c++)
	{
		const PkiCertificate *certificate = *c == 'p' ? &made->pck : *c == 'c' ? &made->ca :
			*c == 'r' ? &made->root : *c == 'o' ? &made->other : NULL;

		if ((certificate == NULL ? BIO_write(bio, c, 1) : PEM_write_bio_X509(bio, certificate->x509)) != 1)
			abort();
	}
	for (int i = 0; i < made->chain_nuls; i++)
		BIO_write(bio, "", 1);
	len = BIO_read(bio, out, MADE_TDX_CHAIN_MAX);
	BIO_free(bio);
	return len < 0 ? 0 : (size_t) len;
}

static void
issue_certificates(MadeTdx *made)
{
	pki_issue(&made->root, &made->root_form, NULL);
	pki_issue(&made->other, &made->root_form, NULL);
	pki_issue(&made->ca, &made->ca_form, made->other_root ? &made->other : &made->root);
	pki_issue(&made->pck, &made->pck_form, &made->ca);
	made->trust.roots[0] = pki_der(&made->root);
	made->trust.n_roots = 1;
}

/* What the quoting enclave is certified with. */
static size_t
qe_data_len(const MadeTdx *made, size_t chain_len)
{
	return sizeof(made->qe_report) + 64 + 2 + AUTH_LEN + 6 + chain_len + made->qe_trailing;
}

static void
put_signed_part(MadeTdx *made)
{
	put(made, made->header, sizeof(made->header));
	if (made->header[AT_TDX_VERSION] == 5)
	{
		put_number(made, made->body_type, 2);
		put_number(made, made->body_stated, 4);
	}
	put(made, made->body, made->body_len);
}

static void
put_qe_data(MadeTdx *made, const uint8_t *auth, const char *chain, size_t chain_len)
{
	static const uint8_t nothing[16];

	put_number(made, made->qe_type, 2);
	put_number(made, qe_data_len(made, chain_len) + made->qe_excess, 4);
	put(made, made->qe_report, sizeof(made->qe_report));
	put_signature(made, made->other_pck ? made->ca.key : made->pck.key,
				  bytes_of(made->qe_report, sizeof(made->qe_report)));
	put_number(made, AUTH_LEN + made->auth_excess, 2);
	put(made, auth, AUTH_LEN);
	put_number(made, made->chain_type, 2);
	put_number(made, chain_len + made->chain_excess, 4);
	put(made, chain, chain_len);
	put(made, nothing, made->qe_trailing + made->signature_trailing);
}

void
made_tdx_issue(MadeTdx *made)
{
	issue_certificates(made);
	made->attestation = EVP_EC_gen("P-256");
	made_tdx_assemble(made);
}

void
made_tdx_assemble(MadeTdx *made)
{
	uint8_t		auth[AUTH_LEN];
	uint8_t		key[64];
	char		chain[MADE_TDX_CHAIN_MAX];
	size_t		chain_len;
	Bytes		signed_part;

	attestation_point(made->attestation, key);
	if (made->no_point)
		memset(key, 0xff, sizeof(key));
	memset(auth, 0xa7, sizeof(auth));
	if (!made->unbound)
		bind_key(made, key, auth);
	chain_len = make_chain(made, chain);

	made->len = 0;
	put_signed_part(made);
	signed_part = bytes_of(made->quote, made->len);
	put_number(made, 64 + 64 + 6 + qe_data_len(made, chain_len) + made->signature_trailing +
			   made->signature_excess, 4);
	put_signature(made, made->other_signer ? made->pck.key : made->attestation, signed_part);
	put(made, key, sizeof(key));
	put_qe_data(made, auth, chain, chain_len);

	made->evidence.type = evidence_type_by_name("tdx");
	made->evidence.report = bytes_of(made->quote, made->len);
}

bool
made_tdx_verify(MadeTdx *made)
{
	memset(&made->verdict, 0, sizeof(made->verdict));
	return evidence_verify(&made->evidence, &made->trust, &made->claims, &made->verdict);
}

void
made_tdx_free(MadeTdx *made)
{
	pki_free(&made->root);
	pki_free(&made->ca);
	pki_free(&made->pck);
	pki_free(&made->other);
	EVP_PKEY_free(made->attestation);
}
