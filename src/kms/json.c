/*-------------------------------------------------------------------------
 *
 * json.c
 *	  JSON of requests and replies.
 *
 * A reply holds keys and tokens, so nobody may copy it.  PostgreSQL's parser
 * copies what it reads when it un-escapes strings, into buffers that it grows
 * and forgets, and raises errors for characters that the database's encoding
 * lacks.  Therefore it runs without un-escaping: once to tell whether the text
 * is JSON at all, then as a lexer that says where the tokens are.  What is
 * wanted is un-escaped here, straight into the caller's memory.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>
#include <sodium.h>

#include "base/compat.h"
#include "kms/json.h"

#define NAME_MAX_WANTED		64	/* of a member of a path, with its NUL */
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
	JsonWanted *wanted;
	int			n;
	uint32		seen[WANTED_MAX];	/* bit d: the path's first d members */
	int			depth;
	JsonLevel	levels[JSON_DEPTH_MAX];
} JsonReader;

StaticAssertDecl(JSON_DEPTH_MAX < 32, "a path's members do not fit into JsonReader.seen");

/* The parser takes one for an escape, behind a backslash. */
static bool
has_nul(Bytes text)
{
	return text.len > 0 && memchr(text.data, '\0', text.len) != NULL;
}

static bool
too_deep(Bytes text)
{
	int			depth = 0;
	bool		in_string = false;

	for (Size i = 0; i < text.len; i++)
	{
		char		c = (char) text.data[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '{' || c == '['))
		{
			if (++depth > JSON_DEPTH_MAX)
				return true;
		}
		else if (!in_string && (c == '}' || c == ']'))
			depth--;
	}
	return false;
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
 * A quoted string that the parser has accepted, into out with a NUL.  False
 * when it does not fit, or has escapes that are not of ASCII: nothing that is
 * wanted has any.
 */
static bool
unescape(Bytes quoted, char *out, Size size)
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
	out[len] = '\0';
	return true;
}

static bool
is_member(const JsonLevel *level, const char *name, Size len)
{
	char		member[NAME_MAX_WANTED];

	if (level->is_array)
		snprintf(member, sizeof(member), "%d", level->index);
	else if (!unescape(level->name, member, sizeof(member)))
		return false;
	return strlen(member) == len && memcmp(member, name, len) == 0;
}

/*
 * How many members of the path lead to where the reader is; -1 when it is
 * elsewhere.  *all: they are the whole path.
 */
static int
members_met(const JsonReader *reader, const char *path, bool *all)
{
	for (int i = 0; i < reader->depth; i++)
	{
		Size		len = strcspn(path, ".");

		if (*path == '\0' || !is_member(&reader->levels[i], path, len))
			return -1;
		path += len;
		if (*path == '.')
			path++;
	}
	*all = *path == '\0';
	return reader->depth;
}

/* A value begins; scalar: it is all of it. */
static bool
meet_value(JsonReader *reader, JsonTokenType type, Bytes scalar)
{
	for (int i = 0; i < reader->n; i++)
	{
		JsonWanted *wanted = &reader->wanted[i];
		bool		all;
		int			met = members_met(reader, wanted->path, &all);

		if (met < 0)
			continue;

		/* Of two values with one name, we and the KMS might take another. */
		if (reader->seen[i] & (1U << met))
			return false;
		reader->seen[i] |= 1U << met;

		if (!all)
			continue;
		switch (type)
		{
			case JSON_TOKEN_STRING:
				if (!unescape(scalar, wanted->out, wanted->size))
					return false;
				wanted->found = true;
				break;
			case JSON_TOKEN_NUMBER:
			case JSON_TOKEN_TRUE:
			case JSON_TOKEN_FALSE:
				if (scalar.len >= wanted->size)
					return false;
				memcpy(wanted->out, scalar.data, scalar.len);
				wanted->out[scalar.len] = '\0';
				wanted->found = true;
				break;
			default:
				break;
		}
	}
	return true;
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
	if (!meet_value(reader, type, token))
		return false;
	if (type == JSON_TOKEN_OBJECT_START || type == JSON_TOKEN_ARRAY_START)
	{
		JsonLevel	inner = {.is_array = type == JSON_TOKEN_ARRAY_START};

		reader->levels[reader->depth++] = inner;
	}
	return true;
}

/* The text is JSON, and not too deep. */
static bool
read_tokens(JsonReader *reader, Bytes text)
{
	JsonLexContext *lexer = compat_json_lexer((const char *) text.data, text.len);
	bool		ok;

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
	JsonReader	reader = {.wanted = wanted,.n = n};

	Assert(n <= WANTED_MAX);
	for (int i = 0; i < n; i++)
	{
		wanted[i].found = false;
		wanted[i].out[0] = '\0';
	}
	if (text.len <= KMS_REPLY_BODY_MAX && !has_nul(text) && !too_deep(text) &&
		is_json(text) && read_tokens(&reader, text))
		return true;

	for (int i = 0; i < n; i++)
	{
		wanted[i].found = false;
		OPENSSL_cleanse(wanted[i].out, wanted[i].size);
	}
	return false;
}

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

/* libsodium 1.0.18 takes some bytes above 127 for characters of the alphabet. */
static bool
decode(const char *text, uint8 *out, Size capacity, Size *len, int variant)
{
	if (bytes_are_ascii(bytes_of_string(text)) &&
		sodium_base642bin(out, capacity, text, strlen(text), NULL, len, NULL, variant) == 0)
		return true;
	OPENSSL_cleanse(out, capacity);
	*len = 0;
	return false;
}

bool
json_base64_decode(const char *text, uint8 *out, Size capacity, Size *len)
{
	return decode(text, out, capacity, len, sodium_base64_VARIANT_ORIGINAL);
}

bool
json_base64url_decode(const char *text, uint8 *out, Size capacity, Size *len)
{
	return decode(text, out, capacity, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}
