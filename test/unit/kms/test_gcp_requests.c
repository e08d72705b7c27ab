/*-------------------------------------------------------------------------
 *
 * test_gcp_requests.c
 *	  What the provider gcp asks of Cloud KMS, byte by byte, and what it does
 *	  not.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include "gcp_tap.h"

static void test_operations(void);
static void test_not_built(void);

void
test_gcp_requests(void)
{
	test_operations();
	test_not_built();
}

static KmsRequest request;
static KmsError error;

/* in: the wrapped key; NULL: the data key. */
static bool
build(const char *const *options, KmsOperation operation, const char *kek, Bytes in)
{
	static KmsToken token;
	KmsContext	context = test_context;

	context.kek = kek;
	strlcpy(token.text, "ya29.TOKEN", sizeof(token.text));
	memset(&request, 0xff, sizeof(request));
	return ask_build(&kms_gcp, server_of(options), operation, &context, in, &token, &request, &error);
}

#define HEADERS "Authorization: Bearer ya29.TOKEN\n" "Content-Type: application/json\n"
#define BINDING \
	"\"additionalAuthenticatedData\":\"" GCP_BOUND "\",\"additionalAuthenticatedDataCrc32c\":\"" GCP_BOUND_CRC "\""

static void
test_operations(void)
{
	static const char *const plain[] = {GCP_MACHINE, NULL};
	static const char *const full[] = {
		GCP_MACHINE, "address", "https://kms.example:8443", "quota_project", "acme-billing", NULL
	};
	Bytes		key = bytes_of(test_data_key, DATA_KEY_LEN);
	Bytes		wrapped = bytes_of_string(GCP_WRAPPED_BYTES);

	tap_ok(build(plain, KMS_WRAP, GCP_KEK, key) &&
		   gcp_request_is(&request, "POST", "https://cloudkms.googleapis.com/v1/" GCP_KEK ":encrypt",
						  HEADERS, "{\"plaintext\":\"" GCP_KEY "\",\"plaintextCrc32c\":\"" GCP_KEY_CRC
						  "\"," BINDING "}"),
		   "gcp: a key is wrapped by encrypt, with the sums of all that is sent");
	tap_ok(build(plain, KMS_UNWRAP, GCP_KEK, wrapped) &&
		   gcp_request_is(&request, "POST", "https://cloudkms.googleapis.com/v1/" GCP_KEK ":decrypt",
						  HEADERS, "{\"ciphertext\":\"" GCP_WRAPPED "\",\"ciphertextCrc32c\":\""
						  GCP_WRAPPED_CRC "\"," BINDING "}"),
		   "gcp: a key is unwrapped by decrypt, of the key and not of a version");
	tap_ok(build(full, KMS_UNWRAP, GCP_KEK, wrapped) &&
		   gcp_request_is(&request, "POST", "https://kms.example:8443/v1/" GCP_KEK ":decrypt",
						  HEADERS "X-Goog-User-Project: acme-billing\n",
						  "{\"ciphertext\":\"" GCP_WRAPPED "\",\"ciphertextCrc32c\":\""
						  GCP_WRAPPED_CRC "\"," BINDING "}"),
		   "gcp: address and quota project are where they belong");
	tap_ok(!kms_gcp.remote->can_rewrap(server_of(full)) &&
		   kms_gcp.remote->identity_file(server_of(full)) == NULL,
		   "gcp: keys are wrapped anew by us");
}

static void
test_not_built(void)
{
	static const char *const plain[] = {GCP_MACHINE, NULL};
	static const char *const bad_keks[] = {"", "chat", GCP_KEK "/cryptoKeyVersions/1", GCP_KEK "?x"};
	static uint8 long_wrapped[KMS_WRAPPED_MAX + 1];
	bool		ok = true;

	for (int i = 0; i < lengthof(bad_keks); i++)
		TAP_EACH(ok, !build(plain, KMS_WRAP, bad_keks[i], bytes_of(test_data_key, DATA_KEY_LEN)) &&
				 error.status == KMS_CONFIG && strcmp(error.subject, "kek") == 0, "%s", bad_keks[i]);
	tap_ok(ok, "gcp: a request is not built for what is no name of a key");

	tap_ok(build(plain, KMS_UNWRAP, GCP_KEK, bytes_of(long_wrapped, KMS_WRAPPED_MAX)) &&
		   !build(plain, KMS_UNWRAP, GCP_KEK, bytes_of(long_wrapped, KMS_WRAPPED_MAX + 1)) &&
		   error.status == KMS_BAD_CIPHERTEXT &&
		   !build(plain, KMS_UNWRAP, GCP_KEK, bytes_of(long_wrapped, 0)) &&
		   error.status == KMS_BAD_CIPHERTEXT,
		   "gcp: what cannot be a wrapped key is not sent");
	tap_ok(!build(plain, KMS_REWRAP, GCP_KEK, bytes_of(long_wrapped, 9)) && error.status == KMS_CONFIG,
		   "gcp: what the KMS does not know is not asked");
}
