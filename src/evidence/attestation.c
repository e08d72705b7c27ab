/*-------------------------------------------------------------------------
 *
 * attestation.c
 *	  The whole verdict on a bundle.
 *
 * From the hardware inwards: its report is genuine and allowed; it binds the
 * endorsement, which binds the instance key; that has signed the statement,
 * which answers our nonce and names the TLS certificate that we see; and what
 * runs there is in the signed manifest.  Whatever comes later in that order
 * means nothing when something before it failed.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/attestation.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "evidence/policy_check.h"

#define CLOCK_SKEW_MAX_S	60
#define MODULE_FILE			"bionic_crypt.so"

/* What is asked, and what of it has been read. */
typedef struct Verification
{
	const AttestationQuestion *question;
	const Policy *policy;
	FormMemory *memory;
	Attestation *attestation;
	Verdict    *verdict;
} Verification;

static bool
same_secret(Bytes a, Bytes b)
{
	return a.len == b.len && CRYPTO_memcmp(a.data, b.data, a.len) == 0;
}

static bool
is_sha256(Bytes digest, Bytes of)
{
	uint8_t		computed[DIGEST_LEN];

	return EVP_Digest(of.data, of.len, computed, NULL, EVP_sha256(), NULL) == 1 &&
		same_secret(digest, bytes_of(computed, DIGEST_LEN));
}

bool
attestation_verify_evidence(const Bundle *bundle, const Policy *policy, int64_t at_s,
							Attestation *attestation, Verdict *verdict)
{
	EvidenceTrust trust = policy->trust;

	trust.at_s = at_s;
	if (!policy_check_type(policy, bundle->evidence_type, verdict))
		return false;
	if (bundle->evidence.type == NULL)
		return true;
	if (!evidence_verify(&bundle->evidence, &trust, &attestation->claims, verdict))
		return false;
	attestation->has_claims = true;
	return policy_check_claims(policy, bundle->evidence_type, &attestation->claims,
							   &attestation->image, verdict);
}

/* The hardware's report holds the digest of the endorsement. */
static bool
check_binding(const Verification *v)
{
	const Attestation *a = v->attestation;
	uint8_t		digest[REPORT_DATA_LEN];

	if (!a->has_claims)
		return true;
	return verdict_check(v->verdict, endorsement_digest(a->bundle.endorsement, digest) &&
						 CRYPTO_memcmp(digest, a->claims.report_data, REPORT_DATA_LEN) == 0,
						 "hardware's report binds the endorsement", NULL);
}

static bool
check_texts(const Verification *v)
{
	Attestation *a = v->attestation;
	FormFault	fault = {""};

	return verdict_check(v->verdict,
						 endorsement_read(a->bundle.endorsement, v->memory, &a->endorsement, &fault),
						 "endorsement is well-formed", "%s", fault.text) &&
		verdict_check(v->verdict, statement_signed(a->bundle.statement, a->bundle.signature,
												   a->endorsement.instance_key),
					  "statement is signed by the instance key", NULL) &&
		verdict_check(v->verdict,
					  statement_read(a->bundle.statement, v->memory, &a->statement, &fault),
					  "statement is well-formed", "%s", fault.text) &&
		verdict_check(v->verdict, is_sha256(a->statement.endorsement_sha256, a->bundle.endorsement),
					  "statement names the endorsement", NULL);
}

/* Of two clocks that may differ a little. */
static bool
is_recent(const Verification *v, const char *what, int64_t time_s, int64_t max_age_s)
{
	int64_t		age_s = v->question->at_s - time_s;

	return verdict_check(v->verdict, age_s >= -CLOCK_SKEW_MAX_S && age_s <= max_age_s, what,
						 age_s < -CLOCK_SKEW_MAX_S ? "it is %lld s in the future" : "it is %lld s old",
						 (long long) (age_s < -CLOCK_SKEW_MAX_S ? -age_s : age_s));
}

/* The hardware's report was made for this nonce. */
static bool
check_fresh(const Verification *v)
{
	const FormList *list = &v->attestation->endorsement.nonces;
	const Bytes *nonces = list->items;
	bool		found = false;

	if (!v->policy->fresh)
		return true;
	for (int i = 0; i < list->n; i++)
		found |= is_sha256(nonces[i], v->question->nonce);
	return verdict_check(v->verdict, found, "hardware's report was made for this nonce", "%s",
						 found ? "" : "it was made before");
}

static bool
check_freshness(const Verification *v)
{
	const Attestation *a = v->attestation;
	bool		same = same_secret(a->statement.nonce, v->question->nonce);

	return verdict_check(v->verdict, same, "statement answers this nonce", "%s",
						 same ? "" : "it answers another") &&
		is_recent(v, "statement is recent", a->statement.time_s, v->policy->max_age_s) &&
		is_recent(v, "endorsement is recent", a->endorsement.time_s,
				  v->policy->max_endorsement_age_s) &&
		check_fresh(v);
}

