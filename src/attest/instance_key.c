/*-------------------------------------------------------------------------
 *
 * instance_key.c
 *	  The key that stands for this run of the server.
 *
 * The private key lies in secret memory.  OpenSSL has a copy of it while it
 * signs, and wipes that itself; the process writes no core dump.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/evp.h>

#include "attest/instance_key.h"
#include "base/secret_memory.h"

#define PRIVATE_KEY_LEN 32

static uint8 *private_key;		/* in secret memory */
static uint8 public_key[INSTANCE_KEY_LEN];

static EVP_PKEY *
key_pair(void)
{
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private_key, PRIVATE_KEY_LEN);
}

void
instance_key_create(void)
{
	SecretMemory kind;
	EVP_PKEY   *pair;
	size_t		len = sizeof(public_key);
	bool		made;

	Assert(private_key == NULL);
	private_key = secret_memory_map(PRIVATE_KEY_LEN, &kind);
	if (private_key == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not lock memory for the instance key: %m"),
				 errhint("Raise the limit for locked memory (ulimit -l).")));

	/* Any 32 bytes are a private key: RFC 8032, 5.1.5. */
	if (!pg_strong_random(private_key, PRIVATE_KEY_LEN))
		elog(ERROR, "could not generate random numbers");
	pair = key_pair();
	made = pair != NULL && EVP_PKEY_get_raw_public_key(pair, public_key, &len) == 1;
	EVP_PKEY_free(pair);
	if (!made)
		elog(ERROR, "could not make an instance key");
}

const uint8 *
instance_public_key(void)
{
	return public_key;
}

bool
instance_key_sign(Bytes statement, uint8 *signature)
{
	Size		message_len = sizeof(STATEMENT_DOMAIN) + statement.len;
	uint8	   *message = palloc(message_len);
	EVP_PKEY   *pair = key_pair();
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t		len = INSTANCE_SIGNATURE_LEN;
	bool		signed_it;

	memcpy(message, STATEMENT_DOMAIN, sizeof(STATEMENT_DOMAIN));
	memcpy(message + sizeof(STATEMENT_DOMAIN), statement.data, statement.len);
	signed_it = pair != NULL && context != NULL &&
		EVP_DigestSignInit(context, NULL, NULL, NULL, pair) == 1 &&
		EVP_DigestSign(context, signature, &len, message, message_len) == 1 &&
		len == INSTANCE_SIGNATURE_LEN;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(pair);
	pfree(message);
	return signed_it;
}
