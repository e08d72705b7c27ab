/*-------------------------------------------------------------------------
 *
 * kms_kmip.h
 *	  What the files of the provider kmip share: kms_kmip.c (options, keys),
 *	  kms_kmip_message.c, kms_kmip_refusal.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_KMS_KMIP_H
#define KMS_KMS_KMIP_H

#include "postgres.h"

#include "kms/kms_provider.h"

#define KMIP_IV_LEN		12
#define KMIP_TAG_LEN	16

/* KMIP 1.4, 9.1.3.2.27 */
typedef enum KmipOperation
{
	KMIP_ENCRYPT = 0x1f,
	KMIP_DECRYPT = 0x20
} KmipOperation;

/* AES-GCM with a key of the KMS. */
typedef struct KmipCipher
{
	KmipOperation operation;
	const char *key;			/* its unique identifier */
	Bytes		data;
	Bytes		iv;
	Bytes		associated;
	Bytes		tag;			/* of KMIP_DECRYPT */
} KmipCipher;

/* What came back; views of the message. */
typedef struct KmipAnswer
{
	bool		success;
	Bytes		data;
	Bytes		tag;			/* of KMIP_ENCRYPT */
	uint32		reason;			/* of what was refused */
	Bytes		said;			/* likewise: the KMS's words */
} KmipAnswer;

/* Builds the whole message; a NULL username sends no credential. */
extern void kmip_request(const KmipCipher *asked, const char *username, const char *password,
						 KmsRequest *request);

/*
 * Reads the whole message.  False unless it is an answer to what was asked, or
 * a refusal.  Of asked, the data, what is associated and the tag are not
 * looked at.
 */
extern bool kmip_answer(const KmipCipher *asked, Bytes message, KmipAnswer *answer);

/* Classifies a refusal; see KMS_ASKED_WRAP.  Answers false. */
extern bool kmip_refused(const KmipAnswer *answer, int asked, KmsError *error);

#endif							/* KMS_KMS_KMIP_H */
