/*-------------------------------------------------------------------------
 *
 * test_ttlv.c
 *	  TTLV: the examples of KMIP 1.4, 9.1.2, and what a reader does not take.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include "kms/ttlv.h"

#define TAG		0x420020

#define INTEGER_8		"\x42\x00\x20\x02\x00\x00\x00\x04\x00\x00\x00\x08\x00\x00\x00\x00"
#define ENUMERATION_255	"\x42\x00\x20\x05\x00\x00\x00\x04\x00\x00\x00\xff\x00\x00\x00\x00"
#define TEXT_HELLO		"\x42\x00\x20\x07\x00\x00\x00\x0bHello World\x00\x00\x00\x00\x00"
#define BYTES_123		"\x42\x00\x20\x08\x00\x00\x00\x03\x01\x02\x03\x00\x00\x00\x00\x00"
#define DATE_TIME		"\x42\x00\x20\x09\x00\x00\x00\x08\x00\x00\x00\x00\x47\xda\x67\xf8"
#define STRUCTURE \
	"\x42\x00\x20\x01\x00\x00\x00\x20" \
	"\x42\x00\x04\x05\x00\x00\x00\x04\x00\x00\x00\xfe\x00\x00\x00\x00" \
	"\x42\x00\x05\x02\x00\x00\x00\x04\x00\x00\x00\xff\x00\x00\x00\x00"

#define LITERAL(text)	bytes_of(text, sizeof(text) - 1)

static void test_written(void);
static void test_no_room(void);
static void test_read(void);
static void test_not_read(void);
static void test_structures(void);

void
test_ttlv(void)
{
	test_written();
	test_no_room();
	test_read();
	test_not_read();
	test_structures();
}

#define MARGIN	8				/* around what may be written */

static uint8 memory[256];

/* Everything that can be written. */
static TtlvWriter
write_all(Size capacity)
{
	TtlvWriter	w = ttlv_writer_of(memory + MARGIN, capacity);

	ttlv_begin(&w, 0x420078);
	ttlv_put_integer(&w, TAG, -2);
	ttlv_begin(&w, 0x420077);
	ttlv_put_text(&w, TAG, "");
	ttlv_end(&w);
	ttlv_put_bytes(&w, TAG, LITERAL("12345678"));
	ttlv_end(&w);
	return w;
}

static void
test_written(void)
{
	static const char all[] =
		"\x42\x00\x78\x01\x00\x00\x00\x30"
		"\x42\x00\x20\x02\x00\x00\x00\x04\xff\xff\xff\xfe\x00\x00\x00\x00"
		"\x42\x00\x77\x01\x00\x00\x00\x08"
		"\x42\x00\x20\x07\x00\x00\x00\x00"
		"\x42\x00\x20\x08\x00\x00\x00\x08" "12345678";
	TtlvWriter	w = ttlv_writer_of(memory, sizeof(memory));

	ttlv_put_integer(&w, TAG, 8);
	ttlv_put_enumeration(&w, TAG, 255);
	ttlv_put_text(&w, TAG, "Hello World");
	ttlv_put_bytes(&w, TAG, LITERAL("\1\2\3"));
	ttlv_begin(&w, TAG);
	ttlv_put_enumeration(&w, 0x420004, 254);
	ttlv_put_integer(&w, 0x420005, 255);
	ttlv_end(&w);
	tap_ok(!w.out.overflow && w.depth == 0 &&
		   bytes_equal(writer_bytes(&w.out),
					   LITERAL(INTEGER_8 ENUMERATION_255 TEXT_HELLO BYTES_123 STRUCTURE)),
		   "TTLV: the examples of the standard are written");

	w = write_all(sizeof(memory) - MARGIN);
	tap_ok(!w.out.overflow && w.depth == 0 && bytes_equal(writer_bytes(&w.out), LITERAL(all)),
		   "TTLV: structures in structures, what is empty and what needs no padding are written");
}

