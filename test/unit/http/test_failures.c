/*-------------------------------------------------------------------------
 *
 * test_failures.c
 *	  Each way to get no reply has its class.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "../tap.h"
#include "backend.h"
#include "base/config.h"
#include "calls.h"

typedef struct Case
{
	const char *host;
	const char *port;
	const char *path;
	KmsFailure	failure;
} Case;

static const Case cases[] = {
	{"127.0.0.1", "closed", "/", KMS_UNREACHABLE},
	{"nowhere.kms.example", "good", "/plain", KMS_UNREACHABLE},
	{"127.0.0.1", "good", "/closed", KMS_UNREACHABLE},
	{"127.0.0.1", "good", "/cut", KMS_UNREACHABLE},
	{"127.0.0.1", "good", "/reset", KMS_UNREACHABLE},

	{"127.0.0.1", "expired", "/plain", KMS_UNTRUSTED},
	{"127.0.0.1", "misnamed", "/plain", KMS_UNTRUSTED},
	{"127.0.0.1", "stranger", "/plain", KMS_UNTRUSTED},
	{"127.0.0.1", "old", "/plain", KMS_UNTRUSTED},
	{"127.0.0.1", "plain", "/plain", KMS_UNTRUSTED},

	{"127.0.0.1", "good", "/too_long", KMS_BAD_REPLY},
	{"127.0.0.1", "good", "/endless", KMS_BAD_REPLY},
	{"127.0.0.1", "good", "/long_line", KMS_BAD_REPLY},
	{"127.0.0.1", "good", "/long_headers", KMS_BAD_REPLY},
	{"127.0.0.1", "good", "/many_headers", KMS_BAD_REPLY},
	{"127.0.0.1", "good", "/interim", KMS_BAD_REPLY},
	{"127.0.0.1", "good", "/garbage", KMS_BAD_REPLY},
	{"127.0.0.1", "good", "/http09", KMS_BAD_REPLY},
	{"127.0.0.1", "good", "/status", KMS_BAD_REPLY},
	{"127.0.0.1", "good", "/switch", KMS_BAD_REPLY},
	{"127.0.0.1", "good", "/short", KMS_BAD_REPLY},
	{"127.0.0.1", "good", "/short_chunk", KMS_BAD_REPLY},
	{"127.0.0.1", "good", "/truncated", KMS_BAD_REPLY},
	{"127.0.0.1", "good", "/half_headers", KMS_BAD_REPLY},
	{"127.0.0.1", "good", "/short_cut", KMS_BAD_REPLY},
	{"127.0.0.1", "good", "/metadata/cut", KMS_BAD_REPLY},
	{"127.0.0.1", "good", "/chunk_cut", KMS_BAD_REPLY},
	{"127.0.0.1", "good", "/headers_cut", KMS_BAD_REPLY},
	{"127.0.0.1", "good", "/interim_length", KMS_BAD_REPLY},
	{"127.0.0.1", "good", "/two_lengths", KMS_BAD_REPLY},
};

/* Nothing of a reply is left, and nothing in the text is the peer's. */
static bool
failed_with(const Call *call, KmsFailure failure)
{
	const KmsReply *reply = &call->reply;

	return reply->failure == failure && reply->failure_text[0] != '\0' &&
		strstr(reply->failure_text, "127.0.0.1") == NULL &&
		reply->status == 0 && reply->body_len == 0 && reply->body[0] == '\0' &&
		reply->retry_after_ms == 0 && reply->request_id[0] == '\0' &&
		reply->date_s == 0 && reply->metadata_flavor[0] == '\0';
}

static void
test_cases(HttpClient *client)
{
	Call		call;
	bool		ok = true;

	for (int i = 0; i < lengthof(cases); i++)
	{
		call_init(&call, "GET", cases[i].host, cases[i].port, cases[i].path);
		call_send(&call, client, TIMEOUT_MS);
		calls_wait(&call, 1);
		TAP_EACH(ok, failed_with(&call, cases[i].failure), "%s %s%s: %d, %s", cases[i].host,
				 cases[i].port, cases[i].path, call.reply.failure, call.reply.failure_text);
	}
	tap_ok(ok, "unreachable, untrusted and senseless servers are told apart");

	call_get(&call, client, "good", "/plain", TIMEOUT_MS);
	tap_ok(call.reply.status == 200, "the next request is none the worse for them");
}

static void
test_requests(HttpClient *client)
{
	static const char *const urls[] = {
		"http://127.0.0.1:1/", "ftp://127.0.0.1/", "file:///etc/passwd", "https://", "https://[::",
		"https://user:password@127.0.0.1/",
	};
	int			logged;
	Call		call;
	bool		ok = true;

	for (int i = 0; i < lengthof(urls); i++)
	{
		call_init(&call, "GET", "127.0.0.1", "good", "");
		http_request_init(&call.request, "GET", urls[i]);
		call_send(&call, client, TIMEOUT_MS);
		calls_wait(&call, 1);
		TAP_EACH(ok, failed_with(&call, KMS_LOCAL_FAILURE), "%s: %d, %s", urls[i],
				 call.reply.failure, call.reply.failure_text);
	}
	tap_ok(ok, "a URL that is not plain https is refused");

	logged = requests_with("");
	call_init(&call, "GET", "127.0.0.1", "good", "/plain");
	http_request_header(&call.request, "X-Token", "a\r\nX-Other: b");
	call_send(&call, client, TIMEOUT_MS);
	calls_wait(&call, 1);
	tap_ok(failed_with(&call, KMS_LOCAL_FAILURE) && requests_with("") == logged,
		   "an invalid request is not sent");
}

