/*-------------------------------------------------------------------------
 *
 * pipes.c
 *	  A client of frames whose streams are pairs of sockets.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kms/loop.h"
#include "pipes.h"

#define TURNS 8					/* a timer, a socket, and some to spare */

static void *
open_pipe(void *argument, FrameConnection *connection)
{
	Endpoint   *endpoint = argument;
	Pipe	   *pipe = &endpoint->pipes[endpoint->n_opened];
	int			fds[2];

	if (endpoint->opening == OPEN_NO_MEMORY)
		return NULL;
	if (endpoint->n_opened == PIPES_MAX ||
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
		abort();
	endpoint->n_opened++;
	*pipe = (Pipe)
	{
		.endpoint = endpoint,.connection = connection,.near = fds[0],.far = fds[1]
	};
	if (endpoint->opening == OPEN_AT_ONCE)
		pipe_opened(pipe);
	if (endpoint->opening == OPEN_FAILS)
		frame_stream_failed(connection, KMS_UNTRUSTED, "It does not open");
	return pipe;
}

void
pipe_opened(Pipe *pipe)
{
	frame_stream_opened(pipe->connection, pipe->near);
}

static bool
read_pipe(void *argument, uint8 *data, Size size, Size *len)
{
	Pipe	   *pipe = argument;
	Size		chunk = pipe->endpoint->chunk;
	ssize_t		n;

	*len = 0;
	if (pipe->ahead)
	{
		pipe->ahead = false;
		*data = 'x';
		*len = 1;
		return true;
	}
	n = recv(pipe->near, data, chunk == 0 ? size : Min(size, chunk), 0);
	*len = Max(n, 0);
	return n > 0 || (n < 0 && errno == EAGAIN);
}

static bool
write_pipe(void *argument, const uint8 *data, Size size, Size *len)
{
	Pipe	   *pipe = argument;
	Size		chunk = pipe->endpoint->chunk;
	ssize_t		n;

	*len = 0;
	if (pipe->endpoint->stuck)
		return true;
	n = send(pipe->near, data, chunk == 0 ? size : Min(size, chunk), MSG_NOSIGNAL);
	*len = Max(n, 0);
	return n >= 0 || errno == EAGAIN;
}

static void
close_pipe(void *argument)
{
	Pipe	   *pipe = argument;

	if (pipe->closed)
		abort();
	pipe->closed = true;
	pipe->endpoint->n_closed++;
	close(pipe->near);
}

static const FrameStreamKind pipe_stream = {
	.open = open_pipe,
	.read = read_pipe,
	.write = write_pipe,
	.close = close_pipe,
};

FrameClient *
pipes_create_with(Endpoint *endpoint, const FrameOptions *options)
{
	FrameOptions ours = *options;

	memset(endpoint, 0, sizeof(*endpoint));
	ours.kind = &pipe_stream;
	ours.endpoint = endpoint;
	return frame_client_create(&ours);
}

FrameClient *
pipes_create(Endpoint *endpoint, int max_connections)
{
	FrameOptions options = {.max_connections = max_connections};

	return pipes_create_with(endpoint, &options);
}

bool
pipes_free(FrameClient *client, Endpoint *endpoint)
{
	frame_client_free(client);
	for (int i = 0; i < endpoint->n_opened; i++)
		pipe_end(&endpoint->pipes[i]);
	return endpoint->n_closed == endpoint->n_opened;
}

void
pipes_send(FrameClient *client, Call *call, const char *text, int timeout_ms)
{
	call_init_frame(call, text);
	call->transfer = frame_send(client, &call->request, &call->reply, timeout_ms, call_done, call);
	if (call->done)
		abort();				/* never from frame_send() */
	memset(&call->request, 0x55, sizeof(call->request));
}

static bool
readable(void *argument)
{
	Pipe	   *pipe = argument;
	struct pollfd ready = {.fd = pipe->far,.events = POLLIN};

	return pipe->endpoint != NULL && poll(&ready, 1, 0) == 1;
}

bool
pipe_asked(Pipe *pipe, const char *text)
{
	uint8		data[4096];
	Size		wanted = FRAME_HEADER_LEN + strlen(text);
	Size		have = 0;

	while (have < wanted)
	{
		ssize_t		n;

		loop_until(readable, pipe);
		n = recv(pipe->far, data + have, sizeof(data) - have, 0);
		if (n <= 0)
			return false;
		have += n;
	}
	return have == wanted && memcmp(data, "\x42\x00\x78\x01\x00\x00", 6) == 0 &&
		data[6] == 0 && data[7] == strlen(text) &&
		memcmp(data + FRAME_HEADER_LEN, text, strlen(text)) == 0;
}

void
pipe_write(Pipe *pipe, const void *data, Size len)
{
	if (send(pipe->far, data, len, MSG_NOSIGNAL) != (ssize_t) len)
		abort();
}

void
pipe_answer(Pipe *pipe, const char *text)
{
	uint8		header[] = {0x42, 0x00, 0x7b, 0x01, 0, 0, 0, (uint8) strlen(text)};

	pipe_write(pipe, header, sizeof(header));
	pipe_write(pipe, text, strlen(text));
}

void
pipe_end(Pipe *pipe)
{
	if (pipe->far >= 0)
		close(pipe->far);
	pipe->far = -1;
}

bool
call_answered(Call *call, const char *text)
{
	const KmsReply *reply = &call->reply;

	calls_wait(call, 1);
	return reply->failure == KMS_REPLIED && reply->status == 0 && reply->failure_text[0] == '\0' &&
		reply->body_len == FRAME_HEADER_LEN + strlen(text) &&
		memcmp(reply->body, "\x42\x00\x7b\x01", 4) == 0 &&
		strcmp(reply->body + FRAME_HEADER_LEN, text) == 0;
}

bool
call_failed(Call *call, KmsFailure failure)
{
	const KmsReply *reply = &call->reply;

	calls_wait(call, 1);
	return reply->failure == failure && reply->failure_text[0] != '\0' && reply->status == 0 &&
		reply->body_len == 0 && reply->body[0] == '\0';
}

bool
pipe_exchange(FrameClient *client, Pipe *pipe)
{
	Call		call;
	bool		asked;

	pipes_send(client, &call, "what?", TIMEOUT_MS);
	loop_turn();
	asked = pipe_asked(pipe, "what?");
	pipe_answer(pipe, "this");
	return asked && call_answered(&call, "this");
}

typedef struct Closing
{
	Endpoint   *endpoint;
	int			wanted;
} Closing;

static bool
so_many_closed(void *argument)
{
	const Closing *closing = argument;

	return closing->endpoint->n_closed >= closing->wanted;
}

void
wait_closed(Endpoint *endpoint, int n_closed)
{
	Closing		closing = {endpoint, n_closed};

	loop_until(so_many_closed, &closing);
}

void
loop_turn(void)
{
	for (int i = 0; i < TURNS; i++)
		loop_run();
}
