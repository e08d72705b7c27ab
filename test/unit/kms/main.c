/*-------------------------------------------------------------------------
 *
 * main.c
 *	  Runs the tests of the pure part of src/kms.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sodium.h>

#include "crypto/aead.h"
#include "kms_tap.h"

const uint8 test_data_key[DATA_KEY_LEN] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
	0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff
};

const KmsContext test_context = {
	.tenant = "acme",
	.key_id = (const uint8 *) "\1\2\3\4\5\6\7\10",
	.purpose = "data",
	.kek = "saas-chat",
};

bool
server_read(KmsServer *server, KmsError *error, const char *const *options)
{
	static uint8 bytes[65536];
	ByteWriter	w = writer_of(bytes, sizeof(bytes));

	for (; *options != NULL; options++)
		writer_sized(&w, bytes_of_string(*options));
	return kms_server_read("test", writer_bytes(&w), server, error);
}

const KmsServer *
server_of(const char *const *options)
{
	static KmsServer server;
	KmsError	error;

	if (!server_read(&server, &error, options))
	{
		tap_note("option %s: %s", error.subject, error.detail);
		abort();
	}
	return &server;
}

KmsReply *
reply_of(int status, const char *body)
{
	static KmsReply reply;

	memset(&reply, 0, sizeof(reply));
	reply.status = status;
	reply.body_len = strlcpy(reply.body, body, sizeof(reply.body));
	return &reply;
}

bool
ask_build(const KmsProvider *provider, const KmsServer *server, KmsOperation operation,
		  const KmsContext *context, Bytes in, const KmsToken *token, KmsRequest *request,
		  KmsError *error)
{
	static uint8 scratch[KMS_SCRATCH_LEN];
	KmsAsked	asked = {.operation = operation,.context = context,.in = in,.scratch = scratch};

	return provider->remote->build(server, &asked, token, request, error);
}

bool
ask_read(const KmsProvider *provider, const KmsServer *server, KmsOperation operation,
		 const KmsReply *reply, uint8 *out, Size *out_len, KmsError *error)
{
	static uint8 scratch[KMS_SCRATCH_LEN];
	KmsAsked	asked = {.operation = operation,.context = &test_context,.scratch = scratch};

	return provider->remote->read(server, &asked, reply, out, out_len, error);
}

int
main(void)
{
	if (sodium_init() < 0 || !aead_startup())
		return 1;
	test_message();
	test_json();
	test_options();
	test_inner_key();
	test_oauth();
	test_jwt();
	test_token_claims();
	test_token_source();
	test_ttlv();
	test_kmip_vector();
	test_kmip_requests();
	test_kmip_replies();
	test_azure_requests();
	test_azure_replies();
	test_azure_refusals();
	test_azure_logins();
	test_gcp_options();
	test_gcp_requests();
	test_gcp_logins();
	test_gcp_replies();
	test_gcp_refusals();
	test_sigv4();
	test_aws_requests();
	test_aws_replies();
	test_aws_logins();
	test_aws_refusals();
	test_vault_requests();
	test_vault_replies();
	test_vault_refusals();
	test_pkcs11_requests();
	test_pkcs11_replies();
	test_pkcs11_pins();
	return tap_done();
}
