/*-------------------------------------------------------------------------
 *
 * kms_aws_refusal.c
 *	  What an answer of AWS means that is not the one asked for.
 *
 * It has a code: KMS in "__type", STS in "Error.Code"; a text is looked at
 * only where one code means several things.  Neither goes any further: whoever
 * answers may write into them what he likes.
 *
 * Where the code is unknown, or there is none since something in between has
 * answered, 403 is a "no", and 400 may be anything and so is not one.  AWS
 * throttles with 400.
 *
 * A role in two chains is two things: the one of the tenant's side is the
 * tenant's to refuse; ours, which comes before it, is our own trouble.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/json.h"
#include "kms/kms_aws.h"

#define CODE_MAX	128
#define TEXT_MAX	4096		/* a longer one is as good as unknown */

#define KEYS		KMS_ASKED_KEYS
#define STORED		KMS_ASKED_STORED
#define METADATA	AWS_ASKED_METADATA
#define OUR_ROLE	AWS_ASKED_OUR_ROLE
#define WEB_ROLE	AWS_ASKED_WEB_ROLE	/* of the tenant's side */
#define ROLE		AWS_ASKED_ROLE	/* likewise */
#define WEB			(OUR_ROLE | WEB_ROLE)
#define STS			(WEB | ROLE)
#define SIGNED		(KEYS | ROLE)
#define AWS			(KEYS | STS)
#define ALL			KMS_ASKED_ALL

#define CLOCK "Our clock, or that of AWS, is wrong"
#define NOT_OURS "AWS does not take our access key"
#define PROXY "The external key store behind the key did not answer"

