/*-------------------------------------------------------------------------
 *
 * test_walk.c
 *	  All of a text in JSON visited; and forms, which refuse what they do not
 *	  know.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>

#include "base/json.h"
#include "evidence/form.h"
#include "evidence_tap.h"

#define SEEN_MAX 4096

/* What was visited: pointer, kind and text of each. */
typedef struct Seen
{
	char		text[SEEN_MAX];
	const char *skip;			/* the pointer to what is not to be entered */
	const char *stop;
} Seen;

static JsonStep
note(void *state, const JsonNode *node)
{
	Seen	   *seen = state;
	size_t		len = strlen(seen->text);

	snprintf(seen->text + len, sizeof(seen->text) - len, "%s=%c:%.*s;", node->pointer,
			 "oasnbz"[node->kind], (int) node->text.len, (const char *) node->text.data);
	if (seen->stop != NULL && strcmp(seen->stop, node->pointer) == 0)
		return JSON_STOP;
	return seen->skip != NULL && strcmp(seen->skip, node->pointer) == 0 ? JSON_SKIP : JSON_ENTER;
}

static bool
walk(const char *json, Seen *seen)
{
	size_t		len = strlen(json);
	char	   *copy = malloc(len + 1);
	bool		ok;

	seen->text[0] = '\0';
	memcpy(copy, json, len);
	copy = realloc(copy, len + (len == 0));
	ok = json_walk(bytes_of(copy, len), note, seen);
	free(copy);
	return ok;
}

static void
test_visits(void)
{
	static const char *const cases[][2] = {
		{"1", "=n:1;"},
		{" \"a\" ", "=s:\"a\";"},
		{"[]", "=a:[];"},
		{"{}", "=o:{};"},
		{"{\"a\": [1, {\"b\": true}], \"c\": null}",
		"=o:{\"a\": [1, {\"b\": true}], \"c\": null};/a=a:[1, {\"b\": true}];/a/0=n:1;"
		"/a/1=o:{\"b\": true};/a/1/b=b:true;/c=z:null;"},
		{"{\"a/b\":{\"~\":\"]}\"}}", "=o:{\"a/b\":{\"~\":\"]}\"}};/a~1b=o:{\"~\":\"]}\"};/a~1b/~0=s:\"]}\";"},
		{"{\"a\":{\"x\":1},\"b\":{\"x\":2}}",
		"=o:{\"a\":{\"x\":1},\"b\":{\"x\":2}};/a=o:{\"x\":1};/a/x=n:1;/b=o:{\"x\":2};/b/x=n:2;"},
		{"[[[]],[\"\\\"\\\\\"]]", "=a:[[[]],[\"\\\"\\\\\"]];/0=a:[[]];/0/0=a:[];/1=a:[\"\\\"\\\\\"];/1/0=s:\"\\\"\\\\\";"},
	};
	static const char *const refused[] = {
		"", "{", "[1,]", "{\"a\":1}}", "{\"a\":1,\"a\":1}", "{\"a\":1,\"b\":{\"c\":1},\"a\":1}",
		"{\"b\":{\"a\":1,\"c\":[{\"a\":1}],\"a\":2}}", "{\"\\u0061\":1}", "{\"a\\\"b\":1}",
		"[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]",
	};
	Seen		seen = {.skip = NULL};
	bool		ok = true;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		TAP_EACH(ok, walk(cases[i][0], &seen) && strcmp(seen.text, cases[i][1]) == 0, "%s: %s", cases[i][0], seen.text);
	tap_ok(ok, "every value is visited in its order, with its pointer and its text");

	ok = true;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		TAP_EACH(ok, !walk(refused[i], &seen), "%s", refused[i]);
	tap_ok(ok, "what is no JSON, too deep, or has a name twice or escaped is refused");

	seen.skip = "/a";
	tap_ok(walk("{\"a\":{\"x\":1,\"x\":{\"y\":[2]}},\"b\":[{\"c\":3}]}", &seen) &&
		   strcmp(strchr(seen.text, ';') + 1,
				  "/a=o:{\"x\":1,\"x\":{\"y\":[2]}};/b=a:[{\"c\":3}];/b/0=o:{\"c\":3};/b/0/c=n:3;") == 0,
		   "what is skipped is not looked into, and what follows is");
	seen.skip = NULL;
	seen.stop = "/0";
	tap_ok(!walk("[1, 2]", &seen) && strcmp(seen.text, "=a:[1, 2];/0=n:1;") == 0, "a visitor can end it");
}

