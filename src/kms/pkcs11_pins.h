/*-------------------------------------------------------------------------
 *
 * pkcs11_pins.h
 *	  PINs that are not to be tried again, or not yet.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_PKCS11_PINS_H
#define KMS_PKCS11_PINS_H

#include "postgres.h"

#include "kms/pkcs11_message.h"

/* A PIN of a token of a module, without the PIN. */
typedef struct PinMark
{
	uint8		mac[32];
} PinMark;

/* PKCS11_DONE: it may be tried; else why not. */
extern Pkcs11Outcome pin_look(const PinMark *mark, uint64 now_ns);

/* What the login with it said; NULL: it began and gave no answer. */
extern void pin_note(const PinMark *mark, const Pkcs11Reply *reply, uint64 now_ns);

/* False: there is no way to remember it, so it must not be tried. */
extern bool pin_mark(const char *module, Bytes token_label, Bytes pin, PinMark *mark);

#endif							/* KMS_PKCS11_PINS_H */
