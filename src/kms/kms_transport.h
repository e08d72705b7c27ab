/*-------------------------------------------------------------------------
 *
 * kms_transport.h
 *	  How requests get to a KMS, and its replies back, in the key worker's
 *	  event loop.
 *
 * Nothing here raises errors.  A client is of one server, and shares its
 * connections with nobody.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_KMS_TRANSPORT_H
#define KMS_KMS_TRANSPORT_H

#include "postgres.h"

#include "kms/kms_provider.h"

/* Called from loop_run(), never from send(); must not raise errors. */
typedef void (*KmsDone) (void *argument);

typedef struct KmsTransport
{
	/*
	 * The server's options were validated; it stays until close().  At most
	 * so many calls at a time.
	 */
	void	   *(*open) (const KmsServer *server, int places, KmsError *error);

	/* What is under way is cancelled. */
	void		(*close) (void *client);

	/*
	 * The reply is written until done is called, or the transfer cancelled;
	 * the request is not needed after the call.  done is always called later,
	 * at the latest when the time is over.
	 */
	void	   *(*send) (void *client, const KmsRequest *request, KmsReply *reply,
						 int timeout_ms, KmsDone done, void *argument);

	/* Its done is not called. */
	void		(*cancel) (void *transfer);
} KmsTransport;

extern const KmsTransport kms_over_http;	/* kms_over_http.c */
extern const KmsTransport kms_over_helper;	/* kms_over_helper.c */
extern const KmsTransport kms_over_tls; /* kms_over_tls.c: frames */

/* kms_over_socket.c: of sources of tokens; it is sent without a client. */
extern const KmsTransport kms_over_socket;

#endif							/* KMS_KMS_TRANSPORT_H */
