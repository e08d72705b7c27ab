/*-------------------------------------------------------------------------
 *
 * snp_certificate.c
 *	  What AMD certifies of a key that signs reports.
 *
 * It is in extensions of X.509 below 1.3.6.1.4.1.3704.1.  None that we want is
 * missing, none is twice, and none is there that we do not know: it might be a
 * part of the TCB that is to be compared.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/snp_certificate.h"

#define AMD_ARC			"1.3.6.1.4.1.3704.1."
#define OID_TEXT_MAX	64
#define PRODUCT_NAME_MAX 16
#define CSP_ID_MAX		63		/* HardwareClaims has room for it and a NUL */
#define VERSION_MAX		1

#define DER_INTEGER		0x02
#define DER_OCTETS		0x04
#define DER_IA5STRING	0x16

typedef enum Item
{
	ITEM_VERSION,
	ITEM_PRODUCT,
	ITEM_BOOTLOADER,
	ITEM_TEE,
	ITEM_SNP,
	ITEM_UNUSED_4,
	ITEM_UNUSED_5,
	ITEM_UNUSED_6,
	ITEM_UNUSED_7,
	ITEM_MICROCODE,
	ITEM_FMC,
	ITEM_HWID,
	ITEM_CSP_ID,
	ITEM_COUNT
} Item;

static const char *const arcs[] = {
	[ITEM_VERSION] = AMD_ARC "1",
	[ITEM_PRODUCT] = AMD_ARC "2",
	[ITEM_BOOTLOADER] = AMD_ARC "3.1",
	[ITEM_TEE] = AMD_ARC "3.2",
	[ITEM_SNP] = AMD_ARC "3.3",
	[ITEM_UNUSED_4] = AMD_ARC "3.4",
	[ITEM_UNUSED_5] = AMD_ARC "3.5",
	[ITEM_UNUSED_6] = AMD_ARC "3.6",
	[ITEM_UNUSED_7] = AMD_ARC "3.7",
	[ITEM_MICROCODE] = AMD_ARC "3.8",
	[ITEM_FMC] = AMD_ARC "3.9",
	[ITEM_HWID] = AMD_ARC "4",
	[ITEM_CSP_ID] = AMD_ARC "5",
};

static const char *collect(X509 *certificate, Bytes values[ITEM_COUNT]);
static const char *read_product(Bytes value, SnpCertificate *content);
static const char *read_tcb(const Bytes values[ITEM_COUNT], SnpCertificate *content);
static const char *read_owner(const Bytes values[ITEM_COUNT], SnpCertificate *content);
static bool read_number(Bytes value, uint8_t *out);
static bool read_text(Bytes value, size_t max, Bytes *out);

const char *
snp_certificate_read(X509 *certificate, SnpCertificate *content)
{
	Bytes		values[ITEM_COUNT];
	uint8_t		version;
	const char *wrong;

	memset(content, 0, sizeof(*content));
	wrong = collect(certificate, values);
	if (wrong == NULL && (!read_number(values[ITEM_VERSION], &version) || version > VERSION_MAX))
		wrong = "the version of its extensions";
	if (wrong == NULL)
		wrong = read_product(values[ITEM_PRODUCT], content);
	if (wrong == NULL)
		wrong = read_tcb(values, content);
	if (wrong == NULL)
		wrong = read_owner(values, content);
	return wrong;
}

static const char *
collect(X509 *certificate, Bytes values[ITEM_COUNT])
{
	memset(values, 0, ITEM_COUNT * sizeof(values[0]));
	for (int i = 0; i < X509_get_ext_count(certificate); i++)
	{
		X509_EXTENSION *extension = X509_get_ext(certificate, i);
		ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);
		char		oid[OID_TEXT_MAX];
		int			item = 0;

		OBJ_obj2txt(oid, sizeof(oid), X509_EXTENSION_get_object(extension), 1);
		if (strncmp(oid, AMD_ARC, strlen(AMD_ARC)) != 0)
			continue;
		while (item < ITEM_COUNT && strcmp(oid, arcs[item]) != 0)
			item++;
		if (item == ITEM_COUNT)
			return "an extension of AMD that we do not know";
		if (values[item].data != NULL)
			return "an extension of AMD is twice in it";
		values[item] = bytes_of(ASN1_STRING_get0_data(value), ASN1_STRING_length(value));
	}
	return NULL;
}

