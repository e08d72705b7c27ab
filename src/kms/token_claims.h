/*-------------------------------------------------------------------------
 *
 * token_claims.h
 *	  Claims that a token must have, and whether it has them.
 *
 * They are written as a JSON object: a name is a pointer (RFC 6901) into the
 * claims of a token, and its value the string, number or boolean that must be
 * there, or be a member of the array there.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_TOKEN_CLAIMS_H
#define KMS_TOKEN_CLAIMS_H

#include "postgres.h"

#include "kms/kms_provider.h"

#define TOKEN_CLAIMS_MAX		16
#define TOKEN_CLAIM_NAME_MAX	256 /* a pointer and its NUL */

/* False: they cannot be read; see error, whose subject is the option. */
extern bool token_claims_validate(const char *demanded, const char *option, KmsError *error);

/*
 * Whether the claims of a token are as demanded; else missing is the pointer
 * of the first that is not.  Nothing is verified.
 */
extern bool token_claims_hold(const char *demanded, Bytes claims,
							  char missing[TOKEN_CLAIM_NAME_MAX]);

/* Whether they answer a nonce: eat_nonce is that, or has it as a member. */
extern bool token_claims_answer(Bytes claims, const char *nonce);

#endif							/* KMS_TOKEN_CLAIMS_H */
