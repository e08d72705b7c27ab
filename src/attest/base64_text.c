/*-------------------------------------------------------------------------
 *
 * base64_text.c
 *	  Appends bytes to text in base64 (RFC 4648).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/evp.h>

#include "attest/base64_text.h"

void
base64_append(StringInfo out, Bytes in)
{
	enlargeStringInfo(out, (int) (in.len + 2) / 3 * 4 + 1);
	out->len += EVP_EncodeBlock((unsigned char *) out->data + out->len, in.data, (int) in.len);
}

void
base64url_append(StringInfo out, Bytes in)
{
	int			start = out->len;

	base64_append(out, in);
	while (out->len > start && out->data[out->len - 1] == '=')
		out->data[--out->len] = '\0';
	for (char *c = out->data + start; *c != '\0'; c++)
	{
		if (*c == '+')
			*c = '-';
		else if (*c == '/')
			*c = '_';
	}
}
