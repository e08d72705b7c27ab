/*-------------------------------------------------------------------------
 *
 * local_http.h
 *	  HTTP without TLS to a service of this machine: on a Unix socket, or at a
 *	  loopback address.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ATTEST_LOCAL_HTTP_H
#define ATTEST_LOCAL_HTTP_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "attest/evidence_source.h"

typedef struct LocalHttpRequest
{
	const char *socket;			/* path; NULL: the URL's address, a loopback one */
	const char *url;			/* http:// */
	const char *json;			/* body of a POST; NULL: a GET */
} LocalHttpRequest;

/* What a body of 200 says, into reply; else false, with a reason in found. */
extern bool local_http_send(const LocalHttpRequest *request, StringInfo reply,
							FoundEvidence *found);

#endif							/* ATTEST_LOCAL_HTTP_H */
