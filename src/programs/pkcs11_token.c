/*-------------------------------------------------------------------------
 *
 * pkcs11_token.c
 *	  A module of PKCS#11 and a token of it, for the helper process.
 *
 * A token locks its PIN after a few wrong ones, for everybody who uses it.  So
 * none is tried while the token counts a wrong one.  What was refused before
 * the key worker knows (kms/pkcs11_pins.c), which outlives this process.
 *
 *-------------------------------------------------------------------------
 */
#include <dlfcn.h>

#include "programs/pkcs11_token.h"

#define SLOTS_MAX 256			/* with a token */
#define DOUBTFUL_S 10			/* older than that, a session may be lost */

static bool load_module(Token *token, Pkcs11Reply *reply);
static bool initialize(Token *token, Pkcs11Reply *reply);
static bool find_slot(const Token *token, const Pkcs11Request *request, CK_SLOT_ID *slot,
					  Pkcs11Reply *reply);

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
	CK_RV		rv;

	if (token->open)
		return true;
	if (!load_module(token, reply) || !initialize(token, reply) ||
		!find_slot(token, request, &token->slot, reply))
		return false;
	rv = token->functions->C_OpenSession(token->slot, CKF_SERIAL_SESSION, NULL, NULL, &token->session);
	token->open = rv == CKR_OK;
	return token->open || token_refused(reply, PKCS11_AT_TOKEN, rv);
}

static time_t
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* As the token says now, in the session of now. */
static bool
may_log_in(const Token *token, Pkcs11Reply *reply)
{
	CK_TOKEN_INFO info;
	CK_RV		rv = token->functions->C_GetTokenInfo(token->slot, &info);

	if (rv != CKR_OK)
		return token_refused(reply, PKCS11_AT_TOKEN, rv);
	if (info.flags & CKF_USER_PIN_LOCKED)
		return token_fail(reply, PKCS11_PIN_LOCKED);
	if (info.flags & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY))
		return token_fail(reply, PKCS11_PIN_COUNTED);
	return true;
}

bool
token_log_in(Token *token, const Pkcs11Request *request, Pkcs11Reply *reply)
{
	CK_RV		rv;

	if (!token->open)
		return token_fail(reply, PKCS11_NOT_OPEN);
	if (token->logged_in)
		return true;
	if (may_log_in(token, reply))
	{
		rv = token->functions->C_Login(token->session, CKU_USER,
									   (CK_UTF8CHAR_PTR) request->pin.data, request->pin.len);
		token->logged_in = rv == CKR_OK || token_refused(reply, PKCS11_AT_LOGIN, rv);
		token->logged_in_s = now_s();
	}
	if (!token->logged_in)
		token_close(token);
	return token->logged_in;
}

/* Modules need not know: a device that begins anew has forgotten our login. */
bool
token_is_doubtful(const Token *token)
{
	CK_SESSION_INFO info;

	return now_s() - token->logged_in_s > DOUBTFUL_S ||
		token->functions->C_GetSessionInfo(token->session, &info) != CKR_OK ||
		(info.state != CKS_RO_USER_FUNCTIONS && info.state != CKS_RW_USER_FUNCTIONS);
}

/* A module that cannot be finalized cannot be initialized either. */
void
token_close(Token *token)
{
	if (token->initialized && token->functions->C_Finalize(NULL) != CKR_OK)
		token->broken = true;
	token->initialized = token->open = token->logged_in = false;
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
		  Pkcs11Reply *reply)
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
		n_found++;
	}
	return n_found == 1 || token_fail(reply, n_found == 0 ? PKCS11_NO_TOKEN : PKCS11_MANY_TOKENS);
}
