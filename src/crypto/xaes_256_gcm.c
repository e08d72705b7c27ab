/*-------------------------------------------------------------------------
 *
 * xaes_256_gcm.c
 *	  XAES-256-GCM (C2SP): AES-256-GCM under a key derived from the value key
 *	  and the nonce's first 12 bytes, with the nonce's last 12 as its nonce.
 *
 * This runs for every value that is read or written, so nothing here is made
 * twice.  Ciphers are fetched once a process, OpenSSL's contexts are made once
 * a state, and derived keys are kept by prefix: one for sealing, some for
 * opening, since a page holds rows of few writers.
 *
 * Two libraries give the same bytes.  libsodium's AES-GCM has less to do per
 * call, OpenSSL's has less to do per byte, so the length decides; and it is
 * always OpenSSL where libsodium has no AES or FIPS is asked for.
 *
 * Three things hold, or a value is sealed under a key that nobody finds again:
 * - a DerivedKey whose serial is 0 is no key, whatever its prefix says;
 * - each derivation has a serial of its own, for as long as the state lives;
 * - an OpenSSL context knows the serial of the key it was given, and is given
 *   another key whenever that is not the one asked for.
 *
 * The state is key material as a whole.  One-time keys stay in it until the
 * next one or wipe: they are worth no more than the value key beside them.
 *
 *-------------------------------------------------------------------------
 */
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sodium.h>

#include "crypto/aead.h"

/*
 * Below this many bytes of text libsodium is faster: with a key at its first
 * use, which either library must expand, and with one that OpenSSL's context
 * holds.  Measured with OpenSSL 3.0, libsodium 1.0.18, AES-NI and VAES; near
 * the line the wrong choice costs a few per cent.
 */
#define SODIUM_BELOW_LEN_NEW	560
#define SODIUM_BELOW_LEN_KEPT	400

/* Derived keys kept for opening: 560 bytes each. */
#define OPENING_KEYS	8

#define STATE_ALIGNMENT 16		/* libsodium's demand, malloc's on 64 bits */

typedef struct DerivedKey
{
	crypto_aead_aes256gcm_state expanded;	/* if is_expanded */
	uint8_t		key[AEAD_KEY_LEN];
	uint8_t		prefix[AEAD_PREFIX_LEN];
	bool		is_expanded;
	bool		is_new;			/* not used since it was derived */
	uint64_t	serial;			/* 0 if there is no key here */
} DerivedKey;

typedef struct GcmContext
{
	EVP_CIPHER_CTX *evp;		/* NULL until there is use for it */
	uint64_t	serial;			/* of the key in it, 0 if none */
} GcmContext;

typedef struct XaesState
{
	DerivedKey	sealing;		/* of the prefix that comes again */
	DerivedKey	once;			/* of one that does not */
	DerivedKey	opening[OPENING_KEYS];
	unsigned	last_opening;	/* where the last look-up ended */
	unsigned	next_opening;	/* the one to give way, in turn */
	uint64_t	last_serial;
	EVP_CIPHER_CTX *block;		/* AES-256 itself, under the value key */
	uint8_t		subkey[16];		/* K1 of CMAC, SP 800-38B, 6.1 */
	GcmContext	seal_gcm;
	GcmContext	open_gcm;
} XaesState;

/* Set by startup, constant from then on. */
static struct
{
	EVP_CIPHER *block;
	EVP_CIPHER *gcm;
	bool		sodium;			/* whether libsodium may be used at all */
}			libraries;

static XaesState *state_of(void *memory);
static bool make_subkey(XaesState *state);
static DerivedKey *sealing_key(XaesState *state, NonceReuse reuse,
							   const uint8_t *prefix);
static DerivedKey *opening_key(XaesState *state, const uint8_t *prefix);
static DerivedKey *derive_key(XaesState *state, const uint8_t *prefix,
							  DerivedKey *key);
