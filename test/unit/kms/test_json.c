/*-------------------------------------------------------------------------
 *
 * test_json.c
 *	  JSON written and read.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include "base/json.h"
#include "crypto/base64.h"
#include "kms/json_writer.h"

#define OUT_MAX 16

/* One text, one path; found is NULL where nothing is found. */
typedef struct FindCase
{
	const char *json;
	const char *path;
	bool		ok;
	const char *found;
} FindCase;

static const FindCase cases[] = {
	{"{\"a\":\"x\"}", "a", true, "x"},
	{" { \"a\" : { \"b\" : [ 1 , { \"c\" : \"x\" } ] } } ", "a.b.1.c", true, "x"},
	{"{\"errors\":[\"one\",\"two\"]}", "errors.0", true, "one"},
	{"{\"errors\":[\"one\",\"two\"]}", "errors.1", true, "two"},
	{"{\"errors\":[\"one\",\"two\"]}", "errors.2", true, NULL},
	{"{\"errors\":[[],\"two\"]}", "errors.1", true, "two"},
	{"{\"errors\":{\"0\":\"one\"}}", "errors.0", true, "one"},
	{"{\"a\":{\"b\":\"x\"},\"b\":\"y\"}", "b", true, "y"},
	{"{\"b\":{\"a\":{\"a\":1}},\"a\":{\"b\":\"y\"}}", "a.b", true, "y"},
	{"{\"a\":\"x\"}", "b", true, NULL},
	{"{\"a\":\"x\"}", "a.b", true, NULL},
	{"{\"a\":{\"b\":1}}", "a", true, NULL},
	{"{\"a\":[1]}", "a", true, NULL},
	{"{\"a\":null}", "a", true, NULL},
	{"{\"aa\":\"x\"}", "a", true, NULL},
	{"{\"\":\"x\"}", "a", true, NULL},
	{"\"a\"", "a", true, NULL},
	{"[]", "a", true, NULL},

	/* pointers of RFC 6901, for names with dots */
	{"{\"a\":{\"b\":[1,{\"c\":\"x\"}]}}", "/a/b/1/c", true, "x"},
	{"{\"a.b\":{\"c/d\":{\"~1\":\"x\"}}}", "/a.b/c~1d/~01", true, "x"},
	{"{\"a.b\":\"x\"}", "a.b", true, NULL},
	{"{\"a\":{\"b\":\"x\"}}", "/a.b", true, NULL},
	{"{\"\":{\"\":\"x\"}}", "//", true, "x"},
	{"{\"a\":\"x\"}", "/a/", true, NULL},
	{"{\"a.b\":\"x\",\"a.b\":\"x\"}", "/a.b", false, NULL},

	/* numbers and booleans are text as they are written */
	{"{\"a\":true}", "a", true, "true"},
	{"{\"a\":false}", "a", true, "false"},
	{"{\"a\":-1.50e+3}", "a", true, "-1.50e+3"},
	{"{\"a\":0}", "a", true, "0"},

	/* escapes */
	{"{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "a", true, "\"\\/\b\f\n\r\t"},
	{"{\"a\":\"\\u0041\\u003c\\u007F\"}", "a", true, "A<\177"},
	{"{\"\\u0061\":\"x\"}", "a", true, "x"},
	{"{\"a\":\"\xc3\xa9\"}", "a", true, "\xc3\xa9"},
	{"{\"a\":\"\\u0000\"}", "a", false, NULL},
	{"{\"a\":\"\\u00e9\"}", "a", false, NULL},
	{"{\"a\":\"\\ud83d\\ude00\"}", "a", false, NULL},
	{"{\"b\":\"\\u0000\\ud83d\",\"\\u0000\":1,\"a\":\"x\"}", "a", true, "x"},
	{"{\"a\":\"\\x41\"}", "a", false, NULL},
	{"{\"a\":\"\\u00g0\"}", "a", false, NULL},
	{"{\"a\":\"\\u00\"}", "a", false, NULL},
	{"{\"a\":\"x\ny\"}", "a", false, NULL},

	/* a name twice, in whatever way, where it leads to what is wanted */
	{"{\"a\":\"x\",\"a\":\"x\"}", "a", false, NULL},
	{"{\"a\":\"x\",\"a\":null}", "a", false, NULL},
	{"{\"a\":\"x\",\"\\u0061\":\"y\"}", "a", false, NULL},
	{"{\"a\":{\"b\":\"x\"},\"a\":{\"b\":\"y\"}}", "a.b", false, NULL},
	{"{\"a\":{\"b\":\"x\"},\"a\":{}}", "a.b", false, NULL},
	{"{\"a\":null,\"a\":{\"b\":\"x\"}}", "a.b", false, NULL},
	{"{\"c\":1,\"c\":2,\"a\":\"x\"}", "a", true, "x"},
	{"{\"c\":{\"a\":1},\"d\":{\"a\":2},\"a\":\"x\"}", "a", true, "x"},

	/* what does not fit: an out has 16 bytes */
	{"{\"a\":\"123456789012345\"}", "a", true, "123456789012345"},
	{"{\"a\":\"1234567890123456\"}", "a", false, NULL},
	{"{\"a\":123456789012345}", "a", true, "123456789012345"},
	{"{\"a\":1234567890123456}", "a", false, NULL},
	{"{\"b\":\"12345678901234567890\",\"a\":1}", "a", true, "1"},

	/* not JSON */
	{"", "a", false, NULL},
	{" ", "a", false, NULL},
	{"{", "a", false, NULL},
	{"{\"a\":\"x\"", "a", false, NULL},
	{"{\"a\":\"x\"}}", "a", false, NULL},
	{"{\"a\":\"x\"} x", "a", false, NULL},
	{"{\"a\":\"x\"}{}", "a", false, NULL},
	{"{\"a\":\"x\",}", "a", false, NULL},
	{"{\"a\" \"x\"}", "a", false, NULL},
	{"{\"a\":}", "a", false, NULL},
	{"{a:\"x\"}", "a", false, NULL},
	{"{'a':'x'}", "a", false, NULL},
	{"{1:\"x\"}", "a", false, NULL},
	{"{\"a\":01}", "a", false, NULL},
	{"{\"a\":tru}", "a", false, NULL},
	{"{\"a\":NaN}", "a", false, NULL},
	{"[1,]", "a", false, NULL},
	{"]", "a", false, NULL},
	{"[}", "a", false, NULL},
	{"<html>", "a", false, NULL},
	{"{\"a\":\"x", "a", false, NULL},
	{"{\"a\":\"x\\", "a", false, NULL},
	{"{\"a\":\"x\\\"}", "a", false, NULL},
	{"\xff\xfe{}", "a", false, NULL},
};

