/*-------------------------------------------------------------------------
 *
 * bionic_verify.c
 *	  bionic-verify: checks what a server proves about itself.
 *
 * A program for the one who trusts no server: it has the makers' roots built
 * in, reads the files that it is given, and asks nobody but the server that it
 * is to verify.  docs/attestation.md says what its answers mean.
 *
 *-------------------------------------------------------------------------
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "evidence/certificate.h"
#include "programs/bionic_verify_options.h"
#include "programs/bionic_verify_output.h"
#include "programs/bionic_verify_server.h"

#define KEY_FILE_MAX	8192

typedef int (*Command) (VerifyOptions *options);

static FormMemory
new_memory(void)
{
	FormMemory	memory = {verify_room(FORM_MEMORY_MAX), 0, FORM_MEMORY_MAX};

	return memory;
}

/* A file as a string. */
static const char *
text_of(const char *path)
{
	Bytes		file = verify_file(path, KEY_FILE_MAX);
	char	   *text = verify_room(file.len + 1);

	memcpy(text, file.data, file.len);
	text[file.len] = '\0';
	return text;
}

/* The policy of the file, or the default, with what the options add. */
static void
read_policy(const VerifyOptions *options, Policy *policy)
{
	FormMemory	memory = new_memory();
	FormFault	fault;
	const FormList *given = &policy->manifest_keys;
	const char **keys;

	if (!policy_read(options->policy == NULL ? bytes_of_string(POLICY_DEFAULT) :
					 verify_file(options->policy, JSON_TEXT_MAX), &memory, policy, &fault))
		verify_give_up("the policy is refused: %s", fault.text);
	if (options->level >= 0)
		policy->level = options->level;
	policy->fresh |= options->fresh;
	if (policy->tenant == NULL)
		policy->tenant = options->tenant;

	keys = verify_room((given->n + options->n_keys) * sizeof(char *) + 1);
	for (int i = 0; i < given->n; i++)
		keys[i] = ((const char **) given->items)[i];
	for (int i = 0; i < options->n_keys; i++)
		keys[given->n + i] = text_of(options->keys[i]);
	policy->manifest_keys.items = keys;
	policy->manifest_keys.n += options->n_keys;
}

static int
verify_bundle(const VerifyOptions *options, AttestationQuestion *question, Policy *policy)
{
	FormMemory	memory = new_memory();
	Attestation attestation;
	Verdict		verdict = {0};
	Outcome		outcome = {.level = (int) policy->level};

	question->policy = policy;
	question->nonce = bytes_of(options->nonce, options->nonce_len);
	question->at_s = options->at_s;
	if (options->manifest != NULL)
		question->manifest = verify_file(options->manifest, JSON_TEXT_MAX);
	outcome.passed = attestation_verify(question, &memory, &attestation, &verdict);
	return verify_print(&verdict, &outcome, options->json);
}

static int
command_bundle(VerifyOptions *options)
{
	AttestationQuestion question = {.bundle = verify_file(options->file, JSON_TEXT_MAX)};
	Policy		policy;

	read_policy(options, &policy);
	return verify_bundle(options, &question, &policy);
}

static int
command_server(VerifyOptions *options)
{
	AttestationQuestion question = {.without_tls = false};
	ServerAnswer answer;
	Policy		policy;

	read_policy(options, &policy);
	if (options->tenant == NULL)
		options->tenant = policy.tenant;
	verify_ask_server(options, &answer);
	question.bundle = answer.bundle;
	question.without_tls = !answer.has_tls;
	if (answer.has_tls)
		question.tls_certificate_sha256 = bytes_of(answer.tls_certificate_sha256, DIGEST_LEN);
	return verify_bundle(options, &question, &policy);
}

/* DER as it is, or of PEM. */
static Bytes
certificate_of(const char *path)
{
	Bytes		file = verify_file(path, KEY_FILE_MAX);
	X509	   *certificate = certificate_read_pem(file);
	uint8_t    *der = NULL;
	int			len = certificate == NULL ? 0 : i2d_X509(certificate, &der);

	X509_free(certificate);
	return len > 0 ? bytes_of(der, len) : file;
}

