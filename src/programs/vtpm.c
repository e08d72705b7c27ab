/*-------------------------------------------------------------------------
 *
 * vtpm.c
 *	  The vTPM of a confidential VM of Azure, through the TPM2 Software Stack.
 *
 * Its authorizations are empty, as Azure makes them: who may open the device
 * may do this.
 *
 *-------------------------------------------------------------------------
 */
#include "programs/vtpm.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "evidence/azure_hcl.h"
#include "evidence/tpm_quote.h"

#define NV_CHUNK		512		/* every TPM reads as much at once */
#define QUOTE_TRIES		3		/* when a PCR changes meanwhile */

struct Vtpm
{
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
};

static void read_pcrs(Vtpm *tpm, VtpmQuote *quote);
static bool is_of_pcrs(const VtpmQuote *quote);

void
vtpm_give_up(const char *format,...)
{
	va_list		args;

	fputs("bionic_crypt_vtpm: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static void
must(TSS2_RC code, const char *what)
{
	if (code != TSS2_RC_SUCCESS)
		vtpm_give_up("could not %s: %s", what, Tss2_RC_Decode(code));
}

Vtpm *
vtpm_open(const char *tcti)
{
	Vtpm	   *tpm = calloc(1, sizeof(*tpm));

	if (tpm == NULL)
		vtpm_give_up("out of memory");
	must(Tss2_TctiLdr_Initialize(tcti, &tpm->tcti), "open the TPM");
	must(Esys_Initialize(&tpm->esys, tpm->tcti, NULL), "talk to the TPM");
	return tpm;
}

void
vtpm_close(Vtpm *tpm)
{
	Esys_Finalize(&tpm->esys);
	Tss2_TctiLdr_Finalize(&tpm->tcti);
	free(tpm);
}

/* The guest has to make the index; the paravisor looks at it. */
static ESYS_TR
define_user_data(Vtpm *tpm)
{
	TPM2B_AUTH	no_password = {.size = 0};
	TPM2B_NV_PUBLIC index = {
		.nvPublic = {
			.nvIndex = AZURE_NV_USER_DATA,
			.nameAlg = TPM2_ALG_SHA256,
			.attributes = TPMA_NV_OWNERWRITE | TPMA_NV_OWNERREAD | TPMA_NV_PPREAD,
			.dataSize = REPORT_DATA_LEN,
		},
	};
	ESYS_TR		handle;

	must(Esys_NV_DefineSpace(tpm->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
							 ESYS_TR_NONE, &no_password, &index, &handle),
		 "define the index of user-data");
	return handle;
}

void
vtpm_write_user_data(Vtpm *tpm, const uint8_t data[REPORT_DATA_LEN])
{
	TPM2B_MAX_NV_BUFFER buffer = {.size = REPORT_DATA_LEN};
	ESYS_TR		index;

	if (Esys_TR_FromTPMPublic(tpm->esys, AZURE_NV_USER_DATA, ESYS_TR_NONE, ESYS_TR_NONE,
							  ESYS_TR_NONE, &index) != TSS2_RC_SUCCESS)
		index = define_user_data(tpm);
	memcpy(buffer.buffer, data, REPORT_DATA_LEN);
	must(Esys_NV_Write(tpm->esys, ESYS_TR_RH_OWNER, index, ESYS_TR_PASSWORD, ESYS_TR_NONE,
					   ESYS_TR_NONE, &buffer, 0), "write user-data");
	must(Esys_TR_Close(tpm->esys, &index), "let go of user-data");
}

size_t
vtpm_read_report(Vtpm *tpm, uint8_t report[VTPM_REPORT_MAX])
{
	ESYS_TR		index;
	TPM2B_NV_PUBLIC *about;
	size_t		len;

	must(Esys_TR_FromTPMPublic(tpm->esys, AZURE_NV_REPORT, ESYS_TR_NONE, ESYS_TR_NONE,
							   ESYS_TR_NONE, &index), "find the paravisor's report");
	must(Esys_NV_ReadPublic(tpm->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
							&about, NULL), "ask for the length of the paravisor's report");
	len = about->nvPublic.dataSize;
	Esys_Free(about);
	if (len > VTPM_REPORT_MAX)
		vtpm_give_up("the paravisor's report is longer than %d bytes", VTPM_REPORT_MAX);

	for (size_t at = 0; at < len;)
	{
		size_t		chunk = len - at < NV_CHUNK ? len - at : NV_CHUNK;
		TPM2B_MAX_NV_BUFFER *data;

		must(Esys_NV_Read(tpm->esys, ESYS_TR_RH_OWNER, index, ESYS_TR_PASSWORD, ESYS_TR_NONE,
						  ESYS_TR_NONE, (UINT16) chunk, (UINT16) at, &data),
			 "read the paravisor's report");
		if (data->size != chunk)
			vtpm_give_up("the paravisor's report is cut short");
		memcpy(report + at, data->buffer, chunk);
		Esys_Free(data);
		at += chunk;
	}
	must(Esys_TR_Close(tpm->esys, &index), "let go of the paravisor's report");
	return len;
}

static TPML_PCR_SELECTION
selection_of(uint32_t mask)
{
	TPML_PCR_SELECTION selection = {
		.count = 1,
		.pcrSelections = {{
			.hash = TPM2_ALG_SHA256,
			.sizeofSelect = PCR_COUNT / 8,
			.pcrSelect = {(BYTE) mask, (BYTE) (mask >> 8), (BYTE) (mask >> 16)},
		}},
	};

	return selection;
}

static void
take(uint8_t *out, size_t size, size_t *len, const BYTE *in, size_t in_len, const char *what)
{
	if (in_len > size)
		vtpm_give_up("%s is longer than %zu bytes", what, size);
	memcpy(out, in, in_len);
	*len = in_len;
}

static void
quote_once(Vtpm *tpm, ESYS_TR key, Bytes qualifying_data, VtpmQuote *quote)
{
	TPM2B_DATA	data;
	TPMT_SIG_SCHEME scheme = {
		.scheme = TPM2_ALG_RSASSA,
		.details = {.rsassa = {.hashAlg = TPM2_ALG_SHA256}},
	};
	TPML_PCR_SELECTION all = selection_of(0xffffff);
	TPM2B_ATTEST *attest;
	TPMT_SIGNATURE *signature;

	if (qualifying_data.len > sizeof(data.buffer))
		vtpm_give_up("too much to quote");
	data.size = (UINT16) qualifying_data.len;
	memcpy(data.buffer, qualifying_data.data, qualifying_data.len);
	must(Esys_Quote(tpm->esys, key, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
					&data, &scheme, &all, &attest, &signature), "quote the PCRs");
	if (signature->sigAlg != TPM2_ALG_RSASSA)
		vtpm_give_up("the quote is signed in another scheme");
	take(quote->quote, sizeof(quote->quote), &quote->quote_len,
		 attest->attestationData, attest->size, "the quote");
	take(quote->signature, sizeof(quote->signature), &quote->signature_len,
		 signature->signature.rsassa.sig.buffer, signature->signature.rsassa.sig.size, "its signature");
	Esys_Free(attest);
	Esys_Free(signature);
}

void
vtpm_quote(Vtpm *tpm, Bytes qualifying_data, VtpmQuote *quote)
{
	ESYS_TR		key;

	must(Esys_TR_FromTPMPublic(tpm->esys, AZURE_AK_HANDLE, ESYS_TR_NONE, ESYS_TR_NONE,
							   ESYS_TR_NONE, &key), "find the attestation key");
	for (int i = 0;; i++)
	{
		quote_once(tpm, key, qualifying_data, quote);
		read_pcrs(tpm, quote);
		if (is_of_pcrs(quote))
			break;
		if (i == QUOTE_TRIES - 1)
			vtpm_give_up("the PCRs change all the time");
	}
	must(Esys_TR_Close(tpm->esys, &key), "let go of the attestation key");
}

/* A TPM answers with as many as it likes to; at least one, or there are none. */
static void
read_pcrs(Vtpm *tpm, VtpmQuote *quote)
{
	uint32_t	missing = 0xffffff;

	while (missing != 0)
	{
		TPML_PCR_SELECTION wanted = selection_of(missing);
		TPML_PCR_SELECTION *given;
		TPML_DIGEST *values;
		UINT32		n = 0;

		must(Esys_PCR_Read(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
						   &wanted, NULL, &given, &values), "read the PCRs");
		for (int i = 0; i < PCR_COUNT && given->count == 1; i++)
		{
			if ((given->pcrSelections[0].pcrSelect[i / 8] & 1 << i % 8) == 0 ||
				(missing & UINT32_C(1) << i) == 0)
				continue;
			if (n == values->count || values->digests[n].size != PCR_LEN)
				break;
			memcpy(quote->pcrs[i], values->digests[n++].buffer, PCR_LEN);
			missing &= ~(UINT32_C(1) << i);
		}
		Esys_Free(given);
		Esys_Free(values);
		if (n == 0)
			vtpm_give_up("the TPM has no bank of PCRs for SHA-256");
	}
}

static bool
is_of_pcrs(const VtpmQuote *quote)
{
	TpmQuote	read;
	uint8_t		digest[PCR_LEN];
	const char *wrong = tpm_quote_read(bytes_of(quote->quote, quote->quote_len), &read);

	if (wrong != NULL)
		vtpm_give_up("the TPM's quote is not well-formed: %s", wrong);
	return EVP_Digest(quote->pcrs, sizeof(quote->pcrs), digest, NULL, EVP_sha256(), NULL) == 1 &&
		bytes_equal(read.pcr_digest, bytes_of(digest, sizeof(digest)));
}
