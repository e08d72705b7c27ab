/*-------------------------------------------------------------------------
 *
 * kms_over_helper.c
 *	  The transport of the provider pkcs11: a helper process for each server,
 *	  and what is said to it.
 *
 * The helper is started by the first call, and gets one request at a time.  It
 * answers a call with PKCS11_NOT_OPEN when it has no session; then it gets
 * requests of our own, PKCS11_OPEN and PKCS11_LOGIN, and the call's once more.
 * These two do not end with the call that they were made for: a device may
 * want longer to begin than a call may take, and a login that is broken off
 * may have been counted as wrong.
 *
 * A module that hangs cannot be interrupted: when a request runs out of time,
 * frames.c closes the stream, and that kills the helper.  A call that is
 * cancelled is left alone until then, so that nobody's cancelling has others
 * wait for a helper to begin.  One that has ended is started anew, at most once
 * in a second.
 *
 * PINs (pkcs11_pins.c): none is tried that was refused, and one at a time for a
 * token, since several servers may have the same wrong one.  Helpers get it
 * for PKCS11_LOGIN only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "utils/memutils.h"

#include "base/clock.h"
#include "kms/kms_helper_process.h"
#include "kms/kms_pkcs11.h"
#include "kms/loop.h"
#include "kms/pkcs11_pins.h"

#define OPEN_LIMIT_MS	60000	/* of PKCS11_OPEN, and of PKCS11_LOGIN */
#define TURN_PAUSE_MS	20		/* while another logs in at the token */

typedef enum HelperStep
{
	HELPER_IDLE,
	HELPER_ASKED,				/* it has a call's request */
	HELPER_OPENING,
	HELPER_WAITS,				/* for its turn to log in */
	HELPER_LOGGING_IN
} HelperStep;

/* A client of this transport. */
typedef struct Helper
{
	dlist_node	node;			/* in the list of all */
	HelperSeat	seat;
	FrameClient *frames;
	HelperStep	step;
	dlist_head	calls;			/* in the order of their coming */
	struct HelperCall *call;	/* for which it works; NULL: it was cancelled */
	bool		again;			/* the session was opened for this call */
	PinMark		pin;			/* HELPER_LOGGING_IN */
	LoopTimer	timer;			/* HELPER_WAITS */
	KmsRequest	request;		/* secret, as the next */
	KmsReply	reply;
} Helper;

typedef struct HelperCall
{
	dlist_node	node;
	Helper	   *helper;
	bool		over;
	uint64		deadline_ns;
	LoopTimer	timer;			/* its end, or the call of done */
	KmsReply   *reply;
	KmsDone		done;
	void	   *argument;
	Size		frame_len;
	uint8		frame[PKCS11_FRAME_MAX];	/* secret */
} HelperCall;

/* Those of this process. */
static dlist_head helpers = DLIST_STATIC_INIT(helpers);

static void work(Helper *helper);
static void replied(void *argument);

static void
free_call(HelperCall *call)
{
	loop_timer_stop(&call->timer);
	dlist_delete(&call->node);
	OPENSSL_cleanse(call, sizeof(*call));
	pfree(call);
}

/* Its done may cancel or close anything. */
static void
deliver(void *argument)
{
	HelperCall *call = argument;
	KmsDone		done = call->done;
	void	   *done_argument = call->argument;

	free_call(call);
	done(done_argument);
}

/* Its reply is there. */
static void
finish(HelperCall *call)
{
	if (call->helper->call == call)
		call->helper->call = NULL;
	call->over = true;
	loop_timer_start(&call->timer, 0, deliver, call);
}

static void
time_is_over(void *argument)
{
	HelperCall *call = argument;

	kms_reply_lost(call->reply, KMS_UNREACHABLE, "Timeout was reached");
	finish(call);
}

/* The call that it works for; when that one is gone, the next that waits. */
static HelperCall *
current(Helper *helper)
{
	dlist_iter	iter;

	if (helper->call != NULL)
		return helper->call;
	dlist_foreach(iter, &helper->calls)
	{
		HelperCall *call = dlist_container(HelperCall, node, iter.cur);

		if (!call->over)
			return helper->call = call;
	}
	return NULL;
}

