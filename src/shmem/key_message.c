/*-------------------------------------------------------------------------
 *
 * key_message.c
 *	  Requests and replies about keys, to bytes and back.
 *
 * Reader and writer of a thing stand together and go through its fields in
 * the same order.  Both ends are the same library, so there is no version.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "shmem/key_message.h"

static void
write_text(ByteWriter *out, const char *text)
{
	writer_sized(out, bytes_of_string(text));
}

/* Reads a text into an array of size bytes; refuses what does not fit. */
static bool
read_text(ByteReader *in, char *text, Size size)
{
	Bytes		bytes;

	if (!reader_sized(in, &bytes) || bytes.len >= size ||
		memchr(bytes.data, 0, bytes.len) != NULL)
		return false;
	memcpy(text, bytes.data, bytes.len);
	text[bytes.len] = '\0';
	return true;
}

static bool
read_array(ByteReader *in, uint8 *array, Size size, Size *len)
{
	Bytes		bytes;

	if (!reader_sized(in, &bytes) || bytes.len > size)
		return false;
	memcpy(array, bytes.data, bytes.len);
	*len = bytes.len;
	return true;
}

static void
write_server(ByteWriter *out, const KmsServerRecord *server)
{
	write_text(out, server->name);
	writer_sized(out, bytes_of(server->options, server->options_len));
}

static bool
read_server(ByteReader *in, KmsServerRecord *server)
{
	return read_text(in, server->name, sizeof(server->name)) &&
		read_array(in, server->options, sizeof(server->options), &server->options_len);
}

static void
write_record(ByteWriter *out, const KeyRecord *r)
{
	write_text(out, r->tenant);
	writer_put(out, bytes_of(r->key_id, KEY_ID_LEN));
	writer_u8(out, r->algorithm);
	writer_u32(out, r->outage_grace_s);
	writer_u8(out, r->attested);
	write_server(out, &r->server);
	write_text(out, r->kek);
	writer_sized(out, bytes_of(r->wrapped, r->wrapped_len));
	writer_put(out, bytes_of(r->check_value, CHECK_VALUE_LEN));
}

static bool
read_record(ByteReader *in, KeyRecord *r)
{
	uint8		attested;

	if (!read_text(in, r->tenant, sizeof(r->tenant)) ||
		!reader_copy(in, r->key_id, KEY_ID_LEN) ||
		!reader_u8(in, &r->algorithm) ||
		!reader_u32(in, &r->outage_grace_s) ||
		!reader_u8(in, &attested) ||
		!read_server(in, &r->server) ||
		!read_text(in, r->kek, sizeof(r->kek)) ||
		!read_array(in, r->wrapped, sizeof(r->wrapped), &r->wrapped_len) ||
		!reader_copy(in, r->check_value, CHECK_VALUE_LEN))
		return false;
	r->attested = attested != 0;
	return true;
}

Size
key_request_write(const KeyRequest *request, uint8 *out, Size capacity)
{
	ByteWriter	w = writer_of(out, capacity);

	writer_u8(&w, request->operation);
	writer_u32(&w, request->role);
	writer_u32(&w, request->privileges);
	writer_u64(&w, (uint64) request->deadline);
	writer_u8(&w, request->tentative);
	writer_u8(&w, request->may_create_kek);
	write_text(&w, request->tenant);
	writer_put(&w, bytes_of(request->key_id, KEY_ID_LEN));
	writer_put(&w, bytes_of(request->public_key, BOX_PUBLIC_LEN));
	write_record(&w, &request->record);
	write_server(&w, &request->target);
	write_text(&w, request->target_kek);
	if (w.overflow)
		elog(ERROR, "key request does not fit into its slot");
	return w.len;
}

bool
key_request_read(Bytes in, KeyRequest *request)
{
	ByteReader	r = reader_of(in);
	uint8		operation;
	uint64		deadline;
	uint8		tentative;
	uint8		may_create_kek;

	if (!reader_u8(&r, &operation) ||
		!reader_u32(&r, &request->role) ||
		!reader_u32(&r, &request->privileges) ||
		!reader_u64(&r, &deadline) ||
		!reader_u8(&r, &tentative) ||
		!reader_u8(&r, &may_create_kek) ||
		!read_text(&r, request->tenant, sizeof(request->tenant)) ||
		!reader_copy(&r, request->key_id, KEY_ID_LEN) ||
		!reader_copy(&r, request->public_key, BOX_PUBLIC_LEN) ||
		!read_record(&r, &request->record) ||
		!read_server(&r, &request->target) ||
		!read_text(&r, request->target_kek, sizeof(request->target_kek)) ||
		reader_left(&r) != 0 ||
		operation < KEY_OP_AUTHORISE || operation > KEY_OP_CHECK_KMS)
		return false;
	request->operation = (KeyOperation) operation;
	request->deadline = (TimestampTz) deadline;
	request->tentative = tentative != 0;
	request->may_create_kek = may_create_kek != 0;
	return true;
}

Size
key_reply_write(const KeyReply *reply, uint8 *out, Size capacity)
{
	ByteWriter	w = writer_of(out, capacity);

	writer_u8(&w, reply->condition);
	write_text(&w, reply->subject);
	write_text(&w, reply->object);
	write_text(&w, reply->log_detail);
	writer_u32(&w, reply->privileges);
	writer_u32(&w, reply->cell);
	writer_u64(&w, reply->epoch);
	writer_u8(&w, reply->kek_created);
	write_record(&w, &reply->record);
	writer_sized(&w, bytes_of(reply->sealed, reply->sealed_len));
	if (w.overflow)
		elog(ERROR, "key reply does not fit into its slot");
	return w.len;
}

bool
key_reply_read(Bytes in, KeyReply *reply)
{
	ByteReader	r = reader_of(in);
	uint8		condition;
	uint8		kek_created;

	if (!reader_u8(&r, &condition) ||
		!read_text(&r, reply->subject, sizeof(reply->subject)) ||
		!read_text(&r, reply->object, sizeof(reply->object)) ||
		!read_text(&r, reply->log_detail, sizeof(reply->log_detail)) ||
		!reader_u32(&r, &reply->privileges) ||
		!reader_u32(&r, &reply->cell) ||
		!reader_u64(&r, &reply->epoch) ||
		!reader_u8(&r, &kek_created) ||
		!read_record(&r, &reply->record) ||
		!read_array(&r, reply->sealed, sizeof(reply->sealed), &reply->sealed_len) ||
		reader_left(&r) != 0 || condition > CONDITION_LAST)
		return false;
	reply->condition = (Condition) condition;
	reply->kek_created = kek_created != 0;
	return true;
}

Size
key_seal_context(int slot, uint64 generation, const KeyRecord *record, uint8 *out)
{
	ByteWriter	w = writer_of(out, KEY_SEAL_CONTEXT_MAX);

	writer_u32(&w, (uint32) slot);
	writer_u64(&w, generation);
	writer_sized(&w, bytes_of_string(record->tenant));
	writer_put(&w, bytes_of(record->key_id, KEY_ID_LEN));
	Assert(!w.overflow);
	return w.len;
}
