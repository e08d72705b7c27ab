/*-------------------------------------------------------------------------
 *
 * fuzz_kms_gcp.c
 *	  Any bytes as the answer of Google to anything, as the file of a service
 *	  account, and as a token of somebody else.
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

#define KEK "projects/p/locations/l/keyRings/r/cryptoKeys/k"

/* What was asked. */
enum
{
	FUZZ_WRAP,
	FUZZ_UNWRAP,
	FUZZ_ASSERTION,
	FUZZ_METADATA,
	FUZZ_EXCHANGE,
	FUZZ_IMPERSONATION,
	FUZZ_ACCOUNT_FILE,			/* these two are files, and no answers */
	FUZZ_SUBJECT_FILE,
	FUZZ_KINDS
};

#define OPTIONS_MAX 16

static const char *const options[][OPTIONS_MAX] = {
	{"provider", "gcp", "auth_method", "service_account", "credentials_file", "/f"},
	{"provider", "gcp", "auth_method", "metadata"},
	{"provider", "gcp", "auth_method", "workload_identity", "subject_token_file", "/f",
		"audience", "//iam.googleapis.com/x", "service_account_impersonation", "a@b"},
};

static const KmsContext context = {
	.tenant = "acme",
	.key_id = (const uint8 *) "\1\2\3\4\5\6\7\10",
	.purpose = "data",
	.kek = KEK,
};

static KmsServer servers[lengthof(options)];
static KmsReply reply;
static KmsRequest request;
static KmsCredential credential;
static KmsToken token;

static const KmsServer *
server_for(int kind)
{
	return &servers[kind == FUZZ_ASSERTION || kind == FUZZ_ACCOUNT_FILE ? 0 :
					kind == FUZZ_METADATA ? 1 : 2];
}

static void
check_error(const KmsError *error, int kind)
{
	check(error->status > KMS_OK && error->status <= KMS_CREDENTIAL);
	check(strnlen(error->subject, sizeof(error->subject)) < sizeof(error->subject));
	check(error->detail[0] != '\0');
	for (const char *c = error->detail; *c != '\0'; c++)
		check(*c >= ' ' && *c <= '~');

	/* only an answer that says so is a "no", and never about who we are */
	check(error->status != KMS_DENIED ||
		  ((reply.status == 400 || reply.status == 401 || reply.status == 402 || reply.status == 403 ||
			reply.status == 404) && kind != FUZZ_ASSERTION && kind != FUZZ_METADATA));
}

static void
check_operation(int kind)
{
	KmsAsked	asked = {.operation = kind == FUZZ_WRAP ? KMS_WRAP : KMS_UNWRAP,.context = &context};
	uint8		out[KMS_WRAPPED_MAX];
	Size		len = 0;
	KmsError	error;

	if (!kms_gcp.remote->read(server_for(kind), &asked, &reply, out, &len, &error))
	{
		check_error(&error, kind);
		return;
	}
	check(reply.status == 200);
	if (kind == FUZZ_UNWRAP)
	{
		check(len == DATA_KEY_LEN);
		return;
	}
	asked.operation = KMS_UNWRAP;
	asked.in = bytes_of(out, len);
	check(len <= KMS_WRAPPED_MAX &&
		  kms_gcp.remote->build(server_for(kind), &asked, &token, &request, &error));
}

static void
check_login(int kind)
{
	KmsLoginAsked asked = {.round = kind == FUZZ_IMPERSONATION,.credential = &credential};
	KmsError	error;

	strcpy(reply.metadata_flavor, "Google");
	switch (kms_gcp.remote->read_login(server_for(kind), &asked, &reply, &token, &error))
	{
		case KMS_FAILED:
			check_error(&error, kind);
			return;
		case KMS_GO_ON:
			asked.round = 1;
			check(kms_gcp.remote->build_login(server_for(kind), &asked, &token, &request,
											  &error) == KMS_GO_ON);
			return;
		case KMS_COMPLETE:
			check(reply.status == 200 && token.text[0] != '\0');
			return;
	}
}

/* What is in the file of our credential: a request, or our own fault. */
static void
check_file(int kind, const uint8_t *data, size_t size)
{
	KmsLoginAsked asked = {.credential = &credential};
	KmsError	error;

	if (size >= sizeof(credential.secret))
		return;
	memcpy(credential.secret, data, size);
	credential.secret[size] = '\0';
	if (kms_gcp.remote->build_login(server_for(kind), &asked, &token, &request,
									&error) == KMS_FAILED)
		check(error.status == KMS_CREDENTIAL || error.status == KMS_CONFIG);
}

static void
read_servers(void)
{
	for (int i = 0; i < lengthof(options); i++)
	{
		uint8		bytes[512];
		ByteWriter	w = writer_of(bytes, sizeof(bytes));
		KmsError	error;

		for (const char *const *option = options[i]; *option != NULL; option++)
			writer_sized(&w, bytes_of_string(*option));
		check(kms_server_read("fuzz", writer_bytes(&w), &servers[i], &error));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int			kind;

	if (servers[0].provider == NULL)
		read_servers();
	if (size < 3 || size - 3 > KMS_REPLY_BODY_MAX)
		return 0;
	kind = data[0] % FUZZ_KINDS;
	if (kind == FUZZ_ACCOUNT_FILE || kind == FUZZ_SUBJECT_FILE)
	{
		check_file(kind, data + 3, size - 3);
		return 0;
	}
	reply.status = data[1] << 8 | data[2];
	reply.body_len = size - 3;
	memcpy(reply.body, data + 3, size - 3);
	reply.body[size - 3] = '\0';
	if (kind == FUZZ_WRAP || kind == FUZZ_UNWRAP)
		check_operation(kind);
	else
		check_login(kind);
	return 0;
}
