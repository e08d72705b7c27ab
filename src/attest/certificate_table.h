/*-------------------------------------------------------------------------
 *
 * certificate_table.h
 *	  The certificates that vouch for the key of a report of SEV-SNP: from the
 *	  host's table, or from a file of ours.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ATTEST_CERTIFICATE_TABLE_H
#define ATTEST_CERTIFICATE_TABLE_H

#include "postgres.h"

#include "attest/evidence_source.h"

/*
 * Adds those of a table (GHCB 2.03, 4.1.8.1) for the report that was found:
 * that of the key that signed it first.  False, with a reason: it is no such
 * table.  An empty one adds none.
 */
extern bool certificate_table_read(Bytes table, FoundEvidence *found);

/* Adds those of bionic_crypt.attestation_certificates, if evidence has none yet. */
extern bool certificate_file_read(FoundEvidence *found);

#endif							/* ATTEST_CERTIFICATE_TABLE_H */