static bool sodium_is_faster(DerivedKey *key, size_t len);
static bool sodium_expand(DerivedKey *key);
static bool gcm_load(GcmContext *gcm, const DerivedKey *key,
					 const uint8_t *nonce, int enc);
static bool gcm_seal(GcmContext *gcm, const DerivedKey *key,
					 const uint8_t *nonce,
					 Bytes associated, Bytes plaintext, uint8_t *out);
static bool gcm_open(GcmContext *gcm, const DerivedKey *key,
					 const uint8_t *nonce, Bytes associated,
					 Bytes ciphertext, const uint8_t *tag, uint8_t *out);

static bool
xaes_startup(void)
{
	if (libraries.gcm != NULL)
		return true;
	if (sodium_init() < 0)
		return false;
	libraries.sodium = crypto_aead_aes256gcm_is_available() != 0 &&
		EVP_default_properties_is_fips_enabled(NULL) == 0;
	libraries.block = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
	if (libraries.block == NULL)
		return false;
	libraries.gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	if (libraries.gcm == NULL)
	{
		EVP_CIPHER_free(libraries.block);
		libraries.block = NULL;
		return false;
	}
	return true;
}

static bool
xaes_available(void)
{
	return true;				/* OpenSSL does without AES instructions */
}

static void
xaes_wipe(void *memory)
{
	XaesState  *state = state_of(memory);

	EVP_CIPHER_CTX_free(state->block);
	EVP_CIPHER_CTX_free(state->seal_gcm.evp);
	EVP_CIPHER_CTX_free(state->open_gcm.evp);
	OPENSSL_cleanse(state, sizeof(XaesState));
}

static bool
xaes_init(void *memory, const uint8_t key[AEAD_KEY_LEN])
{
	XaesState  *state = state_of(memory);

	memset(state, 0, sizeof(XaesState));
	state->block = EVP_CIPHER_CTX_new();
	if (state->block != NULL &&
		EVP_EncryptInit_ex(state->block, libraries.block, NULL, key, NULL) == 1 &&
		EVP_CIPHER_CTX_set_padding(state->block, 0) == 1 &&
		make_subkey(state))
		return true;
	xaes_wipe(memory);
	return false;
}

static bool
xaes_seal(void *memory, NonceReuse reuse, const uint8_t nonce[AEAD_NONCE_LEN],
		  Bytes associated, Bytes plaintext, uint8_t *out)
{
	XaesState  *state = state_of(memory);
	DerivedKey *key = sealing_key(state, reuse, nonce);

	nonce += AEAD_PREFIX_LEN;
	if (key == NULL)
		return false;
	if (!sodium_is_faster(key, plaintext.len))
		return gcm_seal(&state->seal_gcm, key, nonce, associated, plaintext, out);
	if (!sodium_expand(key))
		return false;
	return crypto_aead_aes256gcm_encrypt_afternm(out, NULL,
												 plaintext.data, plaintext.len,
												 associated.data, associated.len,
												 NULL, nonce, &key->expanded) == 0;
}

static bool
xaes_open(void *memory, const uint8_t nonce[AEAD_NONCE_LEN],
		  Bytes associated, Bytes sealed, uint8_t *out)
{
	XaesState  *state = state_of(memory);
	DerivedKey *key;
	size_t		len;
	bool		ok;

	if (sealed.len < AEAD_TAG_LEN)
		return false;
	len = sealed.len - AEAD_TAG_LEN;
	key = opening_key(state, nonce);
	nonce += AEAD_PREFIX_LEN;
	if (key == NULL)
		ok = false;
	else if (!sodium_is_faster(key, len))
		ok = gcm_open(&state->open_gcm, key, nonce, associated,
					  bytes_of(sealed.data, len), sealed.data + len, out);
	else
		ok = sodium_expand(key) &&
			crypto_aead_aes256gcm_decrypt_afternm(out, NULL, NULL,
												  sealed.data, sealed.len,
												  associated.data, associated.len,
												  nonce, &key->expanded) == 0;
	if (!ok)
		memset(out, 0, len);
	return ok;
}

