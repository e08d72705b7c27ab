/*-------------------------------------------------------------------------
 *
 * test_transfers.c
 *	  Many transfers at a time: their ends, their limits, their cancelling.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include "../tap.h"
#include "backend.h"
#include "calls.h"
#include "kms/loop.h"

#define PARALLEL	200
#define CONNECTIONS 16

/* Where a transfer hangs. */
static const struct
{
	const char *host;
	const char *port;
	const char *path;
}			phases[] = {
	{HANGING_HOST, "good", "/plain"},
	{"127.0.0.1", "full", "/plain"},
	{"127.0.0.1", "silent", "/plain"},
	{"127.0.0.1", "good", "/hang"},
	{"127.0.0.1", "good", "/hang_body"},
	{"127.0.0.1", "good", "/drip"},
};

static Call many[PARALLEL];

static void
send_to_phase(Call *call, int phase, HttpClient *client, int timeout_ms)
{
	call_init(call, "GET", phases[phase].host, phases[phase].port, phases[phase].path);
	call_send(call, client, timeout_ms);
}

/*
 * Each hangs in a client of its own, and then in one client, where a third
 * waits for one of two connections.
 */
static void
test_timeouts(void)
{
	HttpClient *clients[lengthof(phases)];
	HttpClient *client = create_client();
	Call		calls[lengthof(phases)];
	int64		started = now_ms();
	int64		took;
	bool		ok = true;

	for (int i = 0; i < lengthof(phases); i++)
	{
		clients[i] = create_client();
		send_to_phase(&calls[i], i, clients[i], SHORT_MS);
	}
	calls_wait(calls, lengthof(phases));
	took = now_ms() - started;
	for (int i = 0; i < lengthof(phases); i++)
	{
		TAP_EACH(ok, calls[i].reply.failure == KMS_UNREACHABLE &&
				 strstr(calls[i].reply.failure_text, "imeout") != NULL,
				 "%s %s%s: %d, %s", phases[i].host, phases[i].port, phases[i].path,
				 calls[i].reply.failure, calls[i].reply.failure_text);
		http_client_free(clients[i]);
	}
	TAP_EACH(ok, took < PROMPT_MS, "it took %d ms", (int) took);
	tap_ok(ok, "a server that hangs, wherever, is left when the time is over");

	started = now_ms();
	for (int i = 0; i < 4; i++)
	{
		call_init(&calls[i], "GET", "127.0.0.1", "good", "/hang");
		call_send(&calls[i], client, SHORT_MS);
	}
	calls_wait(calls, 4);
	ok = true;
	for (int i = 0; i < 4; i++)
		TAP_EACH(ok, calls[i].reply.failure == KMS_UNREACHABLE, "%d", calls[i].reply.failure);
	tap_ok(ok && now_ms() - started < PROMPT_MS, "waiting for a connection is part of the time");
	http_client_free(client);
}

/* The connection's time, not the transfer's. */
static void
test_connect_timeout(void)
{
	CurlOptions options = {
		.ca_file = "ca.pem",
		.connect_timeout_ms = SHORT_MS,
	};
	HttpClient *client = http_client_create(&options, 1);
	int64		started = now_ms();
	Call		call;

	call_get(&call, client, "silent", "/plain", TIMEOUT_MS);
	tap_ok(call.reply.failure == KMS_UNREACHABLE && now_ms() - started < PROMPT_MS,
		   "a connection that is not made in its time is given up");
	http_client_free(client);
}

static bool
nothing_more(void *started)
{
	return now_ms() - *(int64 *) started > 30;
}

/* At once, and some way into each phase. */
static void
test_cancel(void)
{
	int			descriptors = count_descriptors();
	bool		ok = true;

	for (int i = 0; i < lengthof(phases); i++)
	{
		for (int later = 0; later < 2; later++)
		{
			HttpClient *client = create_client();
			int64		started = now_ms();
			Call		call;

			send_to_phase(&call, i, client, TIMEOUT_MS);
			if (later)
				loop_until(nothing_more, &started);
			started = now_ms();
			http_cancel(call.transfer);
			TAP_EACH(ok, now_ms() - started < PROMPT_MS, "%s%s: it took %d ms", phases[i].port,
					 phases[i].path, (int) (now_ms() - started));
			loop_until(nothing_more, &started);
			TAP_EACH(ok, !call.done, "%s%s", phases[i].port, phases[i].path);
			http_client_free(client);
		}
	}
	tap_ok(ok, "a transfer is cancelled in any phase, at once, and its done is not called");

	ok = true;
	for (int i = 0; i < lengthof(phases); i++)
	{
		HttpClient *client = create_client();
		int64		started = now_ms();
		Call		call;

		send_to_phase(&call, i, client, TIMEOUT_MS);
		loop_until(nothing_more, &started);
		started = now_ms();
		http_client_free(client);
		TAP_EACH(ok, now_ms() - started < PROMPT_MS && !call.done, "%s%s", phases[i].port,
				 phases[i].path);
	}
	tap_ok(ok, "so is a client freed");

	/* each cancelled resolution has a pair of sockets until its thread ends */
	resolver_let_go();
	TAP_EACH(ok, count_descriptors() <= descriptors + 8, "%d after %d", count_descriptors(), descriptors);
	tap_ok(ok, "and nothing is left open");
}

