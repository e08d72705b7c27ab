/*-------------------------------------------------------------------------
 *
 * json_writer.h
 *	  JSON of requests: appends to their bodies.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_JSON_WRITER_H
#define KMS_JSON_WRITER_H

#include "kms/kms_message.h"

/* Appends "text", quoted and escaped, to the request's body. */
extern void json_put_string(KmsRequest *request, const char *text);

/* Appends a member of two strings, the body's first with a { before, else a comma. */
extern void json_put_member(KmsRequest *request, const char *name, const char *value);

/* Appends bytes in base64 (RFC 4648 section 4, with padding), quoted. */
extern void json_put_base64(KmsRequest *request, Bytes bytes);

/* Likewise in base64url without padding (RFC 4648 section 5). */
extern void json_put_base64url(KmsRequest *request, Bytes bytes);

#endif							/* KMS_JSON_WRITER_H */
