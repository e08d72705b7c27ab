/*-------------------------------------------------------------------------
 *
 * kms_pkcs11.h
 *	  What the files of the provider pkcs11 share: kms_pkcs11.c (options,
 *	  keys), kms_pkcs11_refusal.c, and kms_over_helper.c, its transport.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_KMS_PKCS11_H
#define KMS_KMS_PKCS11_H

#include "postgres.h"

#include "kms/kms_provider.h"
#include "kms/pkcs11_message.h"

#define PKCS11_MODULE_OPTION "module_path"

/* Whether bionic_crypt.pkcs11_modules has the server's module, now. */
extern bool pkcs11_module_is_allowed(const KmsServer *server);

/* kms_fail() of an outcome that is not PKCS11_DONE. */
extern bool pkcs11_refused(const Pkcs11Reply *reply, KmsError *error);

#endif							/* KMS_KMS_PKCS11_H */
