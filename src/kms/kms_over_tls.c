/*-------------------------------------------------------------------------
 *
 * kms_over_tls.c
 *	  The transport of KMSs that speak in frames over TLS: KMIP.
 *
 * libcurl makes the connection, by the rules that hold for HTTP too, and then
 * leaves it to us (CURLOPT_CONNECT_ONLY).  Each connection has a multi handle
 * of its own: in a shared one, libcurl closes such connections, also while
 * they are used, when another one is opened or ends.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "kms/curl_loop.h"
#include "kms/curl_rules.h"
#include "kms/frames.h"

#define DEFAULT_PORT		":5696" /* of KMIP, at IANA */
#define CONNECTIONS_MAX		4
#define CONNECTION_IDLE_MS	60000
#define CONNECTION_LIFE_MS	300000

typedef struct TlsClient
{
	CurlOptions options;
	char		url[sizeof("https://") + MAXPGPATH + sizeof(DEFAULT_PORT)];
	FrameClient *frames;
} TlsClient;

typedef struct TlsStream
{
	CurlLoop   *loop;
	CurlHandle	handle;
	FrameConnection *connection;
	bool		address_refused;
} TlsStream;

static void
close_stream(void *argument)
{
	TlsStream  *stream = argument;

	curl_handle_free(&stream->handle);
	if (stream->loop != NULL)
		curl_loop_free(stream->loop);
	pfree(stream);
}

static void
connected(void *argument, CURLcode code)
{
	TlsStream  *stream = argument;
	curl_socket_t fd = CURL_SOCKET_BAD;
	KmsFailure	failure;
	const char *text;

	if (code == CURLE_OK)
		code = curl_easy_getinfo(stream->handle.easy, CURLINFO_ACTIVESOCKET, &fd);
	if (code == CURLE_OK && fd == CURL_SOCKET_BAD)
		code = CURLE_COULDNT_CONNECT;
	if (code == CURLE_OK)
		frame_stream_opened(stream->connection, fd);
	else
	{
		failure = curl_failure(code, stream->address_refused, &text);
		frame_stream_failed(stream->connection, failure, text);
	}
}

static CURLcode
connect_stream(TlsStream *stream, const TlsClient *client)
{
	CURL	   *easy = stream->handle.easy;
	CURLcode	code;

	if ((code = curl_rules_set(easy, &client->options, KMS_PEER_KMS, client->url,
							   &stream->address_refused)) != CURLE_OK ||
		(code = curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L)) != CURLE_OK ||
		(code = curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L)) != CURLE_OK)
		return code;
	return curl_loop_add(stream->loop, &stream->handle);
}

static void *
open_stream(void *endpoint, FrameConnection *connection)
{
	TlsStream  *stream = MemoryContextAllocZero(TopMemoryContext, sizeof(TlsStream));
	CURLcode	code;

	stream->connection = connection;
	stream->handle.ended = connected;
	stream->handle.argument = stream;
	stream->loop = curl_loop_create(1);
	stream->handle.easy = curl_easy_init();
	if (stream->loop == NULL || stream->handle.easy == NULL)
	{
		close_stream(stream);
		return NULL;
	}
	code = connect_stream(stream, endpoint);
	if (code != CURLE_OK)
		connected(stream, code);
	return stream;
}

static bool
read_stream(void *argument, uint8 *data, Size size, Size *len)
{
	TlsStream  *stream = argument;
	CURLcode	code;

	*len = 0;
	code = curl_easy_recv(stream->handle.easy, data, size, len);
	return code == CURLE_AGAIN || (code == CURLE_OK && *len > 0);
}

static bool
write_stream(void *argument, const uint8 *data, Size size, Size *len)
{
	TlsStream  *stream = argument;
	CURLcode	code;

	*len = 0;
	code = curl_easy_send(stream->handle.easy, data, size, len);
	return code == CURLE_AGAIN || code == CURLE_OK;
}

static const FrameStreamKind tls_stream = {
	.open = open_stream,
	.read = read_stream,
	.write = write_stream,
	.close = close_stream,
};

/* address is host or host:port; that of an IPv6 address has brackets. */
static void
set_url(TlsClient *client, const char *address)
{
	const char *bracket = strchr(address, ']');
	bool		has_port = strchr(bracket != NULL ? bracket : address, ':') != NULL;

	snprintf(client->url, sizeof(client->url), "https://%s%s", address,
			 has_port ? "" : DEFAULT_PORT);
}

static void *
open_server(const KmsServer *server, int places, KmsError *error)
{
	TlsClient  *client = MemoryContextAllocZero(TopMemoryContext, sizeof(TlsClient));
	FrameOptions options = {
		.kind = &tls_stream,
		.endpoint = client,
		.max_connections = Min(places, CONNECTIONS_MAX),
		.idle_ms = CONNECTION_IDLE_MS,
		.life_ms = CONNECTION_LIFE_MS,
	};

	client->options = curl_options_of(server);
	set_url(client, kms_option(server, "address"));
	client->frames = frame_client_create(&options);
	return client;
}

static void
close_server(void *argument)
{
	TlsClient  *client = argument;

	frame_client_free(client->frames);
	pfree(client);
}

static void *
send_request(void *argument, const KmsRequest *request, KmsReply *reply, int timeout_ms,
			 KmsDone done, void *done_argument)
{
	TlsClient  *client = argument;

	return frame_send(client->frames, request, reply, timeout_ms, done, done_argument);
}

static void
cancel_transfer(void *transfer)
{
	frame_cancel(transfer);
}

const KmsTransport kms_over_tls = {
	.open = open_server,
	.close = close_server,
	.send = send_request,
	.cancel = cancel_transfer,
};
