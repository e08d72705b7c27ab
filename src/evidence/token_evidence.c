/*-------------------------------------------------------------------------
 *
 * token_evidence.c
 *	  Google's Confidential Space: whether a token is genuine.
 *
 * This evidence is Google's word, not the hardware's: its service has looked at
 * the measured boot and says in a signed token what it saw.  The verifier gives
 * the service's keys (a JWK set); none is built in, as they change.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/token_evidence.h"

#include <stdlib.h>

#include "base/json.h"
#include "crypto/base64.h"
#include "evidence/evidence.h"
#include "evidence/jwt.h"

#define ISSUER			"https://confidentialcomputing.googleapis.com"
#define LEEWAY_S		30		/* for clocks that differ */

#define CLAIM_MAX		256
#define TIME_MAX		16		/* of a time since 1970, with its NUL */
#define SHA256_HEX_LEN	64

/* Members of the payload; empty: not there, or no string, number or boolean */
typedef struct TokenClaims
{
	char		iss[CLAIM_MAX];
	char		exp[TIME_MAX];
	char		nbf[TIME_MAX];
	char		iat[TIME_MAX];
	char		swname[CLAIM_MAX];
	char		hwmodel[CLAIM_MAX];
	char		dbgstat[CLAIM_MAX];
	char		secboot[CLAIM_MAX];
	char		image_digest[CLAIM_MAX];

	/* what is a string, or an array of them */
	bool		for_us;			/* TOKEN_AUDIENCE is in aud */
	bool		stable;			/* Google supports this version of the image */
	int			n_report_data;	/* nonces that can be report data, and the last */
	uint8_t		report_data[REPORT_DATA_LEN];
} TokenClaims;

static bool verify(const Evidence *evidence, const EvidenceTrust *trust,
				   HardwareClaims *claims, Verdict *verdict);
static bool read_claims(Bytes payload, TokenClaims *token);
static JsonStep visit_list(void *state, const JsonNode *node);
static bool verify_envelope(const TokenClaims *token, int64_t at_s, Verdict *verdict);
static bool verify_platform(const TokenClaims *token, HardwareClaims *claims, Verdict *verdict);
static bool verify_binding(const TokenClaims *token, HardwareClaims *claims, Verdict *verdict);

const EvidenceType evidence_confidential_space = {
	.name = "confidential-space",
	.verify = verify,
};

/*
 * Of TEEs; "GCP_SHIELDED_VM" is a machine whose memory the host reads.  Plain
 * SEV (GCP_AMD_SEV) has no report of its own, but the boot was measured.
 */
static const char *const hardware_models[] = {
	"GCP_AMD_SEV", "GCP_AMD_SEV_ES", "GCP_INTEL_TDX",
};

static bool
verify(const Evidence *evidence, const EvidenceTrust *trust,
	   HardwareClaims *claims, Verdict *verdict)
{
	Jwt			jwt;
	TokenClaims token;
	const char *wrong = jwt_read(evidence->report, &jwt);

	if (!verdict_check(verdict, wrong == NULL, "the token is well-formed", "%s",
					   wrong == NULL ? "" : wrong) ||
		!verdict_check(verdict, trust->jwks.len > 0, "the keys of Google's service are given", NULL))
		return false;

	wrong = jwt_verify(&jwt, trust->jwks);
	return verdict_check(verdict, wrong == NULL, "the token is signed by one of these keys", "%s",
						 wrong == NULL ? "" : wrong) &&
		verdict_check(verdict, read_claims(jwt.payload, &token),
					  "the token's claims can be read", NULL) &&
		verify_envelope(&token, trust->at_s, verdict) &&
		verify_platform(&token, claims, verdict) &&
		verify_binding(&token, claims, verdict);
}

/* The walk refuses a name that any object has twice. */
static bool
read_claims(Bytes payload, TokenClaims *token)
{
	JsonWanted	envelope[] = {
		{.path = "iss",.out = token->iss,.size = sizeof(token->iss)},
		{.path = "exp",.out = token->exp,.size = sizeof(token->exp)},
		{.path = "nbf",.out = token->nbf,.size = sizeof(token->nbf)},
		{.path = "iat",.out = token->iat,.size = sizeof(token->iat)},
	};
	JsonWanted	platform[] = {
		{.path = "swname",.out = token->swname,.size = sizeof(token->swname)},
		{.path = "hwmodel",.out = token->hwmodel,.size = sizeof(token->hwmodel)},
		{.path = "dbgstat",.out = token->dbgstat,.size = sizeof(token->dbgstat)},
		{.path = "secboot",.out = token->secboot,.size = sizeof(token->secboot)},
		{.path = "submods.container.image_digest",
		.out = token->image_digest,.size = sizeof(token->image_digest)},
	};

	memset(token, 0, sizeof(*token));
	return json_walk(payload, visit_list, token) &&
		json_find(payload, envelope, 4) && json_find(payload, platform, 5);
}

