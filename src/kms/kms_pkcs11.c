/*-------------------------------------------------------------------------
 *
 * kms_pkcs11.c
 *	  The provider pkcs11: keys of a hardware security module, or whatever
 *	  else has a module of PKCS#11.
 *
 * The module is code of its vendor.  It runs in a helper process (see
 * programs/pkcs11_helper.c), one for each server, and never here; what we
 * exchange are frames of pkcs11_message.h.
 *
 * A wrapped key is: version 1 (1 byte), mechanism (1), then for AES-GCM the IV
 * (12) and ciphertext and tag (48), for AES key wrap what kms_inner_key.c makes
 * of the ciphertext.  It is stored for ever.  It is unwrapped by the mechanism
 * that wrapped it, whatever the server's option says by then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "base/config.h"
#include "kms/kms_inner_key.h"
#include "kms/kms_options.h"
#include "kms/kms_pkcs11.h"
#include "kms/kms_reply.h"
#include "kms/kms_transport.h"
#include "miscadmin.h"

#define WRAP_VERSION	1
#define PREFIX_LEN		2		/* version and mechanism */
#define GCM_SEALED_LEN	(DATA_KEY_LEN + 16)
#define IV_OF_MODULE	"hsm"
#define PIN_LIFETIME_S	1

StaticAssertDecl(KMS_SCRATCH_LEN >= PKCS11_IV_LEN, "scratch does not hold an IV");
StaticAssertDecl(KMS_REQUEST_BODY_MAX >= PKCS11_FRAME_MAX, "a request does not hold a frame");
StaticAssertDecl(KMS_REPLY_BODY_MAX >= PKCS11_FRAME_MAX, "a reply does not hold a frame");

static const KmsOptionRule pkcs11_option_rules[] = {
	{.name = PKCS11_MODULE_OPTION,.required = true,.of_machine = true},
	{.name = "token_label",.required = true},
	{.name = "token_serial"},
	{.name = "pin_file",.required = true,.of_machine = true},
	{.name = "mechanism"},
	{.name = "gcm_iv"},
	{.name = "request_timeout_ms"},
	{.name = NULL},
};

/* In the order of Pkcs11Mechanism. */
static const char *const mechanisms[] = {"aes_gcm", "aes_key_wrap_pad", NULL};

static const char *const iv_sources[] = {"client", IV_OF_MODULE, NULL};

/* A wrapped key, read. */
typedef struct WrappedKey
{
	Pkcs11Mechanism mechanism;
	Bytes		iv;				/* of AES-GCM */
	Bytes		sealed;			/* of AES-GCM; else all that follows */
} WrappedKey;

bool
pkcs11_module_is_allowed(const KmsServer *server)
{
	const char *path = kms_option(server, PKCS11_MODULE_OPTION);
	const char *rest = config_pkcs11_modules;

	while (*rest != '\0')
	{
		Size		len;
		Size		skip;

		rest += strspn(rest, ", ");
		len = skip = strcspn(rest, ",");
		while (len > 0 && rest[len - 1] == ' ')
			len--;
		if (len == strlen(path) && strncmp(rest, path, len) == 0)
			return true;
		rest += skip;
	}
	return false;
}

static bool
check_label(const KmsServer *server, const char *name, Size max, KmsError *error)
{
	const char *value = kms_option(server, name);

	return value == NULL || (strlen(value) <= max && kms_text_is_printable(value)) ||
		kms_fail(error, KMS_CONFIG, name, "it must be printable ASCII of at most %d characters",
				 (int) max);
}

static bool
is_key_wrap(const KmsServer *server)
{
	const char *mechanism = kms_option(server, "mechanism");

	return mechanism != NULL && strcmp(mechanism, mechanisms[PKCS11_AES_KEY_WRAP_PAD - 1]) == 0;
}

