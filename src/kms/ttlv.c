/*-------------------------------------------------------------------------
 *
 * ttlv.c
 *	  TTLV, the encoding of KMIP's messages.
 *
 * The length of a structure is known when it ends; until then its place holds
 * zeros.  It is a multiple of 8, as the items in it are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "kms/ttlv.h"

#define ALIGNMENT	8
#define LENGTH_LEN	4

TtlvWriter
ttlv_writer_of(void *data, Size capacity)
{
	return (TtlvWriter) {
		.out = writer_of(data, capacity),
	};
}

static void
put_header(TtlvWriter *w, uint32 tag, TtlvType type, Size len)
{
	writer_u8(&w->out, (uint8) (tag >> 16));
	writer_u16(&w->out, (uint16) tag);
	writer_u8(&w->out, (uint8) type);
	writer_u32(&w->out, (uint32) len);
}

static Size
padding_of(Size len)
{
	return (ALIGNMENT - len % ALIGNMENT) % ALIGNMENT;
}

static void
put_value(TtlvWriter *w, uint32 tag, TtlvType type, Bytes value)
{
	static const uint8 zeros[ALIGNMENT];

	put_header(w, tag, type, value.len);
	writer_put(&w->out, value);
	writer_put(&w->out, bytes_of(zeros, padding_of(value.len)));
}

void
ttlv_begin(TtlvWriter *w, uint32 tag)
{
	Assert(w->depth < TTLV_DEPTH_MAX);
	put_header(w, tag, TTLV_STRUCTURE, 0);
	w->begun[w->depth++] = w->out.len;
}

void
ttlv_end(TtlvWriter *w)
{
	Size		begun;
	ByteWriter	length;

	Assert(w->depth > 0);
	begun = w->begun[--w->depth];
	if (w->out.overflow)
		return;
	length = writer_of(w->out.data + begun - LENGTH_LEN, LENGTH_LEN);
	writer_u32(&length, (uint32) (w->out.len - begun));
}

static void
put_u32(TtlvWriter *w, uint32 tag, TtlvType type, uint32 value)
{
	uint8		data[sizeof(value)];
	ByteWriter	out = writer_of(data, sizeof(data));

	writer_u32(&out, value);
	put_value(w, tag, type, writer_bytes(&out));
}

void
ttlv_put_integer(TtlvWriter *w, uint32 tag, int32 value)
{
	put_u32(w, tag, TTLV_INTEGER, (uint32) value);
}

void
ttlv_put_enumeration(TtlvWriter *w, uint32 tag, uint32 value)
{
	put_u32(w, tag, TTLV_ENUMERATION, value);
}

void
ttlv_put_text(TtlvWriter *w, uint32 tag, const char *text)
{
	put_value(w, tag, TTLV_TEXT, bytes_of_string(text));
}

void
ttlv_put_bytes(TtlvWriter *w, uint32 tag, Bytes bytes)
{
	put_value(w, tag, TTLV_BYTES, bytes);
}

TtlvReader
ttlv_reader_of(Bytes in)
{
	return (TtlvReader) {
		.in = reader_of(in),
	};
}

bool
ttlv_at_end(const TtlvReader *r)
{
	return reader_left(&r->in) == 0;
}

static bool
read_tag(ByteReader *in, uint32 *tag)
{
	uint8		high;
	uint16		low;

	if (!reader_u8(in, &high) || !reader_u16(in, &low))
		return false;
	*tag = (uint32) high << 16 | low;
	return true;
}

bool
ttlv_next_is(const TtlvReader *r, uint32 tag)
{
	ByteReader	in = r->in;
	uint32		found;

	return read_tag(&in, &found) && found == tag;
}

/* 0: any length will do. */
static Size
length_of(TtlvType type)
{
	switch (type)
	{
		case TTLV_INTEGER:
		case TTLV_ENUMERATION:
			return 4;
		case TTLV_DATE_TIME:
			return 8;
		case TTLV_STRUCTURE:
		case TTLV_TEXT:
		case TTLV_BYTES:
			break;
	}
	return 0;
}

static bool
is_zero(Bytes bytes)
{
	for (Size i = 0; i < bytes.len; i++)
	{
		if (bytes.data[i] != 0)
			return false;
	}
	return true;
}

static bool
read_value(TtlvReader *r, uint32 tag, TtlvType type, Bytes *value)
{
	ByteReader	in = r->in;
	Size		wanted = length_of(type);
	uint32		found_tag;
	uint8		found_type;
	uint32		len;
	Bytes		padding;

	if (!read_tag(&in, &found_tag) || found_tag != tag ||
		!reader_u8(&in, &found_type) || found_type != type ||
		!reader_u32(&in, &len) || (wanted != 0 && len != wanted) ||
		!reader_take(&in, len, value) ||
		!reader_take(&in, padding_of(len), &padding) || !is_zero(padding))
		return false;
	if (type == TTLV_STRUCTURE && padding.len != 0)
		return false;
	r->in = in;
	return true;
}

bool
ttlv_read_structure(TtlvReader *r, uint32 tag, TtlvReader *items)
{
	Bytes		value;

	if (!read_value(r, tag, TTLV_STRUCTURE, &value))
		return false;
	*items = ttlv_reader_of(value);
	return true;
}

static bool
read_u32(TtlvReader *r, uint32 tag, TtlvType type, uint32 *number)
{
	Bytes		value;
	ByteReader	in;

	if (!read_value(r, tag, type, &value))
		return false;
	in = reader_of(value);
	return reader_u32(&in, number);
}

bool
ttlv_read_integer(TtlvReader *r, uint32 tag, int32 *value)
{
	uint32		number;

	if (!read_u32(r, tag, TTLV_INTEGER, &number))
		return false;
	*value = (int32) number;
	return true;
}

bool
ttlv_read_enumeration(TtlvReader *r, uint32 tag, uint32 *value)
{
	return read_u32(r, tag, TTLV_ENUMERATION, value);
}

bool
ttlv_read_text(TtlvReader *r, uint32 tag, Bytes *text)
{
	return read_value(r, tag, TTLV_TEXT, text);
}

bool
ttlv_read_bytes(TtlvReader *r, uint32 tag, Bytes *bytes)
{
	return read_value(r, tag, TTLV_BYTES, bytes);
}

bool
ttlv_skip(TtlvReader *r, uint32 tag, TtlvType type)
{
	Bytes		value;

	return read_value(r, tag, type, &value);
}
