/*-------------------------------------------------------------------------
 *
 * test_attestation.c
 *	  What a bundle with evidence of a TEE proves: its level, and what claims a
 *	  policy allows.
 *
 * sql/verify_attestation.sql has what is refused of bundles, statements and
 * manifests, without a TEE.
 *
 *-------------------------------------------------------------------------
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

#include "evidence/attestation.h"
#include "evidence/policy_check.h"
#include "made_snp.h"

#define TEXT_MAX	32768
#define HEX_32(digits) digits digits digits digits digits digits digits digits
#define MODULE		HEX_32("1c1d1e1f")
#define OTHER		HEX_32("00112233")
#define MEASURED	HEX_32("abababab") "abababababababababababababababab"
#define ZEROS		HEX_32("00000000") "00000000000000000000000000000000"
#define SETTINGS(session, local) \
	"\"session_preload_libraries\":\"" session "\",\"local_preload_libraries\":\"" local "\""
#define STATEMENT_TIME "2027-01-15T08:00:00Z"	/* MADE_AT */

/* A server whose report is made anew for each test. */
typedef struct MadeBundle
{
	/* what a test may change: */
	const char *tenant;			/* members of the statement's end */
	const char *settings;
	bool		other_binding;
	bool		without_tls;
	bool		debug;

	char		json[TEXT_MAX];
	uint8_t		memory[FORM_MEMORY_MAX];
	Attestation attestation;
	Verdict		verdict;
} MadeBundle;

static MadeSnp snp;
static MadeBundle made;

static const uint8_t nonce[16];

static void
put_base64(char *out, Bytes in)
{
	size_t		len = strlen(out);

	if (in.len > (TEXT_MAX - len) / 4 * 3 - 4)
		abort();
	EVP_EncodeBlock((unsigned char *) out + len, in.data, (int) in.len);
}

static void
put_text(char *out, const char *text)
{
	if (strlen(out) + strlen(text) >= TEXT_MAX)
		abort();
	strcat(out, text);
}

static void
make_endorsement(char *out, Bytes public_key)
{
	out[0] = '\0';
	put_text(out, "{\"type\":\"bionic_crypt/endorsement/v1\",\"time\":\"" STATEMENT_TIME "\",\"instance_key\":\"");
	put_base64(out, public_key);
	put_text(out, "\",\"server\":{\"system_identifier\":\"7\",\"version\":\"15.0\"},\"module\":{\"version\":\"1\","
			 "\"sha256\":\"" MODULE "\",\"commit\":null,\"tree\":null,\"source_sha256\":null},"
			 "\"libraries\":[{\"name\":\"bionic_crypt.so\",\"sha256\":\"" MODULE "\"}],\"nonces\":[\"" OTHER "\"]}");
}

static void
make_statement(char *out, const char *endorsement)
{
	uint8_t		digest[DIGEST_LEN];

	if (EVP_Digest(endorsement, strlen(endorsement), digest, NULL, EVP_sha256(), NULL) != 1)
		abort();
	out[0] = '\0';
	put_text(out, "{\"type\":\"bionic_crypt/statement/v1\",\"nonce\":\"00000000000000000000000000000000\","
			 "\"time\":\"" STATEMENT_TIME "\",\"endorsement_sha256\":\"");
	for (int i = 0; i < DIGEST_LEN; i++)
		sprintf(out + strlen(out), "%02x", digest[i]);
	put_text(out, "\",\"server\":{\"system_identifier\":\"7\",\"cluster_name\":\"\",\"in_recovery\":false,"
			 "\"database\":\"d\",\"tls_certificate_sha256\":null},\"replaced\":[],\"settings\":{");
	put_text(out, made.settings);
	put_text(out, "}");
	if (made.tenant != NULL)
		put_text(out, made.tenant);
	put_text(out, "}");
}