/* Whether the node is this string, by itself or in an array. */
static bool
is_in(const JsonNode *node, const char *pointer)
{
	const char *rest;

	if (strncmp(node->pointer, pointer, strlen(pointer)) != 0)
		return false;
	rest = node->pointer + strlen(pointer);
	return rest[0] == '\0' ||
		(rest[0] == '/' && rest[1] != '\0' && strspn(rest + 1, "0123456789") == strlen(rest + 1));
}

static JsonStep
visit_list(void *state, const JsonNode *node)
{
	TokenClaims *token = state;
	char		text[CLAIM_MAX];
	uint8_t		nonce[REPORT_DATA_LEN];
	size_t		len;

	if (node->kind != JSON_IS_STRING || !json_unescape(node->text, text, sizeof(text)))
		return JSON_ENTER;
	if (is_in(node, "/aud") && strcmp(text, TOKEN_AUDIENCE) == 0)
		token->for_us = true;
	if (is_in(node, "/submods/confidential_space/support_attributes") && strcmp(text, "STABLE") == 0)
		token->stable = true;
	if (is_in(node, "/eat_nonce") &&
		base64url_decode(text, nonce, sizeof(nonce), &len) && len == sizeof(nonce))
	{
		token->n_report_data++;
		memcpy(token->report_data, nonce, sizeof(nonce));
	}
	return JSON_ENTER;
}

/* Whole seconds, as Google writes them.  -1: none, or not a time. */
static int64_t
time_of(const char *text)
{
	size_t		digits = strspn(text, "0123456789");

	return digits == 0 || text[digits] != '\0' ? -1 : strtoll(text, NULL, 10);
}

/* RFC 7519, 4.1 */
static bool
verify_envelope(const TokenClaims *token, int64_t at_s, Verdict *verdict)
{
	int64_t		iat = time_of(token->iat);
	int64_t		exp = time_of(token->exp);
	int64_t		nbf = token->nbf[0] == '\0' ? iat : time_of(token->nbf);

	return verdict_check(verdict, strcmp(token->iss, ISSUER) == 0,
						 "the token was issued by Google's service", NULL) &&
		verdict_check(verdict, token->for_us,
					  "the token is for us, and of no use to others", "audience %s", TOKEN_AUDIENCE) &&
		verdict_check(verdict, iat >= 0 && exp >= 0 && nbf >= 0,
					  "the token says when it is valid", NULL) &&
		verdict_check(verdict, iat <= at_s + LEEWAY_S && nbf <= at_s + LEEWAY_S,
					  "the token is valid already", "issued %lld s before the time of verification",
					  (long long) (at_s - iat)) &&
		verdict_check(verdict, at_s - LEEWAY_S < exp,
					  "the token is still valid", "until %lld s after the time of verification",
					  (long long) (exp - at_s));
}

static bool
is_tee(const char *hwmodel)
{
	for (size_t i = 0; i < sizeof(hardware_models) / sizeof(hardware_models[0]); i++)
	{
		if (strcmp(hardware_models[i], hwmodel) == 0)
			return true;
	}
	return false;
}

static bool
is_image_digest(const char *text)
{
	const char *hex = text + strlen("sha256:");

	return strncmp(text, "sha256:", strlen("sha256:")) == 0 &&
		strspn(hex, "0123456789abcdef") == SHA256_HEX_LEN && hex[SHA256_HEX_LEN] == '\0';
}

/* An image for debugging is never a stable one: whether it may be is the policy's. */
static bool
verify_platform(const TokenClaims *token, HardwareClaims *claims, Verdict *verdict)
{
	bool		tee = is_tee(token->hwmodel);

	claims->debug = strcmp(token->dbgstat, "disabled-since-boot") != 0;
	if (!verdict_check(verdict, tee, "the machine is a TEE", "%s", tee ? token->hwmodel : "") ||
		!verdict_check(verdict, strcmp(token->swname, "CONFIDENTIAL_SPACE") == 0,
					   "its system is Confidential Space", NULL) ||
		!verdict_check(verdict, strcmp(token->secboot, "true") == 0, "it booted securely", NULL) ||
		!verdict_check(verdict, claims->debug || token->stable,
					   "its image is supported (STABLE)", "%s",
					   claims->debug ? "not asked of an image for debugging" : "") ||
		!verdict_check(verdict, is_image_digest(token->image_digest),
					   "the container is named by its digest", NULL))
		return false;
	memcpy(claims->image_digest, token->image_digest, strlen(token->image_digest) + 1);
	return true;
}

/* Two nonces of this kind: who asked would say which one he means. */
static bool
verify_binding(const TokenClaims *token, HardwareClaims *claims, Verdict *verdict)
{
	memcpy(claims->report_data, token->report_data, REPORT_DATA_LEN);
	return verdict_check(verdict, token->n_report_data == 1,
						 "one nonce of the token is report data", "%d are", token->n_report_data);
}
