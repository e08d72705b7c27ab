/*-------------------------------------------------------------------------
 *
 * token_source.h
 *	  Where the JWT comes from that a provider logs in with: the option
 *	  token_source, and the question that a source is asked.
 *
 * A source is a file, or something on this machine that makes a token when it
 * is asked.  It is asked, or read, anew for each login.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_TOKEN_SOURCE_H
#define KMS_TOKEN_SOURCE_H

#include "postgres.h"

#include "kms/kms_provider.h"

/* With its own rule in a provider's list, and one that a file of it must have. */
#define TOKEN_SOURCE_OPTION_RULES \
	{.name = "token_source", .of_machine = true}, \
	{.name = "token_audience"}, \
	{.name = "attestation_claims"}

typedef enum TokenSourceKind
{
	TOKEN_OF_FILE,
	TOKEN_OF_LAUNCHER,			/* HTTP through a Unix socket, as Confidential Space has it */
	TOKEN_OF_URL,				/* HTTP at loopback, as Confidential Containers have it */
	TOKEN_OF_HELPER				/* a line through a Unix socket */
} TokenSourceKind;

typedef struct TokenSource
{
	TokenSourceKind kind;
	const char *place;			/* path or URL; the server's */
	const char *option;			/* that named it */
} TokenSource;

/*
 * No I/O.  The options above; file_option is the one that names a file in
 * short.  The server may have neither only if a file is the provider's default.
 */
extern bool token_source_check(const KmsServer *server, const char *file_option,
							   KmsError *error);

/* Options checked.  default_file: where neither option is given. */
extern TokenSource token_source_of(const KmsServer *server, const char *file_option,
								   const char *default_file);

/* Whether a login asks something on this machine that is more than a file. */
extern bool token_source_is_identity(const KmsServer *server);

/* Asks for a token, with the nonce; not for TOKEN_OF_FILE. */
extern void token_source_ask(const KmsServer *server, const TokenSource *source,
							 const char *nonce, KmsRequest *request);

/* What came back; out has room for KMS_JWT_MAX bytes. */
extern bool token_source_read(const TokenSource *source, const KmsReply *reply, char *out,
							  KmsError *error);

/*
 * Whether a token is one to log in with: a JWT that says that it has not
 * expired, answers the nonce where the source is one that is asked for it, and
 * has the claims that the server's option attestation_claims demands.  None of
 * it is verified: who does that is the KMS.
 */
extern bool token_source_permits(const KmsServer *server, const TokenSource *source,
								 const KmsCredential *credential, int64 now_s,
								 KmsError *error);

#endif							/* KMS_TOKEN_SOURCE_H */
