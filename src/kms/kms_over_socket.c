/*-------------------------------------------------------------------------
 *
 * kms_over_socket.c
 *	  A line to a helper at a Unix socket of this machine, and what it answers.
 *
 * The line is the request's body.  The answer is all that the helper says
 * until it closes the connection, or the time is over, and is no longer than
 * KMS_REPLY_BODY_MAX.  It has no status and no words that we would read.
 *
 * A connection is of one question.  done is called by the transfer's timer, so
 * it may cancel or free anything.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "utils/memutils.h"

#include "kms/kms_transport.h"
#include "kms/loop.h"

typedef struct SocketTransfer
{
	int			fd;				/* -1: it is over */
	LoopTimer	timer;			/* its end, or the call of done */
	KmsReply   *reply;
	KmsDone		done;
	void	   *argument;
	Size		sent;
	Size		line_len;
	char		line[FLEXIBLE_ARRAY_MEMBER];
} SocketTransfer;

static void
hang_up(SocketTransfer *transfer)
{
	if (transfer->fd < 0)
		return;
	loop_forget(transfer->fd, transfer);
	close(transfer->fd);
	transfer->fd = -1;
}

/* Its done is called by the loop, since we may be in send(). */
static void
deliver(void *argument)
{
	SocketTransfer *transfer = argument;
	KmsDone		done = transfer->done;
	void	   *done_argument = transfer->argument;

	pfree(transfer);
	done(done_argument);
}

static void
finish(SocketTransfer *transfer)
{
	hang_up(transfer);
	loop_timer_start(&transfer->timer, 0, deliver, transfer);
}

static void
fail(SocketTransfer *transfer, KmsFailure failure, const char *text)
{
	kms_reply_lost(transfer->reply, failure, text);
	finish(transfer);
}

static void
time_is_over(void *argument)
{
	fail(argument, KMS_UNREACHABLE, "Timeout was reached");
}

static bool
must_wait(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

static void
read_answer(SocketTransfer *transfer)
{
	KmsReply   *reply = transfer->reply;
	ssize_t		n;

	/* One byte more than there may be is asked for: the NUL has its place. */
	while ((n = recv(transfer->fd, reply->body + reply->body_len,
					 KMS_REPLY_BODY_MAX + 1 - reply->body_len, 0)) > 0)
	{
		reply->body_len += n;
		if (reply->body_len > KMS_REPLY_BODY_MAX)
		{
			OPENSSL_cleanse(reply->body, sizeof(reply->body));
			reply->body_len = 0;
			fail(transfer, KMS_BAD_REPLY, "The answer is too long");
			return;
		}
	}
	if (must_wait(n))
		return;
	if (n < 0)
	{
		fail(transfer, KMS_UNREACHABLE, "The connection was broken");
		return;
	}
	reply->body[reply->body_len] = '\0';
	finish(transfer);
}

static void
write_line(SocketTransfer *transfer)
{
	ssize_t		n = send(transfer->fd, transfer->line + transfer->sent,
						 transfer->line_len - transfer->sent, MSG_NOSIGNAL);

	if (n >= 0)
		transfer->sent += n;
	else if (!must_wait(n))
		fail(transfer, KMS_UNREACHABLE, "The connection was broken");
}

static void
ready(int fd, uint32 epoll_events, void *argument)
{
	SocketTransfer *transfer = argument;

	if (transfer->sent == transfer->line_len)
	{
		read_answer(transfer);
		return;
	}
	write_line(transfer);
	if (transfer->fd >= 0 && transfer->sent == transfer->line_len &&
		!loop_watch(fd, EPOLLIN, ready, transfer))
		fail(transfer, KMS_LOCAL_FAILURE, "Out of memory");
}

/* A Unix socket connects at once, or has no room for another one who waits. */
static bool
dial(SocketTransfer *transfer, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	transfer->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return transfer->fd >= 0 &&
		strlcpy(address.sun_path, path, sizeof(address.sun_path)) < sizeof(address.sun_path) &&
		connect(transfer->fd, (struct sockaddr *) &address, sizeof(address)) == 0;
}

static void *
send_line(void *client, const KmsRequest *request, KmsReply *reply, int timeout_ms,
		  KmsDone done, void *argument)
{
	SocketTransfer *transfer = MemoryContextAllocZero(TopMemoryContext,
													  offsetof(SocketTransfer, line) + request->body_len);

	transfer->reply = reply;
	transfer->done = done;
	transfer->argument = argument;
	transfer->line_len = request->body_len;
	memcpy(transfer->line, request->body, request->body_len);
	kms_reply_init(reply);
	loop_timer_start(&transfer->timer, timeout_ms, time_is_over, transfer);
	if (request->invalid || request->peer != KMS_PEER_HELPER)
	{
		transfer->fd = -1;
		fail(transfer, KMS_LOCAL_FAILURE, "The request is no line to a helper");
	}
	else if (!dial(transfer, request->socket_path))
		fail(transfer, KMS_UNREACHABLE, "Could not connect to it");
	else if (!loop_watch(transfer->fd, EPOLLOUT, ready, transfer))
		fail(transfer, KMS_LOCAL_FAILURE, "Out of memory");
	return transfer;
}

static void
cancel_line(void *argument)
{
	SocketTransfer *transfer = argument;

	loop_timer_stop(&transfer->timer);
	hang_up(transfer);
	pfree(transfer);
}

const KmsTransport kms_over_socket = {
	.send = send_line,
	.cancel = cancel_line,
};
