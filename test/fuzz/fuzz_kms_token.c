/*-------------------------------------------------------------------------
 *
 * fuzz_kms_token.c
 *	  Any bytes as claims that are demanded and claims that a token has, as the
 *	  answer of a source of tokens, and as a token to log in with.
 *
 * The first byte says which.  What is demanded has a name and can be found in
 * a token made of it; a refusal has a class and a plain detail; a token that is
 * taken is text.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "kms/token_claims.h"
#include "kms/token_source.h"
#include "fuzz.h"

static const char *const options[] = {
	"provider", "vault", "address", "https://vault.example", "auth_method", "jwt", "role", "r",
	"token_source", "unix:/s", "token_audience", "a",
	"attestation_claims", "{\"/dbgstat\":\"disabled-since-boot\"}"
};

static KmsServer server;
static TokenSource source;
static KmsReply reply;
static KmsCredential credential;
static char token[KMS_JWT_MAX];

static bool
is_plain(const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
	{
		if (*c < ' ' || *c > '~')
			return false;
	}
	return true;
}

static void
check_error(const KmsError *error)
{
	check(error->status == KMS_CREDENTIAL || error->status == KMS_UNATTESTED ||
		  error->status == KMS_CONFIG);
	check(error->detail[0] != '\0' && is_plain(error->detail));
}

/* What is demanded, a NUL, and what there is. */
static void
check_claims(const uint8_t *data, size_t size)
{
	static char demanded[4096];
	char		missing[TOKEN_CLAIM_NAME_MAX];
	Size		len = strnlen((const char *) data, size);
	Bytes		claims = bytes_of(data + Min(len + 1, size), size - Min(len + 1, size));
	KmsError	error;
	bool		valid;

	if (len >= sizeof(demanded))
		return;
	memcpy(demanded, data, len);
	demanded[len] = '\0';
	valid = token_claims_validate(demanded, "attestation_claims", &error);
	if (!valid)
		check_error(&error);
	if (token_claims_hold(demanded, claims, missing))
		check(valid && claims.len > 0);
	else
		check(!valid || (missing[0] == '/' && is_plain(missing)));
}

static void
check_answer(const uint8_t *data, size_t size)
{
	KmsError	error;

	kms_reply_init(&reply);
	reply.status = 200;
	reply.body_len = size;
	memcpy(reply.body, data, size);
	reply.body[size] = '\0';
	if (token_source_read(&source, &reply, token, &error))
		check(strnlen(token, sizeof(token)) < sizeof(token));
	else
		check_error(&error);
}

static void
check_token(const uint8_t *data, size_t size)
{
	KmsError	error;

	if (size >= sizeof(credential.secret))
		return;
	memcpy(credential.secret, data, size);
	credential.secret[size] = '\0';
	strlcpy(credential.nonce, "n", sizeof(credential.nonce));
	if (!token_source_permits(&server, &source, &credential, 1800000000, &error))
		check_error(&error);
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
		check(kms_vault.remote->token_source(&server, &source));
	}
	if (size < 1 || size - 1 > KMS_REPLY_BODY_MAX)
		return 0;
	switch (data[0] % 3)
	{
		case 0:
			check_claims(data + 1, size - 1);
			break;
		case 1:
			check_answer(data + 1, size - 1);
			break;
		case 2:
			check_token(data + 1, size - 1);
			break;
	}
	return 0;
}