static void
sign(EVP_PKEY *key, const char *statement, uint8_t signature[INSTANCE_SIGNATURE_LEN])
{
	static uint8_t message[TEXT_MAX + sizeof(STATEMENT_DOMAIN)];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t		len = INSTANCE_SIGNATURE_LEN;

	memcpy(message, STATEMENT_DOMAIN, sizeof(STATEMENT_DOMAIN));
	memcpy(message + sizeof(STATEMENT_DOMAIN), statement, strlen(statement));
	if (EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1 ||
		EVP_DigestSign(context, signature, &len, message, sizeof(STATEMENT_DOMAIN) + strlen(statement)) != 1)
		abort();
	EVP_MD_CTX_free(context);
}

static void
make_bundle(void)
{
	static char endorsement[TEXT_MAX];
	static char statement[TEXT_MAX];
	EVP_PKEY   *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	uint8_t		public_key[INSTANCE_KEY_LEN];
	uint8_t		signature[INSTANCE_SIGNATURE_LEN];
	size_t		len = sizeof(public_key);

	if (EVP_PKEY_get_raw_public_key(key, public_key, &len) != 1)
		abort();
	make_endorsement(endorsement, bytes_of(public_key, len));
	make_statement(statement, endorsement);
	sign(key, statement, signature);
	EVP_PKEY_free(key);

	if (!endorsement_digest(bytes_of_string(endorsement), snp.report + AT_REPORT_DATA))
		abort();
	snp.report[AT_REPORT_DATA] ^= made.other_binding;
	memset(snp.report + AT_MEASUREMENT, 0xab, MEASUREMENT_LEN);
	if (made.debug)
		made_put(&snp, AT_POLICY, 0xb0000, 8);
	made_issue(&snp);

	made.json[0] = '\0';
	put_text(made.json, "{\"type\":\"bionic_crypt/attestation/v1\",\"statement\":\"");
	put_base64(made.json, bytes_of_string(statement));
	put_text(made.json, "\",\"signature\":\"");
	put_base64(made.json, bytes_of(signature, sizeof(signature)));
	put_text(made.json, "\",\"endorsement\":\"");
	put_base64(made.json, bytes_of_string(endorsement));
	put_text(made.json, "\",\"evidence\":{\"type\":\"sev-snp\",\"report\":\"");
	put_base64(made.json, snp.evidence.report);
	put_text(made.json, "\",\"certificates\":[");
	for (int i = 0; i < snp.evidence.n_certificates; i++)
	{
		put_text(made.json, i == 0 ? "\"" : ",\"");
		put_base64(made.json, snp.evidence.certificates[i]);
		put_text(made.json, "\"");
	}
	put_text(made.json, "]}}");
}

/* The members of a policy beside its type and root. */
static bool
read_policy(const char *members, Policy *policy)
{
	static uint8_t memory_of_policy[FORM_MEMORY_MAX];
	static char text[TEXT_MAX];
	FormMemory	memory = {memory_of_policy, 0, FORM_MEMORY_MAX};
	FormFault	fault;

	snprintf(text, sizeof(text), "{\"type\":\"bionic_crypt/policy/v1\"%s}", members);
	if (policy_read(bytes_of_string(text), &memory, policy, &fault))
		return true;
	tap_note("%s", fault.text);
	return false;
}

static bool
verify(const char *policy_members)
{
	AttestationQuestion question = {.nonce = bytes_of(nonce, sizeof(nonce)),.at_s = MADE_AT,
	.without_tls = made.without_tls};
	FormMemory	memory = {made.memory, 0, FORM_MEMORY_MAX};
	Policy		policy;
	bool		ok;

	made_begin(&snp, false);
	make_bundle();
	memset(&made.verdict, 0, sizeof(made.verdict));
	if (!read_policy(policy_members, &policy))
		return false;
	policy.trust = snp.trust;
	question.policy = &policy;
	question.bundle = bytes_of_string(made.json);
	ok = attestation_verify(&question, &memory, &made.attestation, &made.verdict);
	made_free(&snp);
	return ok;
}

static void
begin(void)
{
	made.tenant = NULL;
	made.settings = SETTINGS("", "");
	made.other_binding = made.without_tls = made.debug = false;
}

