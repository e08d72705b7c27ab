/*-------------------------------------------------------------------------
 *
 * test_frame_ends.c
 *	  Connections of frames that end, hang, or say too much: no reply is ever
 *	  read as another's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "../tap.h"
#include "pipes.h"

static void
test_idle(void)
{
	Endpoint	endpoint;
	FrameClient *client = pipes_create(&endpoint, 1);
	Pipe	   *pipes = endpoint.pipes;
	Call		call;
	bool		ok;

	ok = pipe_exchange(client, &pipes[0]);
	pipe_end(&pipes[0]);
	wait_closed(&endpoint, 1);
	ok = ok && pipe_exchange(client, &pipes[1]);
	tap_ok(ok && endpoint.n_opened == 2, "an idle connection that ends is closed, and the next request has a new one");

	pipe_answer(&pipes[1], "late");
	wait_closed(&endpoint, 2);
	ok = pipe_exchange(client, &pipes[2]);
	tap_ok(ok && endpoint.n_opened == 3, "so is one through which something comes");

	pipe_answer(&pipes[2], "late");
	ok = pipe_exchange(client, &pipes[3]);
	tap_ok(ok && pipes[2].closed, "even if a request is sent before that is noticed");

	pipes[3].ahead = true;
	ok = pipe_exchange(client, &pipes[4]);
	tap_ok(ok && pipes[3].closed, "or the stream has read it already");

	pipe_end(&pipes[4]);
	ok = pipe_exchange(client, &pipes[5]);
	tap_ok(ok && pipes[4].closed, "or the end");

	/* a second frame right behind the first */
	pipes_send(client, &call, "what?", TIMEOUT_MS);
	ok = pipe_asked(&pipes[5], "what?");
	pipe_answer(&pipes[5], "this");
	pipe_answer(&pipes[5], "more");
	ok = ok && call_answered(&call, "this") && endpoint.n_closed == 6 && pipe_exchange(client, &pipes[6]);
	tap_ok(ok, "what comes behind a frame is nobody's reply");
	tap_ok(pipes_free(client, &endpoint), "nothing of that stays open");
}

/* A kept connection that is closed before any byte has come. */
static void
test_repeated(void)
{
	Endpoint	endpoint;
	FrameClient *client = pipes_create(&endpoint, 2);
	Pipe	   *pipes = endpoint.pipes;
	Call		calls[2];
	bool		ok;

	/* two that are kept */
	pipes_send(client, &calls[0], "a?", TIMEOUT_MS);
	pipes_send(client, &calls[1], "b?", TIMEOUT_MS);
	ok = pipe_asked(&pipes[0], "a?") && pipe_asked(&pipes[1], "b?");
	pipe_answer(&pipes[0], "a");
	pipe_answer(&pipes[1], "b");
	ok = ok && call_answered(&calls[0], "a") && call_answered(&calls[1], "b");

	pipes_send(client, &calls[0], "c?", TIMEOUT_MS);
	ok = ok && pipe_asked(&pipes[0], "c?");
	pipe_end(&pipes[0]);
	ok = ok && pipe_asked(&pipes[2], "c?");
	pipe_answer(&pipes[2], "c");
	ok = ok && call_answered(&calls[0], "c");
	tap_ok(ok && endpoint.n_opened == 3 && !pipes[1].closed,
		   "a request on a kept connection that is closed is made again, on a new one");

	pipes_send(client, &calls[0], "d?", TIMEOUT_MS);
	ok = pipe_asked(&pipes[1], "d?");
	pipe_end(&pipes[1]);
	ok = ok && pipe_asked(&pipes[3], "d?");
	pipe_end(&pipes[3]);
	ok = ok && call_failed(&calls[0], KMS_UNREACHABLE);
	tap_ok(ok && endpoint.n_opened == 4, "but once only");

	pipes_send(client, &calls[0], "e?", TIMEOUT_MS);
	ok = pipe_asked(&pipes[2], "e?");
	pipe_write(&pipes[2], "\x42", 1);
	pipe_end(&pipes[2]);
	ok = ok && call_failed(&calls[0], KMS_BAD_REPLY);
	tap_ok(ok && endpoint.n_opened == 4, "nor when anything of a reply has come");

	pipes_send(client, &calls[0], "f?", TIMEOUT_MS);
	ok = pipe_asked(&pipes[4], "f?");
	pipe_end(&pipes[4]);
	ok = ok && call_failed(&calls[0], KMS_UNREACHABLE);
	tap_ok(ok && endpoint.n_opened == 5, "nor on a connection that is new");

	/* it cannot be written to any more, and its time is over meanwhile */
	ok = pipe_exchange(client, &pipes[5]);
	endpoint.opening = OPEN_NEVER;
	pipes_send(client, &calls[0], "g?", SHORT_MS);
	ok = ok && pipe_asked(&pipes[5], "g?");
	pipe_end(&pipes[5]);
	ok = ok && call_failed(&calls[0], KMS_UNREACHABLE);
	tap_ok(ok && endpoint.n_opened == 7 && endpoint.n_closed == 7, "and within its time");
	tap_ok(pipes_free(client, &endpoint), "nothing of that stays open");
}

