/*-------------------------------------------------------------------------
 *
 * fuzz_evidence_policy.c
 *	  Any bytes as a policy, and what it takes of some claims; the first byte
 *	  says how much memory there is, the next are the claims.
 *
 * A policy that is refused says why; one that is read comes to a verdict, and
 * never lets a guest be debugged that it does not allow.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

#include "evidence/policy_check.h"
#include "fuzz.h"

#define CLAIMS_LEN 24

static void
make_claims(const uint8_t *in, HardwareClaims *claims)
{
	static const char *const products[] = {"", "Milan", "Genoa", "Turin"};

	memset(claims, 0, sizeof(*claims));
	claims->debug = in[0] & 1;
	claims->migratable = in[0] & 2;
	claims->alias_checked = in[0] & 4;
	claims->has_rtmrs = in[0] & 8;
	strcpy(claims->product, products[in[1] % 4]);
	claims->vmpl = in[2];
	claims->reported_tcb = (SnpTcb) {in[3], in[4], in[5], in[6], in[7]};
	claims->guest_svn = in[8];
	claims->pcr_mask = (uint32_t) in[9] << 16 | (uint32_t) in[10] << 8 | in[11];
	memset(claims->measurement, in[12], sizeof(claims->measurement));
	memset(claims->chip_id, in[13], sizeof(claims->chip_id));
	memset(claims->pcrs, in[14], sizeof(claims->pcrs));
	memcpy(claims->csp_id, in + 16, 4);
	memcpy(claims->image_digest, in + 20, 4);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	HardwareClaims claims;
	FormMemory	memory = {NULL, 0, 0};
	FormFault	fault;
	Policy		policy;
	Verdict		verdict = {.n = 0};
	const Image *image;

	if (size < 1 + CLAIMS_LEN)
		return 0;
	memory.size = data[0] == 0 ? FORM_MEMORY_MAX : (size_t) data[0] * 64;
	memory.data = malloc(memory.size);
	make_claims(data + 1, &claims);
	if (policy_read(bytes_of(data + 1 + CLAIMS_LEN, size - 1 - CLAIMS_LEN), &memory, &policy, &fault))
	{
		bool		ok = policy_check_claims(&policy, "sev-snp", &claims, &image, &verdict);

		check(ok == (verdict_failure(&verdict) == NULL));
		check(!ok || !claims.debug || policy.allow_debug);
		check(!ok || policy.images.n == 0 || image != NULL);
		check(policy.level >= 0 && policy.level <= 3 && policy.max_age_s > 0);
		check(policy.trust.n_roots <= EVIDENCE_ROOTS_MAX && policy.trust.n_crls <= EVIDENCE_CRLS_MAX);
		if (image != NULL)
			(void) policy_image_covers(image, "tdx", &claims);
	}
	else
		check(fault.text[0] != '\0');
	free(memory.data);
	return 0;
}
