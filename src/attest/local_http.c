/*-------------------------------------------------------------------------
 *
 * local_http.c
 *	  HTTP without TLS to a service of this machine.
 *
 * The attester does nothing else meanwhile, and ends early when the server
 * shuts down.  No proxy, no redirect, no other protocol; what is no loopback
 * address is refused after its name was resolved.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <curl/curl.h>
#include <sys/socket.h>

#include "miscadmin.h"

#include "attest/local_http.h"
#include "kms/kms_address.h"

#define REPLY_MAX	(128 * 1024)

typedef struct LongOption
{
	CURLoption	option;
	long		value;
} LongOption;

static const LongOption long_options[] = {
	{CURLOPT_FOLLOWLOCATION, 0},
	{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
	{CURLOPT_HTTP09_ALLOWED, 0},
	{CURLOPT_HTTPAUTH, CURLAUTH_NONE},
	{CURLOPT_NETRC, CURL_NETRC_IGNORED},
	{CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
	{CURLOPT_NOSIGNAL, 1},
	{CURLOPT_FRESH_CONNECT, 1},
	{CURLOPT_FORBID_REUSE, 1},
	{CURLOPT_NOPROGRESS, 0},
	{CURLOPT_TIMEOUT_MS, SOURCE_TIMEOUT_MS},
};

/* The argument says whether a Unix socket is meant. */
static curl_socket_t
open_socket(void *argument, curlsocktype purpose, struct curl_sockaddr *address)
{
	bool		allowed = *(const bool *) argument ? address->family == AF_UNIX :
		kms_address_is_loopback(&address->addr);

	return !allowed ? CURL_SOCKET_BAD :
		socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t
read_body(char *data, size_t size, size_t n, void *argument)
{
	StringInfo	reply = argument;

	if (n > REPLY_MAX - reply->len)
		return 0;
	appendBinaryStringInfo(reply, data, (int) n);
	return n;
}

/* Not 0: give up. */
static int
check_shutdown(void *unused, curl_off_t down_total, curl_off_t down_now,
			   curl_off_t up_total, curl_off_t up_now)
{
	return ProcDiePending ? 1 : 0;
}

#define SET(option, value) \
	do { \
		if (code == CURLE_OK) \
			code = curl_easy_setopt(easy, option, value); \
	} while (0)

static CURLcode
perform(CURL *easy, const LocalHttpRequest *request, struct curl_slist *headers,
		const bool *on_socket, StringInfo reply)
{
	CURLcode	code = CURLE_OK;

	SET(CURLOPT_URL, request->url);
	SET(CURLOPT_PROTOCOLS_STR, "http");
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_USERAGENT, "bionic_crypt");
	for (int i = 0; i < lengthof(long_options); i++)
		SET(long_options[i].option, long_options[i].value);
	if (request->socket != NULL)
		SET(CURLOPT_UNIX_SOCKET_PATH, request->socket);
	if (request->json != NULL)
	{
		SET(CURLOPT_POSTFIELDS, request->json);
		SET(CURLOPT_HTTPHEADER, headers);
	}
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, unconstify(bool *, on_socket));
	SET(CURLOPT_WRITEFUNCTION, read_body);
	SET(CURLOPT_WRITEDATA, reply);
	SET(CURLOPT_XFERINFOFUNCTION, check_shutdown);
	return code != CURLE_OK ? code : curl_easy_perform(easy);
}

bool
local_http_send(const LocalHttpRequest *request, StringInfo reply, FoundEvidence *found)
{
	CURL	   *easy;
	struct curl_slist *headers;
	bool		on_socket = request->socket != NULL;
	long		status = 0;
	CURLcode	code = CURLE_OUT_OF_MEMORY;

	/* So that nothing raises while libcurl's memory is ours to free. */
	enlargeStringInfo(reply, REPLY_MAX);
	easy = curl_easy_init();
	headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (easy != NULL && headers != NULL)
	{
		code = perform(easy, request, headers, &on_socket, reply);
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	}
	curl_easy_cleanup(easy);
	curl_slist_free_all(headers);

	if (code != CURLE_OK)
		return evidence_fail(found, "could not ask \"%s\": %s",
							 on_socket ? request->socket : request->url,
							 curl_easy_strerror(code));
	if (status != 200)
		return evidence_fail(found, "\"%s\" answered with HTTP status %ld",
							 on_socket ? request->socket : request->url, status);
	return true;
}
