/*-------------------------------------------------------------------------
 *
 * test_aead_cache.c
 *	  Derived keys and contexts that are kept, in every order of use.
 *
 * A key that is kept too long seals values that nobody can open, and no test
 * of a single value sees it.  So each value is compared with the reference,
 * which keeps nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "reference.h"
#include "tap.h"

#define PREFIXES	20			/* more than are kept for opening */
#define TEXT_MAX	1200
#define ROUNDS		20000

static void test_mixture(const AeadAlgorithm *algorithm, const char *name);
static void test_once_between_kept(const AeadAlgorithm *algorithm, const char *name,
								   size_t len);
static void test_failed_opens(const AeadAlgorithm *algorithm, const char *name,
							  size_t len);
static void test_zero_prefix(const AeadAlgorithm *algorithm, const char *name);
static bool seals(const AeadAlgorithm *algorithm, void *state, NonceReuse reuse,
				  const uint8_t *key, const uint8_t *nonce, Bytes text);
static bool opens(const AeadAlgorithm *algorithm, void *state,
				  const uint8_t *key, const uint8_t *nonce, Bytes text);

void
test_aead_cache(void)
{
	for (int i = 0; i < XAES_VARIANTS; i++)
	{
		const AeadAlgorithm *algorithm = algorithm_variants[i];
		const char *name = algorithm_variant_names[i];

		test_mixture(algorithm, name);
		for (size_t len = 50; len < 1000; len += 450)
		{
			test_once_between_kept(algorithm, name, len);
			test_failed_opens(algorithm, name, len);
		}
		test_zero_prefix(algorithm, name);
	}
}

/* Two states, prefixes that come again or not, lengths for both libraries. */
static void
test_mixture(const AeadAlgorithm *algorithm, const char *name)
{
	static uint8_t text[TEXT_MAX];
	uint64_t	seed = 3;
	uint8_t		prefixes[PREFIXES][12];
	uint8_t		keys[2][32];
	void	   *states[2];
	uint8_t		nonce[24];
	bool		ok = true;

	random_fill(&seed, prefixes[0], sizeof(prefixes));
	random_fill(&seed, keys[0], sizeof(keys));
	random_fill(&seed, text, sizeof(text));
	for (int i = 0; i < 2; i++)
		states[i] = state_new(algorithm, keys[i]);
	for (int i = 0; i < ROUNDS; i++)
	{
		int			which = (int) (random_next(&seed) % 2);
		Bytes		part = bytes_of(text, random_next(&seed) % TEXT_MAX);
		unsigned	what = (unsigned) (random_next(&seed) % 4);

		/* mostly few prefixes, so that there are hits as well as misses */
		memcpy(nonce, prefixes[random_next(&seed) % (i % 100 < 70 ? 3 : PREFIXES)], 12);
		random_fill(&seed, nonce + 12, 12);
		if (what >= 2)
			TAP_EACH(ok, opens(algorithm, states[which], keys[which], nonce, part),
					 "round %d, %zu bytes", i, part.len);
		else
			TAP_EACH(ok, seals(algorithm, states[which],
							   what == 0 ? NONCE_PREFIX_ONCE : NONCE_PREFIX_KEPT,
							   keys[which], nonce, part),
					 "round %d, %zu bytes", i, part.len);
	}
	for (int i = 0; i < 2; i++)
		state_free(algorithm, states[i]);
	tap_ok(ok, "%s: %d values of %d prefixes in any order", name, ROUNDS, PREFIXES);
}

