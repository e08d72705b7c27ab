/*-------------------------------------------------------------------------
 *
 * certificate.h
 *	  Chains of X.509 certificates of the makers of hardware.
 *
 * Their roots are built in, byte by byte: no other root, no system's store,
 * no network.  Who gets an X509 frees it with X509_free().
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVIDENCE_CERTIFICATE_H
#define EVIDENCE_CERTIFICATE_H

#include <openssl/x509.h>

#include "evidence/evidence.h"

/* NULL unless the bytes are one certificate in DER and nothing behind it. */
extern X509 *certificate_read(Bytes der);

/* From text in PEM with one certificate; NULL unless it is one. */
extern X509 *certificate_read_pem(Bytes pem);

/* Whether a certificate says that this is its issuer; by names alone. */
extern bool certificate_names_issuer(const X509 *certificate, const X509 *issuer);

/* The verifier's own root that issued it, by names alone; NULL: none of them. */
extern X509 *certificate_own_root(const EvidenceTrust *trust, const X509 *issued);

/*
 * Whether leaf leads through exactly the intermediates given, the leaf's issuer
 * first, to root: each signature and validity right at trust->at_s, nothing
 * revoked by trust->crls.  Adds one check to the verdict: "what".
 */
extern bool certificate_verify_chain(X509 *leaf, X509 *const *intermediates, int n,
									 X509 *root, const EvidenceTrust *trust,
									 Verdict *verdict, const char *what);

/* ECDSA over the digest's algorithm of data; r and s of r_s, half its bytes each. */
extern bool certificate_ecdsa_verify(EVP_PKEY *key, const char *digest, Bytes data,
									 Bytes r_s, bool little_endian);

/* AMD's roots; the intermediates of VCEKs and VLEKs.  NULL: no such product. */
extern X509 *amd_root(const char *product);
extern X509 *amd_intermediate(const char *product, bool vlek);

extern X509 *intel_root(void);

#endif							/* EVIDENCE_CERTIFICATE_H */
