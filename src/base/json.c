/*-------------------------------------------------------------------------
 *
 * json.c
 *	  JSON, read: values by path, or all of a text.
 *
 * A reply of a KMS holds keys and tokens, so nobody may copy it.  PostgreSQL's
 * parser copies what it reads when it un-escapes strings, into buffers that it
 * grows and forgets, and raises errors for characters that the database's
 * encoding lacks.  Therefore it runs without un-escaping: once to tell whether
 * the text is JSON at all, then as a lexer that says where the tokens are.
 * What is wanted is un-escaped here, straight into the caller's memory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include <openssl/crypto.h>

#include "base/compat_json.h"
#include "base/json.h"

#define NAME_MAX_WANTED		128 /* of a member of a path, with its NUL */
#define WANTED_MAX			8

/* An object or array that the reader is in. */
typedef struct JsonLevel
{
	bool		is_array;
	bool		has_name;		/* of the member that comes or is being read */
	Bytes		name;			/* as it is in the text, quoted */
	int			index;			/* of the element */
} JsonLevel;

typedef struct JsonReader
{
	/* a value begins; scalar: it is all of it */
	bool		(*meet_value) (struct JsonReader *reader, JsonTokenType type, Bytes scalar);
	int			depth;
	JsonLevel	levels[JSON_DEPTH_MAX];
} JsonReader;

typedef struct JsonFinder
{
	JsonReader	reader;
	JsonWanted *wanted;
	int			n;
	uint32		seen[WANTED_MAX];	/* bit d: the path's first d members */
} JsonFinder;

/* Of the containers around a value; each part of a stack is a level's. */
typedef struct JsonWalker
{
	JsonReader	reader;
	JsonStep	(*visit) (void *state, const JsonNode *node);
	void	   *state;
	const uint8 *end;			/* of the text */
	int			skipped;		/* values this deep are; 0: none */
	Size		pointer_len[JSON_DEPTH_MAX];
	char		pointer[JSON_POINTER_MAX];
	int			first_name[JSON_DEPTH_MAX];
	int			n_names[JSON_DEPTH_MAX];
	Bytes		names[JSON_NAMES_MAX];
} JsonWalker;

StaticAssertDecl(JSON_DEPTH_MAX < 32, "a path's members do not fit into JsonFinder.seen");

/* The parser takes one for an escape, behind a backslash. */
static bool
has_nul(Bytes text)
{
	return text.len > 0 && memchr(text.data, '\0', text.len) != NULL;
}

/*
 * How far the text's first object or array reaches, and how deep it is at
 * most.  Any bytes may be asked about, but the answer is of JSON.
 */
static Size
container_len(Bytes text, int *max_depth)
{
	int			depth = 0;
	bool		in_string = false;

	*max_depth = 0;
	for (Size i = 0; i < text.len; i++)
	{
		char		c = (char) text.data[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '{' || c == '['))
		{
			depth++;
			*max_depth = Max(*max_depth, depth);
		}
		else if (!in_string && (c == '}' || c == ']') && --depth == 0)
			return i + 1;
	}
	return text.len;
}

static bool
too_deep(Bytes text)
{
	int			depth;

	(void) container_len(text, &depth);
	return depth > JSON_DEPTH_MAX;
}

static bool
is_json(Bytes text)
{
	JsonLexContext *lexer = compat_json_lexer((const char *) text.data, text.len);
	bool		ok = pg_parse_json(lexer, &nullSemAction) == JSON_SUCCESS;

	pfree(lexer);
	return ok;
}

/* The four digits of \uXXXX; -1 unless it is a character of ASCII. */
static int
ascii_escape(const uint8 *digits)
{
	char		hex[] = {digits[0], digits[1], digits[2], digits[3], '\0'};
	unsigned long code = strtoul(hex, NULL, 16);

	return code == 0 || code > 0x7f ? -1 : (int) code;
}

/* What the character behind a backslash stands for; the parser knows no others. */
static int
plain_escape(uint8 c)
{
	switch (c)
	{
		case 'b':
			return '\b';
		case 'f':
			return '\f';
		case 'n':
			return '\n';
		case 'r':
			return '\r';
		case 't':
			return '\t';
		default:
			return c;
	}
}

/*
 * The parser has accepted the string.  Escapes that are not of ASCII are
 * refused: nothing that is wanted has any.
 */
