/*-------------------------------------------------------------------------
 *
 * fuzz_bytes.c
 *	  The input is a list of reads, and also what they read; all that was
 *	  read is written again and must be the same bytes.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

#include "crypto/bytes.h"
#include "fuzz.h"

/* Reads once and writes what it read; false when the reader could not. */
static bool
copy_one(uint8_t what, ByteReader *r, ByteWriter *w)
{
	uint8_t		u8;
	uint16_t	u16;
	uint32_t	u32;
	uint64_t	u64;
	uint8_t		copy[16];
	Bytes		taken;
	bool		ok;

	switch (what % 8)
	{
		case 0:
			if ((ok = reader_u8(r, &u8)))
				writer_u8(w, u8);
			return ok;
		case 1:
			if ((ok = reader_u16(r, &u16)))
				writer_u16(w, u16);
			return ok;
		case 2:
			if ((ok = reader_u32(r, &u32)))
				writer_u32(w, u32);
			return ok;
		case 3:
			if ((ok = reader_u64(r, &u64)))
				writer_u64(w, u64);
			return ok;
		case 4:
			if ((ok = reader_sized(r, &taken)))
				writer_sized(w, taken);
			return ok;
		case 5:
			if ((ok = reader_copy(r, copy, what / 16)))
				writer_put(w, bytes_of(copy, what / 16));
			return ok;
		default:
			if ((ok = reader_take(r, what, &taken)))
				writer_put(w, taken);
			return ok;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ByteReader	r = reader_of(bytes_of(data, size));
	uint8_t    *written = malloc(size + 1);
	ByteWriter	w = writer_of(written, size);
	ByteWriter	narrow = writer_of(written + size, size > 0 ? 1 : 0);

	for (size_t i = 0; i < size; i++)
	{
		size_t		left = reader_left(&r);
		bool		ok = copy_one(data[i], &r, &w);

		check(ok || reader_left(&r) == left);
		check(!w.overflow && w.len == size - reader_left(&r));
	}
	check(memcmp(written, data, w.len) == 0);

	/* into a room of one byte: never more than that, never after a failure */
	r = reader_of(bytes_of(data, size));
	for (size_t i = 0; i < size; i++)
	{
		bool		was = narrow.overflow;
		size_t		len = narrow.len;

		copy_one(data[i], &r, &narrow);
		check(narrow.len <= 1 && (!was || (narrow.overflow && narrow.len == len)));
	}
	free(written);
	return 0;
}
