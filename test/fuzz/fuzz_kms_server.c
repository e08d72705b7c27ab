/*-------------------------------------------------------------------------
 *
 * fuzz_kms_server.c
 *	  Any bytes as the options of a server.
 *
 * Whatever is taken makes requests to https and to the host that it names,
 * with no header but ours.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "kms/kms_provider.h"
#include "fuzz.h"

static const KmsContext context = {
	.tenant = "acme",
	.key_id = (const uint8 *) "\1\2\3\4\5\6\7\10",
	.purpose = "data",
	.kek = "saas-chat",
};

static KmsToken token = {.text = "hvs.TOKEN"};
static const KmsCredential credential = {.identity = "id",.secret = "a.b.c"};
static KmsRequest request;

static void
check_request(const KmsServer *server)
{
	const char *address = kms_option(server, "address");
	static const char *const names[] = {
		"X-Vault-Request: true", "X-Vault-Namespace: ", "X-Vault-Token: ",
		"Content-Type: application/json"
	};
	const char *end = request.headers + request.headers_len;

	check(!request.invalid && strncmp(address, "https://", 8) == 0 &&
		  strncmp(request.url, address, strlen(address)) == 0 &&
		  strncmp(request.url + strlen(address), "/v1/", 4) == 0 &&
		  strstr(request.url, "/../") == NULL && strcspn(request.url, " ?#\\") == request.url_len);
	for (const char *header = request.headers; header < end; header += strlen(header) + 1)
	{
		bool		ours = false;

		for (int i = 0; i < lengthof(names); i++)
			ours |= strncmp(header, names[i], strlen(names[i])) == 0;
		check(ours && strpbrk(header, "\r\n") == NULL);
	}
}

static void
check_vault(const KmsServer *server)
{
	const KmsRemote *remote = server->provider->remote;
	const char *secret = remote->secret_file(server);
	uint8		data_key[DATA_KEY_LEN] = {0};
	uint8		scratch[KMS_SCRATCH_LEN] = {0};
	KmsAsked	asked = {
		.operation = KMS_WRAP,
		.context = &context,
		.in = bytes_of(data_key, sizeof(data_key)),
		.scratch = scratch,
	};
	KmsError	error;

	check(secret == NULL || secret[0] == '/');
	if (remote->build(server, &asked, &token, &request, &error))
		check_request(server);
	else
		abort();
	for (KmsLogin step = KMS_LOGIN; step <= KMS_LOGOUT; step++)
	{
		KmsLoginAsked login = {.step = step,.credential = &credential};

		switch (remote->build_login(server, &login, &token, &request, &error))
		{
			case KMS_GO_ON:
				check_request(server);
				break;
			case KMS_COMPLETE:
				check(step == KMS_LOGOUT && !remote->logs_in(server));
				break;
			case KMS_FAILED:
				abort();
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static KmsServer server;
	KmsError	error;

	if (!kms_server_read("fuzz", bytes_of(data, size), &server, &error))
		check(error.status == KMS_CONFIG && error.subject[0] != '\0');
	else if (server.provider == &kms_vault)
		check_vault(&server);
	return 0;
}
