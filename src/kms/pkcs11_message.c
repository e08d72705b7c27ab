/*-------------------------------------------------------------------------
 *
 * pkcs11_message.c
 *	  What the provider pkcs11 and its helper process say to each other.
 *
 * A frame is "BC", the version, 'Q' or 'A', and 32 bits of length; then of a
 * request operation, mechanism and flags, a byte each, and its parts, each sized;
 * of an answer outcome and step, a byte each, 64 bits of rv, and its parts.
 *
 *-------------------------------------------------------------------------
 */
#include "kms/pkcs11_message.h"

#define FRAME_VERSION	2
#define REQUEST			'Q'
#define REPLY			'A'
#define LENGTH_OFFSET	4

#define ASSOCIATED_MAX	1024
#define IN_MAX			PKCS11_OUT_MAX

#define FLAG_AGAIN		0x01
#define FLAG_MODULE_IV	0x02
#define FLAGS			(FLAG_AGAIN | FLAG_MODULE_IV)

static void
begin(ByteWriter *w, uint8_t kind)
{
	writer_put(w, bytes_of("BC", 2));
	writer_u8(w, FRAME_VERSION);
	writer_u8(w, kind);
	writer_u32(w, 0);
}

static void
end(ByteWriter *w)
{
	ByteWriter	length;

	if (w->overflow)
		return;
	length = writer_of(w->data + LENGTH_OFFSET, PKCS11_HEADER_LEN - LENGTH_OFFSET);
	writer_u32(&length, (uint32_t) (w->len - PKCS11_HEADER_LEN));
}

/* Reads a header; false unless it is of our version. */
static bool
read_header(ByteReader *in, uint8_t *kind, uint32_t *rest)
{
	Bytes		name;
	uint8_t		version;

	return reader_take(in, 2, &name) && bytes_equal(name, bytes_of("BC", 2)) &&
		reader_u8(in, &version) && version == FRAME_VERSION &&
		reader_u8(in, kind) && reader_u32(in, rest);
}

bool
pkcs11_frame_rest(const uint8_t header[PKCS11_HEADER_LEN], size_t *rest)
{
	ByteReader	in = reader_of(bytes_of(header, PKCS11_HEADER_LEN));
	uint8_t		kind;
	uint32_t	length;

	if (!read_header(&in, &kind, &length) || (kind != REQUEST && kind != REPLY) ||
		length > PKCS11_FRAME_MAX - PKCS11_HEADER_LEN)
		return false;
	*rest = length;
	return true;
}

static bool
begins(ByteReader *in, uint8_t kind)
{
	uint8_t		given;
	uint32_t	rest;

	return read_header(in, &given, &rest) && given == kind && rest == reader_left(in);
}

static bool
read_part(ByteReader *in, size_t min, size_t max, Bytes *part)
{
	return reader_sized(in, part) && part->len >= min && part->len <= max;
}

void
pkcs11_write_request(ByteWriter *w, const Pkcs11Request *request)
{
	begin(w, REQUEST);
	writer_u8(w, (uint8_t) request->operation);
	writer_u8(w, (uint8_t) request->mechanism);
	writer_u8(w, (request->again ? FLAG_AGAIN : 0) |
			  (request->module_makes_iv ? FLAG_MODULE_IV : 0));
	writer_sized(w, request->token_label);
	writer_sized(w, request->token_serial);
	writer_sized(w, request->pin);
	writer_sized(w, request->key_label);
	writer_sized(w, request->associated);
	writer_sized(w, request->iv);
	writer_sized(w, request->in);
	end(w);
}

bool
pkcs11_read_request(Bytes frame, Pkcs11Request *request)
{
	ByteReader	in = reader_of(frame);
	uint8_t		operation;
	uint8_t		mechanism;
	uint8_t		flags;
	size_t		least;			/* of the parts about a key */

	if (!begins(&in, REQUEST) ||
		!reader_u8(&in, &operation) || operation < PKCS11_WRAP || operation > PKCS11_LOGIN ||
		!reader_u8(&in, &mechanism) || mechanism < PKCS11_AES_GCM ||
		mechanism > PKCS11_AES_KEY_WRAP_PAD ||
		!reader_u8(&in, &flags) || (flags & ~FLAGS) != 0)
		return false;
	request->operation = (Pkcs11Operation) operation;
	request->mechanism = (Pkcs11Mechanism) mechanism;
	request->again = (flags & FLAG_AGAIN) != 0;
	request->module_makes_iv = (flags & FLAG_MODULE_IV) != 0;
	least = operation <= PKCS11_UNWRAP ? 1 : 0;
	return read_part(&in, 1, PKCS11_TOKEN_LABEL_MAX, &request->token_label) &&
		read_part(&in, 0, PKCS11_TOKEN_SERIAL_MAX, &request->token_serial) &&
		read_part(&in, operation == PKCS11_LOGIN ? 1 : 0, PKCS11_PIN_MAX, &request->pin) &&
		read_part(&in, least, PKCS11_KEY_LABEL_MAX, &request->key_label) &&
		read_part(&in, 0, ASSOCIATED_MAX, &request->associated) &&
		read_part(&in, 0, PKCS11_IV_LEN, &request->iv) &&
		(request->iv.len == 0 || request->iv.len == PKCS11_IV_LEN) &&
		read_part(&in, least, IN_MAX, &request->in) &&
		reader_left(&in) == 0;
}

void
pkcs11_write_reply(ByteWriter *w, const Pkcs11Reply *reply)
{
	begin(w, REPLY);
	writer_u8(w, (uint8_t) reply->outcome);
	writer_u8(w, (uint8_t) reply->step);
	writer_u64(w, reply->rv);
	writer_sized(w, reply->iv);
	writer_sized(w, reply->out);
	end(w);
}

/* What was not done gave nothing. */
bool
pkcs11_read_reply(Bytes frame, Pkcs11Reply *reply)
{
	ByteReader	in = reader_of(frame);
	uint8_t		outcome;
	uint8_t		step;
	size_t		most;

	if (!begins(&in, REPLY) ||
		!reader_u8(&in, &outcome) || outcome >= PKCS11_OUTCOMES ||
		!reader_u8(&in, &step) || step >= PKCS11_STEPS ||
		!reader_u64(&in, &reply->rv))
		return false;
	reply->outcome = (Pkcs11Outcome) outcome;
	reply->step = (Pkcs11Step) step;
	most = reply->outcome == PKCS11_DONE ? PKCS11_OUT_MAX : 0;
	return read_part(&in, 0, most, &reply->iv) && read_part(&in, 0, most, &reply->out) &&
		reader_left(&in) == 0;
}
