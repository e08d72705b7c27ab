/*-------------------------------------------------------------------------
 *
 * kms_kmip_refusal.c
 *	  What the result reasons of KMIP mean.
 *
 * The server is the tenant's: whom it does not admit, it has shut out.  Servers
 * disagree on what they call it; PyKMIP says Permission Denied of a key that
 * was revoked and of one that is another's.  All of these are a "no".
 *
 * General Failure is any trouble, and no answer.  PyKMIP says it also of a
 * ciphertext that is not of this key and its associated data.  Its words for
 * that are looked at, and go no further.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "kms/kms_kmip.h"
#include "kms/kms_reply.h"

/* KMIP 1.4, 9.1.3.2.29; from 0x1a on, but for General Failure, of KMIP 2.0 */
typedef enum ResultReason
{
	ITEM_NOT_FOUND = 0x01,
	AUTHENTICATION_NOT_SUCCESSFUL = 0x03,
	INVALID_MESSAGE = 0x04,
	OPERATION_NOT_SUPPORTED = 0x05,
	MISSING_DATA = 0x06,
	INVALID_FIELD = 0x07,
	FEATURE_NOT_SUPPORTED = 0x08,
	CRYPTOGRAPHIC_FAILURE = 0x0a,
	ILLEGAL_OPERATION = 0x0b,
	PERMISSION_DENIED = 0x0c,
	OBJECT_ARCHIVED = 0x0d,
	KEY_VALUE_NOT_PRESENT = 0x13,
	ATTESTATION_REQUIRED = 0x14,
	ATTESTATION_FAILED = 0x15,
	USAGE_LIMIT_EXCEEDED = 0x1a,
	BAD_CRYPTOGRAPHIC_PARAMETERS = 0x24,
	BAD_PASSWORD = 0x25,
	ILLEGAL_OBJECT_TYPE = 0x28,
	INCOMPATIBLE_USAGE_MASK = 0x29,
	INTERNAL_SERVER_ERROR = 0x2a,
	INVALID_OBJECT_TYPE = 0x30,
	OBJECT_DESTROYED = 0x36,
	OBJECT_NOT_FOUND = 0x37,
	NOT_AUTHORISED = 0x39,
	SERVER_LIMIT_EXCEEDED = 0x3a,
	UNSUPPORTED_PARAMETERS = 0x3e,
	UNSUPPORTED_PROTOCOL_VERSION = 0x3f,
	WRAPPING_OBJECT_ARCHIVED = 0x40,
	WRAPPING_OBJECT_DESTROYED = 0x41,
	WRAPPING_OBJECT_NOT_FOUND = 0x42,
	WRONG_KEY_LIFECYCLE_STATE = 0x43,
	PROTECTION_STORAGE_UNAVAILABLE = 0x44,
	GENERAL_FAILURE = 0x100
} ResultReason;

typedef struct KmipRefusal
{
	ResultReason reason;
	int			asked;			/* KMS_ASKED bits */
	const char *said;			/* all that it says; NULL: anything */
	KmsStatus	class;
	const char *subject;
	const char *words;			/* ours: as those of KmsRefusal */
} KmipRefusal;

#define WRAP	KMS_ASKED_WRAP
#define UNWRAP	KMS_ASKED_UNWRAP
#define KEYS	(WRAP | UNWRAP)

#define NOT_THERE "The key-encryption key does not exist"
#define ARCHIVED "The key-encryption key is archived"
#define DESTROYED "The key-encryption key is destroyed"
#define NOT_FOR_THIS "The key-encryption key is not for this"
#define NOT_ATTESTED "It admits only who is attested"
#define NOT_OF_THIS "The wrapped key is not one of this tenant, key id and key-encryption key"
#define NO_GCM "the KMS does not encrypt with it by AES-GCM and associated data"
#define NOT_READ "It does not take what it was asked"
#define TROUBLE "It is in trouble"

#define PYKMIP_FAILED "Operation failed. See the server logs for more information."