static bool
pkcs11_validate(const KmsServer *server, KmsError *error)
{
	if (!kms_option_check_file(server, PKCS11_MODULE_OPTION, error))
		return false;
	/* pg_upgrade has no settings; the list is looked at when it is used, too */
	if (!IsBinaryUpgrade && !pkcs11_module_is_allowed(server))
		return kms_fail(error, KMS_CONFIG, PKCS11_MODULE_OPTION,
						"it is not in bionic_crypt.pkcs11_modules");
	if (!check_label(server, "token_label", PKCS11_TOKEN_LABEL_MAX, error) ||
		!check_label(server, "token_serial", PKCS11_TOKEN_SERIAL_MAX, error) ||
		!kms_option_check_file(server, "pin_file", error) ||
		!kms_option_check_choice(server, "mechanism", mechanisms, error) ||
		!kms_option_check_choice(server, "gcm_iv", iv_sources, error))
		return false;
	if (kms_option(server, "gcm_iv") != NULL && is_key_wrap(server))
		return kms_fail(error, KMS_CONFIG, "gcm_iv", "mechanism %s does not take it",
						mechanisms[PKCS11_AES_KEY_WRAP_PAD - 1]);
	return kms_option_check_integer(server, "request_timeout_ms",
									KMS_TIMEOUT_MIN_MS, KMS_TIMEOUT_MAX_MS, error);
}

static bool
pkcs11_validate_kek(const char *kek, KmsError *error)
{
	Size		len = strlen(kek);

	return (len > 0 && len <= PKCS11_KEY_LABEL_MAX && kms_text_is_printable(kek)) ||
		kms_fail(error, KMS_CONFIG, "kek",
				 "it must be the label (CKA_LABEL) of a key: 1 to %d characters of printable ASCII",
				 PKCS11_KEY_LABEL_MAX);
}

static const char *
no_file(const KmsServer *server)
{
	return NULL;
}

static const char *
pin_file(const KmsServer *server)
{
	return kms_option(server, "pin_file");
}

/* A PIN that is refused is our credential, not the tenant's "no". */
static bool
logs_in(const KmsServer *server)
{
	return false;
}

/*
 * The helper logs in, when it has to; the token is the PIN.  It is read anew
 * for each use, or nearly so: a PIN that was wrong must not be tried once more
 * when its file has been mended.
 */
static KmsProgress
pkcs11_build_login(const KmsServer *server, const KmsLoginAsked *asked, KmsToken *token,
				   KmsRequest *request, KmsError *error)
{
	if (asked->step != KMS_LOGIN)
		return KMS_COMPLETE;
	if (asked->credential->secret[0] == '\0' ||
		strlen(asked->credential->secret) > PKCS11_PIN_MAX)
	{
		kms_fail(error, KMS_CREDENTIAL, "pin_file", "The file holds no PIN.");
		return KMS_FAILED;
	}
	strlcpy(token->text, asked->credential->secret, sizeof(token->text));
	token->lifetime_s = PIN_LIFETIME_S;
	return KMS_COMPLETE;
}

static KmsProgress
pkcs11_read_login(const KmsServer *server, const KmsLoginAsked *asked, const KmsReply *reply,
				  KmsToken *token, KmsError *error)
{
	Assert(false);				/* nothing was sent */
	kms_fail(error, KMS_PROTOCOL, "", "There is no such login.");
	return KMS_FAILED;
}

static bool
parse_wrapped(Bytes wrapped, WrappedKey *key, KmsError *error)
{
	ByteReader	in = reader_of(wrapped);
	uint8		version;
	uint8		mechanism;

	if (reader_u8(&in, &version) && version == WRAP_VERSION && reader_u8(&in, &mechanism))
	{
		key->mechanism = (Pkcs11Mechanism) mechanism;
		if (mechanism == PKCS11_AES_KEY_WRAP_PAD)
			return reader_take(&in, reader_left(&in), &key->sealed);
		if (mechanism == PKCS11_AES_GCM &&
			reader_take(&in, PKCS11_IV_LEN, &key->iv) &&
			reader_take(&in, GCM_SEALED_LEN, &key->sealed) && reader_left(&in) == 0)
			return true;
	}
	return kms_fail(error, KMS_BAD_CIPHERTEXT, "", "The wrapped key is malformed.");
}

/* The same question about what is behind the prefix, for kms_inner_key.c. */
static KmsAsked
without_prefix(const KmsAsked *asked)
{
	KmsAsked	inner = *asked;

	inner.in = bytes_of(asked->in.data + PREFIX_LEN, asked->in.len - PREFIX_LEN);
	return inner;
}

