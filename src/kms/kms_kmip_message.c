/*-------------------------------------------------------------------------
 *
 * kms_kmip_message.c
 *	  Messages of KMIP 1.4: one request to encrypt or to decrypt, and its
 *	  answer.
 *
 * An answer is of one batch item, with the version, the operation and the key
 * that were asked for, and with nothing in it that we do not know.  A refusal
 * is allowed less: a server that cannot read a request, or admits nobody,
 * answers in a version of its own and names no operation.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "kms/kms_kmip.h"
#include "kms/ttlv.h"

#define VERSION_MAJOR	1
#define VERSION_MINOR	4

/* KMIP 1.4, 9.1.3.1 */
#define TAG_AUTHENTICATION			0x42000c
#define TAG_BATCH_COUNT				0x42000d
#define TAG_BATCH_ITEM				0x42000f
#define TAG_BLOCK_CIPHER_MODE		0x420011
#define TAG_CREDENTIAL				0x420023
#define TAG_CREDENTIAL_TYPE			0x420024
#define TAG_CREDENTIAL_VALUE		0x420025
#define TAG_ALGORITHM				0x420028
#define TAG_PARAMETERS				0x42002b
#define TAG_IV						0x42003d
#define TAG_OPERATION				0x42005c
#define TAG_VERSION					0x420069
#define TAG_VERSION_MAJOR			0x42006a
#define TAG_VERSION_MINOR			0x42006b
#define TAG_REQUEST_HEADER			0x420077
#define TAG_REQUEST_MESSAGE			0x420078
#define TAG_REQUEST_PAYLOAD			0x420079
#define TAG_RESPONSE_HEADER			0x42007a
#define TAG_RESPONSE_MESSAGE		0x42007b
#define TAG_RESPONSE_PAYLOAD		0x42007c
#define TAG_RESULT_MESSAGE			0x42007d
#define TAG_RESULT_REASON			0x42007e
#define TAG_RESULT_STATUS			0x42007f
#define TAG_TIME_STAMP				0x420092
#define TAG_UNIQUE_IDENTIFIER		0x420094
#define TAG_USERNAME				0x420099
#define TAG_PASSWORD				0x4200a1
#define TAG_DATA					0x4200c2
#define TAG_TAG_LENGTH				0x4200ce
#define TAG_ASSOCIATED_DATA			0x4200fe
#define TAG_TAG						0x4200ff
#define TAG_SERVER_CORRELATION		0x420106

/* 9.1.3.2 */
#define CREDENTIAL_PASSWORD			1
#define MODE_GCM					9
#define ALGORITHM_AES				3
#define STATUS_SUCCESS				0
#define STATUS_FAILED				1

static void
put_credential(TtlvWriter *w, const char *username, const char *password)
{
	ttlv_begin(w, TAG_AUTHENTICATION);
	ttlv_begin(w, TAG_CREDENTIAL);
	ttlv_put_enumeration(w, TAG_CREDENTIAL_TYPE, CREDENTIAL_PASSWORD);
	ttlv_begin(w, TAG_CREDENTIAL_VALUE);
	ttlv_put_text(w, TAG_USERNAME, username);
	ttlv_put_text(w, TAG_PASSWORD, password);
	ttlv_end(w);
	ttlv_end(w);
	ttlv_end(w);
}

static void
put_header(TtlvWriter *w, const char *username, const char *password)
{
	ttlv_begin(w, TAG_REQUEST_HEADER);
	ttlv_begin(w, TAG_VERSION);
	ttlv_put_integer(w, TAG_VERSION_MAJOR, VERSION_MAJOR);
	ttlv_put_integer(w, TAG_VERSION_MINOR, VERSION_MINOR);
	ttlv_end(w);
	if (username != NULL)
		put_credential(w, username, password);
	ttlv_put_integer(w, TAG_BATCH_COUNT, 1);
	ttlv_end(w);
}

static void
put_payload(TtlvWriter *w, const KmipCipher *asked)
{
	ttlv_begin(w, TAG_REQUEST_PAYLOAD);
	ttlv_put_text(w, TAG_UNIQUE_IDENTIFIER, asked->key);
	ttlv_begin(w, TAG_PARAMETERS);
	ttlv_put_enumeration(w, TAG_BLOCK_CIPHER_MODE, MODE_GCM);
	ttlv_put_enumeration(w, TAG_ALGORITHM, ALGORITHM_AES);
	ttlv_put_integer(w, TAG_TAG_LENGTH, KMIP_TAG_LEN);
	ttlv_end(w);
	ttlv_put_bytes(w, TAG_DATA, asked->data);
	ttlv_put_bytes(w, TAG_IV, asked->iv);
	ttlv_put_bytes(w, TAG_ASSOCIATED_DATA, asked->associated);
	if (asked->operation == KMIP_DECRYPT)
		ttlv_put_bytes(w, TAG_TAG, asked->tag);
	ttlv_end(w);
}

