/*-------------------------------------------------------------------------
 *
 * http_message.h
 *	  An HTTP request and its reply, as a provider builds and reads them.
 *
 * Both hold tokens and keys: they are allocated in Secrets, of a fixed size
 * so that nothing is left behind by growing, and wiped after use.  Whatever
 * does not fit makes the request invalid, which the sender refuses.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_HTTP_MESSAGE_H
#define KMS_HTTP_MESSAGE_H

#include "postgres.h"

#include "crypto/bytes.h"

#define HTTP_URL_MAX			4096
#define HTTP_HEADERS_MAX		20480	/* a token may have 16 kB */
#define HTTP_REQUEST_BODY_MAX	32768
#define HTTP_REPLY_BODY_MAX		65536
#define HTTP_REQUEST_ID_MAX		64

typedef struct HttpRequest
{
	const char *method;			/* "GET", "POST", ... a literal */
	bool		invalid;		/* something did not fit, or is not allowed */
	Size		url_len;
	Size		headers_len;
	Size		body_len;
	char		url[HTTP_URL_MAX];	/* NUL-terminated */
	char		headers[HTTP_HEADERS_MAX];	/* "Name: value", each with a NUL */
	char		body[HTTP_REQUEST_BODY_MAX];
} HttpRequest;

/* Why there is no reply of the KMS. */
typedef enum HttpFailure
{
	HTTP_REPLIED = 0,
	HTTP_UNREACHABLE,			/* name, connection, time */
	HTTP_UNTRUSTED,				/* its certificate, or no TLS */
	HTTP_FORBIDDEN_ADDRESS,		/* loopback, link-local, metadata */
	HTTP_BAD_REPLY,				/* too long, cut short, not HTTP */
	HTTP_LOCAL					/* our own: a CA file that cannot be read */
} HttpFailure;

typedef struct HttpReply
{
	HttpFailure failure;
	char		failure_text[128];	/* the library's words: never of the peer */
	int			status;			/* 200, 403, ... */
	int64		retry_after_ms; /* 0: none */
	char		request_id[HTTP_REQUEST_ID_MAX];	/* printable ASCII only */
	Size		body_len;
	char		body[HTTP_REPLY_BODY_MAX + 1];	/* NUL-terminated */
} HttpReply;

/* Begins a request; the URL's beginning is taken as it is. */
extern void http_request_init(HttpRequest *request, const char *method, const char *url);

/* Appends to the URL: as it is, or with all but unreserved characters escaped. */
extern void http_request_path(HttpRequest *request, const char *text);
extern void http_request_escaped(HttpRequest *request, const char *text);

/* A value with a control character makes the request invalid. */
extern void http_request_header(HttpRequest *request, const char *name, const char *value);

extern void http_request_body(HttpRequest *request, Bytes bytes);

#endif							/* KMS_HTTP_MESSAGE_H */
