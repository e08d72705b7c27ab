/*-------------------------------------------------------------------------
 *
 * kms_pkcs11_refusal.c
 *	  What it means when the helper of the provider pkcs11 did not do it.
 *
 * A code of PKCS#11 means different things at different steps, and modules do
 * not agree about them.  What is not in the table counts as trouble of the
 * device.  That what the module says of a ciphertext is about the ciphertext,
 * and not about the device, the helper has made sure of where the code alone
 * does not say so.
 *
 * The codes' numbers are those of PKCS#11 2.40 and 3.0; its header is wanted
 * for the helper only.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "kms/kms_pkcs11.h"

#define LOGIN	(1 << PKCS11_AT_LOGIN)
#define WRAPS	(1 << PKCS11_AT_WRAP)
#define UNWRAP	(1 << PKCS11_AT_UNWRAP)
#define USE		(WRAPS | UNWRAP)
#define ANY		(~0)

#define PIN_ADVICE \
	"mend the file, then log in once by hand, which has the token forget the wrong one"
#define LOCKED \
	"The token has locked its PIN: its security officer must set a new one"
#define NO_PIN			"This can be no PIN of the token"
#define DESTROYED		"The key-encryption key was destroyed"
#define FORBIDDEN		"The key-encryption key may not be used for this"
#define NO_MECHANISM	"the token does not have it"
#define NO_FIT			"the key does not fit the mechanism"
#define ANOTHER \
	"The wrapped key is not one of this tenant, key id and key-encryption key"

/* What the helper itself says, by Pkcs11Outcome. */
static const struct
{
	KmsStatus	class;
	const char *subject;
	const char *words;
}			outcomes[PKCS11_OUTCOMES] = {
	[PKCS11_NONSENSE] = {KMS_PROTOCOL, "", "The module's answer makes no sense."},
	[PKCS11_BAD_REQUEST] = {KMS_PROTOCOL, "",
	"The helper does not understand us: it is not of this version of bionic_crypt."},
	[PKCS11_NO_MODULE] = {KMS_CONFIG, PKCS11_MODULE_OPTION,
	"it cannot be loaded, or is no module of PKCS#11"},
	[PKCS11_NO_TOKEN] = {KMS_UNAVAILABLE, "token_label",
	"No token of this label, and serial number if given, is there."},
	[PKCS11_MANY_TOKENS] = {KMS_CONFIG, "token_serial",
	"it is required, since several tokens have this label, or this one too"},
	[PKCS11_PIN_KNOWN_WRONG] = {KMS_CREDENTIAL, "pin_file",
	"The PIN was refused before and is not tried again: " PIN_ADVICE "."},
	[PKCS11_PIN_COUNTED] = {KMS_CREDENTIAL, "pin_file",
	"The token counts a wrong PIN, so none is tried: " PIN_ADVICE "."},
	[PKCS11_PIN_LOCKED] = {KMS_CREDENTIAL, "pin_file",
	LOCKED "."},
	[PKCS11_NO_KEY] = {KMS_DENIED, "", "The token has no AES key of this label."},
	[PKCS11_MANY_KEYS] = {KMS_CONFIG, "kek", "several AES keys of the token have this label"},
	[PKCS11_NOT_OPEN] = {KMS_UNAVAILABLE, "", "The session at the token is lost."},
	[PKCS11_PIN_UNCLEAR] = {KMS_CREDENTIAL, "pin_file",
	"The last login with this PIN ended without a yes or no, so it is not tried again for a while."},
};

typedef struct CodeMeaning
{
	uint64		rv;
	int			steps;
	KmsStatus	class;
	const char *subject;
	const char *words;			/* without a period: the code follows */
} CodeMeaning;

