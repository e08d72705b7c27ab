/*-------------------------------------------------------------------------
 *
 * kms_aws.c
 *	  The provider aws: AWS KMS.
 *
 * A wrapped key is what AWS calls a CiphertextBlob, as it came, and is stored
 * for ever.  It is bound to tenant, key id and purpose by its encryption
 * context, which CloudTrail shows in the clear.
 *
 * AWS finds the key of a CiphertextBlob by itself.  So that no other key than
 * the tenant's own ever unwraps one, the key is named in each request and
 * compared in each reply; that is why it has to be the ARN, and not an alias.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>
#include <sodium.h>

#include "base/json.h"
#include "crypto/base64.h"
#include "crypto/envelope.h"
#include "kms/json_writer.h"
#include "kms/kms_aws.h"
#include "kms/kms_options.h"
#include "kms/kms_transport.h"

#define PART_MAX			64	/* of an ARN */
#define KEK_MAX				384 /* more than an ARN, with its NUL */
#define PLAINTEXT_MAX		64	/* more than base64 of a data key */
#define BLOB_MAX			(4 * (KMS_WRAPPED_MAX / 3 + 1) + 1) /* in base64 */

#define LOWER	"abcdefghijklmnopqrstuvwxyz"
#define UPPER	"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS	"0123456789"

/* The next part of an ARN, and what ends it. */
static bool
take_part(const char **rest, const char *allowed, char end, Bytes *part)
{
	Size		len = strspn(*rest, allowed);

	*part = bytes_of(*rest, len);
	if (len == 0 || len > PART_MAX || (*rest)[len] != end)
		return false;
	*rest += len + (end != '\0');
	return true;
}

/* arn:PARTITION:kms:REGION:ACCOUNT:key/ID */
static bool
read_kek(const char *kek, Bytes *region)
{
	Bytes		arn;
	Bytes		partition;
	Bytes		service;
	Bytes		account;
	Bytes		type;
	Bytes		id;

	return take_part(&kek, LOWER, ':', &arn) && bytes_equal(arn, bytes_of_string("arn")) &&
		take_part(&kek, LOWER "-", ':', &partition) &&
		take_part(&kek, LOWER, ':', &service) && bytes_equal(service, bytes_of_string("kms")) &&
		take_part(&kek, LOWER DIGITS "-", ':', region) &&
		take_part(&kek, DIGITS, ':', &account) && account.len == 12 &&
		take_part(&kek, LOWER, '/', &type) && bytes_equal(type, bytes_of_string("key")) &&
		take_part(&kek, LOWER UPPER DIGITS "-", '\0', &id);
}

static bool
aws_validate_kek(const char *kek, KmsError *error)
{
	Bytes		region;

	return read_kek(kek, &region) ||
		kms_fail(error, KMS_CONFIG, "kek",
				 "it must be the ARN of a key, arn:aws:kms:REGION:ACCOUNT:key/ID; an alias is none, since it can be moved to another key");
}

/* Other regions have other keys, whatever they answer. */
static bool
check_kek(const KmsServer *server, const char *kek, KmsError *error)
{
	Bytes		region;

	return aws_validate_kek(kek, error) &&
		((read_kek(kek, &region) &&
		  bytes_equal(region, bytes_of_string(kms_option(server, "region")))) ||
		 kms_fail(error, KMS_CONFIG, "kek", "it is a key of another region than the server's"));
}

bool
aws_request_ok(const KmsRequest *request, KmsError *error)
{
	return !request->invalid ||
		kms_fail(error, KMS_CONFIG, "options", "a request cannot be made of them");
}

bool
aws_request_sign(const KmsServer *server, const char *service, const KmsToken *token,
				 int64 now_s, KmsRequest *request, KmsError *error)
{
	SigV4Keys	keys;

	if (!aws_request_ok(request, error))
		return false;
	return (aws_keys_of(token, &keys) &&
			sigv4_sign(request, &keys, kms_option(server, "region"), service, now_s)) ||
		kms_fail(error, KMS_CREDENTIAL, "auth_method", "The request could not be signed.");
}

static void
put(KmsRequest *request, const char *text)
{
	kms_request_body(request, bytes_of_string(text));
}

/* What goes before a value: its name, and what parts it from the one before. */
static void
put_name(KmsRequest *request, const char *name)
{
	put(request, request->body_len == 0 ? "{" : ",");
	json_put_string(request, name);
	put(request, ":");
}

/*
 * "NAME":{...}; what it says is what kms_associated_data() says elsewhere.  Who
 * only tries a KMS is no tenant: AWS promises nothing about empty values.
 */
static void
put_context(KmsRequest *request, const char *name, const KmsContext *context)
{
	char		key_id[2 * KEY_ID_LEN + 1];

	sodium_bin2hex(key_id, sizeof(key_id), context->key_id, KEY_ID_LEN);
	put_name(request, name);
	put(request, "{\"bionic:key_id\":");
	json_put_string(request, key_id);
	json_put_member(request, "bionic:purpose", context->purpose);
	if (context->tenant[0] != '\0')
		json_put_member(request, "bionic:tenant", context->tenant);
	put(request, "}");
}

static void
put_bytes(KmsRequest *request, const char *name, Bytes bytes)
{
	put_name(request, name);
	json_put_base64(request, bytes);
}

