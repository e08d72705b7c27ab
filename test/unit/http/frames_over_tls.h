/*-------------------------------------------------------------------------
 *
 * frames_over_tls.h
 *	  Calls of the fake KMS in frames over TLS.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_HTTP_FRAMES_OVER_TLS_H
#define UNIT_HTTP_FRAMES_OVER_TLS_H

#include "postgres.h"

#include "calls.h"

/* At 127.0.0.1; trusts ca.pem and makes at most two connections. */
extern void *tls_client(const char *port);
extern void *tls_client_with(const char *host, const char *port, const char *ca_file,
							 const char *cert_file, const char *key_file, int places);
extern void *tls_client_at(const char *address, const char *ca_file, const char *cert_file,
						   const char *key_file, int places);

/* A frame of the text; ask() waits until it is done. */
extern void tls_send(Call *call, void *client, const char *text, int timeout_ms);
extern void tls_ask(Call *call, void *client, const char *text, int timeout_ms);

/* Whether what follows the header of the reply is this. */
extern bool tls_answered(const Call *call, const char *text);

#endif							/* UNIT_HTTP_FRAMES_OVER_TLS_H */