static bool
module_makes_iv(const KmsServer *server)
{
	const char *source = kms_option(server, "gcm_iv");

	return source != NULL && strcmp(source, IV_OF_MODULE) == 0;
}

/* What is to be wrapped: the data key, or an inner key that wraps it. */
static bool
ask_wrap(const KmsServer *server, const KmsAsked *asked, Pkcs11Request *wanted,
		 KmsError *error)
{
	wanted->operation = PKCS11_WRAP;
	if (is_key_wrap(server))
	{
		wanted->mechanism = PKCS11_AES_KEY_WRAP_PAD;
		wanted->in = bytes_of(asked->scratch, KMS_INNER_KEY_LEN);
		return kms_inner_key_make(asked, error);
	}
	wanted->mechanism = PKCS11_AES_GCM;
	wanted->in = asked->in;
	if (module_makes_iv(server))
		return true;
	wanted->iv = bytes_of(asked->scratch, PKCS11_IV_LEN);
	return pg_strong_random(asked->scratch, PKCS11_IV_LEN) ||
		kms_fail(error, KMS_UNAVAILABLE, "", "There are no random numbers.");
}

static bool
ask_unwrap(const KmsAsked *asked, Pkcs11Request *wanted, KmsError *error)
{
	WrappedKey	key = {0};
	KmsInnerBlob blob;

	if (!parse_wrapped(asked->in, &key, error))
		return false;
	wanted->operation = PKCS11_UNWRAP;
	wanted->mechanism = key.mechanism;
	wanted->iv = key.iv;
	wanted->in = key.sealed;
	if (key.mechanism == PKCS11_AES_KEY_WRAP_PAD)
	{
		if (!kms_inner_parse(key.sealed, &blob, error))
			return false;
		wanted->in = blob.ciphertext;
	}
	return true;
}

static Bytes
option_bytes(const KmsServer *server, const char *name)
{
	const char *value = kms_option(server, name);

	return value == NULL ? bytes_of(NULL, 0) : bytes_of_string(value);
}

static bool
pkcs11_build(const KmsServer *server, const KmsAsked *asked, const KmsToken *token,
			 KmsRequest *request, KmsError *error)
{
	uint8		associated[KMS_ASSOCIATED_MAX];
	uint8		frame[PKCS11_FRAME_MAX];
	ByteWriter	w = writer_of(frame, sizeof(frame));
	Pkcs11Request wanted = {
		.token_label = option_bytes(server, "token_label"),
		.token_serial = option_bytes(server, "token_serial"),
		.pin = bytes_of_string(token->text),
		.key_label = bytes_of_string(asked->context->kek),
		.module_makes_iv = module_makes_iv(server),
	};

	Assert(asked->operation != KMS_REWRAP);
	if (!pkcs11_validate_kek(asked->context->kek, error) ||
		!(asked->operation == KMS_WRAP ? ask_wrap(server, asked, &wanted, error)
		  : ask_unwrap(asked, &wanted, error)))
		return false;
	if (wanted.mechanism == PKCS11_AES_GCM)
		wanted.associated = bytes_of(associated, kms_associated_data(asked->context, associated));

	kms_request_frame(request);
	pkcs11_write_request(&w, &wanted);
	if (!w.overflow)
		kms_request_body(request, writer_bytes(&w));
	OPENSSL_cleanse(frame, sizeof(frame));
	return (!w.overflow && !request->invalid) ||
		kms_fail(error, KMS_CONFIG, "options", "a request cannot be made of them");
}

/* No IV is used twice with a key: who makes it must be who we think. */
static bool
check_iv(const KmsServer *server, const KmsAsked *asked, Bytes iv, KmsError *error)
{
	static const uint8 zeros[PKCS11_IV_LEN];
	bool		from_module = module_makes_iv(server);
	const uint8 *sent = from_module ? zeros : asked->scratch;

	if (iv.len != PKCS11_IV_LEN)
		return kms_fail(error, KMS_PROTOCOL, "", "What was wrapped has no IV.");
	return (memcmp(iv.data, sent, PKCS11_IV_LEN) != 0) == from_module ||
		kms_fail(error, KMS_CONFIG, "gcm_iv", from_module ?
				 "the module makes no IV: it must be client" :
				 "the module makes IVs: it must be " IV_OF_MODULE);
}

