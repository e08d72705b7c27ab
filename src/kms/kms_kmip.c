/*-------------------------------------------------------------------------
 *
 * kms_kmip.c
 *	  The provider kmip: servers of KMIP 1.4, over mutual TLS.
 *
 * The server encrypts and decrypts data keys by AES-GCM, under a key that it
 * keeps, and with associated data that bind the data key to its tenant, key id
 * and purpose.  A wrapped key is: version 1 (1 byte), IV (12), ciphertext (32),
 * tag (16).  It is stored for ever.
 *
 * The IV is ours, and random: not every server has a good one.  One key may so
 * wrap 2^32 data keys (NIST SP 800-38D, 8.3).
 *
 * Who we are is in the certificate of our side; a username and a password may
 * be sent with each request.  There is no login.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "kms/kms_address.h"
#include "kms/kms_kmip.h"
#include "kms/kms_options.h"
#include "kms/kms_reply.h"
#include "kms/kms_transport.h"

#define WRAPPED_VERSION		1
#define KEK_MAX				256

StaticAssertDecl(KMIP_IV_LEN <= KMS_SCRATCH_LEN, "an IV does not fit");

static const KmsOptionRule kmip_option_rules[] = {
	{.name = "address",.required = true},
	{.name = "username"},
	{.name = "password_file",.of_machine = true},
	{.name = "ca_file",.of_machine = true},
	{.name = "client_cert_file",.required = true,.of_machine = true},
	{.name = "client_key_file",.required = true,.of_machine = true},
	{.name = "connect_timeout_ms"},
	{.name = "request_timeout_ms"},
	{.name = NULL},
};

static bool
check_username(const KmsServer *server, KmsError *error)
{
	const char *username = kms_option(server, "username");
	bool		has_password = kms_option(server, "password_file") != NULL;

	if ((username != NULL) != has_password)
		return kms_fail(error, KMS_CONFIG, has_password ? "username" : "password_file",
						"it is required with %s", has_password ? "password_file" : "username");
	if (username != NULL && username[0] == '\0')
		return kms_fail(error, KMS_CONFIG, "username", "it must not be empty");
	return kms_option_check_printable(server, "username", error);
}

static bool
kmip_validate(const KmsServer *server, KmsError *error)
{
	return kms_host_validate("address", kms_option(server, "address"), error) &&
		check_username(server, error) &&
		kms_option_check_file(server, "password_file", error) &&
		kms_options_check_http(server, error);
}

static bool
kmip_validate_kek(const char *kek, KmsError *error)
{
	return (strlen(kek) <= KEK_MAX && kms_text_is_token(kek)) ||
		kms_fail(error, KMS_CONFIG, "kek",
				 "it must be the unique identifier of a key: 1 to %d printable characters, no spaces",
				 KEK_MAX);
}

static const char *
kmip_identity_file(const KmsServer *server)
{
	return NULL;
}

static const char *
kmip_secret_file(const KmsServer *server)
{
	return kms_option(server, "password_file");
}

/* The certificate and the password are the credential; they admit to nothing new. */
static bool
kmip_logs_in(const KmsServer *server)
{
	return false;
}

static KmsProgress
kmip_build_login(const KmsServer *server, const KmsLoginAsked *asked, KmsToken *token,
				 KmsRequest *request, KmsError *error)
{
	if (asked->step == KMS_LOGIN)
	{
		if (!kms_text_is_printable(asked->credential->secret))
		{
			kms_fail(error, KMS_CREDENTIAL, "password_file", "The file holds no password.");
			return KMS_FAILED;
		}
		strlcpy(token->text, asked->credential->secret, sizeof(token->text));
	}
	return KMS_COMPLETE;
}

static KmsProgress
kmip_read_login(const KmsServer *server, const KmsLoginAsked *asked, const KmsReply *reply,
				KmsToken *token, KmsError *error)
{
	kms_fail(error, KMS_PROTOCOL, "", "Nothing was asked.");
	return KMS_FAILED;
}

static KmipCipher
cipher_of(const KmsAsked *asked)
{
	return (KmipCipher) {
		.operation = asked->operation == KMS_WRAP ? KMIP_ENCRYPT : KMIP_DECRYPT,
		.key = asked->context->kek,
		.iv = bytes_of(asked->scratch, KMIP_IV_LEN),
	};
}