static void test_cases(void);
static void test_several(void);
static void test_depth(void);
static void test_bounds(void);
static void test_strings(void);
static void test_base64(void);

void
test_json(void)
{
	test_cases();
	test_several();
	test_depth();
	test_bounds();
	test_strings();
	test_base64();
}

/* In memory of that length, so that a sanitizer sees a byte more. */
static bool
find_exact(const char *json, Size len, JsonWanted *wanted, int n)
{
	char	   *copy = malloc(len + (len == 0));
	bool		ok;

	memcpy(copy, json, len);
	ok = json_find(bytes_of(copy, len), wanted, n);
	free(copy);
	return ok;
}

static void
test_cases(void)
{
	bool		ok = true;

	for (int i = 0; i < lengthof(cases); i++)
	{
		const FindCase *c = &cases[i];
		char		out[OUT_MAX];
		JsonWanted	wanted = {c->path, out, sizeof(out), true};
		bool		answer;

		memset(out, 'z', sizeof(out));
		answer = find_exact(c->json, strlen(c->json), &wanted, 1);
		TAP_EACH(ok, answer == c->ok && wanted.found == (c->found != NULL) &&
				 strcmp(out, c->found ? c->found : "") == 0,
				 "%s in %s: %s, \"%s\"", c->path, c->json, answer ? "read" : "refused", out);
	}
	tap_ok(ok, "values are found by their paths, and what is not JSON or not clear is refused");
}

