/*-------------------------------------------------------------------------
 *
 * test_loop.c
 *	  The event loop, with pipes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "../tap.h"
#include "backend.h"
#include "calls.h"
#include "kms/loop.h"

static int	calls;
static int	other_fd;
static LoopTimer timers[3];
static char order[8];

static void
count_call(int fd, uint32 events, void *argument)
{
	calls++;
}

static void
fail_call(int fd, uint32 events, void *argument)
{
	calls += 1000;
}

static bool
readable(void)
{
	struct pollfd ready = {.fd = loop_fd(),.events = POLLIN};

	return poll(&ready, 1, 0) == 1;
}

static void
make_pipe(int fds[2])
{
	if (pipe(fds) != 0 || write(fds[1], "x", 1) != 1)
		abort();
}

static void
close_pipe(int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

/*
 * Whichever of two is called first closes the other, and puts a third in its
 * place, with the same number.
 */
static void
replace_other(int fd, uint32 events, void *argument)
{
	int		   *pair = argument;
	int			other = fd == pair[0] ? pair[1] : pair[0];

	calls++;
	loop_forget(fd, pair);
	loop_forget(other, pair);
	if (dup2(other_fd, other) != other || !loop_watch(other, EPOLLIN, fail_call, NULL))
		abort();
}

static void
test_sockets(void)
{
	int			a[2];
	int			b[2];
	int			c[2];
	int			quiet[2];
	int			pair[2];

	make_pipe(a);
	make_pipe(b);
	make_pipe(c);
	if (pipe(quiet) != 0)
		abort();
	other_fd = quiet[0];

	calls = 0;
	if (!loop_watch(a[0], EPOLLIN, count_call, NULL))
		abort();
	tap_ok(readable(), "the loop's descriptor is readable when it has something to do");
	loop_run();
	loop_watch(a[0], EPOLLOUT, fail_call, NULL);
	loop_run();
	loop_watch(a[0], EPOLLIN, count_call, NULL);
	loop_run();
	loop_forget(a[0], NULL);
	loop_forget(a[0], NULL);
	loop_forget(-1, NULL);
	loop_forget(100000, NULL);
	loop_run();
	tap_ok(calls == 2 && !readable(), "what is watched can be changed and forgotten");

	calls = 0;
	pair[0] = a[0];
	pair[1] = b[0];
	loop_watch(a[0], EPOLLIN, replace_other, pair);
	loop_watch(b[0], EPOLLIN, replace_other, pair);
	loop_run();
	tap_ok(calls == 1, "an event of a descriptor that was closed is not the next one's");
	loop_forget(a[0], NULL);
	loop_forget(b[0], NULL);

	/* what libcurl does */
	calls = 0;
	loop_watch(a[0], EPOLLIN, fail_call, &calls);
	close(a[0]);
	if (dup2(c[0], a[0]) != a[0] || !loop_watch(a[0], EPOLLIN, count_call, pair))
		abort();
	loop_forget(a[0], &calls);
	loop_run();
	tap_ok(calls == 1, "a descriptor that was closed, and is another's now, is the other's");
	loop_forget(a[0], pair);

	epoll_failures = 1;
	calls = 0;
	tap_ok(!loop_watch(a[0], EPOLLIN, fail_call, NULL) &&
		   loop_watch(a[0], EPOLLIN, count_call, NULL),
		   "a watch that fails is told of, and leaves nothing behind");
	loop_forget(a[0], NULL);
	tap_ok(fcntl(loop_fd(), F_GETFD) & FD_CLOEXEC, "programs do not inherit the loop");
	close_pipe(a);
	close_pipe(b);
	close_pipe(c);
	close_pipe(quiet);
}

static void
note_order(void *argument)
{
	strlcat(order, argument, sizeof(order));
}

static void
stop_others(void *argument)
{
	note_order(argument);
	loop_timer_stop(&timers[1]);
	loop_timer_start(&timers[2], 100000, note_order, "c");
}

static void
start_again(void *argument)
{
	strlcat(order, "r", sizeof(order));
	loop_timer_start(argument, 0, start_again, argument);
}

static bool
order_is(void *argument)
{
	return strcmp(order, argument) == 0;
}

static void
test_timers(void)
{
	long		timeout;
	int64		started = now_ms();

	loop_timer_start(&timers[0], 40, note_order, "b");
	loop_timer_start(&timers[1], 20, note_order, "a");
	timeout = loop_timeout_ms(1000);
	loop_run();
	tap_ok(timeout > 10 && timeout <= 20 && loop_timeout_ms(5) == 5 && order[0] == '\0',
		   "the loop tells when the next timer is due, and calls none before");
	loop_until(order_is, "ab");
	/* a tick of the coarse clock early at most */
	tap_ok(now_ms() - started >= 35 && loop_timeout_ms(1000) == 1000,
		   "timers are called when due, once");

	order[0] = '\0';
	loop_timer_start(&timers[0], 0, note_order, "a");
	loop_timer_start(&timers[1], 0, note_order, "b");
	loop_run();
	tap_ok(strcmp(order, "ab") == 0, "all that are due are called");

	order[0] = '\0';
	loop_timer_start(&timers[0], 0, stop_others, "a");
	loop_timer_start(&timers[1], 0, note_order, "b");
	loop_timer_start(&timers[2], 0, note_order, "c");
	loop_run();
	tap_ok(strcmp(order, "a") == 0, "a timer may stop and move others that are due");
	loop_timer_stop(&timers[2]);
	loop_timer_stop(&timers[2]);

	order[0] = '\0';
	loop_timer_start(&timers[0], -5, start_again, &timers[0]);
	loop_run();
	tap_ok(strcmp(order, "r") == 0 && loop_timeout_ms(1000) == 0,
		   "a timer that starts itself anew is left for the next time");
	loop_timer_stop(&timers[0]);
}

void
test_loop(void)
{
	test_sockets();
	test_timers();
}
