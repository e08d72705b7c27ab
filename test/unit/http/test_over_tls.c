/*-------------------------------------------------------------------------
 *
 * test_over_tls.c
 *	  Frames over TLS, with the fake KMS at the far end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../tap.h"
#include "backend.h"
#include "base/config.h"
#include "calls.h"
#include "frames_over_tls.h"

static void
test_exchange(void)
{
	void	   *client = tls_client("frames");
	Call		calls[3];
	bool		ok;

	tls_ask(&calls[0], client, "/plain\nwith more", TIMEOUT_MS);
	ok = tls_answered(&calls[0], "hello") && calls[0].reply.status == 0 &&
		calls[0].reply.body_len == 13 && memcmp(calls[0].reply.body, "\x42\0\x7b\1\0\0\0\5", 8) == 0;
	tap_ok(ok && requests_with("\"port\": \"frames\"") == 1 &&
		   requests_with("\"body\": \"/plain\\nwith more\"") == 1, "a frame is sent over TLS, and a frame is read");

	connections_begun = 0;
	tls_ask(&calls[0], client, "/empty", TIMEOUT_MS);
	ok = tls_answered(&calls[0], "");
	tls_ask(&calls[0], client, "/full", TIMEOUT_MS);
	ok = ok && calls[0].reply.failure == KMS_REPLIED && calls[0].reply.body_len == KMS_REPLY_BODY_MAX;
	tls_ask(&calls[0], client, "/plain", TIMEOUT_MS);
	tap_ok(ok && tls_answered(&calls[0], "hello") && connections_begun == 0,
		   "the next ones have the same connection");

	tls_send(&calls[0], client, "/slow", TIMEOUT_MS);
	tls_send(&calls[1], client, "/slow", TIMEOUT_MS);
	tls_send(&calls[2], client, "/slow", TIMEOUT_MS);
	calls_wait(calls, 3);
	for (int i = 0; i < 3; i++)
		ok = ok && tls_answered(&calls[i], "hello");
	tap_ok(ok && connections_begun == 1, "two at a time have two, and a third one waits");
	kms_over_tls.close(client);
}

/* The longest request, and as many at a time as may wait. */
static void
test_load(void)
{
	static Call many[64];
	static char text[KMS_REQUEST_BODY_MAX - 8];
	void	   *client = tls_client_with("127.0.0.1", "frames", "ca.pem", NULL, NULL, 16);
	bool		ok = true;

	memset(text, 'x', sizeof(text));
	memcpy(text, "/plain\n", 7);
	text[		sizeof(text) - 1] = '\0';

	connections_begun = 0;
	for (int i = 0; i < lengthof(many); i++)
		tls_send(&many[i], client, text, TIMEOUT_MS);
	calls_wait(many, lengthof(many));
	for (int i = 0; i < lengthof(many); i++)
		TAP_EACH(ok, tls_answered(&many[i], "hello"), "%d: %s", i, many[i].reply.failure_text);
	tap_ok(ok && connections_begun == 4, "many long ones at a time share four connections");
	kms_over_tls.close(client);
}

/* In one connection of a client nothing is known of the others. */
static void
test_beside(void)
{
	void	   *client = tls_client("frames");
	Call		slow;
	Call		call;
	bool		ok = true;

	tls_send(&slow, client, "/drip", TIMEOUT_MS);
	for (int i = 0; i < 3; i++)
	{
		tls_ask(&call, client, "/last", TIMEOUT_MS);
		TAP_EACH(ok, tls_answered(&call, "hello"), "%s", call.reply.failure_text);
		tls_ask(&call, client, "/reset", TIMEOUT_MS);
		TAP_EACH(ok, call.reply.failure == KMS_UNREACHABLE, "%d", call.reply.failure);
	}
	calls_wait(&slow, 1);
	tap_ok(ok && tls_answered(&slow, "hello"), "others that come and go do one under way no harm");
	kms_over_tls.close(client);
}

typedef struct Case
{
	const char *host;
	const char *port;
	const char *path;
	KmsFailure	failure;
} Case;

