/*-------------------------------------------------------------------------
 *
 * base64_text.h
 *	  Appends bytes to text in base64 (RFC 4648); crypto/base64.h reads it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ATTEST_BASE64_TEXT_H
#define ATTEST_BASE64_TEXT_H

#include "postgres.h"

#include "crypto/bytes.h"
#include "lib/stringinfo.h"

extern void base64_append(StringInfo out, Bytes in);

/* The alphabet for URLs and file names, without padding. */
extern void base64url_append(StringInfo out, Bytes in);

#endif							/* ATTEST_BASE64_TEXT_H */
