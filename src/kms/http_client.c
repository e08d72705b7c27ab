/*-------------------------------------------------------------------------
 *
 * http_client.c
 *	  Sends HTTP requests over TLS, in the key worker's event loop.
 *
 * One libcurl "multi" handle a client, whose sockets and timer are the loop's;
 * one "easy" handle a transfer, freed when the transfer is over.  done is
 * called by the transfer's timer, so it may cancel or free anything.
 *
 * Secrets: libcurl keeps copies of requests and replies on a heap that wipes
 * what is freed, and OpenSSL is told to wipe what it decrypted.  Of a client
 * key OpenSSL leaves copies in memory that it freed.
 *
 * Errors: what libcurl calls raises none.  What it says about a failure is its
 * own fixed text for the kind of failure; the peer's words are never shown.
 *
 * Signals: libcurl starts a thread for each name to resolve.  Threads inherit
 * the signal mask, and none of them may run PostgreSQL's signal handlers; so
 * all signals are blocked while libcurl runs.  SIGPIPE is ignored in every
 * process of PostgreSQL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <curl/curl.h>
#include <signal.h>

#include "utils/memutils.h"

#include "kms/http_client.h"
#include "kms/http_reading.h"
#include "kms/http_transport.h"
#include "kms/loop.h"
#include "kms/wiped_heap.h"

#define IDLE_CONNECTIONS 4		/* of a client, kept for the next call */

struct HttpClient
{
	CURLM	   *multi;
	LoopTimer	timer;			/* libcurl's */
	dlist_head	transfers;
	bool		broken;			/* libcurl, or the loop, has no memory */
	HttpClientOptions options;	/* its strings are ours */
};

struct HttpTransfer
{
	dlist_node	node;
	HttpClient *client;
	CURL	   *easy;			/* NULL: it is over */
	struct curl_slist *headers;
	LoopTimer	timer;			/* its end, or the call of done */
	HttpReading reading;
	KmsDone		done;
	void	   *argument;
};

/* Set when libcurl takes its memory from where http_init() told it to. */
static bool heap_is_ours = false;

static char *
noted_strdup(const char *text)
{
	heap_is_ours = true;
	return strdup(text);
}

void
http_init(void)
{
	const curl_version_info_data *version;

	/* The variable would have libcurl write the keys of TLS to a file. */
	unsetenv("SSLKEYLOGFILE");
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiped_heap_free,
							 wiped_heap_realloc, noted_strdup, calloc) != CURLE_OK)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not initialize libcurl")));

	/* Else prepare_tls() would get a context of another library. */
	version = curl_version_info(CURLVERSION_NOW);
	if (version->ssl_version == NULL || strncmp(version->ssl_version, "OpenSSL/3", 9) != 0 ||
		(version->features & CURL_VERSION_ASYNCHDNS) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("libcurl must be built with OpenSSL 3 and a threaded resolver")));

	curl_slist_free_all(curl_slist_append(NULL, "Expect:"));
	if (!heap_is_ours)
		ereport(WARNING,
				(errmsg("memory of libcurl is not wiped when it is freed"),
				 errdetail("Another library has initialized libcurl before, without wiping.")));
}

static void
block_signals(sigset_t *before)
{
	sigset_t	all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, before);
}

static void
restore_signals(const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
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
	sigset_t	before;

	if (transfer->easy != NULL)
	{
		block_signals(&before);
		curl_multi_remove_handle(transfer->client->multi, transfer->easy);
		curl_easy_cleanup(transfer->easy);
		restore_signals(&before);
	}
	curl_slist_free_all(transfer->headers);
	transfer->easy = NULL;
	transfer->headers = NULL;
}

static void
finish(HttpTransfer *transfer, CURLcode code)
{
	http_reading_end(&transfer->reading, transfer->easy, code);
	end_libcurl(transfer);
	loop_timer_start(&transfer->timer, 0, deliver, transfer);
}

static void
time_is_over(void *argument)
{
	finish(argument, CURLE_OPERATION_TIMEDOUT);
}

