/*-------------------------------------------------------------------------
 *
 * test_envelope.c
 *	  The stored value: what is written, what is read, what is refused, and
 *	  the values of old.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

#include "crypto/envelope.h"
#include "crypto/kdf.h"
#include "reference.h"
#include "tap.h"
#include "vectors.h"

#define TEXT_LEN		37
#define ENVELOPE_LEN	(ENVELOPE_OVERHEAD + TEXT_LEN)

static void test_layout(void);
static void test_header(void);
static void test_refusals(const AeadAlgorithm *algorithm);
static void test_other_algorithm(void);
static void test_corpus(const char *vectors);
static bool corpus_holds(const Vector *v);
static void make_envelope(const AeadAlgorithm *algorithm, uint8_t *out);
static bool opens(Bytes envelope);

static const uint8_t data_key[DATA_KEY_LEN] = {1, 2, 3};
static const uint8_t fingerprint[FINGERPRINT_LEN] = {10, 11, 12, 13, 14, 15, 16, 17};
static const uint8_t key_id[KEY_ID_LEN] = {20, 21, 22, 23, 24, 25, 26, 27};
static const uint8_t nonce[AEAD_NONCE_LEN] = {30, 31, 32};

void
test_envelope(const char *vectors)
{
	test_layout();
	test_header();
	test_refusals(&aead_xaes_256_gcm);
	test_refusals(&aead_xchacha20_poly1305);
	test_other_algorithm();
	test_corpus(vectors);
}

static void
test_layout(void)
{
	uint8_t		data[ENVELOPE_OVERHEAD + 5] = {0};
	Envelope	e;
	bool		ok;

	envelope_write_header(data, &aead_xaes_256_gcm, fingerprint, key_id, nonce);
	ok = data[0] == 1 && data[1] == 1 && data[2] == 0 && data[3] == 0 &&
		memcmp(data + 4, fingerprint, 8) == 0 && memcmp(data + 12, key_id, 8) == 0 &&
		memcmp(data + 20, nonce, 24) == 0 && all_zero(data + 44, sizeof(data) - 44);
	tap_ok(ok, "the header's 44 bytes are as specified");

	ok = envelope_parse(bytes_of(data, sizeof(data)), &e) &&
		e.algorithm == &aead_xaes_256_gcm && e.fingerprint == data + 4 &&
		e.key_id == data + 12 && e.nonce == data + 20 &&
		e.associated.data == data && e.associated.len == 44 &&
		e.sealed.data == data + 44 && e.sealed.len == 16 + 5;
	tap_ok(ok, "a parsed envelope points to its parts");
	tap_ok(envelope_parse(bytes_of(data, 60), &e) && e.sealed.len == 16,
		   "an envelope of an empty text is the shortest");
}

/* All values of the four bytes that say what this is. */
static void
test_header(void)
{
	uint8_t		data[ENVELOPE_OVERHEAD] = {0};
	Envelope	e;
	bool		ok = true;

	envelope_write_header(data, &aead_xaes_256_gcm, fingerprint, key_id, nonce);
	for (int at = 0; at < 4; at++)
	{
		uint8_t		was = data[at];

		for (int value = 0; value < 256; value++)
		{
			bool		known = value == was || (at == 1 && value == 2);

			data[at] = (uint8_t) value;
			TAP_EACH(ok, envelope_parse(bytes_of(data, sizeof(data)), &e) == known,
					 "byte %d, value %d", at, value);
		}
		data[at] = was;
	}
	tap_ok(ok, "unknown versions, algorithms and flags, and a reserved byte, are refused");

	ok = true;
	for (size_t len = 0; len < ENVELOPE_OVERHEAD; len++)
	{
		/* in memory of that length, so that a sanitizer sees a byte more */
		uint8_t    *copy = malloc(len == 0 ? 1 : len);

		memcpy(copy, data, len);
		TAP_EACH(ok, !envelope_parse(bytes_of(copy, len), &e), "%zu bytes", len);
		free(copy);
	}
	tap_ok(ok && !envelope_parse(bytes_of(NULL, 0), &e), "less than 60 bytes are no envelope");
}

static void
test_refusals(const AeadAlgorithm *algorithm)
{
	uint8_t		data[ENVELOPE_LEN + 40] = {0};
	bool		ok = true;

	make_envelope(algorithm, data);
	for (size_t i = 0; i < 8 * ENVELOPE_LEN; i++)
	{
		data[i / 8] ^= (uint8_t) (1 << i % 8);
		TAP_EACH(ok, !opens(bytes_of(data, ENVELOPE_LEN)), "byte %zu, bit %zu", i / 8, i % 8);
		data[i / 8] ^= (uint8_t) (1 << i % 8);
	}
	tap_ok(ok, "%s: an envelope with one bit flipped is refused", algorithm->name);

	ok = true;
	for (size_t i = 0; i < ENVELOPE_LEN; i++)
	{
		uint8_t		was = data[i];

		data[i] = (uint8_t) ~was;
		TAP_EACH(ok, !opens(bytes_of(data, ENVELOPE_LEN)), "byte %zu", i);
		data[i] = was == 0 ? 1 : 0;
		TAP_EACH(ok, !opens(bytes_of(data, ENVELOPE_LEN)), "byte %zu", i);
		data[i] = was;
	}
	tap_ok(ok, "%s: so is one with a byte replaced", algorithm->name);

	ok = true;
	for (size_t len = 0; len < sizeof(data); len++)
		TAP_EACH(ok, opens(bytes_of(data, len)) == (len == ENVELOPE_LEN), "%zu bytes", len);
	tap_ok(ok, "%s: so is one shorter or longer by any number of bytes", algorithm->name);
}

