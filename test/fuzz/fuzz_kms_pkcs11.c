/*-------------------------------------------------------------------------
 *
 * fuzz_kms_pkcs11.c
 *	  Any bytes as an answer of the helper process of the provider pkcs11, as a
 *	  request to it, and as a wrapped key.
 *
 * The first byte says which, and how the server is set.  What is taken as a
 * wrapped key we would send again; a refusal has a class and a plain detail;
 * what is read as a frame is written as the same one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/config.h"
#include "crypto/aead.h"
#include "kms/kms_pkcs11.h"
#include "fuzz.h"

#define OPTIONS \
	"provider", "pkcs11", "module_path", "/m.so", "token_label", "t", "pin_file", "/p"

static const char *const options[3][12] = {
	{OPTIONS},
	{OPTIONS, "gcm_iv", "hsm"},
	{OPTIONS, "mechanism", "aes_key_wrap_pad"}
};

static const KmsContext context = {
	.tenant = "acme",
	.key_id = (const uint8 *) "\1\2\3\4\5\6\7\10",
	.purpose = "data",
	.kek = "saas-chat",
};

static const KmsToken token = {.text = "1234"};
static const uint8 data_key[DATA_KEY_LEN] = {1};
static const uint8 some_wrapped[62] = {1, PKCS11_AES_GCM};
static KmsServer servers[3];
static KmsReply reply;
static KmsRequest request;
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

static void
prepare(void)
{
	KmsError	error;

	config_pkcs11_modules = "/m.so";
	check(aead_startup());
	for (int i = 0; i < 3; i++)
	{
		uint8		bytes[512];
		ByteWriter	w = writer_of(bytes, sizeof(bytes));

		for (int j = 0; j < lengthof(options[i]) && options[i][j] != NULL; j++)
			writer_sized(&w, bytes_of_string(options[i][j]));
		check(kms_server_read("fuzz", writer_bytes(&w), &servers[i], &error));
	}
}

static KmsAsked
ask(KmsOperation operation, Bytes in)
{
	return (KmsAsked)
	{
		.operation = operation,.context = &context,.in = in,.scratch = scratch
	};
}

static void
check_reply(const KmsServer *server, KmsOperation operation, Bytes body)
{
	KmsAsked	asked = operation == KMS_WRAP ? ask(KMS_WRAP, bytes_of(data_key, DATA_KEY_LEN))
		: ask(KMS_UNWRAP, bytes_of(some_wrapped, sizeof(some_wrapped)));
	uint8		out[KMS_WRAPPED_MAX];
	Size		len = 0;
	KmsError	error;

	memcpy(reply.body, body.data, body.len);
	reply.body_len = body.len;
	if (!kms_pkcs11.remote->read(server, &asked, &reply, out, &len, &error))
	{
		check_error(&error);
		return;
	}
	check(len <= KMS_WRAPPED_MAX && (operation == KMS_WRAP || len == DATA_KEY_LEN));
	asked = ask(KMS_UNWRAP, bytes_of(out, len));
	check(operation == KMS_UNWRAP ||
		  kms_pkcs11.remote->build(server, &asked, &token, &request, &error));
}

static void
check_wrapped(const KmsServer *server, Bytes wrapped)
{
	KmsAsked	asked = ask(KMS_UNWRAP, wrapped);
	Pkcs11Request wanted;
	KmsError	error;

	if (!kms_pkcs11.remote->build(server, &asked, &token, &request, &error))
		check_error(&error);
	else if (pkcs11_read_request(bytes_of(request.body, request.body_len), &wanted))
		check(wanted.operation == PKCS11_UNWRAP);
}

static void
check_request(Bytes frame)
{
	uint8		again[PKCS11_FRAME_MAX];
	ByteWriter	w = writer_of(again, sizeof(again));
	Pkcs11Request read;
	size_t		rest;

	if (frame.len >= PKCS11_HEADER_LEN && pkcs11_frame_rest(frame.data, &rest))
		check(rest <= PKCS11_FRAME_MAX - PKCS11_HEADER_LEN);
	if (!pkcs11_read_request(frame, &read))
		return;
	pkcs11_write_request(&w, &read);
	check(!w.overflow && bytes_equal(writer_bytes(&w), frame));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const KmsServer *server;
	Bytes		rest;

	if (servers[0].provider == NULL)
		prepare();
	if (size < 1 || size - 1 > KMS_REPLY_BODY_MAX)
		return 0;
	server = &servers[data[0] % 3];
	rest = bytes_of(data + 1, size - 1);
	switch (data[0] / 3 % 4)
	{
		case 0:
			check_reply(server, KMS_WRAP, rest);
			break;
		case 1:
			check_reply(server, KMS_UNWRAP, rest);
			break;
		case 2:
			check_wrapped(server, rest);
			break;
		default:
			check_request(rest);
			break;
	}
	return 0;
}
