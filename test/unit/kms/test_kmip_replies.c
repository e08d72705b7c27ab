/*-------------------------------------------------------------------------
 *
 * test_kmip_replies.c
 *	  Answers of a KMIP server: what is taken for one, and what its refusals
 *	  mean.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include "kms/kms_kmip.h"
#include "kms/kms_reply.h"
#include "kms/ttlv.h"

#define SECRET	"s3cret words of the KMS"

/* A part that is there when its value is. */
typedef struct Parts
{
	int			major;
	int			minor;
	int			batch_count;
	int			items;
	uint32		operation;
	uint32		status;
	uint32		reason;
	const char *said;
	const char *key;
	Size		data_len;
	Size		iv_len;
	Size		tag_len;
	bool		correlation;
	bool		iv_is_other;
	bool		extra_in_version;
	bool		extra_in_header;
	bool		extra_after_count;
	bool		extra_in_item;
	bool		extra_in_payload;
	bool		extra_in_message;
} Parts;

static const Parts wrap_parts = {
	.major = 1,.minor = 4,.batch_count = 1,.items = 1,.operation = KMIP_ENCRYPT,
	.key = "saas-chat",.data_len = DATA_KEY_LEN,.tag_len = KMIP_TAG_LEN
};

static const Parts unwrap_parts = {
	.major = 1,.minor = 4,.batch_count = 1,.items = 1,.operation = KMIP_DECRYPT,
	.key = "saas-chat",.data_len = DATA_KEY_LEN
};

static uint8 scratch[KMS_SCRATCH_LEN];
static uint8 out[KMS_WRAPPED_MAX];
static Size out_len;
static KmsError error;

static void test_taken(void);
static void test_parts(void);
static void test_bytes_changed(void);
static void test_refused(void);
static void test_refusals_read(void);
static void test_not_answered(void);

void
test_kmip_replies(void)
{
	for (int i = 0; i < KMIP_IV_LEN; i++)
		scratch[i] = 0xa0 + i;
	test_taken();
	test_parts();
	test_bytes_changed();
	test_refused();
	test_refusals_read();
	test_not_answered();
}

static void
put_extra(TtlvWriter *w, bool extra)
{
	if (extra)
		ttlv_put_integer(w, 0x420001, 1);
}

static void
put_payload(TtlvWriter *w, const Parts *parts)
{
	static uint8 filling[64];

	for (int i = 0; i < lengthof(filling); i++)
		filling[i] = i < DATA_KEY_LEN ? test_data_key[i] : i;
	ttlv_begin(w, 0x42007c);
	ttlv_put_text(w, 0x420094, parts->key);
	if (parts->data_len > 0)
		ttlv_put_bytes(w, 0x4200c2, bytes_of(filling, parts->data_len));
	if (parts->iv_len > 0)
		ttlv_put_bytes(w, 0x42003d,
					   bytes_of(parts->iv_is_other ? filling : scratch, parts->iv_len));
	if (parts->tag_len > 0)
		ttlv_put_bytes(w, 0x4200ff, bytes_of(filling + DATA_KEY_LEN, parts->tag_len));
	put_extra(w, parts->extra_in_payload);
	ttlv_end(w);
}

static void
put_item(TtlvWriter *w, const Parts *parts)
{
	ttlv_begin(w, 0x42000f);
	if (parts->operation != 0)
		ttlv_put_enumeration(w, 0x42005c, parts->operation);
	ttlv_put_enumeration(w, 0x42007f, parts->status);
	if (parts->reason != 0)
		ttlv_put_enumeration(w, 0x42007e, parts->reason);
	if (parts->said != NULL)
		ttlv_put_text(w, 0x42007d, parts->said);
	if (parts->key != NULL)
		put_payload(w, parts);
	put_extra(w, parts->extra_in_item);
	ttlv_end(w);
}