static void
test_no_room(void)
{
	TtlvWriter	w = write_all(sizeof(memory) - MARGIN);
	Size		needed = w.out.len;
	bool		ok = true;

	for (Size capacity = 0; capacity < needed; capacity++)
	{
		memset(memory, 'z', sizeof(memory));
		w = write_all(capacity);
		TAP_EACH(ok, w.out.overflow && w.out.len <= capacity, "room for %d bytes", (int) capacity);
		for (Size i = 0; i < sizeof(memory); i++)
			TAP_EACH(ok, (i >= MARGIN && i < MARGIN + capacity) || memory[i] == 'z',
					 "byte %d with room for %d", (int) i, (int) capacity);
	}
	w = write_all(needed);
	tap_ok(ok && !w.out.overflow, "TTLV: a writer without room says so and writes nowhere else");
}

static void
test_read(void)
{
	TtlvReader	r = ttlv_reader_of(LITERAL(INTEGER_8 ENUMERATION_255 TEXT_HELLO BYTES_123 DATE_TIME STRUCTURE));
	TtlvReader	items;
	int32		integer;
	uint32		enumeration;
	Bytes		text;
	Bytes		bytes;

	tap_ok(ttlv_read_integer(&r, TAG, &integer) && integer == 8 &&
		   ttlv_read_enumeration(&r, TAG, &enumeration) && enumeration == 255 &&
		   ttlv_read_text(&r, TAG, &text) && bytes_equal(text, LITERAL("Hello World")) &&
		   ttlv_read_bytes(&r, TAG, &bytes) && bytes_equal(bytes, LITERAL("\1\2\3")) &&
		   ttlv_skip(&r, TAG, TTLV_DATE_TIME) &&
		   ttlv_read_structure(&r, TAG, &items) && ttlv_at_end(&r) &&
		   ttlv_read_enumeration(&items, 0x420004, &enumeration) && enumeration == 254 &&
		   !ttlv_at_end(&items) &&
		   ttlv_read_integer(&items, 0x420005, &integer) && integer == 255 &&
		   ttlv_at_end(&items),
		   "TTLV: the examples of the standard are read");

	r = ttlv_reader_of(LITERAL("\x42\x00\x20\x02\x00\x00\x00\x04\xff\xff\xff\xfe\x00\x00\x00\x00"));
	tap_ok(ttlv_read_integer(&r, TAG, &integer) && integer == -2, "TTLV: a negative number is read");

	r = ttlv_reader_of(LITERAL("\x42\x00\x20"));
	tap_ok(ttlv_next_is(&r, TAG) && !ttlv_next_is(&r, TAG + 1) && !ttlv_next_is(&r, 0x430020) &&
		   !ttlv_skip(&r, TAG, TTLV_TEXT) && !ttlv_at_end(&r),
		   "TTLV: looking at a tag takes nothing");
	r = ttlv_reader_of(bytes_of(NULL, 0));
	tap_ok(!ttlv_next_is(&r, 0) && !ttlv_skip(&r, 0, TTLV_STRUCTURE) && ttlv_at_end(&r),
		   "TTLV: nothing is no item");
}

/* One item of each type, read as what it is. */
static const struct
{
	TtlvType	type;
	const char *item;
	Size		len;
	Size		value_len;
}			examples[] = {
	{TTLV_INTEGER, INTEGER_8, sizeof(INTEGER_8) - 1, 4},
	{TTLV_ENUMERATION, ENUMERATION_255, sizeof(ENUMERATION_255) - 1, 4},
	{TTLV_TEXT, TEXT_HELLO, sizeof(TEXT_HELLO) - 1, 11},
	{TTLV_BYTES, BYTES_123, sizeof(BYTES_123) - 1, 3},
	{TTLV_DATE_TIME, DATE_TIME, sizeof(DATE_TIME) - 1, 8},
	{TTLV_STRUCTURE, STRUCTURE, sizeof(STRUCTURE) - 1, 32},
};