static void
proves(AttestationLevel level, const char *policy, const char *name)
{
	bool		ok = verify(policy) && made.verdict.level == level;
	const Check *failure = verdict_failure(&made.verdict);

	if (!ok)
		tap_note("level %d; %s: %s", made.verdict.level, failure == NULL ? "" : failure->what,
				 failure == NULL ? "" : failure->detail);
	tap_ok(ok, "level %d: %s", level, name);
}

static void
refuses(const char *policy, const char *what, const char *detail, const char *name)
{
	tap_ok(!verify(policy) && made.verdict.level == LEVEL_NONE &&
		   refused_for(&made.verdict, what, detail), "%s", name);
}

#define IMAGE(covers, rest) \
	",\"images\":[{\"name\":\"i\",\"covers\":\"" covers "\",\"measurement\":\"" MEASURED "\"" rest "}]"
#define ONE_IMAGE(members) ",\"images\":[{\"name\":\"i\",\"covers\":\"image\"," members "}]"
#define HOLDS(module) ",\"module_sha256\":[\"" OTHER "\",\"" module "\"]"
#define BOUND ",\"tenant\":\"acme\",\"kms_bound\":true"
#define TENANT(name, attested) ",\"tenant\":{\"name\":\"" name "\",\"attested\":" attested ",\"kms\":null}"

static void
test_levels(void)
{
	static Policy policy;

	begin();
	proves(LEVEL_TEE, "", "a TEE, and no more is known of it");
	proves(LEVEL_TEE, IMAGE("firmware", HOLDS(MODULE)), "only its firmware is measured");
	proves(LEVEL_TEE, IMAGE("image", ""), "an image, and nobody says what it holds");
	proves(LEVEL_TEE, IMAGE("image", HOLDS(OTHER)), "an image that holds another library");
	proves(LEVEL_IMAGE, IMAGE("image", HOLDS(MODULE)), "an image that holds the library");
	proves(LEVEL_IMAGE, ",\"images\":[{\"name\":\"f\",\"covers\":\"firmware\",\"measurement\":\"" MEASURED "\"},"
		   "{\"name\":\"i\",\"covers\":\"image\",\"measurement\":\"" MEASURED "\"" HOLDS(MODULE) "}]",
		   "of two that match, the one that covers more");

	made.tenant = TENANT("acme", "true");
	proves(LEVEL_KEY_RELEASE, IMAGE("image", HOLDS(MODULE)) BOUND, "keys that are released to it alone");
	proves(LEVEL_IMAGE, IMAGE("image", HOLDS(MODULE)) ",\"tenant\":\"acme\"", "the customer has not bound his KMS");
	proves(LEVEL_TEE, IMAGE("firmware", "") BOUND, "bound to firmware, which all have");
	made.tenant = TENANT("acme", "false");
	proves(LEVEL_IMAGE, IMAGE("image", HOLDS(MODULE)) BOUND, "the server asks for them without a proof");
	made.tenant = TENANT("other", "true");
	refuses(IMAGE("image", HOLDS(MODULE)) BOUND, "tenant of the policy", "other", "a statement about another tenant");

	begin();
	made.without_tls = true;
	proves(LEVEL_INSTANCE_KEY, IMAGE("image", HOLDS(MODULE)), "asked without TLS");
	begin();
	made.debug = true;
	proves(LEVEL_INSTANCE_KEY, IMAGE("image", HOLDS(MODULE)) ",\"allow_debug\":true", "a guest that is open to debugging");
	refuses("", "not open to debugging", "", "which has to be allowed");
	begin();
	made.other_binding = true;
	refuses("", "binds the endorsement", "", "a report about something else");
	begin();
	refuses(",\"fresh\":true", "made for this nonce", "", "a report that was made before");
	refuses(IMAGE("image", ",\"host_data\":\"" OTHER "\""), "image of the policy", "", "a value that the report lacks");
	tap_ok(!read_policy(ONE_IMAGE("\"host_data\":\"" OTHER "\""), &policy), "an image that is known by what its host says of it alone");
}

