/*-------------------------------------------------------------------------
 *
 * fuzz_kms_vault.c
 *	  Any bytes as the answer of a Vault to anything.
 *
 * The first byte says what was asked, two are the status, the rest is the
 * body.  What is taken is a data key, a wrapped key that we would send again,
 * or a token that can be sent; a refusal has a class and a plain detail.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "kms/kms_provider.h"
#include "fuzz.h"

static const char *const options[] = {
	"provider", "vault", "address", "https://vault.example", "auth_method", "approle",
	"role_id", "r", "secret_id_file", "/f", "binding", "derived_context"
};

static const KmsContext context = {
	.tenant = "acme",
	.key_id = (const uint8 *) "\1\2\3\4\5\6\7\10",
	.purpose = "data",
	.kek = "saas-chat",
};

static KmsServer server;
static KmsReply reply;
static KmsRequest request;
static KmsCredential credential;

static void
check_error(const KmsError *error)
{
	check(error->status > KMS_OK && error->status <= KMS_CREDENTIAL);
	check(strnlen(error->subject, sizeof(error->subject)) < sizeof(error->subject));
	check(error->detail[0] != '\0');
	for (const char *c = error->detail; *c != '\0'; c++)
		check(*c >= ' ' && *c <= '~');

	/* only an answer that says so is a "no" */
	check(error->status != KMS_DENIED ||
		  reply.status == 400 || reply.status == 403 || reply.status == 404 ||
		  reply.status == 405 || reply.status == 503);
}

static void
check_operation(KmsOperation operation)
{
	uint8		out[KMS_WRAPPED_MAX];
	Size		len = 0;
	KmsError	error;
	static const KmsToken token = {.text = "t"};
	uint8		scratch[KMS_SCRATCH_LEN] = {0};
	KmsAsked	asked = {.operation = operation,.context = &context,.scratch = scratch};

	if (!kms_vault.remote->read(&server, &asked, &reply, out, &len, &error))
	{
		check_error(&error);
		return;
	}
	check(reply.status == 200);
	asked.operation = KMS_UNWRAP;
	asked.in = bytes_of(out, len);
	if (operation == KMS_UNWRAP)
		check(len == DATA_KEY_LEN);
	else
		check(len <= KMS_WRAPPED_MAX &&
			  kms_vault.remote->build(&server, &asked, &token, &request, &error));
}

static void
check_login(KmsLogin step)
{
	static KmsToken token;
	KmsLoginAsked asked = {.step = step,.credential = &credential};
	KmsLoginAsked renewal = {.step = KMS_RENEW};
	KmsError	error;

	if (kms_vault.remote->read_login(&server, &asked, &reply, &token, &error) == KMS_FAILED)
		check_error(&error);
	else if (step != KMS_LOGOUT)
		check(kms_vault.remote->build_login(&server, &renewal, &token, &request,
											&error) == KMS_GO_ON);
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
	if (size < 3 || size - 3 > KMS_REPLY_BODY_MAX)
		return 0;
	reply.status = data[1] << 8 | data[2];
	reply.body_len = size - 3;
	memcpy(reply.body, data + 3, size - 3);
	reply.body[size - 3] = '\0';
	if (data[0] % 6 < 3)
		check_operation((KmsOperation) (data[0] % 6));
	else
		check_login((KmsLogin) (data[0] % 6 - 3));
	return 0;
}
