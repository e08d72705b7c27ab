/*-------------------------------------------------------------------------
 *
 * tdx_quote.c
 *	  A quote of Intel TDX, taken apart.
 *
 *		header of 48 bytes
 *		version 5: type (u16) and length (u32) of the body
 *		body: 584 bytes; of TDX 1.5 in version 5: 648
 *		length (u32) of the signature data:
 *			signature 64, attestation key 64
 *			type (u16, 6) and length (u32) of the QE's certification data:
 *				QE report 384, its signature 64
 *				length (u16) and bytes of the QE's authentication data
 *				type (u16, 5) and length (u32) of the PCK's chain in PEM
 *
 * Numbers are little-endian.  Each length must be used up to its last byte.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/tdx_quote.h"

#include "evidence/public_key.h"

#define BODY_TYPE_TDX_1_0	2
#define BODY_TYPE_TDX_1_5	3
#define BODY_LEN_TDX_1_0	584
#define BODY_LEN_TDX_1_5	648

#define QE_REPORT_LEN		384
#define ECDSA_LEN			64

#define CERTIFICATION_QE_REPORT	6
#define CERTIFICATION_PCK_CHAIN	5

static bool read_header(ByteReader *r, TdxQuote *quote);
static bool read_body_length(ByteReader *r, uint16_t version, size_t *len);
static bool read_body(Bytes in, TdxBody *body);
static const char *read_signature_data(Bytes in, TdxQuote *quote);
static const char *read_qe_data(Bytes in, TdxQuote *quote);
static bool read_certification(ByteReader *r, uint16_t type, Bytes *out);
static bool read_qe_report(Bytes in, TdxQeReport *qe);
static bool read_chain(Bytes in, Bytes *certificates);

const char *
tdx_quote_read(Bytes in, TdxQuote *quote)
{
	ByteReader	r = reader_of(in);
	size_t		body_len;
	uint32_t	signature_len;
	Bytes		body;
	Bytes		signature_data;

	memset(quote, 0, sizeof(*quote));
	if (!read_header(&r, quote))
		return "its header is cut short";
	if (quote->version != 4 && quote->version != 5)
		return "its version is neither 4 nor 5";
	if (!read_body_length(&r, quote->version, &body_len))
		return "the type or length of its body is unknown";
	if (!reader_take(&r, body_len, &body) || !read_body(body, &quote->body))
		return "its body is cut short";
	quote->signed_part = bytes_of(in.data, in.len - reader_left(&r));

	if (!reader_le32(&r, &signature_len) || !reader_take(&r, signature_len, &signature_data))
		return "its signature data is cut short";
	quote->behind = bytes_of(r.pos, reader_left(&r));
	return read_signature_data(signature_data, quote);
}

/* The rest of the header is of no meaning to us, but signed. */
static bool
read_header(ByteReader *r, TdxQuote *quote)
{
	Bytes		reserved;
	Bytes		user_data;

	return reader_le16(r, &quote->version) &&
		reader_le16(r, &quote->key_type) &&
		reader_le32(r, &quote->tee_type) &&
		reader_take(r, 4, &reserved) &&
		reader_take(r, 16, &quote->qe_vendor) &&
		reader_take(r, 20, &user_data);
}

/* Version 4 has one kind of body only, and does not say so. */
static bool
read_body_length(ByteReader *r, uint16_t version, size_t *len)
{
	uint16_t	type;
	uint32_t	stated;

	*len = BODY_LEN_TDX_1_0;
	if (version == 4)
		return true;
	if (!reader_le16(r, &type) || !reader_le32(r, &stated))
		return false;
	*len = stated;
	return (type == BODY_TYPE_TDX_1_0 && stated == BODY_LEN_TDX_1_0) ||
		(type == BODY_TYPE_TDX_1_5 && stated == BODY_LEN_TDX_1_5);
}

/* TDX 1.5 adds a second SVN and the measurement of a service TD to the end. */
static bool
read_body(Bytes in, TdxBody *body)
{
	ByteReader	r = reader_of(in);
	Bytes		ignored;
	bool		ok;

	ok = reader_take(&r, TDX_SVN_LEN, &body->tcb_svn) &&
		reader_take(&r, MEASUREMENT_LEN, &ignored) &&	/* MRSEAM */
		reader_take(&r, MEASUREMENT_LEN, &body->mrsigner_seam) &&
		reader_le64(&r, &body->seam_attributes) &&
		reader_le64(&r, &body->td_attributes) &&
		reader_take(&r, 8, &ignored) && /* XFAM */
		reader_take(&r, MEASUREMENT_LEN, &body->mrtd) &&
		reader_take(&r, MEASUREMENT_LEN, &body->mr_config_id) &&
		reader_take(&r, MEASUREMENT_LEN, &ignored) &&	/* MROWNER */
		reader_take(&r, MEASUREMENT_LEN, &ignored);	/* MROWNERCONFIG */
	for (int i = 0; i < RTMR_COUNT; i++)
		ok = ok && reader_take(&r, MEASUREMENT_LEN, &body->rtmrs[i]);
	return ok && reader_take(&r, REPORT_DATA_LEN, &body->report_data);
}

