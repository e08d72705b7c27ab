/*-------------------------------------------------------------------------
 *
 * fuzz_evidence_azure.c
 *	  Any bytes as what Azure's confidential VMs show.
 *
 * The first byte says as what the others are taken: a paravisor's report under
 * AMD's root; runtime claims that a report binds; or a quote that the vTPM's
 * key signs.  So what is behind signatures is reached.
 *
 * What is refused has a reason and claims nothing; what is genuine claims what
 * it was made for.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

#include "../unit/evidence/made_azure.h"
#include "evidence/azure_hcl.h"
#include "evidence/tpm_quote.h"
#include "fuzz.h"

/* Evidence under a root of its own, whose keys sign what is fuzzed. */
static MadeAzure made;

static void
check_verdict(bool genuine, const HardwareClaims *claims, const Verdict *verdict)
{
	static const HardwareClaims nothing;

	check(verdict->n > 0 && genuine == (verdict_failure(verdict) == NULL));
	check(genuine || memcmp(claims, &nothing, sizeof(nothing)) == 0);
	check(!genuine || (claims->pcr_mask != 0 && claims->vmpl == 0));
}

static void
fuzz_report(Bytes in)
{
	Evidence	evidence = made.snp.evidence;
	EvidenceTrust trust = {.at_s = SAMPLES_AT};
	AzureHcl	hcl;

	evidence.report = in;
	made.verdict.n = 0;
	check_verdict(evidence_verify(&evidence, &trust, &made.hardware, &made.verdict),
				  &made.hardware, &made.verdict);
	if (azure_hcl_read(in, &hcl) == NULL)
		check(hcl.snp_report.data >= in.data &&
			  hcl.runtime_claims.data + hcl.runtime_claims.len <= in.data + in.len);
}

/* Claims without a NUL; the certificates stay. */
static void
fuzz_claims(Bytes in)
{
	size_t		len = in.len < sizeof(made.claims) - 1 ? in.len : sizeof(made.claims) - 1;

	memcpy(made.claims, in.data, len);
	made.claims[len] = '\0';
	made_azure_assemble(&made);
	check_verdict(made_azure_verify(&made), &made.hardware, &made.verdict);
}

/* Its PCRs are as many as the quote says. */
static void
fuzz_quote(Bytes in)
{
	Evidence	right = made.snp.evidence;
	TpmQuote	quote;
	bool		ok;

	made_azure_sign(&made, in);
	ok = made_azure_verify(&made);
	check_verdict(ok, &made.hardware, &made.verdict);
	check(!ok || (tpm_quote_read(in, &quote) == NULL && quote.pcr_mask == made.hardware.pcr_mask));
	made.snp.evidence = right;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void) argc;
	(void) argv;
	made_azure_start();
	made_azure_begin(&made);
	made_azure_issue(&made);
	check(made_azure_verify(&made));
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static MadeAzure right;
	ByteReader	r = reader_of(bytes_of(data, size));
	uint8_t		kind;
	Bytes		in;

	if (!reader_u8(&r, &kind) || !reader_take(&r, reader_left(&r), &in))
		return 0;
	if (kind % 3 == 0)
		fuzz_report(in);
	else if (kind % 3 == 1)
	{
		right = made;
		if (in.len > 0)
			fuzz_claims(in);
		made = right;
	}
	else
		fuzz_quote(in);
	return 0;
}
