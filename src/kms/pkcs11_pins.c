/*-------------------------------------------------------------------------
 *
 * pkcs11_pins.c
 *	  PINs that are not to be tried again, or not yet.
 *
 * A token locks its PIN after a few wrong ones, for everybody who uses it.  A
 * PIN that was refused is not tried again by this key worker, whatever server
 * and helper process wants to.  A login that ended without a yes or no may
 * have counted as a wrong one: it is tried again after a pause, which doubles.
 *
 * What is kept of a PIN is an HMAC under a key of this process.  When there is
 * no place any more the entry is taken that was noted longest ago.
 *
 * The codes' numbers are those of PKCS#11 2.40, as in kms_pkcs11_refusal.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "base/clock.h"
#include "crypto/kdf.h"
#include "kms/pkcs11_pins.h"

#define PINS_MAX		256
#define PAUSE_FIRST_MS	(30 * 1000)
#define PAUSE_LONGEST_MS (15 * 60 * 1000)

typedef enum PinFate
{
	PIN_GOOD,
	PIN_UNTRIED,				/* the token cannot have counted it */
	PIN_WRONG,
	PIN_UNCLEAR
} PinFate;

typedef struct NotedPin
{
	PinMark		mark;
	uint64		noted_ns;		/* 0: the place is free */
	uint64		pause_ms;		/* until it may be tried; 0: for ever */
} NotedPin;

static NotedPin pins[PINS_MAX];

bool
pin_mark(const char *module, Bytes token_label, Bytes pin, PinMark *mark)
{
	static uint8 key[32];
	static bool has_key = false;
	uint8		module_len[4];
	uint8		label_len = (uint8) token_label.len;
	ByteWriter	w = writer_of(module_len, sizeof(module_len));
	const Bytes parts[] = {
		bytes_of(module_len, sizeof(module_len)), bytes_of_string(module),
		bytes_of(&label_len, 1), token_label, pin
	};

	writer_u32(&w, (uint32) strlen(module));
	if (!has_key)
		has_key = pg_strong_random(key, sizeof(key));
	return has_key && kdf_hmac(bytes_of(key, sizeof(key)), parts, lengthof(parts), mark->mac);
}

static NotedPin *
find(const PinMark *mark)
{
	for (int i = 0; i < PINS_MAX; i++)
	{
		if (pins[i].noted_ns != 0 &&
			CRYPTO_memcmp(pins[i].mark.mac, mark->mac, sizeof(mark->mac)) == 0)
			return &pins[i];
	}
	return NULL;
}

/* A free one first, since those were noted at 0. */
static NotedPin *
place_for(const PinMark *mark)
{
	NotedPin   *place = find(mark);

	if (place != NULL)
		return place;
	place = pins;
	for (int i = 1; i < PINS_MAX; i++)
	{
		if (pins[i].noted_ns < place->noted_ns)
			place = &pins[i];
	}
	memset(place, 0, sizeof(*place));
	place->mark = *mark;
	return place;
}

Pkcs11Outcome
pin_look(const PinMark *mark, uint64 now_ns)
{
	const NotedPin *pin = find(mark);

	if (pin == NULL)
		return PKCS11_DONE;
	if (pin->pause_ms == 0)
		return PKCS11_PIN_KNOWN_WRONG;
	return now_ns < pin->noted_ns + pin->pause_ms * NS_IN_MS ? PKCS11_PIN_UNCLEAR : PKCS11_DONE;
}

/* What is in neither list may be a module's own word for a wrong PIN. */
static PinFate
fate_of_code(uint64 rv)
{
	static const uint64 wrong[] = {
		0x0a0, 0x0a1, 0x0a2		/* PIN_INCORRECT, PIN_INVALID, PIN_LEN_RANGE */
	};
	static const uint64 untried[] = {
		0x002, 0x031,			/* HOST_MEMORY, DEVICE_MEMORY */
		0x032, 0x0e0, 0x0e1,	/* DEVICE_REMOVED, TOKEN_NOT_PRESENT,
								 * _RECOGNIZED */
		0x0b0, 0x0b3, 0x190,	/* SESSION_CLOSED, _HANDLE_INVALID,
								 * CRYPTOKI_NOT_INITIALIZED */
		0x102					/* USER_PIN_NOT_INITIALIZED */
	};

	for (int i = 0; i < lengthof(wrong); i++)
	{
		if (rv == wrong[i])
			return PIN_WRONG;
	}
	for (int i = 0; i < lengthof(untried); i++)
	{
		if (rv == untried[i])
			return PIN_UNTRIED;
	}
	return PIN_UNCLEAR;
}

/* A helper that has no session was begun anew: the one before gave no answer. */
static PinFate
fate_of(const Pkcs11Reply *reply)
{
	if (reply == NULL || reply->outcome == PKCS11_NOT_OPEN)
		return PIN_UNCLEAR;
	if (reply->outcome == PKCS11_DONE)
		return PIN_GOOD;
	if (reply->outcome == PKCS11_REFUSED && reply->step == PKCS11_AT_LOGIN)
		return fate_of_code(reply->rv);
	return PIN_UNTRIED;
}

void
pin_note(const PinMark *mark, const Pkcs11Reply *reply, uint64 now_ns)
{
	PinFate		fate = fate_of(reply);
	NotedPin   *pin;

	if (fate == PIN_UNTRIED)
		return;
	if (fate == PIN_GOOD)
	{
		pin = find(mark);
		if (pin != NULL)
			memset(pin, 0, sizeof(*pin));
		return;
	}
	pin = place_for(mark);
	if (fate == PIN_WRONG)
		pin->pause_ms = 0;
	else
		pin->pause_ms = pin->noted_ns == 0 ? PAUSE_FIRST_MS
			: Min(pin->pause_ms * 2, PAUSE_LONGEST_MS);
	pin->noted_ns = now_ns;
}
