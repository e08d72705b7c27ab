/*-------------------------------------------------------------------------
 *
 * bytes.c
 *	  The checked reader and writer.
 *
 * The only place where a length that came from outside is compared with what
 * is really there.
 *
 *-------------------------------------------------------------------------
 */
#include "crypto/bytes.h"

static bool reader_number(ByteReader *r, int width, uint64_t *out);
static bool reader_le(ByteReader *r, int width, uint64_t *out);
static void writer_number(ByteWriter *w, int width, uint64_t value);

bool
reader_take(ByteReader *r, size_t len, Bytes *out)
{
	if (len > reader_left(r))
		return false;
	*out = bytes_of(r->pos, len);
	if (len > 0)
		r->pos += len;
	return true;
}

bool
reader_copy(ByteReader *r, void *out, size_t len)
{
	Bytes		taken;

	if (!reader_take(r, len, &taken))
		return false;
	if (len > 0)
		memcpy(out, taken.data, len);
	return true;
}

bool
reader_u8(ByteReader *r, uint8_t *out)
{
	uint64_t	value;

	if (!reader_number(r, 1, &value))
		return false;
	*out = (uint8_t) value;
	return true;
}

bool
reader_u16(ByteReader *r, uint16_t *out)
{
	uint64_t	value;

	if (!reader_number(r, 2, &value))
		return false;
	*out = (uint16_t) value;
	return true;
}

bool
reader_u32(ByteReader *r, uint32_t *out)
{
	uint64_t	value;

	if (!reader_number(r, 4, &value))
		return false;
	*out = (uint32_t) value;
	return true;
}

bool
reader_u64(ByteReader *r, uint64_t *out)
{
	return reader_number(r, 8, out);
}

bool
reader_le16(ByteReader *r, uint16_t *out)
{
	uint64_t	value;

	if (!reader_le(r, 2, &value))
		return false;
	*out = (uint16_t) value;
	return true;
}

bool
reader_le32(ByteReader *r, uint32_t *out)
{
	uint64_t	value;

	if (!reader_le(r, 4, &value))
		return false;
	*out = (uint32_t) value;
	return true;
}

bool
reader_le64(ByteReader *r, uint64_t *out)
{
	return reader_le(r, 8, out);
}

bool
reader_sized(ByteReader *r, Bytes *out)
{
	ByteReader	ahead = *r;
	uint16_t	len;

	/* on a copy, so that a failure leaves the reader before the length */
	if (!reader_u16(&ahead, &len) || !reader_take(&ahead, len, out))
		return false;
	*r = ahead;
	return true;
}

void
writer_put(ByteWriter *w, Bytes in)
{
	if (w->overflow || in.len > w->capacity - w->len)
	{
		w->overflow = true;
		return;
	}
	if (in.len > 0)
		memcpy(w->data + w->len, in.data, in.len);
	w->len += in.len;
}

void
writer_u8(ByteWriter *w, uint8_t value)
{
	writer_number(w, 1, value);
}

void
writer_u16(ByteWriter *w, uint16_t value)
{
	writer_number(w, 2, value);
}

void
writer_u32(ByteWriter *w, uint32_t value)
{
	writer_number(w, 4, value);
}

void
writer_u64(ByteWriter *w, uint64_t value)
{
	writer_number(w, 8, value);
}

/* All or nothing: no length without its bytes, no length cut to 16 bits. */
void
writer_sized(ByteWriter *w, Bytes in)
{
	if (w->overflow || in.len > UINT16_MAX ||
		in.len + 2 > w->capacity - w->len)
	{
		w->overflow = true;
		return;
	}
	writer_u16(w, (uint16_t) in.len);
	writer_put(w, in);
}

static bool
reader_number(ByteReader *r, int width, uint64_t *out)
{
	Bytes		taken;
	uint64_t	value = 0;

	if (!reader_take(r, (size_t) width, &taken))
		return false;
	for (int i = 0; i < width; i++)
		value = value << 8 | taken.data[i];
	*out = value;
	return true;
}

static bool
reader_le(ByteReader *r, int width, uint64_t *out)
{
	Bytes		taken;
	uint64_t	value = 0;

	if (!reader_take(r, (size_t) width, &taken))
		return false;
	for (int i = width - 1; i >= 0; i--)
		value = value << 8 | taken.data[i];
	*out = value;
	return true;
}

static void
writer_number(ByteWriter *w, int width, uint64_t value)
{
	uint8_t		bytes[8];

	for (int i = width - 1; i >= 0; i--)
	{
		bytes[i] = (uint8_t) value;
		value >>= 8;
	}
	writer_put(w, bytes_of(bytes, (size_t) width));
}

bool
bytes_are_ascii(Bytes in)
{
	uint8_t		seen = 0;

	for (size_t i = 0; i < in.len; i++)
		seen |= in.data[i];
	return seen < 0x80;
}

bool
bytes_are_zero(Bytes in)
{
	uint8_t		seen = 0;

	for (size_t i = 0; i < in.len; i++)
		seen |= in.data[i];
	return seen == 0;
}