static const Case cases[] = {
	{"127.0.0.1", "closed", "/plain", KMS_UNREACHABLE},
	{"nowhere.kms.example", "frames", "/plain", KMS_UNREACHABLE},
	{"127.0.0.1", "frames", "/closed", KMS_UNREACHABLE},
	{"127.0.0.1", "frames", "/cut", KMS_UNREACHABLE},
	{"127.0.0.1", "frames", "/reset", KMS_UNREACHABLE},

	{"127.0.0.1", "expired", "/plain", KMS_UNTRUSTED},
	{"127.0.0.1", "misnamed", "/plain", KMS_UNTRUSTED},
	{"127.0.0.1", "stranger", "/plain", KMS_UNTRUSTED},
	{"127.0.0.1", "old", "/plain", KMS_UNTRUSTED},
	{"127.0.0.1", "plain", "/plain", KMS_UNTRUSTED},

	{"127.0.0.1", "frames", "/too_long", KMS_BAD_REPLY},
	{"127.0.0.1", "frames", "/endless", KMS_BAD_REPLY},
	{"127.0.0.1", "frames", "/shorter", KMS_BAD_REPLY},
	{"127.0.0.1", "frames", "/shorter_cut", KMS_BAD_REPLY},
	{"127.0.0.1", "frames", "/header", KMS_BAD_REPLY},
};

static bool
failed_with(const Call *call, KmsFailure failure)
{
	const KmsReply *reply = &call->reply;

	return reply->failure == failure && reply->failure_text[0] != '\0' &&
		strstr(reply->failure_text, "127.0.0.1") == NULL &&
		reply->status == 0 && reply->body_len == 0 && reply->body[0] == '\0';
}

static void
test_cases(void)
{
	bool		ok = true;

	for (int i = 0; i < lengthof(cases); i++)
	{
		void	   *client = tls_client_with(cases[i].host, cases[i].port, "ca.pem", NULL, NULL, 2);
		Call		call;

		for (int time = 0; time < 2; time++)
		{
			tls_ask(&call, client, cases[i].path, TIMEOUT_MS);
			TAP_EACH(ok, failed_with(&call, cases[i].failure) &&
					 strstr(call.reply.failure_text, "imeout") == NULL, "%s %s%s: %d, %s", cases[i].host,
					 cases[i].port, cases[i].path, call.reply.failure, call.reply.failure_text);
		}
		kms_over_tls.close(client);
	}
	tap_ok(ok, "unreachable, untrusted and senseless servers are told apart");
}

/* A reset overtakes what came before it, or does not. */
static void
test_reset(void)
{
	void	   *client = tls_client("frames");
	Call		call;

	tls_ask(&call, client, "/shorter_reset", TIMEOUT_MS);
	tap_ok(failed_with(&call, KMS_BAD_REPLY) || failed_with(&call, KMS_UNREACHABLE),
		   "half a reply and a reset are none");
	kms_over_tls.close(client);
}

/* The peer ends a connection that is kept, in whatever way, or says more. */
static void
test_kept(void)
{
	static const char *const paths[] = {"/last", "/last_cut", "/last_reset", "/longer"};
	void	   *client = tls_client_with("127.0.0.1", "frames", "ca.pem", NULL, NULL, 1);
	int			descriptors;
	Call		call;
	bool		ok = true;

	tls_ask(&call, client, "/plain", TIMEOUT_MS);
	descriptors = count_descriptors();
	for (int i = 0; i < lengthof(paths); i++)
	{
		tls_ask(&call, client, paths[i], TIMEOUT_MS);
		TAP_EACH(ok, tls_answered(&call, "hello"), "%s: %s", paths[i], call.reply.failure_text);
		tls_ask(&call, client, "/plain", TIMEOUT_MS);
		TAP_EACH(ok, tls_answered(&call, "hello"), "after %s: %s", paths[i], call.reply.failure_text);
	}
	tap_ok(ok && count_descriptors() == descriptors, "a connection that is not fit is not used again");

	tls_ask(&call, client, "/again", TIMEOUT_MS);
	ok = tls_answered(&call, "first");
	tls_ask(&call, client, "/again", TIMEOUT_MS);
	tap_ok(ok && tls_answered(&call, "third"), "a request that was cut off on a kept one is made again");
	tls_ask(&call, client, "/never", TIMEOUT_MS);
	ok = tls_answered(&call, "first");
	tls_ask(&call, client, "/never", TIMEOUT_MS);
	tap_ok(ok && failed_with(&call, KMS_UNREACHABLE) && requests_with("\"target\": \"/never\"") == 3,
		   "but once only");
	kms_over_tls.close(client);
}

/* Where one hangs. */
static const struct
{
	const char *host;
	const char *port;
	const char *path;
}			phases[] = {
	{HANGING_HOST, "frames", "/plain"},
	{"127.0.0.1", "full", "/plain"},
	{"127.0.0.1", "silent", "/plain"},
	{"127.0.0.1", "frames", "/hang"},
	{"127.0.0.1", "frames", "/hang_body"},
	{"127.0.0.1", "frames", "/drip"},
};

