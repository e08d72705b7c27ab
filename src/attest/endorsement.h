/*-------------------------------------------------------------------------
 *
 * endorsement.h
 *	  The two texts of an attestation.  The endorsement is what hardware
 *	  vouches for: the instance key, and the code that made it.  The statement
 *	  is what the instance key signs for one request.
 *
 * evidence/statement.h reads both.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ATTEST_ENDORSEMENT_H
#define ATTEST_ENDORSEMENT_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "shmem/attestation_desk.h"

/* The nonces of those tickets that want fresh evidence are in it. */
extern void endorsement_write(StringInfo out, const DeskTicket *tickets, int n);

extern void statement_write(StringInfo out, const DeskRequest *request,
							const uint8 *endorsement_sha256);

#endif							/* ATTEST_ENDORSEMENT_H */
