/*-------------------------------------------------------------------------
 *
 * kms_gcp.h
 *	  What the files of the provider gcp share: kms_gcp.c (options, keys),
 *	  kms_gcp_login.c, kms_gcp_refusal.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_KMS_GCP_H
#define KMS_KMS_GCP_H

#include "postgres.h"

#include "kms/kms_provider.h"
#include "kms/kms_reply.h"

typedef enum GcpMethod
{
	GCP_SERVICE_ACCOUNT = 1 << 0,
	GCP_METADATA = 1 << 1,
	GCP_WORKLOAD_IDENTITY = 1 << 2,
	GCP_CONFIDENTIAL_SPACE = 1 << 3
} GcpMethod;

/* A token of somebody else is traded for one of Google's. */
#define GCP_EXCHANGE	(GCP_WORKLOAD_IDENTITY | GCP_CONFIDENTIAL_SPACE)
#define GCP_ANY_METHOD	(GCP_SERVICE_ACCOUNT | GCP_METADATA | GCP_EXCHANGE)

extern GcpMethod gcp_method(const KmsServer *server);

/* An option, or what it is when it is not given. */
extern const char *gcp_option(const KmsServer *server, const char *name,
							  const char *otherwise);

extern void gcp_put_token(KmsRequest *request, const KmsToken *token);

/* Ends what built it. */
extern bool gcp_request_ok(const KmsRequest *request, KmsError *error);

/* What a login asks, in the place of KMS_ASKED_LOGIN. */
#define GCP_ASKED_ASSERTION		(KMS_ASKED_OWN << 0)
#define GCP_ASKED_METADATA		(KMS_ASKED_OWN << 1)
#define GCP_ASKED_EXCHANGE		(KMS_ASKED_OWN << 2)
#define GCP_ASKED_IMPERSONATION (KMS_ASKED_OWN << 3)

/* Classifies an answer that is not the one asked for; see KMS_ASKED_WRAP. */
extern bool gcp_refused(const KmsReply *reply, int asked, KmsError *error);

/* The entries of KmsRemote that are about logins. */
extern const char *gcp_secret_file(const KmsServer *server);
extern bool gcp_token_source(const KmsServer *server, struct TokenSource *source);
extern bool gcp_logs_in(const KmsServer *server);
extern KmsProgress gcp_build_login(const KmsServer *server, const KmsLoginAsked *asked,
								   KmsToken *token, KmsRequest *request, KmsError *error);
extern KmsProgress gcp_read_login(const KmsServer *server, const KmsLoginAsked *asked,
								  const KmsReply *reply, KmsToken *token, KmsError *error);

#endif							/* KMS_KMS_GCP_H */
