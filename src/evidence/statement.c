/*-------------------------------------------------------------------------
 *
 * statement.c
 *	  What a server says about itself.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/statement.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX		1024
#define LIBRARIES_MAX	512
#define NONCES_MAX		1024
#define SETTINGS_MAX	64

#define REQUIRED .required = true

static const FormField server_of_endorsement[] = {
	{"system_identifier", form_text, offsetof(Endorsement, system_identifier), 32, REQUIRED},
	{"version", form_text, offsetof(Endorsement, server_version), 64, REQUIRED},
	{NULL}
};

static const FormField module_form[] = {
	{"version", form_text, offsetof(Endorsement, module_version), 64, REQUIRED},
	{"sha256", form_hex, offsetof(Endorsement, module_sha256), DIGEST_LEN, REQUIRED},
	{"commit", form_text, offsetof(Endorsement, commit), 64,.nullable = true},
	{"tree", form_text, offsetof(Endorsement, tree), 64,.nullable = true},
	{"source_sha256", form_hex, offsetof(Endorsement, source_sha256), DIGEST_LEN,.nullable = true},
	{NULL}
};

static const FormField library_form[] = {
	{"name", form_text, offsetof(Library, name), 255, REQUIRED},
	{"sha256", form_hex, offsetof(Library, sha256), DIGEST_LEN, REQUIRED},
	{NULL}
};

static const FormField library_item = {"", form_object,.form = library_form};
static const FormField nonce_item = {"", form_hex,.size = DIGEST_LEN};

static const FormField endorsement_form[] = {
	{"type", form_constant, REQUIRED,.constant = "bionic_crypt/endorsement/v1"},
	{"time", form_time, offsetof(Endorsement, time_s), REQUIRED},
	{"instance_key", form_base64, offsetof(Endorsement, instance_key), INSTANCE_KEY_LEN, REQUIRED},
	{"server", form_object, REQUIRED,.form = server_of_endorsement},
	{"module", form_object, REQUIRED,.form = module_form},
	{"libraries", form_list, offsetof(Endorsement, libraries), sizeof(Library), 1, LIBRARIES_MAX,
	REQUIRED,.form = &library_item},
	{"nonces", form_list, offsetof(Endorsement, nonces), sizeof(Bytes), 0, NONCES_MAX,
	REQUIRED,.form = &nonce_item},
	{NULL}
};

static const FormField server_of_statement[] = {
	{"system_identifier", form_text, offsetof(Statement, system_identifier), 32, REQUIRED},
	{"cluster_name", form_string, offsetof(Statement, cluster_name), TEXT_MAX, REQUIRED},
	{"in_recovery", form_boolean, offsetof(Statement, in_recovery), REQUIRED},
	{"database", form_text, offsetof(Statement, database), TEXT_MAX, REQUIRED},
	{"tls_certificate_sha256", form_hex, offsetof(Statement, tls_certificate_sha256), DIGEST_LEN,
	REQUIRED,.nullable = true},
	{NULL}
};

static const FormField kms_form[] = {
	{"provider", form_text, offsetof(Statement, kms_provider), 64, REQUIRED},
	{"address", form_text, offsetof(Statement, kms_address), TEXT_MAX,.nullable = true},
	{NULL}
};

static const FormField tenant_form[] = {
	{"name", form_text, offsetof(Statement, tenant), TEXT_MAX, REQUIRED},
	{"attested", form_boolean, offsetof(Statement, tenant_attested), REQUIRED},
	{"kms", form_object,.nullable = true,.form = kms_form},
	{NULL}
};

static const FormField replaced_item = {"", form_text,.size = 255};
static const FormField setting_item = {"", form_string, offsetof(Setting, value),.size = TEXT_MAX};

static const FormField statement_form[] = {
	{"type", form_constant, REQUIRED,.constant = "bionic_crypt/statement/v1"},
	{"nonce", form_hex, offsetof(Statement, nonce), ATTESTATION_NONCE_MAX, ATTESTATION_NONCE_MIN,
	REQUIRED},
	{"time", form_time, offsetof(Statement, time_s), REQUIRED},
	{"endorsement_sha256", form_hex, offsetof(Statement, endorsement_sha256), DIGEST_LEN, REQUIRED},
	{"server", form_object, REQUIRED,.form = server_of_statement},
	{"replaced", form_list, offsetof(Statement, replaced), sizeof(char *), 0, LIBRARIES_MAX,
	REQUIRED,.form = &replaced_item},
	{"settings", form_map, offsetof(Statement, settings), sizeof(Setting), 0, SETTINGS_MAX,
	REQUIRED,.form = &setting_item},
	{"tenant", form_object,.nullable = true,.form = tenant_form},
	{NULL}
};

bool
endorsement_read(Bytes text, FormMemory *memory, Endorsement *endorsement, FormFault *fault)
{
	if (!form_read(text, endorsement_form, endorsement, sizeof(*endorsement), memory, fault))
		return false;
	if (endorsement->instance_key.len == INSTANCE_KEY_LEN)
		return true;
	snprintf(fault->text, sizeof(fault->text), "instance_key: must have %d bytes", INSTANCE_KEY_LEN);
	return false;
}

bool
statement_read(Bytes text, FormMemory *memory, Statement *statement, FormFault *fault)
{
	return form_read(text, statement_form, statement, sizeof(*statement), memory, fault);
}

const char *
statement_setting(const Statement *statement, const char *name)
{
	const Setting *settings = statement->settings.items;

	for (int i = 0; i < statement->settings.n; i++)
	{
		if (strcmp(settings[i].name, name) == 0)
			return settings[i].value;
	}
	return NULL;
}

bool
endorsement_digest(Bytes endorsement, uint8_t out[64])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool		ok = context != NULL &&
		EVP_DigestInit_ex(context, EVP_sha512(), NULL) == 1 &&
		EVP_DigestUpdate(context, ENDORSEMENT_DOMAIN, sizeof(ENDORSEMENT_DOMAIN)) == 1 &&
		EVP_DigestUpdate(context, endorsement.data, endorsement.len) == 1 &&
		EVP_DigestFinal_ex(context, out, NULL) == 1;

	EVP_MD_CTX_free(context);
	return ok;
}

/* Ed25519 wants all of its message at once. */
bool
statement_signed(Bytes statement, Bytes signature, Bytes instance_key)
{
	size_t		len = sizeof(STATEMENT_DOMAIN) + statement.len;
	uint8_t    *message = malloc(len);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY   *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
												  instance_key.data, instance_key.len);
	bool		ok = false;

	if (message != NULL && context != NULL && key != NULL)
	{
		memcpy(message, STATEMENT_DOMAIN, sizeof(STATEMENT_DOMAIN));
		memcpy(message + sizeof(STATEMENT_DOMAIN), statement.data, statement.len);
		ok = EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
			EVP_DigestVerify(context, signature.data, signature.len, message, len) == 1;
	}
	EVP_PKEY_free(key);
	EVP_MD_CTX_free(context);
	free(message);
	return ok;
}
