/*-------------------------------------------------------------------------
 *
 * http_client.c
 *	  Sends HTTP requests over TLS, in the key worker's event loop.
 *
 * One CurlLoop a client, one handle a transfer, freed when the transfer is
 * over.  done is called by the transfer's timer, so it may cancel or free
 * anything.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "kms/curl_loop.h"
#include "kms/http_client.h"
#include "kms/http_reading.h"
#include "kms/loop.h"

struct HttpClient
{
	CurlLoop   *loop;
	CurlOptions options;
	dlist_head	transfers;
};

struct HttpTransfer
{
	dlist_node	node;
	HttpClient *client;
	CurlHandle	handle;
	struct curl_slist *headers;
	LoopTimer	timer;			/* its end, or the call of done */
	HttpReading reading;
	KmsDone		done;
	void	   *argument;
};

HttpClient *
http_client_create(const CurlOptions *options, int max_connections)
{
	CurlLoop   *loop = curl_loop_create(max_connections);
	HttpClient *client;

	if (loop == NULL)
		return NULL;
	client = MemoryContextAllocZero(TopMemoryContext, sizeof(HttpClient));
	client->loop = loop;
	client->options = *options;
	dlist_init(&client->transfers);
	return client;
}

void
http_client_free(HttpClient *client)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &client->transfers)
		http_cancel(dlist_container(HttpTransfer, node, iter.cur));
	curl_loop_free(client->loop);
	pfree(client);
}

/* Its done is called by the loop, since we may be in http_send(). */
static void
deliver(void *argument)
{
	HttpTransfer *transfer = argument;
	KmsDone		done = transfer->done;
	void	   *done_argument = transfer->argument;

	dlist_delete(&transfer->node);
	pfree(transfer);
	done(done_argument);
}

static void
end_libcurl(HttpTransfer *transfer)
{
	curl_handle_free(&transfer->handle);
	curl_slist_free_all(transfer->headers);
	transfer->headers = NULL;
}

static void
finish(HttpTransfer *transfer, CURLcode code)
{
	http_reading_end(&transfer->reading, transfer->handle.easy, code);
	end_libcurl(transfer);
	loop_timer_start(&transfer->timer, 0, deliver, transfer);
}

static void
ended(void *argument, CURLcode code)
{
	finish(argument, code);
}

static void
time_is_over(void *argument)
{
	finish(argument, CURLE_OPERATION_TIMEDOUT);
}

static bool
add_header(struct curl_slist **headers, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*headers, line);

	if (longer != NULL)
		*headers = longer;
	return longer != NULL;
}

#define SET(option, value) \
	do { \
		if (code == CURLE_OK) \
			code = curl_easy_setopt(easy, option, value); \
	} while (0)

/* *headers is freed by the caller, whatever the outcome, after the handle. */
static CURLcode
set_request(CURL *easy, const KmsRequest *request, struct curl_slist **headers)
{
	CURLcode	code = CURLE_OK;

	/* Not kept: who answers there is asked once in a while. */
	if (request->peer == KMS_PEER_SOCKET)
		SET(CURLOPT_UNIX_SOCKET_PATH, request->socket_path);
	if (request->peer == KMS_PEER_SOCKET || request->peer == KMS_PEER_LOOPBACK)
		SET(CURLOPT_FORBID_REUSE, 1L);
	if (request->body_len > 0 || strcmp(request->method, "POST") == 0)
	{
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body_len);
		SET(CURLOPT_COPYPOSTFIELDS, request->body);
	}
	SET(CURLOPT_CUSTOMREQUEST, request->method);

	for (Size at = 0; at < request->headers_len; at += strlen(request->headers + at) + 1)
	{
		if (!add_header(headers, request->headers + at))
			return CURLE_OUT_OF_MEMORY;
	}
	SET(CURLOPT_HTTPHEADER, *headers);
	return code;
}

static CURLcode
start(HttpTransfer *transfer, const KmsRequest *request)
{
	HttpClient *client = transfer->client;
	CURL	   *easy = curl_easy_init();
	CURLcode	code;

	transfer->handle.easy = easy;
	transfer->handle.ended = ended;
	transfer->handle.argument = transfer;
	if (easy == NULL)
		return CURLE_OUT_OF_MEMORY;
	if (request->invalid || request->method == NULL)
		return CURLE_URL_MALFORMAT;
	if ((code = curl_rules_set(easy, &client->options, request->peer, request->url,
							   &transfer->reading.address_refused)) != CURLE_OK ||
		(code = set_request(easy, request, &transfer->headers)) != CURLE_OK ||
		(code = http_reading_set(&transfer->reading, easy)) != CURLE_OK)
		return code;
	return curl_loop_add(client->loop, &transfer->handle);
}

HttpTransfer *
http_send(HttpClient *client, const KmsRequest *request, KmsReply *reply,
		  int timeout_ms, KmsDone done, void *argument)
{
	HttpTransfer *transfer = MemoryContextAllocZero(TopMemoryContext, sizeof(HttpTransfer));
	CURLcode	code;

	transfer->client = client;
	http_reading_init(&transfer->reading, reply);
	transfer->done = done;
	transfer->argument = argument;
	dlist_push_tail(&client->transfers, &transfer->node);
	code = start(transfer, request);
	if (code != CURLE_OK)
		finish(transfer, code);
	else
		loop_timer_start(&transfer->timer, timeout_ms, time_is_over, transfer);
	return transfer;
}

void
http_cancel(HttpTransfer *transfer)
{
	loop_timer_stop(&transfer->timer);
	end_libcurl(transfer);
	dlist_delete(&transfer->node);
	pfree(transfer);
}
