/*-------------------------------------------------------------------------
 *
 * pkcs11_message.h
 *	  What the provider pkcs11 and its helper process say to each other.
 *
 * Compiled into the library and into the helper, and so without PostgreSQL.
 * Neither side believes the other: the helper runs code of a module's vendor.
 * Both are of one installation; a frame of another version is refused.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_PKCS11_MESSAGE_H
#define KMS_PKCS11_MESSAGE_H

#include "crypto/bytes.h"

/* The helper's end of the socket. */
#define PKCS11_HELPER_FD		3

#define PKCS11_HEADER_LEN		8	/* the length of the rest in its last four */
#define PKCS11_FRAME_MAX		8192	/* with its header */

#define PKCS11_TOKEN_LABEL_MAX	32	/* of CK_TOKEN_INFO */
#define PKCS11_TOKEN_SERIAL_MAX 16
#define PKCS11_KEY_LABEL_MAX	255
#define PKCS11_PIN_MAX			255
#define PKCS11_IV_LEN			12
#define PKCS11_OUT_MAX			256 /* a key, wrapped or not */

typedef enum Pkcs11Operation
{
	PKCS11_WRAP = 1,
	PKCS11_UNWRAP,
	PKCS11_OPEN,				/* module and session: may take long */
	PKCS11_LOGIN				/* the PIN is tried, once */
} Pkcs11Operation;

/* Numbers are stored in wrapped keys. */
typedef enum Pkcs11Mechanism
{
	PKCS11_AES_GCM = 1,
	PKCS11_AES_KEY_WRAP_PAD = 2
} Pkcs11Mechanism;

/*
 * Borrowed from the frame, or from whoever makes one.  The PIN is wanted for
 * PKCS11_LOGIN only, key_label and in for PKCS11_WRAP and PKCS11_UNWRAP.
 */
typedef struct Pkcs11Request
{
	Pkcs11Operation operation;
	Pkcs11Mechanism mechanism;
	bool		again;			/* the session is new: what it says holds */
	bool		module_makes_iv;
	Bytes		token_label;
	Bytes		token_serial;	/* empty: any */
	Bytes		pin;
	Bytes		key_label;
	Bytes		associated;		/* of AES-GCM */
	Bytes		iv;				/* likewise; empty: the module makes it */
	Bytes		in;
} Pkcs11Request;

typedef enum Pkcs11Outcome
{
	PKCS11_DONE = 0,
	PKCS11_REFUSED,				/* a function of the module said rv */
	PKCS11_NONSENSE,			/* a function of it gave what cannot be */
	PKCS11_BAD_REQUEST,
	PKCS11_NO_MODULE,
	PKCS11_NO_TOKEN,
	PKCS11_MANY_TOKENS,
	PKCS11_PIN_KNOWN_WRONG,		/* not tried: it was refused before */
	PKCS11_PIN_COUNTED,			/* not tried: the token counts a wrong one */
	PKCS11_PIN_LOCKED,			/* not tried */
	PKCS11_NO_KEY,
	PKCS11_MANY_KEYS,
	PKCS11_NOT_OPEN,			/* there is no session, or it may be lost */
	PKCS11_PIN_UNCLEAR			/* not tried for a while: the last login with
								 * it said neither yes nor no */
} Pkcs11Outcome;

#define PKCS11_OUTCOMES (PKCS11_PIN_UNCLEAR + 1)

/* Where it was refused. */
typedef enum Pkcs11Step
{
	PKCS11_AT_MODULE,
	PKCS11_AT_TOKEN,
	PKCS11_AT_LOGIN,
	PKCS11_AT_KEY,
	PKCS11_AT_WRAP,
	PKCS11_AT_UNWRAP
} Pkcs11Step;

#define PKCS11_STEPS (PKCS11_AT_UNWRAP + 1)

typedef struct Pkcs11Reply
{
	Pkcs11Outcome outcome;
	Pkcs11Step	step;
	uint64_t	rv;				/* a CKR_ of PKCS#11 */
	Bytes		iv;				/* with which AES-GCM wrapped */
	Bytes		out;
} Pkcs11Reply;

/*
 * The length of a frame's rest from its header; false unless it is one of
 * ours that fits into PKCS11_FRAME_MAX.
 */
extern bool pkcs11_frame_rest(const uint8_t header[PKCS11_HEADER_LEN], size_t *rest);

/* A whole frame; w.overflow says that something did not fit. */
extern void pkcs11_write_request(ByteWriter *w, const Pkcs11Request *request);
extern void pkcs11_write_reply(ByteWriter *w, const Pkcs11Reply *reply);

/* False unless it is exactly such a frame, each part within its limit. */
extern bool pkcs11_read_request(Bytes frame, Pkcs11Request *request);
extern bool pkcs11_read_reply(Bytes frame, Pkcs11Reply *reply);

#endif							/* KMS_PKCS11_MESSAGE_H */
