/*-------------------------------------------------------------------------
 *
 * kms_over_helper.c
 *	  The transport of the provider pkcs11: a helper process for each server,
 *	  and a socket pair between it and us.
 *
 * The helper is started by the first request and gets one at a time.  A module
 * that hangs cannot be interrupted: when a request runs out of time, or is
 * cancelled, frames.c closes the stream, and that kills the helper.  One that
 * has ended is started anew, at most once in a second.
 *
 * It is spawned and never forked: nothing of our memory, where keys are, is in
 * it at any time.  It has a process group of its own, so that signals to ours
 * do not reach it and that its module's own processes end with it.
 *
 * It is our child, to be waited for.  One that did not is left to whatever is
 * process 1; where that is the postmaster, in a container, it would take the
 * signal that ended it for a crash of the server.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "kms/frames.h"
#include "kms/kms_pkcs11.h"
#include "kms/kms_transport.h"
#include "kms/loop.h"
#include "miscadmin.h"
#include "storage/ipc.h"

#define PROGRAM				"bionic_crypt_pkcs11"
#define START_PAUSE_MS		1000	/* from one start to the next */
#define REAP_PAUSE_MS		50
#define REAP_AT_EXIT_MS		2000	/* the kernel may not let go of one */

/* A client of this transport. */
typedef struct Helper
{
	const KmsServer *server;
	FrameClient *frames;
	uint64		started;		/* the last process; 0: none was */
} Helper;

/* A process: a stream of frames, then what is to be waited for. */
typedef struct HelperProcess
{
	dlist_node	node;			/* in the list of those that run or end */
	const Helper *helper;		/* NULL: it is ending */
	pid_t		pid;			/* 0: it could not be started */
	int			fd;
	LoopTimer	timer;
} HelperProcess;

/* This process's helpers, until they were waited for. */
static dlist_head processes = DLIST_STATIC_INIT(processes);

static void end_all(int code, Datum argument);

static bool
describe_spawn(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, int fd)
{
	sigset_t	none;
	sigset_t	all;

	sigemptyset(&none);
	sigfillset(&all);

	/* What a module says could be a PIN: nobody hears it. */
	return posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDWR, 0) == 0 &&
		posix_spawn_file_actions_adddup2(actions, 0, 1) == 0 &&
		posix_spawn_file_actions_adddup2(actions, 0, 2) == 0 &&
		posix_spawn_file_actions_adddup2(actions, fd, PKCS11_HELPER_FD) == 0 &&
		posix_spawnattr_setpgroup(attributes, 0) == 0 &&
		posix_spawnattr_setsigmask(attributes, &none) == 0 &&
		posix_spawnattr_setsigdefault(attributes, &all) == 0 &&
		posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP |
								 POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) == 0;
}