/* Written where it is sent from: it holds a data key and a password. */
void
kmip_request(const KmipCipher *asked, const char *username, const char *password,
			 KmsRequest *request)
{
	TtlvWriter	w = ttlv_writer_of(request->body, sizeof(request->body));

	kms_request_frame(request);
	ttlv_begin(&w, TAG_REQUEST_MESSAGE);
	put_header(&w, username, password);
	ttlv_begin(&w, TAG_BATCH_ITEM);
	ttlv_put_enumeration(&w, TAG_OPERATION, asked->operation);
	put_payload(&w, asked);
	ttlv_end(&w);
	ttlv_end(&w);
	Assert(w.depth == 0);

	request->body_len = w.out.len;
	request->invalid = w.out.overflow;
}

/* Sets *same_version to whether it is of ours. */
static bool
read_header(TtlvReader *message, bool *same_version)
{
	TtlvReader	header;
	TtlvReader	version;
	int32		major;
	int32		minor;
	int32		batch_count;

	if (!ttlv_read_structure(message, TAG_RESPONSE_HEADER, &header) ||
		!ttlv_read_structure(&header, TAG_VERSION, &version) ||
		!ttlv_read_integer(&version, TAG_VERSION_MAJOR, &major) ||
		!ttlv_read_integer(&version, TAG_VERSION_MINOR, &minor) ||
		!ttlv_at_end(&version) ||
		!ttlv_skip(&header, TAG_TIME_STAMP, TTLV_DATE_TIME))
		return false;
	if (ttlv_next_is(&header, TAG_SERVER_CORRELATION) &&
		!ttlv_skip(&header, TAG_SERVER_CORRELATION, TTLV_TEXT))
		return false;
	*same_version = major == VERSION_MAJOR && minor == VERSION_MINOR;
	return ttlv_read_integer(&header, TAG_BATCH_COUNT, &batch_count) && batch_count == 1 &&
		ttlv_at_end(&header);
}

static bool
read_payload(TtlvReader *item, const KmipCipher *asked, KmipAnswer *answer)
{
	TtlvReader	payload;
	Bytes		key;
	Bytes		iv;

	if (!ttlv_read_structure(item, TAG_RESPONSE_PAYLOAD, &payload) ||
		!ttlv_read_text(&payload, TAG_UNIQUE_IDENTIFIER, &key) ||
		!bytes_equal(key, bytes_of_string(asked->key)) ||
		!ttlv_read_bytes(&payload, TAG_DATA, &answer->data))
		return false;
	if (asked->operation == KMIP_ENCRYPT)
	{
		/* We sent the IV; whoever took another has another ciphertext. */
		if (ttlv_next_is(&payload, TAG_IV) &&
			(!ttlv_read_bytes(&payload, TAG_IV, &iv) || !bytes_equal(iv, asked->iv)))
			return false;
		if (!ttlv_read_bytes(&payload, TAG_TAG, &answer->tag))
			return false;
	}
	return ttlv_at_end(&payload);
}

static bool
read_item(TtlvReader *item, const KmipCipher *asked, bool same_version, KmipAnswer *answer)
{
	bool		has_operation = ttlv_next_is(item, TAG_OPERATION);
	uint32		operation;
	uint32		status;

	if (has_operation &&
		(!ttlv_read_enumeration(item, TAG_OPERATION, &operation) || operation != asked->operation))
		return false;
	if (!ttlv_read_enumeration(item, TAG_RESULT_STATUS, &status) ||
		(status != STATUS_SUCCESS && status != STATUS_FAILED))
		return false;
	answer->success = status == STATUS_SUCCESS;
	if (!answer->success && !ttlv_read_enumeration(item, TAG_RESULT_REASON, &answer->reason))
		return false;
	if (ttlv_next_is(item, TAG_RESULT_MESSAGE) &&
		!ttlv_read_text(item, TAG_RESULT_MESSAGE, &answer->said))
		return false;
	if (answer->success &&
		(!same_version || !has_operation || !read_payload(item, asked, answer)))
		return false;
	return ttlv_at_end(item);
}

bool
kmip_answer(const KmipCipher *asked, Bytes message, KmipAnswer *answer)
{
	TtlvReader	in = ttlv_reader_of(message);
	TtlvReader	items;
	TtlvReader	item;
	bool		same_version;

	MemSet(answer, 0, sizeof(*answer));
	return ttlv_read_structure(&in, TAG_RESPONSE_MESSAGE, &items) && ttlv_at_end(&in) &&
		read_header(&items, &same_version) &&
		ttlv_read_structure(&items, TAG_BATCH_ITEM, &item) && ttlv_at_end(&items) &&
		read_item(&item, asked, same_version, answer);
}
