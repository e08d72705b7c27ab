/*-------------------------------------------------------------------------
 *
 * test_snp_certificate.c
 *	  AMD's extensions of a key's certificate: what is missing, twice, unknown
 *	  or not in its form.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>

#include "evidence/snp_certificate.h"
#include "made_snp.h"

#define BYTES(s) bytes_of(s, sizeof(s) - 1)

/* A value of an extension that is as good as the usual one, or refused. */
typedef struct Value
{
	const char *name;
	const char *arc;
	Bytes		value;
	const char *wrong;			/* NULL: nothing */
} Value;

#define CHIP "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char *
wrong_with(const PkiForm *form, SnpCertificate *content)
{
	static PkiCertificate certificate;
	const char *wrong;

	pki_free(&certificate);		/* the one before, whose content is used no more */
	if (form == NULL)
		return NULL;
	pki_issue(&certificate, form, NULL);
	wrong = snp_certificate_read(certificate.x509, content);
	return wrong;
}

static PkiForm
vcek_form(void)
{
	PkiForm		form = pki_form("SEV-VCEK", NULL, NULL, MADE_AT);

	pki_extend_as_amd(&form, BYTES(CHIP), NULL);
	return form;
}

static bool
is_about(const char *wrong, const char *expected)
{
	if (wrong == NULL || expected == NULL)
		return wrong == expected;
	return strstr(wrong, expected) != NULL;
}

static void
test_missing(void)
{
	static const char *const missing[][2] = {
		{"1", "the version of its extensions"},
		{"2", "its product"},
		{"3.1", "a part of its TCB"},
		{"3.2", "a part of its TCB"},
		{"3.3", "a part of its TCB"},
		{"3.8", "a part of its TCB"},
	};
	SnpCertificate content;

	for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++)
	{
		PkiForm		form = vcek_form();
		char		oid[64];

		snprintf(oid, sizeof(oid), AMD_EXTENSION "%s", missing[i][0]);
		pki_extension(&form, oid)->oid = NULL;
		tap_ok(is_about(wrong_with(&form, &content), missing[i][1]), "extension %s is missing", missing[i][0]);
	}
}

static void
test_double(void)
{
	static const char *const doubled[] = {"1", "2", "3.1", "3.2", "3.3", "3.4", "3.8", "4"};
	SnpCertificate content;
	bool		ok = true;

	for (size_t i = 0; i < sizeof(doubled) / sizeof(doubled[0]); i++)
	{
		PkiForm		form = vcek_form();
		PkiExtension *extension;
		char		oid[64];

		snprintf(oid, sizeof(oid), AMD_EXTENSION "%s", doubled[i]);
		extension = pki_extension(&form, oid);
		pki_extend(&form, oid, bytes_of(extension->value, extension->len));
		TAP_EACH(ok, is_about(wrong_with(&form, &content), "twice"), "%s", oid);
	}
	tap_ok(ok, "an extension that is twice in a certificate, the same each time");
}

static void
test_unknown(void)
{
	static const char *const unknown[] = {"6", "3.10", "3.11", "3", "0", "4.1", "3.1.1", "31"};
	SnpCertificate content;
	PkiForm		form = vcek_form();
	bool		ok = true;

	pki_extend(&form, "1.3.6.1.4.1.3704.2.1", pki_number(1));
	pki_extend(&form, "1.3.6.1.4.1.37041.1", pki_number(1));
	tap_ok(wrong_with(&form, &content) == NULL, "extensions of others are theirs");
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
	{
		char		oid[64];

		form = vcek_form();
		snprintf(oid, sizeof(oid), AMD_EXTENSION "%s", unknown[i]);
		pki_extend(&form, oid, pki_number(1));
		TAP_EACH(ok, is_about(wrong_with(&form, &content), "that we do not know"), "%s", oid);
	}
	tap_ok(ok, "an extension of AMD that we do not know");
}

