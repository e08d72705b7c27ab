/*-------------------------------------------------------------------------
 *
 * test_machine.c
 *	  Requests to what is on this machine: loopback, Unix sockets, helpers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../tap.h"
#include "backend.h"
#include "base/config.h"
#include "calls.h"
#include "kms/kms_address.h"

#define SOCKET_PATH "of_this_machine"

/* What a listener does with who comes. */
typedef enum Manner
{
	SAYS,						/* reads, answers, hangs up */
	KEEPS,						/* reads, answers, waits for more */
	ECHOES,						/* answers what it read */
	HANGS,
	FLOODS
} Manner;

static pid_t
listener_start(Manner manner, const char *says)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX,.sun_path = SOCKET_PATH};
	int			listener = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t		child;

	unlink(SOCKET_PATH);
	if (bind(listener, (struct sockaddr *) &address, sizeof(address)) != 0 ||
		listen(listener, 8) != 0 || (child = fork()) < 0)
		abort();
	while (child == 0)
	{
		int			client = accept(listener, NULL, NULL);
		char		heard[4096];
		ssize_t		n = manner == HANGS ? 0 : read(client, heard, sizeof(heard));

		if (manner == HANGS)
			continue;
		if (manner == ECHOES && write(client, heard, n) != n)
			_exit(1);
		if ((manner == SAYS || manner == KEEPS) && write(client, says, strlen(says)) < 0)
			_exit(1);
		while (manner == FLOODS && write(client, heard, sizeof(heard)) > 0)
			 /* until who asked has had enough */ ;
		if (manner != KEEPS)
			close(client);
	}
	close(listener);
	return child;
}

static void
listener_stop(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	unlink(SOCKET_PATH);
}

static void
ask(Call *call, HttpClient *client)
{
	memset(call, 0, sizeof(*call));
	http_request_socket(&call->request, "POST", "http://localhost/v1/token", SOCKET_PATH);
	http_request_header(&call->request, "Content-Type", "application/json");
	kms_request_body(&call->request, bytes_of_string("{}"));
	call_send(call, client, TIMEOUT_MS);
	calls_wait(call, 1);
}

static void
test_socket(HttpClient *client)
{
	pid_t		child = listener_start(KEEPS, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\na.b.c");
	int			before = count_descriptors();
	Call		call;
	bool		ok;

	config_allow_local_kms = false;
	ask(&call, client);
	ok = call.reply.status == 200 && strcmp(call.reply.body, "a.b.c") == 0;
	ask(&call, client);
	tap_ok(ok && call.reply.status == 200 && count_descriptors() == before,
		   "HTTP goes through a Unix socket, and no connection is kept");
	listener_stop(child);
	ask(&call, client);
	tap_ok(call.reply.failure == KMS_UNREACHABLE, "where nobody listens, nobody answers");
	config_allow_local_kms = true;
}

static void
test_loopback(HttpClient *client)
{
	static const char *const hosts[] = {
		"10.0.0.1", "8.8.8.8", "0.0.0.0", "[::ffff:127.0.0.1]", METADATA_HOST, "[2606:4700::1111]",
	};
	char		url[HTTP_URL_MAX];
	Call		call;
	bool		ok = true;

	for (int allowed = 0; allowed <= 1; allowed++)
	{
		config_allow_local_kms = allowed != 0;
		snprintf(url, sizeof(url), "http://127.0.0.1:%d/metadata", port_of("plain"));
		memset(&call, 0, sizeof(call));
		http_request_loopback(&call.request, "GET", url);
		call_send(&call, client, TIMEOUT_MS);
		calls_wait(&call, 1);
		TAP_EACH(ok, call.reply.status == 200, "%s: %s", url, call.reply.failure_text);
	}
	tap_ok(ok, "loopback is asked where that is what is meant, whatever the setting");

	connections_begun = 0;
	for (int i = 0; i < lengthof(hosts); i++)
	{
		snprintf(url, sizeof(url), "http://%s:%d/metadata", hosts[i], port_of("plain"));
		memset(&call, 0, sizeof(call));
		http_request_loopback(&call.request, "GET", url);
		call_send(&call, client, TIMEOUT_MS);
		calls_wait(&call, 1);
		TAP_EACH(ok, call.reply.failure == KMS_FORBIDDEN_ADDRESS, "%s: %d, %s", url,
				 call.reply.failure, call.reply.failure_text);
	}
	tap_ok(ok && connections_begun == 0, "and such a request gets nowhere else");
}

static void
tell(Call *call, const char *path, int timeout_ms)
{
	memset(call, 0, sizeof(*call));
	kms_request_line(&call->request, path);
	kms_request_body(&call->request, bytes_of_string("{\"nonce\":\"n\"}\n"));
	call->transfer = kms_over_socket.send(NULL, &call->request, &call->reply, timeout_ms, call_done, call);
	if (call->done)
		abort();				/* never from send() */
}

static void
test_helper(void)
{
	int			before = count_descriptors();
	pid_t		child = listener_start(ECHOES, NULL);
	Call		call;
	bool		ok;

	tell(&call, SOCKET_PATH, TIMEOUT_MS);
	calls_wait(&call, 1);
	tap_ok(call.reply.failure == KMS_REPLIED && strcmp(call.reply.body, "{\"nonce\":\"n\"}\n") == 0,
		   "a helper gets a line, and answers until it closes");
	listener_stop(child);

	child = listener_start(SAYS, "");
	tell(&call, SOCKET_PATH, TIMEOUT_MS);
	calls_wait(&call, 1);
	tap_ok(call.reply.failure == KMS_REPLIED && call.reply.body_len == 0, "with nothing, perhaps");
	listener_stop(child);

	child = listener_start(FLOODS, NULL);
	tell(&call, SOCKET_PATH, TIMEOUT_MS);
	calls_wait(&call, 1);
	tap_ok(call.reply.failure == KMS_BAD_REPLY && call.reply.body_len == 0,
		   "but not with more than there is room for: %s", call.reply.failure_text);
	listener_stop(child);

	child = listener_start(HANGS, NULL);
	tell(&call, SOCKET_PATH, SHORT_MS);
	calls_wait(&call, 1);
	ok = call.reply.failure == KMS_UNREACHABLE && strcmp(call.reply.failure_text, "Timeout was reached") == 0;
	tell(&call, SOCKET_PATH, TIMEOUT_MS);
	kms_over_socket.cancel(call.transfer);
	tap_ok(ok && !call.done, "one that hangs is given up in time, or before");
	listener_stop(child);

	tell(&call, SOCKET_PATH, TIMEOUT_MS);
	calls_wait(&call, 1);
	ok = call.reply.failure == KMS_UNREACHABLE;
	memset(&call, 0, sizeof(call));
	kms_request_frame(&call.request);
	call.transfer = kms_over_socket.send(NULL, &call.request, &call.reply, TIMEOUT_MS, call_done, &call);
	calls_wait(&call, 1);
	tap_ok(ok && call.reply.failure == KMS_LOCAL_FAILURE, "one that is not there, or what is no line, fails");
	tap_ok(count_descriptors() == before, "and no descriptor is left");
}

void
test_machine(void)
{
	HttpClient *client = create_client();

	test_socket(client);
	test_loopback(client);
	http_client_free(client);
	test_helper();
}