/* The first that fits counts. */
static const KmsRefusal refusals[] = {
	/* too many, which says nothing of the key */
	{0, 0, AWS, "ThrottlingException", NULL, KMS_THROTTLED, "", "Too many requests for this account"},
	{0, 0, AWS, "Throttling", NULL, KMS_THROTTLED, "", "Too many requests for this account"},
	{0, 0, AWS, "RequestLimitExceeded", NULL, KMS_THROTTLED, "", "Too many requests for this account"},
	{0, 0, AWS, "LimitExceededException", NULL, KMS_THROTTLED, "", "A quota of this account is used up"},
	{0, 0, AWS, "TooManyRequestsException", NULL, KMS_THROTTLED, "", "Too many requests for this account"},
	{429, 0, ALL, NULL, NULL, KMS_THROTTLED, "", "Too many requests"},

	/* the key */
	{0, 0, KEYS, "DisabledException", NULL, KMS_DENIED, "", "The key is disabled"},
	{0, 0, KEYS, "KMSInvalidStateException", "pending deletion", KMS_DENIED, "",
	"The key is to be deleted, though that can be cancelled"},
	{0, 0, KEYS, "KMSInvalidStateException", "pending import", KMS_DENIED, "",
	"The key's imported material was deleted, or has expired"},

	/* an external key store says all it has to say by this one code */
	{0, 0, STORED, "KMSInvalidStateException", "ciphertext or additional authenticated data",
	KMS_BAD_CIPHERTEXT, "", "The wrapped key is not one of this tenant, key id and key"},
	{0, 0, KEYS, "KMSInvalidStateException", "denied access to the operation", KMS_DENIED, "",
	"The external key store denies access"},
	{0, 0, KEYS, "KMSInvalidStateException", "could not find the external key", KMS_DENIED, "",
	"The external key does not exist"},
	{0, 0, KEYS, "KMSInvalidStateException", "external key is not enabled", KMS_DENIED, "",
	"The external key is disabled"},
	{0, 0, KEYS, "KMSInvalidStateException", "external key does not support", KMS_DENIED, "",
	"The external key is not for this operation"},
	{0, 0, KEYS, "KMSInvalidStateException", "external key store proxy", KMS_UNAVAILABLE, "", PROXY},
	{0, 0, KEYS, "KMSInvalidStateException", NULL, KMS_DENIED, "",
	"The key is in a state in which it cannot be used"},
	{0, 0, KEYS, "NotFoundException", NULL, KMS_DENIED, "", "The key does not exist"},
	{0, 0, KEYS, "AccessDeniedException", NULL, KMS_DENIED, "", "No policy or grant allows it this"},
	{0, 0, KEYS, "AccessDenied", NULL, KMS_DENIED, "", "No policy or grant allows it this"},
	{0, 0, STORED, "InvalidCiphertextException", NULL, KMS_BAD_CIPHERTEXT, "",
	"The wrapped key is not one of this tenant, key id and key"},
	{0, 0, STORED, "IncorrectKeyException", NULL, KMS_BAD_CIPHERTEXT, "",
	"The wrapped key is one of another key"},

	/* the key cannot be asked */
	{0, 0, KEYS, "KeyUnavailableException", NULL, KMS_UNAVAILABLE, "", "The key is not available at present"},
	{0, 0, KEYS, "DependencyTimeoutException", NULL, KMS_UNAVAILABLE, "", "It is in trouble"},
	{0, 0, KEYS, "KMSInternalException", NULL, KMS_UNAVAILABLE, "", "It is in trouble"},
	{0, 0, KEYS, "CustomKeyStoreInvalidStateException", NULL, KMS_UNAVAILABLE, "", PROXY},
	{0, 0, KEYS, "CloudHsmClusterNotActiveException", NULL, KMS_UNAVAILABLE, "", PROXY},
	{0, 0, KEYS, "XksProxyUriUnreachableException", NULL, KMS_UNAVAILABLE, "", PROXY},
	{0, 0, KEYS, "XksProxyInvalidResponseException", NULL, KMS_UNAVAILABLE, "", PROXY},

	/* the place, and the way we ask */
	{0, 0, KEYS, "InvalidArnException", NULL, KMS_CONFIG, "kek", "it is no key of this KMS"},
	{0, 0, KEYS, "InvalidKeyUsageException", NULL, KMS_CONFIG, "kek",
	"it is no symmetric key for encryption"},
	{0, 0, KEYS, "UnsupportedOperationException", NULL, KMS_CONFIG, "kek",
	"it is no symmetric key for encryption"},
	{0, 0, KEYS, "ValidationException", NULL, KMS_CONFIG, "kek", "the KMS does not take the request"},
	{0, 0, KEYS, "UnknownOperationException", NULL, KMS_CONFIG, "address", "it is not AWS KMS"},
	{0, 0, ROLE, "ValidationError", NULL, KMS_CONFIG, "role_arn", "STS does not take the request"},
	{0, 0, WEB, "ValidationError", NULL, KMS_CONFIG, "web_identity_role_arn",
	"STS does not take the request"},

	/* the clock: it is tried again with the one of AWS */
	{0, 0, SIGNED, "InvalidSignatureException", "Signature expired", KMS_UNAVAILABLE, "", CLOCK},
	{0, 0, SIGNED, "InvalidSignatureException", "Signature not yet current", KMS_UNAVAILABLE, "", CLOCK},
	{0, 0, SIGNED, "SignatureDoesNotMatch", "Signature expired", KMS_UNAVAILABLE, "", CLOCK},
	{0, 0, SIGNED, "SignatureDoesNotMatch", "Signature not yet current", KMS_UNAVAILABLE, "", CLOCK},
	{0, 0, SIGNED, "RequestExpired", NULL, KMS_UNAVAILABLE, "", CLOCK},
	{0, 0, SIGNED, "RequestTimeTooSkewed", NULL, KMS_UNAVAILABLE, "", CLOCK},

	/* our own access key */
	{0, 0, SIGNED, "ExpiredTokenException", NULL, KMS_CREDENTIAL, "auth_method", "Our access key has expired"},
	{0, 0, SIGNED, "ExpiredToken", NULL, KMS_CREDENTIAL, "auth_method", "Our access key has expired"},
	{0, 0, SIGNED, "UnrecognizedClientException", NULL, KMS_CREDENTIAL, "auth_method", NOT_OURS},
	{0, 0, SIGNED, "InvalidClientTokenId", NULL, KMS_CREDENTIAL, "auth_method", NOT_OURS},
	{0, 0, SIGNED, "InvalidAccessKeyId", NULL, KMS_CREDENTIAL, "auth_method", NOT_OURS},
	{0, 0, SIGNED, "InvalidSignatureException", NULL, KMS_CREDENTIAL, "auth_method", NOT_OURS},
	{0, 0, SIGNED, "SignatureDoesNotMatch", NULL, KMS_CREDENTIAL, "auth_method", NOT_OURS},
	{0, 0, SIGNED, "IncompleteSignature", NULL, KMS_CREDENTIAL, "auth_method", NOT_OURS},
	{0, 0, SIGNED, "IncompleteSignatureException", NULL, KMS_CREDENTIAL, "auth_method", NOT_OURS},
	{0, 0, SIGNED, "MissingAuthenticationToken", NULL, KMS_CREDENTIAL, "auth_method", NOT_OURS},
	{0, 0, SIGNED, "MissingAuthenticationTokenException", NULL, KMS_CREDENTIAL, "auth_method", NOT_OURS},
	{0, 0, SIGNED, "OptInRequired", NULL, KMS_CREDENTIAL, "auth_method",
	"Our account is not subscribed to the service"},

	/* our web identity; who trusts its issuer is the side that has the role */
	{0, 0, WEB_ROLE, "InvalidIdentityToken", "No OpenIDConnect provider found", KMS_DENIED, "",
	"The account of the role does not trust the issuer any more"},
	{0, 0, WEB_ROLE, "InvalidIdentityToken", "Incorrect token audience", KMS_DENIED, "",
	"The account of the role does not trust the token's audience"},
	{0, 0, WEB, "InvalidIdentityToken", NULL, KMS_CREDENTIAL, "web_identity_token_file",
	"The token cannot be verified"},
	{0, 0, WEB, "ExpiredTokenException", NULL, KMS_CREDENTIAL, "web_identity_token_file",
	"The token has expired"},
	{0, 0, WEB, "IDPRejectedClaim", NULL, KMS_CREDENTIAL, "web_identity_token_file",
	"The issuer does not stand for the token"},
	{0, 0, WEB, "IDPCommunicationError", NULL, KMS_UNAVAILABLE, "", "STS could not ask the issuer of the token"},

	/* roles */
	{0, 0, OUR_ROLE, "AccessDenied", NULL, KMS_CREDENTIAL, "web_identity_role_arn",
	"The role is refused to our own token"},
	{0, 0, ROLE | WEB_ROLE, "AccessDenied", NULL, KMS_DENIED, "", "The role is refused"},
	{0, 0, OUR_ROLE, "RegionDisabledException", NULL, KMS_CREDENTIAL, "web_identity_role_arn",
	"The role's account has turned the region off"},
	{0, 0, ROLE | WEB_ROLE, "RegionDisabledException", NULL, KMS_DENIED, "",
	"The role's account has turned the region off"},

	/* whatever the code */
	{500, 599, METADATA, NULL, NULL, KMS_UNAVAILABLE, "auth_method", "The metadata service is in trouble"},
	{400, 499, METADATA, NULL, NULL, KMS_CREDENTIAL, "auth_method", "The metadata service has no access key for us"},
	{403, 0, OUR_ROLE, NULL, NULL, KMS_CREDENTIAL, "web_identity_role_arn", "The role is refused to our own token"},
	{403, 0, ROLE | WEB_ROLE, NULL, NULL, KMS_DENIED, "", "The role is refused"},
	{403, 0, KEYS, NULL, NULL, KMS_DENIED, "", "No policy or grant allows it this"},
	{500, 599, AWS, NULL, NULL, KMS_UNAVAILABLE, "", "It is in trouble"},
};

