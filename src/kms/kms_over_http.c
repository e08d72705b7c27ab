/*-------------------------------------------------------------------------
 *
 * kms_over_http.c
 *	  The transport of KMSs that speak HTTP.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "kms/http_client.h"
#include "kms/kms_options.h"
#include "kms/kms_transport.h"

#define CONNECT_TIMEOUT_MS	3000

static HttpClientOptions
options_of(const KmsServer *server, int places)
{
	return (HttpClientOptions) {
		.ca_file = kms_option(server, "ca_file"),
		.client_cert_file = kms_option(server, "client_cert_file"),
		.client_key_file = kms_option(server, "client_key_file"),
		.connect_timeout_ms = kms_option_ms(server, "connect_timeout_ms", CONNECT_TIMEOUT_MS),
		.max_connections = places,
	};
}

static void *
open_server(const KmsServer *server, int places, KmsError *error)
{
	HttpClientOptions options = options_of(server, places);
	HttpClient *client = http_client_create(&options);

	if (client == NULL)
		kms_fail(error, KMS_UNAVAILABLE, "", "Could not make an HTTP client.");
	return client;
}

static void
close_server(void *client)
{
	http_client_free(client);
}

static void *
send_request(void *client, const KmsRequest *request, KmsReply *reply, int timeout_ms,
			 KmsDone done, void *argument)
{
	return http_send(client, request, reply, timeout_ms, done, argument);
}

static void
cancel_transfer(void *transfer)
{
	http_cancel(transfer);
}

const KmsTransport kms_over_http = {
	.open = open_server,
	.close = close_server,
	.send = send_request,
	.cancel = cancel_transfer,
};
