/*-------------------------------------------------------------------------
 *
 * kms_reply.c
 *	  What the replies of all providers that speak HTTP have in common.
 *
 * Only an answer can be a "no".  Whatever keeps us from having one, a
 * certificate that is not trusted included, is what somebody on the network
 * can bring about, and so counts as not having been able to ask.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "kms/kms_reply.h"

bool
kms_reply_came(const HttpReply *reply, KmsError *error)
{
	switch (reply->failure)
	{
		case HTTP_REPLIED:
			break;
		case HTTP_UNREACHABLE:
			return kms_fail(error, KMS_UNAVAILABLE, "", "It could not be reached: %s.",
							reply->failure_text);
		case HTTP_UNTRUSTED:
			return kms_fail(error, KMS_UNAVAILABLE, "", "Its certificate is not trusted: %s.",
							reply->failure_text);
		case HTTP_FORBIDDEN_ADDRESS:
			return kms_fail(error, KMS_CONFIG, "address",
							"it leads to this machine, a link-local address or a metadata service, and bionic_crypt.allow_local_kms is off");
		case HTTP_LOCAL:
			return kms_fail(error, KMS_CREDENTIAL, "", "It could not be asked: %s.",
							reply->failure_text);
		case HTTP_BAD_REPLY:
		default:
			return kms_fail(error, KMS_PROTOCOL, "", "Its reply cannot be read: %s.",
							reply->failure_text);
	}
	if (reply->status >= 300 && reply->status <= 399)
		return kms_reply_fail(reply, error, KMS_PROTOCOL, "",
							  "It answered with a redirect, which is not followed");
	return true;
}

bool
kms_reply_fail(const HttpReply *reply, KmsError *error, KmsStatus status,
			   const char *subject, const char *words)
{
	bool		has_id = reply->request_id[0] != '\0';

	kms_fail(error, status, subject, "%s (status %d%s%s)%s", words, reply->status,
			 has_id ? ", request " : "", reply->request_id,
			 status == KMS_CONFIG ? "" : ".");
	error->retry_after_ms = status == KMS_THROTTLED ? reply->retry_after_ms : 0;
	return false;
}