/* The server that we talk to has the key of its certificate; so has that one. */
static bool
check_tls(const Verification *v)
{
	static const char what[] = "server sees the TLS certificate that we see";
	Bytes		said = v->attestation->statement.tls_certificate_sha256;
	Bytes		seen = v->question->tls_certificate_sha256;
	Bytes		pinned = v->policy->tls_certificate_sha256;

	if (seen.len > 0 && !verdict_check(v->verdict, same_secret(said, seen), what, "%s",
									   same_secret(said, seen) ? "" :
									   said.len == 0 ? "it sees none" : "it sees another"))
		return false;
	return pinned.len == 0 ||
		verdict_check(v->verdict, same_secret(said, pinned),
					  "TLS certificate is the one of the policy", NULL);
}

static bool
check_server(const Verification *v)
{
	const Attestation *a = v->attestation;
	const char *pinned = v->policy->system_identifier;
	const char *wanted = v->policy->tenant;

	return check_tls(v) &&
		verdict_check(v->verdict, strcmp(a->statement.system_identifier,
										 a->endorsement.system_identifier) == 0,
					  "statement and endorsement are of one server", NULL) &&
		(pinned == NULL ||
		 verdict_check(v->verdict, strcmp(a->statement.system_identifier, pinned) == 0,
					   "server is the one of the policy", "%s", a->statement.system_identifier)) &&
		(wanted == NULL ||
		 verdict_check(v->verdict, a->statement.tenant != NULL &&
					   strcmp(a->statement.tenant, wanted) == 0,
					   "statement is about the tenant of the policy", "%s",
					   a->statement.tenant == NULL ? "it is about none" : a->statement.tenant));
}

/*
 * Whether the server has loaded the library itself, by its name or as
 * "$libdir/name".  With another path it would be another file of that name.
 */
static bool
is_endorsed(const Endorsement *endorsement, const char *name, size_t len)
{
	static const char folder[] = "$libdir/";
	const Library *libraries = endorsement->libraries.items;

	if (len > strlen(folder) && strncmp(name, folder, strlen(folder)) == 0)
	{
		name += strlen(folder);
		len -= strlen(folder);
	}
	if (memchr(name, '/', len) != NULL)
		return false;
	for (int i = 0; i < endorsement->libraries.n; i++)
	{
		const char *file = libraries[i].name;

		if (strncmp(file, name, len) == 0 &&
			(file[len] == '\0' || strcmp(file + len, ".so") == 0))
			return true;
	}
	return false;
}

/*
 * What sessions load by themselves is not in the endorsement, unless the server
 * has it, too.  Those of local_preload_libraries are of a folder of their own
 * ($libdir/plugins), and never the server's.
 */
static bool
check_session_libraries(const Verification *v, const char *setting, bool may_be_endorsed)
{
	static const char what[] = "sessions load no library of their own";
	const char *c = statement_setting(&v->attestation->statement, setting);

	if (c == NULL)
		return verdict_check(v->verdict, false, what, "%s is not told", setting);
	while (*c != '\0')
	{
		size_t		len = strcspn(c, ", ");

		if (len > 0 && !(may_be_endorsed && is_endorsed(&v->attestation->endorsement, c, len)))
			return verdict_check(v->verdict, false, what, "%.*s of %s", (int) len, c, setting);
		c += len + (c[len] != '\0');
	}
	return true;
}

/* The library that speaks is the one that was measured. */
static bool
check_module(const Verification *v)
{
	const Endorsement *endorsement = &v->attestation->endorsement;
	const Library *libraries = endorsement->libraries.items;
	const char *const *replaced = v->attestation->statement.replaced.items;
	int			n_modules = 0;

	for (int i = 0; i < endorsement->libraries.n; i++)
	{
		if (strcmp(libraries[i].name, MODULE_FILE) != 0)
			continue;
		n_modules += bytes_equal(libraries[i].sha256, endorsement->module_sha256) ? 1 : 2;
	}
	if (!verdict_check(v->verdict, n_modules == 1, MODULE_FILE " is among the measured libraries", NULL))
		return false;
	return verdict_check(v->verdict, v->attestation->statement.replaced.n == 0,
						 "no library's file was replaced since the server started", "%s",
						 v->attestation->statement.replaced.n == 0 ? "" : replaced[0]) &&
		check_session_libraries(v, "session_preload_libraries", true) &&
		check_session_libraries(v, "local_preload_libraries", false);
}

