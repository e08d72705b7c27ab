/*-------------------------------------------------------------------------
 *
 * test_kdf.c
 *	  HKDF, HMAC, and what is derived with them.
 *
 *-------------------------------------------------------------------------
 */
#include "crypto/kdf.h"
#include "reference.h"
#include "tap.h"
#include "vectors.h"

static void test_hkdf(const char *vectors);
static void test_hmac(const char *vectors);
static void test_derivations(const char *vectors);
static void test_separation(void);

void
test_kdf(const char *vectors)
{
	test_hkdf(vectors);
	test_hmac(vectors);
	test_derivations(vectors);
	test_separation();
}

static void
test_hkdf(const char *vectors)
{
	VectorFile	file = vectors_open(vectors, "hkdf_sha256.txt");
	Vector		v;
	uint8_t		out[255 * 32 + 1];
	int			count = 0;
	bool		ok = true;

	for (; vectors_next(&file, &v); count++)
	{
		Bytes		expected = vector_get(&v, "output");

		TAP_EACH(ok, kdf_hkdf(vector_get(&v, "secret"), vector_get(&v, "salt"),
							  vector_get(&v, "info"), out, expected.len) &&
				 bytes_equal(bytes_of(out, expected.len), expected),
				 "line %d", v.line);
		vector_free(&v);
	}
	vectors_close(&file);
	tap_ok(ok && count == 3, "HKDF gives RFC 5869's vectors");

	memset(out, 1, sizeof(out));
	tap_ok(kdf_hkdf(bytes_of("key", 3), bytes_of(NULL, 0), bytes_of(NULL, 0),
					out, 255 * 32), "HKDF gives 255 times 32 bytes");
	tap_ok(!kdf_hkdf(bytes_of("key", 3), bytes_of(NULL, 0), bytes_of(NULL, 0),
					 out, 255 * 32 + 1) && all_zero(out, 255 * 32 + 1),
		   "it refuses one byte more, with an output of zeros");
}

/* In one part, in single bytes, and with empty parts between. */
static void
test_hmac(const char *vectors)
{
	VectorFile	file = vectors_open(vectors, "hmac_sha256.txt");
	Vector		v;
	Bytes		parts[512];
	uint8_t		out[32];
	int			count = 0;
	bool		ok = true;

	for (; vectors_next(&file, &v); count++)
	{
		Bytes		key = vector_get(&v, "key");
		Bytes		message = vector_get(&v, "message");
		const uint8_t *expected = vector_get_exactly(&v, "output", 32);
		int			n = 0;

		TAP_EACH(ok, kdf_hmac(key, &message, 1, out) &&
				 memcmp(out, expected, 32) == 0, "line %d", v.line);
		for (size_t i = 0; i < message.len; i++)
		{
			parts[n++] = bytes_of(message.data + i, 1);
			parts[n++] = bytes_of(NULL, 0);
		}
		TAP_EACH(ok, kdf_hmac(key, parts, n, out) &&
				 memcmp(out, expected, 32) == 0, "line %d in parts", v.line);
		vector_free(&v);
	}
	vectors_close(&file);
	tap_ok(ok && count == 6, "HMAC gives RFC 4231's vectors, in whatever parts");
	tap_ok(kdf_hmac(bytes_of(NULL, 0), NULL, 0, out) && out[0] == 0xb6 && out[1] == 0x13,
		   "HMAC takes an empty key and an empty message");
}

static void
test_derivations(const char *vectors)
{
	VectorFile	file = vectors_open(vectors, "derivations.txt");
	Vector		v;
	uint8_t		out[32];
	int			count = 0;
	bool		ok = true;

	for (; vectors_next(&file, &v); count++)
	{
		const uint8_t *key = vector_get_exactly(&v, "data_key", DATA_KEY_LEN);
		const uint8_t *key_id = vector_get_exactly(&v, "key_id", KEY_ID_LEN);
		Bytes		tenant = vector_get(&v, "tenant");

		TAP_EACH(ok, kdf_value_key(key, 1, key_id, out) &&
				 memcmp(out, vector_get_exactly(&v, "value_key_1", 32), 32) == 0,
				 "line %d", v.line);
		TAP_EACH(ok, kdf_value_key(key, 2, key_id, out) &&
				 memcmp(out, vector_get_exactly(&v, "value_key_2", 32), 32) == 0,
				 "line %d", v.line);
		TAP_EACH(ok, kdf_check_value(key, tenant, key_id, out) &&
				 memcmp(out, vector_get_exactly(&v, "check_value", 32), 32) == 0,
				 "line %d", v.line);
		TAP_EACH(ok, kdf_fingerprint(tenant, out) &&
				 memcmp(out, vector_get_exactly(&v, "fingerprint", 8), 8) == 0,
				 "line %d", v.line);
		vector_free(&v);
	}
	vectors_close(&file);
	tap_ok(ok && count == 4, "value keys, check values and fingerprints are the specified bytes");
}

/* Nothing that goes into a derivation may be left out of it. */
static void
test_separation(void)
{
	uint8_t		key[32] = {1};
	uint8_t		other_key[32] = {2};
	uint8_t		id[8] = {1};
	uint8_t		other_id[8] = {2};
	uint8_t		out[9][32];
	int			n = 0;
	bool		ok = true;

	kdf_value_key(key, 1, id, out[n++]);
	kdf_value_key(key, 2, id, out[n++]);
	kdf_value_key(key, 1, other_id, out[n++]);
	kdf_value_key(other_key, 1, id, out[n++]);
	kdf_check_value(key, bytes_of_string("a"), id, out[n++]);
	kdf_check_value(key, bytes_of_string("b"), id, out[n++]);
	kdf_check_value(key, bytes_of_string("a"), other_id, out[n++]);
	kdf_check_value(other_key, bytes_of_string("a"), id, out[n++]);
	kdf_check_value(key, bytes_of(NULL, 0), id, out[n++]);
	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < i; j++)
			TAP_EACH(ok, memcmp(out[i], out[j], 32) != 0, "%d and %d", i, j);
	}
	tap_ok(ok, "another key, algorithm, key id or tenant derives another value");
}
