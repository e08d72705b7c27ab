/*-------------------------------------------------------------------------
 *
 * instance_key.h
 *	  The key that stands for this run of the server: Ed25519 (RFC 8032),
 *	  made in memory when the attester starts, and gone with it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ATTEST_INSTANCE_KEY_H
#define ATTEST_INSTANCE_KEY_H

#include "postgres.h"

#include "evidence/statement.h"

/* Once a process; raises when there is no memory for keys. */
extern void instance_key_create(void);

/* INSTANCE_KEY_LEN bytes. */
extern const uint8 *instance_public_key(void);

/* INSTANCE_SIGNATURE_LEN bytes; false when OpenSSL fails. */
extern bool instance_key_sign(Bytes statement, uint8 *signature);

#endif							/* ATTEST_INSTANCE_KEY_H */
