/*-------------------------------------------------------------------------
 *
 * kms_message.h
 *	  A request to a KMS and its reply, as a provider builds and reads them.
 *
 * Of HTTP; or a frame, which is a body and nothing else (KMIP, the helper of
 * PKCS#11).  Both hold tokens and keys: they are allocated in Secrets, of a
 * fixed size so that nothing is left behind by growing, and wiped after use.
 * Whatever does not fit makes the request invalid, which the sender refuses.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_KMS_MESSAGE_H
#define KMS_KMS_MESSAGE_H

#include "postgres.h"

#include "crypto/bytes.h"

#define HTTP_URL_MAX			4096
#define HTTP_HEADERS_MAX		20480	/* a token may have 16 kB */
#define KMS_REQUEST_BODY_MAX	73728	/* a JWT may have 64 kB */
#define KMS_REPLY_BODY_MAX		65536
#define KMS_REQUEST_ID_MAX		64

#define KMS_SOCKET_PATH_MAX		108 /* sun_path of sockaddr_un, and its NUL */

/* Who is asked: the guard of addresses depends on it, and whether there is TLS. */
typedef enum KmsPeer
{
	KMS_PEER_KMS = 0,
	KMS_PEER_METADATA,			/* see http_request_metadata() */
	KMS_PEER_LOOPBACK,			/* see http_request_loopback() */
	KMS_PEER_SOCKET,			/* see http_request_socket() */
	KMS_PEER_HELPER				/* see kms_request_line() */
} KmsPeer;

typedef struct KmsRequest
{
	const char *method;			/* "GET", "POST", ... a literal */
	bool		invalid;		/* something did not fit, or is not allowed */
	KmsPeer		peer;
	char		socket_path[KMS_SOCKET_PATH_MAX];	/* of the last two peers */
	Size		url_len;
	Size		headers_len;
	Size		body_len;
	char		url[HTTP_URL_MAX];	/* NUL-terminated */
	char		headers[HTTP_HEADERS_MAX];	/* "Name: value", each with a NUL */
	char		body[KMS_REQUEST_BODY_MAX];
} KmsRequest;

/* Why there is no reply of the KMS. */
typedef enum KmsFailure
{
	KMS_REPLIED = 0,
	KMS_UNREACHABLE,			/* name, connection, time */
	KMS_UNTRUSTED,				/* its certificate, or no TLS */
	KMS_FORBIDDEN_ADDRESS,		/* loopback, link-local, metadata */
	KMS_BAD_REPLY,				/* too long, cut short, not HTTP */
	KMS_LOCAL_FAILURE			/* our own: a CA file that cannot be read */
} KmsFailure;

typedef struct KmsReply
{
	KmsFailure	failure;
	char		failure_text[128];	/* the library's words: never of the peer */
	int			status;			/* 200, 403, ... */
	int64		retry_after_ms; /* 0: none */
	int64		date_s;			/* the Date header, since 1970; 0: none */
	char		request_id[KMS_REQUEST_ID_MAX]; /* printable ASCII only */
	char		metadata_flavor[16];	/* that header of Google's; else "" */
	Size		body_len;
	char		body[KMS_REPLY_BODY_MAX + 1];	/* NUL-terminated */
} KmsReply;

/* Begins a request; the URL's beginning is taken as it is. */
extern void http_request_init(KmsRequest *request, const char *method, const char *url);

/*
 * Begins a request to a metadata service, which hands out what this machine
 * may do: over plain HTTP, and to link-local addresses and those of metadata
 * services only, where a KMS must not be.  With bionic_crypt.allow_local_kms,
 * to loopback as well.
 */
extern void http_request_metadata(KmsRequest *request, const char *method, const char *url);

/*
 * Begins a request to a service of this machine, over plain HTTP: to an address
 * of loopback and nowhere else, or through a Unix socket.
 */
extern void http_request_loopback(KmsRequest *request, const char *method, const char *url);
extern void http_request_socket(KmsRequest *request, const char *method, const char *url,
								const char *socket_path);

/* Appends to the URL: as it is, or with all but unreserved characters escaped. */
extern void http_request_path(KmsRequest *request, const char *text);
extern void http_request_escaped(KmsRequest *request, const char *text);

/* A value with a control character makes the request invalid. */
extern void http_request_header(KmsRequest *request, const char *name, const char *value);

extern void kms_request_body(KmsRequest *request, Bytes bytes);

/* Begins a frame; its bytes are the body. */
extern void kms_request_frame(KmsRequest *request);

/* Begins a line to a helper at a Unix socket (kms_over_socket); it is the body. */
extern void kms_request_line(KmsRequest *request, const char *socket_path);

/* Empties a reply, before anything of it has come. */
extern void kms_reply_init(KmsReply *reply);

/*
 * There is no reply, but this failure, in words that are not the peer's.  What
 * came of one is wiped: it is not left for anybody to read.
 */
extern void kms_reply_lost(KmsReply *reply, KmsFailure failure, const char *text);

#endif							/* KMS_KMS_MESSAGE_H */
