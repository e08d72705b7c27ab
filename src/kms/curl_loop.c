/*-------------------------------------------------------------------------
 *
 * curl_loop.c
 *	  libcurl in the key worker's event loop.
 *
 * The sockets and the timer of libcurl's "multi" handle are the loop's.
 *
 * Secrets: libcurl keeps copies of requests and replies on a heap that wipes
 * what is freed, and OpenSSL is told to wipe what it decrypted.  Of a client
 * key OpenSSL leaves copies in memory that it freed.
 *
 * Errors: what libcurl calls raises none.
 *
 * Signals: libcurl starts a thread for each name to resolve.  Threads inherit
 * the signal mask, and none of them may run PostgreSQL's signal handlers; so
 * all signals are blocked while a multi handle works.  SIGPIPE is ignored in
 * every process of PostgreSQL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "utils/memutils.h"

#include "kms/curl_loop.h"
#include "kms/loop.h"
#include "kms/wiped_heap.h"

#define IDLE_CONNECTIONS 4		/* of a loop, kept for the next request */

struct CurlLoop
{
	CURLM	   *multi;
	LoopTimer	timer;			/* libcurl's */
	dlist_head	handles;
	bool		broken;			/* libcurl, or the loop, has no memory */
};

/* Set when libcurl takes its memory from where curl_loop_init() told it to. */
static bool heap_is_ours = false;

static char *
noted_strdup(const char *text)
{
	heap_is_ours = true;
	return strdup(text);
}

void
curl_loop_init(void)
{
	const curl_version_info_data *version;

	/* The variable would have libcurl write the keys of TLS to a file. */
	unsetenv("SSLKEYLOGFILE");
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiped_heap_free,
							 wiped_heap_realloc, noted_strdup, calloc) != CURLE_OK)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not initialize libcurl")));

	/* Else curl_rules.c would get a context of another library. */
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

static void
end(CurlHandle *handle, CURLcode code)
{
	handle->over = true;
	handle->ended(handle->argument, code);
}

/* Lets libcurl do what it can, then ends the handles that are done. */
static void
drive(CurlLoop *loop, curl_socket_t fd, int events)
{
	sigset_t	before;
	int			count;
	CURLMsg    *message;

	block_signals(&before);
	loop->broken |= curl_multi_socket_action(loop->multi, fd, events, &count) != CURLM_OK;
	restore_signals(&before);

	while ((message = curl_multi_info_read(loop->multi, &count)) != NULL)
	{
		CURLcode	code = message->data.result;
		char	   *handle = NULL;

		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &handle);
		end((CurlHandle *) handle, code);
	}

	if (loop->broken)
	{
		dlist_mutable_iter iter;

		loop->broken = false;
		dlist_foreach_modify(iter, &loop->handles)
		{
			CurlHandle *handle = dlist_container(CurlHandle, node, iter.cur);

			if (!handle->over)
				end(handle, CURLE_OUT_OF_MEMORY);
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
	CurlLoop   *loop = argument;

	if (what == CURL_POLL_REMOVE)
		loop_forget(fd, loop);
	else if (!loop_watch(fd,
						 ((what & CURL_POLL_IN) ? EPOLLIN : 0) |
						 ((what & CURL_POLL_OUT) ? EPOLLOUT : 0),
						 socket_ready, loop))
		loop->broken = true;
	return 0;
}

static int
set_timer(CURLM *multi, long ms, void *argument)
{
	CurlLoop   *loop = argument;

	if (ms < 0)
		loop_timer_stop(&loop->timer);
	else
		loop_timer_start(&loop->timer, ms, timer_due, loop);
	return 0;
}

CurlLoop *
curl_loop_create(int max_connections)
{
	CURLM	   *multi = curl_multi_init();
	CurlLoop   *loop;

	if (multi == NULL)
		return NULL;
	loop = MemoryContextAllocZero(TopMemoryContext, sizeof(CurlLoop));
	loop->multi = multi;
	dlist_init(&loop->handles);
	if (curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, loop) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_TIMERDATA, loop) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING) != CURLM_OK ||
#if LIBCURL_VERSION_NUM >= 0x081400
		curl_multi_setopt(multi, CURLMOPT_QUICK_EXIT, 1L) != CURLM_OK ||
#endif
		curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long) IDLE_CONNECTIONS) != CURLM_OK ||
		curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long) max_connections) != CURLM_OK)
	{
		curl_loop_free(loop);
		return NULL;
	}
	return loop;
}

void
curl_loop_free(CurlLoop *loop)
{
	sigset_t	before;

	Assert(dlist_is_empty(&loop->handles));
	block_signals(&before);
	curl_multi_cleanup(loop->multi);
	restore_signals(&before);
	loop_timer_stop(&loop->timer);
	pfree(loop);
}

CURLcode
curl_loop_add(CurlLoop *loop, CurlHandle *handle)
{
	CURLcode	code = curl_easy_setopt(handle->easy, CURLOPT_PRIVATE, handle);
	sigset_t	before;

	if (code != CURLE_OK)
		return code;
	handle->loop = loop;
	dlist_push_tail(&loop->handles, &handle->node);
	block_signals(&before);
	if (curl_multi_add_handle(loop->multi, handle->easy) != CURLM_OK)
		code = CURLE_OUT_OF_MEMORY;
	restore_signals(&before);
	return code;
}

void
curl_handle_free(CurlHandle *handle)
{
	sigset_t	before;

	if (handle->easy == NULL)
		return;
	block_signals(&before);
	if (handle->loop != NULL)
		curl_multi_remove_handle(handle->loop->multi, handle->easy);
	curl_easy_cleanup(handle->easy);
	restore_signals(&before);
	if (handle->loop != NULL)
		dlist_delete(&handle->node);
	handle->loop = NULL;
	handle->easy = NULL;
}