bool
json_unescape(Bytes quoted, char *out, size_t size)
{
	const uint8 *c = quoted.data + 1;
	const uint8 *end = quoted.data + quoted.len - 1;
	Size		len = 0;

	while (c < end)
	{
		int			byte = *c++;

		if (byte == '\\' && *c == 'u')
		{
			byte = ascii_escape(c + 1);
			c += 5;
		}
		else if (byte == '\\')
			byte = plain_escape(*c++);
		if (byte < 0 || len + 1 >= size)
			return false;
		out[len++] = (char) byte;
	}
	if (len >= size)
		return false;
	out[len] = '\0';
	return true;
}

/* The next member of a path, into name; *path then stands behind it. */
static bool
next_member(const char **path, bool pointer, char *name)
{
	Size		len = 0;

	if (pointer)
		(*path)++;
	while (**path != '\0' && **path != (pointer ? '/' : '.'))
	{
		char		c = *(*path)++;

		if (pointer && c == '~')
			c = *(*path)++ == '0' ? '~' : '/';
		if (len + 1 >= NAME_MAX_WANTED)
			return false;
		name[len++] = c;
	}
	if (!pointer && **path == '.')
		(*path)++;
	name[len] = '\0';
	return true;
}

static bool
is_member(const JsonLevel *level, const char *name)
{
	char		member[NAME_MAX_WANTED];

	if (level->is_array)
		snprintf(member, sizeof(member), "%d", level->index);
	else if (!json_unescape(level->name, member, sizeof(member)))
		return false;
	return strcmp(member, name) == 0;
}

/*
 * How many members of the path lead to where the reader is; -1 when it is
 * elsewhere.  *all: they are the whole path.
 */
static int
members_met(const JsonReader *reader, const char *path, bool *all)
{
	bool		pointer = *path == '/';

	for (int i = 0; i < reader->depth; i++)
	{
		char		name[NAME_MAX_WANTED];

		if (*path == '\0' || !next_member(&path, pointer, name) ||
			!is_member(&reader->levels[i], name))
			return -1;
	}
	*all = *path == '\0';
	return reader->depth;
}

/* False: it does not fit.  Null, objects and arrays are not found. */
static bool
take_value(JsonWanted *wanted, JsonTokenType type, Bytes scalar)
{
	if (type == JSON_TOKEN_STRING)
		wanted->found = json_unescape(scalar, wanted->out, wanted->size);
	else if (type != JSON_TOKEN_NUMBER && type != JSON_TOKEN_TRUE && type != JSON_TOKEN_FALSE)
		return true;
	else if (scalar.len < wanted->size)
	{
		memcpy(wanted->out, scalar.data, scalar.len);
		wanted->out[scalar.len] = '\0';
		wanted->found = true;
	}
	return wanted->found;
}

static bool
find_value(JsonReader *reader, JsonTokenType type, Bytes scalar)
{
	JsonFinder *finder = (JsonFinder *) reader;

	for (int i = 0; i < finder->n; i++)
	{
		JsonWanted *wanted = &finder->wanted[i];
		bool		all;
		int			met = members_met(reader, wanted->path, &all);

		if (met < 0)
			continue;

		/* Of two values with one name, we and the KMS might take another. */
		if (finder->seen[i] & (1U << met))
			return false;
		finder->seen[i] |= 1U << met;

		if (all && !take_value(wanted, type, scalar))
			return false;
	}
	return true;
}

/* Puts the name or number of what comes behind its container's pointer. */
static bool
extend_pointer(JsonWalker *walker, const JsonLevel *level, Size *len)
{
	char		number[16];
	Bytes		name = level->is_array ?
		bytes_of(number, snprintf(number, sizeof(number), "%d", level->index)) :
		bytes_of(level->name.data + 1, level->name.len - 2);

	/* a byte may become two; and the slash and a NUL.  *len may fill it */
	if (*len + 2 * name.len > JSON_POINTER_MAX - 2)
		return false;
	walker->pointer[(*len)++] = '/';
	for (Size i = 0; i < name.len; i++)
	{
		char		c = (char) name.data[i];

		if (c == '~' || c == '/')
		{
			walker->pointer[(*len)++] = '~';
			c = c == '~' ? '0' : '1';
		}
		walker->pointer[(*len)++] = c;
	}
	return true;
}

/* Of two values with one name, the reader and the writer might take another. */
static bool
note_name(JsonWalker *walker, int level, Bytes name)
{
	int			first = walker->first_name[level];
	int			n = walker->n_names[level];

	if (memchr(name.data, '\\', name.len) != NULL || first + n == JSON_NAMES_MAX)
		return false;
	for (int i = first; i < first + n; i++)
	{
		if (bytes_equal(walker->names[i], name))
			return false;
	}
	walker->names[first + n] = name;
	walker->n_names[level]++;
	return true;
}

