/*-------------------------------------------------------------------------
 *
 * pkcs11_key.h
 *	  Wrapping and unwrapping with a key of a token, for the helper process.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PROGRAMS_PKCS11_KEY_H
#define PROGRAMS_PKCS11_KEY_H

#include "programs/pkcs11_token.h"

/* What an operation gives; reply has views of it.  Secret. */
typedef struct KeyResult
{
	uint8_t		iv[PKCS11_IV_LEN];
	uint8_t		out[PKCS11_OUT_MAX];
} KeyResult;

/* The token is open; false: see reply. */
extern bool key_use(const Token *token, const Pkcs11Request *request, KeyResult *result,
					Pkcs11Reply *reply);

#endif							/* PROGRAMS_PKCS11_KEY_H */
