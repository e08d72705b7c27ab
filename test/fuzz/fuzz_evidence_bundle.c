/*-------------------------------------------------------------------------
 *
 * fuzz_evidence_bundle.c
 *	  Any bytes as a bundle, as its evidence, its endorsement, its statement; the
 *	  first byte says as what, and the second how much memory there is.
 *
 * What is read is in the memory that was given, and what is refused says why.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

#include "evidence/attestation.h"
#include "fuzz.h"

static void
check_bytes(const FormMemory *memory, Bytes bytes)
{
	check(bytes.len == 0 || (bytes.data >= memory->data &&
							 bytes.data + bytes.len <= memory->data + memory->used));
}

static void
check_bundle(Bytes in, FormMemory *memory, bool whole)
{
	Bundle		bundle;
	FormFault	fault;

	if (!(whole ? bundle_read(in, memory, &bundle, &fault) : bundle_read_evidence(in, memory, &bundle, &fault)))
	{
		check(fault.text[0] != '\0');
		return;
	}
	check(bundle.evidence_type[0] != '\0' && (bundle.evidence.type == NULL) == (bundle.evidence.report.len == 0));
	check_bytes(memory, bundle.statement);
	check_bytes(memory, bundle.endorsement);
	check_bytes(memory, bundle.signature);
	check_bytes(memory, bundle.evidence.report);
	check_bytes(memory, bundle.evidence.tpm_pcrs);
	check(bundle.evidence.n_certificates <= EVIDENCE_CERTIFICATES_MAX);
	for (int i = 0; i < bundle.evidence.n_certificates; i++)
		check_bytes(memory, bundle.evidence.certificates[i]);
}

static void
check_endorsement(Bytes in, FormMemory *memory)
{
	Endorsement endorsement;
	FormFault	fault;
	const Library *libraries;

	if (!endorsement_read(in, memory, &endorsement, &fault))
	{
		check(fault.text[0] != '\0');
		return;
	}
	check(endorsement.instance_key.len == INSTANCE_KEY_LEN && endorsement.libraries.n > 0);
	libraries = endorsement.libraries.items;
	for (int i = 0; i < endorsement.libraries.n; i++)
		check(libraries[i].name[0] != '\0' && libraries[i].sha256.len == DIGEST_LEN);
}

static void
check_statement(Bytes in, FormMemory *memory)
{
	Statement	statement;
	FormFault	fault;

	if (!statement_read(in, memory, &statement, &fault))
	{
		check(fault.text[0] != '\0');
		return;
	}
	check(statement.nonce.len >= ATTESTATION_NONCE_MIN && statement.nonce.len <= ATTESTATION_NONCE_MAX);
	check(statement.endorsement_sha256.len == DIGEST_LEN);
	(void) statement_setting(&statement, "session_preload_libraries");
}

/* The whole verdict, without a check that stops it early but the bytes' own. */
static void
check_verdict(Bytes in, FormMemory *memory)
{
	static uint8_t policy_memory[8192];
	static const uint8_t nonce[16];
	FormMemory	of_policy = {policy_memory, 0, sizeof(policy_memory)};
	FormFault	fault;
	Policy		policy;
	AttestationQuestion question = {.bundle = in,.nonce = bytes_of(nonce, sizeof(nonce)),.policy = &policy};
	Attestation attestation;
	Verdict		verdict = {.n = 0};
	bool		ok;

	check(policy_read(bytes_of_string("{\"type\":\"bionic_crypt/policy/v1\",\"level\":0,"
									  "\"evidence\":[\"none\",\"sev-snp\",\"tdx\"]}"), &of_policy, &policy, &fault));
	ok = attestation_verify(&question, memory, &attestation, &verdict);
	check(ok == (verdict_failure(&verdict) == NULL) && (ok || verdict.level == LEVEL_NONE));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FormMemory	memory = {NULL, 0, 0};
	Bytes		in;

	if (size < 2)
		return 0;
	memory.size = data[1] == 0 ? FORM_MEMORY_MAX : (size_t) data[1] * 64;
	memory.data = malloc(memory.size);
	in = bytes_of(data + 2, size - 2);
	switch (data[0] % 5)
	{
		case 0:
			check_bundle(in, &memory, true);
			break;
		case 1:
			check_bundle(in, &memory, false);
			break;
		case 2:
			check_endorsement(in, &memory);
			break;
		case 3:
			check_statement(in, &memory);
			break;
		default:
			check_verdict(in, &memory);
	}
	free(memory.data);
	return 0;
}
