/*-------------------------------------------------------------------------
 *
 * policy.c
 *	  What a verifier demands of evidence, as it is written in JSON.
 *
 * A policy that contradicts itself is refused rather than read one way: its
 * author would learn of it from an attacker.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/policy.h"

#include <stdio.h>
#include <stdlib.h>

#include "evidence/bundle.h"
#include "evidence/certificate.h"
#include "evidence/statement.h"

#define TYPES_MAX		16
#define PRODUCTS_MAX	16
#define CHIPS_MAX		1024
#define IMAGES_MAX		64
#define MODULES_MAX		64
#define KEYS_MAX		8
#define LIBRARIES_MAX	512
#define PEM_MAX			8192
#define CRL_MAX			131072
#define NAME_LEN_MAX	255
#define AGE_MAX_S		(366 * 86400)
#define TCB_MAX			255
#define REQUIRED .required = true

#define TCB_PART(part) {#part, form_integer, offsetof(MinimumTcb, part),.max = TCB_MAX}

static const FormField tcb_form[] = {
	TCB_PART(fmc),
	TCB_PART(bootloader),
	TCB_PART(tee),
	TCB_PART(snp),
	TCB_PART(microcode),
	{NULL}
};

static const FormField pcr_item = {"", form_hex, offsetof(ImagePcr, value),.size = PCR_LEN};
static const FormField digest_item = {"", form_hex,.size = DIGEST_LEN};

static const FormField image_form[] = {
	{"name", form_text, offsetof(Image, name), NAME_LEN_MAX, REQUIRED},
	{"covers", form_text, offsetof(Image, covers), NAME_LEN_MAX, REQUIRED},
	{"measurement", form_hex, offsetof(Image, measurement),.size = MEASUREMENT_LEN},
	{"rtmr0", form_hex, offsetof(Image, rtmrs[0]),.size = MEASUREMENT_LEN},
	{"rtmr1", form_hex, offsetof(Image, rtmrs[1]),.size = MEASUREMENT_LEN},
	{"rtmr2", form_hex, offsetof(Image, rtmrs[2]),.size = MEASUREMENT_LEN},
	{"rtmr3", form_hex, offsetof(Image, rtmrs[3]),.size = MEASUREMENT_LEN},
	{"mr_config_id", form_hex, offsetof(Image, mr_config_id),.size = MEASUREMENT_LEN},
	{"pcrs", form_map, offsetof(Image, pcrs), sizeof(ImagePcr), 1, PCR_COUNT,.form = &pcr_item},
	{"host_data", form_hex, offsetof(Image, host_data),.size = 32},
	{"id_key_digest", form_hex, offsetof(Image, id_key_digest),.size = 48},
	{"author_key_digest", form_hex, offsetof(Image, author_key_digest),.size = 48},
	{"minimum_guest_svn", form_integer, offsetof(Image, minimum_guest_svn),.max = UINT32_MAX},
	{"image_digest", form_text, offsetof(Image, image_digest),.size = 79},
	{"module_sha256", form_list, offsetof(Image, module_sha256), sizeof(Bytes), 1, MODULES_MAX,
	.form = &digest_item},
	{NULL}
};

static const FormField type_item = {"", form_text,.size = NAME_LEN_MAX};
static const FormField vmpl_item = {"", form_integer,.max = 3};
static const FormField tcb_item = {"", form_object,.form = tcb_form};
static const FormField chip_item = {"", form_hex,.size = 64};
static const FormField csp_item = {"", form_text,.size = NAME_LEN_MAX};
static const FormField image_item = {"", form_object,.form = image_form};
static const FormField pem_item = {"", form_text,.size = PEM_MAX};
static const FormField crl_item = {"", form_base64,.size = CRL_MAX};
static const FormField digests_item = {
	"", form_list, offsetof(AllowedLibrary, sha256), sizeof(Bytes), 1, MODULES_MAX,.form = &digest_item
};

static const FormField policy_form[] = {
	{"type", form_constant, REQUIRED,.constant = "bionic_crypt/policy/v1"},
	{"level", form_integer, offsetof(Policy, level),.max = 3,.absent = 1},
	{"evidence", form_list, offsetof(Policy, evidence), sizeof(char *), 1, TYPES_MAX,.form = &type_item},
	{"allow_debug", form_boolean,.offset = offsetof(Policy, allow_debug)},
	{"allow_migration", form_boolean,.offset = offsetof(Policy, allow_migration)},
	{"vmpl", form_list, offsetof(Policy, vmpl), sizeof(int64_t), 1, 4,.form = &vmpl_item},
	{"minimum_tcb", form_map, offsetof(Policy, minimum_tcb), sizeof(MinimumTcb), 1, PRODUCTS_MAX,
	.form = &tcb_item},
	{"chip_ids", form_list, offsetof(Policy, chip_ids), sizeof(Bytes), 1, CHIPS_MAX,.form = &chip_item},
	{"csp_ids", form_list, offsetof(Policy, csp_ids), sizeof(char *), 1, CHIPS_MAX,.form = &csp_item},
	{"require_alias_check", form_boolean,.offset = offsetof(Policy, require_alias_check)},
	{"images", form_list, offsetof(Policy, images), sizeof(Image), 1, IMAGES_MAX,.form = &image_item},
	{"max_age_s", form_integer, offsetof(Policy, max_age_s),.min = 1,.max = AGE_MAX_S,.absent = 300},
	{"max_endorsement_age_s", form_integer, offsetof(Policy, max_endorsement_age_s),
	.min = 1,.max = AGE_MAX_S,.absent = 3600},
	{"fresh", form_boolean,.offset = offsetof(Policy, fresh)},
	{"tls_certificate_sha256", form_hex, offsetof(Policy, tls_certificate_sha256),.size = DIGEST_LEN},
	{"system_identifier", form_text, offsetof(Policy, system_identifier),.size = 32},
	{"manifest_keys", form_list, offsetof(Policy, manifest_keys), sizeof(char *), 1, KEYS_MAX,
	.form = &pem_item},
	{"libraries", form_map, offsetof(Policy, libraries), sizeof(AllowedLibrary), 1, LIBRARIES_MAX,
	.form = &digests_item},
	{"roots", form_list, offsetof(Policy, roots), sizeof(char *), 1, EVIDENCE_ROOTS_MAX,.form = &pem_item},
	{"crls", form_list, offsetof(Policy, crls), sizeof(Bytes), 1, EVIDENCE_CRLS_MAX,.form = &crl_item},
	{"jwks", form_raw,.offset = offsetof(Policy, jwks)},
	{"tenant", form_text, offsetof(Policy, tenant),.size = NAME_LEN_MAX},
	{"kms_bound", form_boolean,.offset = offsetof(Policy, kms_bound)},
	{NULL}
};

static bool
refuse(FormFault *fault, const char *why)
{
	snprintf(fault->text, sizeof(fault->text), "%s", why);
	return false;
}

/* One certificate in PEM, as DER in memory; empty: it is not that. */
static Bytes
der_of(const char *pem, FormMemory *memory)
{
	X509	   *certificate = certificate_read_pem(bytes_of_string(pem));
	int			len = certificate == NULL ? 0 : i2d_X509(certificate, NULL);
	uint8_t    *der = len > 0 ? form_room(memory, len) : NULL;
	uint8_t    *end = der;

	if (der != NULL)
		i2d_X509(certificate, &end);
	X509_free(certificate);
	return bytes_of(der, der == NULL ? 0 : len);
}