/* Whether the one item there is read, and the reader else left where it was. */
static bool
reads(Bytes item, TtlvType type, bool *ok)
{
	TtlvReader	r = ttlv_reader_of(item);
	TtlvReader	before = r;
	bool		read = ttlv_skip(&r, TAG, type);

	TAP_EACH(*ok, read || memcmp(&r, &before, sizeof(r)) == 0, "the reader moved");
	return read;
}

static void
test_not_read(void)
{
	uint8		item[64];
	bool		ok = true;

	for (int i = 0; i < lengthof(examples); i++)
	{
		Size		len = examples[i].len;
		TtlvType	type = examples[i].type;

		for (Size short_len = 0; short_len < len; short_len++)
			TAP_EACH(ok, !reads(bytes_of(examples[i].item, short_len), type, &ok),
					 "type %d, %d bytes", type, (int) short_len);
		for (int other = 0; other <= 0xff; other++)
			TAP_EACH(ok, reads(bytes_of(examples[i].item, len), (TtlvType) other, &ok) ==
					 (other == (int) type), "type %d as %d", type, other);
		for (Size at = 0; at < len; at++)
		{
			/* the value itself may be anything */
			if (at >= TTLV_HEADER_LEN && at < TTLV_HEADER_LEN + examples[i].value_len)
				continue;
			for (int change = 1; change <= 0xff; change++)
			{
				memcpy(item, examples[i].item, len);
				item[at] ^= change;

				/* so may a length be, where all up to it is there */
				if (at == TTLV_HEADER_LEN - 1 && (type == TTLV_TEXT || type == TTLV_BYTES) &&
					item[at] <= len - TTLV_HEADER_LEN)
					continue;
				if (at == TTLV_HEADER_LEN - 1 && type == TTLV_STRUCTURE && item[at] % 8 == 0 &&
					item[at] <= len - TTLV_HEADER_LEN)
					continue;
				TAP_EACH(ok, !reads(bytes_of(item, len), type, &ok),
						 "type %d, byte %d changed by %d", type, (int) at, change);
			}
		}
	}
	tap_ok(ok, "TTLV: another tag, type or length, padding and cut items are not read");

	ok = !reads(LITERAL("\x42\x00\x20\x08\xff\xff\xff\xff\x01\x02\x03\x00\x00\x00\x00\x00"), TTLV_BYTES, &ok) &&
		!reads(LITERAL("\x42\x00\x20\x08\xff\xff\xff\xf8\x01\x02\x03\x00\x00\x00\x00\x00"), TTLV_BYTES, &ok) &&
		!reads(LITERAL("\x42\x00\x20\x08\x00\x00\x00\x08\x01\x02\x03\x04\x05\x06\x07"), TTLV_BYTES, &ok) &&
		!reads(LITERAL("\x42\x00\x20\x08\x00\x00\x00\x03\x01\x02\x03"), TTLV_BYTES, &ok);
	tap_ok(ok, "TTLV: a length beyond the end is refused, whatever it adds up to");
}

static void
test_structures(void)
{
	static const char inner_too_long[] =
		"\x42\x00\x78\x01\x00\x00\x00\x10"
		"\x42\x00\x20\x08\x00\x00\x00\x10" "12345678"
		"behind..";
	static const char not_of_8[] =
		"\x42\x00\x78\x01\x00\x00\x00\x04" "1234\0\0\0\0";
	TtlvReader	r = ttlv_reader_of(LITERAL(inner_too_long));
	TtlvReader	items;
	Bytes		bytes;

	tap_ok(ttlv_read_structure(&r, 0x420078, &items) && !ttlv_read_bytes(&items, TAG, &bytes) &&
		   !ttlv_at_end(&r), "TTLV: an item ends with its structure");
	r = ttlv_reader_of(LITERAL(not_of_8));
	tap_ok(!ttlv_read_structure(&r, 0x420078, &items), "TTLV: a structure has no padding");
	r = ttlv_reader_of(LITERAL("\x42\x00\x78\x01\x00\x00\x00\x00"));
	tap_ok(ttlv_read_structure(&r, 0x420078, &items) && ttlv_at_end(&items) && ttlv_at_end(&r),
		   "TTLV: a structure may be empty");
}
