/*-------------------------------------------------------------------------
 *
 * calls.c
 *	  Calls of the fake KMS.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "kms/loop.h"

static const char *ports;

void
ports_init(const char *json)
{
	ports = json;
}

int
port_of(const char *name)
{
	char		key[64];
	const char *found;

	snprintf(key, sizeof(key), "\"%s\": ", name);
	found = strstr(ports, key);
	return found == NULL ? 0 : atoi(found + strlen(key));
}

HttpClient *
create_client_with(const char *ca_file, const char *cert_file, const char *key_file,
				   int max_connections)
{
	CurlOptions options = {
		.ca_file = ca_file,
		.client_cert_file = cert_file,
		.client_key_file = key_file,
		.connect_timeout_ms = TIMEOUT_MS,
	};

	return http_client_create(&options, max_connections);
}

HttpClient *
create_client(void)
{
	return create_client_with("ca.pem", NULL, NULL, 2);
}

void
call_init(Call *call, const char *method, const char *host, const char *port, const char *path)
{
	char		url[HTTP_URL_MAX];

	snprintf(url, sizeof(url), "https://%s:%d%s", host, port_of(port), path);
	memset(call, 0, sizeof(*call));
	http_request_init(&call->request, method, url);
}

/* The header of a request of KMIP. */
void
call_init_frame(Call *call, const char *text)
{
	Size		len = strlen(text);
	uint8		header[] = {0x42, 0x00, 0x78, 0x01, 0, (uint8) (len >> 16), (uint8) (len >> 8), (uint8) len};

	memset(call, 0, sizeof(*call));
	kms_request_frame(&call->request);
	kms_request_body(&call->request, bytes_of(header, sizeof(header)));
	kms_request_body(&call->request, bytes_of(text, len));
}

void
call_done(void *argument)
{
	((Call *) argument)->done = true;
}

void
call_send(Call *call, HttpClient *client, int timeout_ms)
{
	call->transfer = http_send(client, &call->request, &call->reply, timeout_ms, call_done, call);
	if (call->done)
		abort();				/* never from http_send() */

	/* It was to be copied. */
	memset(&call->request, 0x55, sizeof(call->request));
}

int64
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
loop_until(bool (*reached) (void *argument), void *argument)
{
	int64		give_up = now_ms() + 6 * TIMEOUT_MS;

	while (!reached(argument))
	{
		struct pollfd ready = {.fd = loop_fd(),.events = POLLIN};

		if (now_ms() > give_up)
		{
			fprintf(stderr, "nothing happens\n");
			abort();
		}
		poll(&ready, 1, (int) loop_timeout_ms(20));
		loop_run();
	}
}

typedef struct Calls
{
	Call	   *calls;
	int			n;
} Calls;

static bool
all_done(void *argument)
{
	const Calls *calls = argument;

	for (int i = 0; i < calls->n; i++)
	{
		if (!calls->calls[i].done)
			return false;
	}
	return true;
}

void
calls_wait(Call *calls, int n)
{
	Calls		all = {calls, n};

	loop_until(all_done, &all);
}

void
call_get(Call *call, HttpClient *client, const char *port, const char *path, int timeout_ms)
{
	call_init(call, "GET", "127.0.0.1", port, path);
	call_send(call, client, timeout_ms);
	calls_wait(call, 1);
}

int
requests_with(const char *text)
{
	FILE	   *log = fopen("requests", "r");
	char	   *line = NULL;
	size_t		size = 0;
	int			found = 0;

	while (log != NULL && getline(&line, &size, log) > 0)
		found += strstr(line, text) != NULL;
	free(line);
	if (log != NULL)
		fclose(log);
	return found;
}

int
count_descriptors(void)
{
	DIR		   *folder = opendir("/proc/self/fd");
	int			count = 0;

	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}
