/*-------------------------------------------------------------------------
 *
 * manifest.h
 *	  The signed manifest of a release: the digests of what was built, and of
 *	  what it was built with.
 *
 * A DSSE envelope with a Statement of in-toto 1.0, whose predicate is SLSA's
 * provenance 1.0; signed with Ed25519.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVIDENCE_MANIFEST_H
#define EVIDENCE_MANIFEST_H

#include "evidence/form.h"

typedef struct Artifact
{
	const char *name;			/* "postgresql-15/debian-12/amd64/bionic_crypt.so" */
	Bytes		sha256;			/* empty: known by another digest */
} Artifact;

typedef struct Manifest
{
	const char *version;
	const char *builder_id;
	FormList	subjects;		/* of Artifact: what was built */
	FormList	dependencies;	/* of Artifact: what it runs with, and was built of */
} Manifest;

/*
 * Reads it when one of the keys (PEM, Ed25519) has signed it.  Otherwise the
 * fault says why not, and nothing of it counts.
 */
extern bool manifest_read(Bytes envelope, const char *const *keys, int n_keys,
						  FormMemory *memory, Manifest *manifest, FormFault *fault);

/* The artifact with that digest; NULL: none. */
extern const Artifact *manifest_subject(const Manifest *manifest, Bytes sha256);
extern const Artifact *manifest_dependency(const Manifest *manifest, Bytes sha256);

#endif							/* EVIDENCE_MANIFEST_H */
