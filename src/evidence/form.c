/*-------------------------------------------------------------------------
 *
 * form.c
 *	  Objects of JSON whose members are known, read into structs.
 *
 * json_walk() is asked for the members of one object at a time; what is inside
 * of them is read by the same means.  A text is thus walked once for each of
 * the few levels that a form has, and refuses names that come twice.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/form.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/base64.h"

#define NUMBER_DIGITS_MAX	18	/* fits into 64 bits */
#define ALIGNMENT			8	/* of what is in a form's struct */
#define WHY_MAX				96

typedef struct ObjectWalk
{
	FormReading *reading;
	const FormField *form;
	uint8_t    *record;
	uint64_t	seen;			/* bit i: field i of the form */
} ObjectWalk;

typedef struct ListWalk
{
	FormReading *reading;
	const FormField *field;
	JsonKind	kind;			/* array, or object with any names */
	uint8_t    *items;			/* NULL: they are being counted */
	int			n;
} ListWalk;

static JsonStep visit_member(void *state, const JsonNode *node);
static JsonStep visit_item(void *state, const JsonNode *node);

void *
form_room(FormMemory *memory, size_t n)
{
	size_t		past = (uintptr_t) (memory->data + memory->used) % ALIGNMENT;
	size_t		aligned = memory->used + (past == 0 ? 0 : ALIGNMENT - past);

	if (aligned > memory->size || n > memory->size - aligned)
		return NULL;
	memory->used = aligned + n;
	return memory->data + aligned;
}

/* Why what is being read is refused: "must be ...".  Always false. */
static bool
refuse(FormReading *reading, const char *why)
{
	/* the innermost reason is the one that helps */
	if (reading->fault->text[0] == '\0')
		snprintf(reading->fault->text, sizeof(reading->fault->text), "%s%s%s",
				 reading->pointer_len > 0 ? reading->pointer + 1 : "",
				 reading->pointer_len > 0 ? ": " : "", why);
	return false;
}

/* Another's words: printable characters only, and cut when they are long. */
static void
enter_pointer(FormReading *reading, const char *pointer)
{
	for (; *pointer != '\0' && reading->pointer_len + 1 < FORM_POINTER_MAX; pointer++)
		reading->pointer[reading->pointer_len++] = isprint((unsigned char) *pointer) ? *pointer : '?';
	reading->pointer[reading->pointer_len] = '\0';
}

static void
leave_pointer(FormReading *reading, size_t len)
{
	reading->pointer_len = len;
	reading->pointer[len] = '\0';
}

static bool
is_kind(FormReading *reading, const JsonNode *node, JsonKind kind)
{
	static const char *const words[] = {
		[JSON_IS_OBJECT] = "must be an object",
		[JSON_IS_ARRAY] = "must be an array",
		[JSON_IS_STRING] = "must be a string",
		[JSON_IS_NUMBER] = "must be an integer",
		[JSON_IS_BOOLEAN] = "must be true or false",
	};

	return node->kind == kind || refuse(reading, words[kind]);
}

/* A string in memory, un-escaped; NULL: refused. */
static char *
take_text(FormReading *reading, const JsonNode *node)
{
	char	   *text;

	if (!is_kind(reading, node, JSON_IS_STRING))
		return NULL;
	text = form_room(reading->memory, node->text.len);
	if (text == NULL)
	{
		(void) refuse(reading, "does not fit");
		return NULL;
	}
	if (!json_unescape(node->text, text, node->text.len))
	{
		(void) refuse(reading, "has a character that it must not have");
		return NULL;
	}
	return text;
}

bool
form_string(FormReading *reading, const FormField *field, const JsonNode *node, void *out)
{
	const char *text = take_text(reading, node);

	if (text == NULL)
		return false;
	if (strlen(text) > field->size)
		return refuse(reading, "is too long");
	*(const char **) out = text;
	return true;
}

bool
form_text(FormReading *reading, const FormField *field, const JsonNode *node, void *out)
{
	return form_string(reading, field, node, out) &&
		(**(const char **) out != '\0' || refuse(reading, "must not be empty"));
}

bool
form_constant(FormReading *reading, const FormField *field, const JsonNode *node, void *out)
{
	const char *text = take_text(reading, node);
	char		why[WHY_MAX];

	if (text == NULL)
		return false;
	snprintf(why, sizeof(why), "must be \"%s\"", field->constant);
	return strcmp(text, field->constant) == 0 || refuse(reading, why);
}

static int
hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit = c == '\0' ? NULL : strchr(digits, tolower((unsigned char) c));

	return digit == NULL ? -1 : (int) (digit - digits);
}

