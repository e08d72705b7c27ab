/*-------------------------------------------------------------------------
 *
 * pipes.h
 *	  A client of frames whose streams are pairs of sockets, with the test at
 *	  their far end.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_HTTP_PIPES_H
#define UNIT_HTTP_PIPES_H

#include "postgres.h"

#include "calls.h"
#include "kms/frames.h"

#define PIPES_MAX 32

typedef enum Opening
{
	OPEN_AT_ONCE,
	OPEN_NEVER,					/* it hangs, until somebody calls
								 * pipe_opened() */
	OPEN_FAILS,
	OPEN_NO_MEMORY
} Opening;

typedef struct Pipe
{
	struct Endpoint *endpoint;
	FrameConnection *connection;
	int			near;
	int			far;
	bool		closed;			/* by the client */
	bool		ahead;			/* a byte was read, and shows on no descriptor */
} Pipe;

typedef struct Endpoint
{
	Opening		opening;
	bool		stuck;			/* nothing can be written */
	Size		chunk;			/* as much is read and written at once; 0: all */
	int			n_opened;
	int			n_closed;
	Pipe		pipes[PIPES_MAX];
} Endpoint;

extern FrameClient *pipes_create(Endpoint *endpoint, int max_connections);
extern FrameClient *pipes_create_with(Endpoint *endpoint, const FrameOptions *options);

/* The client is freed; all it opened must be closed by then. */
extern bool pipes_free(FrameClient *client, Endpoint *endpoint);

extern void pipe_opened(Pipe *pipe);

/* Sends a frame of the text, without waiting. */
extern void pipes_send(FrameClient *client, Call *call, const char *text, int timeout_ms);

/* Runs the loop until it is open and a whole request is there; whether it has this text. */
extern bool pipe_asked(Pipe *pipe, const char *text);

/* A frame of the text, without waiting. */
extern void pipe_answer(Pipe *pipe, const char *text);
extern void pipe_write(Pipe *pipe, const void *data, Size len);
extern void pipe_end(Pipe *pipe);

/* Runs the loop until the call is done; whether its reply has this text. */
extern bool call_answered(Call *call, const char *text);
extern bool call_failed(Call *call, KmsFailure failure);

/* A request and its reply, on this pipe. */
extern bool pipe_exchange(FrameClient *client, Pipe *pipe);

/* Runs the loop until the client has closed so many. */
extern void wait_closed(Endpoint *endpoint, int n_closed);

/* Runs the loop as often as anything can need. */
extern void loop_turn(void);

#endif							/* UNIT_HTTP_PIPES_H */
