/*-------------------------------------------------------------------------
 *
 * frames.c
 *	  Requests and replies of KMSs that speak in frames.
 *
 * A transfer waits until it has a connection of its own, which it has until it
 * is over.  If that was for any other reason than its reply, the connection is
 * closed, whatever state it is in.
 *
 * A connection without a transfer is idle.  Nothing may come through it then:
 * when something does, be it the end, it is closed.  It is looked at once more
 * before it is used again, since what a stream has read ahead shows on no
 * descriptor.
 *
 * done is called by the transfer's timer, so it may cancel or free anything.
 * For the same reason a stream only notes how its opening went.
 *
 * Secrets: a request is wiped as soon as it is not needed any more; a reply is
 * read to where it belongs, and nowhere else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "utils/memutils.h"

#include "base/clock.h"
#include "kms/frames.h"
#include "kms/loop.h"

#define OUT_OF_MEMORY "Out of memory"

struct FrameClient
{
	FrameOptions options;
	dlist_head	transfers;		/* those that wait are served in this order */
	dlist_head	connections;
	int			n_connections;
};

struct FrameTransfer
{
	dlist_node	node;
	FrameClient *client;
	FrameConnection *connection;	/* NULL: it waits, or is over */
	bool		over;
	LoopTimer	timer;			/* its end, or the call of done */
	KmsReply   *reply;
	KmsDone		done;
	void	   *argument;
	Size		request_len;
	uint8		request[FLEXIBLE_ARRAY_MEMBER];
};

struct FrameConnection
{
	dlist_node	node;
	FrameClient *client;
	void	   *stream;
	FrameTransfer *transfer;	/* NULL: it is idle */
	int			fd;				/* -1: it is being opened */
	KmsFailure	failure;		/* of the opening */
	const char *failure_text;
	bool		kept;			/* it has carried a reply before */
	Size		sent;			/* of the request */
	uint64		opened_ns;
	LoopTimer	timer;			/* what was noted, or the end of idleness */
};

static void ready(int fd, uint32 epoll_events, void *argument);

static void
close_connection(FrameConnection *connection)
{
	FrameClient *client = connection->client;

	loop_timer_stop(&connection->timer);
	if (connection->fd >= 0)
		loop_forget(connection->fd, connection);
	if (connection->stream != NULL)
		client->options.kind->close(connection->stream);
	dlist_delete(&connection->node);
	client->n_connections--;
	pfree(connection);
}

static void
close_idle(void *argument)
{
	close_connection(argument);
}

/* Its done is called by the loop, since we may be in frame_send(). */
static void
deliver(void *argument)
{
	FrameTransfer *transfer = argument;
	KmsDone		done = transfer->done;
	void	   *done_argument = transfer->argument;

	dlist_delete(&transfer->node);
	pfree(transfer);
	done(done_argument);
}

static void
finish(FrameTransfer *transfer)
{
	transfer->over = true;
	transfer->connection = NULL;
	OPENSSL_cleanse(transfer->request, transfer->request_len);
	loop_timer_start(&transfer->timer, 0, deliver, transfer);
}

static void
fail(FrameTransfer *transfer, KmsFailure failure, const char *text)
{
	if (transfer->connection != NULL)
		close_connection(transfer->connection);
	kms_reply_lost(transfer->reply, failure, text);
	finish(transfer);
}

static void
watch(FrameConnection *connection, uint32 epoll_events)
{
	if (!loop_watch(connection->fd, epoll_events, ready, connection))
		fail(connection->transfer, KMS_LOCAL_FAILURE, OUT_OF_MEMORY);
}

static void
carry(FrameConnection *connection, FrameTransfer *transfer)
{
	loop_timer_stop(&connection->timer);
	connection->transfer = transfer;
	connection->sent = 0;
	transfer->connection = connection;
}

static void
open_for(FrameTransfer *transfer)
{
	FrameClient *client = transfer->client;
	FrameConnection *connection = MemoryContextAllocZero(TopMemoryContext, sizeof(FrameConnection));

	connection->client = client;
	connection->fd = -1;
	connection->opened_ns = clock_now_ns();
	dlist_push_tail(&client->connections, &connection->node);
	client->n_connections++;
	carry(connection, transfer);
	connection->stream = client->options.kind->open(client->options.endpoint, connection);
	if (connection->stream == NULL)
		fail(transfer, KMS_LOCAL_FAILURE, OUT_OF_MEMORY);
}

