/*-------------------------------------------------------------------------
 *
 * policy_check.c
 *	  Whether what the hardware claims is good enough for a policy.
 *
 *-------------------------------------------------------------------------
 */
#include "evidence/policy_check.h"

#include <stdio.h>
#include <stdlib.h>

#include "evidence/bundle.h"

/* 0 to 3 are of firmware and its settings; software sets 16 and 23 back. */
#define PCR_BOOTED_FIRST	4
#define PCR_BOOTED_LAST		15

bool
policy_check_type(const Policy *policy, const char *type, Verdict *verdict)
{
	const char *const *types = policy->evidence.items;
	bool		allowed = policy->evidence.n == 0 && strcmp(type, EVIDENCE_NONE) != 0;

	for (int i = 0; i < policy->evidence.n; i++)
		allowed |= strcmp(types[i], type) == 0;
	return verdict_check(verdict, allowed, "type of evidence is allowed", "%s", type);
}

static bool
check_vmpl(const Policy *policy, const HardwareClaims *claims, Verdict *verdict)
{
	const int64_t *levels = policy->vmpl.items;
	bool		allowed = policy->vmpl.n == 0 && claims->vmpl <= 1;

	for (int i = 0; i < policy->vmpl.n; i++)
		allowed |= levels[i] == claims->vmpl;
	return verdict_check(verdict, allowed, "privilege level of the guest is allowed",
						 "VMPL %u", claims->vmpl);
}

/* The part that is below; NULL: none is. */
static const char *
part_below(const SnpTcb *tcb, const MinimumTcb *minimum)
{
	return tcb->fmc < minimum->fmc ? "fmc" :
		tcb->bootloader < minimum->bootloader ? "bootloader" :
		tcb->tee < minimum->tee ? "tee" :
		tcb->snp < minimum->snp ? "snp" :
		tcb->microcode < minimum->microcode ? "microcode" : NULL;
}

static bool
check_tcb(const Policy *policy, const HardwareClaims *claims, Verdict *verdict)
{
	static const char what[] = "firmware of the processor is new enough";
	const MinimumTcb *minima = policy->minimum_tcb.items;

	if (policy->minimum_tcb.n == 0)
		return true;
	for (int i = 0; i < policy->minimum_tcb.n; i++)
	{
		const char *part;

		if (strcmp(minima[i].product, claims->product) != 0)
			continue;
		part = part_below(&claims->reported_tcb, &minima[i]);
		return verdict_check(verdict, part == NULL, what, part == NULL ? "%s" : "%s: %s is older",
							 claims->product, part);
	}
	return verdict_check(verdict, false, what, "the policy has no minimum for %s",
						 claims->product[0] == '\0' ? "this processor" : claims->product);
}

/* A chip that does not say which it is has zeros. */
static bool
check_chip(const Policy *policy, const HardwareClaims *claims, Verdict *verdict)
{
	static const uint8_t masked[sizeof(claims->chip_id)];
	const Bytes *chips = policy->chip_ids.items;
	const char *const *owners = policy->csp_ids.items;
	bool		known = false;

	if (policy->chip_ids.n == 0 && policy->csp_ids.n == 0)
		return true;
	for (int i = 0; i < policy->chip_ids.n; i++)
		known |= memcmp(chips[i].data, masked, sizeof(masked)) != 0 &&
			memcmp(chips[i].data, claims->chip_id, sizeof(masked)) == 0;
	for (int i = 0; i < policy->csp_ids.n; i++)
		known |= strcmp(owners[i], claims->csp_id) == 0;
	return verdict_check(verdict, known, "processor is one that the policy names",
						 "%s", claims->csp_id);
}

static bool
is_value(Bytes wanted, const uint8_t *claimed)
{
	return wanted.len == 0 || memcmp(wanted.data, claimed, wanted.len) == 0;
}

static bool
has_pcrs(const Image *image, const HardwareClaims *claims)
{
	const ImagePcr *pcrs = image->pcrs.items;

	for (int i = 0; i < image->pcrs.n; i++)
	{
		int			n = atoi(pcrs[i].number);

		if ((claims->pcr_mask & 1U << n) == 0 || !is_value(pcrs[i].value, claims->pcrs[n]))
			return false;
	}
	return true;
}