/* Nothing but the module makes a ciphertext of another length. */
static bool
read_wrapped(const KmsServer *server, const KmsAsked *asked, const Pkcs11Reply *got,
			 uint8 *out, Size *out_len, KmsError *error)
{
	ByteWriter	w = writer_of(out, KMS_WRAPPED_MAX);
	bool		by_key_wrap = is_key_wrap(server);

	if (by_key_wrap)
	{
		if (!kms_inner_key_seal(asked, bytes_of(NULL, 0), got->out, out, out_len, error))
			return false;
		if (*out_len > KMS_WRAPPED_MAX - PREFIX_LEN)
			return kms_fail(error, KMS_PROTOCOL, "", "What was wrapped is too long.");
		memmove(out + PREFIX_LEN, out, *out_len);
		*out_len += PREFIX_LEN;
	}
	else if (!check_iv(server, asked, got->iv, error))
		return false;
	else if (got->out.len != GCM_SEALED_LEN)
		return kms_fail(error, KMS_PROTOCOL, "", "What was wrapped has no length of a wrapped key.");

	writer_u8(&w, WRAP_VERSION);
	writer_u8(&w, by_key_wrap ? PKCS11_AES_KEY_WRAP_PAD : PKCS11_AES_GCM);
	if (by_key_wrap)
		return true;
	writer_put(&w, got->iv);
	writer_put(&w, got->out);
	*out_len = w.len;
	return true;
}

static bool
read_key(const KmsAsked *asked, const Pkcs11Reply *got, uint8 *out, Size *out_len,
		 KmsError *error)
{
	WrappedKey	key = {0};
	KmsAsked	inner;

	if (!parse_wrapped(asked->in, &key, error))
		return false;
	if (got->out.len != DATA_KEY_LEN)
		return kms_fail(error, KMS_PROTOCOL, "", "What was unwrapped has no length of a key.");
	if (key.mechanism == PKCS11_AES_KEY_WRAP_PAD)
	{
		inner = without_prefix(asked);
		return kms_inner_key_open(&inner, got->out.data, out, out_len, error);
	}
	memcpy(out, got->out.data, DATA_KEY_LEN);
	*out_len = DATA_KEY_LEN;
	return true;
}

static bool
pkcs11_read(const KmsServer *server, const KmsAsked *asked, const KmsReply *reply,
			uint8 *out, Size *out_len, KmsError *error)
{
	Pkcs11Reply got;

	/* Taken out of the list while the server is in use. */
	if (reply->failure == KMS_FORBIDDEN_ADDRESS)
		return kms_fail(error, KMS_CONFIG, PKCS11_MODULE_OPTION,
						"it is not in bionic_crypt.pkcs11_modules any more");
	if (!kms_reply_came(reply, error))
		return false;
	if (!pkcs11_read_reply(bytes_of(reply->body, reply->body_len), &got))
		return kms_fail(error, KMS_PROTOCOL, "", "The helper's answer cannot be read.");
	if (got.outcome != PKCS11_DONE)
		return pkcs11_refused(&got, error);
	return asked->operation == KMS_WRAP ? read_wrapped(server, asked, &got, out, out_len, error)
		: read_key(asked, &got, out, out_len, error);
}

/* A module unwraps and wraps; there is no call for both. */
static bool
can_rewrap(const KmsServer *server)
{
	return false;
}

/* Its module is code, and a wrong PIN locks a token for everybody. */
static bool
always(const KmsServer *server)
{
	return true;
}

static const KmsRemote pkcs11_remote = {
	.transport = &kms_over_helper,
	.identity_file = no_file,
	.secret_file = pin_file,
	.logs_in = logs_in,
	.build_login = pkcs11_build_login,
	.read_login = pkcs11_read_login,
	.build = pkcs11_build,
	.read = pkcs11_read,
	.can_rewrap = can_rewrap,
};

const KmsProvider kms_pkcs11 = {
	.name = "pkcs11",
	.option_rules = pkcs11_option_rules,
	.validate = pkcs11_validate,
	.validate_kek = pkcs11_validate_kek,
	.needs_superuser = always,
	.remote = &pkcs11_remote,
};
