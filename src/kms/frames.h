/*-------------------------------------------------------------------------
 *
 * frames.h
 *	  Requests and replies of KMSs that speak in frames, over any stream of
 *	  bytes, in the key worker's event loop.
 *
 * A frame is a header of 8 bytes, of which the last four are the length of
 * what follows, big-endian.  Each connection carries one request at a time;
 * the others wait, and waiting is part of their time.  A connection is kept
 * for the next request, unless there was a failure: what comes late must
 * never be read as the reply to another request.
 *
 * A request must be one that may be made twice: if the peer closes a kept
 * connection before any byte of a reply, it is made once more on a new one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_FRAMES_H
#define KMS_FRAMES_H

#include "postgres.h"

#include "kms/kms_transport.h"

#define FRAME_HEADER_LEN	8

typedef struct FrameClient FrameClient;
typedef struct FrameConnection FrameConnection;
typedef struct FrameTransfer FrameTransfer;

/* A kind of streams.  None of it waits, or raises errors. */
typedef struct FrameStreamKind
{
	/*
	 * Begins to open a stream of the endpoint; NULL if there is no memory for
	 * it.  Whoever opens then calls one of frame_stream_opened() and
	 * frame_stream_failed(), from here or later, and not after close().
	 */
	void	   *(*open) (void *endpoint, FrameConnection *connection);

	/*
	 * As much as is there, or fits, up to size bytes.  *len is 0 when the
	 * descriptor must be waited for; false: the stream has ended, or is
	 * broken.
	 */
	bool		(*read) (void *stream, uint8 *data, Size size, Size *len);
	bool		(*write) (void *stream, const uint8 *data, Size size, Size *len);

	/* In any state, opening included; frees it. */
	void		(*close) (void *stream);
} FrameStreamKind;

/*
 * The descriptor is watched from then on, until close().  Both calls only take
 * note: nothing of the stream is called from them.
 */
extern void frame_stream_opened(FrameConnection *connection, int fd);

/* text is a constant: the library's words, never the peer's. */
extern void frame_stream_failed(FrameConnection *connection, KmsFailure failure,
								const char *text);

typedef struct FrameOptions
{
	const FrameStreamKind *kind;
	void	   *endpoint;		/* for open() */
	int			max_connections;
	int			idle_ms;		/* idle for longer, it is closed; 0: never */
	int			life_ms;		/* older, it is not used again; 0: it is */
} FrameOptions;

extern FrameClient *frame_client_create(const FrameOptions *options);

/* Transfers under way are cancelled, connections closed; not the endpoint. */
extern void frame_client_free(FrameClient *client);

/*
 * As KmsTransport's send and cancel.  The request is one that
 * kms_request_frame() began; the reply's body is the whole frame, its status 0.
 */
extern FrameTransfer *frame_send(FrameClient *client, const KmsRequest *request,
								 KmsReply *reply, int timeout_ms,
								 KmsDone done, void *argument);
extern void frame_cancel(FrameTransfer *transfer);

#endif							/* KMS_FRAMES_H */