/* Nothing has come that is no reply to anything, nor the end. */
static bool
is_quiet(FrameConnection *connection)
{
	uint8		byte;
	Size		len;
	bool		quiet = connection->client->options.kind->read(connection->stream, &byte, 1, &len) &&
		len == 0;

	OPENSSL_cleanse(&byte, 1);
	return quiet;
}

static bool
is_old(FrameConnection *connection)
{
	int			life_ms = connection->client->options.life_ms;

	return life_ms > 0 && clock_now_ns() - connection->opened_ns > life_ms * NS_IN_MS;
}

/* Closes those on the way that are not fit for use. */
static FrameConnection *
find_idle(FrameClient *client)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &client->connections)
	{
		FrameConnection *connection = dlist_container(FrameConnection, node, iter.cur);

		if (connection->transfer != NULL)
			continue;
		if (is_quiet(connection) && !is_old(connection))
			return connection;
		close_connection(connection);
	}
	return NULL;
}

/* Gives connections to those that wait, while there are any. */
static void
serve(FrameClient *client)
{
	dlist_iter	iter;

	dlist_foreach(iter, &client->transfers)
	{
		FrameTransfer *transfer = dlist_container(FrameTransfer, node, iter.cur);
		FrameConnection *idle;

		if (transfer->over || transfer->connection != NULL)
			continue;
		idle = find_idle(client);
		if (idle != NULL)
		{
			carry(idle, transfer);
			watch(idle, EPOLLOUT);
		}
		else if (client->n_connections < client->options.max_connections)
			open_for(transfer);
		else
			break;
	}
}

/* The peer has closed it, or it broke. */
static void
lose(FrameConnection *connection)
{
	FrameTransfer *transfer = connection->transfer;
	bool		begun = transfer->reply->body_len > 0;

	/* once only: the new one is not kept */
	if (connection->kept && !begun)
	{
		close_connection(connection);
		open_for(transfer);
	}
	else if (begun)
		fail(transfer, KMS_BAD_REPLY, "The connection was closed in the middle of a reply");
	else
		fail(transfer, KMS_UNREACHABLE, "The connection was closed without a reply");
}

static void
keep_or_close(FrameConnection *connection)
{
	int			idle_ms = connection->client->options.idle_ms;

	connection->kept = true;
	connection->transfer = NULL;
	if (is_quiet(connection) && !is_old(connection) &&
		loop_watch(connection->fd, EPOLLIN | EPOLLRDHUP, ready, connection))
	{
		if (idle_ms > 0)
			loop_timer_start(&connection->timer, idle_ms, close_idle, connection);
	}
	else
		close_connection(connection);
}

static void
write_request(FrameConnection *connection)
{
	const FrameStreamKind *kind = connection->client->options.kind;
	FrameTransfer *transfer = connection->transfer;
	Size		len;

	for (; connection->sent < transfer->request_len; connection->sent += len)
	{
		if (!kind->write(connection->stream, transfer->request + connection->sent,
						 transfer->request_len - connection->sent, &len))
		{
			lose(connection);
			return;
		}
		if (len == 0)
			return;
	}
	watch(connection, EPOLLIN);
}

/* What the header of a frame says that follows it. */
static Size
length_after(const uint8 *header)
{
	return (Size) header[4] << 24 | (Size) header[5] << 16 | (Size) header[6] << 8 | header[7];
}

/* Of the frame, as far as is known by now. */
static Size
frame_len(const KmsReply *reply)
{
	return reply->body_len < FRAME_HEADER_LEN ? FRAME_HEADER_LEN :
		FRAME_HEADER_LEN + length_after((const uint8 *) reply->body);
}

