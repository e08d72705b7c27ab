/*-------------------------------------------------------------------------
 *
 * test_metadata.c
 *	  Requests to metadata services: without TLS, and nowhere else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "../tap.h"
#include "backend.h"
#include "base/config.h"
#include "calls.h"

static void
ask(Call *call, HttpClient *client, const char *method, const char *url)
{
	memset(call, 0, sizeof(*call));
	http_request_metadata(&call->request, method, url);
	http_request_header(&call->request, "Metadata-Flavor", "Google");
	call_send(call, client, TIMEOUT_MS);
	calls_wait(call, 1);
}

static void
ask_host(Call *call, HttpClient *client, const char *method, const char *host, const char *path)
{
	char		url[HTTP_URL_MAX];

	snprintf(url, sizeof(url), "http://%s:%d%s", host, port_of("plain"), path);
	ask(call, client, method, url);
}

static void
test_asked(HttpClient *client)
{
	Call		call;
	bool		ok;

	config_allow_local_kms = false;
	ask_host(&call, client, "GET", METADATA_HOST, "/metadata");
	tap_ok(call.reply.failure == KMS_REPLIED && call.reply.status == 200 &&
		   strcmp(call.reply.body, "role") == 0 &&
		   strcmp(call.reply.metadata_flavor, "Google") == 0 &&
		   requests_with("\"metadata-flavor\": \"Google\"") == 1,
		   "a metadata service is asked, without TLS");

	ask_host(&call, client, "PUT", METADATA_HOST, "/metadata");
	ok = call.reply.status == 200 && strcmp(call.reply.body, "token") == 0;
	ask_host(&call, client, "GET", METADATA_HOST, "/metadata/redirect");
	tap_ok(ok && call.reply.status == 302, "with other methods, too, and no redirect is followed");

	ask_host(&call, client, "GET", METADATA_HOST, "/metadata/cut");
	tap_ok(call.reply.failure == KMS_BAD_REPLY && call.reply.body_len == 0 &&
		   call.reply.date_s == 0 && call.reply.metadata_flavor[0] == '\0',
		   "its reply is read as a KMS's is");
	config_allow_local_kms = true;
}

/* Their files may be missing: they are not for it. */
static void
test_certificate(void)
{
	HttpClient *client = create_client_with("missing.pem", "missing.pem", "missing.key", 2);
	Call		call;

	ask_host(&call, client, "GET", METADATA_HOST, "/metadata");
	tap_ok(call.reply.status == 200, "it is shown no certificate");
	http_client_free(client);
}

static void
test_nowhere_else(HttpClient *client)
{
	static const char *const hosts[] = {
		"10.0.0.1", "8.8.8.8", "0.0.0.0", "[::ffff:169.254.169.254]", "[2606:4700::1111]",
		"127.0.0.1", LOCAL_HOST, MAPPED_HOST,
	};
	int			logged;
	Call		call;
	bool		ok = true;

	connections_begun = 0;
	logged = requests_with("");
	config_allow_local_kms = false;
	for (int i = 0; i < lengthof(hosts); i++)
	{
		ask_host(&call, client, "GET", hosts[i], "/metadata");
		TAP_EACH(ok, call.reply.failure == KMS_FORBIDDEN_ADDRESS, "%s: %d, %s", hosts[i],
				 call.reply.failure, call.reply.failure_text);
	}
	config_allow_local_kms = true;
	for (int i = 0; i < 5; i++)
	{
		ask_host(&call, client, "GET", hosts[i], "/metadata");
		TAP_EACH(ok, call.reply.failure == KMS_FORBIDDEN_ADDRESS, "%s: %d, %s", hosts[i],
				 call.reply.failure, call.reply.failure_text);
	}
	tap_ok(ok && requests_with("") == logged && connections_begun == 0,
		   "no such request gets anywhere else, whatever a name resolves to");

	ask_host(&call, client, "GET", "127.0.0.1", "/metadata");
	tap_ok(call.reply.status == 200, "but to this machine if that is allowed");
}

/* Each kind has its scheme, and neither takes the other's way. */
static void
test_schemes(HttpClient *client)
{
	static const char *const metadata_urls[] = {
		"https://169.254.169.254/", "ftp://169.254.169.254/", "HTTP://169.254.169.254/", "", "169.254.169.254",
	};
	Call		call;
	bool		ok = true;

	connections_begun = 0;
	for (int i = 0; i < lengthof(metadata_urls); i++)
	{
		ask(&call, client, "GET", metadata_urls[i]);
		TAP_EACH(ok, call.reply.failure == KMS_LOCAL_FAILURE, "%s: %d, %s", metadata_urls[i],
				 call.reply.failure, call.reply.failure_text);
	}
	call_init(&call, "GET", METADATA_HOST, "plain", "/metadata");
	memmove(call.request.url + 4, call.request.url + 5, strlen(call.request.url) - 4);
	call_send(&call, client, TIMEOUT_MS);
	calls_wait(&call, 1);
	TAP_EACH(ok, call.reply.failure == KMS_LOCAL_FAILURE, "http to a KMS: %d", call.reply.failure);
	tap_ok(ok && connections_begun == 0, "a KMS is asked over https, a metadata service over http");

	config_allow_local_kms = false;
	call_init(&call, "GET", METADATA_HOST, "good", "/plain");
	call_send(&call, client, TIMEOUT_MS);
	calls_wait(&call, 1);
	config_allow_local_kms = true;
	tap_ok(call.reply.failure == KMS_FORBIDDEN_ADDRESS && connections_begun == 0,
		   "and where a metadata service is, no KMS is asked");
}

void
test_metadata(void)
{
	HttpClient *client = create_client();

	test_asked(client);
	test_certificate();
	test_nowhere_else(client);
	test_schemes(client);
	http_client_free(client);
}