static void
test_values(void)
{
	const Value values[] = {
		{"version 1", "1", BYTES("\2\1\1"), NULL},
		{"version 2", "1", BYTES("\2\1\2"), "the version"},
		{"a number of no bytes", "3.1", BYTES("\2\0"), "a part"},
		{"a number that is empty", "3.1", BYTES(""), "a part"},
		{"a number below 0", "3.1", BYTES("\2\1\x80"), "a part"},
		{"the number 128", "3.1", BYTES("\2\2\0\x80"), NULL},
		{"the number 256", "3.1", BYTES("\2\2\1\0"), "a part"},
		{"the number 384", "3.1", BYTES("\2\2\1\x80"), "a part"},
		{"a number with a byte too many", "3.1", BYTES("\2\2\0\x7f"), "a part"},
		{"a number with a byte behind it", "3.1", BYTES("\2\1\1\0"), "a part"},
		{"a number with a long length", "3.1", BYTES("\2\x81\1\1"), "a part"},
		{"no number", "3.1", BYTES("\4\1\1"), "a part"},
		{"a part of the TCB that no processor has", "3.4", BYTES("\2\1\1"), "no processor has"},
		{"that part without a number", "3.4", BYTES("\2"), "no processor has"},
		{"a product without stepping", "2", BYTES("\x16\5Milan"), NULL},
		{"a product with an empty stepping", "2", BYTES("\x16\6Milan-"), NULL},
		{"a product in lower case", "2", BYTES("\x16\5milan"), "a product that we do not know"},
		{"a product that begins like one", "2", BYTES("\x16\6Milan2"), "a product that we do not know"},
		{"a product with a NUL", "2", BYTES("\x16\6Milan\0"), "its product"},
		{"an empty product", "2", BYTES("\x16\0"), "its product"},
		{"a product in UTF-8", "2", BYTES("\xc\5Milan"), "its product"},
		{"a product that is cut short", "2", BYTES("\x16\6Milan"), "its product"},
		{"a product with a byte behind it", "2", BYTES("\x16\5Milan!"), "its product"},
		{"a product of 17 bytes", "2", BYTES("\x16\x11Milan-B0123456789"), "its product"},
		{"a chip with a tag", "4", BYTES("\4\x40" CHIP), NULL},
		{"a chip with another tag", "4", BYTES("\5\x40" CHIP), "its HWID"},
		{"a chip with another length", "4", BYTES("\4\x3f" CHIP), "its HWID"},
		{"a chip of 63 bytes", "4", bytes_of(CHIP, 63), "its HWID"},
		{"a chip of 65 bytes", "4", BYTES(CHIP "!"), "its HWID"},
		{"a chip of Turin", "4", bytes_of(CHIP, 8), "its HWID"},
		{"a chip of no bytes", "4", BYTES(""), "its HWID"},
		{"FMC of a Milan", "3.9", BYTES("\2\1\0"), "the FMC"},
		{"a provider that cannot be printed", "5", BYTES("\x16\3a\x80z"), "its CSP_ID"},
		{"a provider of no name", "5", BYTES("\x16\0"), "its CSP_ID"},
		{"a provider of 63 bytes", "5", BYTES("\x16\x3f" "123456789012345678901234567890123456789012345678901234567890123"), NULL},
		{"a provider of 64 bytes", "5", BYTES("\x16\x40" CHIP), "its CSP_ID"},
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
	{
		const Value *value = &values[i];
		PkiForm		form = vcek_form();
		SnpCertificate content;
		const char *wrong;
		char		oid[64];

		snprintf(oid, sizeof(oid), AMD_EXTENSION "%s", value->arc);
		if (strcmp(value->arc, "3.9") != 0 && strcmp(value->arc, "5") != 0)
			pki_extension(&form, oid)->oid = NULL;
		pki_extend(&form, oid, value->value);
		wrong = wrong_with(&form, &content);
		if (!is_about(wrong, value->wrong))
			tap_note("%s", wrong == NULL ? "nothing is wrong" : wrong);
		tap_ok(is_about(wrong, value->wrong) &&
			   (wrong != NULL || content.hwid.len != 64 || memcmp(content.hwid.data, CHIP, 64) == 0),
			   "%s", value->name);
	}
}

void
test_snp_certificate(void)
{
	SnpCertificate content;
	PkiForm		form = vcek_form();

	tap_ok(wrong_with(&form, &content) == NULL && strcmp(content.product->name, "Milan") == 0 &&
		   bytes_equal(content.product_name, BYTES("Milan-B0")) && bytes_equal(content.hwid, BYTES(CHIP)) &&
		   content.csp_id.len == 0 && content.tcb.bootloader == 4 && content.tcb.tee == 0 &&
		   content.tcb.snp == 27 && content.tcb.microcode == 222 && content.tcb.fmc == 0,
		   "what AMD certifies of a key");
	form = pki_form("SEV-VCEK", NULL, NULL, MADE_AT);
	tap_ok(is_about(wrong_with(&form, &content), "the version"), "a certificate with none of it");
	test_missing();
	test_double();
	test_unknown();
	test_values();
	wrong_with(NULL, NULL);
}
