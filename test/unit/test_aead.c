/*-------------------------------------------------------------------------
 *
 * test_aead.c
 *	  The AEAD algorithms: vectors, all lengths on all paths, and what must
 *	  not open.
 *
 *-------------------------------------------------------------------------
 */
#include <openssl/evp.h>
#include <stdlib.h>

#include "reference.h"
#include "tap.h"
#include "vectors.h"

/* Well beyond where the library changes, and its blocks of 128 bytes. */
#define LENGTHS_MAX		1300

static void test_table(void);
static void test_vectors(const AeadAlgorithm *algorithm, const char *name,
						 const char *vectors, const char *file_name);
static bool vector_holds(const AeadAlgorithm *algorithm, const Vector *v);
static bool accumulated_holds(const AeadAlgorithm *algorithm, const Vector *v);
static void test_reference(const char *vectors);
static void test_lengths(const AeadAlgorithm *algorithm, const char *name);
static void test_long(const AeadAlgorithm *algorithm, const char *name);
static void test_refusals(const AeadAlgorithm *algorithm, const char *name,
						  size_t len);
static bool refused(const AeadAlgorithm *algorithm, void *state,
					const uint8_t *nonce, Bytes associated, Bytes sealed);

void
test_aead(const char *vectors)
{
	test_table();
	test_reference(vectors);
	for (int i = 0; i < ALGORITHM_VARIANTS; i++)
	{
		const AeadAlgorithm *algorithm = algorithm_variants[i];
		const char *name = algorithm_variant_names[i];

		test_vectors(algorithm, name, vectors,
					 i < XAES_VARIANTS ? "xaes_256_gcm.txt" : "xchacha20_poly1305.txt");
		if (i < XAES_VARIANTS)
			test_lengths(algorithm, name);
		test_long(algorithm, name);
		test_refusals(algorithm, name, 0);
		test_refusals(algorithm, name, 37);
		test_refusals(algorithm, name, 1024);
	}
}

static void
test_table(void)
{
	tap_ok(aead_by_id(1) == &aead_xaes_256_gcm &&
		   aead_by_id(2) == &aead_xchacha20_poly1305,
		   "the ids of the algorithms are 1 and 2");
	tap_ok(aead_by_name("xaes-256-gcm") == &aead_xaes_256_gcm &&
		   aead_by_name("xchacha20-poly1305") == &aead_xchacha20_poly1305,
		   "so are their names what they are");
	tap_ok(aead_by_id(0) == NULL && aead_by_id(3) == NULL && aead_by_id(255) == NULL &&
		   aead_by_name("") == NULL && aead_by_name("xaes-256-gc") == NULL &&
		   aead_by_name("XAES-256-GCM") == NULL, "no other algorithm is known");
	tap_ok(aead_xaes_256_gcm.available() && aead_xchacha20_poly1305.available(),
		   "both are available here");
}

/* The reference is of use only if it is right itself. */
static void
test_reference(const char *vectors)
{
	VectorFile	file = vectors_open(vectors, "xaes_256_gcm.txt");
	Vector		v;
	bool		ok = true;
	int			count = 0;

	while (vectors_next(&file, &v))
	{
		if (vector_has(&v, "derived"))
		{
			const uint8_t *key = vector_get_exactly(&v, "key", 32);
			const uint8_t *nonce = vector_get_exactly(&v, "nonce", 24);
			Bytes		sealed = vector_get(&v, "sealed");
			uint8_t		derived[32];
			uint8_t		out[256];

			reference_derive(key, nonce, derived);
			TAP_EACH(ok, memcmp(derived, vector_get_exactly(&v, "derived", 32), 32) == 0,
					 "line %d", v.line);
			reference_seal(key, nonce, vector_get(&v, "associated"),
						   vector_get(&v, "plaintext"), out);
			TAP_EACH(ok, memcmp(out, sealed.data, sealed.len) == 0, "line %d", v.line);
			count++;
		}
		vector_free(&v);
	}
	vectors_close(&file);
	tap_ok(ok && count == 2, "the tests' own XAES-256-GCM is C2SP's");
}

static void
test_vectors(const AeadAlgorithm *algorithm, const char *name,
			 const char *vectors, const char *file_name)
{
	VectorFile	file = vectors_open(vectors, file_name);
	Vector		v;

	while (vectors_next(&file, &v))
	{
		if (!vector_has(&v, "iterations"))
			tap_ok(vector_holds(algorithm, &v), "%s: vector of line %d", name, v.line);
		else if (vector_get_number(&v, "iterations") <= 10000 || getenv("LONG") != NULL)
			tap_ok(accumulated_holds(algorithm, &v), "%s: %d accumulated vectors",
				   name, (int) vector_get_number(&v, "iterations"));
		vector_free(&v);
	}
	vectors_close(&file);
}

