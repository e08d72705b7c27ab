/*-------------------------------------------------------------------------
 *
 * test_kmip_vector.c
 *	  A request and its response of a real server, byte by byte.
 *
 * The file is kmip/kmip-1.4-gcm-vector.txt in the folder that
 * BIONIC_CRYPT_TEST_DATA names: a line "REQ" and one "RSP", in hex.  The
 * request lacks its first header, as the server logs it.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include "kms/kms_kmip.h"
#include "kms/ttlv.h"

#define MESSAGE_MAX 1024

typedef struct Message
{
	uint8		bytes[MESSAGE_MAX];
	Size		len;
} Message;

static KmsRequest request;

static bool
read_hex(const char *hex, Message *message)
{
	unsigned	byte;

	for (; sscanf(hex, "%2x", &byte) == 1 && message->len < MESSAGE_MAX; hex += 2)
		message->bytes[message->len++] = (uint8) byte;
	return *hex == '\n' || *hex == '\0';
}

/* False when there are no data sets. */
static bool
read_vector(Message *asked, Message *answered)
{
	static const char header[] = "\x42\x00\x78\x01\x00\x00\x01\x08";
	const char *folder = getenv("BIONIC_CRYPT_TEST_DATA");
	char		path[MAXPGPATH];
	char		line[2 * MESSAGE_MAX + 16];
	FILE	   *file;

	if (folder == NULL)
		return false;
	snprintf(path, sizeof(path), "%s/kmip/kmip-1.4-gcm-vector.txt", folder);
	file = fopen(path, "r");
	if (file == NULL)
		return false;

	memcpy(asked->bytes, header, sizeof(header) - 1);
	asked->len = sizeof(header) - 1;
	answered->len = 0;
	while (fgets(line, sizeof(line), file) != NULL)
	{
		if (strncmp(line, "REQ ", 4) == 0)
			read_hex(line + 4, asked);
		else if (strncmp(line, "RSP ", 4) == 0)
			read_hex(line + 4, answered);
	}
	fclose(file);
	return true;
}

/* What the request asks for. */
static bool
cipher_of(const Message *message, KmipCipher *cipher, char key[64])
{
	TtlvReader	r = ttlv_reader_of(bytes_of(message->bytes, message->len));
	TtlvReader	items;
	TtlvReader	item;
	Bytes		uid;
	uint32		operation;

	if (!ttlv_read_structure(&r, 0x420078, &items) || !ttlv_at_end(&r) ||
		!ttlv_skip(&items, 0x420077, TTLV_STRUCTURE) ||
		!ttlv_read_structure(&items, 0x42000f, &item) || !ttlv_at_end(&items) ||
		!ttlv_read_enumeration(&item, 0x42005c, &operation) ||
		!ttlv_read_structure(&item, 0x420079, &items) || !ttlv_at_end(&item) ||
		!ttlv_read_text(&items, 0x420094, &uid) || uid.len > 63 ||
		!ttlv_skip(&items, 0x42002b, TTLV_STRUCTURE) ||
		!ttlv_read_bytes(&items, 0x4200c2, &cipher->data) ||
		!ttlv_read_bytes(&items, 0x42003d, &cipher->iv) ||
		!ttlv_read_bytes(&items, 0x4200fe, &cipher->associated) || !ttlv_at_end(&items))
		return false;
	memcpy(key, uid.data, uid.len);
	key[uid.len] = '\0';
	cipher->key = key;
	cipher->operation = (KmipOperation) operation;
	return true;
}

void
test_kmip_vector(void)
{
	static Message asked;
	static Message answered;
	KmipCipher	cipher = {0};
	KmipAnswer	answer;
	char		key[64];
	bool		ok;

	if (!read_vector(&asked, &answered))
	{
		tap_ok(true, "kmip: the vector of a real server # SKIP no data sets");
		return;
	}

	ok = cipher_of(&asked, &cipher, key) && cipher.operation == KMIP_ENCRYPT &&
		strcmp(key, "4") == 0 && cipher.data.len == DATA_KEY_LEN && cipher.iv.len == KMIP_IV_LEN &&
		bytes_equal(cipher.associated, bytes_of_string("tenant=42;purpose=dek"));
	tap_ok(ok, "kmip: the request of a real client is read");
	if (!ok)
		return;
	memset(&request, 0xff, sizeof(request));
	kmip_request(&cipher, NULL, NULL, &request);
	tap_ok(!request.invalid && bytes_equal(bytes_of(request.body, request.body_len),
										   bytes_of(asked.bytes, asked.len)),
		   "kmip: it is built byte for byte");

	tap_ok(kmip_answer(&cipher, bytes_of(answered.bytes, answered.len), &answer) &&
		   answer.success && answer.data.len == DATA_KEY_LEN && answer.tag.len == KMIP_TAG_LEN &&
		   bytes_equal(answer.tag, bytes_of(answered.bytes + answered.len - KMIP_TAG_LEN, KMIP_TAG_LEN)),
		   "kmip: the response of a real server is read");
}
