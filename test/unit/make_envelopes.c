/*-------------------------------------------------------------------------
 *
 * make_envelopes.c
 *	  Wrote test/vectors/envelopes_v1.txt, once.
 *
 * Kept to show how that file came about and to make the file of the next
 * version.  Keys, ids and nonces come from a SHAKE-128 of nothing-up-the-
 * sleeve text, so that anybody can make them again.
 *
 *-------------------------------------------------------------------------
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/envelope.h"
#include "crypto/kdf.h"

#define STREAM_LEN	(1 << 20)

static void print_envelope(const AeadAlgorithm *algorithm, const char *tenant,
						   size_t len, ByteReader *stream);
static void print_field(const char *name, Bytes value);

int
main(void)
{
	static const size_t lengths[] = {0, 1, 31, 32, 255, 256, 1024, 8192};
	static const char seed[] = "bionic_crypt envelopes, version 1";
	const AeadAlgorithm *const algorithms[] = {&aead_xaes_256_gcm, &aead_xchacha20_poly1305};
	static uint8_t bytes[STREAM_LEN];
	ByteReader	stream = reader_of(bytes_of(bytes, STREAM_LEN));
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!aead_startup() ||
		EVP_DigestInit_ex(ctx, EVP_shake128(), NULL) != 1 ||
		EVP_DigestUpdate(ctx, seed, strlen(seed)) != 1 ||
		EVP_DigestFinalXOF(ctx, bytes, STREAM_LEN) != 1)
		return 1;
	EVP_MD_CTX_free(ctx);
	printf("# Envelopes of version 1, made by make_envelopes.c with the first release.  They\n"
		   "# must open for ever: nothing here is changed, nothing is removed.\n");
	for (int a = 0; a < 2; a++)
	{
		for (int i = 0; i < 8; i++)
			print_envelope(algorithms[a], i % 2 == 0 ? "acme" : "Z\303\274rich & S\303\266hne",
						   lengths[i], &stream);
	}
	return 0;
}

static void
print_envelope(const AeadAlgorithm *algorithm, const char *tenant, size_t len,
			   ByteReader *stream)
{
	Bytes		data_key,
				key_id,
				nonce,
				random;
	uint8_t		value_key[AEAD_KEY_LEN];
	uint8_t		fingerprint[FINGERPRINT_LEN];
	uint8_t    *text = malloc(len + 1);
	uint8_t    *out = malloc(ENVELOPE_OVERHEAD + len);
	void	   *state = malloc(algorithm->state_size);

	if (!reader_take(stream, DATA_KEY_LEN, &data_key) ||
		!reader_take(stream, KEY_ID_LEN, &key_id) ||
		!reader_take(stream, AEAD_NONCE_LEN, &nonce) ||
		!reader_take(stream, len, &random))
		exit(1);

	/* text, so that a server may be asked for it too */
	for (size_t i = 0; i < len; i++)
		text[i] = (uint8_t) (' ' + random.data[i] % 95);
	if (!kdf_fingerprint(bytes_of_string(tenant), fingerprint) ||
		!kdf_value_key(data_key.data, algorithm->id, key_id.data, value_key) ||
		!algorithm->init(state, value_key))
		exit(1);
	envelope_write_header(out, algorithm, fingerprint, key_id.data, nonce.data);
	if (!algorithm->seal(state, NONCE_PREFIX_ONCE, nonce.data,
						 bytes_of(out, ENVELOPE_HEADER_LEN), bytes_of(text, len),
						 out + ENVELOPE_HEADER_LEN))
		exit(1);
	algorithm->wipe(state);

	printf("\n# %s, %zu bytes\n", algorithm->name, len);
	print_field("algorithm", bytes_of(&algorithm->id, 1));
	print_field("data_key", data_key);
	print_field("tenant", bytes_of_string(tenant));
	print_field("key_id", key_id);
	print_field("plaintext", bytes_of(text, len));
	print_field("envelope", bytes_of(out, ENVELOPE_OVERHEAD + len));
	free(text);
	free(out);
	free(state);
}

static void
print_field(const char *name, Bytes value)
{
	printf(value.len == 0 ? "%s =" : "%s = ", name);
	for (size_t i = 0; i < value.len; i++)
		printf("%02x", value.data[i]);
	putchar('\n');
}