/* "Milan", or with a stepping: "Milan-B0". */
static const char *
read_product(Bytes value, SnpCertificate *content)
{
	const uint8_t *dash;
	size_t		len;

	if (!read_text(value, PRODUCT_NAME_MAX, &content->product_name))
		return "its product";
	dash = memchr(content->product_name.data, '-', content->product_name.len);
	len = dash == NULL ? content->product_name.len : (size_t) (dash - content->product_name.data);
	content->product = snp_product_by_name(bytes_of(content->product_name.data, len));
	return content->product == NULL ? "a product that we do not know" : NULL;
}

static const char *
read_tcb(const Bytes values[ITEM_COUNT], SnpCertificate *content)
{
	SnpTcb	   *tcb = &content->tcb;

	if (!read_number(values[ITEM_BOOTLOADER], &tcb->bootloader) ||
		!read_number(values[ITEM_TEE], &tcb->tee) ||
		!read_number(values[ITEM_SNP], &tcb->snp) ||
		!read_number(values[ITEM_MICROCODE], &tcb->microcode))
		return "a part of its TCB";
	if (content->product->has_fmc ? !read_number(values[ITEM_FMC], &tcb->fmc) :
		values[ITEM_FMC].data != NULL)
		return "the FMC of its TCB";
	for (int i = ITEM_UNUSED_4; i <= ITEM_UNUSED_7; i++)
	{
		uint8_t		unused;

		if (values[i].data != NULL && (!read_number(values[i], &unused) || unused != 0))
			return "a part of its TCB that no processor has";
	}
	return NULL;
}

/* Most HWIDs stand in their extension without a tag of DER, some with one. */
static const char *
read_owner(const Bytes values[ITEM_COUNT], SnpCertificate *content)
{
	size_t		len = content->product->hwid_len;
	ByteReader	hwid = reader_of(values[ITEM_HWID]);
	uint8_t		tag;
	uint8_t		tagged_len;

	if (reader_left(&hwid) == len + 2 &&
		(!reader_u8(&hwid, &tag) || tag != DER_OCTETS || !reader_u8(&hwid, &tagged_len) || tagged_len != len))
		return "its HWID";
	if (values[ITEM_HWID].data != NULL &&
		(!reader_take(&hwid, len, &content->hwid) || reader_left(&hwid) > 0))
		return "its HWID";
	if (values[ITEM_CSP_ID].data != NULL &&
		!read_text(values[ITEM_CSP_ID], CSP_ID_MAX, &content->csp_id))
		return "its CSP_ID";
	return NULL;
}

/* An INTEGER from 0 to 255 in DER: a sign bit that is 0, and no byte too many. */
static bool
read_number(Bytes value, uint8_t *out)
{
	const uint8_t *der = value.data;

	if (value.len == 3 && der[0] == DER_INTEGER && der[1] == 1 && der[2] < 0x80)
		*out = der[2];
	else if (value.len == 4 && der[0] == DER_INTEGER && der[1] == 2 && der[2] == 0 && der[3] >= 0x80)
		*out = der[3];
	else
		return false;
	return true;
}

/* An IA5String of DER that can be printed, and is not empty. */
static bool
read_text(Bytes value, size_t max, Bytes *out)
{
	ByteReader	r = reader_of(value);
	uint8_t		tag;
	uint8_t		len;

	if (!reader_u8(&r, &tag) || tag != DER_IA5STRING || !reader_u8(&r, &len) ||
		len == 0 || len > max || !reader_take(&r, len, out) || reader_left(&r) > 0)
		return false;
	for (size_t i = 0; i < out->len; i++)
	{
		if (out->data[i] < 0x20 || out->data[i] > 0x7e)
			return false;
	}
	return true;
}
