/*-------------------------------------------------------------------------
 *
 * calls.h
 *	  Calls of the fake KMS, and the functions that test files share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_HTTP_CALLS_H
#define UNIT_HTTP_CALLS_H

#include "postgres.h"

#include "kms/http_client.h"

#define TIMEOUT_MS	10000		/* for what is to succeed, valgrind included */
#define SHORT_MS	200			/* for what is to run out of time */
#define PROMPT_MS	4000		/* at once, on a busy machine */

typedef struct Call
{
	KmsRequest	request;
	KmsReply	reply;
	void	   *transfer;		/* of HTTP, or of frames */
	bool		done;
} Call;

/* The object of ports that the fake printed. */
extern void ports_init(const char *json);
extern int	port_of(const char *name);

/* A client that trusts ca.pem and makes at most two connections. */
extern HttpClient *create_client(void);
extern HttpClient *create_client_with(const char *ca_file, const char *cert_file,
									  const char *key_file, int max_connections);

/* A request of https://host:port/path; more may be added before it is sent. */
extern void call_init(Call *call, const char *method, const char *host,
					  const char *port, const char *path);
extern void call_send(Call *call, HttpClient *client, int timeout_ms);

/* Run the loop until they are done, or something else is. */
extern void calls_wait(Call *calls, int n);
extern void loop_until(bool (*reached) (void *argument), void *argument);

/* All of it with a GET of 127.0.0.1. */
extern void call_get(Call *call, HttpClient *client, const char *port,
					 const char *path, int timeout_ms);

extern int64 now_ms(void);

/* How many lines of the fake's log have this text. */
extern int	requests_with(const char *text);

extern int	count_descriptors(void);

/* A frame of the text. */
extern void call_init_frame(Call *call, const char *text);

/* For those who send a call in another way: its done, and its argument. */
extern void call_done(void *argument);

/* One function a file of tests. */
extern void test_address(void);
extern void test_loop(void);
extern void test_replies(void);
extern void test_failures(void);
extern void test_transfers(void);
extern void test_metadata(void);
extern void test_machine(void);
extern void test_wiping(void);
extern void test_frames(void);
extern void test_frame_ends(void);
extern void test_over_tls(void);

#endif							/* UNIT_HTTP_CALLS_H */
