/*-------------------------------------------------------------------------
 *
 * pkcs11_key.c
 *	  Wrapping and unwrapping with a key of a token, for the helper process.
 *
 * The key is looked for each time, so that one that was destroyed, or made
 * anew, is seen at once.
 *
 * Modules say CKR_GENERAL_ERROR, or the like, to what was tampered with, as
 * well as when the device is in trouble.  Only if the same key then wraps and
 * unwraps something else was it the ciphertext; if not, whatever that says
 * about the trial, it was the device.
 *
 *-------------------------------------------------------------------------
 */
#include <sys/random.h>

#include "programs/pkcs11_key.h"

#define GCM_TAG_BITS	128
#define TRIAL_LEN		32		/* an AES key, which AES key wrap asks for */

static bool find_key(const Token *token, Bytes label, CK_OBJECT_HANDLE *key, Pkcs11Reply *reply);
static bool key_answers(const Token *token, CK_OBJECT_HANDLE key, const Pkcs11Request *request);

/* What a mechanism makes of request->in; the length of the output is *len. */
typedef CK_RV (*KeyFunction) (const Token *token, CK_OBJECT_HANDLE key,
							  const Pkcs11Request *request, KeyResult *result, CK_ULONG *len);

static CK_RV
gcm(const Token *token, CK_OBJECT_HANDLE key, const Pkcs11Request *request,
	KeyResult *result, CK_ULONG *len)
{
	CK_FUNCTION_LIST_PTR f = token->functions;
	bool		wraps = request->operation == PKCS11_WRAP;
	CK_BYTE_PTR in = (CK_BYTE_PTR) request->in.data;
	CK_GCM_PARAMS parameters = {
		.pIv = result->iv,
		.ulIvLen = PKCS11_IV_LEN,
		.ulIvBits = PKCS11_IV_LEN * 8,
		.pAAD = (CK_BYTE_PTR) request->associated.data,
		.ulAADLen = request->associated.len,
		.ulTagBits = GCM_TAG_BITS,
	};
	CK_MECHANISM mechanism = {CKM_AES_GCM, &parameters, sizeof(parameters)};
	CK_RV		rv;

	/* A module that makes the IV finds zeros and writes it there. */
	memset(result->iv, 0, PKCS11_IV_LEN);
	if (request->iv.len > 0)
		memcpy(result->iv, request->iv.data, PKCS11_IV_LEN);
	rv = wraps ? f->C_EncryptInit(token->session, &mechanism, key)
		: f->C_DecryptInit(token->session, &mechanism, key);
	if (rv != CKR_OK)
		return rv;
	return wraps ? f->C_Encrypt(token->session, in, request->in.len, result->out, len)
		: f->C_Decrypt(token->session, in, request->in.len, result->out, len);
}

/* An AES key that lives in our session only, and that can be taken out of it. */
#define INNER_KEY_ATTRIBUTES \
	{CKA_CLASS, &class, sizeof(class)}, \
	{CKA_KEY_TYPE, &type, sizeof(type)}, \
	{CKA_TOKEN, &no, sizeof(no)}, \
	{CKA_SENSITIVE, &no, sizeof(no)}, \
	{CKA_EXTRACTABLE, &yes, sizeof(yes)}

static CK_RV
key_wrap(const Token *token, CK_OBJECT_HANDLE key, const Pkcs11Request *request,
		 KeyResult *result, CK_ULONG *len)
{
	CK_FUNCTION_LIST_PTR f = token->functions;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_BBOOL	no = CK_FALSE;
	CK_BBOOL	yes = CK_TRUE;
	CK_ATTRIBUTE inner[] = {
		INNER_KEY_ATTRIBUTES,
		{CKA_VALUE, (CK_VOID_PTR) request->in.data, request->in.len},
	};
	CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
	CK_OBJECT_HANDLE handle;
	CK_RV		rv = f->C_CreateObject(token->session, inner, sizeof(inner) / sizeof(inner[0]),
									   &handle);

	if (rv != CKR_OK)
		return rv;
	rv = f->C_WrapKey(token->session, &mechanism, key, handle, result->out, len);
	(void) f->C_DestroyObject(token->session, handle);
	return rv;
}

static CK_RV
key_unwrap(const Token *token, CK_OBJECT_HANDLE key, const Pkcs11Request *request,
		   KeyResult *result, CK_ULONG *len)
{
	CK_FUNCTION_LIST_PTR f = token->functions;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_BBOOL	no = CK_FALSE;
	CK_BBOOL	yes = CK_TRUE;
	CK_ATTRIBUTE inner[] = {INNER_KEY_ATTRIBUTES};
	CK_ATTRIBUTE value = {CKA_VALUE, result->out, *len};
	CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
	CK_OBJECT_HANDLE handle;
	CK_RV		rv = f->C_UnwrapKey(token->session, &mechanism, key,
									(CK_BYTE_PTR) request->in.data, request->in.len,
									inner, sizeof(inner) / sizeof(inner[0]), &handle);

	if (rv != CKR_OK)
		return rv;
	rv = f->C_GetAttributeValue(token->session, handle, &value, 1);
	(void) f->C_DestroyObject(token->session, handle);
	*len = value.ulValueLen;
	return rv;
}

