/*-------------------------------------------------------------------------
 *
 * pkcs11_token.h
 *	  A module of PKCS#11 and a token of it, for the helper process.
 *
 * There is one module in a process, and one session.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PROGRAMS_PKCS11_TOKEN_H
#define PROGRAMS_PKCS11_TOKEN_H

#include <p11-kit/pkcs11.h>

#include "kms/pkcs11_message.h"

typedef struct Token
{
	const char *module_path;
	CK_FUNCTION_LIST_PTR functions; /* NULL: it is not loaded */
	bool		initialized;	/* and perhaps there is a session */
	bool		open;			/* there is, and we are logged in */
	CK_SESSION_HANDLE session;

	/* A PIN that was refused: it is never tried again. */
	size_t		refused_pin_len;
	uint8_t		refused_pin[PKCS11_PIN_MAX];
} Token;

/* Has a session at the token of the request, logged in; false: see reply. */
extern bool token_open(Token *token, const Pkcs11Request *request, Pkcs11Reply *reply);

/* Ends the session and whatever else the module has; it stays loaded. */
extern void token_close(Token *token);

/* Both are false, for the caller to return. */
extern bool token_fail(Pkcs11Reply *reply, Pkcs11Outcome outcome);
extern bool token_refused(Pkcs11Reply *reply, Pkcs11Step step, CK_RV rv);

#endif							/* PROGRAMS_PKCS11_TOKEN_H */