static void
test_cut(void)
{
	static const char *const parts[] = {
		"\x42", "\x42\0\x7b\1\0\0\0", "\x42\0\x7b\1\0\0\0\x64", "\x42\0\x7b\1\0\0\0\x64half",
	};
	static const Size lens[] = {1, 7, 8, 12};
	bool		ok = true;

	for (int i = 0; i < lengthof(parts); i++)
	{
		Endpoint	endpoint;
		FrameClient *client = pipes_create(&endpoint, 1);
		Call		call;

		pipes_send(client, &call, "what?", TIMEOUT_MS);
		TAP_EACH(ok, pipe_asked(&endpoint.pipes[0], "what?"), "%d", i);
		pipe_write(&endpoint.pipes[0], parts[i], lens[i]);
		loop_turn();
		pipe_end(&endpoint.pipes[0]);
		TAP_EACH(ok, call_failed(&call, KMS_BAD_REPLY), "%d: %d, %s", i, call.reply.failure,
				 call.reply.failure_text);
		for (int at = 0; at < 12; at++)
			TAP_EACH(ok, call.reply.body[at] == '\0', "byte %d of %d", at, i);
		TAP_EACH(ok, pipes_free(client, &endpoint), "%d", i);
	}
	tap_ok(ok, "half a reply is none, and nothing of it is left");
}

typedef enum Phase
{
	PHASE_QUEUED,
	PHASE_OPENING,
	PHASE_OPENED,				/* noted, no more */
	PHASE_WRITING,
	PHASE_WAITING,
	PHASE_HEADER,
	PHASE_BODY,
	PHASE_KEPT_WAITING,
	PHASE_KEPT_BODY
} Phase;

/* Makes a request that hangs in that phase, on the last pipe. */
static void
hang(FrameClient *client, Endpoint *endpoint, Phase phase, Call *call, Call *before, int timeout_ms)
{
	Pipe	   *pipe = &endpoint->pipes[0];

	if (phase >= PHASE_KEPT_WAITING && !pipe_exchange(client, pipe))
		abort();
	if (phase == PHASE_QUEUED)
		pipes_send(client, before, "before", TIMEOUT_MS);
	endpoint->stuck = phase == PHASE_WRITING;
	endpoint->opening = phase == PHASE_OPENING || phase == PHASE_OPENED ? OPEN_NEVER : OPEN_AT_ONCE;
	pipes_send(client, call, "hang", timeout_ms);
	loop_turn();
	if (phase == PHASE_OPENED)
		pipe_opened(pipe);
	if (phase >= PHASE_WAITING && !pipe_asked(pipe, "hang"))
		abort();
	if (phase == PHASE_HEADER)
		pipe_write(pipe, "\x42\0\x7b\1\0", 5);
	if (phase == PHASE_BODY || phase == PHASE_KEPT_BODY)
		pipe_write(pipe, "\x42\0\x7b\1\0\0\0\4re", 10);
	if (phase != PHASE_OPENED)
		loop_turn();
	endpoint->opening = OPEN_AT_ONCE;
}

static void
test_timeouts(void)
{
	bool		ok = true;

	for (Phase phase = PHASE_QUEUED; phase <= PHASE_KEPT_BODY; phase++)
	{
		Endpoint	endpoint;
		FrameClient *client;
		int			opened;
		Call		call;
		Call		before;

		if (phase == PHASE_OPENED)
			continue;			/* it does not stay so */
		client = pipes_create(&endpoint, 1);
		hang(client, &endpoint, phase, &call, &before, SHORT_MS);
		opened = endpoint.n_opened;
		TAP_EACH(ok, call_failed(&call, KMS_UNREACHABLE) &&
				 strstr(call.reply.failure_text, "imeout") != NULL, "%d: %d, %s", phase,
				 call.reply.failure, call.reply.failure_text);
		endpoint.stuck = false;
		if (phase == PHASE_QUEUED)
		{
			TAP_EACH(ok, pipe_asked(&endpoint.pipes[0], "before"), "%d", phase);
			pipe_answer(&endpoint.pipes[0], "it");
			TAP_EACH(ok, call_answered(&before, "it") && endpoint.n_closed == 0, "%d", phase);
		}
		else
			TAP_EACH(ok, endpoint.n_closed == opened && pipe_exchange(client, &endpoint.pipes[opened]),
					 "%d: the next one", phase);
		TAP_EACH(ok, pipes_free(client, &endpoint), "%d", phase);
	}
	tap_ok(ok, "a request that hangs, wherever, is left when its time is over, and its connection is closed");
}