/* In the order of KmsOperation. */
static const struct
{
	const char *target;
	const char *in;
	const char *kek;
	const char *context;
}			operations[] = {
	{"TrentService.Encrypt", "Plaintext", "KeyId", "EncryptionContext"},
	{"TrentService.Decrypt", "CiphertextBlob", "KeyId", "EncryptionContext"},
	{"TrentService.ReEncrypt", "CiphertextBlob", "SourceKeyId", "SourceEncryptionContext"},
};

static bool
aws_build(const KmsServer *server, const KmsAsked *asked, const KmsToken *token,
		  KmsRequest *request, KmsError *error)
{
	const KmsContext *context = asked->context;
	char		url[AWS_URL_MAX];

	if (!check_kek(server, context->kek, error))
		return false;
	if (asked->operation != KMS_WRAP && (asked->in.len == 0 || asked->in.len > KMS_WRAPPED_MAX))
		return kms_fail(error, KMS_BAD_CIPHERTEXT, "", "The wrapped key is not one of AWS.");

	http_request_init(request, "POST", aws_url(server, "address", "kms", url));
	http_request_path(request, "/");
	http_request_header(request, "Content-Type", "application/x-amz-json-1.1");
	http_request_header(request, "X-Amz-Target", operations[asked->operation].target);
	json_put_member(request, operations[asked->operation].kek, context->kek);
	put_context(request, operations[asked->operation].context, context);
	if (asked->operation == KMS_REWRAP)
	{
		json_put_member(request, "DestinationKeyId", context->kek);
		put_context(request, "DestinationEncryptionContext", context);
	}
	put_bytes(request, operations[asked->operation].in, asked->in);
	put(request, "}");
	return aws_request_sign(server, "kms", token, asked->now_s, request, error);
}

/* The member that was asked for, once the reply is about the right key. */
static bool
read_result(const KmsReply *reply, const KmsAsked *asked, const char *name,
			char *out, Size size, KmsError *error)
{
	char		kek[KEK_MAX];
	char		source[KEK_MAX];
	JsonWanted	wanted[] = {
		{name, out, size, false},
		{"KeyId", kek, sizeof(kek), false},
		{"SourceKeyId", source, sizeof(source), false},
	};

	if (!json_find(bytes_of(reply->body, reply->body_len), wanted, lengthof(wanted)) ||
		!wanted[0].found || !wanted[1].found ||
		wanted[2].found != (asked->operation == KMS_REWRAP))
		return kms_reply_fail(reply, error, KMS_PROTOCOL, "", "Its reply is not one of AWS KMS");
	if (strcmp(kek, asked->context->kek) != 0 ||
		(wanted[2].found && strcmp(source, asked->context->kek) != 0))
		return kms_reply_fail(reply, error, KMS_PROTOCOL, "",
							  "Its reply is about another key than the one asked for");
	return true;
}

static bool
read_key(const KmsReply *reply, const KmsAsked *asked, uint8 *out, Size *out_len,
		 KmsError *error)
{
	char		plaintext[PLAINTEXT_MAX];
	bool		ok = read_result(reply, asked, "Plaintext", plaintext, sizeof(plaintext), error);

	if (ok && (!base64_decode(plaintext, out, DATA_KEY_LEN, out_len) ||
			   *out_len != DATA_KEY_LEN))
		ok = kms_reply_fail(reply, error, KMS_PROTOCOL, "", "Its reply holds no data key");
	OPENSSL_cleanse(plaintext, sizeof(plaintext));
	if (!ok)
		OPENSSL_cleanse(out, DATA_KEY_LEN);
	return ok;
}

static bool
read_wrapped(const KmsReply *reply, const KmsAsked *asked, uint8 *out, Size *out_len,
			 KmsError *error)
{
	char		blob[BLOB_MAX];

	if (!read_result(reply, asked, "CiphertextBlob", blob, sizeof(blob), error))
		return false;
	return (base64_decode(blob, out, KMS_WRAPPED_MAX, out_len) && *out_len > 0) ||
		kms_reply_fail(reply, error, KMS_PROTOCOL, "", "Its reply holds no wrapped key");
}

static bool
aws_read(const KmsServer *server, const KmsAsked *asked, const KmsReply *reply,
		 uint8 *out, Size *out_len, KmsError *error)
{
	if (!kms_reply_came(reply, error))
		return false;
	if (reply->status != 200)
		return aws_refused(reply, 1 << asked->operation, error);
	return asked->operation == KMS_UNWRAP ? read_key(reply, asked, out, out_len, error)
		: read_wrapped(reply, asked, out, out_len, error);
}

static bool
aws_can_rewrap(const KmsServer *server)
{
	return true;
}

static const KmsRemote aws_remote = {
	.transport = &kms_over_http,
	.identity_file = aws_identity_file,
	.secret_file = aws_secret_file,
	.logs_in = aws_logs_in,
	.build_login = aws_build_login,
	.read_login = aws_read_login,
	.build = aws_build,
	.read = aws_read,
	.can_rewrap = aws_can_rewrap,
};

const KmsProvider kms_aws = {
	.name = "aws",
	.option_rules = aws_option_rules,
	.validate = aws_validate,
	.validate_kek = aws_validate_kek,
	.needs_superuser = aws_uses_identity,
	.remote = &aws_remote,
};
