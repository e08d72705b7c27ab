/*-------------------------------------------------------------------------
 *
 * fuzz_evidence_token.c
 *	  Any bytes as a token of Confidential Space.
 *
 * The first byte says as what the others are taken: a token; the payload or the
 * header of one that is then signed; or the set of keys for one that is right.
 *
 * What is refused has a reason and claims nothing; what is genuine names a
 * container.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

#include "../unit/evidence/made_token.h"
#include "fuzz.h"

/* One that is right, and the one of the run. */
static MadeToken right;
static MadeToken made;

static void
take_text(Bytes in, char *out, size_t size)
{
	size_t		len = in.len < size - 1 ? in.len : size - 1;

	if (len > 0)
		memcpy(out, in.data, len);
	out[len] = '\0';
}

static void
verify(void)
{
	static const HardwareClaims nothing;
	bool		genuine = made_token_verify(&made);

	check(made.verdict.n > 0 && genuine == (verdict_failure(&made.verdict) == NULL));
	if (genuine)
		check(strncmp(made.claims.image_digest, "sha256:", 7) == 0 && strlen(made.claims.image_digest) == 71);
	else
		check(memcmp(&made.claims, &nothing, sizeof(nothing)) == 0);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void) argc;
	(void) argv;
	made_token_start();
	made_token_begin(&right, "ES256");
	made = right;
	made_token_issue(&made);
	check(made_token_verify(&made));
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
	made = right;
	if (kind % 4 == 1)
		take_text(in, made.payload, sizeof(made.payload));
	else if (kind % 4 == 2)
		take_text(in, made.header, sizeof(made.header));
	else if (kind % 4 == 3)
		take_text(in, made.jwks, sizeof(made.jwks));
	made_token_issue(&made);
	if (kind % 4 == 0)
		made.evidence.report = in;
	verify();
	return 0;
}