/* "com.amazonaws.kms#DisabledException:http://..." to the name in it. */
static void
strip_code(char code[CODE_MAX])
{
	char	   *name;

	code[strcspn(code, ":")] = '\0';
	name = strrchr(code, '#');
	if (name != NULL)
		memmove(code, name + 1, strlen(name + 1) + 1);
}

/* The first of two that is there; else "". */
static void
find_text(const KmsReply *reply, const char *path, const char *other_path, char *out, Size size)
{
	JsonWanted	wanted[] = {
		{path, out, size, false},
	};
	Bytes		body = bytes_of(reply->body, reply->body_len);

	if (json_find(body, wanted, 1) && wanted[0].found)
		return;
	wanted[0].path = other_path;
	(void) json_find(body, wanted, 1);
}

bool
aws_refused(const KmsReply *reply, int asked, KmsError *error)
{
	char		code[CODE_MAX] = "";
	char		said[TEXT_MAX] = "";

	if ((asked & KEYS) != 0)
	{
		find_text(reply, "__type", "Error.Code", code, sizeof(code));
		find_text(reply, "message", "Message", said, sizeof(said));
	}
	else if ((asked & STS) != 0)
	{
		find_text(reply, "Error.Code", "__type", code, sizeof(code));
		find_text(reply, "Error.Message", "message", said, sizeof(said));
	}
	strip_code(code);
	return kms_reply_refused(reply, error, refusals, lengthof(refusals), asked, code, said,
							 "Its answer is not one of AWS");
}
