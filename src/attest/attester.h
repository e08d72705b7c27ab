/*-------------------------------------------------------------------------
 *
 * attester.h
 *	  The process that owns this machine's evidence and the instance key.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ATTEST_ATTESTER_H
#define ATTEST_ATTESTER_H

#include "postgres.h"

#include "fmgr.h"

/* The value of bionic_crypt.attestation_source without which there is none. */
#define ATTESTATION_OFF "off"

extern PGDLLEXPORT void bionic_crypt_attester_main(Datum unused);

/*
 * Checks bionic_crypt.attestation_source and registers the process, unless it
 * is off; from _PG_init() in the postmaster.
 */
extern void attester_register(void);

#endif							/* ATTEST_ATTESTER_H */