/* Only what the server has loaded itself was measured. */
static void
test_session_libraries(void)
{
	static const struct
	{
		const char *settings;
		const char *detail;
	}			cases[] = {
		{SETTINGS("/tmp/bionic_crypt", ""), "/tmp/bionic_crypt of session_preload_libraries"},
		{SETTINGS("$libdir/plugins/bionic_crypt", ""), "$libdir/plugins/bionic_crypt of"},
		{SETTINGS("$libdir/", ""), "$libdir/ of"},
		{SETTINGS("\\\"bionic_crypt\\\"", ""), "\"bionic_crypt\" of"},
		{SETTINGS("bionic_crypt, bionic", ""), "bionic of"},
		{SETTINGS("", "bionic_crypt"), "bionic_crypt of local_preload_libraries"},
		{"\"session_preload_libraries\":\"\"", "local_preload_libraries is not told"},
		{"", "session_preload_libraries is not told"},
	};

	begin();
	made.settings = SETTINGS("bionic_crypt, $libdir/bionic_crypt,bionic_crypt.so", "");
	proves(LEVEL_TEE, "", "sessions load what the server has loaded");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		made.settings = cases[i].settings;
		refuses("", "no library of their own", cases[i].detail, cases[i].detail);
	}
}

/* Whether the policy takes these claims; the reason it gives otherwise. */
static void
allows(bool allowed, const char *policy_members, const HardwareClaims *claims, const char *name)
{
	Verdict		verdict = {.n = 0};
	const Image *image;
	Policy		policy;

	tap_ok(read_policy(policy_members, &policy) &&
		   policy_check_claims(&policy, "sev-snp", claims, &image, &verdict) == allowed &&
		   (verdict_failure(&verdict) == NULL) == allowed, "%s: %s", name, allowed ? "allowed" : "refused");
}

