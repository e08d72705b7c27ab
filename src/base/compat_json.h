/*-------------------------------------------------------------------------
 *
 * compat_json.h
 *	  The difference between the JSON parsers of PostgreSQL 15 to 18, apart from
 *	  the others since programs use it, too.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BASE_COMPAT_JSON_H
#define BASE_COMPAT_JSON_H

#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"

/* Reads text where it is, un-escapes nothing, and is freed by pfree(). */
static inline JsonLexContext *
compat_json_lexer(const char *text, size_t len)
{
#if PG_VERSION_NUM >= 170000
	return makeJsonLexContextCstringLen(NULL, text, len, PG_UTF8, false);
#else
	return makeJsonLexContextCstringLen(unconstify(char *, text), (int) len, PG_UTF8, false);
#endif
}

#endif							/* BASE_COMPAT_JSON_H */