static const char *
read_signature_data(Bytes in, TdxQuote *quote)
{
	ByteReader	r = reader_of(in);
	Bytes		qe_data;

	if (!reader_take(&r, ECDSA_LEN, &quote->signature) ||
		!reader_take(&r, P256_POINT_LEN, &quote->attestation_key))
		return "its signature or attestation key is cut short";
	if (!read_certification(&r, CERTIFICATION_QE_REPORT, &qe_data) || reader_left(&r) != 0)
		return "its signature data does not end with a certified QE report";
	return read_qe_data(qe_data, quote);
}

static const char *
read_qe_data(Bytes in, TdxQuote *quote)
{
	ByteReader	r = reader_of(in);
	Bytes		report;
	uint16_t	auth_len;
	Bytes		chain;

	if (!reader_take(&r, QE_REPORT_LEN, &report) || !read_qe_report(report, &quote->qe) ||
		!reader_take(&r, ECDSA_LEN, &quote->qe_signature))
		return "its QE report is cut short";
	if (!reader_le16(&r, &auth_len) || !reader_take(&r, auth_len, &quote->qe_auth_data))
		return "its QE authentication data is cut short";
	if (!read_certification(&r, CERTIFICATION_PCK_CHAIN, &chain) || reader_left(&r) != 0)
		return "its QE report does not end with a chain of certificates";
	if (!read_chain(chain, quote->certificates))
		return "its chain is not three certificates in PEM";
	return NULL;
}

static bool
read_certification(ByteReader *r, uint16_t type, Bytes *out)
{
	uint16_t	stated;
	uint32_t	len;

	return reader_le16(r, &stated) && stated == type &&
		reader_le32(r, &len) && reader_take(r, len, out);
}

/* An SGX report: sgx_report_body_t. */
static bool
read_qe_report(Bytes in, TdxQeReport *qe)
{
	ByteReader	r = reader_of(in);
	Bytes		ignored;

	qe->all = in;
	return reader_take(&r, 48, &ignored) && /* CPUSVN, MISCSELECT, reserved */
		reader_le64(&r, &qe->attributes) &&
		reader_take(&r, 72, &ignored) &&	/* XFRM, MRENCLAVE, reserved */
		reader_take(&r, 32, &qe->mrsigner) &&
		reader_take(&r, 96, &ignored) &&
		reader_le16(&r, &qe->isvprodid) &&
		reader_le16(&r, &qe->isvsvn) &&
		reader_take(&r, 60, &ignored) &&
		reader_take(&r, REPORT_DATA_LEN, &qe->report_data) &&
		reader_left(&r) == 0;
}

static bool
starts_with(const ByteReader *r, const char *text)
{
	return reader_left(r) >= strlen(text) && memcmp(r->pos, text, strlen(text)) == 0;
}

/* From one line of dashes up to the other, each at the start of a line. */
static bool
read_certificate(ByteReader *r, Bytes *pem)
{
	const uint8_t *start = r->pos;

	if (!starts_with(r, "-----BEGIN CERTIFICATE-----\n"))
		return false;
	while (!starts_with(r, "\n-----END CERTIFICATE-----\n"))
	{
		if (reader_left(r) == 0)
			return false;
		r->pos++;
	}
	r->pos += strlen("\n-----END CERTIFICATE-----\n");
	*pem = bytes_of(start, (size_t) (r->pos - start));
	return true;
}

/* Three of them, one behind the other, and some quoting enclaves' NUL. */
static bool
read_chain(Bytes in, Bytes *certificates)
{
	ByteReader	r = reader_of(in);
	uint8_t		nul = '\0';

	for (int i = 0; i < TDX_CERTIFICATES; i++)
	{
		if (!read_certificate(&r, &certificates[i]))
			return false;
	}
	return (reader_left(&r) == 0 || reader_u8(&r, &nul)) && nul == '\0' && reader_left(&r) == 0;
}
