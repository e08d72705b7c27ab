/*-------------------------------------------------------------------------
 *
 * fuzz_box.c
 *	  Any bytes as a sealed box, and any point as a receiver.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

#include "crypto/sealed_box.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static BoxKey *key;			/* one for the whole run */
	static uint8_t public_key[BOX_PUBLIC_LEN];
	Bytes		none = bytes_of(NULL, 0);
	uint8_t    *out = malloc(size + BOX_OVERHEAD);

	if (key == NULL)
		key = box_key_generate(public_key);
	check(key != NULL);

	/* nobody seals with bytes drawn at random */
	check(!box_open(key, none, bytes_of(data, size), out));

	/* with a good point in front, so that the rest is reached too */
	if (size >= BOX_OVERHEAD)
	{
		memcpy(out, data, size);
		memcpy(out, public_key, BOX_PUBLIC_LEN);
		check(!box_open(key, none, bytes_of(out, size), out + BOX_PUBLIC_LEN));
	}

	/* as a receiver: a point is taken or it is not, and memory is sound */
	if (size >= BOX_PUBLIC_LEN)
		box_seal(data, none, none, out);
	check(box_seal(public_key, none, bytes_of(data, size), out));
	free(out);
	return 0;
}
