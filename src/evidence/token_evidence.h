/*-------------------------------------------------------------------------
 *
 * token_evidence.h
 *	  How a token of Google's Confidential Space is asked for, so that it is
 *	  evidence for us.
 *
 * The guest asks its launcher for an OIDC token with this audience and one
 * nonce: the 64 bytes of report data in base64url without padding (86
 * characters; Google takes 8 to 88).  The launcher's default token, whose
 * audience is everybody's, is no evidence: any service that got it could show
 * it to others.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVIDENCE_TOKEN_EVIDENCE_H
#define EVIDENCE_TOKEN_EVIDENCE_H

#define TOKEN_AUDIENCE		"bionic_crypt/attestation/v1"

#endif							/* EVIDENCE_TOKEN_EVIDENCE_H */