/* A done that frees the client, and with it all its other transfers. */
typedef struct Killer
{
	Call		call;
	HttpClient *client;
	HttpTransfer *victim;
	bool		done;
} Killer;

static void
free_client(void *argument)
{
	Killer	   *killer = argument;

	killer->done = true;
	http_client_free(killer->client);
}

static void
cancel_victim(void *argument)
{
	Killer	   *killer = argument;

	killer->done = true;
	http_cancel(killer->victim);
}

static bool
killer_done(void *argument)
{
	return ((Killer *) argument)->done;
}

/* All of them end in one turn of the loop. */
static void
test_done(void)
{
	static const char *const bad_url = "http://127.0.0.1/";
	Killer		killer = {.client = create_client()};
	Call		others[2];
	int64		started;
	bool		ok;

	for (int i = 0; i < lengthof(others); i++)
		call_init(&others[i], "GET", "127.0.0.1", "good", i == 0 ? "/hang" : "/plain");
	http_request_init(&others[1].request, "GET", bad_url);
	call_send(&others[0], killer.client, TIMEOUT_MS);
	call_init(&killer.call, "GET", "127.0.0.1", "good", "/plain");
	http_request_init(&killer.call.request, "GET", bad_url);
	http_send(killer.client, &killer.call.request, &killer.call.reply, TIMEOUT_MS,
			  free_client, &killer);
	call_send(&others[1], killer.client, TIMEOUT_MS);
	loop_until(killer_done, &killer);
	started = now_ms();
	loop_until(nothing_more, &started);
	tap_ok(!others[0].done && !others[1].done, "done may free its client, and the others end with it");

	killer = (Killer)
	{
		.client = create_client()
	};
	call_init(&killer.call, "GET", "127.0.0.1", "good", "/plain");
	http_request_init(&killer.call.request, "GET", bad_url);
	http_send(killer.client, &killer.call.request, &killer.call.reply, TIMEOUT_MS,
			  cancel_victim, &killer);
	call_init(&others[1], "GET", "127.0.0.1", "good", "/plain");
	http_request_init(&others[1].request, "GET", bad_url);
	call_send(&others[1], killer.client, TIMEOUT_MS);
	killer.victim = others[1].transfer;
	loop_until(killer_done, &killer);
	started = now_ms();
	loop_until(nothing_more, &started);
	ok = !others[1].done;
	call_get(&others[0], killer.client, "good", "/plain", TIMEOUT_MS);
	tap_ok(ok && others[0].reply.status == 200, "done may cancel a transfer that is over, too");
	http_client_free(killer.client);
}