static void
test_claims(void)
{
	const HardwareClaims plain = {.product = "Turin",.vmpl = 1,.guest_svn = 4,
	.reported_tcb = {1, 2, 3, 4, 5},.csp_id = "CN=cloud",.image_digest = "sha256:ab",.pcr_mask = 1U << 4};
	HardwareClaims claims = plain;

	allows(true, "", &claims, "what AMD makes");
	claims.migratable = true;
	allows(false, "", &claims, "a guest that can be moved");
	allows(true, ",\"allow_migration\":true", &claims, "with leave");
	claims = plain;
	claims.vmpl = 2;
	allows(false, "", &claims, "VMPL 2");
	allows(true, ",\"vmpl\":[0,2]", &claims, "VMPL 2 that is named");
	claims.product[0] = '\0';
	allows(true, "", &claims, "no privilege levels, as of TDX");

	claims = plain;
	allows(true, ",\"minimum_tcb\":{\"Turin\":{\"fmc\":1,\"bootloader\":2,\"tee\":3,\"snp\":4,\"microcode\":5}}", &claims, "the least TCB");
	allows(false, ",\"minimum_tcb\":{\"Turin\":{\"fmc\":2}}", &claims, "an older FMC");
	allows(false, ",\"minimum_tcb\":{\"Turin\":{\"bootloader\":3}}", &claims, "an older bootloader");
	allows(false, ",\"minimum_tcb\":{\"Turin\":{\"tee\":4}}", &claims, "an older TEE");
	allows(false, ",\"minimum_tcb\":{\"Turin\":{\"snp\":5}}", &claims, "an older SNP");
	allows(false, ",\"minimum_tcb\":{\"Turin\":{\"microcode\":6}}", &claims, "older microcode");
	allows(false, ",\"minimum_tcb\":{\"Milan\":{}}", &claims, "a minimum for others");

	allows(false, ",\"chip_ids\":[\"" HEX_32("00000000") HEX_32("00000000") "\"]", &claims, "a chip that does not say which it is");
	allows(true, ",\"csp_ids\":[\"CN=x\",\"CN=cloud\"]", &claims, "an owner of the policy");
	allows(false, ",\"csp_ids\":[\"CN=cloud2\"]", &claims, "another owner");
	allows(false, ",\"require_alias_check\":true", &claims, "memory that was not checked");
	claims.alias_checked = true;
	allows(true, ",\"require_alias_check\":true", &claims, "memory that was checked");

	allows(true, ONE_IMAGE("\"image_digest\":\"sha256:ab\""), &claims, "a container of the policy");
	allows(false, ONE_IMAGE("\"image_digest\":\"sha256:a\""), &claims, "another container");
	allows(true, ONE_IMAGE("\"image_digest\":\"sha256:ab\",\"minimum_guest_svn\":4"), &claims, "a guest of version 4");
	allows(false, ONE_IMAGE("\"image_digest\":\"sha256:ab\",\"minimum_guest_svn\":5"), &claims, "an older guest");
	allows(true, ONE_IMAGE("\"pcrs\":{\"4\":\"" HEX_32("00000000") "\"}"), &claims, "a PCR");
	allows(false, ONE_IMAGE("\"pcrs\":{\"5\":\"" HEX_32("00000000") "\"}"), &claims, "a PCR that was not quoted");
	allows(false, ONE_IMAGE("\"pcrs\":{\"4\":\"" OTHER "\"}"), &claims, "another value of it");
	allows(false, ONE_IMAGE("\"rtmr2\":\"" ZEROS "\""), &claims, "RTMRs that there are none of");
	claims.has_rtmrs = true;
	allows(true, ONE_IMAGE("\"rtmr2\":\"" ZEROS "\""), &claims, "an RTMR");
	claims.rtmrs[2][47] = 1;
	allows(false, ONE_IMAGE("\"rtmr2\":\"" ZEROS "\""), &claims, "another value of it");
	claims.mr_config_id[0] = 1;
	allows(false, ONE_IMAGE("\"image_digest\":\"sha256:ab\",\"mr_config_id\":\"" ZEROS "\""), &claims, "another configuration");
	claims.id_key_digest[0] = 1;
	allows(false, ONE_IMAGE("\"id_key_digest\":\"" ZEROS "\",\"author_key_digest\":\"" ZEROS "\""), &claims, "another ID key");
	claims.id_key_digest[0] = 0;
	claims.author_key_digest[47] = 1;
	allows(false, ONE_IMAGE("\"id_key_digest\":\"" ZEROS "\",\"author_key_digest\":\"" ZEROS "\""), &claims, "another author");
}