bool
form_parse_hex(const char *text, uint8_t *out, size_t len)
{
	if (strlen(text) != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++)
	{
		int			high = hex_value(text[2 * i]);
		int			low = hex_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t) (high << 4 | low);
	}
	return true;
}

bool
form_hex(FormReading *reading, const FormField *field, const JsonNode *node, void *out)
{
	char	   *text = take_text(reading, node);
	size_t		least = field->min > 0 ? (size_t) field->min : field->size;
	char		why[WHY_MAX];
	size_t		len;

	if (text == NULL)
		return false;
	snprintf(why, sizeof(why), "must be %zu characters of hexadecimal", 2 * field->size);
	len = strlen(text) / 2;
	if (len < least || len > field->size || !form_parse_hex(text, (uint8_t *) text, len))
		return refuse(reading, why);
	*(Bytes *) out = bytes_of(text, len);
	return true;
}

bool
form_base64(FormReading *reading, const FormField *field, const JsonNode *node, void *out)
{
	char	   *text = take_text(reading, node);
	size_t		len;

	if (text == NULL)
		return false;
	if (!base64_decode(text, (uint8_t *) text, strlen(text), &len) || len == 0)
		return refuse(reading, "must be base64");
	if (len > field->size)
		return refuse(reading, "is too long");
	*(Bytes *) out = bytes_of(text, len);
	return true;
}

bool
form_integer(FormReading *reading, const FormField *field, const JsonNode *node, void *out)
{
	char		digits[NUMBER_DIGITS_MAX + 2];
	char		why[WHY_MAX];
	char	   *end;
	long long	number;

	if (!is_kind(reading, node, JSON_IS_NUMBER))
		return false;
	snprintf(why, sizeof(why), "must be an integer from %lld to %lld",
			 (long long) field->min, (long long) field->max);
	if (node->text.len > NUMBER_DIGITS_MAX)
		return refuse(reading, why);
	memcpy(digits, node->text.data, node->text.len);
	digits[node->text.len] = '\0';
	number = strtoll(digits, &end, 10);
	if (*end != '\0' || number < field->min || number > field->max)
		return refuse(reading, why);
	*(int64_t *) out = number;
	return true;
}

