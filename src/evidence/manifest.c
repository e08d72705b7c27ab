/*-------------------------------------------------------------------------
 *
 * manifest.c
 *	  The signed manifest of a release.
 *
 * Formats: https://github.com/secure-systems-lab/dsse (envelope.md, protocol.md),
 * https://in-toto.io/Statement/v1, https://slsa.dev/provenance/v1.  SLSA wants
 * external parameters that a verifier does not know refused; we refuse members
 * that we do not know wherever they are.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/manifest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "evidence/public_key.h"
#include "evidence/statement.h"

#define PAYLOAD_TYPE		"application/vnd.in-toto+json"
#define BUILD_TYPE			"urn:bionic-crypt:build:1"	/* deploy/build */
#define SIGNATURES_MAX		8
#define SIGNATURE_MAX		512
#define ARTIFACTS_MAX		2048
#define NAME_LEN_MAX		512
#define PAE_HEADER_MAX		64
#define REQUIRED .required = true
#define IGNORED(member) {.name = member,.read = form_ignored}

typedef struct Envelope
{
	Bytes		payload;
	FormList	signatures;		/* of Bytes */
} Envelope;

static const FormField signature_form[] = {
	{"sig", form_base64,.size = SIGNATURE_MAX, REQUIRED},
	IGNORED("keyid"),
	{NULL}
};

static const FormField signature_item = {"", form_object,.form = signature_form};

static const FormField envelope_form[] = {
	{"payloadType", form_constant, REQUIRED,.constant = PAYLOAD_TYPE},
	{"payload", form_base64, offsetof(Envelope, payload), JSON_TEXT_MAX, REQUIRED},
	{"signatures", form_list, offsetof(Envelope, signatures), sizeof(Bytes), 1, SIGNATURES_MAX,
	REQUIRED,.form = &signature_item},
	{NULL}
};

static const FormField digest_of_subject[] = {
	{"sha256", form_hex, offsetof(Artifact, sha256), DIGEST_LEN, REQUIRED},
	{NULL}
};

static const FormField subject_form[] = {
	{"name", form_text, offsetof(Artifact, name), NAME_LEN_MAX, REQUIRED},
	{"digest", form_object, REQUIRED,.form = digest_of_subject},
	IGNORED("annotations"),
	{NULL}
};

static const FormField digest_of_dependency[] = {
	{"sha256", form_hex, offsetof(Artifact, sha256),.size = DIGEST_LEN},
	IGNORED("gitCommit"),
	IGNORED("gitTree"),
	{NULL}
};

static const FormField dependency_form[] = {
	{"name", form_text, offsetof(Artifact, name),.size = NAME_LEN_MAX},
	IGNORED("uri"),
	{"digest", form_object, REQUIRED,.form = digest_of_dependency},
	IGNORED("annotations"),
	{NULL}
};

static const FormField subject_item = {"", form_object,.form = subject_form};
static const FormField dependency_item = {"", form_object,.form = dependency_form};

static const FormField parameters_form[] = {
	{"version", form_text, offsetof(Manifest, version), 64, REQUIRED},
	{NULL}
};

static const FormField definition_form[] = {
	{"buildType", form_constant, REQUIRED,.constant = BUILD_TYPE},
	{"externalParameters", form_object, REQUIRED,.form = parameters_form},
	IGNORED("internalParameters"),
	{"resolvedDependencies", form_list, offsetof(Manifest, dependencies), sizeof(Artifact),
	0, ARTIFACTS_MAX,.form = &dependency_item},
	{NULL}
};

static const FormField builder_form[] = {
	{"id", form_text, offsetof(Manifest, builder_id), NAME_LEN_MAX, REQUIRED},
	IGNORED("version"),
	IGNORED("builderDependencies"),
	{NULL}
};

static const FormField details_form[] = {
	{"builder", form_object, REQUIRED,.form = builder_form},
	IGNORED("metadata"),
	IGNORED("byproducts"),
	{NULL}
};

static const FormField predicate_form[] = {
	{"buildDefinition", form_object, REQUIRED,.form = definition_form},
	{"runDetails", form_object, REQUIRED,.form = details_form},
	{NULL}
};

static const FormField statement_form[] = {
	{"_type", form_constant, REQUIRED,.constant = "https://in-toto.io/Statement/v1"},
	{"subject", form_list, offsetof(Manifest, subjects), sizeof(Artifact), 1, ARTIFACTS_MAX,
	REQUIRED,.form = &subject_item},
	{"predicateType", form_constant, REQUIRED,.constant = "https://slsa.dev/provenance/v1"},
	{"predicate", form_object, REQUIRED,.form = predicate_form},
	{NULL}
};

/* DSSE's pre-authentication encoding: what is signed.  NULL: no memory. */
static uint8_t *
encode(Bytes payload, size_t *len)
{
	uint8_t    *message = malloc(PAE_HEADER_MAX + payload.len);
	int			n;

	if (message == NULL)
		return NULL;
	n = snprintf((char *) message, PAE_HEADER_MAX, "DSSEv1 %zu %s %zu ",
				 strlen(PAYLOAD_TYPE), PAYLOAD_TYPE, payload.len);
	memcpy(message + n, payload.data, payload.len);
	*len = n + payload.len;
	return message;
}

static bool
signed_by(const char *pem, Bytes message, const FormList *signatures)
{
	EVP_PKEY   *key = public_key_pem(pem);
	const Bytes *sigs = signatures->items;
	bool		ok = false;

	if (key != NULL && EVP_PKEY_id(key) == EVP_PKEY_ED25519)
	{
		for (int i = 0; i < signatures->n && !ok; i++)
		{
			EVP_MD_CTX *context = EVP_MD_CTX_new();

			ok = context != NULL &&
				EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
				EVP_DigestVerify(context, sigs[i].data, sigs[i].len,
								 message.data, message.len) == 1;
			EVP_MD_CTX_free(context);
		}
	}
	EVP_PKEY_free(key);
	return ok;
}

static bool
is_signed(const Envelope *envelope, const char *const *keys, int n_keys)
{
	size_t		len = 0;
	uint8_t    *message = encode(envelope->payload, &len);
	bool		ok = false;

	for (int i = 0; i < n_keys && message != NULL && !ok; i++)
		ok = signed_by(keys[i], bytes_of(message, len), &envelope->signatures);
	free(message);
	return ok;
}

bool
manifest_read(Bytes text, const char *const *keys, int n_keys,
			  FormMemory *memory, Manifest *manifest, FormFault *fault)
{
	Envelope	envelope;

	if (!form_read(text, envelope_form, &envelope, sizeof(envelope), memory, fault))
		return false;
	if (!is_signed(&envelope, keys, n_keys))
	{
		snprintf(fault->text, sizeof(fault->text), n_keys == 0 ?
				 "there is no key to verify it with" : "no key that is trusted has signed it");
		return false;
	}
	return form_read(envelope.payload, statement_form, manifest, sizeof(*manifest), memory, fault);
}

static const Artifact *
find(const FormList *list, Bytes sha256)
{
	const Artifact *artifacts = list->items;

	for (int i = 0; i < list->n; i++)
	{
		if (artifacts[i].sha256.len > 0 && bytes_equal(artifacts[i].sha256, sha256))
			return &artifacts[i];
	}
	return NULL;
}

const Artifact *
manifest_subject(const Manifest *manifest, Bytes sha256)
{
	return find(&manifest->subjects, sha256);
}

const Artifact *
manifest_dependency(const Manifest *manifest, Bytes sha256)
{
	return find(&manifest->dependencies, sha256);
}
