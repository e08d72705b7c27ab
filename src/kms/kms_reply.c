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
kms_reply_came(const KmsReply *reply, KmsError *error)
{
	switch (reply->failure)
	{
		case KMS_REPLIED:
			break;
		case KMS_UNREACHABLE:
			return kms_fail(error, KMS_UNAVAILABLE, "", "It could not be reached: %s.",
							reply->failure_text);
		case KMS_UNTRUSTED:
			return kms_fail(error, KMS_UNAVAILABLE, "", "Its certificate is not trusted: %s.",
							reply->failure_text);
		case KMS_FORBIDDEN_ADDRESS:
			return kms_fail(error, KMS_CONFIG, "address",
							"it leads to this machine, a link-local address or a metadata service, and bionic_crypt.allow_local_kms is off");
		case KMS_LOCAL_FAILURE:
			return kms_fail(error, KMS_CREDENTIAL, "", "It could not be asked: %s.",
							reply->failure_text);
		case KMS_BAD_REPLY:
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
kms_reply_fail(const KmsReply *reply, KmsError *error, KmsStatus status,
			   const char *subject, const char *words)
{
	bool		has_id = reply->request_id[0] != '\0';

	kms_fail(error, status, subject, "%s (status %d%s%s)%s", words, reply->status,
			 has_id ? ", request " : "", reply->request_id,
			 status == KMS_CONFIG ? "" : ".");
	error->retry_after_ms = status == KMS_THROTTLED ? reply->retry_after_ms : 0;
	return false;
}

bool
kms_reply_refused(const KmsReply *reply, KmsError *error, const KmsRefusal *table, int n,
				  int asked, const char *code, const char *said, const char *unknown)
{
	for (int i = 0; i < n; i++)
	{
		const KmsRefusal *each = &table[i];

		if ((each->status == 0 || (reply->status >= each->status &&
								   reply->status <= Max(each->status, each->status_to))) &&
			(each->asked & asked) != 0 &&
			(each->code == NULL || strcmp(code, each->code) == 0) &&
			(each->text == NULL || strstr(said, each->text) != NULL))
			return kms_reply_fail(reply, error, each->class, each->subject, each->words);
	}
	return kms_reply_fail(reply, error, KMS_PROTOCOL, "", unknown);
}

bool
kms_reply_seconds(const char *text, uint32 *seconds)
{
	Size		len = strspn(text, "0123456789");
	uint64		value;

	if (len == 0 || text[len] != '\0')
		return false;
	value = strtoull(text, NULL, 10);
	*seconds = (uint32) Min(value, PG_UINT32_MAX);
	return true;
}
