/*-------------------------------------------------------------------------
 *
 * kms_server.h
 *	  A foreign server of our wrapper, as the KMS layer needs it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KEYS_KMS_SERVER_H
#define KEYS_KMS_SERVER_H

#include "postgres.h"

#include "shmem/key_message.h"

#define KMS_WRAPPER "bionic_crypt"

/* False when there is no server of that name under our wrapper. */
extern bool kms_server_find(const char *name, KmsServerRecord *record);

/* The same, and locks the server against change until the transaction ends. */
extern bool kms_server_find_and_lock(const char *name, KmsServerRecord *record);

/* The same for a role that wants to use it: raises unless it has USAGE. */
extern void kms_server_require(const char *name, Oid role, KmsServerRecord *record);

/* Whether the server was given an option of this name. */
extern bool kms_server_has_option(const KmsServerRecord *record, const char *name);

#endif							/* KEYS_KMS_SERVER_H */
