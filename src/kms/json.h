/*-------------------------------------------------------------------------
 *
 * json.h
 *	  JSON of requests and replies: writing strings, finding values by path.
 *
 * Read by PostgreSQL's own parser.  What is found may be a key or a token: it
 * is copied to the caller's memory only, and the parser's copies are wiped.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_JSON_H
#define KMS_JSON_H

#include "postgres.h"

#include "crypto/bytes.h"
#include "kms/kms_message.h"

#define JSON_DEPTH_MAX 16		/* deeper ones are refused before parsing */

/*
 * Where a value goes.  The path is member names with dots ("auth.client_token");
 * a number of an array counts as its member name ("errors.0").
 */
typedef struct JsonWanted
{
	const char *path;
	char	   *out;			/* NUL-terminated; numbers and booleans as text */
	Size		size;
	bool		found;			/* false too for null, objects and arrays */
} JsonWanted;

/* False: not JSON, too deep, a value too long for its place, or a name twice. */
extern bool json_find(Bytes text, JsonWanted *wanted, int n);

/* Appends "text", quoted and escaped, to the request's body. */
extern void json_put_string(KmsRequest *request, const char *text);

/* Appends a member of two strings, the body's first with a { before, else a comma. */
extern void json_put_member(KmsRequest *request, const char *name, const char *value);

/* Appends bytes in base64 (RFC 4648 section 4, with padding), quoted. */
extern void json_put_base64(KmsRequest *request, Bytes bytes);

/* Likewise in base64url without padding (RFC 4648 section 5). */
extern void json_put_base64url(KmsRequest *request, Bytes bytes);

/* Decodes base64; false unless it is canonical and fits.  *len: bytes written. */
extern bool json_base64_decode(const char *text, uint8 *out, Size capacity, Size *len);
extern bool json_base64url_decode(const char *text, uint8 *out, Size capacity, Size *len);

#endif							/* KMS_JSON_H */