static bool
has_rtmrs(const Image *image, const HardwareClaims *claims)
{
	for (int i = 0; i < RTMR_COUNT; i++)
	{
		if (image->rtmrs[i].len > 0 &&
			(!claims->has_rtmrs || !is_value(image->rtmrs[i], claims->rtmrs[i])))
			return false;
	}
	return true;
}

/* Whether the claims have every value of the image. */
static bool
is_image(const Image *image, const HardwareClaims *claims)
{
	return is_value(image->measurement, claims->measurement) && has_rtmrs(image, claims) &&
		is_value(image->mr_config_id, claims->mr_config_id) && has_pcrs(image, claims) &&
		is_value(image->host_data, claims->host_data) &&
		is_value(image->id_key_digest, claims->id_key_digest) &&
		is_value(image->author_key_digest, claims->author_key_digest) &&
		claims->guest_svn >= image->minimum_guest_svn &&
		(image->image_digest == NULL || strcmp(image->image_digest, claims->image_digest) == 0);
}

static bool
check_image(const Policy *policy, const HardwareClaims *claims, const Image **found,
			Verdict *verdict)
{
	const Image *images = policy->images.items;

	*found = NULL;
	if (policy->images.n == 0)
		return true;
	for (int i = 0; i < policy->images.n; i++)
	{
		if (is_image(&images[i], claims) &&
			(*found == NULL || strcmp((*found)->covers, "image") != 0))
			*found = &images[i];
	}
	return verdict_check(verdict, *found != NULL, "measurement is of an image of the policy", "%s",
						 *found == NULL ? "" : (*found)->name);
}

bool
policy_check_claims(const Policy *policy, const char *type, const HardwareClaims *claims,
					const Image **image, Verdict *verdict)
{
	bool		snp = claims->product[0] != '\0';

	*image = NULL;
	return verdict_check(verdict, policy->allow_debug || !claims->debug,
						 "guest is not open to debugging", claims->debug ? "it is" : NULL) &&
		verdict_check(verdict, policy->allow_migration || !claims->migratable,
					  "guest cannot be migrated", claims->migratable ? "it can" : NULL) &&
		(!snp || check_vmpl(policy, claims, verdict)) &&
		check_tcb(policy, claims, verdict) &&
		check_chip(policy, claims, verdict) &&
		(!policy->require_alias_check ||
		 verdict_check(verdict, claims->alias_checked, "memory was checked for aliases", NULL)) &&
		check_image(policy, claims, image, verdict);
}

/* Zeros are what hardware has where nothing was measured. */
static bool
is_measured(Bytes value)
{
	return value.len > 0 && !bytes_are_zero(value);
}

/* One that begins with the boot loader, and that only a restart sets back. */
static bool
has_booted_pcr(const Image *image)
{
	const ImagePcr *pcrs = image->pcrs.items;

	for (int i = 0; i < image->pcrs.n; i++)
	{
		int			n = atoi(pcrs[i].number);

		if (n >= PCR_BOOTED_FIRST && n <= PCR_BOOTED_LAST && is_measured(pcrs[i].value))
			return true;
	}
	return false;
}

static bool
has_booted_rtmr(const Image *image)
{
	for (int i = 1; i < RTMR_COUNT; i++)
	{
		if (is_measured(image->rtmrs[i]))
			return true;
	}
	return false;
}

bool
policy_image_covers(const Image *image, const char *type, const HardwareClaims *claims)
{
	bool		launched = is_measured(image->measurement);
	bool		by_key = is_measured(image->id_key_digest);

	if (strcmp(image->covers, "image") != 0)
		return false;
	if (strcmp(type, "azure-snp-vtpm") == 0)
		return has_booted_pcr(image) && (launched || by_key);
	if (strcmp(type, "confidential-space") == 0)
		return image->image_digest != NULL;
	if (claims->has_rtmrs)
		return has_booted_rtmr(image) && launched;
	return launched || (by_key && is_measured(image->author_key_digest));
}
