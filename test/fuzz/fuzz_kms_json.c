/*-------------------------------------------------------------------------
 *
 * fuzz_kms_json.c
 *	  Any bytes as a reply in JSON, as a string to be written, as base64.
 *
 * What is found fits and ends; what is written is read back; base64 that is
 * read is what we would write.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/json.h"
#include "crypto/base64.h"
#include "kms/json_writer.h"
#include "fuzz.h"

#define OUT_MAX 64

static void
check_find(Bytes in)
{
	char		out[4][OUT_MAX];
	JsonWanted	wanted[] = {
		{"data.plaintext", out[0], OUT_MAX, false},
		{"auth.client_token", out[1], 8, false},
		{"errors.0", out[2], OUT_MAX, false},
		{"a", out[3], OUT_MAX, false},
	};
	bool		ok;

	memset(out, 'z', sizeof(out));
	ok = json_find(in, wanted, lengthof(wanted));
	for (int i = 0; i < lengthof(wanted); i++)
	{
		check(strnlen(out[i], wanted[i].size) < wanted[i].size);
		check(wanted[i].found ? ok : out[i][0] == '\0');
	}
}

static void
check_string(const char *text)
{
	static KmsRequest request;
	static char out[KMS_REQUEST_BODY_MAX];
	JsonWanted	wanted = {"a", out, sizeof(out), false};

	http_request_init(&request, "POST", "");
	kms_request_body(&request, bytes_of_string("{\"a\":"));
	json_put_string(&request, text);
	kms_request_body(&request, bytes_of_string("}"));
	if (!request.invalid)
		check(json_find(bytes_of(request.body, request.body_len), &wanted, 1) &&
			  wanted.found && strcmp(out, text) == 0);
}

static void
check_base64(const char *text)
{
	static KmsRequest request;
	static uint8 out[KMS_REQUEST_BODY_MAX];
	Size		capacity = strlen(text) / 2;
	Size		len;

	if (!base64_decode(text, out, capacity, &len))
		return;
	check(len <= capacity);
	http_request_init(&request, "POST", "");
	json_put_base64(&request, bytes_of(out, len));
	check(!request.invalid && request.body_len == strlen(text) + 2 &&
		  memcmp(request.body + 1, text, strlen(text)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	check_find(bytes_of(data, size));
	check_string(text);
	check_base64(text);
	free(text);
	return 0;
}