/* What a function of the module says; the first that fits counts. */
static const CodeMeaning meanings[] = {
	{0x0a0, ANY, KMS_CREDENTIAL, "pin_file",
	"The PIN was refused and is not tried again: " PIN_ADVICE}, /* PIN_INCORRECT */
	{0x0a1, ANY, KMS_CREDENTIAL, "pin_file", NO_PIN},	/* PIN_INVALID */
	{0x0a2, ANY, KMS_CREDENTIAL, "pin_file", NO_PIN},	/* PIN_LEN_RANGE */
	{0x0a3, ANY, KMS_CREDENTIAL, "pin_file", "The PIN has expired"},	/* PIN_EXPIRED */
	{0x0a4, ANY, KMS_CREDENTIAL, "pin_file", LOCKED},	/* PIN_LOCKED */
	{0x102, LOGIN, KMS_CREDENTIAL, "pin_file", "The token has no PIN yet"}, /* USER_PIN_NOT_INITIALIZED */

	{0x060, USE, KMS_DENIED, "", DESTROYED},	/* KEY_HANDLE_INVALID */
	{0x082, USE, KMS_DENIED, "", DESTROYED},	/* OBJECT_HANDLE_INVALID */
	{0x0f0, USE, KMS_DENIED, "", DESTROYED},	/* UNWRAPPING_KEY_HANDLE_INVALID */
	{0x113, USE, KMS_DENIED, "", DESTROYED},	/* WRAPPING_KEY_HANDLE_INVALID */
	{0x068, USE, KMS_DENIED, "", FORBIDDEN},	/* KEY_FUNCTION_NOT_PERMITTED */
	{0x01b, USE, KMS_DENIED, "", FORBIDDEN},	/* ACTION_PROHIBITED */

	{0x070, USE, KMS_CONFIG, "mechanism", NO_MECHANISM},	/* MECHANISM_INVALID */
	{0x054, USE, KMS_CONFIG, "mechanism", NO_MECHANISM},	/* FUNCTION_NOT_SUPPORTED */
	{0x071, USE, KMS_CONFIG, "gcm_iv", "the token does not take our IV, or wants to make it"},	/* MECHANISM_PARAM_INVALID */
	{0x062, USE, KMS_CONFIG, "kek", NO_FIT},	/* KEY_SIZE_RANGE */
	{0x063, USE, KMS_CONFIG, "kek", NO_FIT},	/* KEY_TYPE_INCONSISTENT */
	{0x114, USE, KMS_CONFIG, "kek", NO_FIT},	/* WRAPPING_KEY_SIZE_RANGE */
	{0x115, USE, KMS_CONFIG, "kek", NO_FIT},	/* WRAPPING_KEY_TYPE_INCONSISTENT */
	{0x0f1, USE, KMS_CONFIG, "kek", NO_FIT},	/* UNWRAPPING_KEY_SIZE_RANGE */
	{0x0f2, USE, KMS_CONFIG, "kek", NO_FIT},	/* UNWRAPPING_KEY_TYPE_INCONSISTENT */

	{0x005, UNWRAP, KMS_BAD_CIPHERTEXT, "", ANOTHER},	/* GENERAL_ERROR */
	{0x006, UNWRAP, KMS_BAD_CIPHERTEXT, "", ANOTHER},	/* FUNCTION_FAILED */
	{0x040, UNWRAP, KMS_BAD_CIPHERTEXT, "", ANOTHER},	/* ENCRYPTED_DATA_INVALID */
	{0x041, UNWRAP, KMS_BAD_CIPHERTEXT, "", ANOTHER},	/* ENCRYPTED_DATA_LEN_RANGE */
	{0x042, UNWRAP, KMS_BAD_CIPHERTEXT, "", ANOTHER},	/* AEAD_DECRYPT_FAILED */
	{0x110, UNWRAP, KMS_BAD_CIPHERTEXT, "", ANOTHER},	/* WRAPPED_KEY_INVALID */
	{0x112, UNWRAP, KMS_BAD_CIPHERTEXT, "", ANOTHER},	/* WRAPPED_KEY_LEN_RANGE */

	{0x0e0, ANY, KMS_UNAVAILABLE, "", "The token is not there"},	/* TOKEN_NOT_PRESENT */
	{0x0e1, ANY, KMS_UNAVAILABLE, "", "The token is not there"},	/* TOKEN_NOT_RECOGNIZED */
	{0x032, ANY, KMS_UNAVAILABLE, "", "The device is not there"},	/* DEVICE_REMOVED */
	{0x0b1, ANY, KMS_UNAVAILABLE, "", "The token has no session left"}, /* SESSION_COUNT */
};

bool
pkcs11_refused(const Pkcs11Reply *reply, KmsError *error)
{
	static const CodeMeaning trouble = {
		.class = KMS_UNAVAILABLE,.subject = "",.words = "The module or its device is in trouble"
	};
	const CodeMeaning *meaning = &trouble;

	Assert(reply->outcome != PKCS11_DONE && reply->outcome < PKCS11_OUTCOMES);
	if (reply->outcome != PKCS11_REFUSED)
		return kms_fail(error, outcomes[reply->outcome].class, outcomes[reply->outcome].subject,
						"%s", outcomes[reply->outcome].words);
	for (int i = 0; i < lengthof(meanings) && meaning == &trouble; i++)
	{
		if (meanings[i].rv == reply->rv && (meanings[i].steps & (1 << reply->step)) != 0)
			meaning = &meanings[i];
	}
	return kms_fail(error, meaning->class, meaning->subject,
					"%s (code 0x%llX of PKCS#11)%s", meaning->words,
					(unsigned long long) reply->rv, meaning->class == KMS_CONFIG ? "" : ".");
}
