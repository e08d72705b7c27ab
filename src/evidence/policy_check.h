/*-------------------------------------------------------------------------
 *
 * policy_check.h
 *	  Whether what the hardware claims is good enough for a policy.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVIDENCE_POLICY_CHECK_H
#define EVIDENCE_POLICY_CHECK_H

#include "evidence/policy.h"

/* Whether evidence of that type may prove anything. */
extern bool policy_check_type(const Policy *policy, const char *type, Verdict *verdict);

/*
 * Whether the claims of genuine evidence are allowed.  *image: the entry of the
 * policy's images that they are of, one that covers the image if there is one;
 * NULL when the policy has no images.
 */
extern bool policy_check_claims(const Policy *policy, const char *type,
								const HardwareClaims *claims, const Image **image,
								Verdict *verdict);

/*
 * Whether the image that the claims are of is measured whole.  Its author says
 * so; but what the host chooses freely (host_data) measures nothing, and what
 * firmware reports of all that it booted (RTMRs, a vTPM's PCRs) is nobody's word
 * unless the firmware is known, too.
 */
extern bool policy_image_covers(const Image *image, const char *type,
								const HardwareClaims *claims);

#endif							/* EVIDENCE_POLICY_CHECK_H */
