/*-------------------------------------------------------------------------
 *
 * test_replies.c
 *	  What is sent, and what is read from a reply.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "../tap.h"
#include "calls.h"

static void
test_request(HttpClient *client)
{
	Call		call;
	bool		ok;

	call_get(&call, client, "good", "/plain?list=true", TIMEOUT_MS);
	tap_ok(call.reply.failure == KMS_REPLIED && call.reply.status == 200 &&
		   call.reply.body_len == 5 && strcmp(call.reply.body, "hello") == 0 &&
		   call.reply.retry_after_ms == 0 && call.reply.request_id[0] == '\0',
		   "a reply is read");
	tap_ok(requests_with("\"method\": \"GET\", \"target\": \"/plain?list=true\"") == 1 &&
		   requests_with("\"user-agent\": \"bionic_crypt\"") == 1,
		   "a GET is sent");

	call_init(&call, "POST", "localhost", "good", "/echo");
	http_request_header(&call.request, "X-Vault-Token", "hvs.token");
	http_request_header(&call.request, "Content-Type", "application/json");
	kms_request_body(&call.request, bytes_of("{\"a\":\"\0\"}", 9));
	call_send(&call, client, TIMEOUT_MS);
	calls_wait(&call, 1);
	ok = call.reply.status == 200 &&
		strcmp(call.reply.body, "{\"data\": {\"plaintext\": \"a2V5\"}}") == 0;
	tap_ok(ok && requests_with("\"method\": \"POST\", \"target\": \"/echo\"") == 1 &&
		   requests_with("\"x-vault-token\": \"hvs.token\"") == 1 &&
		   requests_with("\"content-type\": \"application/json\"") == 1 &&
		   requests_with("\"content-length\": \"9\"") == 1 &&
		   requests_with("\"body\": \"{\\\"a\\\":\\\"\\u0000\\\"}\"") == 1,
		   "a POST is sent, with its headers and its body");

	call_init(&call, "POST", "localhost", "good", "/echo");
	call_send(&call, client, TIMEOUT_MS);
	calls_wait(&call, 1);
	tap_ok(call.reply.status == 200 && requests_with("\"content-length\": \"0\"") == 1,
		   "a POST needs no body");

	call_init(&call, "PUT", "localhost", "good", "/put");
	kms_request_body(&call.request, bytes_of("x", 1));
	call_send(&call, client, TIMEOUT_MS);
	calls_wait(&call, 1);
	tap_ok(call.reply.failure == KMS_REPLIED && call.reply.status == 204 &&
		   call.reply.body_len == 0 && requests_with("\"method\": \"PUT\"") == 1,
		   "other methods are sent, and a reply needs no body");

	call_get(&call, client, "good", "/chunked", TIMEOUT_MS);
	ok = call.reply.body_len == 5 && strcmp(call.reply.body, "hello") == 0;
	call_get(&call, client, "good", "/gzip", TIMEOUT_MS);
	tap_ok(ok && strcmp(call.reply.body, "hello") == 0,
		   "a body in chunks is read, and none is decoded");

	call_get(&call, client, "good", "/a/../b/./c", TIMEOUT_MS);
	tap_ok(requests_with("\"target\": \"/a/../b/./c\"") == 1, "the path is sent as it is");

	tap_ok(requests_with("\"expect\"") == 0 && requests_with("\"accept-encoding\"") == 0 &&
		   requests_with("\"cookie\"") == 0 && requests_with("\"authorization\"") == 0,
		   "nothing is sent that was not asked for");
}

/* A token of 16 kB, and bodies of the size that fits. */
static void
test_sizes(HttpClient *client)
{
	static char token[16385];
	static char body[KMS_REQUEST_BODY_MAX];
	Call		call;

	memset(token, 't', sizeof(token) - 1);
	memset(body, 'b', sizeof(body));
	call_init(&call, "POST", "localhost", "good", "/echo");
	http_request_header(&call.request, "Authorization", token);
	kms_request_body(&call.request, bytes_of(body, sizeof(body)));
	call_send(&call, client, TIMEOUT_MS);
	calls_wait(&call, 1);
	tap_ok(call.reply.status == 200 && requests_with(token) == 1 &&
		   requests_with("\"content-length\": \"73728\"") == 1,
		   "a token of 16 kB is sent whole, and so is the longest body");

	call_get(&call, client, "good", "/full", TIMEOUT_MS);
	tap_ok(call.reply.failure == KMS_REPLIED && call.reply.body_len == KMS_REPLY_BODY_MAX &&
		   strlen(call.reply.body) == KMS_REPLY_BODY_MAX,
		   "the longest body is read");
}

