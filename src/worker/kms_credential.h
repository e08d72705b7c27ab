/*-------------------------------------------------------------------------
 *
 * kms_credential.h
 *	  The files of our credential at a KMS server, as they are now.
 *
 *-------------------------------------------------------------------------
 */
#ifndef WORKER_KMS_CREDENTIAL_H
#define WORKER_KMS_CREDENTIAL_H

#include "postgres.h"

#include "kms/kms_provider.h"

/* Reads what the server's options name; *credential may be filled in part. */
extern bool kms_credential_read(const KmsServer *server, KmsCredential *credential,
								KmsError *error);

#endif							/* WORKER_KMS_CREDENTIAL_H */
