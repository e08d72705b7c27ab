/*-------------------------------------------------------------------------
 *
 * gcp_tap.h
 *	  What the tests of the provider gcp share.
 *
 * Sums are computed by another program, over the bytes that are meant.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_GCP_TAP_H
#define UNIT_GCP_TAP_H

#include "kms_tap.h"

#define GCP_PATH	"/etc/kms/x"
#define GCP_KEK		"projects/acme-kms/locations/europe-west3/keyRings/saas/cryptoKeys/chat"
#define GCP_POOL \
	"//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x"
#define GCP_EMAIL	"kms@acme.iam.gserviceaccount.com"

#define GCP_METHOD	"provider", "gcp", "auth_method"
#define GCP_MACHINE GCP_METHOD, "metadata"
#define GCP_ACCOUNT GCP_METHOD, "service_account", "credentials_file", GCP_PATH
#define GCP_TRADE \
	GCP_METHOD, "workload_identity", "subject_token_file", GCP_PATH, "audience", GCP_POOL
#define GCP_ACT		"service_account_impersonation", GCP_EMAIL

/* Base64 and CRC32C of test_data_key, and of what it is bound to under GCP_KEK. */
#define GCP_KEY			"AAECAwQFBgcICQoLDA0OD/Dx8vP09fb3+Pn6+/z9/v8="
#define GCP_KEY_CRC		"3181572012"
#define GCP_BOUND \
	"QkNLMQAEYWNtZQAIAQIDBAUGBwgABGRhdGEARnByb2plY3RzL2FjbWUta21zL2xvY2F0aW9ucy9ldXJvcGUtd2Vz" \
	"dDMva2V5UmluZ3Mvc2Fhcy9jcnlwdG9LZXlzL2NoYXQ="
#define GCP_BOUND_CRC	"3445846560"

/* A wrapped key. */
#define GCP_WRAPPED_BYTES	"\x0a\x24" "!wrapped by version 3"
#define GCP_WRAPPED			"CiQhd3JhcHBlZCBieSB2ZXJzaW9uIDM="
#define GCP_WRAPPED_CRC		"338673690"

/* Compares a request with its parts; headers one a line. */
static inline bool
gcp_request_is(const KmsRequest *request, const char *method, const char *url, const char *headers,
			   const char *body)
{
	char		lines[HTTP_HEADERS_MAX];

	for (Size i = 0; i < request->headers_len; i++)
		lines[i] = request->headers[i] == '\0' ? '\n' : request->headers[i];
	if (!request->invalid && strcmp(request->method, method) == 0 &&
		strcmp(request->url, url) == 0 &&
		bytes_equal(bytes_of(lines, request->headers_len), bytes_of_string(headers)) &&
		bytes_equal(bytes_of(request->body, request->body_len), bytes_of_string(body)))
		return true;
	tap_note("%s %s%s", request->method, request->url, request->invalid ? ", invalid" : "");
	tap_note("%.*s", (int) request->headers_len, lines);
	tap_note("%.*s", (int) request->body_len, request->body);
	return false;
}

#endif							/* UNIT_GCP_TAP_H */
