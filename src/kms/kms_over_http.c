/*-------------------------------------------------------------------------
 *
 * kms_over_http.c
 *	  The transport of KMSs that speak HTTP.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "kms/http_client.h"
#include "kms/kms_transport.h"

static void *
open_server(const KmsServer *server, int places, KmsError *error)
{
	CurlOptions options = curl_options_of(server);
	HttpClient *client = http_client_create(&options, places);

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
