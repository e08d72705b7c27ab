/*-------------------------------------------------------------------------
 *
 * test_bytes.c
 *	  The checked reader and writer.
 *
 *-------------------------------------------------------------------------
 */
#include "crypto/bytes.h"
#include "tap.h"

static void test_round_trip(void);
static void test_little_endian(void);
static void test_every_length(void);
static void test_reader_stays(void);
static void test_writer_overflow(void);
static void test_empty(void);

void
test_bytes(void)
{
	test_round_trip();
	test_little_endian();
	test_every_length();
	test_reader_stays();
	test_writer_overflow();
	test_empty();
}

static void
test_round_trip(void)
{
	static const uint8_t expected[] = {
		0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
		0x0c, 0x0d, 0x0e, 0x0f, 0x00, 0x02, 'h', 'i', 'x'
	};
	uint8_t		data[sizeof(expected)];
	ByteWriter	w = writer_of(data, sizeof(data));
	ByteReader	r = reader_of(bytes_of(data, sizeof(data)));
	uint8_t		u8;
	uint16_t	u16;
	uint32_t	u32;
	uint64_t	u64;
	Bytes		sized;
	char		last;

	writer_u8(&w, 0x01);
	writer_u16(&w, 0x0203);
	writer_u32(&w, 0x04050607);
	writer_u64(&w, UINT64_C(0x08090a0b0c0d0e0f));
	writer_sized(&w, bytes_of_string("hi"));
	writer_put(&w, bytes_of_string("x"));
	tap_ok(!w.overflow &&
		   bytes_equal(writer_bytes(&w), bytes_of(expected, sizeof(expected))),
		   "a writer fills its room to the last byte, numbers big-endian");
	tap_ok(reader_u8(&r, &u8) && u8 == 0x01 &&
		   reader_u16(&r, &u16) && u16 == 0x0203 &&
		   reader_u32(&r, &u32) && u32 == 0x04050607 &&
		   reader_u64(&r, &u64) && u64 == UINT64_C(0x08090a0b0c0d0e0f) &&
		   reader_sized(&r, &sized) && bytes_equal(sized, bytes_of_string("hi")) &&
		   reader_copy(&r, &last, 1) && last == 'x' && reader_left(&r) == 0,
		   "a reader gives back what a writer wrote");
}

static void
test_little_endian(void)
{
	static const uint8_t data[] = {
		0x02, 0x01, 0x06, 0x05, 0x04, 0x83, 0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x08, 0xf7
	};
	ByteReader	r = reader_of(bytes_of(data, sizeof(data)));
	uint16_t	u16;
	uint32_t	u32;
	uint64_t	u64;

	tap_ok(reader_le16(&r, &u16) && u16 == 0x0102 &&
		   reader_le32(&r, &u32) && u32 == 0x83040506 &&
		   reader_le64(&r, &u64) && u64 == UINT64_C(0xf708090a0b0c0d0e) &&
		   reader_left(&r) == 0,
		   "a reader reads little-endian numbers where the name says so");
}

/* Each kind of read succeeds exactly when its bytes are there. */
static void
test_every_length(void)
{
	static const uint8_t data[16] = {0};
	bool		ok = true;

	for (size_t len = 0; len <= 9; len++)
	{
		ByteReader	r[9];
		uint8_t		u8;
		uint16_t	u16;
		uint32_t	u32;
		uint64_t	u64;
		uint8_t		copy[5];
		Bytes		taken;

		for (int i = 0; i < 9; i++)
			r[i] = reader_of(bytes_of(data, len));
		TAP_EACH(ok, reader_u8(&r[0], &u8) == (len >= 1), "len %zu", len);
		TAP_EACH(ok, reader_u16(&r[1], &u16) == (len >= 2), "len %zu", len);
		TAP_EACH(ok, reader_u32(&r[2], &u32) == (len >= 4), "len %zu", len);
		TAP_EACH(ok, reader_u64(&r[3], &u64) == (len >= 8), "len %zu", len);
		TAP_EACH(ok, reader_copy(&r[4], copy, 5) == (len >= 5), "len %zu", len);
		TAP_EACH(ok, reader_take(&r[5], 7, &taken) == (len >= 7), "len %zu", len);
		TAP_EACH(ok, reader_le16(&r[6], &u16) == (len >= 2), "len %zu", len);
		TAP_EACH(ok, reader_le32(&r[7], &u32) == (len >= 4), "len %zu", len);
		TAP_EACH(ok, reader_le64(&r[8], &u64) == (len >= 8), "len %zu", len);
	}
	tap_ok(ok, "a read succeeds exactly when its bytes are there");
}

