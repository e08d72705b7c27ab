/*-------------------------------------------------------------------------
 *
 * kms_azure.h
 *	  What the files of the provider azure share: kms_azure.c (options),
 *	  kms_azure_key.c, kms_azure_login.c, kms_azure_refusal.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_KMS_AZURE_H
#define KMS_KMS_AZURE_H

#include "postgres.h"

#include "kms/kms_provider.h"
#include "kms/kms_reply.h"

typedef enum AzureMethod
{
	AZURE_CLIENT_SECRET = 1 << 0,
	AZURE_CLIENT_CERTIFICATE = 1 << 1,
	AZURE_WORKLOAD_IDENTITY = 1 << 2,
	AZURE_MANAGED_IDENTITY = 1 << 3
} AzureMethod;

/* Logins at Entra ID, in the tenant's directory. */
#define AZURE_ENTRA \
	(AZURE_CLIENT_SECRET | AZURE_CLIENT_CERTIFICATE | AZURE_WORKLOAD_IDENTITY)
#define AZURE_ANY_METHOD (AZURE_ENTRA | AZURE_MANAGED_IDENTITY)

extern AzureMethod azure_method(const KmsServer *server);

/* Whom a token must be for, and who gives it: by the address, or an option. */
extern const char *azure_resource(const KmsServer *server);
extern const char *azure_authority(const KmsServer *server);

/* Whether keys are AES, of a Managed HSM; else they are RSA. */
extern bool azure_uses_aes(const KmsServer *server);

/* Ends what built a request. */
extern bool azure_request_ok(const KmsRequest *request, KmsError *error);

/* Of a vault, with a token of the tenant's own directory. */
#define AZURE_ASKED_ADMITTED	KMS_ASKED_OWN

/*
 * Classify an answer that is not the one asked for: of the vault (see
 * KMS_ASKED_WRAP), of Entra ID, of the metadata service.
 */
extern bool azure_refused(const KmsReply *reply, int asked, KmsError *error);
extern bool azure_entra_refused(const KmsReply *reply, KmsError *error);
extern bool azure_metadata_refused(const KmsReply *reply, KmsError *error);

/* The entries of KmsProvider and KmsRemote that are about keys. */
extern bool azure_validate_kek(const char *kek, KmsError *error);
extern bool azure_build(const KmsServer *server, const KmsAsked *asked, const KmsToken *token,
						KmsRequest *request, KmsError *error);
extern bool azure_read(const KmsServer *server, const KmsAsked *asked, const KmsReply *reply,
					   uint8 *out, Size *out_len, KmsError *error);

/* Those about logins. */
extern const char *azure_identity_file(const KmsServer *server);
extern const char *azure_secret_file(const KmsServer *server);
extern bool azure_logs_in(const KmsServer *server);
extern KmsProgress azure_build_login(const KmsServer *server, const KmsLoginAsked *asked,
									 KmsToken *token, KmsRequest *request, KmsError *error);
extern KmsProgress azure_read_login(const KmsServer *server, const KmsLoginAsked *asked,
									const KmsReply *reply, KmsToken *token, KmsError *error);

#endif							/* KMS_KMS_AZURE_H */
