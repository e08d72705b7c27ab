/*-------------------------------------------------------------------------
 *
 * made_azure.c
 *	  Evidence of a confidential VM of Azure, under a root and a vTPM of the
 *	  test.
 *
 *-------------------------------------------------------------------------
 */
#include "made_azure.h"

#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

#include "made_token.h"

static EVP_PKEY *attestation_key;
static EVP_PKEY *other_key;

void
made_azure_start(void)
{
	attestation_key = EVP_RSA_gen(2048);
	other_key = EVP_RSA_gen(2048);
	if (attestation_key == NULL || other_key == NULL)
		abort();
}

void
made_azure_end(void)
{
	EVP_PKEY_free(attestation_key);
	EVP_PKEY_free(other_key);
}

static void
sha256(Bytes data, uint8_t *out)
{
	if (EVP_Digest(data.data, data.len, out, NULL, EVP_sha256(), NULL) != 1)
		abort();
}

void
made_azure_begin(MadeAzure *made)
{
	uint8_t		report_data[REPORT_DATA_LEN];
	char		key[1500];
	char		user_data[2 * REPORT_DATA_LEN + 1];

	memset(made, 0, sizeof(*made));
	made_begin(&made->snp, false);
	memset(report_data, 0xda, sizeof(report_data));
	for (int i = 0; i < REPORT_DATA_LEN; i++)
		memcpy(user_data + 2 * i, "DA", 3);
	made_rsa_members(attestation_key, key, sizeof(key));
	snprintf(made->claims, sizeof(made->claims),
			 "{\"keys\":[{\"kid\":\"HCLAkPub\",\"key_ops\":[\"sign\"],\"kty\":\"RSA\",%s}],"
			 "\"vm-configuration\":{\"secure-boot\":true},\"user-data\":\"%s\"}", key, user_data);
	made->hcl_magic = 0x414c4348;
	made->hcl_version = 1;
	made->report_type = 2;
	made->hash_type = 1;
	made->hcl_zeros = 100;
	sha256(bytes_of(report_data, sizeof(report_data)), made->extra);
	made->extra_len = 32;
	made->tpm_magic = 0xff544347;
	made->tpm_type = 0x8018;
	made->banks = 1;
	made->bank = 0x000b;
	made->selection_len = 3;
	memcpy(made->selection, "\x91\x00\x80\x01", 4); /* PCRs 0, 4, 7 and 23 */
	made->digest_len = 32;
	made->pcrs_len = 4 * PCR_LEN;
	for (int i = 0; i < PCR_COUNT; i++)
		memset(made->pcrs + i * PCR_LEN, 0x10 + i, PCR_LEN);
}

static void
make_hcl(MadeAzure *made)
{
	size_t		claims_len = strlen(made->claims);
	uint32_t	part_len = (uint32_t) (20 + claims_len);
	uint32_t	header[] = {made->hcl_magic, made->hcl_version,
		32 + MADE_REPORT_LEN + part_len + made->hcl_excess, 2, 0, 0, 0, 0};
	uint32_t	second[] = {part_len + made->part_excess, 1, made->report_type, made->hash_type,
		(uint32_t) claims_len + made->claims_excess};
	ByteWriter	w = writer_of(made->hcl, sizeof(made->hcl));

	/* this test, too, runs on little-endian machines only */
	writer_put(&w, bytes_of(header, sizeof(header)));
	writer_put(&w, bytes_of(made->snp.report, MADE_REPORT_LEN));
	writer_put(&w, bytes_of(second, sizeof(second)));
	writer_put(&w, bytes_of_string(made->claims));
	for (int i = 0; i < made->hcl_zeros; i++)
		writer_u8(&w, i == made->hcl_zeros - 1 ? made->hcl_last : 0);
	if (w.overflow)
		abort();
	made->hcl_len = w.len;
}

static void
make_quote(MadeAzure *made)
{
	static const uint8_t name[34] = {0x00, 0x0b};
	static const uint8_t clock[17 + 8];
	uint8_t		digest[32];
	ByteWriter	w = writer_of(made->quote, sizeof(made->quote));

	sha256(bytes_of(made->pcrs, made->pcrs_len), digest);
	writer_u32(&w, made->tpm_magic);
	writer_u16(&w, made->tpm_type);
	writer_sized(&w, bytes_of(name, sizeof(name)));
	writer_sized(&w, bytes_of(made->extra, made->extra_len));
	writer_put(&w, bytes_of(clock, sizeof(clock)));
	writer_u32(&w, made->banks);
	for (uint32_t i = 0; i < made->banks; i++)
	{
		writer_u16(&w, made->bank);
		writer_u8(&w, made->selection_len);
		writer_put(&w, bytes_of(made->selection, made->selection_len));
	}
	writer_sized(&w, bytes_of(digest, made->digest_len));
	for (int i = 0; i < made->tpm_trailing; i++)
		writer_u8(&w, 0);
	if (w.overflow)
		abort();
	made->quote_len = w.len;
}

void
made_azure_sign(MadeAzure *made, Bytes quote)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key_context;
	size_t		len = sizeof(made->signature);

	if (EVP_DigestSignInit(context, &key_context, EVP_sha256(), NULL,
						   made->other_ak ? other_key : attestation_key) != 1 ||
		(made->pss && EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) != 1) ||
		EVP_DigestSign(context, made->signature, &len, quote.data, quote.len) != 1)
		abort();
	EVP_MD_CTX_free(context);
	made->snp.evidence.tpm_quote = quote;
	made->snp.evidence.tpm_signature = bytes_of(made->signature, len);
}

static void
bind_claims(MadeAzure *made)
{
	uint8_t    *report_data = made->snp.report + AT_REPORT_DATA;

	memset(report_data, 0, REPORT_DATA_LEN);
	sha256(made->unbound ? bytes_of_string("{}") : bytes_of_string(made->claims), report_data);
	report_data[REPORT_DATA_LEN - 1] = made->more_bound;
}

void
made_azure_issue(MadeAzure *made)
{
	Evidence   *evidence = &made->snp.evidence;

	bind_claims(made);
	made_issue(&made->snp);
	make_hcl(made);
	make_quote(made);
	made_azure_sign(made, bytes_of(made->quote, made->quote_len));
	evidence->type = evidence_type_by_name("azure-snp-vtpm");
	evidence->report = bytes_of(made->hcl, made->hcl_len);
	evidence->tpm_pcrs = bytes_of(made->pcrs, made->pcrs_len);
}

void
made_azure_assemble(MadeAzure *made)
{
	bind_claims(made);
	pki_sign_little_endian(made->snp.key.key, EVP_sha384(), bytes_of(made->snp.report, AT_SIGNATURE),
						   made->snp.report + AT_SIGNATURE, 72);
	make_hcl(made);
	made->snp.evidence.report = bytes_of(made->hcl, made->hcl_len);
}

bool
made_azure_verify(MadeAzure *made)
{
	memset(&made->verdict, 0, sizeof(made->verdict));
	return evidence_verify(&made->snp.evidence, &made->snp.trust, &made->hardware, &made->verdict);
}

void
made_azure_free(MadeAzure *made)
{
	made_free(&made->snp);
}