static bool
vector_holds(const AeadAlgorithm *algorithm, const Vector *v)
{
	void	   *state = state_new(algorithm, vector_get_exactly(v, "key", 32));
	const uint8_t *nonce = vector_get_exactly(v, "nonce", 24);
	Bytes		associated = vector_get(v, "associated");
	Bytes		plaintext = vector_get(v, "plaintext");
	Bytes		sealed = vector_get(v, "sealed");
	uint8_t		out[256];
	bool		ok = true;

	for (int i = 0; i < 4; i++)
	{
		NonceReuse	reuse = i % 2 == 0 ? NONCE_PREFIX_ONCE : NONCE_PREFIX_KEPT;

		TAP_EACH(ok, algorithm->seal(state, reuse, nonce, associated, plaintext, out) &&
				 bytes_equal(bytes_of(out, plaintext.len + AEAD_TAG_LEN), sealed),
				 "round %d", i);
		TAP_EACH(ok, algorithm->open(state, nonce, associated, sealed, out) &&
				 bytes_equal(bytes_of(out, plaintext.len), plaintext), "round %d", i);
	}
	state_free(algorithm, state);
	return ok;
}

/*
 * C2SP's accumulated vectors.  OpenSSL 3.0 has no SHAKE that can be read piece
 * by piece, so all of the stream is made first: 312 bytes an iteration in the
 * mean, and the room is for more than chance can ask.
 */
static bool
accumulated_holds(const AeadAlgorithm *algorithm, const Vector *v)
{
	int			iterations = (int) vector_get_number(v, "iterations");
	size_t		stream_len = (size_t) iterations * 330;
	uint8_t    *stream = malloc(stream_len);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	ByteReader	in = reader_of(bytes_of(stream, stream_len));
	uint8_t		hash[32];
	bool		ok = true;

	EVP_DigestInit_ex(ctx, EVP_shake128(), NULL);
	EVP_DigestFinalXOF(ctx, stream, stream_len);
	EVP_DigestInit_ex(ctx, EVP_shake128(), NULL);
	for (int i = 0; ok && i < iterations; i++)
	{
		Bytes		key,
					nonce,
					plaintext,
					associated;
		uint8_t		len;
		uint8_t		out[255 + AEAD_TAG_LEN];
		uint8_t		back[255];
		void	   *state;

		TAP_EACH(ok, reader_take(&in, 32, &key) && reader_take(&in, 24, &nonce) &&
				 reader_u8(&in, &len) && reader_take(&in, len, &plaintext) &&
				 reader_u8(&in, &len) && reader_take(&in, len, &associated),
				 "the stream ended at %d", i);
		if (!ok)
			break;
		state = state_new(algorithm, key.data);
		TAP_EACH(ok, algorithm->seal(state, NONCE_PREFIX_ONCE, nonce.data,
									 associated, plaintext, out), "seal %d", i);
		TAP_EACH(ok, algorithm->open(state, nonce.data, associated,
									 bytes_of(out, plaintext.len + AEAD_TAG_LEN), back) &&
				 bytes_equal(bytes_of(back, plaintext.len), plaintext), "open %d", i);
		EVP_DigestUpdate(ctx, out, plaintext.len + AEAD_TAG_LEN);
		state_free(algorithm, state);
	}
	EVP_DigestFinalXOF(ctx, hash, sizeof(hash));
	EVP_MD_CTX_free(ctx);
	free(stream);
	return ok && memcmp(hash, vector_get_exactly(v, "hash", 32), 32) == 0;
}

/* Every length around the change of library, in both ways of sealing. */
static void
test_lengths(const AeadAlgorithm *algorithm, const char *name)
{
	static uint8_t plaintext[LENGTHS_MAX];
	static uint8_t expected[LENGTHS_MAX + AEAD_TAG_LEN];
	static uint8_t out[LENGTHS_MAX + AEAD_TAG_LEN];
	uint64_t	seed = 1;
	uint8_t		key[32];
	uint8_t		nonce[24];
	uint8_t		associated[70];
	void	   *state;
	bool		ok = true;

	random_fill(&seed, key, sizeof(key));
	random_fill(&seed, nonce, sizeof(nonce));
	random_fill(&seed, plaintext, sizeof(plaintext));
	random_fill(&seed, associated, sizeof(associated));
	state = state_new(algorithm, key);
	for (size_t len = 0; len <= LENGTHS_MAX; len++)
	{
		Bytes		text = bytes_of(plaintext, len);
		Bytes		aad = bytes_of(associated, len % sizeof(associated));

		random_fill(&seed, nonce + 12, 12);
		reference_seal(key, nonce, aad, text, expected);
		TAP_EACH(ok, algorithm->seal(state, NONCE_PREFIX_KEPT, nonce, aad, text, out) &&
				 memcmp(out, expected, len + AEAD_TAG_LEN) == 0, "kept, len %zu", len);
		TAP_EACH(ok, algorithm->seal(state, NONCE_PREFIX_ONCE, nonce, aad, text, out) &&
				 memcmp(out, expected, len + AEAD_TAG_LEN) == 0, "once, len %zu", len);
		TAP_EACH(ok, algorithm->open(state, nonce, aad,
									 bytes_of(expected, len + AEAD_TAG_LEN), out) &&
				 memcmp(out, plaintext, len) == 0, "open, len %zu", len);
	}
	state_free(algorithm, state);
	tap_ok(ok, "%s: the same bytes as plain EVP and CMAC, lengths 0 to %d", name, LENGTHS_MAX);
}