static void *
phase_client(int phase)
{
	return tls_client_with(phases[phase].host, phases[phase].port, "ca.pem", NULL, NULL, 1);
}

static void
test_timeouts(void)
{
	void	   *clients[lengthof(phases)];
	Call		calls[lengthof(phases)];
	Call		waiting[lengthof(phases)];
	int64		started = now_ms();
	bool		ok = true;

	resolver_hang();
	for (int i = 0; i < lengthof(phases); i++)
	{
		clients[i] = phase_client(i);
		tls_send(&calls[i], clients[i], phases[i].path, SHORT_MS);
		tls_send(&waiting[i], clients[i], phases[i].path, SHORT_MS);
	}
	calls_wait(calls, lengthof(phases));
	calls_wait(waiting, lengthof(phases));
	for (int i = 0; i < lengthof(phases); i++)
	{
		TAP_EACH(ok, failed_with(&calls[i], KMS_UNREACHABLE) && failed_with(&waiting[i], KMS_UNREACHABLE) &&
				 strstr(calls[i].reply.failure_text, "imeout") != NULL,
				 "%s %s%s: %d, %s", phases[i].host, phases[i].port, phases[i].path,
				 calls[i].reply.failure, calls[i].reply.failure_text);
		kms_over_tls.close(clients[i]);
	}
	TAP_EACH(ok, now_ms() - started < PROMPT_MS, "it took %d ms", (int) (now_ms() - started));
	tap_ok(ok, "a server that hangs, wherever, is left when the time is over");
}

static bool
nothing_more(void *started)
{
	return now_ms() - *(int64 *) started > 30;
}

static void
test_cancels(void)
{
	int			descriptors = count_descriptors();
	bool		ok = true;

	for (int i = 0; i < 4 * lengthof(phases); i++)
	{
		int			phase = i / 4;
		void	   *client = phase_client(phase);
		int64		started = now_ms();
		Call		call;

		tls_send(&call, client, phases[phase].path, TIMEOUT_MS);
		if (i % 2 == 0)
			loop_until(nothing_more, &started);
		started = now_ms();
		if (i % 4 >= 2)
			kms_over_tls.cancel(call.transfer);
		kms_over_tls.close(client);
		TAP_EACH(ok, now_ms() - started < PROMPT_MS, "%s%s: it took %d ms", phases[phase].port,
				 phases[phase].path, (int) (now_ms() - started));
		loop_until(nothing_more, &started);
		TAP_EACH(ok, !call.done, "%s%s", phases[phase].port, phases[phase].path);
	}

	resolver_let_go();

	/* each cancelled resolution has a pair of sockets until its thread ends */
	TAP_EACH(ok, count_descriptors() <= descriptors + 8, "%d after %d", count_descriptors(), descriptors);
	tap_ok(ok, "a request is cancelled in any phase, at once, and nothing is left open");
}

static void
test_files(void)
{
	static const struct
	{
		const char *ca_file;
		const char *cert_file;
		const char *key_file;
		KmsFailure	failure;
	}			files[] = {
		{"ca.pem", "client.pem", "client.key", KMS_REPLIED},
		{"other_ca.pem", NULL, NULL, KMS_UNTRUSTED},
		{"missing.pem", NULL, NULL, KMS_LOCAL_FAILURE},
		{"ca.pem", "missing.pem", "client.key", KMS_LOCAL_FAILURE},
		{"ca.pem", "client.pem", "missing.key", KMS_LOCAL_FAILURE},
		{"ca.pem", "client.pem", "locked.key", KMS_LOCAL_FAILURE},
		{"fifo", NULL, NULL, KMS_LOCAL_FAILURE},
	};
	void	   *client;
	Call		call;
	bool		ok = true;

	ca_folders_loaded = 0;
	for (int i = 0; i < lengthof(files); i++)
	{
		client = tls_client_with("localhost", "frames_mutual", files[i].ca_file, files[i].cert_file,
								 files[i].key_file, 1);
		tls_ask(&call, client, "/plain", TIMEOUT_MS);
		TAP_EACH(ok, files[i].failure == KMS_REPLIED ? tls_answered(&call, "hello") :
				 failed_with(&call, files[i].failure),
				 "%s %s %s: %d, %s", files[i].ca_file, files[i].cert_file, files[i].key_file,
				 call.reply.failure, call.reply.failure_text);
		kms_over_tls.close(client);
	}
	tap_ok(ok && ca_folders_loaded == 0 &&
		   requests_with("\"port\": \"frames_mutual\"") == 1 &&
		   requests_with("\"method\": \"FRAME\", \"target\": \"/plain\", \"headers\": {}, \"body\": \"/plain\", \"client\": \"client\"") == 1,
		   "a server's files are used as given");

	client = tls_client_with("localhost", "frames_mutual", "ca.pem", NULL, NULL, 1);
	tls_ask(&call, client, "/plain", TIMEOUT_MS);
	tap_ok(failed_with(&call, KMS_UNTRUSTED) || failed_with(&call, KMS_UNREACHABLE),
		   "a server that wants our certificate is no failure of ours");
	kms_over_tls.close(client);
}

