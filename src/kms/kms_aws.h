/*-------------------------------------------------------------------------
 *
 * kms_aws.h
 *	  What the files of the provider aws share: kms_aws.c (keys of the KMS),
 *	  kms_aws_options.c, kms_aws_login.c, kms_aws_keys.c (access keys),
 *	  kms_aws_refusal.c.
 *
 * An access key is what requests are signed with: an id, a secret, and a
 * session token if it is a temporary one.  KmsToken's text is one, in a form
 * of ours.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_KMS_AWS_H
#define KMS_KMS_AWS_H

#include "postgres.h"

#include "kms/aws_sigv4.h"
#include "kms/kms_provider.h"
#include "kms/kms_reply.h"

typedef enum AwsMethod
{
	AWS_STATIC = 1 << 0,
	AWS_WEB_IDENTITY = 1 << 1,
	AWS_CONTAINER = 1 << 2,
	AWS_IMDS = 1 << 3
} AwsMethod;

#define AWS_ANY_METHOD (AWS_STATIC | AWS_WEB_IDENTITY | AWS_CONTAINER | AWS_IMDS)

extern const KmsOptionRule aws_option_rules[];
extern bool aws_validate(const KmsServer *server, KmsError *error);

extern AwsMethod aws_method(const KmsServer *server);

/* Whether the method is one of the machine's own. */
extern bool aws_uses_identity(const KmsServer *server);

#define AWS_URL_MAX 256

/* The option, or else where AWS has that service for our region. */
extern const char *aws_url(const KmsServer *server, const char *option,
						   const char *service, char url[AWS_URL_MAX]);

/* Ends what built a request. */
extern bool aws_request_ok(const KmsRequest *request, KmsError *error);
extern bool aws_request_sign(const KmsServer *server, const char *service,
							 const KmsToken *token, int64 now_s, KmsRequest *request,
							 KmsError *error);

/* Who is asked when a login is refused: bits beside those of kms_reply.h. */
#define AWS_ASKED_METADATA	(KMS_ASKED_OWN << 0)	/* this machine's */
#define AWS_ASKED_OUR_ROLE	(KMS_ASKED_OWN << 1)	/* AssumeRoleWithWebIdentity,
													 * of ours */
#define AWS_ASKED_WEB_ROLE	(KMS_ASKED_OWN << 2)	/* the same, of the
													 * tenant's side */
#define AWS_ASKED_ROLE		(KMS_ASKED_OWN << 3)	/* AssumeRole */

/* Classifies an answer that is not the one asked for. */
extern bool aws_refused(const KmsReply *reply, int asked, KmsError *error);

/* False unless text is an access key in our form, of which *keys borrows. */
extern bool aws_keys_of(const KmsToken *token, SigV4Keys *keys);

/* The access key of a profile of a shared credentials file, strictly read. */
extern bool aws_keys_of_profile(const char *text, const char *profile, KmsToken *token,
								KmsError *error);

/* Where a reply has the parts of an access key. */
typedef struct AwsKeysPlace
{
	const char *access_key_id;
	const char *secret_key;
	const char *session_token;
	const char *expiration;
} AwsKeysPlace;

extern bool aws_keys_of_reply(const KmsReply *reply, const AwsKeysPlace *place, int64 now_s,
							  KmsToken *token, KmsError *error);

/* Seconds since 1970 from "2015-08-30T12:36:00Z", or from such a number. */
extern bool aws_time_read(const char *text, int64 *seconds);

/* The entries of KmsRemote that are about logins. */
extern const char *aws_identity_file(const KmsServer *server);
extern const char *aws_secret_file(const KmsServer *server);
extern bool aws_logs_in(const KmsServer *server);
extern KmsProgress aws_build_login(const KmsServer *server, const KmsLoginAsked *asked,
								   KmsToken *token, KmsRequest *request, KmsError *error);
extern KmsProgress aws_read_login(const KmsServer *server, const KmsLoginAsked *asked,
								  const KmsReply *reply, KmsToken *token, KmsError *error);

#endif							/* KMS_KMS_AWS_H */
