/*-------------------------------------------------------------------------
 *
 * loop.c
 *	  The key worker's event loop for sockets and timers.
 *
 * libcurl's callbacks call in here, so nothing raises errors after
 * loop_init(), and memory is malloc's.
 *
 * A callback may forget a descriptor for which an event was fetched already,
 * and the next one may get its number.  Each watch has a serial, which the
 * kernel gives back with the event: events of an older one are dropped.
 * libcurl closes some descriptors before it forgets them, and so their number
 * may be another's by then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "base/clock.h"
#include "kms/loop.h"

#define EVENTS_MAX		64		/* fetched at a time; the rest the next time */
#define WATCHES_FIRST	64

typedef struct Watch
{
	uint32		serial;
	uint32		events;			/* what is waited for */
	LoopReady	ready;			/* NULL: it is not watched */
	void	   *argument;
} Watch;

/* This process's loop, made by loop_init(). */
static int	epoll_fd = -1;
static Watch *watches;			/* by descriptor */
static int	n_watches;
static uint32 last_serial;
static dlist_head running_timers = DLIST_STATIC_INIT(running_timers);
static dlist_head due_timers = DLIST_STATIC_INIT(due_timers);

void
loop_init(void)
{
	Assert(epoll_fd < 0);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create an event loop: %m")));
}

int
loop_fd(void)
{
	return epoll_fd;
}

static bool
make_room(int fd)
{
	int			n = Max(n_watches, WATCHES_FIRST);
	Watch	   *grown;

	while (n <= fd)
		n *= 2;
	if (n == n_watches)
		return true;
	grown = realloc(watches, n * sizeof(Watch));
	if (grown == NULL)
		return false;
	memset(grown + n_watches, 0, (n - n_watches) * sizeof(Watch));
	watches = grown;
	n_watches = n;
	return true;
}

static Watch *
find_watch(int fd)
{
	return fd >= 0 && fd < n_watches && watches[fd].ready != NULL ? &watches[fd] : NULL;
}

static bool
control(int operation, int fd, uint32 epoll_events, uint32 serial)
{
	struct epoll_event event = {
		.events = epoll_events,
		.data.u64 = (uint64) serial << 32 | (uint32) fd,
	};

	return epoll_ctl(epoll_fd, operation, fd, &event) == 0;
}

bool
loop_watch(int fd, uint32 epoll_events, LoopReady ready, void *argument)
{
	Watch	   *watch = find_watch(fd);
	uint32		serial;

	if (watch != NULL && control(EPOLL_CTL_MOD, fd, epoll_events, watch->serial))
		serial = watch->serial;
	else
	{
		/* Not known to the kernel: it was closed, and is another one now. */
		if (watch != NULL && errno != ENOENT)
			return false;
		serial = ++last_serial;
		if (!make_room(fd) || !control(EPOLL_CTL_ADD, fd, epoll_events, serial))
			return false;
	}
	watches[fd] = (Watch)
	{
		serial, epoll_events, ready, argument
	};
	return true;
}

/* The kernel has forgotten what was closed, and another may have its number. */
void
loop_forget(int fd, void *argument)
{
	Watch	   *watch = find_watch(fd);

	if (watch == NULL || watch->argument != argument)
		return;
	watch->ready = NULL;
	(void) control(EPOLL_CTL_DEL, fd, 0, 0);
}

void
loop_timer_start(LoopTimer *timer, int64 ms, LoopDue due, void *argument)
{
	loop_timer_stop(timer);
	timer->running = true;
	timer->due_ns = clock_now_ns() + Max(ms, 0) * NS_IN_MS;
	timer->callback = due;
	timer->argument = argument;
	dlist_push_tail(&running_timers, &timer->node);
}

void
loop_timer_stop(LoopTimer *timer)
{
	if (timer->running)
		dlist_delete(&timer->node);
	timer->running = false;
}

static void
call_ready(const struct epoll_event *event)
{
	int			fd = (int) (uint32) event->data.u64;
	Watch	   *watch = find_watch(fd);
	uint32		events;

	if (watch == NULL || watch->serial != event->data.u64 >> 32)
		return;
	events = event->events & (watch->events | EPOLLERR | EPOLLHUP);
	if (events != 0)
		watch->ready(fd, events, watch->argument);
}

/*
 * Those due are put aside first: a callback may stop any of them, also one
 * that is due, and start them anew.
 */
static void
call_due(void)
{
	uint64		now = clock_now_ns();
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &running_timers)
	{
		LoopTimer  *timer = dlist_container(LoopTimer, node, iter.cur);

		if (timer->due_ns <= now)
		{
			dlist_delete(&timer->node);
			dlist_push_tail(&due_timers, &timer->node);
		}
	}
	while (!dlist_is_empty(&due_timers))
	{
		LoopTimer  *timer = dlist_head_element(LoopTimer, node, &due_timers);

		loop_timer_stop(timer);
		timer->callback(timer->argument);
	}
}

void
loop_run(void)
{
	struct epoll_event events[EVENTS_MAX];
	int			n = epoll_wait(epoll_fd, events, lengthof(events), 0);

	for (int i = 0; i < n; i++)
		call_ready(&events[i]);
	call_due();
}

long
loop_timeout_ms(long limit_ms)
{
	uint64		now = clock_now_ns();
	uint64		limit_ns = now + limit_ms * NS_IN_MS;
	uint64		next = limit_ns;
	dlist_iter	iter;

	dlist_foreach(iter, &running_timers)
		next = Min(next, dlist_container(LoopTimer, node, iter.cur)->due_ns);
	return next <= now ? 0 : (long) ((next - now + NS_IN_MS - 1) / NS_IN_MS);
}
