/*-------------------------------------------------------------------------
 *
 * kms_azure_key.c
 *	  Keys of Azure Key Vault and Managed HSM.
 *
 * A key-encryption key has versions.  Wrapping takes the newest, and the reply
 * says which; its 32 hexadecimal digits are stored with what was wrapped, and
 * unwrapping asks for exactly that one.
 *
 * With rsa_oaep_256 a vault wraps an inner key (kms_inner_key.h), whose header
 * is the version.  With a256gcm a Managed HSM encrypts the data key, with the
 * context as associated data; a wrapped key is then: 2 (1 byte), the version
 * (32), nonce (12), tag (16), ciphertext (32).  Both are stored for ever.
 *
 * A vault wraps with a key that is disabled, since that is an operation of the
 * public key.  So nothing is known of a key until something was unwrapped;
 * the key worker does that after each wrap.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "base/json.h"
#include "crypto/base64.h"
#include "kms/json_writer.h"
#include "kms/kms_azure.h"
#include "kms/kms_inner_key.h"
#include "kms/kms_reply.h"

#define API_VERSION_DEFAULT "7.4"
#define KEK_NAME_MAX		127
#define KEY_VERSION_LEN		32
#define KEY_URL_MAX			512	/* what the vault calls a key, with a NUL */
#define VALUE_MAX			768 /* base64url of the longest ciphertext, and a NUL */
#define RSA_CIPHERTEXT_MAX	512 /* of a key of 4096 bits */
#define SECRET_TEXT_MAX		64	/* more than base64url of a key */
#define GCM_BLOB_VERSION	2
#define GCM_NONCE_LEN		12
#define GCM_TAG_LEN			16
#define GCM_TEXT_MAX		32	/* more than base64url of nonce or tag */

static const char lower_hex[] = "0123456789abcdef";

/* What Managed HSM made of a data key; borrowed from a wrapped key. */
typedef struct GcmBlob
{
	Bytes		version;
	Bytes		nonce;
	Bytes		tag;
	Bytes		ciphertext;
} GcmBlob;

/* The vault's rule for names of keys. */
bool
azure_validate_kek(const char *kek, KmsError *error)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	Size		len = strlen(kek);

	return (len > 0 && len <= KEK_NAME_MAX && strspn(kek, allowed) == len) ||
		kms_fail(error, KMS_CONFIG, "kek",
				 "it must be the name of a key of the vault, without its version: 1 to %d letters, digits and -",
				 KEK_NAME_MAX);
}

static bool
is_version(Bytes text)
{
	if (text.len != KEY_VERSION_LEN)
		return false;
	for (Size i = 0; i < text.len; i++)
	{
		if (text.data[i] == '\0' || strchr(lower_hex, text.data[i]) == NULL)
			return false;
	}
	return true;
}

static bool
bad_ciphertext(KmsError *error)
{
	return kms_fail(error, KMS_BAD_CIPHERTEXT, "", "The wrapped key is malformed.");
}

static bool
read_gcm_blob(Bytes wrapped, GcmBlob *blob, KmsError *error)
{
	ByteReader	in = reader_of(wrapped);
	uint8		version;

	return (reader_u8(&in, &version) && version == GCM_BLOB_VERSION &&
			reader_take(&in, KEY_VERSION_LEN, &blob->version) &&
			is_version(blob->version) &&
			reader_take(&in, GCM_NONCE_LEN, &blob->nonce) &&
			reader_take(&in, GCM_TAG_LEN, &blob->tag) &&
			reader_take(&in, DATA_KEY_LEN, &blob->ciphertext) &&
			reader_left(&in) == 0) ||
		bad_ciphertext(error);
}

static bool
read_rsa_blob(Bytes wrapped, KmsInnerBlob *blob, KmsError *error)
{
	return kms_inner_parse(wrapped, blob, error) &&
		(is_version(blob->header) || bad_ciphertext(error));
}

static void
put_bytes(KmsRequest *request, const char *name, Bytes bytes)
{
	kms_request_body(request, bytes_of_string(",\""));
	kms_request_body(request, bytes_of_string(name));
	kms_request_body(request, bytes_of_string("\":"));
	json_put_base64url(request, bytes);
}

static void
put_authorization(KmsRequest *request, const KmsToken *token)
{
	char		value[sizeof(token->text) + 8];

	snprintf(value, sizeof(value), "Bearer %s", token->text);
	http_request_header(request, "Authorization", value);
	OPENSSL_cleanse(value, sizeof(value));
}

