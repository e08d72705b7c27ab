/*-------------------------------------------------------------------------
 *
 * value.c
 *	  Between plaintext and the stored value of the session's tenant.
 *
 * This is the path of every value: no allocation but the result's, no copy,
 * no lock, no catalog, no system call.  Sealing writes straight into the
 * varlena, opening straight into the result.
 *
 * Plaintext is stored as UTF-8 whatever the database's encoding, so that an
 * envelope means the same everywhere; a conversion costs nothing in a UTF-8
 * database.
 *
 * What is opened was stored by us or came in as armour: its form is checked
 * here and now, its content by the authentication tag.  A failed open raises;
 * nothing that was decrypted leaves.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "report/condition.h"
#include "session/key_acquire.h"
#include "session/tenant_context.h"
#include "types/nonce.h"
#include "types/value.h"

/* 3/4 of 1 GB: its armour, 4/3 of it and a prefix, can be dumped. */
#define ENVELOPE_MAX_LEN	((Size) 1024 * 1024 * 1024 / 4 * 3 - 16)

static struct varlena *seal(Bytes plaintext, NonceReuse reuse,
							uint64 call_number);
static void refuse_armour(Bytes text);
static struct varlena *allocate(Size envelope_len);
static Bytes to_stored_encoding(Bytes text);
static ValueKey *acquire_key_of(const Envelope *envelope);
static void open_into(const Envelope *envelope, ValueKey *key, char *out);

struct varlena *
value_seal(Bytes plaintext)
{
	return seal(plaintext, NONCE_PREFIX_KEPT, 0);
}

struct varlena *
value_seal_literal(Bytes plaintext, uint64 call_number)
{
	return seal(plaintext, NONCE_PREFIX_ONCE, call_number);
}

text *
value_open_text(const struct varlena *stored)
{
	Envelope	envelope;
	ValueKey   *key;
	Size		len;
	text	   *result;

	if (!envelope_parse(value_bytes(stored), &envelope))
		condition_raise_plain(CONDITION_INVALID_VALUE);
	key = acquire_key_of(&envelope);
	len = envelope.sealed.len - AEAD_TAG_LEN;
	result = palloc(VARHDRSZ + len);
	SET_VARSIZE(result, VARHDRSZ + len);
	open_into(&envelope, key, VARDATA(result));

	if (unlikely(GetDatabaseEncoding() != PG_UTF8))
	{
		char	   *converted = pg_any_to_server(VARDATA(result), len, PG_UTF8);

		if (converted != VARDATA(result))
			return cstring_to_text(converted);
	}
	return result;
}

char *
value_open_cstring(const struct varlena *stored)
{
	Envelope	envelope;
	ValueKey   *key;
	Size		len;
	char	   *result;

	if (!envelope_parse(value_bytes(stored), &envelope))
		condition_raise_plain(CONDITION_INVALID_VALUE);
	key = acquire_key_of(&envelope);
	len = envelope.sealed.len - AEAD_TAG_LEN;
	result = palloc(len + 1);
	open_into(&envelope, key, result);
	result[len] = '\0';

	if (unlikely(GetDatabaseEncoding() != PG_UTF8))
		return pg_any_to_server(result, len, PG_UTF8);
	return result;
}

char *
value_to_armour(const struct varlena *stored)
{
	Bytes		envelope = value_bytes(stored);
	Size		len = armour_len(envelope.len);
	char	   *result = palloc(len + 1);

	armour_encode(envelope, result);
	result[len] = '\0';
	return result;
}

struct varlena *
value_from_armour(Bytes armour)
{
	struct varlena *result = palloc(VARHDRSZ + armour.len);
	size_t		len;

	if (!armour_decode(armour, (uint8 *) VARDATA(result), &len))
		condition_raise_plain(CONDITION_INVALID_VALUE);
	SET_VARSIZE(result, VARHDRSZ + len);
	return result;
}

