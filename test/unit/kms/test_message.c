/*-------------------------------------------------------------------------
 *
 * test_message.c
 *	  Building requests: what is escaped, what is refused, what fits.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

static KmsRequest request;

static void test_parts(void);
static void test_escapes(void);
static void test_refusals(void);
static void test_limits(void);

void
test_message(void)
{
	test_parts();
	test_escapes();
	test_refusals();
	test_limits();
}

static void
begin(void)
{
	http_request_init(&request, "POST", "https://kms.example");
}

static void
test_parts(void)
{
	static const char headers[] = "A: 1\0B-C: two words";

	memset(&request, 0xff, sizeof(request));
	begin();
	http_request_path(&request, "/v1/");
	http_request_header(&request, "A", "1");
	http_request_header(&request, "B-C", "two words");
	kms_request_body(&request, bytes_of("{\0", 2));
	kms_request_body(&request, bytes_of("}", 1));
	tap_ok(!request.invalid && strcmp(request.method, "POST") == 0 &&
		   strcmp(request.url, "https://kms.example/v1/") == 0 &&
		   request.url_len == strlen(request.url) &&
		   bytes_equal(bytes_of(request.headers, request.headers_len),
					   bytes_of(headers, sizeof(headers))) &&
		   bytes_equal(bytes_of(request.body, request.body_len), bytes_of("{\0}", 3)),
		   "a request is what was put into it, one part after the other");
}

static void
test_escapes(void)
{
	bool		ok = true;

	for (int byte = 1; byte < 256; byte++)
	{
		char		in[] = {(char) byte, '\0'};
		char		expected[8];

		if (byte < 0x80 && (isalnum(byte) || strchr("-._~", byte) != NULL))
			snprintf(expected, sizeof(expected), "%c", byte);
		else
			snprintf(expected, sizeof(expected), "%%%02X", byte);
		http_request_init(&request, "GET", "");
		http_request_escaped(&request, in);
		TAP_EACH(ok, !request.invalid && strcmp(request.url, expected) == 0, "byte %d", byte);
	}
	tap_ok(ok, "what is not unreserved in RFC 3986 is escaped in a URL");
}

static void
test_refusals(void)
{
	bool		header = true;
	bool		path = true;

	for (int byte = 1; byte < 256; byte++)
	{
		char		in[] = {'a', (char) byte, 'b', '\0'};

		begin();
		http_request_header(&request, "Name", in);
		TAP_EACH(header, request.invalid == (byte < ' ' || byte > '~'), "byte %d", byte);
		begin();
		http_request_path(&request, in);
		TAP_EACH(path, request.invalid == (byte <= ' ' || byte > '~'), "byte %d", byte);
	}
	tap_ok(header, "a header takes printable ASCII only, so that no value makes another header");
	tap_ok(path, "a URL takes printable ASCII without spaces only");

	begin();
	http_request_header(&request, "Name", "a\nb");
	http_request_header(&request, "Name", "b");
	kms_request_body(&request, bytes_of("x", 1));
	tap_ok(request.invalid && request.headers_len == 0 && request.body_len == 0,
		   "an invalid request stays so, and takes nothing more");
}

static void
test_limits(void)
{
	static char fill[KMS_REQUEST_BODY_MAX + 1];
	bool		ok;

	memset(fill, 'x', sizeof(fill) - 1);
	http_request_init(&request, "GET", "");
	fill[HTTP_URL_MAX - 1] = '\0';
	http_request_path(&request, fill);
	ok = !request.invalid && request.url_len == HTTP_URL_MAX - 1;
	http_request_path(&request, "y");
	tap_ok(ok && request.invalid && request.url[HTTP_URL_MAX - 1] == '\0',
		   "a URL is filled to its last byte and not further");
	fill[HTTP_URL_MAX - 1] = 'x';

	begin();
	fill[HTTP_HEADERS_MAX - 4] = '\0';
	http_request_header(&request, "N", fill);
	ok = !request.invalid && request.headers_len == HTTP_HEADERS_MAX;
	http_request_header(&request, "", "");
	tap_ok(ok && request.invalid, "headers are filled to their last byte and not further");
	fill[HTTP_HEADERS_MAX - 4] = 'x';

	begin();
	kms_request_body(&request, bytes_of(fill, KMS_REQUEST_BODY_MAX));
	ok = !request.invalid && request.body_len == KMS_REQUEST_BODY_MAX;
	kms_request_body(&request, bytes_of("y", 1));
	tap_ok(ok && request.invalid, "a body is filled to its last byte and not further");
}