static void
test_status(HttpClient *client)
{
	static const struct
	{
		const char *path;
		int			status;
		int64		retry_after_ms;
	}			cases[] = {
		{"/denied", 403, 0},
		{"/no_such_reply", 404, 0},
		{"/wait", 429, 7000},
		{"/wait_long", 429, 30000},
		{"/wait_date", 503, 30000},
		{"/wait_past", 503, 0},
		{"/wait_odd", 503, 0},
		{"/again", 503, 0},
		{"/again", 200, 0},
	};
	Call		call;
	bool		ok = true;

	for (int i = 0; i < lengthof(cases); i++)
	{
		call_get(&call, client, "good", cases[i].path, TIMEOUT_MS);
		TAP_EACH(ok, call.reply.failure == KMS_REPLIED && call.reply.status == cases[i].status &&
				 call.reply.retry_after_ms == cases[i].retry_after_ms,
				 "%s: %d, after %d ms", cases[i].path, call.reply.status,
				 (int) call.reply.retry_after_ms);
	}
	tap_ok(ok, "status and Retry-After are read, and the latter is at most 30 s");
}

static void
test_request_id(HttpClient *client)
{
	static const struct
	{
		const char *path;
		const char *id;
	}			cases[] = {
		{"/id", "7f3a-11[31mforged"},
		{"/id_aws", "aws-1"},
		{"/id_azure", "azure-1"},
		{"/id_long", "012345678901234567890123456789012345678901234567890123456789012"},
	};
	Call		call;
	bool		ok = true;

	for (int i = 0; i < lengthof(cases); i++)
	{
		call_get(&call, client, "good", cases[i].path, TIMEOUT_MS);
		TAP_EACH(ok, strcmp(call.reply.request_id, cases[i].id) == 0,
				 "%s: %s", cases[i].path, call.reply.request_id);
	}
	tap_ok(ok, "the id of a request is read, as far as it is printable and short");
}

static void
test_date(HttpClient *client)
{
	static const struct
	{
		const char *path;
		int64		date_s;
	}			cases[] = {
		{"/date", INT64CONST(1795387008)},
		{"/date_leap", INT64CONST(1835395200)},
		{"/plain", 0},
		{"/date_early", 0},
		{"/date_late", 0},
		{"/date_old", 0},
		{"/date_asctime", 0},
		{"/date_zone", 0},
		{"/date_month", 0},
		{"/date_hour", 0},
		{"/date_more", 0},
		{"/date_number", 0},
		{"/date_empty", 0},
		{"/flavor_interim", 0},
		{"/flavor_trailer", 0},
	};
	Call		call;
	bool		ok = true;

	for (int i = 0; i < lengthof(cases); i++)
	{
		call_get(&call, client, "good", cases[i].path, TIMEOUT_MS);
		TAP_EACH(ok, call.reply.status == 200 && call.reply.date_s == cases[i].date_s,
				 "%s: %lld", cases[i].path, (long long) call.reply.date_s);
	}
	tap_ok(ok, "a date is read as servers have to write it, of our time");
}

static void
test_flavor(HttpClient *client)
{
	static const struct
	{
		const char *path;
		const char *flavor;
	}			cases[] = {
		{"/metadata", "Google"},
		{"/flavor_blanks", "Google"},
		{"/flavor_fits", "GoogleGoogleGoo"},
		{"/plain", ""},
		{"/flavor_long", ""},
		{"/flavor_odd", ""},
		{"/flavor_high", ""},
		{"/flavor_interim", ""},
		{"/flavor_trailer", ""},
	};
	Call		call;
	bool		ok = true;

	for (int i = 0; i < lengthof(cases); i++)
	{
		call_get(&call, client, "good", cases[i].path, TIMEOUT_MS);
		TAP_EACH(ok, call.reply.status == 200 && call.reply.request_id[0] == '\0' &&
				 strcmp(call.reply.metadata_flavor, cases[i].flavor) == 0,
				 "%s: %s", cases[i].path, call.reply.metadata_flavor);
	}
	tap_ok(ok, "the flavor of metadata is read whole, of the reply's own headers");
}

static void
test_redirects(HttpClient *client)
{
	static const char *const paths[] = {"/redirect", "/redirect_host"};
	Call		call;
	bool		ok = true;

	for (int i = 0; i < lengthof(paths); i++)
	{
		call_init(&call, "GET", "127.0.0.1", "good", paths[i]);
		http_request_header(&call.request, "X-Vault-Token", "redirected-token");
		call_send(&call, client, TIMEOUT_MS);
		calls_wait(&call, 1);
		TAP_EACH(ok, call.reply.failure == KMS_REPLIED && call.reply.status / 100 == 3,
				 "%s: %d", paths[i], call.reply.status);
	}
	tap_ok(ok && requests_with("redirected-token") == lengthof(paths) && requests_with("caught") == 0,
		   "no redirect is followed, and no token goes there");
}

void
test_replies(void)
{
	HttpClient *client = create_client();

	test_request(client);
	test_sizes(client);
	test_status(client);
	test_request_id(client);
	test_date(client);
	test_flavor(client);
	test_redirects(client);
	http_client_free(client);
}
