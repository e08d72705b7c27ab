/*-------------------------------------------------------------------------
 *
 * evidence_source.h
 *	  Where this machine gets evidence of its hardware from.
 *
 * A source is one file and one line of evidence_sourcelist.h.  All run in the
 * attester alone.  A source says false with a reason in words, never raises
 * for what the world does, and leaves no file open.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ATTEST_EVIDENCE_SOURCE_H
#define ATTEST_EVIDENCE_SOURCE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "evidence/evidence.h"
#include "lib/stringinfo.h"
#include "shmem/attestation_desk.h"

/* What a source found, palloc'ed; as in struct Evidence. */
typedef struct FoundEvidence
{
	const char *type;			/* of the bundle: "sev-snp" */
	Bytes		report;			/* empty: none, as all that follows */
	int			n_certificates;
	Bytes		certificates[EVIDENCE_CERTIFICATES_MAX];
	Bytes		tpm_quote;
	Bytes		tpm_signature;
	Bytes		tpm_pcrs;
	char		reason[DESK_REASON_MAX];	/* why it found none */
} FoundEvidence;

/* report_data is of REPORT_DATA_LEN bytes. */
typedef struct EvidenceSource
{
	const char *name;			/* in bionic_crypt.attestation_source */
	const char *default_place;	/* NULL: a place must be named, */
	bool		nowhere;		/* or none may be */
	bool		(*get) (const char *place, const uint8 *report_data, FoundEvidence *found);
} EvidenceSource;

/* How long a source may wait for another process. */
#define SOURCE_TIMEOUT_MS	10000

/* Reads "name" or "name:place"; false when it is neither. */
extern bool evidence_source_parse(const char *setting, const EvidenceSource **source,
								  const char **place);

/* Notes why, and says false. */
extern bool evidence_fail(FoundEvidence *found, const char *reason,...) pg_attribute_printf(2, 3);

/* A copy of the report, if what its type has as report data is ours. */
extern bool evidence_take_snp(FoundEvidence *found, Bytes report, const uint8 *report_data);
extern bool evidence_take_tdx(FoundEvidence *found, Bytes quote, const uint8 *report_data);

/* The member "evidence" of a bundle. */
extern void evidence_write(StringInfo out, const FoundEvidence *found);

#define EVIDENCE_SOURCE(symbol) extern const EvidenceSource symbol;
#include "attest/evidence_sourcelist.h"
#undef EVIDENCE_SOURCE

#endif							/* ATTEST_EVIDENCE_SOURCE_H */
