/*-------------------------------------------------------------------------
 *
 * pkcs11_token.c
 *	  A module of PKCS#11 and a token of it, for the helper process.
 *
 * A token locks its PIN after a few wrong ones, for everybody who uses it.  So
 * a wrong PIN is tried once: not again by this process, which knows it, and
 * not by the next one, which sees that the token counts it.
 *
 *-------------------------------------------------------------------------
 */
#include <dlfcn.h>

#include "programs/pkcs11_token.h"

#define SLOTS_MAX 256			/* with a token */

static bool load_module(Token *token, Pkcs11Reply *reply);
static bool initialize(Token *token, Pkcs11Reply *reply);
static bool find_slot(const Token *token, const Pkcs11Request *request, CK_SLOT_ID *slot,
					  CK_FLAGS *flags, Pkcs11Reply *reply);
static bool log_in(Token *token, Bytes pin, CK_FLAGS flags, Pkcs11Reply *reply);

bool
token_fail(Pkcs11Reply *reply, Pkcs11Outcome outcome)
{
	reply->outcome = outcome;
	return false;
}

bool
token_refused(Pkcs11Reply *reply, Pkcs11Step step, CK_RV rv)
{
	reply->step = step;
	reply->rv = rv;
	return token_fail(reply, PKCS11_REFUSED);
}

bool
token_open(Token *token, const Pkcs11Request *request, Pkcs11Reply *reply)
{
	CK_SLOT_ID	slot;
	CK_FLAGS	flags;
	CK_RV		rv;

	if (token->open)
		return true;
	if (!load_module(token, reply) || !initialize(token, reply) ||
		!find_slot(token, request, &slot, &flags, reply))
		return false;
	rv = token->functions->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &token->session);
	if (rv != CKR_OK)
		return token_refused(reply, PKCS11_AT_TOKEN, rv);
	token->open = log_in(token, request->pin, flags, reply);
	if (!token->open)
		token_close(token);
	return token->open;
}

void
token_close(Token *token)
{
	if (token->initialized)
		(void) token->functions->C_Finalize(NULL);
	token->initialized = token->open = false;
}

static bool
load_module(Token *token, Pkcs11Reply *reply)
{
	void	   *library;
	CK_C_GetFunctionList get_function_list;
	CK_FUNCTION_LIST_PTR functions = NULL;
	CK_RV		rv;

	if (token->functions != NULL)
		return true;
	library = dlopen(token->module_path, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL)
		return token_fail(reply, PKCS11_NO_MODULE);
	get_function_list = (CK_C_GetFunctionList) dlsym(library, "C_GetFunctionList");
	if (get_function_list == NULL)
	{
		dlclose(library);
		return token_fail(reply, PKCS11_NO_MODULE);
	}
	rv = get_function_list(&functions);
	if (rv != CKR_OK)
		return token_refused(reply, PKCS11_AT_MODULE, rv);
	if (functions == NULL)
		return token_fail(reply, PKCS11_NONSENSE);
	token->functions = functions;
	return true;
}

/* Modules may have threads of their own. */
static bool
initialize(Token *token, Pkcs11Reply *reply)
{
	CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
	CK_RV		rv;

	if (token->initialized)
		return true;
	rv = token->functions->C_Initialize(&arguments);
	token->initialized = rv == CKR_OK;
	return token->initialized || token_refused(reply, PKCS11_AT_MODULE, rv);
}

/* Texts of PKCS#11 are padded with blanks. */
static bool
is_padded(const unsigned char *field, size_t size, Bytes text)
{
	if (text.len > size || memcmp(field, text.data, text.len) != 0)
		return false;
	for (size_t i = text.len; i < size; i++)
	{
		if (field[i] != ' ')
			return false;
	}
	return true;
}

/* The token that the request names, of which there must be one. */
static bool
find_slot(const Token *token, const Pkcs11Request *request, CK_SLOT_ID *slot,
		  CK_FLAGS *flags, Pkcs11Reply *reply)
{
	CK_SLOT_ID	slots[SLOTS_MAX];
	CK_ULONG	n_slots = 0;
	int			n_found = 0;
	CK_RV		rv;

	/* Modules look for new tokens when they are asked how many there are. */
	rv = token->functions->C_GetSlotList(CK_TRUE, NULL, &n_slots);
	n_slots = SLOTS_MAX;
	if (rv == CKR_OK)
		rv = token->functions->C_GetSlotList(CK_TRUE, slots, &n_slots);
	if (rv != CKR_OK)
		return token_refused(reply, PKCS11_AT_TOKEN, rv);
	if (n_slots > SLOTS_MAX)
		return token_fail(reply, PKCS11_NONSENSE);
	for (CK_ULONG i = 0; i < n_slots; i++)
	{
		CK_TOKEN_INFO info;

		/* One that cannot be looked at is of no use; it may be another's. */
		if (token->functions->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
			!is_padded(info.label, sizeof(info.label), request->token_label) ||
			(request->token_serial.len > 0 &&
			 !is_padded(info.serialNumber, sizeof(info.serialNumber), request->token_serial)))
			continue;
		*slot = slots[i];
		*flags = info.flags;
		n_found++;
	}
	return n_found == 1 || token_fail(reply, n_found == 0 ? PKCS11_NO_TOKEN : PKCS11_MANY_TOKENS);
}

static bool
is_about_pin(CK_RV rv)
{
	return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE ||
		rv == CKR_PIN_EXPIRED || rv == CKR_PIN_LOCKED;
}

static bool
log_in(Token *token, Bytes pin, CK_FLAGS flags, Pkcs11Reply *reply)
{
	CK_RV		rv;

	if (flags & CKF_USER_PIN_LOCKED)
		return token_fail(reply, PKCS11_PIN_LOCKED);
	if (flags & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY))
		return token_fail(reply, PKCS11_PIN_COUNTED);
	if (bytes_equal(pin, bytes_of(token->refused_pin, token->refused_pin_len)))
		return token_fail(reply, PKCS11_PIN_KNOWN_WRONG);

	rv = token->functions->C_Login(token->session, CKU_USER, (CK_UTF8CHAR_PTR) pin.data, pin.len);
	if (is_about_pin(rv))
	{
		memcpy(token->refused_pin, pin.data, pin.len);
		token->refused_pin_len = pin.len;
	}
	return rv == CKR_OK || token_refused(reply, PKCS11_AT_LOGIN, rv);
}