/* Names of one object, or pointers, as long or as many as they may be. */
static void
test_limits(void)
{
	static char json[JSON_TEXT_MAX + 2];
	static Seen seen;
	size_t		len;

	for (int n = JSON_NAMES_MAX; n <= JSON_NAMES_MAX + 1; n++)
	{
		len = 0;
		for (int i = 0; i < n; i++)
			len += sprintf(json + len, "%c\"%d\":0", i == 0 ? '{' : ',', i);
		strcpy(json + len, "}");
		tap_ok(walk(json, &seen) == (n == JSON_NAMES_MAX), "%d names in an object", n);
	}
	for (size_t n = JSON_POINTER_MAX / 2 - 1; n <= JSON_POINTER_MAX / 2; n++)
	{
		memset(json, '~', sizeof(json));
		memcpy(json, "{\"", 2);
		strcpy(json + 2 + n, "\":0}");
		tap_ok(walk(json, &seen) == (n < JSON_POINTER_MAX / 2), "a name of %zu bytes, each of which becomes two", n);
	}
	/* the longest pointer there is, to an object with something in it */
	memset(json, '~', JSON_POINTER_MAX / 2 + 1);
	memcpy(json, "{\"", 2);
	len = JSON_POINTER_MAX / 2 + 1;
	len += sprintf(json + len, "\":{\"");
	memset(json + len, 'a', 4096);
	strcpy(json + len + 4096, "\":0}}");
	tap_ok(!walk(json, &seen), "a name below the longest pointer");

	memset(json, ' ', sizeof(json) - 1);
	json[0] = '1';
	json[sizeof(json) - 1] = '\0';
	tap_ok(!walk(json, &seen), "a text that is too long");
	json[JSON_TEXT_MAX] = '\0';
	tap_ok(walk(json, &seen), "one that is as long as it may be");
}

typedef struct Sample
{
	const char *text;
	Bytes		hex;
	Bytes		base64;
	int64_t		number;
	int64_t		time_s;
	bool		flag;
	FormList	list;			/* of int64_t */
	FormList	map;			/* of NamedNumber */
} Sample;

typedef struct NamedNumber
{
	const char *name;
	int64_t		number;
} NamedNumber;

static const FormField number_item = {"", form_integer,.min = -5,.max = 5};
static const FormField named_item = {"", form_integer, offsetof(NamedNumber, number),.max = 9};

static const FormField inner_form[] = {
	{.name = "hex",.read = form_hex,.offset = offsetof(Sample, hex),.size = 2},
	{.name = NULL}
};

static const FormField form[] = {
	{.name = "text",.read = form_text,.offset = offsetof(Sample, text),.size = 4,.required = true},
	{.name = "inner",.read = form_object,.form = inner_form,.nullable = true},
	{.name = "base64",.read = form_base64,.offset = offsetof(Sample, base64),.size = 3},
	{.name = "number",.read = form_integer,.offset = offsetof(Sample, number),.min = -1,.max = 7,.absent = 3},
	{.name = "time",.read = form_time,.offset = offsetof(Sample, time_s)},
	{.name = "flag",.read = form_boolean,.offset = offsetof(Sample, flag)},
	{.name = "list",.read = form_list,.offset = offsetof(Sample, list),.size = sizeof(int64_t),.max = 2,.form = &number_item},
	{.name = "map",.read = form_map,.offset = offsetof(Sample, map),.size = sizeof(NamedNumber),.min = 1,.max = 2,.form = &named_item},
	{.name = NULL}
};

