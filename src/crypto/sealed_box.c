/*-------------------------------------------------------------------------
 *
 * sealed_box.c
 *	  Bytes sealed to an ephemeral public key.
 *
 * A box is opened by a process that has just made its key for it, so nothing
 * here is stored for ever.  A key may receive several boxes; a box's AES key
 * is its own all the same, by the sender's key and both keys in HKDF's info.
 *
 * Points come from outside.  Only the uncompressed form is taken (its 65
 * bytes are also the length of the hybrid form), and OpenSSL refuses
 * coordinates that are out of range or off the curve.  P-256 has cofactor 1
 * and the form has no infinity, so that is all there is to check (SP 800-56A
 * rev. 3, 5.6.2.3.4); the multiplication by the order, which OpenSSL would do
 * besides, is left out.
 *
 *-------------------------------------------------------------------------
 */
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "crypto/kdf.h"
#include "crypto/sealed_box.h"

#define SHARED_LEN		32		/* a coordinate of P-256 */
#define TAG_LEN			16
#define UNCOMPRESSED	0x04	/* SEC 1, section 2.3.3 */

static const char box_purpose[] = "bionic_crypt box";

/* One AES key a box, so any fixed nonce is used once. */
static const uint8_t zero_nonce[12];

struct BoxKey
{
	EVP_PKEY   *pkey;
	uint8_t		public_key[BOX_PUBLIC_LEN];
};

static EVP_PKEY *public_point(const uint8_t point[BOX_PUBLIC_LEN]);
static bool agree(EVP_PKEY *own, const uint8_t peer[BOX_PUBLIC_LEN],
				  const uint8_t sender[BOX_PUBLIC_LEN],
				  const uint8_t receiver[BOX_PUBLIC_LEN],
				  uint8_t aes_key[32]);
static bool derive_shared(EVP_PKEY *own, EVP_PKEY *peer,
						  uint8_t shared[SHARED_LEN]);
static bool gcm_begin(EVP_CIPHER_CTX *ctx, const uint8_t aes_key[32],
					  Bytes associated, int enc);
static bool gcm_seal(const uint8_t aes_key[32], Bytes associated,
					 Bytes plaintext, uint8_t *out);
static bool gcm_open(const uint8_t aes_key[32], Bytes associated,
					 Bytes ciphertext, const uint8_t *tag, uint8_t *out);

bool
box_startup(void)
{
	uint8_t		public_key[BOX_PUBLIC_LEN];
	uint8_t		box[BOX_OVERHEAD];
	uint8_t		nothing;
	BoxKey	   *key = box_key_generate(public_key);
	bool		ok = key != NULL &&
		box_seal(public_key, bytes_of("", 0), bytes_of("", 0), box) &&
		box_open(key, bytes_of("", 0), bytes_of(box, sizeof(box)), &nothing);

	box_key_free(key);
	return ok;
}

BoxKey *
box_key_generate(uint8_t public_key[BOX_PUBLIC_LEN])
{
	BoxKey	   *key = OPENSSL_zalloc(sizeof(BoxKey));
	size_t		len;

	if (key == NULL)
		return NULL;
	key->pkey = EVP_EC_gen("P-256");
	if (key->pkey == NULL ||
		EVP_PKEY_get_octet_string_param(key->pkey, OSSL_PKEY_PARAM_PUB_KEY,
										key->public_key, BOX_PUBLIC_LEN,
										&len) != 1 ||
		len != BOX_PUBLIC_LEN || key->public_key[0] != UNCOMPRESSED)
	{
		box_key_free(key);
		return NULL;
	}
	memcpy(public_key, key->public_key, BOX_PUBLIC_LEN);
	return key;
}

void
box_key_free(BoxKey *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey);	/* wipes the private number */
	OPENSSL_clear_free(key, sizeof(BoxKey));
}

bool
box_seal(const uint8_t public_key[BOX_PUBLIC_LEN], Bytes associated,
		 Bytes plaintext, uint8_t *out)
{
	uint8_t		aes_key[32];
	BoxKey	   *sender = box_key_generate(out);
	bool		ok;

	ok = sender != NULL &&
		agree(sender->pkey, public_key, out, public_key, aes_key) &&
		gcm_seal(aes_key, associated, plaintext, out + BOX_PUBLIC_LEN);
	OPENSSL_cleanse(aes_key, sizeof(aes_key));
	box_key_free(sender);
	return ok;
}