static KmsReply *
reply_with(const Parts *parts)
{
	static const char time_stamp[] = "\x42\x00\x92\x09\x00\x00\x00\x08\x00\x00\x00\x00\x6b\x02\xf2\x72";
	KmsReply   *reply = reply_of(0, "");
	TtlvWriter	w = ttlv_writer_of(reply->body, KMS_REPLY_BODY_MAX);

	ttlv_begin(&w, 0x42007b);
	ttlv_begin(&w, 0x42007a);
	ttlv_begin(&w, 0x420069);
	ttlv_put_integer(&w, 0x42006a, parts->major);
	ttlv_put_integer(&w, 0x42006b, parts->minor);
	put_extra(&w, parts->extra_in_version);
	ttlv_end(&w);
	writer_put(&w.out, bytes_of(time_stamp, sizeof(time_stamp) - 1));
	if (parts->correlation)
		ttlv_put_text(&w, 0x420106, SECRET);
	put_extra(&w, parts->extra_in_header);
	ttlv_put_integer(&w, 0x42000d, parts->batch_count);
	put_extra(&w, parts->extra_after_count);
	ttlv_end(&w);
	for (int i = 0; i < parts->items; i++)
		put_item(&w, parts);
	put_extra(&w, parts->extra_in_message);
	ttlv_end(&w);
	reply->body_len = w.out.len;
	return reply;
}

static bool
read_reply(KmsOperation operation, const KmsReply *reply)
{
	KmsAsked	asked = {.operation = operation,.context = &test_context,.scratch = scratch};

	memset(out, 'z', sizeof(out));
	memset(&error, 'z', sizeof(error));
	out_len = 99;
	return kms_kmip.remote->read(NULL, &asked, reply, out, &out_len, &error);
}

static bool
says_protocol(void)
{
	return error.status == KMS_PROTOCOL && error.subject[0] == '\0' && error.retry_after_ms == 0 &&
		error.detail[0] != '\0' && out[0] == 'z';
}

static bool
wrapped_is_there(void)
{
	return out_len == 61 && out[0] == 1 && memcmp(out + 1, scratch, KMIP_IV_LEN) == 0 &&
		memcmp(out + 13, test_data_key, DATA_KEY_LEN) == 0 && out[45] == 32 && out[60] == 47 &&
		out[61] == 'z';
}

static void
test_taken(void)
{
	Parts		parts = wrap_parts;

	tap_ok(read_reply(KMS_WRAP, reply_with(&wrap_parts)) && wrapped_is_there(),
		   "kmip: a wrapped key is version, IV, ciphertext and tag");
	tap_ok(read_reply(KMS_UNWRAP, reply_with(&unwrap_parts)) && out_len == DATA_KEY_LEN &&
		   memcmp(out, test_data_key, DATA_KEY_LEN) == 0 && out[DATA_KEY_LEN] == 'z',
		   "kmip: a data key is read");
	parts.correlation = true;
	parts.said = SECRET;
	parts.iv_len = KMIP_IV_LEN;
	tap_ok(read_reply(KMS_WRAP, reply_with(&parts)) && wrapped_is_there(),
		   "kmip: a server may say more, and repeat our IV");
}

