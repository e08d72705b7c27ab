/*-------------------------------------------------------------------------
 *
 * aead.h
 *	  The table of AEAD algorithms that seal values.
 *
 * An algorithm is one file and one line of aeadlist.h.  All have a key of 32
 * bytes, a nonce of 24 and a tag of 16, which is what the envelope holds.
 *
 * A state is the expanded key of one value key.  The caller gives its memory
 * (state_size bytes, aligned as malloc's are at least to 8), calls init once
 * and wipe at the end: wipe clears the key and frees what the libraries hold
 * outside the state.  A state belongs to one thread.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRYPTO_AEAD_H
#define CRYPTO_AEAD_H

#include "crypto/bytes.h"

#define AEAD_KEY_LEN	32
#define AEAD_NONCE_LEN	24
#define AEAD_PREFIX_LEN 12		/* the nonce's part that may repeat */
#define AEAD_TAG_LEN	16

/*
 * Whether the nonce's first AEAD_PREFIX_LEN bytes come again in other
 * nonces: then what is derived from them is worth keeping.
 */
typedef enum NonceReuse
{
	NONCE_PREFIX_ONCE,
	NONCE_PREFIX_KEPT
} NonceReuse;

typedef struct AeadAlgorithm
{
	uint8_t		id;				/* in the envelope, for ever */
	const char *name;			/* in SQL */
	size_t		state_size;

	/* called by aead_startup(), perhaps again; false: a library fails */
	bool		(*startup) (void);
	bool		(*available) (void);	/* on this machine, with these
										 * libraries */
	bool		(*init) (void *state, const uint8_t key[AEAD_KEY_LEN]);

	/* out has room for plaintext.len + AEAD_TAG_LEN */
	bool		(*seal) (void *state, NonceReuse reuse,
						 const uint8_t nonce[AEAD_NONCE_LEN],
						 Bytes associated, Bytes plaintext, uint8_t *out);

	/*
	 * out has room for sealed.len - AEAD_TAG_LEN; zeroed when the answer is
	 * false, which has one meaning: not what was sealed.
	 */
	bool		(*open) (void *state,
						 const uint8_t nonce[AEAD_NONCE_LEN],
						 Bytes associated, Bytes sealed, uint8_t *out);
	void		(*wipe) (void *state);
} AeadAlgorithm;

/* NULL when unknown. */
extern const AeadAlgorithm *aead_by_id(uint8_t id);
extern const AeadAlgorithm *aead_by_name(const char *name);

/* Once a process, before the first init; false when a library fails. */
extern bool aead_startup(void);

/* The algorithms themselves, one a file. */
#define AEAD(symbol) extern const AeadAlgorithm symbol;
#include "crypto/aeadlist.h"
#undef AEAD

#endif							/* CRYPTO_AEAD_H */
