/*-------------------------------------------------------------------------
 *
 * http_reading.c
 *	  Reads the reply to a request, or why there is none.
 *
 * A reply must have all of its headers, and its body a length, or chunks.  What
 * ends with the connection could be cut off by anybody on the network: libcurl
 * lets a close without TLS's goodbye pass.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "kms/curl_rules.h"
#include "kms/http_reading.h"

#define HEADER_BYTES_MAX	65536	/* of a reply, interim ones included */
#define HEADER_LINES_MAX	256
#define RETRY_AFTER_MAX_S	30
#define DATE_LEN			29	/* IMF-fixdate: RFC 9110, 5.6.7 */
#define DATE_MIN_S			INT64CONST(1577836800)	/* 2020 */
#define DATE_MAX_S			INT64CONST(4102444800)	/* 2100 */

/* Whose value is kept, for a support case. */
static const char *const request_id_headers[] = {
	"x-request-id:", "x-amzn-requestid:", "x-ms-request-id:"
};

/* The data are in a buffer that libcurl keeps for the next transfer. */
static size_t
body_arrived(char *data, size_t size, size_t count, void *argument)
{
	KmsReply   *reply = ((HttpReading *) argument)->reply;
	Size		len = size * count;

	if (len > KMS_REPLY_BODY_MAX - reply->body_len)
		return 0;
	memcpy(reply->body + reply->body_len, data, len);
	OPENSSL_cleanse(data, len);
	reply->body_len += len;
	return len;
}

/* Of the value, what is printable and no blank. */
static void
keep_request_id(KmsReply *reply, const char *value, Size len)
{
	Size		kept = 0;

	for (Size i = 0; i < len && kept < sizeof(reply->request_id) - 1; i++)
	{
		if (value[i] > ' ' && value[i] < 0x7f)
			reply->request_id[kept++] = value[i];
	}
	reply->request_id[kept] = '\0';
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The value without the blanks around it; whole and printable, or nothing. */
static void
copy_value(char *copy, Size size, const char *value, Size len)
{
	for (; len > 0 && is_blank(*value); len--)
		value++;
	while (len > 0 && is_blank(value[len - 1]))
		len--;
	if (len >= size)
		len = 0;
	for (Size i = 0; i < len; i++)
	{
		if (value[i] < ' ' || value[i] > '~')
			len = 0;
	}
	memcpy(copy, value, len);
	copy[len] = '\0';
}

static bool
is_of(char c, char form)
{
	switch (form)
	{
		case '0':
			return c >= '0' && c <= '9';
		case 'A':
			return c >= 'A' && c <= 'Z';
		case 'a':
			return c >= 'a' && c <= 'z';
		default:
			return c == form;
	}
}

/* 0 unless it is a date as they are sent; curl_getdate() reads much else. */
static int64
read_date(const char *value, Size len)
{
	static const char form[] = "Aaa, 00 Aaa 0000 00:00:00 GMT";
	char		date[DATE_LEN + 1];
	int64		date_s;

	copy_value(date, sizeof(date), value, len);
	for (int i = 0; i < DATE_LEN; i++)
	{
		if (!is_of(date[i], form[i]))
			return 0;
	}
	date_s = curl_getdate(date, NULL);
	return date_s >= DATE_MIN_S && date_s < DATE_MAX_S ? date_s : 0;
}

static bool
begins(const char *line, Size len, const char *with)
{
	return len >= strlen(with) && pg_strncasecmp(line, with, strlen(with)) == 0;
}

static void
clear_headers(KmsReply *reply)
{
	reply->date_s = 0;
	reply->request_id[0] = '\0';
	reply->metadata_flavor[0] = '\0';
}

static void
keep_header(KmsReply *reply, const char *line, Size len)
{
	static const char date[] = "Date:";
	static const char flavor[] = "Metadata-Flavor:";

	if (begins(line, len, date))
		reply->date_s = read_date(line + strlen(date), len - strlen(date));
	if (begins(line, len, flavor))
		copy_value(reply->metadata_flavor, sizeof(reply->metadata_flavor),
				   line + strlen(flavor), len - strlen(flavor));
	for (int i = 0; i < lengthof(request_id_headers); i++)
	{
		const char *name = request_id_headers[i];

		if (begins(line, len, name))
			keep_request_id(reply, line + strlen(name), len - strlen(name));
	}
}

static size_t
header_arrived(char *line, size_t size, size_t count, void *argument)
{
	HttpReading *reading = argument;
	Size		len = size * count;

	reading->header_bytes += len;
	reading->header_lines++;
	if (reading->header_bytes > HEADER_BYTES_MAX || reading->header_lines > HEADER_LINES_MAX)
		return 0;

	/* An interim reply may have come before. */
	if (begins(line, len, "HTTP/"))
	{
		reading->headers_over = reading->length_told = false;
		clear_headers(reading->reply);
	}
	if (begins(line, len, "\r\n") || begins(line, len, "\n"))
		reading->headers_over = true;
	if (begins(line, len, "Content-Length:") || begins(line, len, "Transfer-Encoding:"))
		reading->length_told = true;
	if (!reading->headers_over)
		keep_header(reading->reply, line, len);
	return len;
}

void
http_reading_init(HttpReading *reading, KmsReply *reply)
{
	memset(reading, 0, sizeof(*reading));
	reading->reply = reply;
	kms_reply_init(reply);
}

CURLcode
http_reading_set(HttpReading *reading, CURL *easy)
{
	CURLcode	code;

	if ((code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header_arrived)) == CURLE_OK &&
		(code = curl_easy_setopt(easy, CURLOPT_HEADERDATA, reading)) == CURLE_OK &&
		(code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_arrived)) == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_WRITEDATA, reading);
	return code;
}

static void
fail_with(HttpReading *reading, CURLcode code)
{
	const char *text;
	KmsFailure	failure = curl_failure(code, reading->address_refused, &text);

	/* Closed in the middle of a reply, not without a word. */
	if ((code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING) && reading->header_bytes > 0)
		failure = KMS_BAD_REPLY;
	kms_reply_lost(reading->reply, failure, text);
}

void
http_reading_end(HttpReading *reading, CURL *easy, CURLcode code)
{
	KmsReply   *reply = reading->reply;
	curl_off_t	retry_after_s = 0;
	long		status = 0;

	if (code != CURLE_OK)
		fail_with(reading, code);
	else if (curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK ||
			 status < 200 || status > 599)
		kms_reply_lost(reply, KMS_BAD_REPLY, "Unknown status");
	else if (!reading->headers_over || (reply->body_len > 0 && !reading->length_told))
		kms_reply_lost(reply, KMS_BAD_REPLY, "The reply does not tell where it ends");
	else
	{
		reply->status = (int) status;
		if (curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after_s) == CURLE_OK)
			reply->retry_after_ms = Min(Max(retry_after_s, 0), RETRY_AFTER_MAX_S) * 1000;
	}
	reply->body[reply->body_len] = '\0';
}
