/*-------------------------------------------------------------------------
 *
 * fuzz_kms_kmip.c
 *	  Any bytes as the answer of a KMIP server, and as a wrapped key.
 *
 * The first byte says what was asked, the rest is the message.  What is taken
 * is a data key, or a wrapped key that we would send again with the same parts;
 * a refusal has a class and a plain detail, and leaves the output alone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "kms/kms_provider.h"
#include "fuzz.h"

#define WRAPPED_LEN 61

static const char *const options[] = {
	"provider", "kmip", "address", "kmip.example", "client_cert_file", "/c", "client_key_file", "/k"
};

static const KmsContext context = {
	.tenant = "acme",
	.key_id = (const uint8 *) "\1\2\3\4\5\6\7\10",
	.purpose = "data",
	.kek = "4",
};

static KmsServer server;
static KmsReply reply;
static KmsRequest request;
static const KmsToken token;
static uint8 scratch[KMS_SCRATCH_LEN];

static void
check_error(const KmsError *error)
{
	check(error->status > KMS_OK && error->status <= KMS_CREDENTIAL);
	check(strnlen(error->subject, sizeof(error->subject)) < sizeof(error->subject));
	check(error->detail[0] != '\0');
	for (const char *c = error->detail; *c != '\0'; c++)
		check(*c >= ' ' && *c <= '~');
}

static bool
build(Bytes wrapped)
{
	KmsAsked	asked = {.operation = KMS_UNWRAP,.context = &context,.in = wrapped,.scratch = scratch};
	KmsError	error;

	if (kms_kmip.remote->build(&server, &asked, &token, &request, &error))
		return true;
	check(error.status == KMS_BAD_CIPHERTEXT);
	check_error(&error);
	return false;
}

static void
check_answer(KmsOperation operation)
{
	KmsAsked	asked = {.operation = operation,.context = &context,.scratch = scratch};
	uint8		out[KMS_WRAPPED_MAX];
	Size		len = 0;
	KmsError	error;

	memset(out, 'z', sizeof(out));
	if (!kms_kmip.remote->read(&server, &asked, &reply, out, &len, &error))
	{
		check_error(&error);
		check(out[0] == 'z' && len == 0);
	}
	else if (operation == KMS_UNWRAP)
		check(len == DATA_KEY_LEN);
	else
		check(len == WRAPPED_LEN && build(bytes_of(out, len)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (server.provider == NULL)
	{
		uint8		bytes[512];
		ByteWriter	w = writer_of(bytes, sizeof(bytes));
		KmsError	error;

		for (int i = 0; i < lengthof(options); i++)
			writer_sized(&w, bytes_of_string(options[i]));
		check(kms_server_read("fuzz", writer_bytes(&w), &server, &error));
	}
	if (size < 1 || size - 1 > KMS_REPLY_BODY_MAX)
		return 0;
	reply.body_len = size - 1;
	memcpy(reply.body, data + 1, size - 1);
	reply.body[size - 1] = '\0';
	check_answer(data[0] % 2 == 0 ? KMS_WRAP : KMS_UNWRAP);
	check(build(bytes_of(data + 1, size - 1)) == (size - 1 == WRAPPED_LEN && data[1] == 1));
	return 0;
}
