/*-------------------------------------------------------------------------
 *
 * test_pkcs11_pins.c
 *	  Which PINs are not tried again, and when.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include <p11-kit/pkcs11.h>

#include "kms/pkcs11_pins.h"

#define S				UINT64CONST(1000000000)
#define FIRST_PAUSE_S	30
#define LONGEST_PAUSE_S 900
#define PLACES			256

static uint64 now = 1000 * S;

static PinMark
mark_of(const char *module, const char *label, const char *pin)
{
	PinMark		mark;

	if (!pin_mark(module, bytes_of_string(label), bytes_of_string(pin), &mark))
		abort();
	return mark;
}

static Pkcs11Outcome
look(const char *pin)
{
	PinMark		mark = mark_of("/m.so", "acme", pin);

	return pin_look(&mark, now);
}

static void
note(const char *pin, const Pkcs11Reply *reply)
{
	PinMark		mark = mark_of("/m.so", "acme", pin);

	pin_note(&mark, reply, now);
}

static void
note_code(const char *pin, CK_RV rv)
{
	const Pkcs11Reply reply = {.outcome = PKCS11_REFUSED,.step = PKCS11_AT_LOGIN,.rv = rv};

	note(pin, &reply);
}

static void
test_wrong(void)
{
	static const CK_RV wrong[] = {CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE};
	static const char *const pins[] = {"wrong 0", "wrong 1", "wrong 2"};
	PinMark		others[] = {
		mark_of("/n.so", "acme", "wrong 0"), mark_of("/m.so", "acm", "ewrong 0"),
		mark_of("/m.so", "acmewrong", " 0"), mark_of("/m.so", "other", "wrong 0")
	};
	bool		ok = true;

	for (int i = 0; i < lengthof(wrong); i++)
	{
		TAP_EACH(ok, look(pins[i]) == PKCS11_DONE, "before %d", i);
		note_code(pins[i], wrong[i]);
	}
	now += 1000 * LONGEST_PAUSE_S * S;
	for (int i = 0; i < lengthof(wrong); i++)
		TAP_EACH(ok, look(pins[i]) == PKCS11_PIN_KNOWN_WRONG, "after %d", i);
	for (int i = 0; i < lengthof(others); i++)
		TAP_EACH(ok, pin_look(&others[i], now) == PKCS11_DONE, "another %d", i);
	tap_ok(ok, "pkcs11: a PIN that was refused is not tried again, another one is");
}

static void
test_unclear(void)
{
	static const CK_RV unclear[] = {
		CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR, CKR_PIN_EXPIRED, CKR_PIN_LOCKED,
		CKR_USER_TYPE_INVALID, CKR_VENDOR_DEFINED | 1
	};
	static const char *const pins[] = {"u0", "u1", "u2", "u3", "u4", "u5", "u6"};
	static const Pkcs11Reply fresh = {.outcome = PKCS11_NOT_OPEN};
	static const Pkcs11Reply good = {.outcome = PKCS11_DONE};
	bool		ok = true;

	for (int i = 0; i < lengthof(unclear); i++)
	{
		note_code(pins[i], unclear[i]);
		TAP_EACH(ok, look(pins[i]) == PKCS11_PIN_UNCLEAR, "code 0x%lx", unclear[i]);
	}
	note("began anew", &fresh);
	TAP_EACH(ok, look("began anew") == PKCS11_PIN_UNCLEAR, "a helper begun anew");
	for (int64 pause = FIRST_PAUSE_S, i = 0; i < 8; i++)
	{
		note("silent", NULL);
		now += pause * S - 1;
		TAP_EACH(ok, look("silent") == PKCS11_PIN_UNCLEAR, "at the end of pause %d", (int) i);
		now++;
		TAP_EACH(ok, look("silent") == PKCS11_DONE, "after pause %d", (int) i);
		pause = Min(pause * 2, LONGEST_PAUSE_S);
	}
	note("silent", &good);
	note("silent", NULL);
	now += FIRST_PAUSE_S * S;
	TAP_EACH(ok, look("silent") == PKCS11_DONE, "after a good one it begins anew");
	tap_ok(ok, "pkcs11: a login without a yes or no is repeated after a pause that doubles");
}

static void
test_untried(void)
{
	static const CK_RV untried[] = {
		CKR_HOST_MEMORY, CKR_DEVICE_MEMORY, CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT,
		CKR_TOKEN_NOT_RECOGNIZED, CKR_SESSION_CLOSED, CKR_SESSION_HANDLE_INVALID,
		CKR_CRYPTOKI_NOT_INITIALIZED, CKR_USER_PIN_NOT_INITIALIZED
	};
	static const Pkcs11Outcome before[] = {PKCS11_PIN_COUNTED, PKCS11_PIN_LOCKED, PKCS11_BAD_REQUEST};
	bool		ok = true;

	for (int i = 0; i < lengthof(untried); i++)
	{
		note_code("untried", untried[i]);
		TAP_EACH(ok, look("untried") == PKCS11_DONE, "code 0x%lx", untried[i]);
	}
	for (int i = 0; i < lengthof(before); i++)
	{
		Pkcs11Reply reply = {.outcome = before[i]};

		note("untried", &reply);
		TAP_EACH(ok, look("untried") == PKCS11_DONE, "outcome %d", before[i]);
	}
	tap_ok(ok, "pkcs11: what the token cannot have counted does not matter");
}

/* The one that was noted longest ago is forgotten. */
static void
test_places(void)
{
	char		pin[16];
	bool		ok = true;

	for (int i = 0; i < PLACES; i++)
	{
		now += S;
		snprintf(pin, sizeof(pin), "many %d", i);
		note_code(pin, CKR_PIN_INCORRECT);
	}
	TAP_EACH(ok, look("many 0") == PKCS11_PIN_KNOWN_WRONG && look("wrong 0") == PKCS11_DONE, "as many as fit");
	now += S;
	note_code("one more", CKR_PIN_INCORRECT);
	TAP_EACH(ok, look("one more") == PKCS11_PIN_KNOWN_WRONG && look("many 0") == PKCS11_DONE &&
			 look("many 1") == PKCS11_PIN_KNOWN_WRONG, "one more");
	tap_ok(ok, "pkcs11: so many PINs are remembered");
}

void
test_pkcs11_pins(void)
{
	test_wrong();
	test_unclear();
	test_untried();
	test_places();
}
