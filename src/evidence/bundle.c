/*-------------------------------------------------------------------------
 *
 * bundle.c
 *	  What bionic_crypt.attestation() returns.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/bundle.h"

#include <stdio.h>

#include "evidence/statement.h"

#define TYPE_NAME_MAX	32
#define TPM_QUOTE_MAX	4096
#define TPM_SIGNATURE_MAX	1024
#define REQUIRED .required = true

/* As it is in the text. */
typedef struct BundleText
{
	Bytes		statement;
	Bytes		signature;
	Bytes		endorsement;
	const char *type;
	Bytes		report;
	FormList	certificates;	/* of Bytes */
	Bytes		tpm_quote;
	Bytes		tpm_signature;
	FormList	tpm_pcrs;		/* of Bytes */
} BundleText;

static const FormField certificate_item = {"", form_base64,.size = EVIDENCE_CERTIFICATE_MAX};
static const FormField pcr_item = {"", form_hex,.size = PCR_LEN};

static const FormField evidence_form[] = {
	{"type", form_text, offsetof(BundleText, type), TYPE_NAME_MAX, REQUIRED},
	{"report", form_base64, offsetof(BundleText, report),.size = EVIDENCE_REPORT_MAX},
	{"certificates", form_list, offsetof(BundleText, certificates), sizeof(Bytes),
	0, EVIDENCE_CERTIFICATES_MAX,.form = &certificate_item},
	{"tpm_quote", form_base64, offsetof(BundleText, tpm_quote),.size = TPM_QUOTE_MAX},
	{"tpm_signature", form_base64, offsetof(BundleText, tpm_signature),.size = TPM_SIGNATURE_MAX},
	{"tpm_pcrs", form_list, offsetof(BundleText, tpm_pcrs), sizeof(Bytes), 0, PCR_COUNT,
	.form = &pcr_item},
	{NULL}
};

static const FormField bundle_form[] = {
	{"type", form_constant, REQUIRED,.constant = "bionic_crypt/attestation/v1"},
	{"statement", form_base64, offsetof(BundleText, statement), JSON_TEXT_MAX, REQUIRED},
	{"signature", form_base64, offsetof(BundleText, signature), INSTANCE_SIGNATURE_LEN, REQUIRED},
	{"endorsement", form_base64, offsetof(BundleText, endorsement), JSON_TEXT_MAX, REQUIRED},
	{"evidence", form_object, REQUIRED,.form = evidence_form},
	{NULL}
};

/* Each PCR behind the one before. */
static bool
join_pcrs(const FormList *list, FormMemory *memory, Bytes *out)
{
	const Bytes *pcrs = list->items;
	uint8_t    *joined = form_room(memory, list->n * PCR_LEN);

	if (joined == NULL)
		return false;
	for (int i = 0; i < list->n; i++)
		memcpy(joined + i * PCR_LEN, pcrs[i].data, PCR_LEN);
	*out = bytes_of(joined, list->n * PCR_LEN);
	return true;
}

static bool
take_evidence(const BundleText *text, FormMemory *memory, Bundle *bundle, FormFault *fault)
{
	Evidence   *evidence = &bundle->evidence;
	bool		none = strcmp(text->type, EVIDENCE_NONE) == 0;
	const char *wrong = NULL;

	memset(bundle, 0, sizeof(*bundle));
	bundle->evidence_type = text->type;
	bundle->statement = text->statement;
	bundle->signature = text->signature;
	bundle->endorsement = text->endorsement;
	evidence->type = none ? NULL : evidence_type_by_name(text->type);
	evidence->report = text->report;
	evidence->n_certificates = text->certificates.n;
	for (int i = 0; i < text->certificates.n; i++)
		evidence->certificates[i] = ((const Bytes *) text->certificates.items)[i];
	evidence->tpm_quote = text->tpm_quote;
	evidence->tpm_signature = text->tpm_signature;

	if (!none && evidence->type == NULL)
		wrong = "type: is none that we know";
	else if (none != (text->report.len == 0))
		wrong = none ? "report: must not be there" : "report: is missing";
	else if (!join_pcrs(&text->tpm_pcrs, memory, &evidence->tpm_pcrs))
		wrong = "does not fit";
	if (wrong != NULL)
		snprintf(fault->text, sizeof(fault->text), "evidence/%s", wrong);
	return wrong == NULL;
}

bool
bundle_read(Bytes json, FormMemory *memory, Bundle *bundle, FormFault *fault)
{
	BundleText	text;

	if (!form_read(json, bundle_form, &text, sizeof(text), memory, fault))
		return false;
	return take_evidence(&text, memory, bundle, fault);
}

bool
bundle_read_evidence(Bytes json, FormMemory *memory, Bundle *bundle, FormFault *fault)
{
	BundleText	text;

	if (!form_read(json, evidence_form, &text, sizeof(text), memory, fault))
		return false;
	return take_evidence(&text, memory, bundle, fault);
}
