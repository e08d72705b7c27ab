/*-------------------------------------------------------------------------
 *
 * frames_over_tls.c
 *	  Calls of the fake KMS in frames over TLS.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "frames_over_tls.h"
#include "kms/frames.h"

#define SERVERS_MAX 64

/* A server stays as long as its client: here, for good. */
static KmsServer servers[SERVERS_MAX];
static int	n_servers = 0;

static void
add_option(KmsServer *server, const char *name, const char *value)
{
	KmsOption  *option = &server->options[server->n_options];

	if (value == NULL)
		return;
	strlcpy(option->name, name, sizeof(option->name));
	strlcpy(option->value, value, sizeof(option->value));
	server->n_options++;
}

void *
tls_client_at(const char *address, const char *ca_file, const char *cert_file,
			  const char *key_file, int places)
{
	KmsServer  *server = &servers[n_servers++ % SERVERS_MAX];
	KmsError	error;

	memset(server, 0, sizeof(*server));
	add_option(server, "address", address);
	add_option(server, "ca_file", ca_file);
	add_option(server, "client_cert_file", cert_file);
	add_option(server, "client_key_file", key_file);
	add_option(server, "connect_timeout_ms", "10000");
	return kms_over_tls.open(server, places, &error);
}

void *
tls_client_with(const char *host, const char *port, const char *ca_file, const char *cert_file,
				const char *key_file, int places)
{
	char		address[256];

	snprintf(address, sizeof(address), "%s:%d", host, port_of(port));
	return tls_client_at(address, ca_file, cert_file, key_file, places);
}

void *
tls_client(const char *port)
{
	return tls_client_with("127.0.0.1", port, "ca.pem", NULL, NULL, 2);
}

void
tls_send(Call *call, void *client, const char *text, int timeout_ms)
{
	call_init_frame(call, text);
	call->transfer = kms_over_tls.send(client, &call->request, &call->reply, timeout_ms, call_done, call);
	if (call->done)
		abort();				/* never from send() */

	/* It was to be copied. */
	memset(&call->request, 0x55, sizeof(call->request));
}

void
tls_ask(Call *call, void *client, const char *text, int timeout_ms)
{
	tls_send(call, client, text, timeout_ms);
	calls_wait(call, 1);
}

bool
tls_answered(const Call *call, const char *text)
{
	return call->reply.failure == KMS_REPLIED &&
		call->reply.body_len == FRAME_HEADER_LEN + strlen(text) &&
		strcmp(call->reply.body + FRAME_HEADER_LEN, text) == 0;
}
