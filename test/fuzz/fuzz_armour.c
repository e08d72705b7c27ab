/*-------------------------------------------------------------------------
 *
 * fuzz_armour.c
 *	  Text near to armour: the input is the envelope, its first bytes choose
 *	  what is done to its text.
 *
 * A fuzzer rarely finds base64 of 60 bytes by itself; here it starts from
 * there.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

#include "crypto/envelope.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ByteReader	in = reader_of(bytes_of(data, size));
	Bytes		envelope;
	Envelope	e;
	uint16_t	at;
	uint8_t		with;
	uint8_t		how;
	char	   *text;
	uint8_t    *out;
	size_t		len;
	size_t		out_len;

	if (!reader_u16(&in, &at) || !reader_u8(&in, &with) || !reader_u8(&in, &how))
		return 0;
	reader_take(&in, reader_left(&in), &envelope);
	len = armour_len(envelope.len);
	text = malloc(len + 1);
	out = malloc(len + 1);
	armour_encode(envelope, text);
	check(armour_decode(bytes_of(text, len), out, &out_len) == envelope_parse(envelope, &e));

	if (how % 3 == 0)
		text[at % len] = (char) with;
	else if (how % 3 == 1)
		len = at % len;
	else
		text[len++] = (char) with;
	if (armour_decode(bytes_of(text, len), out, &out_len))
	{
		char	   *again = malloc(armour_len(out_len));

		check(armour_len(out_len) == len);
		armour_encode(bytes_of(out, out_len), again);
		check(memcmp(again, text, len) == 0);
		free(again);
	}
	free(text);
	free(out);
	return 0;
}