static JsonKind
kind_of(JsonTokenType type)
{
	switch (type)
	{
		case JSON_TOKEN_OBJECT_START:
			return JSON_IS_OBJECT;
		case JSON_TOKEN_ARRAY_START:
			return JSON_IS_ARRAY;
		case JSON_TOKEN_STRING:
			return JSON_IS_STRING;
		case JSON_TOKEN_NUMBER:
			return JSON_IS_NUMBER;
		case JSON_TOKEN_NULL:
			return JSON_IS_NULL;
		default:
			return JSON_IS_BOOLEAN;
	}
}

static bool
walk_value(JsonReader *reader, JsonTokenType type, Bytes token)
{
	JsonWalker *walker = (JsonWalker *) reader;
	int			depth = reader->depth;
	JsonNode	node = {.pointer = walker->pointer,.kind = kind_of(type),.text = token};
	bool		container = node.kind == JSON_IS_OBJECT || node.kind == JSON_IS_ARRAY;
	Size		len = 0;
	JsonStep	step;

	if (walker->skipped > 0 && depth >= walker->skipped)
		return true;
	walker->skipped = 0;

	if (depth > 0)
	{
		const JsonLevel *level = &reader->levels[depth - 1];

		len = walker->pointer_len[depth - 1];
		if ((!level->is_array && !note_name(walker, depth - 1, level->name)) ||
			!extend_pointer(walker, level, &len))
			return false;
	}
	walker->pointer[len] = '\0';
	if (container)
	{
		int			ignored;

		node.text.len = container_len(bytes_of(token.data, walker->end - token.data), &ignored);
	}

	step = walker->visit(walker->state, &node);
	if (container && step == JSON_SKIP)
		walker->skipped = depth + 1;
	else if (container)
	{
		walker->pointer_len[depth] = len;
		walker->first_name[depth] = depth == 0 ? 0 :
			walker->first_name[depth - 1] + walker->n_names[depth - 1];
		walker->n_names[depth] = 0;
	}
	return step != JSON_STOP;
}

static bool
take_token(JsonReader *reader, JsonTokenType type, Bytes token)
{
	JsonLevel  *level = reader->depth > 0 ? &reader->levels[reader->depth - 1] : NULL;

	switch (type)
	{
		case JSON_TOKEN_OBJECT_END:
		case JSON_TOKEN_ARRAY_END:
			reader->depth--;
			return true;
		case JSON_TOKEN_COMMA:
			level->index++;
			level->has_name = false;
			return true;
		case JSON_TOKEN_COLON:
			return true;
		default:
			break;
	}

	if (level != NULL && !level->is_array && !level->has_name)
	{
		level->name = token;
		level->has_name = true;
		return true;
	}
	if (!reader->meet_value(reader, type, token))
		return false;
	if (type == JSON_TOKEN_OBJECT_START || type == JSON_TOKEN_ARRAY_START)
	{
		JsonLevel	inner = {.is_array = type == JSON_TOKEN_ARRAY_START};

		reader->levels[reader->depth++] = inner;
	}
	return true;
}

static bool
read_tokens(JsonReader *reader, Bytes text)
{
	JsonLexContext *lexer;
	bool		ok;

	if (text.len > JSON_TEXT_MAX || has_nul(text) || too_deep(text) || !is_json(text))
		return false;
	lexer = compat_json_lexer((const char *) text.data, text.len);
	for (;;)
	{
		ok = json_lex(lexer) == JSON_SUCCESS;
		if (!ok || lexer->token_type == JSON_TOKEN_END)
			break;
		ok = take_token(reader, lexer->token_type,
						bytes_of(lexer->token_start,
								 lexer->token_terminator - lexer->token_start));
		if (!ok)
			break;
	}
	pfree(lexer);
	return ok;
}

bool
json_find(Bytes text, JsonWanted *wanted, int n)
{
	JsonFinder	finder = {.reader.meet_value = find_value,.wanted = wanted,.n = n};

	Assert(n <= WANTED_MAX);
	for (int i = 0; i < n; i++)
	{
		wanted[i].found = false;
		wanted[i].out[0] = '\0';
	}
	if (read_tokens(&finder.reader, text))
		return true;

	for (int i = 0; i < n; i++)
	{
		wanted[i].found = false;
		OPENSSL_cleanse(wanted[i].out, wanted[i].size);
	}
	return false;
}

bool
json_walk(Bytes text, JsonStep (*visit) (void *state, const JsonNode *node), void *state)
{
	JsonWalker	walker;

	memset(&walker, 0, offsetof(JsonWalker, names));
	walker.reader.meet_value = walk_value;
	walker.visit = visit;
	walker.state = state;
	walker.end = text.data + text.len;
	return read_tokens(&walker.reader, text);
}
