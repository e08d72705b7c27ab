/*-------------------------------------------------------------------------
 *
 * evidence_tap.h
 *	  The tests of src/evidence, and what they share.
 *
 * Recorded evidence of real hardware is in the folder attestation of
 * BIONIC_CRYPT_TEST_DATA; tests that want it are skipped where it is not.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_EVIDENCE_TAP_H
#define UNIT_EVIDENCE_TAP_H

#include <stdlib.h>

#include "evidence/evidence.h"
#include "../tap.h"

#define SAMPLE_MAX	65536

/* When the recorded certificates are valid, save the one of a year. */
#define SAMPLES_AT	INT64_C(1770000000)

/* Whether recorded evidence is there; says so when not. */
extern bool samples_present(const char *what);

/* A file of recorded evidence, which must be there; kept until the end. */
extern Bytes sample(const char *path_format,...) __attribute__((format(printf, 1, 2)));

/* Whether the last check failed, for these reasons: parts of its texts. */
extern bool refused_for(const Verdict *verdict, const char *what, const char *detail);

/* Whether it verified and no check failed; says which one did. */
extern bool holds(bool verified, const Verdict *verdict);

extern bool claims_nothing(const HardwareClaims *claims);
extern bool is_filled(const uint8_t *bytes, uint8_t with, size_t len);

/*
 * How far it is from a bit that is changed to the next one.  A sample is signed
 * throughout, so some bits of some bytes are enough; with LONG all of them are.
 */
static inline int
bit_step(void)
{
	return getenv("LONG") == NULL ? 59 : 1;
}

/* One function a file of tests. */
extern void test_verdict(void);
extern void test_walk(void);
extern void test_attestation(void);
extern void test_roots(void);
extern void test_snp_samples(void);
extern void test_snp_made(void);
extern void test_snp_certificate(void);
extern void test_chain(void);
extern void test_public_key(void);
extern void test_tdx(void);
extern void test_tdx_made(void);
extern void test_azure(void);
extern void test_azure_made(void);
extern void test_token(void);

#endif							/* UNIT_EVIDENCE_TAP_H */
