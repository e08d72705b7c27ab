/*-------------------------------------------------------------------------
 *
 * json_writer.c
 *	  JSON of requests, written where it is to stand.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sodium.h>

#include "kms/json_writer.h"

void
json_put_string(KmsRequest *request, const char *text)
{
	kms_request_body(request, bytes_of("\"", 1));
	for (const char *c = text; *c != '\0'; c++)
	{
		char		escaped[8];

		if (*c == '"' || *c == '\\')
			snprintf(escaped, sizeof(escaped), "\\%c", *c);
		else if ((uint8) *c < ' ')
			snprintf(escaped, sizeof(escaped), "\\u%04x", *c);
		else
		{
			kms_request_body(request, bytes_of(c, 1));
			continue;
		}
		kms_request_body(request, bytes_of_string(escaped));
	}
	kms_request_body(request, bytes_of("\"", 1));
}

void
json_put_member(KmsRequest *request, const char *name, const char *value)
{
	kms_request_body(request, bytes_of_string(request->body_len == 0 ? "{" : ","));
	json_put_string(request, name);
	kms_request_body(request, bytes_of_string(":"));
	json_put_string(request, value);
}

/* Encoded where it is to stand: what is wrapped is a key. */
static void
put_encoded(KmsRequest *request, Bytes bytes, int variant)
{
	Size		len;

	kms_request_body(request, bytes_of("\"", 1));
	if (request->invalid || bytes.len > KMS_REQUEST_BODY_MAX ||
		(len = sodium_base64_encoded_len(bytes.len, variant)) >
		KMS_REQUEST_BODY_MAX - request->body_len)
	{
		request->invalid = true;
		return;
	}
	sodium_bin2base64(request->body + request->body_len, len, bytes.data, bytes.len, variant);
	request->body_len += len - 1;	/* without its NUL */
	kms_request_body(request, bytes_of("\"", 1));
}

void
json_put_base64(KmsRequest *request, Bytes bytes)
{
	put_encoded(request, bytes, sodium_base64_VARIANT_ORIGINAL);
}

void
json_put_base64url(KmsRequest *request, Bytes bytes)
{
	put_encoded(request, bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}
