/*-------------------------------------------------------------------------
 *
 * fuzz_kms_azure.c
 *	  Any bytes as the answer of Azure to anything, and as a wrapped key.
 *
 * The first byte says what was asked, two are the status, the rest is the
 * body, or the wrapped key that is to be unwrapped.  What is taken is a data
 * key, a wrapped key that we would send again, or a token that can be sent; a
 * refusal has a class and a plain detail.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "crypto/aead.h"
#include "kms/kms_inner_key.h"
#include "kms/kms_provider.h"
#include "fuzz.h"

#define VERSION "0123456789abcdef0123456789abcdef"

static const char *const vault_options[] = {
	"provider", "azure", "address", "https://acme.vault.azure.net", "auth_method", "client_secret",
	"tenant_id", "t", "client_id", "c", "client_secret_file", "/f", NULL
};
static const char *const hsm_options[] = {
	"provider", "azure", "address", "https://acme.managedhsm.azure.net", "algorithm", "a256gcm",
	"auth_method", "managed_identity", NULL
};

static const KmsContext context = {
	.tenant = "acme",
	.key_id = (const uint8 *) "\1\2\3\4\5\6\7\10",
	.purpose = "data",
	.kek = "saas-chat",
};

static KmsServer vault;
static KmsServer hsm;
static KmsReply reply;
static KmsRequest request;
static KmsToken token;
static uint8 scratch[KMS_SCRATCH_LEN];
static uint8 data_key[DATA_KEY_LEN];
static uint8 wrapped[2][KMS_WRAPPED_MAX];	/* of vault and of hsm */
static Size wrapped_len[2];

static void
read_server(const char *const *options, KmsServer *server)
{
	uint8		bytes[1024];
	ByteWriter	w = writer_of(bytes, sizeof(bytes));
	KmsError	error;

	for (; *options != NULL; options++)
		writer_sized(&w, bytes_of_string(*options));
	check(kms_server_read("fuzz", writer_bytes(&w), server, &error));
}

static void
prepare(void)
{
	KmsAsked	asked = {.context = &context,.in = bytes_of(data_key, DATA_KEY_LEN),.scratch = scratch};
	KmsError	error;

	check(aead_startup());
	read_server(vault_options, &vault);
	read_server(hsm_options, &hsm);
	strlcpy(token.text, "t", sizeof(token.text));
	check(kms_inner_key_seal(&asked, bytes_of_string(VERSION), bytes_of(data_key, 32), wrapped[0],
							 &wrapped_len[0], &error));
	wrapped[1][0] = 2;
	memcpy(wrapped[1] + 1, VERSION, strlen(VERSION));
	wrapped_len[1] = 93;
}

static void
check_error(const KmsError *error)
{
	check(error->status > KMS_OK && error->status <= KMS_CREDENTIAL);
	check(strnlen(error->subject, sizeof(error->subject)) < sizeof(error->subject));
	check(error->detail[0] != '\0');
	for (const char *c = error->detail; *c != '\0'; c++)
		check(*c >= ' ' && *c <= '~');

	/* only an answer that says so is a "no" */
	check(error->status != KMS_DENIED || (reply.status >= 400 && reply.status <= 404));
}

static void
check_operation(bool is_hsm, KmsOperation operation)
{
	const KmsServer *server = is_hsm ? &hsm : &vault;
	KmsAsked	asked = {.operation = operation,.context = &context,.scratch = scratch};
	uint8		out[KMS_WRAPPED_MAX];
	Size		len = 0;
	KmsError	error;

	asked.in = operation == KMS_WRAP ? bytes_of(data_key, DATA_KEY_LEN)
		: bytes_of(wrapped[is_hsm], wrapped_len[is_hsm]);
	if (!kms_azure.remote->read(server, &asked, &reply, out, &len, &error))
	{
		check_error(&error);
		return;
	}
	check(reply.status == 200);
	if (operation == KMS_UNWRAP)
		check(len == DATA_KEY_LEN);
	else
	{
		check(len <= KMS_WRAPPED_MAX);
		asked.operation = KMS_UNWRAP;
		asked.in = bytes_of(out, len);
		check(kms_azure.remote->build(server, &asked, &token, &request, &error));
	}
}

static void
check_login(bool is_hsm)
{
	static KmsToken given;
	KmsLoginAsked asked = {.step = KMS_LOGIN};
	KmsAsked	key = {.operation = KMS_WRAP,.context = &context,.in = bytes_of(data_key, DATA_KEY_LEN),
	.scratch = scratch};
	KmsError	error;

	if (kms_azure.remote->read_login(is_hsm ? &hsm : &vault, &asked, &reply, &given, &error) == KMS_FAILED)
		check_error(&error);
	else
		check(kms_azure.remote->build(&vault, &key, &given, &request, &error));
}

static void
check_wrapped(bool is_hsm)
{
	KmsAsked	asked = {.operation = KMS_UNWRAP,.context = &context,.scratch = scratch,
	.in = bytes_of(reply.body, reply.body_len)};
	KmsError	error;

	if (!kms_azure.remote->build(is_hsm ? &hsm : &vault, &asked, &token, &request, &error))
		check(error.status == KMS_BAD_CIPHERTEXT);
	else
		check(strncmp(request.url + strlen("https://acme."), is_hsm ? "managedhsm" : "vault", 5) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool		is_hsm;

	if (vault.provider == NULL)
		prepare();
	if (size < 3 || size - 3 > KMS_REPLY_BODY_MAX)
		return 0;
	is_hsm = (data[0] & 1) != 0;
	reply.status = data[1] << 8 | data[2];
	reply.body_len = size - 3;
	memcpy(reply.body, data + 3, size - 3);
	reply.body[size - 3] = '\0';
	switch (data[0] >> 1 & 3)
	{
		case 0:
			check_operation(is_hsm, KMS_WRAP);
			break;
		case 1:
			check_operation(is_hsm, KMS_UNWRAP);
			break;
		case 2:
			check_login(is_hsm);
			break;
		default:
			check_wrapped(is_hsm);
	}
	return 0;
}