const AeadAlgorithm aead_xaes_256_gcm = {
	.id = 1,
	.name = "xaes-256-gcm",
	.state_size = sizeof(XaesState) + STATE_ALIGNMENT - 1,
	.startup = xaes_startup,
	.available = xaes_available,
	.init = xaes_init,
	.seal = xaes_seal,
	.open = xaes_open,
	.wipe = xaes_wipe,
};

/* The caller's memory may be aligned to less than libsodium wants. */
static XaesState *
state_of(void *memory)
{
	uintptr_t	address = (uintptr_t) memory + STATE_ALIGNMENT - 1;

	return (XaesState *) (address & ~(uintptr_t) (STATE_ALIGNMENT - 1));
}

/* Steps 1 and 2 of C2SP's key derivation, the same for all nonces. */
static bool
make_subkey(XaesState *state)
{
	uint8_t    *subkey = state->subkey;
	uint8_t		carry;
	int			len;

	memset(subkey, 0, sizeof(state->subkey));
	if (EVP_EncryptUpdate(state->block, subkey, &len,
						  subkey, sizeof(state->subkey)) != 1 ||
		len != sizeof(state->subkey))
		return false;

	/* doubled in GF(2^128), without a branch on what is secret */
	carry = subkey[0] >> 7;
	for (int i = 0; i < 15; i++)
		subkey[i] = (uint8_t) (subkey[i] << 1 | subkey[i + 1] >> 7);
	subkey[15] = (uint8_t) (subkey[15] << 1 ^ (0x87 & -carry));
	return true;
}

/* The key for sealing under this prefix, or NULL. */
static DerivedKey *
sealing_key(XaesState *state, NonceReuse reuse, const uint8_t *prefix)
{
	DerivedKey *key = &state->sealing;

	if (reuse == NONCE_PREFIX_ONCE)
		return derive_key(state, prefix, &state->once);
	if (key->serial != 0 && memcmp(key->prefix, prefix, AEAD_PREFIX_LEN) == 0)
		return key;
	return derive_key(state, prefix, key);
}

/*
 * The key for opening under this prefix, or NULL.  Rows of one writer mostly
 * lie together, so the place of the last hit is looked at first.
 */
static DerivedKey *
opening_key(XaesState *state, const uint8_t *prefix)
{
	DerivedKey *key = &state->opening[state->last_opening];

	if (key->serial != 0 && memcmp(key->prefix, prefix, AEAD_PREFIX_LEN) == 0)
		return key;
	for (unsigned i = 0; i < OPENING_KEYS; i++)
	{
		key = &state->opening[i];
		if (key->serial != 0 && memcmp(key->prefix, prefix, AEAD_PREFIX_LEN) == 0)
		{
			state->last_opening = i;
			return key;
		}
	}
	state->last_opening = state->next_opening;
	state->next_opening = (state->next_opening + 1) % OPENING_KEYS;
	return derive_key(state, prefix, &state->opening[state->last_opening]);
}

/*
 * Steps 3 to 5 of C2SP's key derivation: CMAC of two single blocks, both
 * enciphered in place and in one call.
 */
static DerivedKey *
derive_key(XaesState *state, const uint8_t *prefix, DerivedKey *key)
{
	int			len;

	key->serial = 0;
	key->is_expanded = false;
	key->is_new = true;
	memcpy(key->prefix, prefix, AEAD_PREFIX_LEN);
	for (int i = 0; i < 2; i++)
	{
		uint8_t    *block = key->key + 16 * i;

		block[0] = 0;
		block[1] = (uint8_t) (i + 1);
		block[2] = 'X';
		block[3] = 0;
		memcpy(block + 4, prefix, AEAD_PREFIX_LEN);
		for (int j = 0; j < 16; j++)
			block[j] ^= state->subkey[j];
	}
	if (EVP_EncryptUpdate(state->block, key->key, &len,
						  key->key, AEAD_KEY_LEN) != 1 || len != AEAD_KEY_LEN)
		return NULL;
	key->serial = ++state->last_serial;
	return key;
}

