/*-------------------------------------------------------------------------
 *
 * test_frames.c
 *	  Frames: what is sent and read, on which connection, and who waits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "../tap.h"
#include "backend.h"
#include "pipes.h"

static void
test_exchange(void)
{
	Endpoint	endpoint;
	FrameClient *client = pipes_create(&endpoint, 2);
	Pipe	   *pipe = &endpoint.pipes[0];
	Call		call;
	bool		ok;

	ok = pipe_exchange(client, pipe);
	tap_ok(ok && endpoint.n_opened == 1, "a frame is sent, and a frame is read");
	ok = pipe_exchange(client, pipe) && pipe_exchange(client, pipe);
	tap_ok(ok && endpoint.n_opened == 1 && endpoint.n_closed == 0, "the next one has the same connection");

	pipes_send(client, &call, "", TIMEOUT_MS);
	ok = pipe_asked(pipe, "");
	pipe_answer(pipe, "");
	tap_ok(ok && call_answered(&call, ""), "a frame may be empty");

	endpoint.chunk = 1;
	tap_ok(pipe_exchange(client, pipe), "a frame may come and go byte by byte");
	tap_ok(pipes_free(client, &endpoint), "and the connection is closed with the client");
}

static void
test_sizes(void)
{
	static const struct
	{
		uint8		header[FRAME_HEADER_LEN];
		bool		fits;
	}			cases[] = {
		{{0x42, 0, 0x7b, 1, 0x00, 0x00, 0xff, 0xf8}, true},
		{{0x42, 0, 0x7b, 1, 0x00, 0x00, 0xff, 0xf9}, false},
		{{0x42, 0, 0x7b, 1, 0x00, 0x01, 0x00, 0x00}, false},
		{{0x42, 0, 0x7b, 1, 0x01, 0x00, 0x00, 0x00}, false},
		{{0x42, 0, 0x7b, 1, 0x80, 0x00, 0x00, 0x00}, false},
		{{0x42, 0, 0x7b, 1, 0xff, 0xff, 0xff, 0xf8}, false},
		{{0x42, 0, 0x7b, 1, 0xff, 0xff, 0xff, 0xff}, false},
	};
	static char body[KMS_REPLY_BODY_MAX - FRAME_HEADER_LEN];
	bool		ok = true;

	memset(body, 'b', sizeof(body));
	for (int i = 0; i < lengthof(cases); i++)
	{
		Endpoint	endpoint;
		FrameClient *client = pipes_create(&endpoint, 1);
		Pipe	   *pipe = &endpoint.pipes[0];
		Call		call;

		pipes_send(client, &call, "what?", TIMEOUT_MS);
		TAP_EACH(ok, pipe_asked(pipe, "what?"), "%d", i);
		pipe_write(pipe, cases[i].header, FRAME_HEADER_LEN);
		if (cases[i].fits)
		{
			pipe_write(pipe, body, sizeof(body));
			calls_wait(&call, 1);
			TAP_EACH(ok, call.reply.failure == KMS_REPLIED &&
					 call.reply.body_len == KMS_REPLY_BODY_MAX &&
					 call.reply.body[KMS_REPLY_BODY_MAX] == '\0' &&
					 memcmp(call.reply.body + FRAME_HEADER_LEN, body, sizeof(body)) == 0 &&
					 endpoint.n_closed == 0, "%d: %s", i, call.reply.failure_text);
		}
		else
			TAP_EACH(ok, call_failed(&call, KMS_BAD_REPLY) && endpoint.n_closed == 1, "%d: %d, %s",
					 i, call.reply.failure, call.reply.failure_text);
		TAP_EACH(ok, pipes_free(client, &endpoint), "%d", i);
	}
	tap_ok(ok, "the longest frame is read, and none that says that it is longer");
}

/* What is no frame is not sent, and opens nothing. */
static void
test_requests(void)
{
	static const struct
	{
		const char *bytes;
		Size		len;
	}			cases[] = {
		{"", 0},
		{"\x42\0\x78\1\0\0\0", 7},
		{"\x42\0\x78\1\0\0\0\1", 8},
		{"\x42\0\x78\1\0\0\0\5four", 12},
		{"\x42\0\x78\1\0\0\0\3four", 12},
		{"\x42\0\x78\1\1\0\0\4four", 12},
	};
	Endpoint	endpoint;
	FrameClient *client = pipes_create(&endpoint, 1);
	Call		call;
	bool		ok = true;

	for (int i = 0; i < lengthof(cases) + 2; i++)
	{
		if (i < lengthof(cases))
		{
			call_init_frame(&call, "");
			call.request.body_len = 0;
			kms_request_body(&call.request, bytes_of(cases[i].bytes, cases[i].len));
		}
		else
			call_init_frame(&call, "four");
		if (i == lengthof(cases))
			call.request.invalid = true;
		if (i == lengthof(cases) + 1)
			call.request.method = "POST";
		frame_send(client, &call.request, &call.reply, TIMEOUT_MS, call_done, &call);
		TAP_EACH(ok, call_failed(&call, KMS_LOCAL_FAILURE) && endpoint.n_opened == 0, "%d: %d, %s", i,
				 call.reply.failure, call.reply.failure_text);
	}
	tap_ok(ok && pipes_free(client, &endpoint), "what is no frame is not sent");
}

