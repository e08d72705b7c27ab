/*-------------------------------------------------------------------------
 *
 * envelope.h
 *	  The stored value, version 1, and its armour.  docs/envelope.md is the
 *	  specification; what is written by a released version stays readable.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRYPTO_ENVELOPE_H
#define CRYPTO_ENVELOPE_H

#include "crypto/aead.h"
#include "crypto/bytes.h"

#define ENVELOPE_VERSION		1
#define ENVELOPE_HEADER_LEN		44	/* all associated data of a plain value */
#define ENVELOPE_OVERHEAD		(ENVELOPE_HEADER_LEN + AEAD_TAG_LEN)
#define FINGERPRINT_LEN			8
#define KEY_ID_LEN				8

/* Offsets of version 1. */
#define ENVELOPE_AT_ALGORITHM	1
#define ENVELOPE_AT_FINGERPRINT 4
#define ENVELOPE_AT_KEY_ID		12
#define ENVELOPE_AT_NONCE		20

/* What a keyless look at a value needs: up to the end of the fingerprint. */
#define ENVELOPE_SLICE_LEN		20

/* "bc1:" and base64url without padding (RFC 4648, section 5). */
#define ARMOUR_PREFIX			"bc1:"
#define ARMOUR_PREFIX_LEN		4

/* A parsed envelope; all pointers are into the bytes that were parsed. */
typedef struct Envelope
{
	const AeadAlgorithm *algorithm;
	const uint8_t *fingerprint; /* FINGERPRINT_LEN */
	const uint8_t *key_id;		/* KEY_ID_LEN */
	const uint8_t *nonce;		/* AEAD_NONCE_LEN */
	Bytes		associated;		/* all before the ciphertext */
	Bytes		sealed;			/* ciphertext and tag */
} Envelope;

/*
 * False for anything that this version would not itself write: an unknown
 * version, algorithm or flag, a reserved byte that is not 0, too short.
 */
extern bool envelope_parse(Bytes in, Envelope *out);

/* Writes the ENVELOPE_HEADER_LEN bytes of a plain value's header. */
extern void envelope_write_header(uint8_t *out, const AeadAlgorithm *algorithm,
								  const uint8_t fingerprint[FINGERPRINT_LEN],
								  const uint8_t key_id[KEY_ID_LEN],
								  const uint8_t nonce[AEAD_NONCE_LEN]);

/* Length of the armour of an envelope, without a terminating NUL. */
extern size_t armour_len(size_t envelope_len);

/* Writes armour_len() characters and no NUL. */
extern void armour_encode(Bytes envelope, char *out);

/* Whether it claims to be armour: the prefix, whatever follows. */
extern bool armour_has_prefix(Bytes text);

/*
 * Decodes armour into out, which has room for text.len bytes.  Refuses every
 * text that armour_encode() would not have written, and whatever
 * envelope_parse() refuses.
 */
extern bool armour_decode(Bytes text, uint8_t *out, size_t *out_len);

#endif							/* CRYPTO_ENVELOPE_H */
