/*-------------------------------------------------------------------------
 *
 * kms_oauth.h
 *	  The exchanges of OAuth 2.0 (RFC 6749): a form is sent, a token or an
 *	  error comes back.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_KMS_OAUTH_H
#define KMS_KMS_OAUTH_H

#include "postgres.h"

#include "kms/kms_provider.h"

#define OAUTH_CODE_MAX	128
#define OAUTH_SAID_MAX	4096	/* a longer one is as good as unknown */

/* Begins a POST of a form. */
extern void oauth_request(KmsRequest *request, const char *url);

/* Appends a member to the form, and what parts it from the one before. */
extern void oauth_put(KmsRequest *request, const char *name, const char *value);

/*
 * A token out of a reply (5.1).  Seconds may be quoted, as some services have
 * them; a token that is not for a bearer is none for us.  On failure *token
 * is wiped.
 */
extern bool oauth_read_token(const KmsReply *reply, KmsToken *token, KmsError *error);

/* The members error and error_description of a reply (5.2), or "". */
extern void oauth_read_error(const KmsReply *reply, char code[OAUTH_CODE_MAX],
							 char said[OAUTH_SAID_MAX]);

#endif							/* KMS_KMS_OAUTH_H */