static void
test_addresses(void)
{
	static const char *const hosts[] = {"127.0.0.1", "localhost", LOCAL_HOST, MAPPED_HOST, "2130706433"};
	static const struct
	{
		const char *address;
		int			port;
	}			addresses[] = {
		{"127.0.0.1", 5696}, {"127.0.0.1:5697", 5697}, {"[::1]", 5696}, {"[::1]:5698", 5698},
		{LOCAL_HOST, 5696},
	};
	void	   *client;
	Call		call;
	bool		ok = true;

	for (int i = 0; i < lengthof(addresses); i++)
	{
		client = tls_client_at(addresses[i].address, "ca.pem", NULL, NULL, 1);
		port_connected = 0;
		tls_ask(&call, client, "/plain", TIMEOUT_MS);
		TAP_EACH(ok, failed_with(&call, KMS_UNREACHABLE) && port_connected == addresses[i].port,
				 "%s: %d, %s, %d", addresses[i].address, call.reply.failure, call.reply.failure_text, port_connected);
		kms_over_tls.close(client);
	}
	tap_ok(ok, "the port is KMIP's unless another one is named");

	config_allow_local_kms = false;
	connections_begun = 0;
	for (int i = 0; i < lengthof(hosts); i++)
	{
		client = tls_client_with(hosts[i], "frames", "ca.pem", NULL, NULL, 1);
		tls_ask(&call, client, "/plain", TIMEOUT_MS);
		TAP_EACH(ok, failed_with(&call, KMS_FORBIDDEN_ADDRESS), "%s: %d, %s", hosts[i],
				 call.reply.failure, call.reply.failure_text);
		kms_over_tls.close(client);
	}
	config_allow_local_kms = true;
	tap_ok(ok && connections_begun == 0, "no forbidden address is asked, whatever a name resolves to");
}

static void
test_process(void)
{
	void	   *client = tls_client_with(LOCAL_HOST, "frames", "ca.pem", NULL, NULL, 1);
	struct sockaddr_storage address;
	socklen_t	len;
	sigset_t	mask;
	Call		call;
	bool		ok = true;
	int			connections = 0;

	tls_ask(&call, client, "/plain", TIMEOUT_MS);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	tap_ok(tls_answered(&call, "hello") && resolver_signals_blocked() && !sigismember(&mask, SIGTERM),
		   "threads of libcurl run with all signals blocked, and we do not");
	for (int fd = 0; fd < 256; fd++)
	{
		len = sizeof(address);
		if (getsockname(fd, (struct sockaddr *) &address, &len) == 0 && address.ss_family != AF_UNIX)
		{
			connections++;
			TAP_EACH(ok, fcntl(fd, F_GETFD) & FD_CLOEXEC, "descriptor %d", fd);
		}
	}
	tap_ok(ok && connections == 1, "programs inherit no connection");
	kms_over_tls.close(client);
}

static void
test_no_memory(void)
{
	void	   *client = tls_client("frames");
	Call		call;
	bool		ok = true;

	/* of libcurl's own watches, then of ours */
	for (int i = 1; i < 5; i++)
	{
		epoll_failures = i;
		tls_ask(&call, client, "/plain", TIMEOUT_MS);
		TAP_EACH(ok, epoll_failures == 0 ? failed_with(&call, KMS_LOCAL_FAILURE) :
				 call.reply.failure == KMS_LOCAL_FAILURE, "%d: %d, %s", i, call.reply.failure,
				 call.reply.failure_text);
		epoll_failures = 0;
		tls_ask(&call, client, "/plain", TIMEOUT_MS);
		TAP_EACH(ok, tls_answered(&call, "hello"), "after %d: %s", i, call.reply.failure_text);
		tls_ask(&call, client, "/last", TIMEOUT_MS);
	}
	tap_ok(ok, "a socket that cannot be watched fails its request, and the next one goes on");
	kms_over_tls.close(client);
}

void
test_over_tls(void)
{
	test_exchange();
	test_load();
	test_beside();
	test_cases();
	test_reset();
	test_kept();
	test_timeouts();
	test_cancels();
	test_files();
	test_addresses();
	test_process();
	test_no_memory();
}