static void
test_queue(void)
{
	Endpoint	endpoint;
	FrameClient *client = pipes_create(&endpoint, 2);
	Pipe	   *pipes = endpoint.pipes;
	Call		calls[5];
	bool		ok;

	pipes_send(client, &calls[0], "a?", TIMEOUT_MS);
	pipes_send(client, &calls[1], "b?", TIMEOUT_MS);
	pipes_send(client, &calls[2], "c?", TIMEOUT_MS);
	pipes_send(client, &calls[3], "d?", TIMEOUT_MS);
	pipes_send(client, &calls[4], "e?", TIMEOUT_MS);
	ok = pipe_asked(&pipes[0], "a?") && pipe_asked(&pipes[1], "b?");
	tap_ok(ok && endpoint.n_opened == 2, "requests at a time have connections of their own, as many as there may be");

	pipe_answer(&pipes[1], "b");
	ok = call_answered(&calls[1], "b") && pipe_asked(&pipes[1], "c?");
	pipe_answer(&pipes[1], "c");
	ok = ok && call_answered(&calls[2], "c") && pipe_asked(&pipes[1], "d?");
	pipe_answer(&pipes[0], "a");
	ok = ok && call_answered(&calls[0], "a") && pipe_asked(&pipes[0], "e?");
	pipe_answer(&pipes[0], "e");
	pipe_answer(&pipes[1], "d");
	ok = ok && call_answered(&calls[3], "d") && call_answered(&calls[4], "e");
	tap_ok(ok && endpoint.n_opened == 2, "the others wait, and are served in turn");

	/* one that waits is cancelled, one under way makes room */
	for (int i = 0; i < 4; i++)
		pipes_send(client, &calls[i], i == 3 ? "d?" : "x?", TIMEOUT_MS);
	ok = pipe_asked(&pipes[0], "x?") && pipe_asked(&pipes[1], "x?");
	frame_cancel(calls[2].transfer);
	frame_cancel(calls[0].transfer);
	loop_turn();
	ok = ok && endpoint.n_opened == 3 && pipes[0].closed && pipe_asked(&pipes[2], "d?");
	pipe_answer(&pipes[2], "d");
	pipe_answer(&pipes[1], "b");
	ok = ok && call_answered(&calls[3], "d") && call_answered(&calls[1], "b");
	tap_ok(ok && !calls[0].done && !calls[2].done, "who is cancelled makes room");
	tap_ok(pipes_free(client, &endpoint), "all is closed with the client");
}

/* All that fail give way to the next. */
static void
test_opening(void)
{
	Endpoint	endpoint;
	FrameClient *client = pipes_create(&endpoint, 1);
	Call		calls[3];
	bool		ok = true;

	endpoint.opening = OPEN_FAILS;
	for (int i = 0; i < 3; i++)
		pipes_send(client, &calls[i], "what?", TIMEOUT_MS);
	for (int i = 0; i < 3; i++)
		ok = ok && call_failed(&calls[i], KMS_UNTRUSTED) &&
			strcmp(calls[i].reply.failure_text, "It does not open") == 0;
	tap_ok(ok && endpoint.n_opened == 3 && endpoint.n_closed == 3, "why a connection is not made is told");

	endpoint.opening = OPEN_NO_MEMORY;
	for (int i = 0; i < 3; i++)
		pipes_send(client, &calls[i], "what?", TIMEOUT_MS);
	for (int i = 0; i < 3; i++)
		ok = ok && call_failed(&calls[i], KMS_LOCAL_FAILURE);
	tap_ok(ok && endpoint.n_opened == 3, "so it is if there is no memory for it");

	endpoint.opening = OPEN_NEVER;
	pipes_send(client, &calls[0], "what?", TIMEOUT_MS);
	loop_turn();
	pipe_opened(&endpoint.pipes[3]);
	ok = pipe_asked(&endpoint.pipes[3], "what?");
	pipe_answer(&endpoint.pipes[3], "this");
	tap_ok(ok && call_answered(&calls[0], "this"), "opening may take a while");

	/* its idle one first, then the opening */
	endpoint.opening = OPEN_AT_ONCE;
	epoll_failures = 1;
	pipes_send(client, &calls[0], "what?", TIMEOUT_MS);
	ok = call_failed(&calls[0], KMS_LOCAL_FAILURE) && endpoint.n_closed == 4;
	epoll_failures = 1;
	pipes_send(client, &calls[0], "what?", TIMEOUT_MS);
	ok = ok && call_failed(&calls[0], KMS_LOCAL_FAILURE) && endpoint.n_closed == 5;
	epoll_failures = 0;
	ok = ok && pipe_exchange(client, &endpoint.pipes[5]);

	/*
	 * a change of what is watched fails when the request is out, or the reply
	 * in
	 */
	pipes_send(client, &calls[0], "what?", TIMEOUT_MS);
	epoll_failures = 1;
	ok = ok && call_failed(&calls[0], KMS_LOCAL_FAILURE) && endpoint.n_closed == 6;
	epoll_failures = 0;
	pipes_send(client, &calls[0], "what?", TIMEOUT_MS);
	loop_turn();
	ok = ok && pipe_asked(&endpoint.pipes[6], "what?");
	pipe_answer(&endpoint.pipes[6], "this");
	epoll_failures = 1;
	ok = ok && call_answered(&calls[0], "this") && endpoint.n_closed == 7;
	epoll_failures = 0;
	tap_ok(ok, "a socket that cannot be watched fails its request, and is closed");
	tap_ok(pipes_free(client, &endpoint), "nothing of that stays open");
}

