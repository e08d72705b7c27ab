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

#include <time.h>

#include <p11-kit/pkcs11.h>

#include "kms/pkcs11_message.h"

typedef struct Token
{
	const char *module_path;
	CK_FUNCTION_LIST_PTR functions; /* NULL: it is not loaded */
	bool		initialized;	/* and perhaps there is a session */
	bool		open;			/* there is */
	bool		logged_in;		/* and we are logged in */
	bool		broken;			/* it could not be closed: the process is of
								 * no use any more */
	CK_SLOT_ID	slot;
	CK_SESSION_HANDLE session;
	time_t		logged_in_s;	/* when: CLOCK_MONOTONIC */
} Token;

/* Has a session at the token of the request; false: see reply. */
extern bool token_open(Token *token, const Pkcs11Request *request, Pkcs11Reply *reply);

/* Tries the PIN of the request once, in the session that is there. */
extern bool token_log_in(Token *token, const Pkcs11Request *request, Pkcs11Reply *reply);

/* Whether the module knows that the session is not logged in any more, or it is not new. */
extern bool token_is_doubtful(const Token *token);

/* Ends the session and whatever else the module has; it stays loaded. */
extern void token_close(Token *token);

/* Both are false, for the caller to return. */
extern bool token_fail(Pkcs11Reply *reply, Pkcs11Outcome outcome);
extern bool token_refused(Pkcs11Reply *reply, Pkcs11Step step, CK_RV rv);

#endif							/* PROGRAMS_PKCS11_TOKEN_H */