/* The value key depends on the algorithm: no value can be passed to another. */
static void
test_other_algorithm(void)
{
	uint8_t		data[ENVELOPE_LEN];

	make_envelope(&aead_xaes_256_gcm, data);
	data[ENVELOPE_AT_ALGORITHM] = 2;
	tap_ok(!opens(bytes_of(data, sizeof(data))), "an envelope of algorithm 1 does not open as 2");
	make_envelope(&aead_xchacha20_poly1305, data);
	data[ENVELOPE_AT_ALGORITHM] = 1;
	tap_ok(!opens(bytes_of(data, sizeof(data))), "nor the other way");
}

static void
test_corpus(const char *vectors)
{
	VectorFile	file = vectors_open(vectors, "envelopes_v1.txt");
	Vector		v;
	int			count = 0;

	for (; vectors_next(&file, &v); count++)
	{
		tap_ok(corpus_holds(&v), "version 1, algorithm %d, %zu bytes: opens as it ever did",
			   (int) vector_get_number(&v, "algorithm"), vector_get(&v, "plaintext").len);
		vector_free(&v);
	}
	vectors_close(&file);
	tap_ok(count == 16, "all old values of version 1 were there");
}

/* Opens on every path, and would be written the same today. */
static bool
corpus_holds(const Vector *v)
{
	static uint8_t out[16384];
	Bytes		plaintext = vector_get(v, "plaintext");
	Bytes		envelope = vector_get(v, "envelope");
	uint8_t		expected[FINGERPRINT_LEN];
	uint8_t		value_key[AEAD_KEY_LEN];
	Envelope	e;
	bool		ok = true;

	TAP_EACH(ok, envelope_parse(envelope, &e), "line %d", v->line);
	if (!ok)
		return false;
	TAP_EACH(ok, e.algorithm->id == vector_get_number(v, "algorithm") &&
			 memcmp(e.key_id, vector_get_exactly(v, "key_id", 8), 8) == 0 &&
			 kdf_fingerprint(vector_get(v, "tenant"), expected) &&
			 memcmp(e.fingerprint, expected, 8) == 0, "line %d", v->line);
	kdf_value_key(vector_get_exactly(v, "data_key", 32), e.algorithm->id, e.key_id, value_key);
	for (int i = 0; i < ALGORITHM_VARIANTS; i++)
	{
		const AeadAlgorithm *algorithm = algorithm_variants[i];
		void	   *state;

		if (algorithm->id != e.algorithm->id)
			continue;
		state = state_new(algorithm, value_key);
		TAP_EACH(ok, algorithm->open(state, e.nonce, e.associated, e.sealed, out) &&
				 memcmp(out, plaintext.data, plaintext.len) == 0 &&
				 e.sealed.len == plaintext.len + AEAD_TAG_LEN,
				 "%s", algorithm_variant_names[i]);
		envelope_write_header(out, algorithm, e.fingerprint, e.key_id, e.nonce);
		TAP_EACH(ok, algorithm->seal(state, NONCE_PREFIX_KEPT, e.nonce,
									 bytes_of(out, ENVELOPE_HEADER_LEN), plaintext,
									 out + ENVELOPE_HEADER_LEN) &&
				 memcmp(out, envelope.data, envelope.len) == 0,
				 "%s", algorithm_variant_names[i]);
		state_free(algorithm, state);
	}
	return ok;
}

static void
make_envelope(const AeadAlgorithm *algorithm, uint8_t *out)
{
	static const uint8_t text[TEXT_LEN] = "thirty-seven bytes of text, not more!";
	uint8_t		value_key[AEAD_KEY_LEN];
	void	   *state;

	kdf_value_key(data_key, algorithm->id, key_id, value_key);
	state = state_new(algorithm, value_key);
	envelope_write_header(out, algorithm, fingerprint, key_id, nonce);
	algorithm->seal(state, NONCE_PREFIX_KEPT, nonce, bytes_of(out, ENVELOPE_HEADER_LEN),
					bytes_of(text, TEXT_LEN), out + ENVELOPE_HEADER_LEN);
	state_free(algorithm, state);
}

/* As the type does: look the key up by its id, derive, open. */
static bool
opens(Bytes envelope)
{
	uint8_t		value_key[AEAD_KEY_LEN];
	uint8_t		out[ENVELOPE_LEN + 40];
	Envelope	e;
	void	   *state;
	bool		ok;

	if (!envelope_parse(envelope, &e) || memcmp(e.key_id, key_id, KEY_ID_LEN) != 0)
		return false;
	kdf_value_key(data_key, e.algorithm->id, e.key_id, value_key);
	state = state_new(e.algorithm, value_key);
	ok = e.algorithm->open(state, e.nonce, e.associated, e.sealed, out);
	state_free(e.algorithm, state);
	return ok;
}