/* Which library for this value; counts as a use of the key. */
static bool
sodium_is_faster(DerivedKey *key, size_t len)
{
	size_t		limit = key->is_new ? SODIUM_BELOW_LEN_NEW : SODIUM_BELOW_LEN_KEPT;

	key->is_new = false;
	return libraries.sodium && len < limit;
}

/* Only for short values: expanding costs as much as sealing one. */
static bool
sodium_expand(DerivedKey *key)
{
	if (!key->is_expanded)
		key->is_expanded = crypto_aead_aes256gcm_beforenm(&key->expanded,
														  key->key) == 0;
	return key->is_expanded;
}

/* Gives the context the nonce, and the key if it has another one. */
static bool
gcm_load(GcmContext *gcm, const DerivedKey *key, const uint8_t *nonce, int enc)
{
	const EVP_CIPHER *cipher = NULL;

	if (gcm->serial == key->serial)
		return EVP_CipherInit_ex(gcm->evp, NULL, NULL, NULL, nonce, enc) == 1;
	if (gcm->evp == NULL)
	{
		gcm->evp = EVP_CIPHER_CTX_new();
		cipher = libraries.gcm;
	}
	gcm->serial = 0;
	if (gcm->evp == NULL ||
		EVP_CipherInit_ex(gcm->evp, cipher, NULL, key->key, nonce, enc) != 1)
		return false;
	gcm->serial = key->serial;
	return true;
}

static bool
gcm_seal(GcmContext *gcm, const DerivedKey *key, const uint8_t *nonce,
		 Bytes associated, Bytes plaintext, uint8_t *out)
{
	int			len;

	if (associated.len > INT_MAX || plaintext.len > INT_MAX ||
		!gcm_load(gcm, key, nonce, 1))
		return false;
	if (associated.len > 0 &&
		EVP_EncryptUpdate(gcm->evp, NULL, &len,
						  associated.data, (int) associated.len) != 1)
		return false;
	if (plaintext.len > 0 &&
		EVP_EncryptUpdate(gcm->evp, out, &len,
						  plaintext.data, (int) plaintext.len) != 1)
		return false;
	out += plaintext.len;
	return EVP_EncryptFinal_ex(gcm->evp, out, &len) == 1 &&
		EVP_CIPHER_CTX_ctrl(gcm->evp, EVP_CTRL_AEAD_GET_TAG,
							AEAD_TAG_LEN, out) == 1;
}

static bool
gcm_open(GcmContext *gcm, const DerivedKey *key, const uint8_t *nonce,
		 Bytes associated, Bytes ciphertext, const uint8_t *tag, uint8_t *out)
{
	uint8_t		none[1];
	int			len;

	if (associated.len > INT_MAX || ciphertext.len > INT_MAX ||
		!gcm_load(gcm, key, nonce, 0))
		return false;
	if (associated.len > 0 &&
		EVP_DecryptUpdate(gcm->evp, NULL, &len,
						  associated.data, (int) associated.len) != 1)
		return false;
	if (ciphertext.len > 0 &&
		EVP_DecryptUpdate(gcm->evp, out, &len,
						  ciphertext.data, (int) ciphertext.len) != 1)
		return false;

	/* the tag is compared in the last call, in constant time */
	return EVP_CIPHER_CTX_ctrl(gcm->evp, EVP_CTRL_AEAD_SET_TAG,
							   AEAD_TAG_LEN, (void *) tag) == 1 &&
		EVP_DecryptFinal_ex(gcm->evp, none, &len) == 1;
}