/* The helper is done with the call: gives it the reply, and goes on. */
static void
end(Helper *helper, const KmsReply *reply)
{
	helper->step = HELPER_IDLE;
	if (helper->call != NULL)
	{
		*helper->call->reply = *reply;
		finish(helper->call);
	}
	OPENSSL_cleanse(&helper->reply, sizeof(helper->reply));
	work(helper);
}

static void
end_with(Helper *helper, Pkcs11Outcome outcome)
{
	const Pkcs11Reply said = {.outcome = outcome};
	ByteWriter	w = writer_of((uint8 *) helper->reply.body, KMS_REPLY_BODY_MAX);

	kms_reply_init(&helper->reply);
	pkcs11_write_reply(&w, &said);
	helper->reply.body_len = w.len;
	end(helper, &helper->reply);
}

/* What of the call's request is wanted for it. */
static void
ask(Helper *helper, HelperStep step, const Pkcs11Request *wanted, int64 timeout_ms)
{
	uint8		frame[PKCS11_FRAME_MAX];
	ByteWriter	w = writer_of(frame, sizeof(frame));

	pkcs11_write_request(&w, wanted);
	kms_request_frame(&helper->request);
	kms_request_body(&helper->request, writer_bytes(&w));
	helper->request.invalid |= w.overflow;
	helper->step = step;
	(void) frame_send(helper->frames, &helper->request, &helper->reply,
					  (int) Max(timeout_ms, 1), replied, helper);
	OPENSSL_cleanse(frame, sizeof(frame));
	OPENSSL_cleanse(&helper->request, sizeof(helper->request));
}

static Pkcs11Request
request_of(const HelperCall *call)
{
	Pkcs11Request request = {0};

	(void) pkcs11_read_request(bytes_of(call->frame, call->frame_len), &request);
	return request;
}

static void
ask_call(Helper *helper, bool again)
{
	HelperCall *call = current(helper);
	Pkcs11Request wanted = request_of(call);

	wanted.pin = bytes_of(NULL, 0);
	wanted.again = helper->again = again;
	ask(helper, HELPER_ASKED, &wanted,
		((int64) call->deadline_ns - (int64) clock_now_ns()) / (int64) NS_IN_MS);
}

static void
ask_open(Helper *helper)
{
	Pkcs11Request wanted = request_of(current(helper));
	const Bytes nothing = bytes_of(NULL, 0);

	wanted.operation = PKCS11_OPEN;
	wanted.pin = wanted.key_label = wanted.associated = wanted.iv = wanted.in = nothing;
	ask(helper, HELPER_OPENING, &wanted, OPEN_LIMIT_MS);
}

/* Another server's helper logs in at the same token. */
static bool
is_anothers_turn(const Helper *helper)
{
	const KmsServer *server = helper->seat.server;
	dlist_iter	iter;

	dlist_foreach(iter, &helpers)
	{
		const Helper *other = dlist_container(Helper, node, iter.cur);
		const KmsServer *its = other->seat.server;

		if (other->step == HELPER_LOGGING_IN &&
			strcmp(kms_option(its, PKCS11_MODULE_OPTION), kms_option(server, PKCS11_MODULE_OPTION)) == 0 &&
			strcmp(kms_option(its, "token_label"), kms_option(server, "token_label")) == 0)
			return true;
	}
	return false;
}

static void
ask_login(void *argument)
{
	Helper	   *helper = argument;
	HelperCall *call = current(helper);
	const Bytes nothing = bytes_of(NULL, 0);
	Pkcs11Request wanted;
	Pkcs11Outcome outcome;

	if (call == NULL)
	{
		helper->step = HELPER_IDLE;
		return;
	}
	if (is_anothers_turn(helper))
	{
		helper->step = HELPER_WAITS;
		loop_timer_start(&helper->timer, TURN_PAUSE_MS, ask_login, helper);
		return;
	}
	wanted = request_of(call);
	outcome = pin_mark(kms_option(helper->seat.server, PKCS11_MODULE_OPTION),
					   wanted.token_label, wanted.pin, &helper->pin)
		? pin_look(&helper->pin, clock_now_ns()) : PKCS11_PIN_UNCLEAR;
	if (outcome != PKCS11_DONE)
	{
		end_with(helper, outcome);
		return;
	}
	wanted.operation = PKCS11_LOGIN;
	wanted.key_label = wanted.associated = wanted.iv = wanted.in = nothing;
	ask(helper, HELPER_LOGGING_IN, &wanted, OPEN_LIMIT_MS);
}

