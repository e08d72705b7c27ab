/*-------------------------------------------------------------------------
 *
 * attestation_desk.h
 *	  Where backends that want an attestation meet the attester.
 *
 * A backend puts its request into a free slot and waits there; the attester
 * publishes an endorsement with its evidence for all, and leaves in each slot
 * a statement that was signed for that request.  Nothing here is secret.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SHMEM_ATTESTATION_DESK_H
#define SHMEM_ATTESTATION_DESK_H

#include "postgres.h"

#include "datatype/timestamp.h"

#define DESK_SLOTS				64	/* requests at a time, */
#define DESK_SLOTS_FRESH		56	/* for fresh evidence in these alone */
#define DESK_NONCE_MIN			16	/* bytes */
#define DESK_NONCE_MAX			64
#define DESK_DATABASE_MAX		1024	/* bytes of its name as a JSON string */
#define DESK_MEMBERS_MAX		4096
#define DESK_STATEMENT_MAX		8192
#define DESK_ENDORSEMENT_MAX	65536
#define DESK_EVIDENCE_MAX		131072
#define DESK_REASON_MAX			256
#define DESK_DIGEST_LEN			32	/* SHA-256 */
#define DESK_SIGNATURE_LEN		64	/* Ed25519 */

/* What a backend tells of its session. */
typedef struct DeskRequest
{
	int			nonce_len;
	uint8		nonce[DESK_NONCE_MAX];
	bool		fresh;			/* evidence is to be made for this nonce */
	bool		has_tls;
	uint8		tls_certificate[DESK_DIGEST_LEN];	/* that its client saw */
	char		database[DESK_DATABASE_MAX];	/* a JSON string, in UTF-8 */
	char		members[DESK_MEMBERS_MAX];	/* of the statement, as they go in */
} DeskRequest;

typedef struct DeskReply
{
	char		reason[DESK_REASON_MAX];	/* why there is none; empty: there is */
	uint64		evidence;		/* number of what endorses the statement */
	Size		statement_len;
	char		statement[DESK_STATEMENT_MAX];
	uint8		signature[DESK_SIGNATURE_LEN];
} DeskReply;

/* A request as the attester reads it. */
typedef struct DeskTicket
{
	int			slot;
	uint64		generation;
	DeskRequest request;
} DeskTicket;

extern Size desk_size(void);
extern void desk_attach(void *memory, bool found);

/* Backend: a slot with our request in it; raises when all are taken. */
extern int	desk_submit(const DeskRequest *request);

/* Backend: false when the deadline passed.  Interrupts are served. */
extern bool desk_wait(int slot, TimestampTz deadline, DeskReply *reply);

/* Backend: must be called for a slot it got, on error too. */
extern void desk_leave(int slot);

/*
 * Backend: what was published under this number, as text with a NUL, into the
 * sizes above and 1 more.  False when other evidence has taken its place.
 */
extern bool desk_read_evidence(uint64 number, char *endorsement, char *evidence);

/* Attester: backends wake it from now on. */
extern void desk_attach_attester(void);

/* Attester: copies all requests without a reply, DESK_SLOTS at most. */
extern int	desk_collect(DeskTicket *tickets);

/* Attester: the number of what it published. */
extern uint64 desk_publish(const char *endorsement, const char *evidence);

/* Attester: answers, unless its backend gave up. */
extern void desk_reply(const DeskTicket *ticket, const DeskReply *reply);

#endif							/* SHMEM_ATTESTATION_DESK_H */