/* The parts of a wrapped key. */
static bool
read_wrapped(Bytes wrapped, KmipCipher *cipher, KmsError *error)
{
	ByteReader	in = reader_of(wrapped);
	uint8		version;

	return (reader_u8(&in, &version) && version == WRAPPED_VERSION &&
			reader_take(&in, KMIP_IV_LEN, &cipher->iv) &&
			reader_take(&in, DATA_KEY_LEN, &cipher->data) &&
			reader_take(&in, KMIP_TAG_LEN, &cipher->tag) &&
			reader_left(&in) == 0) ||
		kms_fail(error, KMS_BAD_CIPHERTEXT, "", "The wrapped key is not one of KMIP.");
}

static bool
kmip_build(const KmsServer *server, const KmsAsked *asked, const KmsToken *token,
		   KmsRequest *request, KmsError *error)
{
	KmipCipher	cipher = cipher_of(asked);
	uint8		associated[KMS_ASSOCIATED_MAX];

	Assert(asked->operation != KMS_REWRAP);
	if (!kmip_validate_kek(asked->context->kek, error))
		return false;
	if (asked->operation == KMS_WRAP)
	{
		cipher.data = asked->in;
		if (!pg_strong_random(asked->scratch, KMIP_IV_LEN))
			return kms_fail(error, KMS_UNAVAILABLE, "", "There are no random numbers.");
	}
	else if (!read_wrapped(asked->in, &cipher, error))
		return false;
	cipher.associated = bytes_of(associated, kms_associated_data(asked->context, associated));

	kmip_request(&cipher, kms_option(server, "username"), token->text, request);
	return !request->invalid ||
		kms_fail(error, KMS_CONFIG, "options", "a request cannot be made of them");
}

static bool
read_key(const KmipAnswer *answer, uint8 *out, Size *out_len, KmsError *error)
{
	if (answer->data.len != DATA_KEY_LEN)
		return kms_fail(error, KMS_PROTOCOL, "", "Its reply holds no data key.");
	memcpy(out, answer->data.data, DATA_KEY_LEN);
	*out_len = DATA_KEY_LEN;
	return true;
}

static bool
put_wrapped(const KmsAsked *asked, const KmipAnswer *answer, uint8 *out, Size *out_len,
			KmsError *error)
{
	ByteWriter	w = writer_of(out, KMS_WRAPPED_MAX);

	if (answer->data.len != DATA_KEY_LEN || answer->tag.len != KMIP_TAG_LEN)
		return kms_fail(error, KMS_PROTOCOL, "", "Its reply holds no wrapped key.");
	writer_u8(&w, WRAPPED_VERSION);
	writer_put(&w, bytes_of(asked->scratch, KMIP_IV_LEN));
	writer_put(&w, answer->data);
	writer_put(&w, answer->tag);
	*out_len = w.len;
	return true;
}

static bool
kmip_read(const KmsServer *server, const KmsAsked *asked, const KmsReply *reply,
		  uint8 *out, Size *out_len, KmsError *error)
{
	KmipCipher	cipher = cipher_of(asked);
	KmipAnswer	answer;

	if (!kms_reply_came(reply, error))
		return false;
	if (!kmip_answer(&cipher, bytes_of(reply->body, reply->body_len), &answer))
		return kms_fail(error, KMS_PROTOCOL, "",
						"Its reply is not one of KMIP 1.4 to what it was asked.");
	if (!answer.success)
		return kmip_refused(&answer, 1 << asked->operation, error);
	return asked->operation == KMS_WRAP ? put_wrapped(asked, &answer, out, out_len, error)
		: read_key(&answer, out, out_len, error);
}

/* Its Encrypt and Decrypt are two requests, and the key comes by. */
static bool
kmip_can_rewrap(const KmsServer *server)
{
	return false;
}

static const KmsRemote kmip_remote = {
	.transport = &kms_over_tls,
	.identity_file = kmip_identity_file,
	.secret_file = kmip_secret_file,
	.logs_in = kmip_logs_in,
	.build_login = kmip_build_login,
	.read_login = kmip_read_login,
	.build = kmip_build,
	.read = kmip_read,
	.can_rewrap = kmip_can_rewrap,
};

const KmsProvider kms_kmip = {
	.name = "kmip",
	.option_rules = kmip_option_rules,
	.validate = kmip_validate,
	.validate_kek = kmip_validate_kek,
	.remote = &kmip_remote,
};
