/*-------------------------------------------------------------------------
 *
 * made_snp.c
 *	  A report of SEV-SNP under a root of the test.
 *
 *-------------------------------------------------------------------------
 */
#include "made_snp.h"

#define TCB		UINT64_C(0xde1b000000000004)	/* 4, 0, 27, 222 */

void
made_begin(MadeSnp *made, bool vlek)
{
	uint8_t    *chip_id = made->report + AT_CHIP_ID;

	memset(made, 0, sizeof(*made));
	made->vlek = vlek;
	made->root_form = pki_form("ARK-Test", "critical,CA:TRUE", "critical,keyCertSign,cRLSign", MADE_AT);
	made->intermediate_form = pki_form("SEV-Test", "critical,CA:TRUE,pathlen:0", "critical,keyCertSign", MADE_AT);
	made->key_form = pki_form(vlek ? "SEV-VLEK" : "SEV-VCEK", NULL, NULL, MADE_AT);
	made->trust.at_s = MADE_AT;

	made_put(made, AT_VERSION, 5, 4);
	made_put(made, AT_GUEST_SVN, 7, 4);
	made_put(made, AT_POLICY, 0x30000, 8);
	made_put(made, AT_ALGORITHM, 1, 4);
	made_put(made, AT_CURRENT_TCB, TCB, 8);
	made_put(made, AT_REPORTED_TCB, TCB, 8);
	made_put(made, AT_COMMITTED_TCB, TCB, 8);
	made_put(made, AT_LAUNCH_TCB, TCB, 8);
	made_put(made, AT_KEY_INFO, vlek ? 4 : 0, 4);
	made_put(made, AT_CPUID, 0x010119, 3);
	made_put(made, AT_MITIGATIONS, 11, 8);
	memset(made->report + AT_REPORT_DATA, 0xda, REPORT_DATA_LEN);
	memset(made->report + AT_MEASUREMENT, 0x3e, MEASUREMENT_LEN);
	for (int i = 0; i < 64 && !vlek; i++)
		chip_id[i] = (uint8_t) (i + 1);
	pki_extend_as_amd(&made->key_form, bytes_of(chip_id, vlek ? 0 : 64), vlek ? MADE_CSP_ID : NULL);
}

void
made_put(MadeSnp *made, size_t offset, uint64_t value, int len)
{
	for (int i = 0; i < len; i++)
		made->report[offset + i] = (uint8_t) (value >> 8 * i);
}

void
made_issue(MadeSnp *made)
{
	Evidence   *evidence = &made->evidence;
	const PkiCertificate *issuer = &made->intermediate;

	pki_issue(&made->root, &made->root_form, NULL);
	pki_issue(&made->intermediate, &made->intermediate_form, &made->root);
	if (made->longer)
	{
		PkiForm		form = pki_form("SEV-Between", "critical,CA:TRUE", "critical,keyCertSign", MADE_AT);

		pki_issue(&made->between, &form, &made->intermediate);
		issuer = &made->between;
	}
	pki_issue(&made->key, &made->key_form, issuer);
	pki_sign_little_endian(made->other_signer ? made->root.key : made->key.key, EVP_sha384(),
						   bytes_of(made->report, AT_SIGNATURE), made->report + AT_SIGNATURE, 72);

	evidence->type = evidence_type_by_name("sev-snp");
	evidence->report = bytes_of(made->report, MADE_REPORT_LEN);
	evidence->certificates[evidence->n_certificates++] = pki_der(&made->key);
	if (made->longer)
		evidence->certificates[evidence->n_certificates++] = pki_der(&made->between);
	evidence->certificates[evidence->n_certificates++] = pki_der(&made->intermediate);
	evidence->certificates[evidence->n_certificates++] = pki_der(&made->root);
	made->trust.roots[0] = pki_der(&made->root);
	made->trust.n_roots = 1;
}

bool
made_verify(MadeSnp *made)
{
	memset(&made->verdict, 0, sizeof(made->verdict));
	return evidence_verify(&made->evidence, &made->trust, &made->claims, &made->verdict);
}

void
made_free(MadeSnp *made)
{
	pki_free(&made->root);
	pki_free(&made->intermediate);
	pki_free(&made->between);
	pki_free(&made->key);
}
