/*-------------------------------------------------------------------------
 *
 * snp_report.c
 *	  The attestation report of SEV-SNP, and the processors that make it.
 *
 * A report of a version that we do not know, or with anything in a place that
 * its version leaves empty, may mean something that we do not see: refused.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/snp_report.h"

#define VERSION_MIN			2
#define VERSION_CPUID		3	/* since which the processor is told */
#define VERSION_MITIGATIONS	5	/* since which their vectors are */
#define VERSION_MAX			5

#define ECDSA_P384_SHA384	1
#define POLICY_SNP			(UINT64_C(1) << 17)	/* always 1 */

#define KEY_INFO_SIGNER(info)	((info) >> 2 & 7)
#define KEY_INFO_RESERVED(info)	((info) >> 5)

#define SIGNED_LEN			0x2a0
#define SIGNATURE_LEN		144

/* What is zero, from a version on until another. */
typedef struct Reserved
{
	size_t		offset;
	size_t		len;
	uint32_t	since;
	uint32_t	until;
} Reserved;

static const Reserved reserved[] = {
	{0x04c, 4, VERSION_MIN, VERSION_MAX},
	{0x188, 3, VERSION_MIN, VERSION_CPUID - 1},
	{0x18b, 21, VERSION_MIN, VERSION_MAX},
	{0x1eb, 1, VERSION_MIN, VERSION_MAX},
	{0x1ef, 1, VERSION_MIN, VERSION_MAX},
	{0x1f8, 16, VERSION_MIN, VERSION_MITIGATIONS - 1},
	{0x208, 152, VERSION_MIN, VERSION_MAX},
	{0x2d0, 24, VERSION_MIN, VERSION_MAX},	/* of r, which has 48 bytes, */
	{0x318, 24, VERSION_MIN, VERSION_MAX},	/* and of s */
	{0x330, 368, VERSION_MIN, VERSION_MAX},
};

/* AMD's Key Distribution Service has Bergamo and Siena under Genoa. */
static const SnpProduct products[] = {
	{.name = "Milan", .family = 0x19, .models = {{0x00, 0x0f}, {0x00, 0x0f}}, .hwid_len = 64},
	{.name = "Genoa", .family = 0x19, .models = {{0x10, 0x1f}, {0xa0, 0xaf}}, .hwid_len = 64},
	{.name = "Turin", .family = 0x1a, .models = {{0x00, 0x1f}, {0x00, 0x1f}}, .has_fmc = true, .hwid_len = 8},
};

/* Of the three bits of SIGNING_KEY. */
static const char *const signer_names[8] = {
	"VCEK", "VLEK", "unknown", "unknown", "unknown", "unknown", "unknown", "none"
};

#define PRODUCTS ((int) (sizeof(products) / sizeof(products[0])))

static bool read_fields(Bytes bytes, SnpReport *report);
static bool skip(ByteReader *r, size_t len);
static const uint8_t *first_not_reserved(Bytes bytes, uint32_t version);

bool
snp_report_read(Bytes bytes, SnpReport *report, Verdict *verdict)
{
	const uint8_t *found;

	if (!verdict_check(verdict, bytes.len == SNP_REPORT_LEN && read_fields(bytes, report),
					   "report is 1184 bytes long", "%zu", bytes.len) ||
		!verdict_check(verdict, report->version >= VERSION_MIN && report->version <= VERSION_MAX,
					   "report is of a version that we know", "%u", report->version) ||
		!verdict_check(verdict, report->signature_algorithm == ECDSA_P384_SHA384,
					   "report's signature is of ECDSA P-384 with SHA-384",
					   "algorithm %u", report->signature_algorithm))
		return false;

	found = first_not_reserved(bytes, report->version);
	if (found != NULL)
		return verdict_check(verdict, false, "report has nothing where nothing may be",
							 "byte 0x%03x is 0x%02x", (unsigned) (found - bytes.data), *found);
	report->signer = (SnpSigner) KEY_INFO_SIGNER(report->key_info);
	return verdict_check(verdict, KEY_INFO_RESERVED(report->key_info) == 0,
						 "report has nothing where nothing may be", "key information 0x%x", report->key_info) &&
		verdict_check(verdict, (report->policy & POLICY_SNP) != 0,
					  "guest's policy is one of SEV-SNP", "0x%llx", (unsigned long long) report->policy) &&
		verdict_check(verdict, report->signer == SNP_SIGNER_VCEK || report->signer == SNP_SIGNER_VLEK,
					  "report's key is a VCEK or a VLEK",
					  "%s", signer_names[report->signer]);
}

