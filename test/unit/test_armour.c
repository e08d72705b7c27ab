/*-------------------------------------------------------------------------
 *
 * test_armour.c
 *	  The text form of an envelope: one text for each, and no other.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

#include "crypto/envelope.h"
#include "reference.h"
#include "tap.h"
#include "vectors.h"

#define BYTES_MAX	300
#define TEXT_MAX	(4 + BYTES_MAX * 4 / 3 + 4)

static void test_lengths(void);
static void test_prefix(void);
static void test_replaced(size_t len);
static void test_cut_and_extended(size_t len);
static void test_inserted(size_t len);
static void test_last_bits(void);
static void test_envelope_refused(void);
static void test_corpus(const char *vectors);
static size_t make_armour(uint8_t *envelope, size_t len, char *text);
static bool decodes(const char *text, size_t len);
static bool decodes_to(const char *text, size_t len, Bytes expected);

void
test_armour(const char *vectors)
{
	test_lengths();
	test_prefix();
	for (size_t len = 60; len < 63; len++)
	{
		test_replaced(len);
		test_cut_and_extended(len);
		test_inserted(len);
	}
	test_last_bits();
	test_envelope_refused();
	test_corpus(vectors);
}

static void
test_lengths(void)
{
	static const char expected[] = "bc1:AQEAAAABAgP7_w";
	static const uint8_t small[] = {1, 1, 0, 0, 0, 1, 2, 3, 0xfb, 0xff};
	uint8_t		envelope[BYTES_MAX];
	char		text[TEXT_MAX];
	bool		ok = true;

	armour_encode(bytes_of(small, sizeof(small)), text);
	tap_ok(armour_len(sizeof(small)) == strlen(expected) &&
		   memcmp(text, expected, strlen(expected)) == 0,
		   "armour is bc1: and base64url without padding");
	armour_encode(bytes_of(NULL, 0), text);
	tap_ok(armour_len(0) == 4 && memcmp(text, "bc1:", 4) == 0, "also of nothing");
	for (size_t len = ENVELOPE_OVERHEAD; len <= BYTES_MAX; len++)
	{
		size_t		text_len;

		memset(text, 0x7e, sizeof(text));
		text_len = make_armour(envelope, len, text);
		TAP_EACH(ok, text_len == 4 + (len * 8 + 5) / 6 && text[text_len] == 0x7e &&
				 memchr(text, 0, text_len) == NULL, "%zu bytes", len);
		TAP_EACH(ok, decodes_to(text, text_len, bytes_of(envelope, len)), "%zu bytes", len);
	}
	tap_ok(ok, "each length is armoured to its length, without a NUL, and back");
}

static void
test_prefix(void)
{
	uint8_t		envelope[60];
	char		text[TEXT_MAX];
	size_t		len = make_armour(envelope, sizeof(envelope), text);

	tap_ok(armour_has_prefix(bytes_of_string("bc1:")) &&
		   armour_has_prefix(bytes_of_string("bc1:anything")) &&
		   !armour_has_prefix(bytes_of_string("bc1")) &&
		   !armour_has_prefix(bytes_of_string("BC1:x")) &&
		   !armour_has_prefix(bytes_of_string(" bc1:x")) &&
		   !armour_has_prefix(bytes_of_string("bc2:x")) &&
		   !armour_has_prefix(bytes_of(NULL, 0)), "the prefix alone claims to be armour");
	tap_ok(!decodes("bc1:", 4) && !decodes("", 0) && !decodes(text + 4, len - 4) &&
		   !decodes("bc1", 3), "no text without prefix, and no prefix alone, decodes");
}

/* Another character is refused, or is another envelope's only text. */
static void
test_replaced(size_t len)
{
	uint8_t		envelope[BYTES_MAX];
	uint8_t		out[TEXT_MAX];
	char		text[TEXT_MAX];
	char		again[TEXT_MAX];
	size_t		text_len = make_armour(envelope, len, text);
	int			accepted = 0;
	bool		ok = true;

	for (size_t i = 0; i < text_len; i++)
	{
		char		was = text[i];

		for (int c = 0; c < 256; c++)
		{
			size_t		out_len;

			text[i] = (char) c;
			if (text[i] == was || !decodes(text, text_len))
				continue;
			accepted++;
			armour_decode(bytes_of(text, text_len), out, &out_len);
			TAP_EACH(ok, i >= 4 && out_len == len && memcmp(out, envelope, len) != 0,
					 "character %zu is %d", i, c);
			armour_encode(bytes_of(out, out_len), again);
			TAP_EACH(ok, memcmp(again, text, text_len) == 0, "character %zu is %d", i, c);
		}
		text[i] = was;
	}
	tap_ok(ok && accepted > 0, "%zu bytes: each character replaced by each other", len);
}