static void
test_several(void)
{
	static const char json[] = "{\"auth\":{\"client_token\":\"s.key\",\"lease_duration\":60}}";
	char		token[OUT_MAX];
	char		lifetime[OUT_MAX];
	JsonWanted	wanted[] = {
		{"auth.lease_duration", lifetime, sizeof(lifetime), false},
		{"auth.client_token", token, sizeof(token), false},
	};
	bool		wiped = true;

	tap_ok(find_exact(json, strlen(json), wanted, 2) && wanted[0].found && wanted[1].found &&
		   strcmp(token, "s.key") == 0 && strcmp(lifetime, "60") == 0,
		   "several values are found in one text");
	tap_ok(!find_exact("{\"auth\":{\"client_token\":\"s.key\",\"lease_duration\":60}", 52, wanted, 2) &&
		   !wanted[0].found && !wanted[1].found, "all are found or none");

	memset(token, 'z', sizeof(token));
	(void) find_exact("{\"auth\":{\"client_token\":\"s.key\"},\"auth\":1}", 42, wanted, 2);
	for (int i = 0; i < OUT_MAX; i++)
		wiped &= token[i] == '\0';
	tap_ok(wiped, "what was found in a text that is then refused is wiped");
}

static void
test_depth(void)
{
	static char json[JSON_TEXT_MAX + 2];
	char		out[OUT_MAX];
	JsonWanted	wanted = {"a", out, sizeof(out), false};
	bool		ok = true;

	for (int depth = 1; depth <= JSON_DEPTH_MAX + 2; depth++)
	{
		for (int kind = 0; kind < 2; kind++)
		{
			json[0] = '\0';
			for (int i = 0; i < depth; i++)
				strcat(json, kind == 0 ? "[" : "{\"b\":");
			strcat(json, "\"[[[[[[[[[[[[[[[[[[{{{{{{{{\\\"[\"");
			for (int i = 0; i < depth; i++)
				strcat(json, kind == 0 ? "]" : "}");
			TAP_EACH(ok, find_exact(json, strlen(json), &wanted, 1) == (depth <= JSON_DEPTH_MAX),
					 "depth %d of kind %d", depth, kind);
		}
	}
	tap_ok(ok, "what is nested deeper than %d is refused, and brackets in strings do not count",
		   JSON_DEPTH_MAX);

	memset(json, '[', sizeof(json));
	ok = !find_exact(json, JSON_TEXT_MAX, &wanted, 1);
	json[0] = '\"';
	tap_ok(ok && !find_exact(json, JSON_TEXT_MAX, &wanted, 1),
		   "so many brackets as fit into a text do no harm");

	memset(json, ' ', sizeof(json));
	memcpy(json, "{}", 2);
	tap_ok(find_exact(json, JSON_TEXT_MAX, &wanted, 1) &&
		   !find_exact(json, JSON_TEXT_MAX + 1, &wanted, 1),
		   "what is longer than a text may be is refused");
}

/* Every part of a text, and every byte of it replaced. */
static void
test_bounds(void)
{
	static const char json[] =
		"{\"a\":{\"b\":[true,-1.5e3,null,\"\\u0041\\n\"]},\"c\":\"x\"}";
	char		out[OUT_MAX];
	JsonWanted	wanted = {"a.b.3", out, sizeof(out), false};
	bool		ok = true;

	for (Size len = 0; len < strlen(json); len++)
		TAP_EACH(ok, !find_exact(json, len, &wanted, 1), "%zu bytes", len);
	tap_ok(ok, "a text that is cut short is refused, wherever it is cut");

	ok = true;
	for (Size at = 0; at < strlen(json); at++)
	{
		char		copy[sizeof(json)];

		memcpy(copy, json, sizeof(json));
		copy[at] = '\0';
		TAP_EACH(ok, !find_exact(copy, strlen(json), &wanted, 1), "byte %zu", at);
	}
	tap_ok(ok, "a NUL is refused, wherever it stands");
}

static KmsRequest request;