const SnpProduct *
snp_product_by_name(Bytes name)
{
	for (int i = 0; i < PRODUCTS; i++)
	{
		if (bytes_equal(name, bytes_of_string(products[i].name)))
			return &products[i];
	}
	return NULL;
}

const SnpProduct *
snp_product_by_cpuid(uint8_t family, uint8_t model)
{
	for (int i = 0; i < 2 * PRODUCTS; i++)
	{
		const SnpProduct *product = &products[i / 2];

		if (product->family == family &&
			product->models[i % 2].first <= model && model <= product->models[i % 2].last)
			return product;
	}
	return NULL;
}

bool
snp_tcb_read(const SnpProduct *product, Bytes bytes, SnpTcb *tcb)
{
	static const uint8_t zeros[4];
	ByteReader	r = reader_of(bytes);
	Bytes		unused;
	bool		ok;

	tcb->fmc = 0;
	if (product->has_fmc)
		ok = reader_u8(&r, &tcb->fmc) && reader_u8(&r, &tcb->bootloader) &&
			reader_u8(&r, &tcb->tee) && reader_u8(&r, &tcb->snp) &&
			reader_take(&r, 3, &unused) && reader_u8(&r, &tcb->microcode);
	else
		ok = reader_u8(&r, &tcb->bootloader) && reader_u8(&r, &tcb->tee) &&
			reader_take(&r, 4, &unused) && reader_u8(&r, &tcb->snp) &&
			reader_u8(&r, &tcb->microcode);
	return ok && reader_left(&r) == 0 && memcmp(unused.data, zeros, unused.len) == 0;
}

bool
snp_tcb_reaches(const SnpTcb *tcb, const SnpTcb *minimum)
{
	return tcb->fmc >= minimum->fmc && tcb->bootloader >= minimum->bootloader &&
		tcb->tee >= minimum->tee && tcb->snp >= minimum->snp && tcb->microcode >= minimum->microcode;
}

/* All of them, in the order of the structure. */
static bool
read_fields(Bytes bytes, SnpReport *report)
{
	ByteReader	r = reader_of(bytes);

	memset(report, 0, sizeof(*report));
	report->signed_part = bytes_of(bytes.data, SIGNED_LEN);
	return reader_le32(&r, &report->version) &&
		reader_le32(&r, &report->guest_svn) &&
		reader_le64(&r, &report->policy) &&
		skip(&r, 32) &&			/* FAMILY_ID, IMAGE_ID: the guest owner's */
		reader_le32(&r, &report->vmpl) &&
		reader_le32(&r, &report->signature_algorithm) &&
		reader_take(&r, SNP_TCB_LEN, &report->current_tcb) &&
		reader_le64(&r, &report->platform_info) &&
		reader_le32(&r, &report->key_info) &&
		skip(&r, 4) &&
		reader_take(&r, REPORT_DATA_LEN, &report->report_data) &&
		reader_take(&r, MEASUREMENT_LEN, &report->measurement) &&
		reader_take(&r, 32, &report->host_data) &&
		reader_take(&r, 48, &report->id_key_digest) &&
		reader_take(&r, 48, &report->author_key_digest) &&
		skip(&r, 64) &&			/* REPORT_ID, REPORT_ID_MA */
		reader_take(&r, SNP_TCB_LEN, &report->reported_tcb) &&
		reader_u8(&r, &report->family) &&
		reader_u8(&r, &report->model) &&
		skip(&r, 22) &&			/* stepping */
		reader_take(&r, SNP_CHIP_ID_LEN, &report->chip_id) &&
		reader_take(&r, SNP_TCB_LEN, &report->committed_tcb) &&
		skip(&r, 184) &&		/* versions of firmware, LAUNCH_TCB, mitigations */
		reader_take(&r, SIGNATURE_LEN, &report->signature) &&
		skip(&r, 368);
}

static bool
skip(ByteReader *r, size_t len)
{
	Bytes		skipped;

	return reader_take(r, len, &skipped);
}

static const uint8_t *
first_not_reserved(Bytes bytes, uint32_t version)
{
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
	{
		const uint8_t *from = bytes.data + reserved[i].offset;

		if (version < reserved[i].since || version > reserved[i].until)
			continue;
		for (const uint8_t *at = from; at < from + reserved[i].len; at++)
		{
			if (*at != 0)
				return at;
		}
	}
	return NULL;
}
