/*-------------------------------------------------------------------------
 *
 * curl_loop.h
 *	  libcurl in the key worker's event loop.
 *
 * A loop is a "multi" handle of libcurl, with connections of its own.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_CURL_LOOP_H
#define KMS_CURL_LOOP_H

#include "postgres.h"

#include <curl/curl.h>

#include "lib/ilist.h"

typedef struct CurlLoop CurlLoop;

/* An "easy" handle of libcurl; embedded in what it is for. */
typedef struct CurlHandle
{
	dlist_node	node;
	CurlLoop   *loop;			/* NULL: it is not in one */
	CURL	   *easy;			/* NULL: none */
	bool		over;			/* what it is for is done, or has failed */

	/* Called when it is, from loop_run(); may remove this handle only. */
	void		(*ended) (void *argument, CURLcode code);
	void	   *argument;
} CurlHandle;

/* Once a process, after loop_init() and before the first loop. */
extern void curl_loop_init(void);

/* To one host, at most so many connections; NULL when there is no memory. */
extern CurlLoop *curl_loop_create(int max_connections);

/* When no handle is in it any more. */
extern void curl_loop_free(CurlLoop *loop);

/* The handle's easy, ended and argument are set; ended is called later, not from here. */
extern CURLcode curl_loop_add(CurlLoop *loop, CurlHandle *handle);

/* Frees its easy, if there is one, whether it is in a loop or not. */
extern void curl_handle_free(CurlHandle *handle);

#endif							/* KMS_CURL_LOOP_H */