/* Long ones, in place, and without any associated data or text at all. */
static void
test_long(const AeadAlgorithm *algorithm, const char *name)
{
	const size_t len = 3 * 1024 * 1024 + 5;
	uint64_t	seed = 2;
	uint8_t		key[32] = {7};
	uint8_t		nonce[24] = {8};
	uint8_t    *text = malloc(len);
	uint8_t    *out = malloc(len + AEAD_TAG_LEN);
	void	   *state = state_new(algorithm, key);
	Bytes		none = bytes_of(NULL, 0);
	uint8_t		tag[AEAD_TAG_LEN];
	bool		ok;

	random_fill(&seed, text, len);
	ok = algorithm->seal(state, NONCE_PREFIX_KEPT, nonce, none, bytes_of(text, len), out) &&
		algorithm->open(state, nonce, none, bytes_of(out, len + AEAD_TAG_LEN), out) &&
		memcmp(out, text, len) == 0;
	tap_ok(ok, "%s: three megabytes, without associated data, opened in place", name);
	ok = algorithm->seal(state, NONCE_PREFIX_KEPT, nonce, none, none, tag) &&
		algorithm->open(state, nonce, none, bytes_of(tag, AEAD_TAG_LEN), out);
	tag[3] ^= 1;
	ok = ok && !algorithm->open(state, nonce, none, bytes_of(tag, AEAD_TAG_LEN), out);
	tap_ok(ok, "%s: nothing at all, sealed and opened", name);
	state_free(algorithm, state);
	free(text);
	free(out);
}

/* Whatever differs in one bit or one byte's length does not open. */
static void
test_refusals(const AeadAlgorithm *algorithm, const char *name, size_t len)
{
	static uint8_t sealed[2048];
	uint64_t	seed = len;
	uint8_t		key[32];
	uint8_t		nonce[24];
	uint8_t		aad[44];
	size_t		sealed_len = len + AEAD_TAG_LEN;
	void	   *state;
	void	   *other;
	bool		ok = true;

	random_fill(&seed, key, sizeof(key));
	random_fill(&seed, nonce, sizeof(nonce));
	random_fill(&seed, aad, sizeof(aad));
	random_fill(&seed, sealed, sizeof(sealed));
	state = state_new(algorithm, key);
	key[31] ^= 1;
	other = state_new(algorithm, key);
	algorithm->seal(state, NONCE_PREFIX_KEPT, nonce, bytes_of(aad, sizeof(aad)),
					bytes_of(sealed, len), sealed);

#define REFUSED(state_, aad_len_, sealed_len_) \
	refused(algorithm, state_, nonce, bytes_of(aad, aad_len_), bytes_of(sealed, sealed_len_))

	for (size_t i = 0; i < 8 * sealed_len; i++)
	{
		sealed[i / 8] ^= (uint8_t) (1 << i % 8);
		TAP_EACH(ok, REFUSED(state, sizeof(aad), sealed_len), "bit %zu", i);
		sealed[i / 8] ^= (uint8_t) (1 << i % 8);
	}
	for (size_t i = 0; i < 8 * sizeof(nonce); i++)
	{
		nonce[i / 8] ^= (uint8_t) (1 << i % 8);
		TAP_EACH(ok, REFUSED(state, sizeof(aad), sealed_len), "nonce's bit %zu", i);
		nonce[i / 8] ^= (uint8_t) (1 << i % 8);
	}
	for (size_t i = 0; i < 8 * sizeof(aad); i++)
	{
		aad[i / 8] ^= (uint8_t) (1 << i % 8);
		TAP_EACH(ok, REFUSED(state, sizeof(aad), sealed_len), "associated bit %zu", i);
		aad[i / 8] ^= (uint8_t) (1 << i % 8);
	}
	for (size_t i = 0; i < sizeof(aad); i++)
		TAP_EACH(ok, REFUSED(state, i, sealed_len), "%zu associated bytes", i);
	for (size_t i = 0; i < sealed_len + 64; i++)
		TAP_EACH(ok, i == sealed_len || REFUSED(state, sizeof(aad), i), "%zu sealed bytes", i);
	TAP_EACH(ok, REFUSED(other, sizeof(aad), sealed_len), "a key that differs in one bit");
	TAP_EACH(ok, !REFUSED(state, sizeof(aad), sealed_len), "the value as it was");
	tap_ok(ok, "%s: %zu bytes; what differs does not open, and leaves zeros", name, len);
	state_free(algorithm, state);
	state_free(algorithm, other);
}

/* Does not open, and leaves zeros where the text would be. */
static bool
refused(const AeadAlgorithm *algorithm, void *state, const uint8_t *nonce,
		Bytes associated, Bytes sealed)
{
	static uint8_t out[2048];
	size_t		len = sealed.len < AEAD_TAG_LEN ? 0 : sealed.len - AEAD_TAG_LEN;

	memset(out, 0xaa, sizeof(out));
	return !algorithm->open(state, nonce, associated, sealed, out) &&
		all_zero(out, len) && out[len] == 0xaa;
}
