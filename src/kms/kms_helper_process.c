/*-------------------------------------------------------------------------
 *
 * kms_helper_process.c
 *	  Helper processes of the provider pkcs11, as streams of frames.
 *
 * They are spawned and never forked: nothing of our memory, where keys are, is
 * in one at any time.  Each has a process group of its own, so that signals to
 * ours do not reach it, and that what its module has started is killed with
 * it.
 *
 * All of that group must be waited for by us.  What nobody waits for is left to
 * process 1; where that is the postmaster, in a container, it would take the
 * signal that ended it for a crash of the server.  So orphans of helpers
 * become children of ours (PR_SET_CHILD_SUBREAPER), and those that left the
 * group are collected when they end.  When we are killed ourselves the server
 * starts anew in any case.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "kms/kms_helper_process.h"
#include "kms/kms_pkcs11.h"
#include "kms/loop.h"
#include "miscadmin.h"
#include "storage/ipc.h"

#define PROGRAM				"bionic_crypt_pkcs11"
#define START_PAUSE_MS		1000	/* from one start to the next */
#define REAP_PAUSE_MS		50
#define REAP_AT_EXIT_MS		2000	/* the kernel may not let go of one */

/* A process: a stream of frames, then what is to be waited for. */
typedef struct HelperProcess
{
	dlist_node	node;			/* in the list of those that run or end */
	const HelperSeat *seat;		/* NULL: it is ending */
	pid_t		pid;			/* 0: it could not be started */
	int			fd;
	LoopTimer	timer;
} HelperProcess;

/* This process's helpers, until they were waited for. */
static dlist_head processes = DLIST_STATIC_INIT(processes);

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

/* It is beside our library, which need not be in the server's folder of them. */
static bool
find_program(char path[MAXPGPATH])
{
	Dl_info		library;

	if (dladdr(&processes, &library) == 0)
		return false;
	strlcpy(path, library.dli_fname, MAXPGPATH);
	get_parent_directory(path);
	return strlcat(path, "/" PROGRAM, MAXPGPATH) < MAXPGPATH;
}

/*
 * With the server's environment, where modules look for their configuration.
 * It is told who we are, to see that we have not died meanwhile.
 */
static pid_t
spawn(const char *module, int fd)
{
	char		path[MAXPGPATH];
	char		parent[16];
	char	   *arguments[] = {path, unconstify(char *, module), parent, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	pid_t		pid = 0;

	snprintf(parent, sizeof(parent), "%d", (int) getpid());
	if (!find_program(path) || posix_spawn_file_actions_init(&actions) != 0)
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
start_process(HelperSeat *seat, HelperProcess *process)
{
	int			ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return false;
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
		process->pid = spawn(kms_option(seat->server, PKCS11_MODULE_OPTION), ends[1]);
	close(ends[1]);
	if (process->pid == 0)
	{
		close(ends[0]);
		return false;
	}
	process->fd = ends[0];
	seat->started = clock_now_ns();
	dlist_push_tail(&processes, &process->node);
	return true;
}

/* Whether it is a helper whose stream is open: its group is to be killed yet. */
static bool
is_open(pid_t pid)
{
	dlist_iter	iter;

	dlist_foreach(iter, &processes)
	{
		const HelperProcess *process = dlist_container(HelperProcess, node, iter.cur);

		if (process->pid == pid && process->seat != NULL)
			return true;
	}
	return false;
}

/*
 * Orphans that have left their helper's group.  A helper that has just ended is
 * left alone until its stream is closed, since its number stays its own as
 * long as nobody has waited for it.
 */
static void
collect_strays(void)
{
	siginfo_t	ended = {0};

	while (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		   ended.si_pid != 0 && !is_open(ended.si_pid))
	{
		(void) waitpid(ended.si_pid, NULL, WNOHANG);
		ended.si_pid = 0;
	}
}

static void *
open_stream(void *endpoint, FrameConnection *connection)
{
	HelperSeat *seat = endpoint;
	HelperProcess *process = calloc(1, sizeof(HelperProcess));

	collect_strays();
	if (process == NULL)
		return NULL;
	process->seat = seat;
	if (!pkcs11_module_is_allowed(seat->server))
		frame_stream_failed(connection, KMS_FORBIDDEN_ADDRESS, "its module is not allowed");
	else if (seat->started != 0 &&
			 clock_now_ns() < seat->started + START_PAUSE_MS * NS_IN_MS)
		frame_stream_failed(connection, KMS_UNREACHABLE, "its helper process was started a moment ago, and has ended");
	else if (!start_process(seat, process))
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

/* Nobody has waited for it yet. */
static bool
has_ended(const HelperProcess *process)
{
	siginfo_t	ended = {0};

	return waitid(P_PID, process->pid, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 ||
		ended.si_pid != 0;
}

/*
 * The end of a helper shows as the end of the stream, unless its module has
 * started another process, which has our socket too.
 */
static bool
read_stream(void *stream, uint8 *data, Size size, Size *len)
{
	HelperProcess *process = stream;
	/* before, since it may have said something at its end */
	bool		ended = has_ended(process);
	ssize_t		n = recv(process->fd, data, size, 0);

	if (would_wait(&n) ? ended : n <= 0)
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

	collect_strays();
	if (!pkcs11_module_is_allowed(process->seat->server))
		return false;
	n = send(process->fd, data, size, MSG_NOSIGNAL);
	if (!would_wait(&n) && n < 0)
		return false;
	*len = (Size) n;
	return true;
}

/* Whether all of its group, that are our children by then, were waited for. */
static bool
is_gone(const HelperProcess *process)
{
	pid_t		pid;

	do
		pid = waitpid(-process->pid, NULL, WNOHANG);
	while (pid > 0);
	return pid < 0;
}

static void
reap(void *argument)
{
	HelperProcess *process = argument;

	if (is_gone(process))
	{
		dlist_delete(&process->node);
		free(process);
		collect_strays();
	}
	else
		loop_timer_start(&process->timer, REAP_PAUSE_MS, reap, process);
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
	process->seat = NULL;
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
		while (!is_gone(dlist_container(HelperProcess, node, iter.cur)) &&
			   clock_now_ns() < deadline)
			pg_usleep(1000);
	}
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;						/* what has left its group, and ended */
}

const FrameStreamKind helper_process_stream = {
	.open = open_stream,
	.read = read_stream,
	.write = write_stream,
	.close = close_stream,
};

void
helper_processes_init(void)
{
	static bool ends_with_us = false;

	if (ends_with_us)
		return;
	(void) prctl(PR_SET_CHILD_SUBREAPER, 1);
	on_proc_exit(end_all, 0);
	ends_with_us = true;
}
