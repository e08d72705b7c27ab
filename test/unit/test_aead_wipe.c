/*-------------------------------------------------------------------------
 *
 * test_aead_wipe.c
 *	  After wipe no key is left: not in the state, not in what OpenSSL freed.
 *
 * OpenSSL is given an allocator that looks for the keys in each block that
 * comes back to it.  It has to be, before OpenSSL allocates anything.
 *
 *-------------------------------------------------------------------------
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE				/* memmem */
#endif
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"
#include "tap.h"

#define HEADER_LEN		16		/* before a block: its length */
#define WATCHED_LEN		16		/* a round key is half a key */
#define WATCHED_MAX		32

/* What the allocator looks for, and how often it was found. */
static uint8_t watched[WATCHED_MAX][WATCHED_LEN];
static int	watched_count;
static int	found_in_freed;
static size_t freed_count;

static void *watching_malloc(size_t len, const char *file, int line);
static void *watching_realloc(void *block, size_t len, const char *file, int line);
static void watching_free(void *block, const char *file, int line);
static bool holds_watched(const void *data, size_t len);
static void watch(const uint8_t key[32]);
static void test_wipe(const AeadAlgorithm *algorithm, const char *name,
					  bool state_holds_key);
static void use_state(const AeadAlgorithm *algorithm, void *state,
					  const uint8_t *key, bool watch_derived);

void
test_aead_wipe(void)
{
	uint8_t		key[32];
	uint64_t	seed = 4;
	uint8_t    *block;

	if (CRYPTO_set_mem_functions(watching_malloc, watching_realloc,
								 watching_free) != 1)
	{
		tap_ok(false, "OpenSSL takes the tests' allocator");
		return;
	}

	/* the watch itself must be one that barks */
	random_fill(&seed, key, sizeof(key));
	watch(key);
	block = OPENSSL_malloc(100);
	memset(block, 0, 100);
	memcpy(block + 31, key, sizeof(key));
	OPENSSL_free(block);
	tap_ok(found_in_freed == 1, "a key in freed memory would be noticed");
	found_in_freed = 0;

	if (!aead_startup() || !aead_xaes_no_aes.startup() || !aead_xaes_fips.startup())
		return;
	for (int i = 0; i < ALGORITHM_VARIANTS; i++)
		test_wipe(algorithm_variants[i], algorithm_variant_names[i], i >= XAES_VARIANTS);
}

static void
test_wipe(const AeadAlgorithm *algorithm, const char *name, bool state_holds_key)
{
	size_t		room = algorithm->state_size + 64;
	uint64_t	seed = 5;
	uint8_t		key[32];
	uint8_t    *memory = malloc(room);
	bool		had_keys;
	size_t		freed_before;

	random_fill(&seed, key, sizeof(key));
	memset(memory, 0, room);

	/* malloc's alignment, and 8 bytes off it */
	for (int offset = 0; offset <= 8; offset += 8)
	{
		watched_count = 0;
		watch(key);
		algorithm->init(memory + offset, key);
		use_state(algorithm, memory + offset, key, !state_holds_key);
		had_keys = holds_watched(memory, room);
		freed_before = freed_count;
		algorithm->wipe(memory + offset);
		tap_ok(had_keys && !holds_watched(memory, room) && all_zero(memory, room),
			   "%s: the wiped state is zero, at offset %d", name, offset);
		tap_ok(found_in_freed == 0 && (state_holds_key || freed_count > freed_before),
			   "%s: OpenSSL wiped what it freed, at offset %d", name, offset);
		found_in_freed = 0;
		algorithm->wipe(memory + offset);
		tap_ok(all_zero(memory, room), "%s: wiping twice is harmless", name);
	}
	free(memory);
}

/* Both libraries, both ways of sealing, more prefixes than are kept. */
static void
use_state(const AeadAlgorithm *algorithm, void *state, const uint8_t *key,
		  bool watch_derived)
{
	static uint8_t text[1000];
	static uint8_t out[1000 + AEAD_TAG_LEN];
	uint8_t		nonce[24] = {0};
	uint8_t		derived[32];
	Bytes		none = bytes_of(NULL, 0);

	for (uint8_t i = 0; i < 24; i++)
	{
		Bytes		part = bytes_of(text, i % 2 == 0 ? 20 : sizeof(text));

		nonce[0] = i / 2 + 1;
		if (watch_derived && i % 2 == 0)
		{
			reference_derive(key, nonce, derived);
			watch(derived);

			/* the reference is not what is tested */
			found_in_freed = 0;
		}
		algorithm->seal(state, NONCE_PREFIX_KEPT, nonce, none, part, out);
		algorithm->open(state, nonce, none, bytes_of(out, part.len + AEAD_TAG_LEN), out);
		algorithm->seal(state, NONCE_PREFIX_ONCE, nonce, none, part, out);
	}
	found_in_freed = 0;
}

static void
watch(const uint8_t key[32])
{
	for (int i = 0; i < 2 && watched_count < WATCHED_MAX; i++)
		memcpy(watched[watched_count++], key + i * WATCHED_LEN, WATCHED_LEN);
}

static bool
holds_watched(const void *data, size_t len)
{
	for (int i = 0; i < watched_count; i++)
	{
		if (memmem(data, len, watched[i], WATCHED_LEN) != NULL)
			return true;
	}
	return false;
}

static void *
watching_malloc(size_t len, const char *file, int line)
{
	uint8_t    *block = calloc(1, HEADER_LEN + len);

	(void) file;
	(void) line;
	if (block == NULL)
		return NULL;
	memcpy(block, &len, sizeof(len));
	return block + HEADER_LEN;
}

static void *
watching_realloc(void *block, size_t len, const char *file, int line)
{
	void	   *copy = watching_malloc(len, file, line);
	size_t		old_len;

	if (copy == NULL || block == NULL)
		return copy;
	memcpy(&old_len, (uint8_t *) block - HEADER_LEN, sizeof(old_len));
	memcpy(copy, block, old_len < len ? old_len : len);
	watching_free(block, file, line);
	return copy;
}

static void
watching_free(void *block, const char *file, int line)
{
	size_t		len;

	(void) file;
	(void) line;
	if (block == NULL)
		return;
	memcpy(&len, (uint8_t *) block - HEADER_LEN, sizeof(len));
	if (watched_count > 0 && holds_watched(block, len))
		found_in_freed++;
	freed_count++;
	free((uint8_t *) block - HEADER_LEN);
}
