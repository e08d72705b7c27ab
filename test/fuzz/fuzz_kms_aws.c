/*-------------------------------------------------------------------------
 *
 * fuzz_kms_aws.c
 *	  Any bytes as the answer of AWS KMS, of STS or of a metadata service; and
 *	  as a file of access keys.
 *
 * The first byte says what was asked, two are the status, the rest is the
 * body.  What is taken is a data key, a wrapped key that we would send again,
 * or an access key that can sign; a refusal has a class and a plain detail.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "kms/kms_aws.h"
#include "fuzz.h"

#define KEK "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
#define NOW INT64CONST(1795391999)

static const char *const chain[] = {
	"provider", "aws", "region", "eu-central-1", "auth_method", "imds",
	"role_arn", "arn:aws:iam::444455556666:role/bionic", NULL
};
static const char *const web[] = {
	"provider", "aws", "region", "eu-central-1", "auth_method", "web_identity",
	"web_identity_token_file", "/f", "web_identity_role_arn", "arn:aws:iam::111122223333:role/x", NULL
};

static const KmsContext context = {
	.tenant = "acme",
	.key_id = (const uint8 *) "\1\2\3\4\5\6\7\10",
	.purpose = "data",
	.kek = KEK,
};

static KmsServer chain_server;
static KmsServer web_server;
static KmsReply reply;
static KmsRequest request;
static KmsToken token;

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
check_operation(KmsOperation operation)
{
	static const KmsToken signer = {.text = "AKIDEXAMPLE\tsecret\t"};
	KmsAsked	asked = {.operation = operation,.context = &context,.now_s = NOW};
	KmsAsked	again = {.operation = KMS_UNWRAP,.context = &context,.now_s = NOW};
	uint8		out[KMS_WRAPPED_MAX];
	Size		len = 0;
	KmsError	error;

	if (!kms_aws.remote->read(&chain_server, &asked, &reply, out, &len, &error))
	{
		check_error(&error);
		return;
	}
	check(reply.status == 200);
	if (operation == KMS_UNWRAP)
	{
		check(len == DATA_KEY_LEN);
		return;
	}
	again.in = bytes_of(out, len);
	check(len <= KMS_WRAPPED_MAX &&
		  kms_aws.remote->build(&chain_server, &again, &signer, &request, &error));
}

/* What a login has come to can be built on. */
static void
check_login(const KmsServer *server, int round)
{
	KmsLoginAsked asked = {.step = KMS_LOGIN,.round = round,.now_s = NOW};
	SigV4Keys	keys;
	KmsError	error;

	strlcpy(token.text, round == 2 ? "role\tsession" : "session", sizeof(token.text));
	switch (kms_aws.remote->read_login(server, &asked, &reply, &token, &error))
	{
		case KMS_FAILED:
			check_error(&error);
			check(token.text[0] == '\0');
			break;
		case KMS_GO_ON:
			asked.round++;
			check(kms_aws.remote->build_login(server, &asked, &token, &request, &error) == KMS_GO_ON);
			break;
		case KMS_COMPLETE:
			check(aws_keys_of(&token, &keys) && token.lifetime_s > 0);
			break;
	}
}

static void
check_profile(void)
{
	SigV4Keys	keys;
	KmsError	error;

	if (strlen(reply.body) >= KMS_CREDENTIAL_MAX)
		return;
	if (aws_keys_of_profile(reply.body, "default", &token, &error))
		check(aws_keys_of(&token, &keys));
	else
		check(error.status == KMS_CREDENTIAL && token.text[0] == '\0');
}

static void
make_server(const char *const *options, KmsServer *server)
{
	static uint8 bytes[2][512];
	static int	made = 0;
	ByteWriter	w = writer_of(bytes[made++], sizeof(bytes[0]));
	KmsError	error;

	for (; *options != NULL; options++)
		writer_sized(&w, bytes_of_string(*options));
	check(kms_server_read("fuzz", writer_bytes(&w), server, &error));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int			asked;

	if (chain_server.provider == NULL)
	{
		make_server(chain, &chain_server);
		make_server(web, &web_server);
	}
	if (size < 3 || size - 3 > KMS_REPLY_BODY_MAX)
		return 0;
	asked = data[0] % 9;
	reply.status = data[1] << 8 | data[2];
	reply.body_len = size - 3;
	memcpy(reply.body, data + 3, size - 3);
	reply.body[size - 3] = '\0';
	memset(&token, 0, sizeof(token));
	if (asked < 3)
		check_operation((KmsOperation) asked);
	else if (asked < 7)
		check_login(&chain_server, asked - 3);
	else if (asked == 7)
		check_login(&web_server, 0);
	else
		check_profile();
	return 0;
}