/* What came of the request that is there. */
static void
replied(void *argument)
{
	Helper	   *helper = argument;
	const KmsReply *reply = &helper->reply;
	Pkcs11Reply got;
	bool		came = reply->failure == KMS_REPLIED &&
		pkcs11_read_reply(bytes_of(reply->body, reply->body_len), &got);
	bool		done = came && got.outcome == PKCS11_DONE;

	if (helper->step == HELPER_LOGGING_IN)
		pin_note(&helper->pin, came ? &got : NULL, clock_now_ns());

	if (helper->step == HELPER_ASKED && came && got.outcome == PKCS11_NOT_OPEN &&
		!helper->again && helper->call != NULL)
		ask_open(helper);
	else if (helper->step == HELPER_OPENING && done)
		ask_login(helper);
	else if (helper->step == HELPER_LOGGING_IN && done && current(helper) != NULL)
		ask_call(helper, true);
	else if (helper->step != HELPER_ASKED && done)
		helper->step = HELPER_IDLE;
	else
		end(helper, reply);
}

static void
work(Helper *helper)
{
	if (helper->step == HELPER_IDLE && current(helper) != NULL)
		ask_call(helper, false);
}

static void *
open_server(const KmsServer *server, int places, KmsError *error)
{
	Helper	   *helper = calloc(1, sizeof(Helper));
	FrameOptions options = {.kind = &helper_process_stream,.max_connections = 1};

	helper_processes_init();
	if (helper == NULL)
	{
		kms_fail(error, KMS_UNAVAILABLE, "", "There is no memory for its helper.");
		return NULL;
	}
	helper->seat.server = server;
	dlist_init(&helper->calls);
	options.endpoint = &helper->seat;
	helper->frames = frame_client_create(&options);
	dlist_push_tail(&helpers, &helper->node);
	return helper;
}

static void
close_server(void *client)
{
	Helper	   *helper = client;
	dlist_mutable_iter iter;

	if (helper->step == HELPER_LOGGING_IN)
		pin_note(&helper->pin, NULL, clock_now_ns());
	loop_timer_stop(&helper->timer);
	frame_client_free(helper->frames);
	dlist_foreach_modify(iter, &helper->calls)
		free_call(dlist_container(HelperCall, node, iter.cur));
	dlist_delete(&helper->node);
	OPENSSL_cleanse(helper, sizeof(*helper));
	free(helper);
}

static void *
send_request(void *client, const KmsRequest *request, KmsReply *reply, int timeout_ms,
			 KmsDone done, void *argument)
{
	Helper	   *helper = client;
	HelperCall *call = MemoryContextAllocZero(TopMemoryContext, sizeof(HelperCall));
	Pkcs11Request read;

	call->helper = helper;
	call->reply = reply;
	call->done = done;
	call->argument = argument;
	call->deadline_ns = clock_now_ns() + timeout_ms * NS_IN_MS;
	kms_reply_init(reply);
	dlist_push_tail(&helper->calls, &call->node);
	loop_timer_start(&call->timer, timeout_ms, time_is_over, call);
	if (!request->invalid &&
		pkcs11_read_request(bytes_of(request->body, request->body_len), &read))
	{
		call->frame_len = request->body_len;
		memcpy(call->frame, request->body, request->body_len);
		work(helper);
	}
	else
	{
		kms_reply_lost(reply, KMS_LOCAL_FAILURE, "The request is not a frame");
		finish(call);
	}
	return call;
}

/* What the helper has of it, it may finish. */
static void
cancel_transfer(void *transfer)
{
	HelperCall *call = transfer;

	if (call->helper->call == call)
		call->helper->call = NULL;
	free_call(call);
}

const KmsTransport kms_over_helper = {
	.open = open_server,
	.close = close_server,
	.send = send_request,
	.cancel = cancel_transfer,
};