/* What counts as more than firmware, and what does not count at all. */
static void
test_coverage(void)
{
	static const uint8_t ones[MEASUREMENT_LEN] = {1};
	static const uint8_t zeros[MEASUREMENT_LEN];
	const Bytes value = bytes_of(ones, sizeof(ones));
	const Bytes nothing = bytes_of(zeros, sizeof(zeros));
	ImagePcr	pcr = {"3", value};
	HardwareClaims claims = {.debug = false};
	Image		image = {.covers = "image"};

	image.host_data = image.mr_config_id = value;
	tap_ok(!policy_image_covers(&image, "sev-snp", &claims), "SNP: not by what the host chooses");
	image.measurement = nothing;
	tap_ok(!policy_image_covers(&image, "sev-snp", &claims), "SNP: nor by zeros");
	image.id_key_digest = value;
	image.author_key_digest = nothing;
	tap_ok(!policy_image_covers(&image, "sev-snp", &claims), "SNP: nor by a key that anybody may have signed");
	image.author_key_digest = value;
	tap_ok(policy_image_covers(&image, "sev-snp", &claims), "SNP: by who signed the measurement");
	image.id_key_digest = nothing;
	image.measurement = value;
	tap_ok(policy_image_covers(&image, "sev-snp", &claims), "SNP: by the measurement");

	tap_ok(!policy_image_covers(&image, "azure-snp-vtpm", &claims), "Azure: not without PCRs");
	image.pcrs.n = 1;
	image.pcrs.items = &pcr;
	tap_ok(!policy_image_covers(&image, "azure-snp-vtpm", &claims), "Azure: nor with one of firmware");
	pcr.number = "16";
	tap_ok(!policy_image_covers(&image, "azure-snp-vtpm", &claims), "Azure: nor with one that software sets back");
	pcr.number = "4";
	pcr.value = nothing;
	tap_ok(!policy_image_covers(&image, "azure-snp-vtpm", &claims), "Azure: nor with one of nothing");
	pcr.value = value;
	tap_ok(policy_image_covers(&image, "azure-snp-vtpm", &claims), "Azure: with one of what is booted");
	image.measurement = nothing;
	tap_ok(!policy_image_covers(&image, "azure-snp-vtpm", &claims), "Azure: nor with PCRs that anybody's firmware reports");
	image.id_key_digest = value;
	tap_ok(policy_image_covers(&image, "azure-snp-vtpm", &claims), "Azure: with both");

	tap_ok(!policy_image_covers(&image, "confidential-space", &claims), "a container: not without its digest");
	image.image_digest = "sha256:ab";
	tap_ok(policy_image_covers(&image, "confidential-space", &claims), "a container: by its digest");

	claims.has_rtmrs = true;
	image.rtmrs[0] = value;
	image.rtmrs[3] = nothing;
	image.measurement = value;
	tap_ok(!policy_image_covers(&image, "tdx", &claims), "TDX: not without an RTMR of what is booted");
	image.rtmrs[2] = value;
	tap_ok(policy_image_covers(&image, "tdx", &claims), "TDX: with one");
	image.measurement = bytes_of(NULL, 0);
	tap_ok(!policy_image_covers(&image, "tdx", &claims), "TDX: not with RTMRs that anybody's firmware reports");
	image.measurement = value;
	image.covers = "firmware";
	tap_ok(!policy_image_covers(&image, "tdx", &claims), "not against its author's word");
}

#define ENCRYPTED(name) \
	"-----BEGIN " name "-----\\nProc-Type: 4,ENCRYPTED\\nDEK-Info: AES-128-CBC," \
	"00112233445566778899AABBCCDDEEFF\\n\\nAAAAAAAAAAAAAAAAAAAAAA==\\n-----END " name "-----\\n"

/* OpenSSL would read a password from the terminal, or else from where we read. */
static void
test_passwords(void)
{
	static const char words[] = "password\n";
	static uint8_t room[FORM_MEMORY_MAX];
	static Policy policy;
	char		left[sizeof(words)] = "";
	int			before = dup(STDIN_FILENO);
	int			ends[2];
	FormMemory	memory = {room, 0, sizeof(room)};
	FormFault	fault;
	Manifest	manifest;

	if (pipe(ends) != 0 || write(ends[1], words, strlen(words)) < 0 || dup2(ends[0], STDIN_FILENO) < 0)
		abort();
	close(ends[0]);
	close(ends[1]);
	tap_ok(!read_policy(",\"roots\":[\"" ENCRYPTED("CERTIFICATE") "\"]", &policy), "a root that is encrypted");
	tap_ok(read_policy(",\"manifest_keys\":[\"" ENCRYPTED("PUBLIC KEY") "\"]", &policy) &&
		   !manifest_read(bytes_of_string("{\"payloadType\":\"application/vnd.in-toto+json\",\"payload\":\"AAAA\","
										  "\"signatures\":[{\"sig\":\"AAAA\"}]}"),
						  policy.manifest_keys.items, policy.manifest_keys.n, &memory, &manifest, &fault),
		   "a key of manifests that is encrypted");
	tap_ok(read(STDIN_FILENO, left, sizeof(left)) == (ssize_t) strlen(words) && strcmp(left, words) == 0,
		   "nobody is asked for a password");
	dup2(before, STDIN_FILENO);
	close(before);
}

void
test_attestation(void)
{
	test_passwords();
	test_levels();
	test_session_libraries();
	test_claims();
	test_coverage();
}