static void
test_files(void)
{
	static const struct
	{
		const char *ca_file;
		const char *cert_file;
		const char *key_file;
		KmsFailure	failure;
	}			files[] = {
		{"ca.pem", "client.pem", "client.key", KMS_REPLIED},
		{"other_ca.pem", NULL, NULL, KMS_UNTRUSTED},
		{"missing.pem", NULL, NULL, KMS_LOCAL_FAILURE},
		{"client.key", NULL, NULL, KMS_LOCAL_FAILURE},
		{"ca.pem", "missing.pem", "client.key", KMS_LOCAL_FAILURE},
		{"ca.pem", "client.pem", "missing.key", KMS_LOCAL_FAILURE},
		{"ca.pem", "client.pem", "server.key", KMS_LOCAL_FAILURE},
		{"ca.pem", "client.pem", "locked.key", KMS_LOCAL_FAILURE},
		{"fifo", NULL, NULL, KMS_LOCAL_FAILURE},
		{"ca.pem", "fifo", "client.key", KMS_LOCAL_FAILURE},
		{"ca.pem", "client.pem", "fifo", KMS_LOCAL_FAILURE},
	};
	bool		ok = true;

	if (mkfifo("fifo", 0600) != 0)
		abort();
	for (int i = 0; i < lengthof(files); i++)
	{
		HttpClient *client = create_client_with(files[i].ca_file, files[i].cert_file,
												files[i].key_file, 2);
		Call		call;

		ca_folders_loaded = 0;
		passwords_given = 0;
		call_get(&call, client, files[i].cert_file != NULL ? "mutual" : "good", "/plain", TIMEOUT_MS);
		TAP_EACH(ok, files[i].failure == KMS_REPLIED ? call.reply.status == 200 :
				 failed_with(&call, files[i].failure),
				 "%s %s %s: %d, %s", files[i].ca_file, files[i].cert_file, files[i].key_file,
				 call.reply.failure, call.reply.failure_text);
		http_client_free(client);
		TAP_EACH(ok, ca_folders_loaded == 0,
				 "%s: the system's CAs were loaded, too", files[i].ca_file);
		TAP_EACH(ok, files[i].failure == KMS_LOCAL_FAILURE || files[i].key_file == NULL || passwords_given > 0,
				 "%s: a password may be asked for", files[i].key_file);
	}
	tap_ok(ok, "files of CAs and certificates are used as given, and faulty ones are our own fault");
	tap_ok(requests_with("\"client\": \"client\"") == 1, "a client certificate is shown");
}

/* Where there are no CAs of the system, that is a fault of ours. */
static void
test_system_cas(void)
{
	HttpClient *client = create_client_with(NULL, NULL, NULL, 2);
	Call		call;

	call_get(&call, client, "good", "/plain", TIMEOUT_MS);
	tap_ok(failed_with(&call, KMS_UNTRUSTED) || failed_with(&call, KMS_LOCAL_FAILURE),
		   "without a file of CAs, those of the system count");
	http_client_free(client);
}

/* A server that wants a certificate and gets none. */
static void
test_no_certificate(HttpClient *client)
{
	Call		call;

	call_get(&call, client, "mutual", "/plain", TIMEOUT_MS);
	tap_ok(failed_with(&call, KMS_UNTRUSTED) || failed_with(&call, KMS_UNREACHABLE),
		   "a server that wants our certificate is no failure of ours");
}

static void
test_forbidden(void)
{
	static const char *const hosts[] = {
		"127.0.0.1", "localhost", LOCAL_HOST, MAPPED_HOST, "127.1", "2130706433"
	};
	HttpClient *client = create_client();
	int			logged = requests_with("");
	Call		call;
	bool		ok = true;

	for (int i = 0; i < lengthof(hosts); i++)
	{
		config_allow_local_kms = true;
		call_init(&call, "GET", hosts[i], "good", "/plain");
		call_send(&call, client, TIMEOUT_MS);
		calls_wait(&call, 1);
		TAP_EACH(ok, call.reply.failure != KMS_FORBIDDEN_ADDRESS, "%s: %d, %s", hosts[i],
				 call.reply.failure, call.reply.failure_text);
		http_client_free(client);
		client = create_client();
	}
	tap_ok(ok && requests_with("") > logged, "names of this machine are asked when that is allowed");

	config_allow_local_kms = false;
	logged = requests_with("");
	for (int i = 0; i < lengthof(hosts); i++)
	{
		call_init(&call, "GET", hosts[i], "good", "/plain");
		call_send(&call, client, TIMEOUT_MS);
		calls_wait(&call, 1);
		TAP_EACH(ok, failed_with(&call, KMS_FORBIDDEN_ADDRESS), "%s: %d, %s", hosts[i],
				 call.reply.failure, call.reply.failure_text);
	}
	tap_ok(ok && requests_with("") == logged,
		   "else none is, whatever a name resolves to, and the class says so");
	config_allow_local_kms = true;
	http_client_free(client);
}

void
test_failures(void)
{
	HttpClient *client = create_client();

	test_cases(client);
	test_requests(client);
	test_no_certificate(client);
	http_client_free(client);
	test_files();
	test_system_cas();
	test_forbidden();
}
