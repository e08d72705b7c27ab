/*-------------------------------------------------------------------------
 *
 * bytes.h
 *	  Views of bytes, and the checked reader and writer through which every
 *	  byte from outside (disk, network, another process) passes once.
 *
 * Numbers are big-endian unless a name says "le".  A reader that fails leaves its position where it
 * was; a writer that runs out of room says so in .overflow and writes
 * nothing further, so that a caller may check once at the end.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRYPTO_BYTES_H
#define CRYPTO_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed bytes: never freed through this. */
typedef struct Bytes
{
	const uint8_t *data;
	size_t		len;
} Bytes;

typedef struct ByteReader
{
	const uint8_t *pos;
	const uint8_t *end;
} ByteReader;

typedef struct ByteWriter
{
	uint8_t    *data;
	size_t		len;
	size_t		capacity;
	bool		overflow;
} ByteWriter;

static inline Bytes
bytes_of(const void *data, size_t len)
{
	Bytes		b;

	b.data = data;
	b.len = len;
	return b;
}

static inline Bytes
bytes_of_string(const char *s)
{
	return bytes_of(s, strlen(s));
}

static inline bool
bytes_equal(Bytes a, Bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline ByteReader
reader_of(Bytes in)
{
	ByteReader	r;

	/* NULL + 0 is undefined in C, and an empty view may be NULL */
	r.pos = in.data;
	r.end = in.len == 0 ? in.data : in.data + in.len;
	return r;
}

static inline size_t
reader_left(const ByteReader *r)
{
	return (size_t) (r->end - r->pos);
}

static inline ByteWriter
writer_of(void *data, size_t capacity)
{
	ByteWriter	w;

	w.data = data;
	w.len = 0;
	w.capacity = capacity;
	w.overflow = false;
	return w;
}

static inline Bytes
writer_bytes(const ByteWriter *w)
{
	return bytes_of(w->data, w->len);
}

extern bool reader_take(ByteReader *r, size_t len, Bytes *out);
extern bool reader_copy(ByteReader *r, void *out, size_t len);
extern bool reader_u8(ByteReader *r, uint8_t *out);
extern bool reader_u16(ByteReader *r, uint16_t *out);
extern bool reader_u32(ByteReader *r, uint32_t *out);
extern bool reader_u64(ByteReader *r, uint64_t *out);
extern bool reader_le16(ByteReader *r, uint16_t *out);
extern bool reader_le32(ByteReader *r, uint32_t *out);
extern bool reader_le64(ByteReader *r, uint64_t *out);

/* Bytes behind a length of 16 bits. */
extern bool reader_sized(ByteReader *r, Bytes *out);

/* Whether no byte is above 127.  Looks at all of them, as they may be a key. */
extern bool bytes_are_ascii(Bytes in);

/* Whether all are zero; nothing is. */
extern bool bytes_are_zero(Bytes in);

extern void writer_put(ByteWriter *w, Bytes in);
extern void writer_u8(ByteWriter *w, uint8_t value);
extern void writer_u16(ByteWriter *w, uint16_t value);
extern void writer_u32(ByteWriter *w, uint32_t value);
extern void writer_u64(ByteWriter *w, uint64_t value);
extern void writer_sized(ByteWriter *w, Bytes in);

#endif							/* CRYPTO_BYTES_H */