static void
test_cut_and_extended(size_t len)
{
	static const char *const tails[] = {
		"=", "==", "===", " ", "\n", "\r\n", "A", "AA", "AAA", "AAAA", "A=", "AA==", ":", "bc1:"
	};
	uint8_t		envelope[BYTES_MAX];
	char		text[TEXT_MAX + 8];
	size_t		text_len = make_armour(envelope, len, text);
	bool		ok = true;

	for (size_t i = 0; i < text_len; i++)
		TAP_EACH(ok, !decodes_to(text, i, bytes_of(envelope, len)), "%zu characters", i);
	for (int c = 0; c < 256; c++)
	{
		text[text_len] = (char) c;
		TAP_EACH(ok, !decodes_to(text, text_len + 1, bytes_of(envelope, len)), "and %d", c);
	}
	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++)
	{
		memcpy(text + text_len, tails[i], strlen(tails[i]));
		TAP_EACH(ok, !decodes_to(text, text_len + strlen(tails[i]), bytes_of(envelope, len)),
				 "and \"%s\"", tails[i]);
	}
	tap_ok(ok, "%zu bytes: shorter, padded or longer text is not the same envelope", len);
}

static void
test_inserted(size_t len)
{
	static const char aliens[] = {' ', '\t', '\n', '\r', '=', '+', '/', '.', ':', 0};
	uint8_t		envelope[BYTES_MAX];
	char		text[TEXT_MAX];
	char		longer[TEXT_MAX + 1];
	size_t		text_len = make_armour(envelope, len, text);
	bool		ok = true;

	for (size_t i = 0; i <= text_len; i++)
	{
		memcpy(longer, text, i);
		memcpy(longer + i + 1, text + i, text_len - i);
		for (size_t a = 0; a < sizeof(aliens); a++)
		{
			longer[i] = aliens[a];
			TAP_EACH(ok, !decodes(longer, text_len + 1), "%d before %zu", aliens[a], i);
		}
	}
	tap_ok(ok, "%zu bytes: white space and other alphabets are refused anywhere", len);
}

/* Bits of the last character that hold nothing must be 0. */
static void
test_last_bits(void)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	bool		ok = true;

	for (size_t len = 60; len < 63; len++)
	{
		int			unused_bits = len % 3 == 1 ? 4 : len % 3 == 2 ? 2 : 0;
		uint8_t		envelope[BYTES_MAX];
		char		text[TEXT_MAX];
		size_t		text_len = make_armour(envelope, len, text);

		for (int i = 0; i < 64; i++)
		{
			bool		canonical = (i & ((1 << unused_bits) - 1)) == 0;

			text[text_len - 1] = alphabet[i];
			TAP_EACH(ok, decodes(text, text_len) == canonical, "%zu bytes, %d", len, i);
		}
	}
	tap_ok(ok, "bits after the last byte must be 0");
}

static void
test_envelope_refused(void)
{
	uint8_t		envelope[BYTES_MAX];
	char		text[TEXT_MAX];
	size_t		text_len;
	bool		ok = true;

	for (size_t len = 0; len < ENVELOPE_OVERHEAD; len++)
	{
		text_len = make_armour(envelope, len, text);
		TAP_EACH(ok, !decodes(text, text_len), "%zu bytes", len);
	}
	make_armour(envelope, 60, text);
	for (int at = 0; at < 4; at++)
	{
		envelope[at] ^= 0x80;
		armour_encode(bytes_of(envelope, 60), text);
		TAP_EACH(ok, !decodes(text, armour_len(60)), "byte %d", at);
		envelope[at] ^= 0x80;
	}
	tap_ok(ok, "armour of what is no envelope is refused");
}

static void
test_corpus(const char *vectors)
{
	VectorFile	file = vectors_open(vectors, "envelopes_v1.txt");
	Vector		v;
	bool		ok = true;

	while (vectors_next(&file, &v))
	{
		Bytes		envelope = vector_get(&v, "envelope");
		size_t		len = armour_len(envelope.len);
		char	   *text = malloc(len);

		armour_encode(envelope, text);
		TAP_EACH(ok, decodes_to(text, len, envelope), "line %d", v.line);
		free(text);
		vector_free(&v);
	}
	vectors_close(&file);
	tap_ok(ok, "old values go through armour and back");
}

/* An envelope by its first bytes only; random behind them. */
static size_t
make_armour(uint8_t *envelope, size_t len, char *text)
{
	uint64_t	seed = len;

	random_fill(&seed, envelope, len);
	if (len >= 4)
		memcpy(envelope, "\1\1\0\0", 4);
	armour_encode(bytes_of(envelope, len), text);
	return armour_len(len);
}

/* In memory of just that length, so that a sanitizer sees a byte more. */
static bool
decodes(const char *text, size_t len)
{
	uint8_t    *in = malloc(len == 0 ? 1 : len);
	uint8_t    *out = malloc(len == 0 ? 1 : len);
	size_t		out_len = 12345;
	bool		ok;

	memcpy(in, text, len);
	ok = armour_decode(bytes_of(in, len), out, &out_len);
	if (!ok && out_len != 0)
		abort();
	free(in);
	free(out);
	return ok;
}

static bool
decodes_to(const char *text, size_t len, Bytes expected)
{
	uint8_t    *out = malloc(len == 0 ? 1 : len);
	size_t		out_len;
	bool		ok;

	ok = armour_decode(bytes_of(text, len), out, &out_len) &&
		bytes_equal(bytes_of(out, out_len), expected);
	free(out);
	return ok;
}
