/*-------------------------------------------------------------------------
 *
 * source_coco.c
 *	  Evidence in a pod of Confidential Containers: the guest's attestation
 *	  agent gives it at a loopback address.
 *
 * Its form for TDX holds the quote, which we take out.  For other hardware it
 * is the agent's own JSON: passed on as it is, with type coco, and nothing of
 * ours verifies that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "attest/base64_text.h"
#include "attest/evidence_source.h"
#include "attest/local_http.h"
#include "base/json.h"
#include "crypto/base64.h"

#define QUOTE_TEXT_MAX	(EVIDENCE_REPORT_MAX / 3 * 4 + 8)

/* Report data as its bytes, in an alphabet that a URL can hold. */
static bool
ask_agent(const char *place, const uint8 *report_data, StringInfo evidence, FoundEvidence *found)
{
	StringInfoData url;
	StringInfoData text;
	LocalHttpRequest request = {0};

	initStringInfo(&text);
	base64_append(&text, bytes_of(report_data, REPORT_DATA_LEN));
	initStringInfo(&url);
	appendStringInfo(&url, "%s/aa/evidence?encoding=base64&runtime_data=", place);
	for (const char *c = text.data; *c != '\0'; c++)
	{
		if (strchr("+/=", *c) != NULL)
			appendStringInfo(&url, "%%%02X", *c);
		else
			appendStringInfoChar(&url, *c);
	}
	request.url = url.data;
	return local_http_send(&request, evidence, found);
}

static bool
get_from_agent(const char *place, const uint8 *report_data, FoundEvidence *found)
{
	char	   *quote = palloc(QUOTE_TEXT_MAX);
	JsonWanted	wanted[] = {{.path = "quote",.out = quote,.size = QUOTE_TEXT_MAX}};
	StringInfoData evidence;
	size_t		len;

	initStringInfo(&evidence);
	if (!ask_agent(place, report_data, &evidence, found))
		return false;
	if (!json_find(bytes_of(evidence.data, evidence.len), wanted, lengthof(wanted)))
		return evidence_fail(found, "the answer of the attestation agent cannot be read");
	if (wanted[0].found)
	{
		if (!base64_decode(quote, (uint8 *) quote, QUOTE_TEXT_MAX, &len))
			return evidence_fail(found, "the attestation agent's quote cannot be read");
		return evidence_take_tdx(found, bytes_of(quote, len), report_data);
	}
	if (evidence.len > EVIDENCE_REPORT_MAX)
		return evidence_fail(found, "the attestation agent's evidence is too long");
	found->type = "coco";
	found->report = bytes_of(evidence.data, evidence.len);
	return true;
}

const EvidenceSource source_coco = {
	.name = "coco",
	.default_place = "http://127.0.0.1:8006",
	.get = get_from_agent,
};