/* Begins a request of a key, and its body; no version: the newest. */
static void
key_request(const KmsServer *server, const KmsAsked *asked, Bytes version, const char *verb,
			const KmsToken *token, KmsRequest *request)
{
	const char *api_version = kms_option(server, "api_version");
	char		text[KEY_VERSION_LEN + 1] = "";

	Assert(version.len < sizeof(text));
	if (version.len > 0)
		memcpy(text, version.data, version.len);
	http_request_init(request, "POST", kms_option(server, "address"));
	http_request_path(request, "/keys/");
	http_request_escaped(request, asked->context->kek);
	http_request_path(request, "/");
	http_request_path(request, text);
	http_request_path(request, "/");
	http_request_path(request, verb);
	http_request_path(request, "?api-version=");
	http_request_escaped(request, api_version != NULL ? api_version : API_VERSION_DEFAULT);
	put_authorization(request, token);
	http_request_header(request, "Content-Type", "application/json");
	json_put_member(request, "alg", azure_uses_aes(server) ? "A256GCM" : "RSA-OAEP-256");
}

static bool
build_rsa(const KmsServer *server, const KmsAsked *asked, const KmsToken *token,
		  KmsRequest *request, KmsError *error)
{
	KmsInnerBlob blob;

	if (asked->operation == KMS_WRAP)
	{
		if (!kms_inner_key_make(asked, error))
			return false;
		key_request(server, asked, bytes_of(NULL, 0), "wrapkey", token, request);
		put_bytes(request, "value", bytes_of(asked->scratch, KMS_INNER_KEY_LEN));
		return true;
	}
	if (!read_rsa_blob(asked->in, &blob, error))
		return false;
	key_request(server, asked, blob.header, "unwrapkey", token, request);
	put_bytes(request, "value", blob.ciphertext);
	return true;
}

static bool
build_aes(const KmsServer *server, const KmsAsked *asked, const KmsToken *token,
		  KmsRequest *request, KmsError *error)
{
	uint8		associated[KMS_ASSOCIATED_MAX];
	GcmBlob		blob;

	if (asked->operation == KMS_WRAP)
	{
		key_request(server, asked, bytes_of(NULL, 0), "encrypt", token, request);
		put_bytes(request, "value", asked->in);
	}
	else
	{
		if (!read_gcm_blob(asked->in, &blob, error))
			return false;
		key_request(server, asked, blob.version, "decrypt", token, request);
		put_bytes(request, "value", blob.ciphertext);
		put_bytes(request, "iv", blob.nonce);
		put_bytes(request, "tag", blob.tag);
	}
	put_bytes(request, "aad", bytes_of(associated,
									   kms_associated_data(asked->context, associated)));
	return true;
}

bool
azure_build(const KmsServer *server, const KmsAsked *asked, const KmsToken *token,
			KmsRequest *request, KmsError *error)
{
	bool		ok;

	Assert(asked->operation != KMS_REWRAP); /* see azure_can_rewrap() */
	if (!azure_validate_kek(asked->context->kek, error))
		return false;
	ok = azure_uses_aes(server) ? build_aes(server, asked, token, request, error)
		: build_rsa(server, asked, token, request, error);
	if (!ok)
		return false;
	kms_request_body(request, bytes_of_string("}"));
	return azure_request_ok(request, error);
}

/* Behind a part of a text; NULL unless it begins with that.  Case does not count. */
static const char *
behind(const char *text, const char *part, Size len)
{
	return text != NULL && pg_strncasecmp(text, part, len) == 0 ? text + len : NULL;
}

/*
 * The version of a key's URL, "https://host/keys/name/version".  NULL unless
 * it is the key that was asked for: a reply about another one is none.  The
 * port may be left out, as a vault behind a port of ours does not know it.
 */
static const char *
version_of(const KmsServer *server, const KmsAsked *asked, const char *url)
{
	const char *address = kms_option(server, "address");
	Size		host_end = strlen("https://") + strcspn(address + strlen("https://"), ":");
	const char *port = address + host_end;
	const char *rest = behind(url, address, host_end);

	if (rest != NULL && *rest == ':')
		rest = behind(rest, port, strlen(port));
	rest = behind(rest, "/keys/", strlen("/keys/"));
	rest = behind(rest, asked->context->kek, strlen(asked->context->kek));
	rest = behind(rest, "/", 1);
	return rest != NULL && is_version(bytes_of_string(rest)) ? rest : NULL;
}

static bool
no_wrapped_key(const KmsReply *reply, KmsError *error)
{
	return kms_reply_fail(reply, error, KMS_PROTOCOL, "", "Its reply holds no wrapped key");
}

/* Exactly so many bytes of base64url. */
static bool
decode(const char *text, uint8 *out, Size expected)
{
	Size		len;

	return base64url_decode(text, out, expected, &len) && len == expected;
}