/* The first that fits counts. */
static const KmipRefusal refusals[] = {
	/* the key */
	{ITEM_NOT_FOUND, KEYS, NULL, KMS_DENIED, "", NOT_THERE},
	{OBJECT_NOT_FOUND, KEYS, NULL, KMS_DENIED, "", NOT_THERE},
	{WRAPPING_OBJECT_NOT_FOUND, KEYS, NULL, KMS_DENIED, "", NOT_THERE},
	{KEY_VALUE_NOT_PRESENT, KEYS, NULL, KMS_DENIED, "", NOT_THERE},
	{OBJECT_DESTROYED, KEYS, NULL, KMS_DENIED, "", DESTROYED},
	{WRAPPING_OBJECT_DESTROYED, KEYS, NULL, KMS_DENIED, "", DESTROYED},
	{OBJECT_ARCHIVED, KEYS, NULL, KMS_DENIED, "", ARCHIVED},
	{WRAPPING_OBJECT_ARCHIVED, KEYS, NULL, KMS_DENIED, "", ARCHIVED},
	{WRONG_KEY_LIFECYCLE_STATE, KEYS, NULL, KMS_DENIED, "", "The key-encryption key is not active"},
	{PERMISSION_DENIED, KEYS, NULL, KMS_DENIED, "",
	"The key-encryption key is not active, or not ours to use"},
	{NOT_AUTHORISED, KEYS, NULL, KMS_DENIED, "", "The key-encryption key is not ours to use"},
	{ILLEGAL_OPERATION, KEYS, NULL, KMS_DENIED, "", NOT_FOR_THIS},
	{INCOMPATIBLE_USAGE_MASK, KEYS, NULL, KMS_DENIED, "", NOT_FOR_THIS},

	/* who we are */
	{AUTHENTICATION_NOT_SUCCESSFUL, KEYS, NULL, KMS_DENIED, "",
	"It does not admit our certificate, username or password"},
	{BAD_PASSWORD, KEYS, NULL, KMS_DENIED, "", "It does not admit our username or password"},
	{ATTESTATION_REQUIRED, KEYS, NULL, KMS_DENIED, "", NOT_ATTESTED},
	{ATTESTATION_FAILED, KEYS, NULL, KMS_DENIED, "", NOT_ATTESTED},

	/* the wrapped key */
	{CRYPTOGRAPHIC_FAILURE, UNWRAP, NULL, KMS_BAD_CIPHERTEXT, "", NOT_OF_THIS},
	{GENERAL_FAILURE, UNWRAP, PYKMIP_FAILED, KMS_BAD_CIPHERTEXT, "", NOT_OF_THIS},

	/* what is asked of which server */
	{OPERATION_NOT_SUPPORTED, KEYS, NULL, KMS_CONFIG, "address",
	"the KMS does not encrypt and decrypt"},
	{UNSUPPORTED_PROTOCOL_VERSION, KEYS, NULL, KMS_CONFIG, "address",
	"the KMS does not speak KMIP 1.4"},
	{FEATURE_NOT_SUPPORTED, KEYS, NULL, KMS_CONFIG, "kek", NO_GCM},
	{CRYPTOGRAPHIC_FAILURE, WRAP, NULL, KMS_CONFIG, "kek", NO_GCM},
	{BAD_CRYPTOGRAPHIC_PARAMETERS, KEYS, NULL, KMS_CONFIG, "kek", NO_GCM},
	{UNSUPPORTED_PARAMETERS, KEYS, NULL, KMS_CONFIG, "kek", NO_GCM},
	{ILLEGAL_OBJECT_TYPE, KEYS, NULL, KMS_CONFIG, "kek", NO_GCM},
	{INVALID_OBJECT_TYPE, KEYS, NULL, KMS_CONFIG, "kek", NO_GCM},
	{INVALID_MESSAGE, KEYS, NULL, KMS_PROTOCOL, "", NOT_READ},
	{MISSING_DATA, KEYS, NULL, KMS_PROTOCOL, "", NOT_READ},
	{INVALID_FIELD, KEYS, NULL, KMS_PROTOCOL, "", NOT_READ},

	/* how it fares */
	{USAGE_LIMIT_EXCEEDED, KEYS, NULL, KMS_THROTTLED, "", "A limit of the key-encryption key is used up"},
	{SERVER_LIMIT_EXCEEDED, KEYS, NULL, KMS_THROTTLED, "", "A limit of the KMS is used up"},
	{INTERNAL_SERVER_ERROR, KEYS, NULL, KMS_UNAVAILABLE, "", TROUBLE},
	{PROTECTION_STORAGE_UNAVAILABLE, KEYS, NULL, KMS_UNAVAILABLE, "", TROUBLE},
	{GENERAL_FAILURE, KEYS, NULL, KMS_UNAVAILABLE, "", TROUBLE},
};

static bool
fail(const KmipAnswer *answer, KmsError *error, KmsStatus status, const char *subject,
	 const char *words)
{
	return kms_fail(error, status, subject, "%s (result reason 0x%02X)%s", words, answer->reason,
					status == KMS_CONFIG ? "" : ".");
}

bool
kmip_refused(const KmipAnswer *answer, int asked, KmsError *error)
{
	for (int i = 0; i < lengthof(refusals); i++)
	{
		const KmipRefusal *each = &refusals[i];

		if (each->reason == answer->reason && (each->asked & asked) != 0 &&
			(each->said == NULL || bytes_equal(bytes_of_string(each->said), answer->said)))
			return fail(answer, error, each->class, each->subject, each->words);
	}
	return fail(answer, error, KMS_PROTOCOL, "", "Its refusal is not one of KMIP");
}
