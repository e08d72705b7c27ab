/*-------------------------------------------------------------------------
 *
 * nonce.h
 *	  The nonces of new values: two ways of making them, never mixed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TYPES_NONCE_H
#define TYPES_NONCE_H

#include "postgres.h"

#include "crypto/bytes.h"
#include "session/key_acquire.h"

/* A value made while a statement runs: to be sealed with NONCE_PREFIX_KEPT. */
extern void nonce_random(ValueKey *key, uint8 nonce[AEAD_NONCE_LEN]);

/*
 * A literal that is parsed: to be sealed with NONCE_PREFIX_ONCE.  header is
 * the envelope's up to the nonce; call_number tells apart literals that one
 * call of the parser hands to the same function, as the elements of an array.
 */
extern void nonce_of_literal(const uint8 header[ENVELOPE_AT_NONCE],
							 uint64 call_number, Bytes plaintext,
							 uint8 nonce[AEAD_NONCE_LEN]);

#endif							/* TYPES_NONCE_H */