static void
test_parallel(void)
{
	HttpClient *client = create_client_with("ca.pem", NULL, NULL, CONNECTIONS);
	CurlOptions patient = {.ca_file = "ca.pem",.connect_timeout_ms = 6 * TIMEOUT_MS};
	HttpClient *hanging = http_client_create(&patient, 2);
	HttpClient *other = create_client();
	int			logged = requests_with("\"target\": \"/slow\"");
	int			before = count_descriptors();
	int			most = 0;
	int64		started;
	Call		hung[lengthof(phases)];
	Call		call;
	bool		ok = true;

	for (int i = 0; i < lengthof(phases); i++)
		send_to_phase(&hung[i], i, hanging, 6 * TIMEOUT_MS);
	for (int i = 0; i < PARALLEL; i++)
	{
		call_init(&many[i], "GET", "127.0.0.1", "good", "/slow");
		call_send(&many[i], client, 6 * TIMEOUT_MS);
	}
	started = now_ms();
	call_get(&call, other, "good", "/plain", TIMEOUT_MS);
	TAP_EACH(ok, call.reply.status == 200, "%s", call.reply.failure_text);
	tap_note("a client beside them had its reply after %d ms", (int) (now_ms() - started));
	most = count_descriptors();
	calls_wait(many, PARALLEL);
	for (int i = 0; i < PARALLEL; i++)
		TAP_EACH(ok, many[i].reply.status == 200 && strcmp(many[i].reply.body, "hello") == 0,
				 "%d: %s", i, many[i].reply.failure_text);
	tap_ok(ok && requests_with("\"target\": \"/slow\"") == logged + PARALLEL,
		   "200 transfers at a time all get their reply, beside servers that hang");
	TAP_EACH(ok, most <= before + CONNECTIONS + 3 * (int) lengthof(phases) + 2,
			 "%d descriptors after %d", most, before);
	tap_ok(ok, "they share the connections that their client may make");
	for (int i = 0; i < lengthof(phases); i++)
		ok = ok && (!hung[i].done || i == lengthof(phases) - 1);
	tap_ok(ok, "and those that hang go on hanging");
	http_client_free(client);
	http_client_free(hanging);
	http_client_free(other);
}

/* Connections of one client are used again, those of another are not. */
static void
test_reuse(void)
{
	static const char *const paths[] = {"/plain?1", "/plain?2", "/plain?3"};
	HttpClient *clients[2] = {create_client(), create_client()};
	Call		call;
	int			first = 0;
	int			second = 0;
	int			third = 0;

	for (int i = 0; i < 3; i++)
		call_get(&call, clients[i / 2], "other", paths[i], TIMEOUT_MS);
	for (int number = 1; number < 10000 && third == 0; number++)
	{
		char		wanted[128];

		snprintf(wanted, sizeof(wanted), "\"connection\": %d, \"method\": \"GET\", \"target\": \"/plain?1\"", number);
		first = requests_with(wanted) ? number : first;
		snprintf(wanted, sizeof(wanted), "\"connection\": %d, \"method\": \"GET\", \"target\": \"/plain?2\"", number);
		second = requests_with(wanted) ? number : second;
		snprintf(wanted, sizeof(wanted), "\"connection\": %d, \"method\": \"GET\", \"target\": \"/plain?3\"", number);
		third = requests_with(wanted) ? number : third;
	}
	tap_ok(first > 0 && first == second && third > 0 && third != first,
		   "a connection serves its client again, and no other");
	http_client_free(clients[0]);
	http_client_free(clients[1]);
}

static void
test_no_memory(void)
{
	HttpClient *client = create_client();
	Call		call;

	epoll_failures = 1000;
	call_get(&call, client, "good", "/plain", TIMEOUT_MS);
	epoll_failures = 0;
	tap_ok(call.reply.failure == KMS_LOCAL_FAILURE, "a socket that cannot be watched fails its transfer");
	call_get(&call, client, "good", "/plain", TIMEOUT_MS);
	tap_ok(call.reply.status == 200, "and the client goes on when it can be");
	http_client_free(client);
}

static void
test_process(void)
{
	HttpClient *client = create_client();
	DIR		   *folder;
	struct dirent *entry;
	sigset_t	mask;
	Call		call;
	bool		ok = true;

	call_init(&call, "GET", LOCAL_HOST, "good", "/plain");
	call_send(&call, client, TIMEOUT_MS);
	calls_wait(&call, 1);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	tap_ok(call.reply.status == 200 && resolver_signals_blocked() && !sigismember(&mask, SIGTERM),
		   "threads of libcurl run with all signals blocked, and we do not");

	folder = opendir("/proc/self/fd");
	while ((entry = readdir(folder)) != NULL)
	{
		int			fd = atoi(entry->d_name);
		struct sockaddr_storage address;
		socklen_t	len = sizeof(address);

		/* libcurl's own pairs, which wake its threads, are inherited */
		if (getsockname(fd, (struct sockaddr *) &address, &len) == 0 &&
			address.ss_family != AF_UNIX)
			TAP_EACH(ok, fcntl(fd, F_GETFD) & FD_CLOEXEC, "descriptor %d", fd);
	}
	closedir(folder);
	tap_ok(ok, "programs inherit no connection");
	http_client_free(client);
}

void
test_transfers(void)
{
	test_timeouts();
	test_connect_timeout();
	test_parallel();
	test_cancel();
	test_done();
	test_reuse();
	test_no_memory();
	test_process();
}
