/*-------------------------------------------------------------------------
 *
 * envelope.c
 *	  The stored value, version 1, and its armour.
 *
 * What is read here may have been written years ago and what is written here
 * must be read for ever: a change of the format is a new version beside this
 * one, never a change of this one.  test/vectors holds old envelopes.
 *
 * Version 1 reserves flags for equality tags, search tokens, compression,
 * padding and context labels.  None is written yet, so all are refused:
 * skipping one would take what stands behind it for ciphertext.
 *
 *-------------------------------------------------------------------------
 */
#include <sodium.h>

#include "crypto/envelope.h"

#define BASE64_VARIANT	sodium_base64_VARIANT_URLSAFE_NO_PADDING

static size_t base64_len(size_t len);

bool
envelope_parse(Bytes in, Envelope *out)
{
	ByteReader	reader = reader_of(in);
	uint8_t		version;
	uint8_t		algorithm;
	uint8_t		flags;
	uint8_t		reserved;

	if (in.len < ENVELOPE_OVERHEAD)
		return false;
	if (!reader_u8(&reader, &version) || version != ENVELOPE_VERSION ||
		!reader_u8(&reader, &algorithm) ||
		!reader_u8(&reader, &flags) || flags != 0 ||
		!reader_u8(&reader, &reserved) || reserved != 0)
		return false;

	out->algorithm = aead_by_id(algorithm);
	if (out->algorithm == NULL)
		return false;
	out->fingerprint = in.data + ENVELOPE_AT_FINGERPRINT;
	out->key_id = in.data + ENVELOPE_AT_KEY_ID;
	out->nonce = in.data + ENVELOPE_AT_NONCE;
	out->associated = bytes_of(in.data, ENVELOPE_HEADER_LEN);
	out->sealed = bytes_of(in.data + ENVELOPE_HEADER_LEN,
						   in.len - ENVELOPE_HEADER_LEN);
	return true;
}

void
envelope_write_header(uint8_t *out, const AeadAlgorithm *algorithm,
					  const uint8_t fingerprint[FINGERPRINT_LEN],
					  const uint8_t key_id[KEY_ID_LEN],
					  const uint8_t nonce[AEAD_NONCE_LEN])
{
	out[0] = ENVELOPE_VERSION;
	out[ENVELOPE_AT_ALGORITHM] = algorithm->id;
	out[2] = 0;					/* flags */
	out[3] = 0;					/* reserved */
	memcpy(out + ENVELOPE_AT_FINGERPRINT, fingerprint, FINGERPRINT_LEN);
	memcpy(out + ENVELOPE_AT_KEY_ID, key_id, KEY_ID_LEN);
	memcpy(out + ENVELOPE_AT_NONCE, nonce, AEAD_NONCE_LEN);
}

size_t
armour_len(size_t envelope_len)
{
	return ARMOUR_PREFIX_LEN + base64_len(envelope_len);
}

void
armour_encode(Bytes envelope, char *out)
{
	char		last[5];		/* four characters and a NUL */
	size_t		head_len;
	size_t		tail_len;

	memcpy(out, ARMOUR_PREFIX, ARMOUR_PREFIX_LEN);
	out += ARMOUR_PREFIX_LEN;
	if (envelope.len == 0)
		return;

	/*
	 * libsodium ends what it writes with a NUL, for which there is no room.
	 * So the last group is encoded aside, and takes the place of the NUL that
	 * ends the others.
	 */
	head_len = (envelope.len - 1) / 3 * 3;
	tail_len = envelope.len - head_len;
	sodium_bin2base64(out, base64_len(head_len) + 1,
					  envelope.data, head_len, BASE64_VARIANT);
	sodium_bin2base64(last, sizeof(last),
					  envelope.data + head_len, tail_len, BASE64_VARIANT);
	memcpy(out + base64_len(head_len), last, base64_len(tail_len));
}

bool
armour_has_prefix(Bytes text)
{
	return text.len >= ARMOUR_PREFIX_LEN &&
		memcmp(text.data, ARMOUR_PREFIX, ARMOUR_PREFIX_LEN) == 0;
}

bool
armour_decode(Bytes text, uint8_t *out, size_t *out_len)
{
	const char *base64;
	size_t		base64_chars;
	size_t		len;
	Envelope	envelope;

	*out_len = 0;
	if (!armour_has_prefix(text) || !bytes_are_ascii(text))
		return false;
	base64 = (const char *) text.data + ARMOUR_PREFIX_LEN;
	base64_chars = text.len - ARMOUR_PREFIX_LEN;

	/*
	 * Without a pointer for the end and without characters to ignore,
	 * libsodium refuses whatever is not of the alphabet, padding, a lonely
	 * last character, and last bits that are not 0: one value, one text.
	 * (Where char is signed, 1.0.18 takes some bytes above 127 for characters
	 * of the alphabet, which is why there are none by now.)
	 */
	if (sodium_base642bin(out, text.len, base64, base64_chars, NULL, &len,
						  NULL, BASE64_VARIANT) != 0)
		return false;
	if (!envelope_parse(bytes_of(out, len), &envelope))
		return false;
	*out_len = len;
	return true;
}

/* Characters of len bytes in base64 without padding. */
static size_t
base64_len(size_t len)
{
	size_t		rest = len % 3;

	return len / 3 * 4 + (rest == 0 ? 0 : rest + 1);
}
