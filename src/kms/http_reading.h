/*-------------------------------------------------------------------------
 *
 * http_reading.h
 *	  Reads the reply to a request, or why there is none.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_HTTP_READING_H
#define KMS_HTTP_READING_H

#include "postgres.h"

#include <curl/curl.h>

#include "kms/kms_message.h"

typedef struct HttpReading
{
	KmsReply   *reply;
	bool		address_refused;	/* a connection was forbidden */
	Size		header_bytes;
	int			header_lines;
	bool		headers_over;	/* the empty line after them has come */
	bool		length_told;	/* they say where the body ends */
} HttpReading;

/* Empties the reply, which is then written from what arrives at the handle. */
extern void http_reading_init(HttpReading *reading, KmsReply *reply);
extern CURLcode http_reading_set(HttpReading *reading, CURL *easy);

/* code is how the transfer ended; easy may be NULL if it is not CURLE_OK. */
extern void http_reading_end(HttpReading *reading, CURL *easy, CURLcode code);

#endif							/* KMS_HTTP_READING_H */
