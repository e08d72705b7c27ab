/*-------------------------------------------------------------------------
 *
 * test_sealed_box.c
 *	  Boxes sealed to an ephemeral key.
 *
 *-------------------------------------------------------------------------
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/ec.h>
#include <stdlib.h>

#include "crypto/kdf.h"
#include "crypto/sealed_box.h"
#include "reference.h"
#include "tap.h"

#define TEXT_LEN	48
#define BOX_LEN		(BOX_OVERHEAD + TEXT_LEN)

static void test_round_trip(void);
static void test_refusals(void);
static void test_points(void);
static void test_sender_of_its_own(void);
static bool refused(const BoxKey *key, Bytes associated, Bytes sealed);
static void shared_secret(const uint8_t *receiver, uint8_t *sender, uint8_t *shared);

static const uint8_t text[TEXT_LEN] = "a data key and what the backend must know of it";

void
test_sealed_box(void)
{
	test_round_trip();
	test_refusals();
	test_points();
	test_sender_of_its_own();
}

static void
test_round_trip(void)
{
	Bytes		aad = bytes_of_string("slot 3, generation 7");
	Bytes		none = bytes_of(NULL, 0);
	uint8_t		public_key[BOX_PUBLIC_LEN];
	uint8_t		box[BOX_LEN];
	uint8_t		other_box[BOX_LEN];
	uint8_t		out[TEXT_LEN];
	BoxKey	   *key = box_key_generate(public_key);

	tap_ok(key != NULL && public_key[0] == 4, "a box key is a point in uncompressed form");
	tap_ok(box_seal(public_key, aad, bytes_of(text, TEXT_LEN), box) &&
		   box_open(key, aad, bytes_of(box, BOX_LEN), out) &&
		   memcmp(out, text, TEXT_LEN) == 0, "what is sealed to a key opens with it");
	tap_ok(box_seal(public_key, aad, bytes_of(text, TEXT_LEN), other_box) &&
		   box_open(key, aad, bytes_of(other_box, BOX_LEN), out) &&
		   memcmp(out, text, TEXT_LEN) == 0 &&
		   memcmp(box, other_box, BOX_PUBLIC_LEN) != 0 &&
		   memcmp(box + BOX_PUBLIC_LEN, other_box + BOX_PUBLIC_LEN, TEXT_LEN) != 0,
		   "a key opens several boxes, and no two are alike");
	tap_ok(box_seal(public_key, none, none, box) &&
		   box_open(key, none, bytes_of(box, BOX_OVERHEAD), out),
		   "a box may be empty");
	box_key_free(key);
	box_key_free(NULL);
}

static void
test_refusals(void)
{
	uint8_t		aad[13] = "mailbox slot";
	uint8_t		public_key[BOX_PUBLIC_LEN];
	uint8_t		other_public[BOX_PUBLIC_LEN];
	uint8_t		box[BOX_LEN + 20] = {0};
	BoxKey	   *key = box_key_generate(public_key);
	BoxKey	   *other = box_key_generate(other_public);
	bool		ok = true;

	box_seal(public_key, bytes_of(aad, sizeof(aad)), bytes_of(text, TEXT_LEN), box);
	for (size_t i = 0; i < 8 * BOX_LEN; i++)
	{
		box[i / 8] ^= (uint8_t) (1 << i % 8);
		TAP_EACH(ok, refused(key, bytes_of(aad, sizeof(aad)), bytes_of(box, BOX_LEN)),
				 "byte %zu, bit %zu", i / 8, i % 8);
		box[i / 8] ^= (uint8_t) (1 << i % 8);
	}
	tap_ok(ok, "a box with one bit flipped is refused, and leaves zeros");

	ok = true;
	for (size_t len = 0; len < sizeof(box); len++)
		TAP_EACH(ok, len == BOX_LEN ||
				 refused(key, bytes_of(aad, sizeof(aad)), bytes_of(box, len)), "%zu bytes", len);
	tap_ok(ok, "so is one shorter or longer");

	ok = true;
	for (size_t i = 0; i < sizeof(aad); i++)
	{
		TAP_EACH(ok, refused(key, bytes_of(aad, i), bytes_of(box, BOX_LEN)), "%zu bytes", i);
		aad[i] ^= 1;
		TAP_EACH(ok, refused(key, bytes_of(aad, sizeof(aad)), bytes_of(box, BOX_LEN)),
				 "byte %zu", i);
		aad[i] ^= 1;
	}
	tap_ok(ok, "so is one with other associated data");
	tap_ok(refused(other, bytes_of(aad, sizeof(aad)), bytes_of(box, BOX_LEN)),
		   "so is one that was sealed to another key");
	tap_ok(!refused(key, bytes_of(aad, sizeof(aad)), bytes_of(box, BOX_LEN)),
		   "the box as it was opens still");
	box_key_free(key);
	box_key_free(other);
}

/* Neither sealed to nor opened from. */
static void
test_points(void)
{
	/* P-256's p and b: SP 800-186, 3.2.1.3 */
	static const uint8_t p[32] = {
		0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
	};
	const char *const names[] = {
		"zeros", "compressed", "hybrid, even", "hybrid, odd", "infinity",
		"x of p", "y of p", "off the curve", "all ones"
	};
	uint8_t		good[BOX_PUBLIC_LEN];
	uint8_t		box[BOX_LEN] = {0};
	BoxKey	   *key = box_key_generate(good);

	for (int i = 0; i < 9; i++)
	{
		uint8_t		bad[BOX_PUBLIC_LEN];

		memcpy(bad, good, BOX_PUBLIC_LEN);
		if (i == 0)
			memset(bad + 1, 0, 64);
		else if (i == 1)
			bad[0] = (uint8_t) (2 + (good[64] & 1));
		else if (i == 2 || i == 3)
			bad[0] = (uint8_t) (4 + i);
		else if (i == 4)
			memset(bad, 0, sizeof(bad));
		else if (i == 5)
			memcpy(bad + 1, p, 32);
		else if (i == 6)
			memcpy(bad + 33, p, 32);
		else if (i == 7)
			bad[64] ^= 1;
		else
			memset(bad + 1, 0xff, 64);
		memcpy(box, bad, BOX_PUBLIC_LEN);
		tap_ok(refused(key, bytes_of(NULL, 0), bytes_of(box, BOX_LEN)) &&
			   !box_seal(bad, bytes_of(NULL, 0), bytes_of(text, TEXT_LEN), box),
			   "invalid point: %s", names[i]);
	}
	box_key_free(key);
}