static void
test_reader_stays(void)
{
	static const uint8_t data[] = {0x00, 0x03, 'a', 'b'};
	ByteReader	r = reader_of(bytes_of(data, sizeof(data)));
	Bytes		out;
	uint64_t	u64;
	uint8_t		copy[8];

	tap_ok(!reader_sized(&r, &out) && reader_left(&r) == 4,
		   "a length that promises too much leaves the reader before it");
	tap_ok(!reader_u64(&r, &u64) && !reader_copy(&r, copy, 5) &&
		   !reader_take(&r, SIZE_MAX, &out) && reader_left(&r) == 4,
		   "a reader that fails stays where it was");
}

static void
test_writer_overflow(void)
{
	static const uint8_t big[UINT16_MAX + 1];
	static uint8_t room[UINT16_MAX + 10];
	uint8_t		data[4] = {9, 9, 9, 9};
	ByteWriter	w = writer_of(data, 3);

	writer_u16(&w, 1);
	writer_u16(&w, 2);
	tap_ok(w.overflow && w.len == 2 && data[2] == 9,
		   "a number that does not fit is not written in part");
	writer_u8(&w, 3);
	tap_ok(w.overflow && w.len == 2 && data[2] == 9,
		   "nothing is written after an overflow, though it would fit");

	w = writer_of(data, 3);
	writer_sized(&w, bytes_of_string("ab"));
	tap_ok(w.overflow && w.len == 0, "no length is written without its bytes");
	w = writer_of(room, sizeof(room));
	writer_sized(&w, bytes_of(big, sizeof(big)));
	tap_ok(w.overflow && w.len == 0, "a length of more than 16 bits is refused");
	w = writer_of(room, sizeof(room));
	writer_sized(&w, bytes_of(big, UINT16_MAX));
	tap_ok(!w.overflow && w.len == UINT16_MAX + 2, "65535 bytes are not");
}

static void
test_empty(void)
{
	ByteReader	r = reader_of(bytes_of(NULL, 0));
	ByteWriter	w = writer_of(NULL, 0);
	Bytes		out;
	uint8_t		u8;

	tap_ok(reader_left(&r) == 0 && reader_take(&r, 0, &out) && out.len == 0 &&
		   reader_copy(&r, NULL, 0) && !reader_u8(&r, &u8),
		   "nothing can be read from nothing");
	writer_put(&w, bytes_of(NULL, 0));
	tap_ok(!w.overflow && writer_bytes(&w).len == 0, "nor is it an overflow to write it");
	tap_ok(bytes_equal(bytes_of(NULL, 0), bytes_of("", 0)) &&
		   !bytes_equal(bytes_of("a", 1), bytes_of("", 0)) &&
		   !bytes_equal(bytes_of("a", 1), bytes_of("b", 1)),
		   "bytes are equal by length and content");
	tap_ok(bytes_are_zero(bytes_of(NULL, 0)) && bytes_are_zero(bytes_of("\0\0", 2)) &&
		   !bytes_are_zero(bytes_of("\0\1", 2)) && !bytes_are_zero(bytes_of("\200\0", 2)),
		   "bytes are zero when all are");
}
