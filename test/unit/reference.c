/*-------------------------------------------------------------------------
 *
 * reference.c
 *	  XAES-256-GCM the slow way, from OpenSSL's CMAC and a new context for
 *	  each value; and what the tests share.
 *
 * It shares no code with src/crypto, and a failure of the library ends the
 * program: there is nothing to compare with then.
 *
 *-------------------------------------------------------------------------
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>

#include "reference.h"

#define FENCE		0x5a
#define FENCE_LEN	8			/* an address of 64n + 8: aligned to 8 only */

static void must(int ok);

void
reference_derive(const uint8_t key[32], const uint8_t nonce[24],
				 uint8_t derived[32])
{
	EVP_MAC    *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
	OSSL_PARAM	params[2];
	char		cipher[] = "AES-256-CBC";

	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0);
	params[1] = OSSL_PARAM_construct_end();
	for (int i = 0; i < 2; i++)
	{
		EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
		uint8_t		message[16] = {0, (uint8_t) (i + 1), 'X', 0};
		size_t		len;

		memcpy(message + 4, nonce, 12);
		must(ctx != NULL && EVP_MAC_init(ctx, key, 32, params));
		must(EVP_MAC_update(ctx, message, sizeof(message)));
		must(EVP_MAC_final(ctx, derived + 16 * i, &len, 16) && len == 16);
		EVP_MAC_CTX_free(ctx);
	}
	EVP_MAC_free(mac);
}

void
reference_gcm_seal(const uint8_t key[32], const uint8_t nonce[12],
				   Bytes associated, Bytes plaintext, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int			len;

	must(EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce));
	must(EVP_EncryptUpdate(ctx, NULL, &len, associated.data, (int) associated.len));
	if (plaintext.len > 0)
		must(EVP_EncryptUpdate(ctx, out, &len, plaintext.data, (int) plaintext.len));
	out += plaintext.len;
	must(EVP_EncryptFinal_ex(ctx, out, &len));
	must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, out));
	EVP_CIPHER_CTX_free(ctx);
}

void
reference_seal(const uint8_t key[32], const uint8_t nonce[24],
			   Bytes associated, Bytes plaintext, uint8_t *out)
{
	uint8_t		derived[32];

	reference_derive(key, nonce, derived);
	reference_gcm_seal(derived, nonce + 12, associated, plaintext, out);
}

void *
state_new(const AeadAlgorithm *algorithm, const uint8_t key[32])
{
	char	   *memory = NULL;

	must(posix_memalign((void **) &memory, 64, algorithm->state_size + 2 * FENCE_LEN) == 0);
	memset(memory, FENCE, algorithm->state_size + 2 * FENCE_LEN);
	must(algorithm->init(memory + FENCE_LEN, key));
	return memory + FENCE_LEN;
}

/* Ends the program if the algorithm wrote beside its state. */
void
state_free(const AeadAlgorithm *algorithm, void *state)
{
	char	   *memory = (char *) state - FENCE_LEN;

	algorithm->wipe(state);
	for (int i = 0; i < FENCE_LEN; i++)
		must(memory[i] == FENCE && memory[FENCE_LEN + algorithm->state_size + i] == FENCE);
	free(memory);
}

uint64_t
random_next(uint64_t *seed)
{
	uint64_t	z = (*seed += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void
random_fill(uint64_t *seed, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t) random_next(seed);
}

bool
all_zero(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
	{
		if (data[i] != 0)
			return false;
	}
	return true;
}

static void
must(int ok)
{
	if (!ok)
		abort();
}