struct varlena *
value_from_envelope(Bytes envelope)
{
	Envelope	parsed;
	struct varlena *result;

	if (!envelope_parse(envelope, &parsed))
		condition_raise_plain(CONDITION_INVALID_VALUE_BINARY);
	result = allocate(envelope.len);
	memcpy(VARDATA(result), envelope.data, envelope.len);
	return result;
}

/* Inlined twice, so that a value of run time does not ask which it is. */
static pg_attribute_always_inline struct varlena *
seal(Bytes plaintext, NonceReuse reuse, uint64 call_number)
{
	static const uint8 no_nonce[AEAD_NONCE_LEN];
	ValueKey   *key = key_acquire_to_encrypt();
	struct varlena *result;
	uint8	   *envelope;
	uint8	   *nonce;

	refuse_armour(plaintext);
	plaintext = to_stored_encoding(plaintext);
	result = allocate(ENVELOPE_OVERHEAD + plaintext.len);
	envelope = (uint8 *) VARDATA(result);
	nonce = envelope + ENVELOPE_AT_NONCE;

	/* a literal's nonce is made of the header that stands before it */
	envelope_write_header(envelope, key->algorithm, key->fingerprint,
						  key->key_id, no_nonce);
	if (reuse == NONCE_PREFIX_KEPT)
		nonce_random(key, nonce);
	else
		nonce_of_literal(envelope, call_number, plaintext, nonce);

	if (!key->algorithm->seal(key->state, reuse, nonce,
							  bytes_of(envelope, ENVELOPE_HEADER_LEN),
							  plaintext, envelope + ENVELOPE_HEADER_LEN))
		elog(ERROR, "could not encrypt value");
	return result;
}

/*
 * A dump that is loaded with a tenant set would be encrypted twice, and seem
 * to be right until it is read.
 */
static void
refuse_armour(Bytes text)
{
	uint8	   *decoded;
	size_t		len;

	if (likely(!armour_has_prefix(text)))
		return;
	decoded = palloc(text.len);
	if (armour_decode(text, decoded, &len))
		condition_raise_plain(CONDITION_ALREADY_ENCRYPTED);
	pfree(decoded);
}

static struct varlena *
allocate(Size envelope_len)
{
	struct varlena *result;

	if (unlikely(envelope_len > ENVELOPE_MAX_LEN))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("value is too long to be encrypted"),
				 errdetail("An encrypted value has at most %zu bytes.",
						   ENVELOPE_MAX_LEN)));
	result = palloc(VARHDRSZ + envelope_len);
	SET_VARSIZE(result, VARHDRSZ + envelope_len);
	return result;
}

static Bytes
to_stored_encoding(Bytes text)
{
	const char *in = (const char *) text.data;
	char	   *converted;

	if (likely(GetDatabaseEncoding() == PG_UTF8))
		return text;

	converted = pg_server_to_any(in, text.len, PG_UTF8);
	return converted == in ? text : bytes_of_string(converted);
}

/* Whose it is comes before the key: another tenant's key id means nothing. */
static inline ValueKey *
acquire_key_of(const Envelope *envelope)
{
	const TenantContext *tenant = tenant_context_require();

	if (unlikely(memcmp(tenant->fingerprint, envelope->fingerprint,
						FINGERPRINT_LEN) != 0))
		condition_raise_plain(CONDITION_FOREIGN_VALUE);
	return key_acquire_to_decrypt(envelope->key_id);
}

/*
 * An algorithm that is not the key's is a changed header byte: the tag would
 * not match either, but the state is for the key's own.
 */
static inline void
open_into(const Envelope *envelope, ValueKey *key, char *out)
{
	if (unlikely(envelope->algorithm != key->algorithm ||
				 !key->algorithm->open(key->state, envelope->nonce,
									   envelope->associated, envelope->sealed,
									   (uint8_t *) out)))
		condition_raise_plain(CONDITION_CANNOT_DECRYPT);
}
