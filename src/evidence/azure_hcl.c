/*-------------------------------------------------------------------------
 *
 * azure_hcl.c
 *	  The report of Azure's paravisor, taken apart.
 *
 *		header of 32 bytes: "HCLA", version, length of all, type of request,
 *			status, 12 reserved
 *		SNP report of 1184 bytes
 *		header of 20 bytes: length of what begins here, version, type of
 *			report, hash that binds it, length of the runtime claims
 *		runtime claims
 *		zeros: the index of the vTPM is longer
 *
 * Numbers are little-endian.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/azure_hcl.h"

#include "evidence/snp_report.h"

#define HCLA_MAGIC			0x414c4348
#define HCLA_HEADER_LEN		32
#define HCLA_VERSION_MAX	2
#define CLAIMS_HEADER_LEN	20

#define REPORT_TYPE_SNP		2
#define HASH_TYPE_SHA256	1

static bool read_header(ByteReader *r, uint32_t *len);
static bool read_claims(ByteReader *r, Bytes *claims);

const char *
azure_hcl_read(Bytes in, AzureHcl *hcl)
{
	ByteReader	r = reader_of(in);
	uint32_t	len;

	if (!read_header(&r, &len))
		return "its header is not that of a paravisor's report";
	if (!reader_take(&r, SNP_REPORT_LEN, &hcl->snp_report))
		return "its SNP report is cut short";
	if (!read_claims(&r, &hcl->runtime_claims))
		return "its runtime claims are cut short, of no SNP report, or bound by another hash";
	if (len != in.len - reader_left(&r))
		return "its length is another";
	if (!bytes_are_zero(bytes_of(r.pos, reader_left(&r))))
		return "something follows its runtime claims";
	return NULL;
}

static bool
read_header(ByteReader *r, uint32_t *len)
{
	uint32_t	magic;
	uint32_t	version;
	Bytes		ignored;

	return reader_le32(r, &magic) && magic == HCLA_MAGIC &&
		reader_le32(r, &version) && version >= 1 && version <= HCLA_VERSION_MAX &&
		reader_le32(r, len) &&
		reader_take(r, HCLA_HEADER_LEN - 12, &ignored);
}

static bool
read_claims(ByteReader *r, Bytes *claims)
{
	uint32_t	len;
	uint32_t	version;
	uint32_t	report_type;
	uint32_t	hash_type;
	uint32_t	claims_len;

	return reader_le32(r, &len) &&
		reader_le32(r, &version) &&
		reader_le32(r, &report_type) && report_type == REPORT_TYPE_SNP &&
		reader_le32(r, &hash_type) && hash_type == HASH_TYPE_SHA256 &&
		reader_le32(r, &claims_len) && reader_take(r, claims_len, claims) &&
		len == CLAIMS_HEADER_LEN + claims_len;
}