typedef struct Doer
{
	Call		call;
	FrameClient *client;
	Call	   *other;
	Call		next;
	bool		done;
} Doer;

static void
free_client(void *argument)
{
	Doer	   *doer = argument;

	doer->done = true;
	frame_client_free(doer->client);
}

static void
cancel_other(void *argument)
{
	Doer	   *doer = argument;

	doer->done = true;
	frame_cancel(doer->other->transfer);
}

static void
send_next(void *argument)
{
	Doer	   *doer = argument;

	doer->done = true;
	pipes_send(doer->client, &doer->next, "next?", TIMEOUT_MS);
}

static bool
doer_done(void *argument)
{
	return ((Doer *) argument)->done;
}

static void
do_when_done(Doer *doer, KmsDone done)
{
	call_init_frame(&doer->call, "what?");
	frame_send(doer->client, &doer->call.request, &doer->call.reply, TIMEOUT_MS, done, doer);
}

static void
test_done(void)
{
	Endpoint	endpoint;
	Doer		doer = {.client = pipes_create(&endpoint, 3)};
	Call		others[2];
	bool		ok;

	pipes_send(doer.client, &others[0], "hang", TIMEOUT_MS);
	do_when_done(&doer, free_client);
	pipes_send(doer.client, &others[1], "what?", TIMEOUT_MS);
	ok = pipe_asked(&endpoint.pipes[1], "what?") && pipe_asked(&endpoint.pipes[2], "what?");
	pipe_answer(&endpoint.pipes[1], "this");
	pipe_answer(&endpoint.pipes[2], "that");
	loop_until(doer_done, &doer);
	loop_turn();
	tap_ok(ok && !others[0].done && !others[1].done && endpoint.n_closed == 3,
		   "done may free the client, and all ends with it");
	for (int i = 0; i < 3; i++)
		pipe_end(&endpoint.pipes[i]);

	doer = (Doer)
	{
		.client = pipes_create(&endpoint, 2),.other = &others[0]
	};
	do_when_done(&doer, cancel_other);
	pipes_send(doer.client, &others[0], "what?", TIMEOUT_MS);
	ok = pipe_asked(&endpoint.pipes[0], "what?") && pipe_asked(&endpoint.pipes[1], "what?");
	pipe_answer(&endpoint.pipes[0], "this");
	pipe_answer(&endpoint.pipes[1], "that");
	loop_until(doer_done, &doer);
	loop_turn();
	tap_ok(ok && !others[0].done && endpoint.n_closed == 0, "it may cancel one that is over, too");

	doer.done = false;
	do_when_done(&doer, send_next);
	ok = pipe_asked(&endpoint.pipes[0], "what?");
	pipe_answer(&endpoint.pipes[0], "this");
	loop_until(doer_done, &doer);
	ok = ok && pipe_asked(&endpoint.pipes[0], "next?");
	pipe_answer(&endpoint.pipes[0], "that");
	tap_ok(ok && call_answered(&doer.next, "that"), "and send another one");
	tap_ok(pipes_free(doer.client, &endpoint), "and nothing stays open");
}

void
test_frames(void)
{
	test_exchange();
	test_sizes();
	test_requests();
	test_queue();
	test_opening();
	test_done();
}
