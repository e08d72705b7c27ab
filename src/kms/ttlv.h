/*-------------------------------------------------------------------------
 *
 * ttlv.h
 *	  TTLV, the encoding of KMIP's messages (KMIP 1.4, 9.1): items of a tag of
 *	  three bytes, a type, a length and a value that is padded to 8 bytes.
 *
 * A writer that runs out of room writes nothing further and says so at the
 * end.  A reader reads the items of one structure in their order, and takes
 * nothing but what is asked for: another tag or type, a length that is not the
 * type's or leads beyond the structure, and padding that is not zero are
 * refused, and leave the reader where it was.  Nothing is allocated; what is
 * read is a view of the message.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_TTLV_H
#define KMS_TTLV_H

#include "postgres.h"

#include "crypto/bytes.h"

/* KMIP 1.4, 9.1.1.2 */
typedef enum TtlvType
{
	TTLV_STRUCTURE = 0x01,
	TTLV_INTEGER = 0x02,
	TTLV_ENUMERATION = 0x05,
	TTLV_TEXT = 0x07,
	TTLV_BYTES = 0x08,
	TTLV_DATE_TIME = 0x09
} TtlvType;

#define TTLV_HEADER_LEN		8
#define TTLV_DEPTH_MAX		8	/* structures of a writer that are open at a time */

typedef struct TtlvWriter
{
	ByteWriter	out;
	int			depth;
	Size		begun[TTLV_DEPTH_MAX];	/* where their values begin */
} TtlvWriter;

/* The items of a structure that were not read yet; or a message. */
typedef struct TtlvReader
{
	ByteReader	in;
} TtlvReader;

extern TtlvWriter ttlv_writer_of(void *data, Size capacity);

/* What is written between them is the structure's. */
extern void ttlv_begin(TtlvWriter *w, uint32 tag);
extern void ttlv_end(TtlvWriter *w);

extern void ttlv_put_integer(TtlvWriter *w, uint32 tag, int32 value);
extern void ttlv_put_enumeration(TtlvWriter *w, uint32 tag, uint32 value);
extern void ttlv_put_text(TtlvWriter *w, uint32 tag, const char *text);
extern void ttlv_put_bytes(TtlvWriter *w, uint32 tag, Bytes bytes);

extern TtlvReader ttlv_reader_of(Bytes in);
extern bool ttlv_at_end(const TtlvReader *r);

/* Whether the next item has this tag, for items that may be left out. */
extern bool ttlv_next_is(const TtlvReader *r, uint32 tag);

extern bool ttlv_read_structure(TtlvReader *r, uint32 tag, TtlvReader *items);
extern bool ttlv_read_integer(TtlvReader *r, uint32 tag, int32 *value);
extern bool ttlv_read_enumeration(TtlvReader *r, uint32 tag, uint32 *value);
extern bool ttlv_read_text(TtlvReader *r, uint32 tag, Bytes *text);
extern bool ttlv_read_bytes(TtlvReader *r, uint32 tag, Bytes *bytes);

/* Reads an item of that tag and type, and drops its value. */
extern bool ttlv_skip(TtlvReader *r, uint32 tag, TtlvType type);

#endif							/* KMS_TTLV_H */