/* With the server's environment, where modules look for their configuration. */
static pid_t
spawn(const char *module, int fd)
{
	char		path[MAXPGPATH + sizeof(PROGRAM) + 1];
	char	   *arguments[] = {path, unconstify(char *, module), NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	pid_t		pid = 0;

	snprintf(path, sizeof(path), "%s/%s", pkglib_path, PROGRAM);
	if (posix_spawn_file_actions_init(&actions) != 0)
		return 0;
	if (posix_spawnattr_init(&attributes) == 0)
	{
		if (!describe_spawn(&actions, &attributes, fd) ||
			posix_spawn(&pid, path, &actions, &attributes, arguments, environ) != 0)
			pid = 0;
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

static bool
start_process(Helper *helper, HelperProcess *process)
{
	int			ends[2];

	helper->started = clock_now_ns();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return false;
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
		process->pid = spawn(kms_option(helper->server, PKCS11_MODULE_OPTION), ends[1]);
	close(ends[1]);
	if (process->pid == 0)
	{
		close(ends[0]);
		return false;
	}
	process->fd = ends[0];
	dlist_push_tail(&processes, &process->node);
	return true;
}

static void *
open_stream(void *endpoint, FrameConnection *connection)
{
	Helper	   *helper = endpoint;
	HelperProcess *process = calloc(1, sizeof(HelperProcess));

	if (process == NULL)
		return NULL;
	process->helper = helper;
	if (!pkcs11_module_is_allowed(helper->server))
		frame_stream_failed(connection, KMS_FORBIDDEN_ADDRESS, "its module is not allowed");
	else if (helper->started != 0 &&
			 clock_now_ns() < helper->started + START_PAUSE_MS * NS_IN_MS)
		frame_stream_failed(connection, KMS_UNREACHABLE, "its helper process was started a moment ago, and has ended");
	else if (!start_process(helper, process))
		frame_stream_failed(connection, KMS_LOCAL_FAILURE, "its helper process could not be started");
	else
		frame_stream_opened(connection, process->fd);
	return process;
}

/* Whether what came of a call is to be waited for; *n is then 0. */
static bool
would_wait(ssize_t *n)
{
	if (*n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
		return false;
	*n = 0;
	return true;
}

static bool
read_stream(void *stream, uint8 *data, Size size, Size *len)
{
	HelperProcess *process = stream;
	ssize_t		n = recv(process->fd, data, size, 0);

	if (!would_wait(&n) && n <= 0)
		return false;
	*len = (Size) n;
	return true;
}

/*
 * A module that was taken out of the list gets nothing more: the stream ends,
 * and cannot be opened anew.
 */
static bool
write_stream(void *stream, const uint8 *data, Size size, Size *len)
{
	HelperProcess *process = stream;
	ssize_t		n;

	if (!pkcs11_module_is_allowed(process->helper->server))
		return false;
	n = send(process->fd, data, size, MSG_NOSIGNAL);
	if (!would_wait(&n) && n < 0)
		return false;
	*len = (Size) n;
	return true;
}

static void
reap(void *argument)
{
	HelperProcess *process = argument;

	if (waitpid(process->pid, NULL, WNOHANG) == 0)
	{
		loop_timer_start(&process->timer, REAP_PAUSE_MS, reap, process);
		return;
	}
	dlist_delete(&process->node);
	free(process);
}

static void
close_stream(void *stream)
{
	HelperProcess *process = stream;

	if (process->pid == 0)
	{
		free(process);
		return;
	}
	process->helper = NULL;
	(void) kill(-process->pid, SIGKILL);
	close(process->fd);
	reap(process);
}

/* When we end in order; else the kernel ends them with us. */
static void
end_all(int code, Datum argument)
{
	uint64		deadline = clock_now_ns() + REAP_AT_EXIT_MS * NS_IN_MS;
	dlist_iter	iter;

	dlist_foreach(iter, &processes)
		(void) kill(-dlist_container(HelperProcess, node, iter.cur)->pid, SIGKILL);
	dlist_foreach(iter, &processes)
	{
		pid_t		pid = dlist_container(HelperProcess, node, iter.cur)->pid;

		while (waitpid(pid, NULL, WNOHANG) == 0 && clock_now_ns() < deadline)
			pg_usleep(1000);
	}
}

static const FrameStreamKind helper_stream = {
	.open = open_stream,
	.read = read_stream,
	.write = write_stream,
	.close = close_stream,
};

static void *
open_server(const KmsServer *server, int places, KmsError *error)
{
	static bool ends_with_us = false;
	Helper	   *helper = calloc(1, sizeof(Helper));
	FrameOptions options = {
		.kind = &helper_stream,
		.endpoint = helper,
		.max_connections = 1,
	};

	if (!ends_with_us)
		on_proc_exit(end_all, 0);
	ends_with_us = true;
	if (helper != NULL)
	{
		helper->server = server;
		helper->frames = frame_client_create(&options);
		if (helper->frames != NULL)
			return helper;
		free(helper);
	}
	kms_fail(error, KMS_UNAVAILABLE, "", "There is no memory for its helper.");
	return NULL;
}

static void
close_server(void *client)
{
	Helper	   *helper = client;

	frame_client_free(helper->frames);
	free(helper);
}

static void *
send_request(void *client, const KmsRequest *request, KmsReply *reply, int timeout_ms,
			 KmsDone done, void *argument)
{
	Helper	   *helper = client;

	return frame_send(helper->frames, request, reply, timeout_ms, done, argument);
}

static void
cancel_transfer(void *transfer)
{
	frame_cancel(transfer);
}

const KmsTransport kms_over_helper = {
	.open = open_server,
	.close = close_server,
	.send = send_request,
	.cancel = cancel_transfer,
};
