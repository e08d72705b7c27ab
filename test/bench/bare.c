/*-------------------------------------------------------------------------
 *
 * bare.c
 *	  bare_text, the least an encrypted column can cost: the benchmark's bar.
 *
 * AES-256-GCM with a fixed key and a header as long as that of our envelope,
 * and nothing else: no tenants, no key look-up, no lease, no rights.  It is
 * written to be fast, since a slow bar proves nothing: the contexts are kept
 * with their key schedule, the nonces come from a pool, and values are sealed
 * and opened straight into the result.
 *
 * Never use it for data: the key stands below.
 *
 * Stored value: header (44 bytes, the nonce at 20), ciphertext, tag (16).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "fmgr.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

PG_MODULE_MAGIC;

#define HEADER_LEN		44
#define NONCE_OFFSET	20
#define NONCE_LEN		12
#define TAG_LEN			16
#define OVERHEAD		(HEADER_LEN + TAG_LEN)
#define POOL_LEN		4096

/* As in our envelope: version, algorithm, then fingerprint and key id. */
static const uint8 header_template[HEADER_LEN] = {1, 1};
static const uint8 fixed_key[32] = "a key that protects nothing....";

/* Kept for the backend's life; the key schedule is computed once. */
static EVP_CIPHER_CTX *seal_ctx = NULL;
static EVP_CIPHER_CTX *open_ctx = NULL;

PG_FUNCTION_INFO_V1(bare_text_in);
PG_FUNCTION_INFO_V1(bare_text_out);
PG_FUNCTION_INFO_V1(bare_text_recv);
PG_FUNCTION_INFO_V1(bare_text_send);
PG_FUNCTION_INFO_V1(bare_text_from_text);
PG_FUNCTION_INFO_V1(bare_text_to_text);

static EVP_CIPHER_CTX *
context_make(bool seal)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (cipher == NULL || ctx == NULL ||
		!EVP_CipherInit_ex2(ctx, cipher, fixed_key, NULL, seal, NULL))
		elog(ERROR, "could not set up AES-256-GCM");
	EVP_CIPHER_free(cipher);
	return ctx;
}

/* pg_strong_random costs 800 ns a call, a slice of its pool 10. */
static inline const uint8 *
nonce_draw(void)
{
	static uint8 pool[POOL_LEN];
	static int	used = POOL_LEN;
	const uint8 *nonce;

	if (used + NONCE_LEN > POOL_LEN)
	{
		if (!pg_strong_random(pool, POOL_LEN))
			elog(ERROR, "could not generate random bytes");
		used = 0;
	}
	nonce = pool + used;
	used += NONCE_LEN;
	return nonce;
}

/* Seals len bytes into a fresh value. */
static struct varlena *
value_seal(const char *plain, int len)
{
	struct varlena *value = palloc(VARHDRSZ + OVERHEAD + len);
	uint8	   *header = (uint8 *) VARDATA(value);
	uint8	   *body = header + HEADER_LEN;
	int			done;
	OSSL_PARAM	tag[2];

	SET_VARSIZE(value, VARHDRSZ + OVERHEAD + len);
	memcpy(header, header_template, HEADER_LEN);
	memcpy(header + NONCE_OFFSET, nonce_draw(), NONCE_LEN);
	/* Asked for by parameter: faster than through EVP_CIPHER_CTX_ctrl. */
	tag[0] = OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, body + len, TAG_LEN);
	tag[1] = OSSL_PARAM_construct_end();

	if (unlikely(seal_ctx == NULL))
		seal_ctx = context_make(true);
	if (!EVP_EncryptInit_ex2(seal_ctx, NULL, NULL, header + NONCE_OFFSET, NULL) ||
		!EVP_EncryptUpdate(seal_ctx, NULL, &done, header, HEADER_LEN) ||
		!EVP_EncryptUpdate(seal_ctx, body, &done, (const uint8 *) plain, len) ||
		!EVP_EncryptFinal_ex(seal_ctx, body + len, &done) ||
		!EVP_CIPHER_CTX_get_params(seal_ctx, tag))
		elog(ERROR, "could not encrypt value");
	return value;
}

/* The length of the plaintext; refuses what is too short to be a value. */
static inline int
value_plain_len(const struct varlena *value)
{
	int			len = (int) VARSIZE_ANY_EXHDR(value) - OVERHEAD;

	if (unlikely(len < 0))
		elog(ERROR, "invalid encrypted value");
	return len;
}

/* Opens a value into plain, which has room for len bytes. */
static void
value_open(const struct varlena *value, char *plain, int len)
{
	const uint8 *header = (const uint8 *) VARDATA_ANY(value);
	const uint8 *body = header + HEADER_LEN;
	int			done;
	OSSL_PARAM	tag[2];

	tag[0] = OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG,
											   unconstify(uint8 *, body) + len, TAG_LEN);
	tag[1] = OSSL_PARAM_construct_end();

	if (unlikely(open_ctx == NULL))
		open_ctx = context_make(false);
	if (!EVP_DecryptInit_ex2(open_ctx, NULL, NULL, header + NONCE_OFFSET, tag) ||
		!EVP_DecryptUpdate(open_ctx, NULL, &done, header, HEADER_LEN) ||
		!EVP_DecryptUpdate(open_ctx, (uint8 *) plain, &done, body, len) ||
		!EVP_DecryptFinal_ex(open_ctx, (uint8 *) plain + len, &done))
		elog(ERROR, "could not decrypt value");
}

Datum
bare_text_in(PG_FUNCTION_ARGS)
{
	const char *plain = PG_GETARG_CSTRING(0);

	PG_RETURN_POINTER(value_seal(plain, strlen(plain)));
}

Datum
bare_text_out(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_VARLENA_PP(0);
	int			len = value_plain_len(value);
	char	   *plain = palloc(len + 1);

	value_open(value, plain, len);
	plain[len] = '\0';
	PG_RETURN_CSTRING(plain);
}

Datum
bare_text_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			len;
	char	   *plain = pq_getmsgtext(message, message->len - message->cursor, &len);

	PG_RETURN_POINTER(value_seal(plain, len));
}

Datum
bare_text_send(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_VARLENA_PP(0);
	int			len = value_plain_len(value);
	bytea	   *result = palloc(VARHDRSZ + len + 1);
	char	   *plain = VARDATA(result);
	char	   *converted;

	value_open(value, plain, len);
	plain[len] = '\0';
	SET_VARSIZE(result, VARHDRSZ + len);
	converted = pg_server_to_client(plain, len);
	if (converted != plain)
	{
		StringInfoData message;

		pq_begintypsend(&message);
		pq_sendbytes(&message, converted, strlen(converted));
		result = pq_endtypsend(&message);
	}
	PG_RETURN_BYTEA_P(result);
}

Datum
bare_text_from_text(PG_FUNCTION_ARGS)
{
	text	   *plain = PG_GETARG_TEXT_PP(0);

	PG_RETURN_POINTER(value_seal(VARDATA_ANY(plain), VARSIZE_ANY_EXHDR(plain)));
}

Datum
bare_text_to_text(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_VARLENA_PP(0);
	int			len = value_plain_len(value);
	text	   *plain = palloc(VARHDRSZ + len);

	SET_VARSIZE(plain, VARHDRSZ + len);
	value_open(value, VARDATA(plain), len);
	PG_RETURN_TEXT_P(plain);
}
