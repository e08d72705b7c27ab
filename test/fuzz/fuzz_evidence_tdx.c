/*-------------------------------------------------------------------------
 *
 * fuzz_evidence_tdx.c
 *	  Any bytes as a quote of TDX.
 *
 * The first byte says of what the others are: of a quote under Intel's root; or
 * of what differs from one that is right in its header, its body and the report
 * of its quoting enclave, which are signed afterwards, and in its chain.
 *
 * What is refused has a reason and claims nothing; what is genuine claims what
 * is in it.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

#include "../unit/evidence/made_tdx.h"
#include "evidence/tdx_quote.h"
#include "fuzz.h"

/* A quote under a root of its own, whose keys sign what is fuzzed. */
static MadeTdx made;

static void
check_verdict(bool genuine, Bytes report, const HardwareClaims *claims, const Verdict *verdict)
{
	static const HardwareClaims nothing;
	TdxQuote	quote;

	check(verdict->n > 0 && genuine == (verdict_failure(verdict) == NULL));
	if (genuine)
		check(tdx_quote_read(report, &quote) == NULL &&
			  memcmp(claims->report_data, quote.signed_part.data +
					 (quote.version == 4 ? 0x30 : 0x36) + AT_TDX_REPORT_DATA, REPORT_DATA_LEN) == 0 &&
			  quote.tee_type == 0x81 &&
			  claims->debug == ((quote.body.td_attributes & 0xff) != 0));
	else
		check(memcmp(claims, &nothing, sizeof(nothing)) == 0);
}

static void
fuzz_quote(Bytes in)
{
	Evidence	evidence = {.type = evidence_type_by_name("tdx"),.report = in};
	EvidenceTrust trust = {.at_s = SAMPLES_AT};
	static HardwareClaims claims;
	static Verdict verdict;

	verdict.n = 0;
	check_verdict(evidence_verify(&evidence, &trust, &claims, &verdict), in, &claims, &verdict);
}

static void
differ(ByteReader *r, uint8_t *part, size_t len)
{
	uint8_t		byte;

	for (size_t i = 0; i < len && reader_u8(r, &byte); i++)
		part[i] ^= byte;
}

/* Letters of certificates, and whatever else there is. */
static void
fuzz_parts(Bytes in)
{
	static MadeTdx right;
	static char chain[16];
	ByteReader	r = reader_of(in);
	uint8_t		lengths[4] = {0};
	Bytes		rest;

	right = made;
	differ(&r, lengths, sizeof(lengths));
	differ(&r, made.header, sizeof(made.header));
	differ(&r, made.body, sizeof(made.body));
	differ(&r, made.qe_report, sizeof(made.qe_report));
	if (reader_left(&r) > 0 && reader_take(&r, reader_left(&r), &rest))
	{
		size_t		len = rest.len < sizeof(chain) - 1 ? rest.len : sizeof(chain) - 1;

		memcpy(chain, rest.data, len);
		chain[len] = '\0';
		made.chain = chain;
	}
	made.body_type ^= lengths[0] & 1;	/* 2 and 3 */
	if (made.body_type == 3)
		made.body_stated = made.body_len = 648;
	made.signature_excess = (uint32_t) (int8_t) lengths[1];
	made.qe_excess = (uint32_t) (int8_t) lengths[2];
	made.chain_excess = (uint32_t) (int8_t) lengths[3];
	made_tdx_assemble(&made);
	check_verdict(made_tdx_verify(&made), made.evidence.report, &made.claims, &made.verdict);
	made = right;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void) argc;
	(void) argv;
	made_tdx_begin(&made, 5);
	made_tdx_issue(&made);
	check(made_tdx_verify(&made));
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ByteReader	r = reader_of(bytes_of(data, size));
	uint8_t		kind;
	Bytes		in;

	if (!reader_u8(&r, &kind) || !reader_take(&r, reader_left(&r), &in))
		return 0;
	if (kind % 2 == 0)
		fuzz_quote(in);
	else
		fuzz_parts(in);
	return 0;
}
