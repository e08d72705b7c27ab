/*-------------------------------------------------------------------------
 *
 * test_inner_key.c
 *	  A key between the KMS and the data key: what is stored, and that it
 *	  opens for nothing but what it was sealed for.
 *
 * The KMS of these tests adds one to each byte.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include "kms/kms_inner_key.h"

#define HEADER		"version-1"
#define BLOB_LEN	(1 + 2 + sizeof(HEADER) - 1 + 2 + KMS_INNER_KEY_LEN + 24 + DATA_KEY_LEN + 16)

static uint8 scratch[KMS_SCRATCH_LEN];
static uint8 blob[KMS_WRAPPED_MAX];
static Size blob_len;

static void test_round_trip(void);
static void test_binding(void);
static void test_damage(void);
static void test_lengths(void);

void
test_inner_key(void)
{
	test_round_trip();
	test_binding();
	test_damage();
	test_lengths();
}

static KmsAsked
ask(KmsOperation operation, const KmsContext *context, Bytes in)
{
	KmsAsked	asked = {.operation = operation,.context = context,.in = in,.scratch = scratch};

	return asked;
}

/* Into blob, as a provider does it. */
static bool
wrap(KmsError *error)
{
	KmsAsked	asked = ask(KMS_WRAP, &test_context, bytes_of(test_data_key, DATA_KEY_LEN));
	uint8		ciphertext[KMS_INNER_KEY_LEN];

	if (!kms_inner_key_make(&asked, error))
		return false;
	for (int i = 0; i < KMS_INNER_KEY_LEN; i++)
		ciphertext[i] = scratch[i] + 1;
	return kms_inner_key_seal(&asked, bytes_of_string(HEADER),
							  bytes_of(ciphertext, sizeof(ciphertext)),
							  blob, &blob_len, error);
}

static bool
unwrap(const KmsContext *context, Bytes in, uint8 out[DATA_KEY_LEN], KmsError *error)
{
	KmsAsked	asked = ask(KMS_UNWRAP, context, in);
	KmsInnerBlob parsed;
	uint8		inner_key[KMS_INNER_KEY_LEN] = {0};
	Size		len = 99;

	memset(out, 0xaa, DATA_KEY_LEN);
	if (!kms_inner_parse(in, &parsed, error))
		return false;
	for (int i = 0; i < Min(parsed.ciphertext.len, KMS_INNER_KEY_LEN); i++)
		inner_key[i] = parsed.ciphertext.data[i] - 1;
	return kms_inner_key_open(&asked, inner_key, out, &len, error) ? len == DATA_KEY_LEN
		: len != 0;
}

static bool
is_all(const uint8 *bytes, uint8 value, Size len)
{
	for (Size i = 0; i < len; i++)
	{
		if (bytes[i] != value)
			return false;
	}
	return true;
}

static void
test_round_trip(void)
{
	KmsInnerBlob parsed;
	uint8		first[KMS_WRAPPED_MAX];
	uint8		key[DATA_KEY_LEN];
	KmsError	error;

	tap_ok(wrap(&error) && blob_len == BLOB_LEN && blob[0] == 1 &&
		   unwrap(&test_context, bytes_of(blob, blob_len), key, &error) &&
		   memcmp(key, test_data_key, DATA_KEY_LEN) == 0,
		   "inner key: what was wrapped is unwrapped");
	tap_ok(kms_inner_parse(bytes_of(blob, blob_len), &parsed, &error) &&
		   bytes_equal(parsed.header, bytes_of_string(HEADER)) &&
		   parsed.ciphertext.len == KMS_INNER_KEY_LEN,
		   "inner key: header and ciphertext are found again");

	memcpy(first, blob, sizeof(first));
	tap_ok(wrap(&error) &&
		   memcmp(first + 5 + sizeof(HEADER) - 1, blob + 5 + sizeof(HEADER) - 1,
				  KMS_INNER_KEY_LEN) != 0 &&
		   memcmp(first + BLOB_LEN - 72, blob + BLOB_LEN - 72, 24) != 0,
		   "inner key: key and nonce are new each time");
	tap_ok(memmem(blob, blob_len, test_data_key, DATA_KEY_LEN) == NULL &&
		   memmem(blob, blob_len, scratch, KMS_INNER_KEY_LEN) == NULL,
		   "inner key: neither key is in what is stored");
}

