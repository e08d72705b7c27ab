/*-------------------------------------------------------------------------
 *
 * json.h
 *	  JSON, read: values by path, or all of a text.
 *
 * By PostgreSQL's own parser, in the server and in programs; this header has
 * nothing of PostgreSQL.  What is read may be a key or a token: it is copied to
 * the caller's memory only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "crypto/bytes.h"

#define JSON_TEXT_MAX		262144	/* longer texts are refused, */
#define JSON_DEPTH_MAX		16		/* deeper ones before parsing; */
#define JSON_POINTER_MAX	512		/* the walk has these limits beside: */
#define JSON_NAMES_MAX		1024	/* of all objects around a value */

/*
 * Where a value goes.  The path is member names with dots ("auth.client_token"),
 * or a pointer of RFC 6901 when it begins with a slash ("/a.b/c~1d"); a number
 * of an array counts as its member name ("errors.0").
 */
typedef struct JsonWanted
{
	const char *path;
	char	   *out;			/* NUL-terminated; numbers and booleans as text */
	size_t		size;
	bool		found;			/* false too for null, objects and arrays */
} JsonWanted;

/* False: not JSON, too deep, a value too long for its place, or a name twice. */
extern bool json_find(Bytes text, JsonWanted *wanted, int n);

typedef enum JsonKind
{
	JSON_IS_OBJECT,
	JSON_IS_ARRAY,
	JSON_IS_STRING,
	JSON_IS_NUMBER,
	JSON_IS_BOOLEAN,
	JSON_IS_NULL
} JsonKind;

typedef struct JsonNode
{
	const char *pointer;		/* RFC 6901: "/evidence/certificates/0" */
	JsonKind	kind;
	Bytes		text;			/* as it stands there: quoted, escaped, whole */
} JsonNode;

typedef enum JsonStep
{
	JSON_ENTER,					/* go on; into it, when it is an object or array */
	JSON_SKIP,					/* go on behind it */
	JSON_STOP
} JsonStep;

/*
 * Calls visit for every value in the order of the text: an object or array
 * before what it holds.  False: visit said JSON_STOP; or the text is not JSON,
 * exceeds a limit, or an object has a name twice or escaped.  What was
 * visited by then counts for nothing.
 */
extern bool json_walk(Bytes text, JsonStep (*visit) (void *state, const JsonNode *node),
					  void *state);

/*
 * A string as json_walk() gave it, into out with a NUL.  False when it does
 * not fit, or has a NUL or an escape of a character beyond ASCII.
 */
extern bool json_unescape(Bytes quoted, char *out, size_t size);

#endif							/* BASE_JSON_H */
