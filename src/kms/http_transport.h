/*-------------------------------------------------------------------------
 *
 * http_transport.h
 *	  How every request is sent: what a handle of libcurl is told.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_HTTP_TRANSPORT_H
#define KMS_HTTP_TRANSPORT_H

#include "postgres.h"

#include <curl/curl.h>

#include "kms/http_client.h"

/*
 * For a KMS, or for a metadata service.  *address_refused is set when
 * kms_address_allowed(), or kms_metadata_address_allowed(), forbade a
 * connection.
 */
extern CURLcode http_transport_set(CURL *easy, const HttpClientOptions *options,
								   bool to_metadata, bool *address_refused);

/* The caller frees *headers, whatever the outcome, after the handle. */
extern CURLcode http_transport_set_request(CURL *easy, const KmsRequest *request,
										   struct curl_slist **headers);

#endif							/* KMS_HTTP_TRANSPORT_H */
