/*-------------------------------------------------------------------------
 *
 * fuzz_evidence_manifest.c
 *	  Any bytes as a manifest: the envelope, under a key that did not sign it;
 *	  or its payload, which then is signed.  The first byte says which.
 *
 *-------------------------------------------------------------------------
 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#include "evidence/manifest.h"
#include "evidence/statement.h"
#include "fuzz.h"

#define PAYLOAD_TYPE "application/vnd.in-toto+json"

static EVP_PKEY *key;
static char pem[256];
static uint8_t room[FORM_MEMORY_MAX];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	BIO		   *out = BIO_new(BIO_s_mem());

	(void) argc;
	(void) argv;
	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	check(PEM_write_bio_PUBKEY(out, key) == 1 && BIO_read(out, pem, sizeof(pem) - 1) > 0);
	BIO_free(out);
	return 0;
}

static bool
read_manifest(Bytes in)
{
	const char *keys[] = {pem};
	FormMemory	memory = {room, 0, sizeof(room)};
	FormFault	fault;
	Manifest	manifest;
	const Artifact *subjects;

	if (!manifest_read(in, keys, 1, &memory, &manifest, &fault))
	{
		check(fault.text[0] != '\0');
		return false;
	}
	subjects = manifest.subjects.items;
	check(manifest.subjects.n > 0 && manifest.version[0] != '\0');
	for (int i = 0; i < manifest.subjects.n; i++)
		check(subjects[i].sha256.len == DIGEST_LEN &&
			  manifest_subject(&manifest, subjects[i].sha256) != NULL);
	check(manifest_subject(&manifest, bytes_of("", 0)) == NULL &&
		  manifest_dependency(&manifest, bytes_of("", 0)) == NULL);
	return true;
}

/* An envelope with this payload. */
static void
read_payload(Bytes payload)
{
	char	   *message = malloc(64 + payload.len);
	char	   *envelope = malloc(512 + payload.len * 2);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t		signature[64];
	size_t		signature_len = sizeof(signature);
	int			n = sprintf(message, "DSSEv1 %zu %s %zu ", strlen(PAYLOAD_TYPE), PAYLOAD_TYPE, payload.len);

	memcpy(message + n, payload.data, payload.len);
	check(EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
		  EVP_DigestSign(context, signature, &signature_len, (uint8_t *) message, n + payload.len) == 1);
	n = sprintf(envelope, "{\"payloadType\":\"" PAYLOAD_TYPE "\",\"payload\":\"");
	n += EVP_EncodeBlock((uint8_t *) envelope + n, payload.data, (int) payload.len);
	n += sprintf(envelope + n, "\",\"signatures\":[{\"sig\":\"");
	n += EVP_EncodeBlock((uint8_t *) envelope + n, signature, sizeof(signature));
	n += sprintf(envelope + n, "\"}]}");
	(void) read_manifest(bytes_of(envelope, n));
	EVP_MD_CTX_free(context);
	free(envelope);
	free(message);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	if (data[0] % 2 == 0)
		check(!read_manifest(bytes_of(data + 1, size - 1)));
	else
		read_payload(bytes_of(data + 1, size - 1));
	return 0;
}
