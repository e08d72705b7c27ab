/*-------------------------------------------------------------------------
 *
 * tpm_quote.c
 *	  What a TPM signs when it quotes its PCRs, taken apart.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/tpm_quote.h"

#include "evidence/evidence.h"

/*
 * A restricted key signs nothing that begins with this unless the TPM itself
 * made it, whatever it is given to sign.
 */
#define TPM_GENERATED_VALUE	0xff544347

#define TPM_ST_ATTEST_QUOTE	0x8018
#define TPM_ALG_SHA256		0x000b

#define CLOCK_INFO_LEN		17
#define FIRMWARE_VERSION_LEN	8

static bool read_selection(ByteReader *r, uint32_t *mask);

const char *
tpm_quote_read(Bytes in, TpmQuote *quote)
{
	ByteReader	r = reader_of(in);
	uint32_t	magic;
	uint16_t	type;
	Bytes		ignored;

	if (!reader_u32(&r, &magic) || magic != TPM_GENERATED_VALUE)
		return "it is not marked as made by the TPM";
	if (!reader_u16(&r, &type) || type != TPM_ST_ATTEST_QUOTE)
		return "it is not a quote";
	if (!reader_sized(&r, &ignored) ||	/* the signer's name */
		!reader_sized(&r, &quote->extra_data) ||
		!reader_take(&r, CLOCK_INFO_LEN + FIRMWARE_VERSION_LEN, &ignored))
		return "it is cut short";
	if (!read_selection(&r, &quote->pcr_mask))
		return "it is not of PCRs of the SHA-256 bank alone";
	if (!reader_sized(&r, &quote->pcr_digest) || quote->pcr_digest.len != PCR_LEN ||
		reader_left(&r) != 0)
		return "it does not end with a digest of SHA-256";
	return NULL;
}

/* TPML_PCR_SELECTION of one bank; byte 0 is of PCRs 0 to 7. */
static bool
read_selection(ByteReader *r, uint32_t *mask)
{
	uint32_t	banks;
	uint16_t	algorithm;
	uint8_t		len;
	uint8_t		bits[PCR_COUNT / 8];

	if (!reader_u32(r, &banks) || banks != 1 ||
		!reader_u16(r, &algorithm) || algorithm != TPM_ALG_SHA256 ||
		!reader_u8(r, &len) || len != sizeof(bits) || !reader_copy(r, bits, sizeof(bits)))
		return false;
	*mask = bits[0] | (uint32_t) bits[1] << 8 | (uint32_t) bits[2] << 16;
	return *mask != 0;
}