static bool
body_is(const char *expected)
{
	return !request.invalid &&
		bytes_equal(bytes_of(request.body, request.body_len), bytes_of_string(expected));
}

static void
test_strings(void)
{
	static char fill[KMS_REQUEST_BODY_MAX];
	bool		ok;

	http_request_init(&request, "POST", "");
	json_put_string(&request, "");
	json_put_string(&request, "a\"b\\c/d\n\t\r\x01\x1f\x7f\xc3\xa9");
	tap_ok(body_is("\"\"\"a\\\"b\\\\c/d\\u000a\\u0009\\u000d\\u0001\\u001f\x7f\xc3\xa9\""),
		   "strings are quoted, with quotes, backslashes and control characters escaped");

	memset(fill, 'x', sizeof(fill) - 2);
	http_request_init(&request, "POST", "");
	json_put_string(&request, fill);
	ok = !request.invalid && request.body_len == KMS_REQUEST_BODY_MAX;
	http_request_init(&request, "POST", "");
	fill[10] = '"';
	json_put_string(&request, fill);
	tap_ok(ok && request.invalid, "a string that does not fit makes the request invalid");
}

static void
test_base64(void)
{
	/* RFC 4648, section 10; then all that is not the one way to write it */
	static const char *const vectors[][2] = {
		{"", "\"\""}, {"f", "\"Zg==\""}, {"fo", "\"Zm8=\""}, {"foo", "\"Zm9v\""},
		{"foob", "\"Zm9vYg==\""}, {"fooba", "\"Zm9vYmE=\""}, {"foobar", "\"Zm9vYmFy\""},
	};
	static const char *const refused[] = {
		"Zg", "Zg=", "Zg===", "Zh==", "Zm8", "Zm9=", "Zm9v\n", "Zm 9v", " Zm9v", "Zm9v=",
		"Zm9-", "Zm9_", "Z", "=", "====", "Zg==Zg==", "Zm9v\xc3\xa9", "Zm9vYmFyeA==",
		"\xff\xffU=", "Zm9\xff",
	};
	static uint8 bytes[KMS_REQUEST_BODY_MAX];
	bool		ok = true;
	Size		most = (KMS_REQUEST_BODY_MAX - 2) / 4 * 3;

	for (int i = 0; i < lengthof(vectors); i++)
	{
		char		encoded[16];
		uint8		decoded[8];
		Size		len = 99;

		http_request_init(&request, "POST", "");
		json_put_base64(&request, bytes_of_string(vectors[i][0]));
		strlcpy(encoded, vectors[i][1] + 1, sizeof(encoded));
		encoded[strlen(encoded) - 1] = '\0';
		TAP_EACH(ok, body_is(vectors[i][1]) &&
				 base64_decode(encoded, decoded, strlen(vectors[i][0]), &len) &&
				 bytes_equal(bytes_of(decoded, len), bytes_of_string(vectors[i][0])),
				 "%s", vectors[i][0]);
	}
	tap_ok(ok, "base64 is written and read as in RFC 4648");

	ok = true;
	for (int i = 0; i < lengthof(refused); i++)
	{
		uint8		decoded[6] = "zzzzz";
		Size		len = 99;

		TAP_EACH(ok, !base64_decode(refused[i], decoded, sizeof(decoded), &len) &&
				 len == 0 && memcmp(decoded, "\0\0\0\0\0\0", 6) == 0, "%s", refused[i]);
	}
	tap_ok(ok, "base64 that is not canonical or does not fit is refused, with nothing left behind");

	http_request_init(&request, "POST", "");
	json_put_base64(&request, bytes_of(bytes, most));
	ok = !request.invalid && request.body_len == KMS_REQUEST_BODY_MAX - 2 &&
		request.body[request.body_len - 1] == '"';
	http_request_init(&request, "POST", "");
	json_put_base64(&request, bytes_of(bytes, most + 1));
	ok = ok && request.invalid;
	http_request_init(&request, "POST", "");
	json_put_base64(&request, bytes_of(bytes, SIZE_MAX / 2));
	tap_ok(ok && request.invalid, "base64 that does not fit makes the request invalid");
}
