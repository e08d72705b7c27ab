/*-------------------------------------------------------------------------
 *
 * fuzz_envelope.c
 *	  Any bytes as an envelope, and as armour.
 *
 * What is accepted is what we would write: the header again from its parts,
 * the text again from its bytes.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

#include "crypto/envelope.h"
#include "fuzz.h"

static void
check_envelope(Bytes in)
{
	Envelope	e;
	uint8_t		header[ENVELOPE_HEADER_LEN];

	if (!envelope_parse(in, &e))
		return;
	check(e.associated.data == in.data && e.associated.len == ENVELOPE_HEADER_LEN);
	check(e.sealed.data == in.data + ENVELOPE_HEADER_LEN &&
		  e.sealed.len == in.len - ENVELOPE_HEADER_LEN && e.sealed.len >= AEAD_TAG_LEN);
	envelope_write_header(header, e.algorithm, e.fingerprint, e.key_id, e.nonce);
	check(memcmp(header, in.data, sizeof(header)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Bytes		in = bytes_of(data, size);
	uint8_t    *decoded = malloc(size + 1);
	size_t		decoded_len;

	check_envelope(in);
	if (armour_decode(in, decoded, &decoded_len))
	{
		char	   *text = malloc(armour_len(decoded_len));

		check(armour_len(decoded_len) == size);
		armour_encode(bytes_of(decoded, decoded_len), text);
		check(memcmp(text, data, size) == 0);
		check_envelope(bytes_of(decoded, decoded_len));
		free(text);
	}
	else
		check(decoded_len == 0);
	free(decoded);
	return 0;
}
