/*-------------------------------------------------------------------------
 *
 * kms_vault.h
 *	  What the files of the provider vault share: kms_vault.c (options, keys),
 *	  kms_vault_login.c, kms_vault_refusal.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_KMS_VAULT_H
#define KMS_KMS_VAULT_H

#include "postgres.h"

#include "kms/kms_provider.h"

typedef enum VaultMethod
{
	VAULT_TOKEN = 1 << 0,
	VAULT_APPROLE = 1 << 1,
	VAULT_JWT = 1 << 2,
	VAULT_KUBERNETES = 1 << 3,
	VAULT_CERT = 1 << 4
} VaultMethod;

#define VAULT_ANY_METHOD \
	(VAULT_TOKEN | VAULT_APPROLE | VAULT_JWT | VAULT_KUBERNETES | VAULT_CERT)

extern VaultMethod vault_method(const KmsServer *server);

/* Begins a request below /v1/; token may be NULL. */
extern void vault_request(const KmsServer *server, const char *method, const char *token,
						  KmsRequest *request);

/* Ends what built it. */
extern bool vault_request_ok(const KmsRequest *request, KmsError *error);

/* Classifies an answer that is not the one asked for; see KMS_ASKED_WRAP. */
extern bool vault_refused(const KmsReply *reply, int asked, KmsError *error);

/* The entries of KmsRemote that are about logins. */
extern const char *vault_identity_file(const KmsServer *server);
extern const char *vault_secret_file(const KmsServer *server);
extern bool vault_token_source(const KmsServer *server, struct TokenSource *source);
extern bool vault_logs_in(const KmsServer *server);
extern KmsProgress vault_build_login(const KmsServer *server, const KmsLoginAsked *asked,
									 KmsToken *token, KmsRequest *request, KmsError *error);
extern KmsProgress vault_read_login(const KmsServer *server, const KmsLoginAsked *asked,
									const KmsReply *reply, KmsToken *token, KmsError *error);

#endif							/* KMS_KMS_VAULT_H */
