/*-------------------------------------------------------------------------
 *
 * source_confidential_space.c
 *	  Evidence in Google's Confidential Space: a token of Google's verifier,
 *	  which the container's launcher gets for us.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "attest/base64_text.h"
#include "attest/evidence_source.h"
#include "attest/local_http.h"
#include "evidence/token_evidence.h"
#include "kms/kms_options.h"

static bool
get_token(const char *place, const uint8 *report_data, FoundEvidence *found)
{
	StringInfoData body;
	StringInfoData token;
	LocalHttpRequest request = {.socket = place,.url = "http://localhost/v1/token"};

	initStringInfo(&body);
	appendStringInfoString(&body, "{\"audience\":\"" TOKEN_AUDIENCE "\",\"token_type\":\"OIDC\",\"nonces\":[\"");
	base64url_append(&body, bytes_of(report_data, REPORT_DATA_LEN));
	appendStringInfoString(&body, "\"]}");
	request.json = body.data;

	initStringInfo(&token);
	if (!local_http_send(&request, &token, found))
		return false;
	while (token.len > 0 && (token.data[token.len - 1] == '\n' || token.data[token.len - 1] == '\r'))
		token.data[--token.len] = '\0';
	if (token.len > EVIDENCE_REPORT_MAX || strlen(token.data) != token.len ||
		!kms_text_is_jwt(token.data))
		return evidence_fail(found, "the launcher's answer is no token");
	found->type = "confidential-space";
	found->report = bytes_of(token.data, token.len);
	return true;
}

const EvidenceSource source_confidential_space = {
	.name = "confidential-space",
	.default_place = "/run/container_launcher/teeserver.sock",
	.get = get_token,
};