/* A sender that was written from the specification alone. */
static void
test_sender_of_its_own(void)
{
	Bytes		aad = bytes_of_string("aad");
	uint8_t		receiver[BOX_PUBLIC_LEN];
	uint8_t		info[16 + 2 * BOX_PUBLIC_LEN] = "bionic_crypt box";
	uint8_t		shared[32];
	uint8_t		aes_key[32];
	uint8_t		zero_nonce[12] = {0};
	uint8_t		box[BOX_LEN];
	uint8_t		out[TEXT_LEN];
	BoxKey	   *key = box_key_generate(receiver);

	shared_secret(receiver, box, shared);
	memcpy(info + 16, box, BOX_PUBLIC_LEN);
	memcpy(info + 16 + BOX_PUBLIC_LEN, receiver, BOX_PUBLIC_LEN);
	kdf_hkdf(bytes_of(shared, 32), bytes_of(NULL, 0), bytes_of(info, sizeof(info)), aes_key, 32);
	reference_gcm_seal(aes_key, zero_nonce, aad, bytes_of(text, TEXT_LEN), box + BOX_PUBLIC_LEN);
	tap_ok(box_open(key, aad, bytes_of(box, BOX_LEN), out) && memcmp(out, text, TEXT_LEN) == 0,
		   "a box made by the specification opens");
	box_key_free(key);
}

static bool
refused(const BoxKey *key, Bytes associated, Bytes sealed)
{
	uint8_t		out[BOX_LEN + 20];
	size_t		len = sealed.len < BOX_OVERHEAD ? 0 : sealed.len - BOX_OVERHEAD;

	memset(out, 0xaa, sizeof(out));
	return !box_open(key, associated, sealed, out) && all_zero(out, len) && out[len] == 0xaa;
}

static void
shared_secret(const uint8_t *receiver, uint8_t *sender, uint8_t *shared)
{
	EVP_PKEY   *own = EVP_EC_gen("prime256v1");
	EVP_PKEY   *peer = EVP_PKEY_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
	size_t		len = 65;

	if (own == NULL || ctx == NULL ||
		!EVP_PKEY_get_octet_string_param(own, OSSL_PKEY_PARAM_PUB_KEY, sender, 65, &len) ||
		!EVP_PKEY_copy_parameters(peer, own) ||
		!EVP_PKEY_set1_encoded_public_key(peer, receiver, 65) ||
		EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_derive_set_peer(ctx, peer) != 1)
		abort();
	len = 32;
	if (EVP_PKEY_derive(ctx, shared, &len) != 1 || len != 32)
		abort();
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(own);
	EVP_PKEY_free(peer);
}