static void
test_binding(void)
{
	uint8		key[DATA_KEY_LEN];
	KmsError	error;
	bool		ok = wrap(&error);

	for (int i = 0; i < 4; i++)
	{
		KmsContext	context = test_context;

		switch (i)
		{
			case 0:
				context.tenant = "acm";
				break;
			case 1:
				context.key_id = (const uint8 *) "\1\2\3\4\5\6\7\11";
				break;
			case 2:
				context.purpose = "other";
				break;
			default:
				context.kek = "saas-chat2";
		}
		TAP_EACH(ok, !unwrap(&context, bytes_of(blob, blob_len), key, &error) &&
				 error.status == KMS_BAD_CIPHERTEXT && is_all(key, 0, sizeof(key)), "part %d", i);
	}
	tap_ok(ok, "inner key: another tenant, key id, purpose or KEK opens nothing, and leaves zeros");
}

/* The header alone is not sealed: whose key it names decides what the KMS says. */
static void
test_damage(void)
{
	uint8		key[DATA_KEY_LEN];
	KmsError	error;
	bool		ok = wrap(&error);

	for (Size i = 0; i < blob_len; i++)
	{
		if (i >= 3 && i < 3 + sizeof(HEADER) - 1)
			continue;
		blob[i] ^= 1;
		TAP_EACH(ok, !unwrap(&test_context, bytes_of(blob, blob_len), key, &error) &&
				 error.status == KMS_BAD_CIPHERTEXT, "byte %d", (int) i);
		blob[i] ^= 1;
	}
	tap_ok(ok, "inner key: a changed byte is noticed");

	ok = unwrap(&test_context, bytes_of(blob, blob_len), key, &error);
	for (Size len = 0; len <= blob_len + 1; len++)
	{
		blob[blob_len] = 0;
		TAP_EACH(ok, len == blob_len ||
				 (!unwrap(&test_context, bytes_of(blob, len), key, &error) &&
				  error.status == KMS_BAD_CIPHERTEXT), "length %d", (int) len);
	}
	tap_ok(ok, "inner key: so is one that is cut short or has more behind it");
}

static void
test_lengths(void)
{
	KmsAsked	asked = ask(KMS_WRAP, &test_context, bytes_of(test_data_key, DATA_KEY_LEN));
	static const uint8 ciphertext[KMS_WRAPPED_MAX] = {0};
	const Size	room = KMS_WRAPPED_MAX - (BLOB_LEN - KMS_INNER_KEY_LEN);
	uint8		out[KMS_WRAPPED_MAX];
	uint8		longer[KMS_WRAPPED_MAX + 1] = {1, 0, 0};
	KmsInnerBlob parsed;
	KmsError	error;

	tap_ok(kms_inner_key_make(&asked, &error) &&
		   kms_inner_key_seal(&asked, bytes_of_string(HEADER), bytes_of(ciphertext, room),
							  out, &blob_len, &error) && blob_len == KMS_WRAPPED_MAX &&
		   kms_inner_parse(bytes_of(out, blob_len), &parsed, &error) &&
		   parsed.ciphertext.len == room,
		   "inner key: the longest ciphertext fits");
	tap_ok(!kms_inner_key_seal(&asked, bytes_of_string(HEADER), bytes_of(ciphertext, room + 1),
							   out, &blob_len, &error) && error.status == KMS_PROTOCOL &&
		   !kms_inner_key_seal(&asked, bytes_of_string(HEADER), bytes_of(ciphertext, 0),
							   out, &blob_len, &error) && error.status == KMS_PROTOCOL,
		   "inner key: a longer one, or none, is no reply of a KMS");

	/* well formed but for its length */
	longer[3] = (uint8) ((KMS_WRAPPED_MAX + 1 - 5 - 72) >> 8);
	longer[4] = (uint8) (KMS_WRAPPED_MAX + 1 - 5 - 72);
	tap_ok(!kms_inner_parse(bytes_of(longer, sizeof(longer)), &parsed, &error) &&
		   error.status == KMS_BAD_CIPHERTEXT,
		   "inner key: what is longer than any wrapped key is not parsed");
}