bool
form_boolean(FormReading *reading, const FormField *field, const JsonNode *node, void *out)
{
	if (!is_kind(reading, node, JSON_IS_BOOLEAN))
		return false;
	*(bool *) out = node->text.data[0] == 't';
	return true;
}

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t
days_of(int64_t year, int month, int day)
{
	/* years begin in March, so that a leap day is the last of one */
	int64_t		y = month > 2 ? year : year - 1;
	int64_t		day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

bool
form_parse_time(const char *text, int64_t *at_s)
{
	static const char pattern[] = "0000-00-00T00:00:00Z";
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int			part[6] = {0};
	int			n = 0;

	if (strlen(text) != strlen(pattern))
		return false;
	for (size_t i = 0; pattern[i] != '\0'; i++)
	{
		if (pattern[i] != '0')
		{
			if (text[i] != pattern[i])
				return false;
			n++;
		}
		else if (text[i] < '0' || text[i] > '9')
			return false;
		else
			part[n] = part[n] * 10 + text[i] - '0';
	}
	if (part[0] < 1970 || part[1] < 1 || part[1] > 12 || part[2] < 1 ||
		part[2] > days[part[1] - 1] || part[3] > 23 || part[4] > 59 || part[5] > 60)
		return false;
	*at_s = days_of(part[0], part[1], part[2]) * 86400 + part[3] * 3600 + part[4] * 60 + part[5];
	return true;
}

bool
form_time(FormReading *reading, const FormField *field, const JsonNode *node, void *out)
{
	const char *text = take_text(reading, node);

	return text != NULL && (form_parse_time(text, out) ||
							refuse(reading, "must be a time like 2026-01-31T12:00:00Z"));
}

bool
form_raw(FormReading *reading, const FormField *field, const JsonNode *node, void *out)
{
	if (!is_kind(reading, node, JSON_IS_OBJECT))
		return false;
	*(Bytes *) out = node->text;
	return true;
}

bool
form_ignored(FormReading *reading, const FormField *field, const JsonNode *node, void *out)
{
	return true;
}

bool
form_object(FormReading *reading, const FormField *field, const JsonNode *node, void *out)
{
	ObjectWalk	walk = {.reading = reading,.form = field->form,.record = out};

	for (const FormField *f = field->form; f->name != NULL; f++)
	{
		if (f->read == form_integer)
			*(int64_t *) (walk.record + f->offset) = f->absent;
	}
	if (!json_walk(node->text, visit_member, &walk))
		return refuse(reading, "is not JSON, or too deep or long, or has a name twice");
	for (const FormField *f = field->form; f->name != NULL; f++)
	{
		size_t		len = reading->pointer_len;

		if (!f->required || walk.seen & UINT64_C(1) << (f - field->form))
			continue;
		enter_pointer(reading, "/");
		enter_pointer(reading, f->name);
		(void) refuse(reading, "is missing");
		leave_pointer(reading, len);
		return false;
	}
	return true;
}

/* A member of an object; before them comes the object itself. */
static JsonStep
visit_member(void *state, const JsonNode *node)
{
	ObjectWalk *walk = state;
	FormReading *reading = walk->reading;
	size_t		len = reading->pointer_len;
	const FormField *field = walk->form;
	bool		ok;

	if (node->pointer[0] == '\0')
		return is_kind(reading, node, JSON_IS_OBJECT) ? JSON_ENTER : JSON_STOP;

	enter_pointer(reading, node->pointer);
	while (field->name != NULL && strcmp(field->name, node->pointer + 1) != 0)
		field++;
	if (field->name == NULL)
		ok = refuse(reading, "is not known");
	else if (node->kind == JSON_IS_NULL && field->nullable)
		ok = true;
	else
		ok = field->read(reading, field, node, walk->record + field->offset);
	if (field->name != NULL)
		walk->seen |= UINT64_C(1) << (field - walk->form);
	leave_pointer(reading, len);
	return ok ? JSON_SKIP : JSON_STOP;
}

/* Counts the items first, so that they stand in a row. */
static bool
read_items(FormReading *reading, const FormField *field, const JsonNode *node, JsonKind kind,
		   FormList *out)
{
	ListWalk	walk = {.reading = reading,.field = field,.kind = kind};

	if (!is_kind(reading, node, kind))
		return false;
	if (!json_walk(node->text, visit_item, &walk))
		return refuse(reading, "has a name twice, or too many");
	if (walk.n < field->min || walk.n > field->max)
		return refuse(reading, walk.n < field->min ? "has too few items" : "has too many items");

	out->n = walk.n;
	out->items = walk.items = form_room(reading->memory, walk.n * field->size);
	if (walk.items == NULL)
		return refuse(reading, "does not fit");
	memset(walk.items, 0, walk.n * field->size);
	walk.n = 0;
	return json_walk(node->text, visit_item, &walk);
}

bool
form_list(FormReading *reading, const FormField *field, const JsonNode *node, void *out)
{
	return read_items(reading, field, node, JSON_IS_ARRAY, out);
}

bool
form_map(FormReading *reading, const FormField *field, const JsonNode *node, void *out)
{
	return read_items(reading, field, node, JSON_IS_OBJECT, out);
}

/* The name of a member, from the pointer to it; NULL: no room. */
static const char *
take_name(FormMemory *memory, const char *pointer)
{
	char	   *name = form_room(memory, strlen(pointer));
	char	   *out = name;

	if (name == NULL)
		return NULL;
	for (const char *c = pointer + 1; *c != '\0'; c++)
	{
		if (*c == '~')
			*out++ = *++c == '0' ? '~' : '/';
		else
			*out++ = *c;
	}
	*out = '\0';
	return name;
}

static JsonStep
visit_item(void *state, const JsonNode *node)
{
	ListWalk   *walk = state;
	FormReading *reading = walk->reading;
	size_t		len = reading->pointer_len;
	const FormField *item = walk->field->form;
	uint8_t    *record;
	bool		ok;

	if (node->pointer[0] == '\0')
		return JSON_ENTER;
	if (walk->items == NULL)
	{
		walk->n++;
		return JSON_SKIP;
	}

	enter_pointer(reading, node->pointer);
	record = walk->items + walk->n++ * walk->field->size;
	ok = true;
	if (walk->kind == JSON_IS_OBJECT)
	{
		((FormNamed *) record)->name = take_name(reading->memory, node->pointer);
		ok = ((FormNamed *) record)->name != NULL || refuse(reading, "does not fit");
	}
	ok = ok && item->read(reading, item, node, record + item->offset);
	leave_pointer(reading, len);
	return ok ? JSON_SKIP : JSON_STOP;
}

bool
form_read(Bytes text, const FormField *form, void *record, size_t record_size,
		  FormMemory *memory, FormFault *fault)
{
	FormReading reading = {.memory = memory,.fault = fault};
	FormField	whole = {.form = form};
	JsonNode	node = {.pointer = "",.kind = JSON_IS_OBJECT,.text = text};

	memset(record, 0, record_size);
	fault->text[0] = '\0';
	return form_object(&reading, &whole, &node, record);
}
