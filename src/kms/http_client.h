/*-------------------------------------------------------------------------
 *
 * http_client.h
 *	  Sends HTTP requests over TLS, in the key worker's event loop (libcurl).
 *
 * A client has connections of its own, which it shares with nobody, and
 * resumes no TLS session.  It follows no redirect, takes no proxy from the
 * environment, checks the certificate always, refuses loopback, link-local
 * and metadata addresses after the name was resolved (unless
 * bionic_crypt.allow_local_kms), and reads no more than KMS_REPLY_BODY_MAX.
 * A request to a metadata service, to loopback or through a Unix socket goes
 * there and nowhere else, without TLS.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_HTTP_CLIENT_H
#define KMS_HTTP_CLIENT_H

#include "postgres.h"

#include "kms/curl_rules.h"
#include "kms/kms_transport.h"

typedef struct HttpClient HttpClient;
typedef struct HttpTransfer HttpTransfer;

/*
 * At most so many connections to one host.  The strings of options are to stay
 * as long as the client.  NULL when libcurl has no memory for it.
 */
extern HttpClient *http_client_create(const CurlOptions *options, int max_connections);

/* Transfers under way are cancelled. */
extern void http_client_free(HttpClient *client);

/*
 * The reply is written until done is called, or the transfer cancelled; the
 * request is not needed after the call.  done is always called later, never
 * from here, at the latest when the time is over, which waiting for a
 * connection is part of.
 */
extern HttpTransfer *http_send(HttpClient *client, const KmsRequest *request,
							   KmsReply *reply, int timeout_ms,
							   KmsDone done, void *argument);

/* Its done is not called. */
extern void http_cancel(HttpTransfer *transfer);

#endif							/* KMS_HTTP_CLIENT_H */