static KeyFunction
function_of(const Pkcs11Request *request)
{
	if (request->mechanism == PKCS11_AES_GCM)
		return gcm;
	return request->operation == PKCS11_WRAP ? key_wrap : key_unwrap;
}

static bool
run(const Token *token, CK_OBJECT_HANDLE key, const Pkcs11Request *request,
	KeyResult *result, Pkcs11Reply *reply)
{
	bool		wraps = request->operation == PKCS11_WRAP;
	CK_ULONG	len = PKCS11_OUT_MAX;
	CK_RV		rv = function_of(request) (token, key, request, result, &len);

	if (rv != CKR_OK)
		return token_refused(reply, wraps ? PKCS11_AT_WRAP : PKCS11_AT_UNWRAP, rv);
	if (len > PKCS11_OUT_MAX)
		return token_fail(reply, PKCS11_NONSENSE);
	reply->outcome = PKCS11_DONE;
	reply->out = bytes_of(result->out, len);
	reply->iv = bytes_of(result->iv, wraps && request->mechanism == PKCS11_AES_GCM ? PKCS11_IV_LEN : 0);
	return true;
}

static bool
is_ambiguous(const Pkcs11Reply *reply)
{
	return reply->outcome == PKCS11_REFUSED && reply->step == PKCS11_AT_UNWRAP &&
		(reply->rv == CKR_GENERAL_ERROR || reply->rv == CKR_FUNCTION_FAILED);
}

bool
key_use(const Token *token, const Pkcs11Request *request, KeyResult *result,
		Pkcs11Reply *reply)
{
	CK_OBJECT_HANDLE key;

	if (!find_key(token, request->key_label, &key, reply))
		return false;
	if (run(token, key, request, result, reply))
		return true;
	if (is_ambiguous(reply) && !key_answers(token, key, request))
		reply->step = PKCS11_AT_TOKEN;
	return false;
}

/* An IV is used once, though what this wraps goes nowhere. */
static bool
key_answers(const Token *token, CK_OBJECT_HANDLE key, const Pkcs11Request *request)
{
	static const uint8_t zeros[TRIAL_LEN];
	uint8_t		iv[PKCS11_IV_LEN];
	Pkcs11Request trial = *request;
	Pkcs11Reply reply = {0};
	KeyResult	wrapped;
	KeyResult	unwrapped;

	trial.operation = PKCS11_WRAP;
	trial.iv = bytes_of(iv, request->module_makes_iv ? 0 : sizeof(iv));
	trial.in = bytes_of(zeros, sizeof(zeros));
	if (getrandom(iv, sizeof(iv), 0) != sizeof(iv) ||
		!run(token, key, &trial, &wrapped, &reply))
		return false;
	trial.operation = PKCS11_UNWRAP;
	trial.iv = reply.iv;
	trial.in = reply.out;
	return run(token, key, &trial, &unwrapped, &reply) &&
		bytes_equal(reply.out, bytes_of(zeros, sizeof(zeros)));
}

/* The AES key of that label, of which there must be one. */
static bool
find_key(const Token *token, Bytes label, CK_OBJECT_HANDLE *key, Pkcs11Reply *reply)
{
	CK_FUNCTION_LIST_PTR f = token->functions;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_BBOOL	yes = CK_TRUE;
	CK_ATTRIBUTE wanted[] = {
		{CKA_CLASS, &class, sizeof(class)},
		{CKA_KEY_TYPE, &type, sizeof(type)},
		{CKA_TOKEN, &yes, sizeof(yes)},
		{CKA_LABEL, (CK_VOID_PTR) label.data, label.len},
	};
	CK_OBJECT_HANDLE found[2] = {CK_INVALID_HANDLE, CK_INVALID_HANDLE};
	CK_ULONG	n_found = 0;
	CK_RV		rv = f->C_FindObjectsInit(token->session, wanted,
										  sizeof(wanted) / sizeof(wanted[0]));

	*key = CK_INVALID_HANDLE;
	if (rv == CKR_OK)
	{
		rv = f->C_FindObjects(token->session, found, 2, &n_found);
		(void) f->C_FindObjectsFinal(token->session);
	}
	if (rv != CKR_OK)
		return token_refused(reply, PKCS11_AT_KEY, rv);
	if (n_found > 2)
		return token_fail(reply, PKCS11_NONSENSE);
	if (n_found != 1)
		return token_fail(reply, n_found == 0 ? PKCS11_NO_KEY : PKCS11_MANY_KEYS);
	*key = found[0];
	return true;
}