/* One part is another. */
#define CHANGED(base, ...) \
	do { \
		Parts		changed = (base); \
		changed.__VA_ARGS__; \
		TAP_EACH(ok, !read_reply((base).operation == KMIP_ENCRYPT ? KMS_WRAP : KMS_UNWRAP, \
								 reply_with(&changed)) && says_protocol(), "%s", #base ": " #__VA_ARGS__); \
	} while (0)

static void
test_parts(void)
{
	static const Parts both[] = {wrap_parts, unwrap_parts};
	bool		ok = true;

	for (int i = 0; i < lengthof(both); i++)
	{
		CHANGED(both[i], major = 2);
		CHANGED(both[i], minor = 3);
		CHANGED(both[i], minor = 5);
		CHANGED(both[i], batch_count = 0);
		CHANGED(both[i], batch_count = 2);
		CHANGED(both[i], items = 0);
		CHANGED(both[i], items = 2);
		CHANGED(both[i], operation = 0);
		CHANGED(both[i], status = 1);
		CHANGED(both[i], status = 2);
		CHANGED(both[i], status = 3);
		CHANGED(both[i], status = 4);
		CHANGED(both[i], reason = 1);
		CHANGED(both[i], key = NULL);
		CHANGED(both[i], key = "");
		CHANGED(both[i], key = "saas-cha");
		CHANGED(both[i], key = "saas-chat2");
		CHANGED(both[i], key = "Saas-chat");
		CHANGED(both[i], data_len = 0);
		CHANGED(both[i], data_len = 16);
		CHANGED(both[i], data_len = 31);
		CHANGED(both[i], data_len = 33);
		CHANGED(both[i], data_len = 48);
		CHANGED(both[i], extra_in_version = true);
		CHANGED(both[i], extra_in_header = true);
		CHANGED(both[i], extra_after_count = true);
		CHANGED(both[i], extra_in_item = true);
		CHANGED(both[i], extra_in_payload = true);
		CHANGED(both[i], extra_in_message = true);
	}
	CHANGED(wrap_parts, tag_len = 0);
	CHANGED(wrap_parts, tag_len = 12);
	CHANGED(wrap_parts, tag_len = 15);
	CHANGED(wrap_parts, tag_len = 17);
	CHANGED(wrap_parts, iv_len = 11);
	CHANGED(wrap_parts, iv_len = 16);
	CHANGED(wrap_parts, iv_len = 12, changed.iv_is_other = true);
	CHANGED(unwrap_parts, tag_len = 16);
	CHANGED(unwrap_parts, iv_len = 12);
	TAP_EACH(ok, !read_reply(KMS_UNWRAP, reply_with(&wrap_parts)) && says_protocol(), "wrapped");
	TAP_EACH(ok, !read_reply(KMS_WRAP, reply_with(&unwrap_parts)) && says_protocol(), "unwrapped");
	tap_ok(ok, "kmip: an answer to something else, of other lengths or with other parts is none");
}

/* Only these bytes of an answer may be any. */
static bool
may_change(Size at)
{
	return (at >= 64 && at < 72) || /* time stamp */
		(at >= 168 && at < 200) ||	/* data */
		(at >= 208 && at < 224);	/* tag */
}

static void
test_bytes_changed(void)
{
	KmsReply   *reply = reply_with(&wrap_parts);
	Size		len = reply->body_len;
	bool		ok = len == 224;
	bool		taken = true;

	for (Size at = 0; at < len; at++)
	{
		for (int change = 1; change <= 0xff; change++)
		{
			bool		answer;

			reply->body[at] ^= change;
			answer = read_reply(KMS_WRAP, reply);
			if (may_change(at))
				TAP_EACH(taken, answer, "byte %d by %d", (int) at, change);
			else
				TAP_EACH(ok, !answer && says_protocol(), "byte %d by %d", (int) at, change);
			reply->body[at] ^= change;
		}
	}
	tap_ok(ok, "kmip: no byte of an answer but those of its values can be another");
	tap_ok(taken, "kmip: those can");

	ok = true;
	for (reply->body_len = 0; reply->body_len < len + 16; reply->body_len++)
		TAP_EACH(ok, reply->body_len == len || (!read_reply(KMS_WRAP, reply) && says_protocol()),
				 "%d bytes", (int) reply->body_len);
	tap_ok(ok, "kmip: an answer has the length that it says");
}

#define WRAPS	KMS_ASKED_WRAP
#define UNWRAPS	KMS_ASKED_UNWRAP
#define KEYS	(WRAPS | UNWRAPS)

static const struct
{
	const char *what;			/* as KMIP calls it */
	uint32		reason;
	int			asked;
	KmsStatus	means;
	const char *subject;
	const char *said;
}			refusals[] = {
	{"Item Not Found", 0x01, KEYS, KMS_DENIED, "", NULL},
	{"Response Too Large", 0x02, KEYS, KMS_PROTOCOL, "", NULL},
	{"Authentication Not Successful", 0x03, KEYS, KMS_DENIED, "", NULL},
	{"Invalid Message", 0x04, KEYS, KMS_PROTOCOL, "", NULL},
	{"Operation Not Supported", 0x05, KEYS, KMS_CONFIG, "address", NULL},
	{"Missing Data", 0x06, KEYS, KMS_PROTOCOL, "", NULL},
	{"Invalid Field", 0x07, KEYS, KMS_PROTOCOL, "", NULL},
	{"Feature Not Supported", 0x08, KEYS, KMS_CONFIG, "kek", NULL},
	{"Operation Canceled By Requester", 0x09, KEYS, KMS_PROTOCOL, "", NULL},
	{"Cryptographic Failure", 0x0a, UNWRAPS, KMS_BAD_CIPHERTEXT, "", NULL},
	{"Cryptographic Failure", 0x0a, WRAPS, KMS_CONFIG, "kek", NULL},
	{"Illegal Operation", 0x0b, KEYS, KMS_DENIED, "", NULL},
	{"Permission Denied", 0x0c, KEYS, KMS_DENIED, "", NULL},
	{"Object Archived", 0x0d, KEYS, KMS_DENIED, "", NULL},
	{"Index Out of Bounds", 0x0e, KEYS, KMS_PROTOCOL, "", NULL},
	{"Application Namespace Not Supported", 0x0f, KEYS, KMS_PROTOCOL, "", NULL},
	{"Key Format Type Not Supported", 0x10, KEYS, KMS_PROTOCOL, "", NULL},
	{"Key Compression Type Not Supported", 0x11, KEYS, KMS_PROTOCOL, "", NULL},
	{"Encoding Option Error", 0x12, KEYS, KMS_PROTOCOL, "", NULL},
	{"Key Value Not Present", 0x13, KEYS, KMS_DENIED, "", NULL},
	{"Attestation Required", 0x14, KEYS, KMS_DENIED, "", NULL},
	{"Attestation Failed", 0x15, KEYS, KMS_DENIED, "", NULL},
	{"Sensitive", 0x16, KEYS, KMS_PROTOCOL, "", NULL},
	{"Not Extractable", 0x17, KEYS, KMS_PROTOCOL, "", NULL},
	{"Object Already Exists", 0x18, KEYS, KMS_PROTOCOL, "", NULL},
	{"Usage Limit Exceeded", 0x1a, KEYS, KMS_THROTTLED, "", NULL},
	{"Bad Cryptographic Parameters", 0x24, KEYS, KMS_CONFIG, "kek", NULL},
	{"Bad Password", 0x25, KEYS, KMS_DENIED, "", NULL},
	{"Codec Error", 0x26, KEYS, KMS_PROTOCOL, "", NULL},
	{"Illegal Object Type", 0x28, KEYS, KMS_CONFIG, "kek", NULL},
	{"Incompatible Cryptographic Usage Mask", 0x29, KEYS, KMS_DENIED, "", NULL},
	{"Internal Server Error", 0x2a, KEYS, KMS_UNAVAILABLE, "", NULL},
	{"Invalid Object Type", 0x30, KEYS, KMS_CONFIG, "kek", NULL},
	{"Object Destroyed", 0x36, KEYS, KMS_DENIED, "", NULL},
	{"Object Not Found", 0x37, KEYS, KMS_DENIED, "", NULL},
	{"Not Authorised", 0x39, KEYS, KMS_DENIED, "", NULL},
	{"Server Limit Exceeded", 0x3a, KEYS, KMS_THROTTLED, "", NULL},
	{"Unknown Tag", 0x3d, KEYS, KMS_PROTOCOL, "", NULL},
	{"Unsupported Cryptographic Parameters", 0x3e, KEYS, KMS_CONFIG, "kek", NULL},
	{"Unsupported Protocol Version", 0x3f, KEYS, KMS_CONFIG, "address", NULL},
	{"Wrapping Object Archived", 0x40, KEYS, KMS_DENIED, "", NULL},
	{"Wrapping Object Destroyed", 0x41, KEYS, KMS_DENIED, "", NULL},
	{"Wrapping Object Not Found", 0x42, KEYS, KMS_DENIED, "", NULL},
	{"Wrong Key Lifecycle State", 0x43, KEYS, KMS_DENIED, "", NULL},
	{"Protection Storage Unavailable", 0x44, KEYS, KMS_UNAVAILABLE, "", NULL},
	{"General Failure", 0x100, KEYS, KMS_UNAVAILABLE, "", NULL},
	{"General Failure of PyKMIP, at a wrong tag", 0x100, UNWRAPS, KMS_BAD_CIPHERTEXT, "",
	"Operation failed. See the server logs for more information."},
	{"General Failure of PyKMIP", 0x100, WRAPS, KMS_UNAVAILABLE, "",
	"Operation failed. See the server logs for more information."},
	{"General Failure of PyKMIP, before the key", 0x100, KEYS, KMS_UNAVAILABLE, "",
	"An unexpected error occurred while processing request. See server logs for more information."},
	{"General Failure, longer", 0x100, KEYS, KMS_UNAVAILABLE, "",
	"Operation failed. See the server logs for more information.."},
	{"no reason of KMIP", 0x12345678, KEYS, KMS_PROTOCOL, "", NULL},
	{"an extension", 0x80000001, KEYS, KMS_PROTOCOL, "", NULL},
};

static void
test_refused(void)
{
	for (int i = 0; i < lengthof(refusals); i++)
	{
		const char *said = refusals[i].said != NULL ? refusals[i].said : SECRET;
		bool		ok = true;

		for (KmsOperation operation = KMS_WRAP; operation <= KMS_UNWRAP; operation++)
		{
			Parts		parts = {
				.major = 1,.minor = 4,.batch_count = 1,.items = 1,
				.operation = operation == KMS_WRAP ? KMIP_ENCRYPT : KMIP_DECRYPT,
				.status = 1,.reason = refusals[i].reason,.said = said
			};

			if ((refusals[i].asked & (1 << operation)) == 0)
				continue;
			TAP_EACH(ok, !read_reply(operation, reply_with(&parts)) &&
					 error.status == refusals[i].means &&
					 strcmp(error.subject, refusals[i].subject) == 0 && error.retry_after_ms == 0 &&
					 strstr(error.detail, said) == NULL && out[0] == 'z',
					 "means %d of \"%s\": %s", error.status, error.subject, error.detail);
		}
		tap_ok(ok, "kmip: %s", refusals[i].what);
	}
}

/* How a refusal may look. */
static void
test_refusals_read(void)
{
	static const Parts refusal = {
		.major = 1,.minor = 4,.batch_count = 1,.items = 1,.operation = KMIP_DECRYPT,
		.status = 1,.reason = 0x0c
	};
	Parts		parts = refusal;
	bool		ok;

	ok = !read_reply(KMS_UNWRAP, reply_with(&refusal)) && error.status == KMS_DENIED &&
		strcmp(error.detail, "The key-encryption key is not active, or not ours to use (result reason 0x0C).") == 0;
	tap_ok(ok, "kmip: a refusal need not say anything, and what we say is ours");

	parts.operation = 0;
	parts.minor = 0;
	parts.reason = 0x03;
	ok = !read_reply(KMS_UNWRAP, reply_with(&parts)) && error.status == KMS_DENIED;
	parts.major = 2;
	ok = ok && !read_reply(KMS_WRAP, reply_with(&parts)) && error.status == KMS_DENIED;
	tap_ok(ok, "kmip: who is not admitted is told so in any version, and of no operation");

	ok = true;
	CHANGED(refusal, reason = 0);
	CHANGED(refusal, status = 0);
	CHANGED(refusal, status = 2);
	CHANGED(refusal, status = 3);
	CHANGED(refusal, key = "saas-chat");
	CHANGED(refusal, items = 2);
	CHANGED(refusal, batch_count = 2);
	CHANGED(refusal, extra_in_item = true);
	TAP_EACH(ok, !read_reply(KMS_WRAP, reply_with(&refusal)) && says_protocol(), "of Decrypt");
	tap_ok(ok, "kmip: what is no whole refusal is none");
}

/* No answer is never a "no". */
static void
test_not_answered(void)
{
	static const struct
	{
		KmsFailure	failure;
		KmsStatus	status;
	}			failures[] = {
		{KMS_UNREACHABLE, KMS_UNAVAILABLE},
		{KMS_UNTRUSTED, KMS_UNAVAILABLE},
		{KMS_FORBIDDEN_ADDRESS, KMS_CONFIG},
		{KMS_BAD_REPLY, KMS_PROTOCOL},
		{KMS_LOCAL_FAILURE, KMS_CREDENTIAL},
	};
	static const char *const nonsense[] = {"", "HTTP/1.1 400 Bad Request\r\n\r\n", "\x15\x03\x03\x00\x02\x02\x28"};
	bool		ok = true;

	for (int i = 0; i < lengthof(failures); i++)
	{
		/* a body that was left there does not count */
		KmsReply   *reply = reply_with(&unwrap_parts);

		reply->failure = failures[i].failure;
		TAP_EACH(ok, !read_reply(KMS_UNWRAP, reply) && error.status == failures[i].status &&
				 out[0] == 'z', "failure %d: %d", failures[i].failure, error.status);
	}
	for (int i = 0; i < lengthof(nonsense); i++)
		TAP_EACH(ok, !read_reply(KMS_UNWRAP, reply_of(0, nonsense[i])) && says_protocol(), "%d", i);
	tap_ok(ok, "kmip: without an answer it has not been asked");
}