bool
box_open(const BoxKey *key, Bytes associated, Bytes sealed, uint8_t *out)
{
	uint8_t		aes_key[32];
	const uint8_t *sender = sealed.data;
	size_t		len;
	bool		ok;

	if (sealed.len < BOX_OVERHEAD)
		return false;
	len = sealed.len - BOX_OVERHEAD;
	ok = agree(key->pkey, sender, sender, key->public_key, aes_key) &&
		gcm_open(aes_key, associated, bytes_of(sender + BOX_PUBLIC_LEN, len),
				 sender + BOX_PUBLIC_LEN + len, out);
	OPENSSL_cleanse(aes_key, sizeof(aes_key));
	if (!ok)
		memset(out, 0, len);
	return ok;
}

/* NULL if it is no point of the curve in uncompressed form. */
static EVP_PKEY *
public_point(const uint8_t point[BOX_PUBLIC_LEN])
{
	OSSL_PARAM	params[3];
	EVP_PKEY_CTX *ctx;
	EVP_PKEY   *pkey = NULL;
	char		group[] = "P-256";

	if (point[0] != UNCOMPRESSED)
		return NULL;
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
												 group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
												  (void *) point,
												  BOX_PUBLIC_LEN);
	params[2] = OSSL_PARAM_construct_end();
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	if (ctx == NULL ||
		EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

/* The AES key that the owner of "own" shares with the owner of "peer". */
static bool
agree(EVP_PKEY *own, const uint8_t peer[BOX_PUBLIC_LEN],
	  const uint8_t sender[BOX_PUBLIC_LEN],
	  const uint8_t receiver[BOX_PUBLIC_LEN], uint8_t aes_key[32])
{
	uint8_t		info[sizeof(box_purpose) - 1 + 2 * BOX_PUBLIC_LEN];
	ByteWriter	w = writer_of(info, sizeof(info));
	uint8_t		shared[SHARED_LEN];
	EVP_PKEY   *peer_key = public_point(peer);
	bool		ok;

	writer_put(&w, bytes_of_string(box_purpose));
	writer_put(&w, bytes_of(sender, BOX_PUBLIC_LEN));
	writer_put(&w, bytes_of(receiver, BOX_PUBLIC_LEN));
	ok = peer_key != NULL && derive_shared(own, peer_key, shared) &&
		kdf_hkdf(bytes_of(shared, SHARED_LEN), bytes_of(NULL, 0),
				 writer_bytes(&w), aes_key, 32);
	OPENSSL_cleanse(shared, sizeof(shared));
	EVP_PKEY_free(peer_key);
	return ok;
}

static bool
derive_shared(EVP_PKEY *own, EVP_PKEY *peer, uint8_t shared[SHARED_LEN])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	size_t		len = SHARED_LEN;
	bool		ok;

	ok = ctx != NULL &&
		EVP_PKEY_derive_init(ctx) == 1 &&
		EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) == 1 &&
		EVP_PKEY_derive(ctx, shared, &len) == 1 && len == SHARED_LEN;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static bool
gcm_begin(EVP_CIPHER_CTX *ctx, const uint8_t aes_key[32], Bytes associated,
		  int enc)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	int			len;
	bool		ok;

	/* the context holds a reference to the cipher of its own */
	ok = ctx != NULL && cipher != NULL && associated.len <= INT_MAX &&
		EVP_CipherInit_ex(ctx, cipher, NULL, aes_key, zero_nonce, enc) == 1 &&
		(associated.len == 0 ||
		 EVP_CipherUpdate(ctx, NULL, &len,
						  associated.data, (int) associated.len) == 1);
	EVP_CIPHER_free(cipher);
	return ok;
}

static bool
gcm_seal(const uint8_t aes_key[32], Bytes associated, Bytes plaintext,
		 uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int			len;
	bool		ok;

	ok = plaintext.len <= INT_MAX && gcm_begin(ctx, aes_key, associated, 1) &&
		(plaintext.len == 0 ||
		 EVP_EncryptUpdate(ctx, out, &len,
						   plaintext.data, (int) plaintext.len) == 1) &&
		EVP_EncryptFinal_ex(ctx, out + plaintext.len, &len) == 1 &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN,
							out + plaintext.len) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

static bool
gcm_open(const uint8_t aes_key[32], Bytes associated, Bytes ciphertext,
		 const uint8_t *tag, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t		none[1];
	int			len;
	bool		ok;

	/* the tag is compared in the last call, in constant time */
	ok = ciphertext.len <= INT_MAX && gcm_begin(ctx, aes_key, associated, 0) &&
		(ciphertext.len == 0 ||
		 EVP_DecryptUpdate(ctx, out, &len,
						   ciphertext.data, (int) ciphertext.len) == 1) &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN,
							(void *) tag) == 1 &&
		EVP_DecryptFinal_ex(ctx, none, &len) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}