/* A context that was keyed for a one-time value is not the kept key's. */
static void
test_once_between_kept(const AeadAlgorithm *algorithm, const char *name, size_t len)
{
	static const uint8_t text[1000] = {1, 2, 3};
	uint8_t		key[32] = {1};
	uint8_t		kept[24] = {1};
	uint8_t		once[24] = {2};
	void	   *state = state_new(algorithm, key);
	bool		ok = true;

	for (uint8_t i = 0; i < 4; i++)
	{
		kept[23] = once[23] = i;
		TAP_EACH(ok, seals(algorithm, state, NONCE_PREFIX_KEPT, key, kept,
						   bytes_of(text, len)), "kept %d", i);
		TAP_EACH(ok, opens(algorithm, state, key, kept, bytes_of(text, len)), "open %d", i);
		TAP_EACH(ok, seals(algorithm, state, NONCE_PREFIX_ONCE, key, once,
						   bytes_of(text, len)), "once %d", i);
		TAP_EACH(ok, seals(algorithm, state, NONCE_PREFIX_ONCE, key, kept,
						   bytes_of(text, len)), "once with the kept prefix %d", i);
		TAP_EACH(ok, opens(algorithm, state, key, once, bytes_of(text, len)), "open %d", i);
	}
	state_free(algorithm, state);
	tap_ok(ok, "%s: %zu bytes; one-time values between those of a kept prefix", name, len);
}

/* A forgery costs nobody else anything. */
static void
test_failed_opens(const AeadAlgorithm *algorithm, const char *name, size_t len)
{
	static const uint8_t text[1000] = {1, 2, 3};
	uint8_t		key[32] = {1};
	uint8_t		nonce[24] = {1};
	uint8_t		forged[1000 + AEAD_TAG_LEN] = {0};
	uint8_t		out[1000];
	void	   *state = state_new(algorithm, key);
	bool		ok = true;

	for (uint8_t i = 0; i < 3 * 8; i++)
	{
		nonce[0] = i / 2;
		TAP_EACH(ok, !algorithm->open(state, nonce, bytes_of(NULL, 0),
									  bytes_of(forged, len + AEAD_TAG_LEN), out), "%d", i);
		TAP_EACH(ok, opens(algorithm, state, key, nonce, bytes_of(text, len)), "%d", i);
		TAP_EACH(ok, seals(algorithm, state, NONCE_PREFIX_KEPT, key, nonce,
						   bytes_of(text, len)), "%d", i);
	}
	state_free(algorithm, state);
	tap_ok(ok, "%s: %zu bytes; values open after forgeries that did not", name, len);
}

/* An empty place of the cache is not the key of a prefix of zeros. */
static void
test_zero_prefix(const AeadAlgorithm *algorithm, const char *name)
{
	static const uint8_t text[900];
	uint8_t		key[32] = {9};
	uint8_t		nonce[24] = {0};
	bool		ok = true;

	for (int i = 0; i < 4; i++)
	{
		void	   *state = state_new(algorithm, key);
		Bytes		part = bytes_of(text, i % 2 == 0 ? 10 : 900);

		if (i < 2)
			TAP_EACH(ok, seals(algorithm, state, NONCE_PREFIX_KEPT, key, nonce, part),
					 "seal %zu bytes", part.len);
		else
			TAP_EACH(ok, opens(algorithm, state, key, nonce, part),
					 "open %zu bytes", part.len);
		state_free(algorithm, state);
	}
	tap_ok(ok, "%s: a prefix of zeros is a prefix like any other", name);
}

static bool
seals(const AeadAlgorithm *algorithm, void *state, NonceReuse reuse,
	  const uint8_t *key, const uint8_t *nonce, Bytes text)
{
	uint8_t		expected[TEXT_MAX + AEAD_TAG_LEN];
	uint8_t		out[TEXT_MAX + AEAD_TAG_LEN];
	Bytes		aad = bytes_of(nonce, 20);

	reference_seal(key, nonce, aad, text, expected);
	return algorithm->seal(state, reuse, nonce, aad, text, out) &&
		memcmp(out, expected, text.len + AEAD_TAG_LEN) == 0;
}

static bool
opens(const AeadAlgorithm *algorithm, void *state,
	  const uint8_t *key, const uint8_t *nonce, Bytes text)
{
	uint8_t		sealed[TEXT_MAX + AEAD_TAG_LEN];
	uint8_t		out[TEXT_MAX];
	Bytes		aad = bytes_of(nonce, 20);

	reference_seal(key, nonce, aad, text, sealed);
	return algorithm->open(state, nonce, aad,
						   bytes_of(sealed, text.len + AEAD_TAG_LEN), out) &&
		memcmp(out, text.data, text.len) == 0;
}
