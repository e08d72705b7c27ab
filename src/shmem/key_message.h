/*-------------------------------------------------------------------------
 *
 * key_message.h
 *	  What a backend asks of the key worker and what it answers, and their
 *	  form in the mailbox.
 *
 * The only secret in it is the data key, which is sealed to the request's
 * public key; everything else may be read by whoever reads shared memory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SHMEM_KEY_MESSAGE_H
#define SHMEM_KEY_MESSAGE_H

#include "postgres.h"

#include "crypto/bytes.h"
#include "crypto/envelope.h"
#include "crypto/kdf.h"
#include "crypto/sealed_box.h"
#include "datatype/timestamp.h"
#include "report/condition.h"

#define KEY_KEK_MAX			512 /* name of a key-encryption key in its KMS */
#define KEY_WRAPPED_MAX		2048	/* a wrapped key */
#define KEY_OPTIONS_MAX		4096	/* the options of a server, as bytes */
#define KEY_TEXT_MAX		1024	/* an argument of a condition */

/* A server as the KMS layer needs it: its options are name and value, sized. */
typedef struct KmsServerRecord
{
	char		name[NAMEDATALEN];
	Size		options_len;
	uint8		options[KEY_OPTIONS_MAX];
} KmsServerRecord;

/* A wrapped data key and all that is needed to unwrap it. */
typedef struct KeyRecord
{
	char		tenant[NAMEDATALEN];
	uint8		key_id[KEY_ID_LEN];
	uint8		algorithm;		/* with which its values are sealed */
	uint32		outage_grace_s;
	bool		attested;		/* asked for with an attestation token only */
	KmsServerRecord server;
	char		kek[KEY_KEK_MAX];
	Size		wrapped_len;
	uint8		wrapped[KEY_WRAPPED_MAX];
	uint8		check_value[CHECK_VALUE_LEN];
} KeyRecord;

typedef enum KeyOperation
{
	KEY_OP_AUTHORISE = 1,		/* what may this role do for this tenant? */
	KEY_OP_ACTIVE,				/* the key that encrypts */
	KEY_OP_BY_ID,				/* a key by its id */
	KEY_OP_PRESENTED,			/* the key of a record that only we can see yet */
	KEY_OP_GENERATE,			/* make a data key and wrap it */
	KEY_OP_REWRAP,				/* wrap the record's key anew */
	KEY_OP_MOVE,				/* the same, by another KMS */
	KEY_OP_CHECK_KMS			/* try the server of the record */
} KeyOperation;

typedef struct KeyRequest
{
	KeyOperation operation;
	Oid			role;
	uint32		privileges;		/* all of which the role must have */
	TimestampTz deadline;		/* until when the backend waits */
	bool		tentative;		/* a refusal is not the last word: it is not noted */
	bool		may_create_kek; /* KEY_OP_GENERATE and KEY_OP_MOVE, embedded key file */
	char		tenant[NAMEDATALEN];
	uint8		key_id[KEY_ID_LEN]; /* KEY_OP_BY_ID */
	uint8		public_key[BOX_PUBLIC_LEN];
	KeyRecord	record;			/* KEY_OP_PRESENTED and later ones */
	KmsServerRecord target;		/* KEY_OP_MOVE: who wraps it from now on, */
	char		target_kek[KEY_KEK_MAX];	/* and by which key */
} KeyRequest;

typedef struct KeyReply
{
	Condition	condition;		/* CONDITION_NONE, or the rest is arguments */
	char		subject[KEY_TEXT_MAX];
	char		object[KEY_TEXT_MAX];
	char		log_detail[KEY_TEXT_MAX];

	uint32		privileges;		/* of the role for the tenant */
	uint32		cell;			/* of the tenant */
	uint64		epoch;			/* at which all of this was so */
	bool		kek_created;	/* a new key file; its path is in subject */
	KeyRecord	record;			/* of the key; wrapped anew, for GENERATE */
	Size		sealed_len;		/* 0: no key in this reply */
	uint8		sealed[DATA_KEY_LEN + BOX_OVERHEAD];
} KeyReply;

/* Both answer the number of bytes written; the caller gives enough room. */
extern Size key_request_write(const KeyRequest *request, uint8 *out, Size capacity);
extern Size key_reply_write(const KeyReply *reply, uint8 *out, Size capacity);

/* False when it is not what the writer would have written. */
extern bool key_request_read(Bytes in, KeyRequest *request);
extern bool key_reply_read(Bytes in, KeyReply *reply);

/* Associated data of the sealed key: slot, generation, tenant, key id. */
#define KEY_SEAL_CONTEXT_MAX 128
extern Size key_seal_context(int slot, uint64 generation, const KeyRecord *record,
							 uint8 *out);

#endif							/* SHMEM_KEY_MESSAGE_H */