static bool
take_trust(Policy *policy, FormMemory *memory, FormFault *fault)
{
	EvidenceTrust *trust = &policy->trust;

	trust->jwks = policy->jwks;
	trust->n_roots = policy->roots.n;
	for (int i = 0; i < policy->roots.n; i++)
	{
		trust->roots[i] = der_of(((const char **) policy->roots.items)[i], memory);
		if (trust->roots[i].len == 0)
			return refuse(fault, "roots: must be certificates in PEM");
	}
	trust->n_crls = policy->crls.n;
	for (int i = 0; i < policy->crls.n; i++)
		trust->crls[i] = ((const Bytes *) policy->crls.items)[i];
	return true;
}

static bool
is_pcr(const char *number)
{
	char		normal[16];

	snprintf(normal, sizeof(normal), "%d", atoi(number));
	return strcmp(number, normal) == 0 && atoi(number) >= 0 && atoi(number) < PCR_COUNT;
}

static bool
check_image(const Image *image, FormFault *fault)
{
	const ImagePcr *pcrs = image->pcrs.items;
	bool		measured = image->measurement.len > 0 || image->pcrs.n > 0 ||
		image->image_digest != NULL ||
		(image->id_key_digest.len > 0 && image->author_key_digest.len > 0);

	for (int i = 0; i < RTMR_COUNT; i++)
		measured |= image->rtmrs[i].len > 0;
	for (int i = 0; i < image->pcrs.n; i++)
	{
		if (!is_pcr(pcrs[i].number))
			return refuse(fault, "images: pcrs must be numbers from 0 to 23");
	}
	if (strcmp(image->covers, "image") != 0 && strcmp(image->covers, "firmware") != 0)
		return refuse(fault, "images: covers must be \"image\" or \"firmware\"");
	return measured || refuse(fault, "images: one has no measurement");
}

/* Types are known, and something that is demanded can be. */
static bool
check_types(const Policy *policy, FormFault *fault)
{
	const char *const *types = policy->evidence.items;
	int			n_tees = 0;

	for (int i = 0; i < policy->evidence.n; i++)
	{
		bool		none = strcmp(types[i], EVIDENCE_NONE) == 0;

		if (!none && evidence_type_by_name(types[i]) == NULL)
			return refuse(fault, "evidence: has a type that is not known");
		n_tees += !none;
	}
	return policy->level == 0 || policy->evidence.n == 0 || n_tees > 0 ||
		refuse(fault, "level: no type of evidence that is allowed reaches it");
}

static bool
check_levels(const Policy *policy, FormFault *fault)
{
	const Image *images = policy->images.items;
	bool		whole = false;

	for (int i = 0; i < policy->images.n; i++)
	{
		if (!check_image(&images[i], fault))
			return false;
		whole |= strcmp(images[i].covers, "image") == 0;
	}
	if (policy->level >= LEVEL_IMAGE && !whole)
		return refuse(fault, "level: 2 needs images, one of which covers \"image\"");
	if (policy->level == LEVEL_KEY_RELEASE && !policy->kms_bound)
		return refuse(fault, "level: 3 needs kms_bound");
	if (policy->kms_bound && policy->tenant == NULL)
		return refuse(fault, "kms_bound: needs a tenant");
	return true;
}

bool
policy_read(Bytes text, FormMemory *memory, Policy *policy, FormFault *fault)
{
	return form_read(text, policy_form, policy, sizeof(*policy), memory, fault) &&
		check_types(policy, fault) && check_levels(policy, fault) &&
		take_trust(policy, memory, fault);
}
