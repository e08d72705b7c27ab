/*-------------------------------------------------------------------------
 *
 * fuzz_seal.c
 *	  The input is a list of values, sealed and opened with one state an
 *	  algorithm; and is itself opened as a value, which it cannot be.
 *
 * A prefix is one byte, so that it comes again while the caches of derived
 * keys are in any state.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

#include "crypto/aead.h"
#include "fuzz.h"

#define TEXT_MAX	2048

/* Sealed either way the bytes are the same, open, and do not when changed. */
static void
round_trip(const AeadAlgorithm *algorithm, void *state, const uint8_t *nonce,
		   Bytes associated, Bytes text, uint8_t flip)
{
	size_t		sealed_len = text.len + AEAD_TAG_LEN;
	uint8_t    *sealed = malloc(sealed_len);
	uint8_t    *again = malloc(sealed_len);

	check(algorithm->seal(state, flip % 2 ? NONCE_PREFIX_KEPT : NONCE_PREFIX_ONCE,
						  nonce, associated, text, sealed));
	check(algorithm->open(state, nonce, associated, bytes_of(sealed, sealed_len), again));
	check(text.len == 0 || memcmp(again, text.data, text.len) == 0);
	check(algorithm->seal(state, flip % 2 ? NONCE_PREFIX_ONCE : NONCE_PREFIX_KEPT,
						  nonce, associated, text, again));
	check(memcmp(again, sealed, sealed_len) == 0);

	sealed[flip % sealed_len] ^= (uint8_t) (1 << flip % 8);
	check(!algorithm->open(state, nonce, associated, bytes_of(sealed, sealed_len), again));
	for (size_t i = 0; i < text.len; i++)
		check(again[i] == 0);
	free(sealed);
	free(again);
}

static void
run(const AeadAlgorithm *algorithm, Bytes input)
{
	static const uint8_t key[AEAD_KEY_LEN] = "a key that nobody is to guess...";
	ByteReader	in = reader_of(input);
	uint8_t		nonce[AEAD_NONCE_LEN] = {0};
	void	   *state = malloc(algorithm->state_size);
	uint8_t		out[TEXT_MAX];
	uint8_t		prefix;
	uint8_t		flip;
	uint8_t		associated_len;
	uint16_t	len;
	Bytes		associated;

	check(algorithm->init(state, key));
	if (input.len < TEXT_MAX)
		check(!algorithm->open(state, nonce, bytes_of(NULL, 0), input, out));
	while (reader_u8(&in, &prefix) && reader_u8(&in, &flip) &&
		   reader_u8(&in, &associated_len) && reader_u16(&in, &len) &&
		   reader_take(&in, associated_len % 64, &associated))
	{
		/* the text may be longer than the input is */
		for (size_t i = 0; i < sizeof(out); i++)
			out[i] = (uint8_t) (i ^ len);
		nonce[0] = prefix % 16;
		nonce[23]++;
		round_trip(algorithm, state, nonce, associated, bytes_of(out, len % TEXT_MAX), flip);
	}
	algorithm->wipe(state);
	free(state);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(aead_startup());
	run(&aead_xaes_256_gcm, bytes_of(data, size));
	run(&aead_xchacha20_poly1305, bytes_of(data, size));
	return 0;
}
