/*-------------------------------------------------------------------------
 *
 * kms_message.c
 *	  Building a request in its fixed memory; a reply that did not come.
 *
 * Once invalid, a request stays so and takes nothing more: what follows a
 * part that was left out would mean something else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "kms/kms_message.h"

static void
append(KmsRequest *request, char *area, Size capacity, Size *len, Bytes bytes)
{
	if (request->invalid || bytes.len > capacity - *len)
	{
		request->invalid = true;
		return;
	}
	memcpy(area + *len, bytes.data, bytes.len);
	*len += bytes.len;
}

static void
append_url(KmsRequest *request, const char *text, Size len)
{
	append(request, request->url, HTTP_URL_MAX - 1, &request->url_len, bytes_of(text, len));
	request->url[request->url_len] = '\0';
}

/* One line of printable ASCII: nothing in it can begin another header. */
static bool
is_line(const char *text, char lowest)
{
	for (const char *c = text; *c != '\0'; c++)
	{
		if (*c < lowest || *c > '~')
			return false;
	}
	return true;
}

void
http_request_init(KmsRequest *request, const char *method, const char *url)
{
	request->method = method;
	request->invalid = false;
	request->peer = KMS_PEER_KMS;
	request->socket_path[0] = '\0';
	request->url_len = 0;
	request->headers_len = 0;
	request->body_len = 0;
	http_request_path(request, url);
}

void
http_request_metadata(KmsRequest *request, const char *method, const char *url)
{
	http_request_init(request, method, url);
	request->peer = KMS_PEER_METADATA;
}

void
http_request_loopback(KmsRequest *request, const char *method, const char *url)
{
	http_request_init(request, method, url);
	request->peer = KMS_PEER_LOOPBACK;
}

static void
set_socket(KmsRequest *request, KmsPeer peer, const char *path)
{
	request->peer = peer;
	if (strlcpy(request->socket_path, path, KMS_SOCKET_PATH_MAX) >= KMS_SOCKET_PATH_MAX)
		request->invalid = true;
}

void
http_request_socket(KmsRequest *request, const char *method, const char *url,
					const char *socket_path)
{
	http_request_init(request, method, url);
	set_socket(request, KMS_PEER_SOCKET, socket_path);
}

void
kms_request_frame(KmsRequest *request)
{
	http_request_init(request, NULL, "");
}

void
kms_request_line(KmsRequest *request, const char *socket_path)
{
	http_request_init(request, NULL, "");
	set_socket(request, KMS_PEER_HELPER, socket_path);
}

void
http_request_path(KmsRequest *request, const char *text)
{
	if (!is_line(text, '!'))
		request->invalid = true;
	append_url(request, text, strlen(text));
}

void
http_request_escaped(KmsRequest *request, const char *text)
{
	/* RFC 3986, 2.3 */
	static const char unreserved[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	static const char hex[] = "0123456789ABCDEF";

	for (const char *c = text; *c != '\0'; c++)
	{
		uint8		byte = (uint8) *c;
		char		escaped[] = {'%', hex[byte >> 4], hex[byte & 15]};

		if (strchr(unreserved, *c) != NULL)
			append_url(request, c, 1);
		else
			append_url(request, escaped, sizeof(escaped));
	}
}

void
http_request_header(KmsRequest *request, const char *name, const char *value)
{
	Bytes		parts[] = {
		bytes_of_string(name),
		bytes_of(": ", 2),
		bytes_of(value, strlen(value) + 1),
	};

	if (!is_line(value, ' '))
		request->invalid = true;
	for (int i = 0; i < lengthof(parts); i++)
		append(request, request->headers, HTTP_HEADERS_MAX, &request->headers_len, parts[i]);
}

void
kms_request_body(KmsRequest *request, Bytes bytes)
{
	append(request, request->body, KMS_REQUEST_BODY_MAX, &request->body_len, bytes);
}

void
kms_reply_init(KmsReply *reply)
{
	memset(reply, 0, offsetof(KmsReply, body));
	reply->body[0] = '\0';
}

void
kms_reply_lost(KmsReply *reply, KmsFailure failure, const char *text)
{
	OPENSSL_cleanse(reply->body, reply->body_len);
	kms_reply_init(reply);
	reply->failure = failure;
	strlcpy(reply->failure_text, text, sizeof(reply->failure_text));
}
