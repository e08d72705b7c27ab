/*-------------------------------------------------------------------------
 *
 * curl_rules.h
 *	  How every connection is made, whatever is said on it: what a handle of
 *	  libcurl is told, and what its failures are to us.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_CURL_RULES_H
#define KMS_CURL_RULES_H

#include "postgres.h"

#include <curl/curl.h>

#include "kms/kms_provider.h"

/* NULL: the system's CAs; no client certificate. */
typedef struct CurlOptions
{
	const char *ca_file;
	const char *client_cert_file;
	const char *client_key_file;
	int			connect_timeout_ms;
} CurlOptions;

/* What a server's options say; its strings are the server's. */
extern CurlOptions curl_options_of(const KmsServer *server);

/*
 * *address_refused is set when the guard of the peer's addresses
 * (kms_address.h) forbade a connection.  The URL must be one of the peer's
 * scheme: only a KMS is asked with TLS.
 */
extern CURLcode curl_rules_set(CURL *easy, const CurlOptions *options, KmsPeer peer,
							   const char *url, bool *address_refused);

/* What a code other than CURLE_OK is, and our words for it. */
extern KmsFailure curl_failure(CURLcode code, bool address_refused, const char **text);

#endif							/* KMS_CURL_RULES_H */
