/*-------------------------------------------------------------------------
 *
 * kms_credential.h
 *	  The files and sources of our credential at a KMS server, as they are now.
 *
 *-------------------------------------------------------------------------
 */
#ifndef WORKER_KMS_CREDENTIAL_H
#define WORKER_KMS_CREDENTIAL_H

#include "postgres.h"

#include "kms/kms_provider.h"

/*
 * Reads what the server's options name; *credential may be filled in part.
 * KMS_GO_ON: something on this machine has to be asked with *request, which
 * does not count to the KMS, and the reply given to kms_credential_take().
 */
extern KmsProgress kms_credential_read(const KmsServer *server, KmsCredential *credential,
									   KmsRequest *request, KmsError *error);
extern bool kms_credential_take(const KmsServer *server, const KmsReply *reply,
								KmsCredential *credential, KmsError *error);

#endif							/* WORKER_KMS_CREDENTIAL_H */