static void
test_next(void)
{
	Endpoint	endpoint;
	FrameClient *client = pipes_create(&endpoint, 1);
	Call		call;
	Call		next;
	bool		ok;

	pipes_send(client, &call, "hang", SHORT_MS);
	pipes_send(client, &next, "next?", TIMEOUT_MS);
	ok = call_failed(&call, KMS_UNREACHABLE) && pipe_asked(&endpoint.pipes[1], "next?");
	pipe_answer(&endpoint.pipes[1], "this");
	tap_ok(ok && call_answered(&next, "this") && pipes_free(client, &endpoint),
		   "who waits for one that hangs is served then");
}

static void
test_cancels(void)
{
	int			descriptors = count_descriptors();
	bool		ok = true;

	for (Phase phase = PHASE_QUEUED; phase <= PHASE_KEPT_BODY; phase++)
	{
		Endpoint	endpoint;
		FrameClient *client = pipes_create(&endpoint, 1);
		Call		call;
		Call		before;

		hang(client, &endpoint, phase, &call, &before, TIMEOUT_MS);
		frame_cancel(call.transfer);
		endpoint.stuck = false;
		TAP_EACH(ok, endpoint.n_closed == (phase == PHASE_QUEUED ? 0 : 1), "%d", phase);
		if (phase == PHASE_QUEUED)
			frame_cancel(before.transfer);
		TAP_EACH(ok, pipe_exchange(client, &endpoint.pipes[1]) && !call.done, "%d: the next one", phase);
		TAP_EACH(ok, pipes_free(client, &endpoint), "%d", phase);
	}
	tap_ok(ok, "so it is when it is cancelled, and its done is not called");

	ok = true;
	for (Phase phase = PHASE_QUEUED; phase <= PHASE_KEPT_BODY; phase++)
	{
		Endpoint	endpoint;
		FrameClient *client = pipes_create(&endpoint, 1);
		Call		call;
		Call		before;

		hang(client, &endpoint, phase, &call, &before, TIMEOUT_MS);
		TAP_EACH(ok, pipes_free(client, &endpoint), "%d", phase);
		loop_turn();
		TAP_EACH(ok, !call.done, "%d", phase);
	}
	tap_ok(ok && count_descriptors() == descriptors, "and when its client is freed, and nothing is left open");
}

static void
test_ages(void)
{
	FrameOptions idle = {.max_connections = 1,.idle_ms = 20};
	FrameOptions life = {.max_connections = 1,.life_ms = 20};
	Endpoint	endpoint;
	FrameClient *client = pipes_create_with(&endpoint, &idle);
	Call		call;
	bool		ok;

	ok = pipe_exchange(client, &endpoint.pipes[0]) && pipe_exchange(client, &endpoint.pipes[0]);
	wait_closed(&endpoint, 1);
	pipes_send(client, &call, "what?", TIMEOUT_MS);
	ok = ok && pipe_asked(&endpoint.pipes[1], "what?");
	pipe_answer(&endpoint.pipes[1], "this");
	ok = ok && call_answered(&call, "this");
	pipes_send(client, &call, "what?", TIMEOUT_MS);
	ok = ok && pipe_asked(&endpoint.pipes[1], "what?");
	for (int64 since = now_ms(); now_ms() - since < 40;)
		loop_turn();
	pipe_answer(&endpoint.pipes[1], "that");
	tap_ok(ok && call_answered(&call, "that"), "a connection that nobody uses for a while is closed, and none that is used");
	tap_ok(pipes_free(client, &endpoint), "and its timer with it");

	client = pipes_create_with(&endpoint, &life);
	pipes_send(client, &call, "what?", TIMEOUT_MS);
	ok = pipe_asked(&endpoint.pipes[0], "what?");
	for (int64 since = now_ms(); now_ms() - since < 40;)
		loop_turn();
	pipe_answer(&endpoint.pipes[0], "this");
	ok = ok && call_answered(&call, "this") && endpoint.n_closed == 1;
	ok = ok && pipe_exchange(client, &endpoint.pipes[1]) && endpoint.n_closed == 1;
	for (int64 since = now_ms(); now_ms() - since < 40;)
		loop_turn();
	ok = ok && pipe_exchange(client, &endpoint.pipes[2]) && endpoint.n_closed == 2;
	tap_ok(ok && pipes_free(client, &endpoint), "an old one is not used again");
}

void
test_frame_ends(void)
{
	test_idle();
	test_repeated();
	test_cut();
	test_timeouts();
	test_next();
	test_cancels();
	test_ages();
}