static bool
read_rsa_wrapped(const KmsServer *server, const KmsAsked *asked, const KmsReply *reply,
				 uint8 *out, Size *out_len, KmsError *error)
{
	char		url[KEY_URL_MAX];
	char		value[VALUE_MAX];
	JsonWanted	wanted[] = {
		{"kid", url, sizeof(url), false},
		{"value", value, sizeof(value), false},
	};
	uint8		ciphertext[RSA_CIPHERTEXT_MAX];
	const char *version;
	Size		len;

	if (!json_find(bytes_of(reply->body, reply->body_len), wanted, lengthof(wanted)) ||
		(version = version_of(server, asked, url)) == NULL ||
		!base64url_decode(value, ciphertext, sizeof(ciphertext), &len) ||
		!(len == 2048 / 8 || len == 3072 / 8 || len == 4096 / 8))
		return no_wrapped_key(reply, error);
	return kms_inner_key_seal(asked, bytes_of_string(version), bytes_of(ciphertext, len),
							  out, out_len, error);
}

static bool
read_aes_wrapped(const KmsServer *server, const KmsAsked *asked, const KmsReply *reply,
				 uint8 *out, Size *out_len, KmsError *error)
{
	char		url[KEY_URL_MAX];
	char		value[SECRET_TEXT_MAX];
	char		nonce_text[GCM_TEXT_MAX];
	char		tag_text[GCM_TEXT_MAX];
	JsonWanted	wanted[] = {
		{"kid", url, sizeof(url), false},
		{"value", value, sizeof(value), false},
		{"iv", nonce_text, sizeof(nonce_text), false},
		{"tag", tag_text, sizeof(tag_text), false},
	};
	ByteWriter	w = writer_of(out, KMS_WRAPPED_MAX);
	uint8		nonce[GCM_NONCE_LEN];
	uint8		tag[GCM_TAG_LEN];
	uint8		ciphertext[DATA_KEY_LEN];
	const char *version;

	if (!json_find(bytes_of(reply->body, reply->body_len), wanted, lengthof(wanted)) ||
		(version = version_of(server, asked, url)) == NULL ||
		!decode(nonce_text, nonce, sizeof(nonce)) || !decode(tag_text, tag, sizeof(tag)) ||
		!decode(value, ciphertext, sizeof(ciphertext)))
		return no_wrapped_key(reply, error);
	writer_u8(&w, GCM_BLOB_VERSION);
	writer_put(&w, bytes_of_string(version));
	writer_put(&w, bytes_of(nonce, sizeof(nonce)));
	writer_put(&w, bytes_of(tag, sizeof(tag)));
	writer_put(&w, bytes_of(ciphertext, sizeof(ciphertext)));
	*out_len = w.len;
	return true;
}

/* The version that the request was for, which the reply must be of. */
static bool
asked_version(const KmsServer *server, const KmsAsked *asked, Bytes *version, KmsError *error)
{
	KmsInnerBlob rsa;
	GcmBlob		gcm;

	if (azure_uses_aes(server))
	{
		if (!read_gcm_blob(asked->in, &gcm, error))
			return false;
		*version = gcm.version;
		return true;
	}
	if (!read_rsa_blob(asked->in, &rsa, error))
		return false;
	*version = rsa.header;
	return true;
}

/* A key of 32 bytes: the data key, or the inner key that opens it. */
static bool
read_unwrapped(const KmsServer *server, const KmsAsked *asked, const KmsReply *reply,
			   uint8 *out, Size *out_len, KmsError *error)
{
	char		url[KEY_URL_MAX];
	char		value[SECRET_TEXT_MAX];
	JsonWanted	wanted[] = {
		{"kid", url, sizeof(url), false},
		{"value", value, sizeof(value), false},
	};
	uint8		key[DATA_KEY_LEN];
	Bytes		version;
	const char *found;
	bool		ok;

	if (!asked_version(server, asked, &version, error))
		return false;
	ok = json_find(bytes_of(reply->body, reply->body_len), wanted, lengthof(wanted)) &&
		(found = version_of(server, asked, url)) != NULL &&
		bytes_equal(bytes_of_string(found), version) &&
		decode(value, key, sizeof(key));
	if (!ok)
		kms_reply_fail(reply, error, KMS_PROTOCOL, "", "Its reply holds no key");
	else if (azure_uses_aes(server))
	{
		memcpy(out, key, sizeof(key));
		*out_len = sizeof(key);
	}
	else
		ok = kms_inner_key_open(asked, key, out, out_len, error);
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(value, sizeof(value));
	return ok;
}

bool
azure_read(const KmsServer *server, const KmsAsked *asked, const KmsReply *reply,
		   uint8 *out, Size *out_len, KmsError *error)
{
	if (!kms_reply_came(reply, error))
		return false;
	if (reply->status != 200)
		return azure_refused(reply, (1 << asked->operation) |
							 (azure_logs_in(server) ? AZURE_ASKED_ADMITTED : 0), error);
	if (asked->operation == KMS_UNWRAP)
		return read_unwrapped(server, asked, reply, out, out_len, error);
	return azure_uses_aes(server) ?
		read_aes_wrapped(server, asked, reply, out, out_len, error) :
		read_rsa_wrapped(server, asked, reply, out, out_len, error);
}