static int
command_evidence(VerifyOptions *options)
{
	Bundle		bundle = {.evidence_type = options->type};
	Evidence   *evidence = &bundle.evidence;
	Attestation attestation = {.has_claims = false};
	Verdict		verdict = {0};
	Outcome		outcome = {.level = -1};
	Policy		policy;

	read_policy(options, &policy);
	evidence->type = evidence_type_by_name(options->type);
	if (evidence->type == NULL)
		verify_give_up("unknown type of evidence \"%s\"", options->type);
	evidence->report = verify_file(options->report, EVIDENCE_REPORT_MAX);
	for (int i = 0; i < options->n_certificates; i++)
		evidence->certificates[evidence->n_certificates++] = certificate_of(options->certificates[i]);
	if (options->tpm_quote != NULL)
		evidence->tpm_quote = verify_file(options->tpm_quote, EVIDENCE_REPORT_MAX);
	if (options->tpm_signature != NULL)
		evidence->tpm_signature = verify_file(options->tpm_signature, EVIDENCE_REPORT_MAX);
	if (options->tpm_pcrs != NULL)
		evidence->tpm_pcrs = verify_file(options->tpm_pcrs, PCR_COUNT * PCR_LEN);

	outcome.passed = attestation_verify_evidence(&bundle, &policy, options->at_s, &attestation, &verdict) &&
		(!options->has_report_data ||
		 verdict_check(&verdict, CRYPTO_memcmp(options->report_data, attestation.claims.report_data,
											   REPORT_DATA_LEN) == 0,
					   "report data is as expected", NULL));
	outcome.claims = attestation.has_claims ? &attestation.claims : NULL;
	return verify_print(&verdict, &outcome, options->json);
}

/* SHA-256 of a file that may be large. */
static void
digest_file(const char *path, uint8_t out[DIGEST_LEN])
{
	static uint8_t block[65536];
	FILE	   *file = fopen(path, "rb");
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t		len;
	bool		ok = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;

	if (file == NULL)
		verify_give_up("could not open \"%s\"", path);
	while (ok && (len = fread(block, 1, sizeof(block), file)) > 0)
		ok = EVP_DigestUpdate(context, block, len) == 1;
	if (!ok || ferror(file) || EVP_DigestFinal_ex(context, out, NULL) != 1)
		verify_give_up("could not read \"%s\"", path);
	EVP_MD_CTX_free(context);
	fclose(file);
}

static bool
check_files(const VerifyOptions *options, const Manifest *manifest, Verdict *verdict)
{
	for (int i = 0; i < options->n_files; i++)
	{
		uint8_t		digest[DIGEST_LEN];
		const Artifact *subject;

		digest_file(options->files[i], digest);
		subject = manifest_subject(manifest, bytes_of(digest, DIGEST_LEN));
		if (!verdict_check(verdict, subject != NULL, "file is in the manifest",
						   subject == NULL ? "%s" : "%s is %s", options->files[i],
						   subject == NULL ? "" : subject->name))
			return false;
	}
	return true;
}

static int
command_manifest(VerifyOptions *options)
{
	FormMemory	memory = new_memory();
	FormFault	fault = {""};
	Manifest	manifest;
	Verdict		verdict = {0};
	Outcome		outcome = {.level = -1};
	Policy		policy;

	read_policy(options, &policy);
	outcome.passed =
		verdict_check(&verdict, manifest_read(verify_file(options->file, JSON_TEXT_MAX),
											  policy.manifest_keys.items, policy.manifest_keys.n,
											  &memory, &manifest, &fault),
					  "manifest is signed and well-formed", "%s", fault.text) &&
		verdict_check(&verdict, true, "version", "%s, %d subjects, built by %s", manifest.version,
					  manifest.subjects.n, manifest.builder_id) &&
		check_files(options, &manifest, &verdict);
	return verify_print(&verdict, &outcome, options->json);
}

int
main(int argc, char **argv)
{
	static const struct
	{
		const char *name;
		Command		run;
	}			commands[] = {
		{"bundle", command_bundle},
		{"evidence", command_evidence},
		{"manifest", command_manifest},
		{"server", command_server},
	};
	VerifyOptions options;

	verify_options_read(argc, argv, &options);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
	{
		if (strcmp(options.command, commands[i].name) == 0)
			return commands[i].run(&options);
	}
	verify_give_up("there is no command \"%s\"", options.command);
}
