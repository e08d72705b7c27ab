/*-------------------------------------------------------------------------
 *
 * evidence.c
 *	  The types of evidence.
 *
 *-------------------------------------------------------------------------
 */
#include <openssl/err.h>

#include "evidence/evidence.h"

static const EvidenceType *const types[] = {
#define EVIDENCE_TYPE(symbol) &symbol,
#include "evidence/evidence_typelist.h"
#undef EVIDENCE_TYPE
	NULL
};

const EvidenceType *
evidence_type_by_name(const char *name)
{
	for (int i = 0; types[i] != NULL; i++)
	{
		if (strcmp(types[i]->name, name) == 0)
			return types[i];
	}
	return NULL;
}

bool
evidence_verify(const Evidence *evidence, const EvidenceTrust *trust,
				HardwareClaims *claims, Verdict *verdict)
{
	bool		ok;

	memset(claims, 0, sizeof(*claims));
	ok = evidence->type->verify(evidence, trust, claims, verdict);
	if (!ok)
		memset(claims, 0, sizeof(*claims)); /* what is refused claims nothing */
	ERR_clear_error();			/* what another library reads next is its own */
	return ok;
}
