/*-------------------------------------------------------------------------
 *
 * value.h
 *	  Between plaintext and the stored value of the session's tenant: seal,
 *	  open, and the armour that stands for a value where no tenant is set.
 *
 * Plaintext goes in and comes out in the database's encoding.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TYPES_VALUE_H
#define TYPES_VALUE_H

#include "postgres.h"

#include "base/compat.h"
#include "crypto/bytes.h"
#include "crypto/envelope.h"

/*
 * The stored value, palloc'd.  Raises an error when no tenant is set, when
 * its role may not encrypt, and when the plaintext is armour.
 */
extern struct varlena *value_seal(Bytes plaintext);

/* The same for a literal that is parsed: see nonce.h for call_number. */
extern struct varlena *value_seal_literal(Bytes plaintext, uint64 call_number);

/*
 * The plaintext, palloc'd: as a text with a header of 4 bytes, or ended by a
 * NUL.  Raises an error when no tenant is set or the value is not its own.
 */
extern text *value_open_text(const struct varlena *stored);
extern char *value_open_cstring(const struct varlena *stored);

/* The armour of a stored value, ended by a NUL, and back.  No key is used. */
extern char *value_to_armour(const struct varlena *stored);
extern struct varlena *value_from_armour(Bytes armour);

/* A stored value of an envelope from outside.  No key is used. */
extern struct varlena *value_from_envelope(Bytes envelope);

/* Bytes of a value that may have a header of 1 byte. */
static inline Bytes
value_bytes(const struct varlena *stored)
{
	return bytes_of(VARDATA_ANY(stored), VARSIZE_ANY_EXHDR(stored));
}

#endif							/* TYPES_VALUE_H */