static bool
is_allowed(const Policy *policy, const Library *library)
{
	const AllowedLibrary *allowed = policy->libraries.items;

	for (int i = 0; i < policy->libraries.n; i++)
	{
		const Bytes *digests = allowed[i].sha256.items;

		for (int j = 0; j < allowed[i].sha256.n && strcmp(allowed[i].name, library->name) == 0; j++)
		{
			if (bytes_equal(digests[j], library->sha256))
				return true;
		}
	}
	return false;
}

static bool
check_libraries(const Verification *v)
{
	const Attestation *a = v->attestation;
	const Library *libraries = a->endorsement.libraries.items;

	for (int i = 0; i < a->endorsement.libraries.n; i++)
	{
		const Library *library = &libraries[i];

		if (!is_allowed(v->policy, library) &&
			manifest_subject(&a->manifest, library->sha256) == NULL &&
			manifest_dependency(&a->manifest, library->sha256) == NULL)
			return verdict_check(v->verdict, false, "libraries are in the manifest or the policy",
								 "%s is not", library->name);
	}
	return verdict_check(v->verdict, true, "libraries are in the manifest or the policy",
						 "%d libraries", a->endorsement.libraries.n);
}

/* Without a manifest and a list of libraries there is nothing to compare them with. */
static bool
check_manifest(const Verification *v)
{
	Attestation *a = v->attestation;
	const Artifact *module;
	FormFault	fault = {""};

	if (v->question->manifest.len > 0)
	{
		if (!verdict_check(v->verdict,
						   manifest_read(v->question->manifest, v->policy->manifest_keys.items,
										 v->policy->manifest_keys.n, v->memory, &a->manifest, &fault),
						   "manifest is signed and well-formed", "%s", fault.text))
			return false;
		module = manifest_subject(&a->manifest, a->endorsement.module_sha256);
		if (!verdict_check(v->verdict, module != NULL, MODULE_FILE " is in the manifest", "%s",
						   module == NULL ? "" : module->name))
			return false;
	}
	return (v->question->manifest.len == 0 && v->policy->libraries.n == 0) || check_libraries(v);
}

/* The measured image is known to hold the library. */
static bool
image_holds_module(const Verification *v)
{
	const Attestation *a = v->attestation;
	const Bytes *digests;

	if (a->image == NULL || !policy_image_covers(a->image, a->bundle.evidence_type, &a->claims))
		return false;
	if (a->image->module_sha256.n == 0)
		return v->question->manifest.len > 0;
	digests = a->image->module_sha256.items;
	for (int i = 0; i < a->image->module_sha256.n; i++)
	{
		if (bytes_equal(digests[i], a->endorsement.module_sha256))
			return true;
	}
	return false;
}

/* The highest that is proven, and what the next would want. */
static bool
find_level(const Verification *v)
{
	const Statement *statement = &v->attestation->statement;
	AttestationLevel level;
	const char *missing;

	if (!v->attestation->has_claims)
	{
		level = LEVEL_INSTANCE_KEY;
		missing = "there is no evidence of hardware";
	}
	else if (v->attestation->claims.debug)
	{
		level = LEVEL_INSTANCE_KEY;
		missing = "the guest is open to debugging";
	}
	else if (v->question->without_tls)
	{
		level = LEVEL_INSTANCE_KEY;
		missing = "without TLS another server may have answered for the one asked";
	}
	else if (!image_holds_module(v))
	{
		level = LEVEL_TEE;
		missing = "no image that covers it is known to hold the library";
	}
	else if (!v->policy->kms_bound || statement->tenant == NULL || !statement->tenant_attested)
	{
		level = LEVEL_IMAGE;
		missing = "no tenant whose KMS releases keys to that image alone";
	}
	else
	{
		level = LEVEL_KEY_RELEASE;
		missing = NULL;
	}
	v->verdict->level = level;
	return verdict_check(v->verdict, true, "level", missing == NULL ? "%d" : "%d: %s", level, missing);
}

bool
attestation_verify(const AttestationQuestion *question, FormMemory *memory,
				   Attestation *attestation, Verdict *verdict)
{
	const Verification v = {question, question->policy, memory, attestation, verdict};
	FormFault	fault = {""};
	bool		ok;

	memset(attestation, 0, sizeof(*attestation));
	ok = verdict_check(verdict, bundle_read(question->bundle, memory, &attestation->bundle, &fault),
					   "bundle is well-formed", "%s", fault.text) &&
		attestation_verify_evidence(&attestation->bundle, question->policy, question->at_s,
									attestation, verdict) &&
		check_binding(&v) && check_texts(&v) && check_freshness(&v) && check_server(&v) &&
		check_module(&v) && check_manifest(&v) && find_level(&v);
	if (!ok)
		verdict->level = LEVEL_NONE;
	return ok;
}