static void
test_forms(void)
{
	static const char *const faults[][2] = {
		{"[]", "must be an object"}, {"{}", "text: is missing"}, {"{\"text\":\"\"}", "text: must not be empty"},
		{"{\"text\":\"abcde\"}", "text: is too long"}, {"{\"text\":1}", "text: must be a string"},
		{"{\"text\":\"\\u00e9\"}", "text: has a character that it must not have"},
		{"{\"text\":null}", "text: must be a string"},
		{"{\"text\":\"a\",\"other\":1}", "other: is not known"},
		{"{\"text\":\"a\",\"\x1b[2J\":1}", "is not JSON, or too deep or long, or has a name twice"},
		{"{\"text\":\"a\",\"\x7f\":1}", "?: is not known"},
		{"{\"text\":\"a\",\"inner\":{\"hex\":\"abc\"}}", "inner/hex: must be 4 characters of hexadecimal"},
		{"{\"text\":\"a\",\"inner\":{\"hex\":\"abcg\"}}", "inner/hex: must be 4 characters of hexadecimal"},
		{"{\"text\":\"a\",\"inner\":{\"hax\":\"abcd\"}}", "inner/hax: is not known"},
		{"{\"text\":\"a\",\"inner\":[]}", "inner: must be an object"},
		{"{\"text\":\"a\",\"base64\":\"AAAAAA==\"}", "base64: is too long"},
		{"{\"text\":\"a\",\"base64\":\"A\"}", "base64: must be base64"},
		{"{\"text\":\"a\",\"base64\":\"\"}", "base64: must be base64"},
		{"{\"text\":\"a\",\"number\":8}", "number: must be an integer from -1 to 7"},
		{"{\"text\":\"a\",\"number\":-2}", "number: must be an integer from -1 to 7"},
		{"{\"text\":\"a\",\"number\":1e0}", "number: must be an integer from -1 to 7"},
		{"{\"text\":\"a\",\"number\":18446744073709551617}", "number: must be an integer from -1 to 7"},
		{"{\"text\":\"a\",\"time\":\"2026-02-30T00:00:00+1\"}", "time: must be a time like 2026-01-31T12:00:00Z"},
		{"{\"text\":\"a\",\"time\":\"2026-04-31T00:00:00Z\"}", "time: must be a time like 2026-01-31T12:00:00Z"},
		{"{\"text\":\"a\",\"flag\":\"true\"}", "flag: must be true or false"},
		{"{\"text\":\"a\",\"list\":[1,6]}", "list/1: must be an integer from -5 to 5"},
		{"{\"text\":\"a\",\"list\":[1,2,3]}", "list: has too many items"},
		{"{\"text\":\"a\",\"list\":{}}", "list: must be an array"},
		{"{\"text\":\"a\",\"map\":{}}", "map: has too few items"},
		{"{\"text\":\"a\",\"map\":{\"x\":\"1\"}}", "map/x: must be an integer"},
		{"{\"text\":\"a\",\"map\":{\"x\":1,\"x\":1}}", "map: has a name twice, or too many"},
	};
	static uint8_t room[4096] __attribute__((aligned(8)));
	FormMemory	memory = {room, 0, sizeof(room)};
	FormFault	fault;
	Sample		sample;
	const NamedNumber *named;
	bool		ok = true;

	tap_ok(form_read(bytes_of_string("{\"text\":\"a\\nb\",\"inner\":{\"hex\":\"aBcd\"},\"base64\":\"AAAA\",\"number\":-1,"
									 "\"time\":\"2024-02-29T23:59:59Z\",\"flag\":true,\"list\":[-5,5],\"map\":{\"x~\":9}}"),
					 form, &sample, sizeof(sample), &memory, &fault) &&
		   strcmp(sample.text, "a\nb") == 0 && bytes_equal(sample.hex, bytes_of("\xab\xcd", 2)) &&
		   bytes_equal(sample.base64, bytes_of("\0\0\0", 3)) && sample.number == -1 &&
		   sample.time_s == INT64_C(1709251199) && sample.flag && sample.list.n == 2 &&
		   ((const int64_t *) sample.list.items)[1] == 5 && sample.map.n == 1, "a form is read");
	named = sample.map.items;
	tap_ok(strcmp(named->name, "x~") == 0 && named->number == 9, "with the names of a map");
	tap_ok(form_read(bytes_of_string("{\"text\":\"a\",\"inner\":null}"), form, &sample, sizeof(sample), &memory, &fault) &&
		   sample.hex.len == 0 && sample.number == 3 && sample.list.n == 0, "what is not there is empty, or the default");

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
	{
		memory.used = 0;
		TAP_EACH(ok, !form_read(bytes_of_string(faults[i][0]), form, &sample, sizeof(sample), &memory, &fault) &&
				 strcmp(fault.text, faults[i][1]) == 0, "%s: %s", faults[i][0], fault.text);
	}
	tap_ok(ok, "what a form does not know, and each wrong value, is refused by its name");

	ok = true;
	for (size_t size = 0; size < 64; size++)
	{
		FormMemory	little = {room, 0, size};

		TAP_EACH(ok, form_read(bytes_of_string("{\"text\":\"abcd\",\"list\":[1,2]}"), form, &sample,
							   sizeof(sample), &little, &fault) == (size >= 24), "%zu bytes: %s", size, fault.text);
	}
	tap_ok(ok, "what does not fit into the memory is refused");
}

void
test_walk(void)
{
	test_visits();
	test_limits();
	test_forms();
}
