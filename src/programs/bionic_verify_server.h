/*-------------------------------------------------------------------------
 *
 * bionic_verify_server.h
 *	  Asks a server for its attestation.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PROGRAMS_BIONIC_VERIFY_SERVER_H
#define PROGRAMS_BIONIC_VERIFY_SERVER_H

#include "programs/bionic_verify_options.h"

typedef struct ServerAnswer
{
	Bytes		bundle;			/* JSON, for the rest of the program */
	bool		has_tls;
	uint8_t		tls_certificate_sha256[DIGEST_LEN];
} ServerAnswer;

/*
 * Puts a nonce of its own into the options, and ends the program when there is
 * no answer.  Nothing else that the server says is used.
 */
extern void verify_ask_server(VerifyOptions *options, ServerAnswer *answer);

#endif							/* PROGRAMS_BIONIC_VERIFY_SERVER_H */
