/*-------------------------------------------------------------------------
 *
 * base64.h
 *	  Decodes base64, of which only one way to write it is good.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRYPTO_BASE64_H
#define CRYPTO_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * RFC 4648 section 4; and 5, base64url, without padding.  False unless it is
 * canonical and fits; *len: bytes written.  out may be text itself.
 */
extern bool base64_decode(const char *text, uint8_t *out, size_t capacity, size_t *len);
extern bool base64url_decode(const char *text, uint8_t *out, size_t capacity, size_t *len);

#endif							/* CRYPTO_BASE64_H */