/* Lets libcurl do what it can, then ends the transfers that are over. */
static void
drive(HttpClient *client, curl_socket_t fd, int events)
{
	sigset_t	before;
	int			count;
	CURLMsg    *message;

	block_signals(&before);
	client->broken |= curl_multi_socket_action(client->multi, fd, events, &count) != CURLM_OK;
	restore_signals(&before);

	while ((message = curl_multi_info_read(client->multi, &count)) != NULL)
	{
		CURLcode	code = message->data.result;
		char	   *transfer = NULL;

		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		finish((HttpTransfer *) transfer, code);
	}

	if (client->broken)
	{
		dlist_iter	iter;

		client->broken = false;
		dlist_foreach(iter, &client->transfers)
		{
			HttpTransfer *transfer = dlist_container(HttpTransfer, node, iter.cur);

			if (transfer->easy != NULL)
				finish(transfer, CURLE_OUT_OF_MEMORY);
		}
	}
}

static void
socket_ready(int fd, uint32 epoll_events, void *argument)
{
	drive(argument, fd,
		  ((epoll_events & EPOLLIN) ? CURL_CSELECT_IN : 0) |
		  ((epoll_events & EPOLLOUT) ? CURL_CSELECT_OUT : 0) |
		  ((epoll_events & (EPOLLERR | EPOLLHUP)) ? CURL_CSELECT_ERR : 0));
}

static void
timer_due(void *argument)
{
	drive(argument, CURL_SOCKET_TIMEOUT, 0);
}

/* The next two are called by libcurl. */
static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *argument, void *unused)
{
	HttpClient *client = argument;

	if (what == CURL_POLL_REMOVE)
		loop_forget(fd, client);
	else if (!loop_watch(fd,
						 ((what & CURL_POLL_IN) ? EPOLLIN : 0) |
						 ((what & CURL_POLL_OUT) ? EPOLLOUT : 0),
						 socket_ready, client))
		client->broken = true;
	return 0;
}

static int
set_timer(CURLM *multi, long ms, void *argument)
{
	HttpClient *client = argument;

	if (ms < 0)
		loop_timer_stop(&client->timer);
	else
		loop_timer_start(&client->timer, ms, timer_due, client);
	return 0;
}

static char *
copy_name(const char *name)
{
	return name == NULL ? NULL : MemoryContextStrdup(TopMemoryContext, name);
}

HttpClient *
http_client_create(const HttpClientOptions *options)
{
	CURLM	   *multi = curl_multi_init();
	HttpClient *client;

	if (multi == NULL)
		return NULL;
	client = MemoryContextAllocZero(TopMemoryContext, sizeof(HttpClient));
	client->multi = multi;
	dlist_init(&client->transfers);
	client->options = *options;
	client->options.ca_file = copy_name(options->ca_file);
	client->options.client_cert_file = copy_name(options->client_cert_file);
	client->options.client_key_file = copy_name(options->client_key_file);
	if (curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING) != CURLM_OK ||
#if LIBCURL_VERSION_NUM >= 0x081400
		curl_multi_setopt(multi, CURLMOPT_QUICK_EXIT, 1L) != CURLM_OK ||
#endif
		curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long) IDLE_CONNECTIONS) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS,
						  (long) options->max_connections) != CURLM_OK)
	{
		http_client_free(client);
		return NULL;
	}
	return client;
}

static void
free_name(const char *name)
{
	if (name != NULL)
		pfree(unconstify(char *, name));
}

void
http_client_free(HttpClient *client)
{
	sigset_t	before;
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &client->transfers)
		http_cancel(dlist_container(HttpTransfer, node, iter.cur));
	block_signals(&before);
	curl_multi_cleanup(client->multi);
	restore_signals(&before);
	loop_timer_stop(&client->timer);
	free_name(client->options.ca_file);
	free_name(client->options.client_cert_file);
	free_name(client->options.client_key_file);
	pfree(client);
}

static CURLcode
start(HttpTransfer *transfer, const KmsRequest *request)
{
	CURLcode	code;
	sigset_t	before;

	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL)
		return CURLE_OUT_OF_MEMORY;
	if ((code = http_transport_set(transfer->easy, &transfer->client->options,
								   request->to_metadata, &transfer->reading.address_refused)) != CURLE_OK ||
		(code = http_transport_set_request(transfer->easy, request,
										   &transfer->headers)) != CURLE_OK ||
		(code = http_reading_set(&transfer->reading, transfer->easy)) != CURLE_OK ||
		(code = curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer)) != CURLE_OK)
		return code;
	block_signals(&before);
	if (curl_multi_add_handle(transfer->client->multi, transfer->easy) != CURLM_OK)
		code = CURLE_OUT_OF_MEMORY;
	restore_signals(&before);
	return code;
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