static void
read_reply(FrameConnection *connection)
{
	const FrameStreamKind *kind = connection->client->options.kind;
	FrameTransfer *transfer = connection->transfer;
	KmsReply   *reply = transfer->reply;
	Size		len;

	for (; reply->body_len < frame_len(reply); reply->body_len += len)
	{
		if (frame_len(reply) > KMS_REPLY_BODY_MAX)
		{
			fail(transfer, KMS_BAD_REPLY, "The reply is too long");
			return;
		}
		if (!kind->read(connection->stream, (uint8 *) reply->body + reply->body_len,
						frame_len(reply) - reply->body_len, &len))
		{
			lose(connection);
			return;
		}
		if (len == 0)
			return;
	}
	reply->body[reply->body_len] = '\0';
	keep_or_close(connection);
	finish(transfer);
}

static void
ready(int fd, uint32 epoll_events, void *argument)
{
	FrameConnection *connection = argument;
	FrameClient *client = connection->client;

	if (connection->transfer == NULL)
		close_connection(connection);
	else if (connection->sent < connection->transfer->request_len)
		write_request(connection);
	else
		read_reply(connection);
	serve(client);
}

static void
opened(void *argument)
{
	FrameConnection *connection = argument;
	FrameClient *client = connection->client;

	if (connection->fd >= 0)
		watch(connection, EPOLLOUT);
	else
		fail(connection->transfer, connection->failure, connection->failure_text);
	serve(client);
}

void
frame_stream_opened(FrameConnection *connection, int fd)
{
	Assert(connection->fd < 0 && fd >= 0);
	connection->fd = fd;
	loop_timer_start(&connection->timer, 0, opened, connection);
}

void
frame_stream_failed(FrameConnection *connection, KmsFailure failure, const char *text)
{
	Assert(connection->fd < 0);
	connection->failure = failure;
	connection->failure_text = text;

	loop_timer_start(&connection->timer, 0, opened, connection);
}

FrameClient *
frame_client_create(const FrameOptions *options)
{
	FrameClient *client = MemoryContextAllocZero(TopMemoryContext, sizeof(FrameClient));

	Assert(options->max_connections > 0);
	client->options = *options;
	dlist_init(&client->transfers);
	dlist_init(&client->connections);
	return client;
}

static void
discard(FrameTransfer *transfer)
{
	loop_timer_stop(&transfer->timer);
	if (transfer->connection != NULL)
		close_connection(transfer->connection);
	OPENSSL_cleanse(transfer->request, transfer->request_len);
	dlist_delete(&transfer->node);
	pfree(transfer);
}

void
frame_client_free(FrameClient *client)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &client->transfers)
		discard(dlist_container(FrameTransfer, node, iter.cur));
	dlist_foreach_modify(iter, &client->connections)
		close_connection(dlist_container(FrameConnection, node, iter.cur));
	pfree(client);
}

static void
time_is_over(void *argument)
{
	FrameTransfer *transfer = argument;

	fail(transfer, KMS_UNREACHABLE, "Timeout was reached");
	serve(transfer->client);
}

static bool
is_frame(const KmsRequest *request)
{
	return !request->invalid && request->method == NULL &&
		request->body_len >= FRAME_HEADER_LEN &&
		length_after((const uint8 *) request->body) == request->body_len - FRAME_HEADER_LEN;
}

FrameTransfer *
frame_send(FrameClient *client, const KmsRequest *request, KmsReply *reply,
		   int timeout_ms, KmsDone done, void *argument)
{
	FrameTransfer *transfer = MemoryContextAllocZero(TopMemoryContext,
													 offsetof(FrameTransfer, request) + request->body_len);

	transfer->client = client;
	transfer->reply = reply;
	transfer->done = done;
	transfer->argument = argument;
	transfer->request_len = request->body_len;
	memcpy(transfer->request, request->body, request->body_len);
	kms_reply_init(reply);
	dlist_push_tail(&client->transfers, &transfer->node);
	loop_timer_start(&transfer->timer, timeout_ms, time_is_over, transfer);
	if (!is_frame(request))
		fail(transfer, KMS_LOCAL_FAILURE, "The request is not a frame");
	serve(client);
	return transfer;
}

void
frame_cancel(FrameTransfer *transfer)
{
	FrameClient *client = transfer->client;

	discard(transfer);
	serve(client);
}
