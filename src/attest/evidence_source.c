/*-------------------------------------------------------------------------
 *
 * evidence_source.c
 *	  Where this machine gets evidence of its hardware from.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "attest/base64_text.h"
#include "attest/evidence_source.h"

/* Of a report of SEV-SNP (AMD 56860), and of quotes of TDX. */
#define SNP_REPORT_LEN			1184
#define SNP_REPORT_DATA_AT		0x50
#define TDX_REPORT_DATA_AT		(0x30 + 0x208)
#define TDX_BODY_HEADER_LEN		6	/* from version 5 on: type and size */

static const EvidenceSource *const sources[] = {
#define EVIDENCE_SOURCE(symbol) &symbol,
#include "attest/evidence_sourcelist.h"
#undef EVIDENCE_SOURCE
	NULL
};

/* No hardware: the instance key vouches for itself. */
static bool
get_none(const char *place, const uint8 *report_data, FoundEvidence *found)
{
	found->type = "none";
	return true;
}

const EvidenceSource source_none = {
	.name = "none",
	.nowhere = true,
	.get = get_none,
};

bool
evidence_source_parse(const char *setting, const EvidenceSource **source, const char **place)
{
	Size		len = strcspn(setting, ":");
	bool		placed = setting[len] == ':' && setting[len + 1] != '\0';

	for (int i = 0; sources[i] != NULL; i++)
	{
		const EvidenceSource *s = sources[i];

		if (strlen(s->name) != len || strncmp(s->name, setting, len) != 0)
			continue;
		*source = s;
		*place = placed ? setting + len + 1 : s->default_place;
		return s->nowhere ? setting[len] == '\0' : *place != NULL;
	}
	return false;
}

bool
evidence_fail(FoundEvidence *found, const char *reason,...)
{
	int			save_errno = errno;
	va_list		args;

	va_start(args, reason);
	errno = save_errno;
	vsnprintf(found->reason, sizeof(found->reason), reason, args);
	va_end(args);
	return false;
}

static bool
take_report(FoundEvidence *found, const char *type, Bytes report, size_t at,
			const uint8 *report_data)
{
	uint8	   *copy;

	if (memcmp(report.data + at, report_data, REPORT_DATA_LEN) != 0)
		return evidence_fail(found, "the report is not about what was asked");
	copy = palloc(report.len);
	memcpy(copy, report.data, report.len);
	found->type = type;
	found->report = bytes_of(copy, report.len);
	return true;
}

bool
evidence_take_snp(FoundEvidence *found, Bytes report, const uint8 *report_data)
{
	if (report.len != SNP_REPORT_LEN)
		return evidence_fail(found, "a report of SEV-SNP has %d bytes, not %zu",
							 SNP_REPORT_LEN, report.len);
	return take_report(found, "sev-snp", report, SNP_REPORT_DATA_AT, report_data);
}

bool
evidence_take_tdx(FoundEvidence *found, Bytes quote, const uint8 *report_data)
{
	size_t		at = TDX_REPORT_DATA_AT;

	/* Its first number, little-endian, is the version. */
	if (quote.len > 0 && quote.data[0] >= 5)
		at += TDX_BODY_HEADER_LEN;
	if (quote.len < at + REPORT_DATA_LEN || quote.len > EVIDENCE_REPORT_MAX)
		return evidence_fail(found, "no quote of TDX has %zu bytes", quote.len);
	return take_report(found, "tdx", quote, at, report_data);
}

static void
append_member(StringInfo out, const char *name, Bytes value)
{
	if (value.len == 0)
		return;
	appendStringInfo(out, ",\"%s\":\"", name);
	base64_append(out, value);
	appendStringInfoChar(out, '"');
}

static void
append_certificates(StringInfo out, const FoundEvidence *found)
{
	appendStringInfoString(out, ",\"certificates\":[");
	for (int i = 0; i < found->n_certificates; i++)
	{
		appendStringInfoString(out, i > 0 ? ",\"" : "\"");
		base64_append(out, found->certificates[i]);
		appendStringInfoChar(out, '"');
	}
	appendStringInfoChar(out, ']');
}

static void
append_pcrs(StringInfo out, Bytes pcrs)
{
	appendStringInfoString(out, ",\"tpm_pcrs\":[");
	for (size_t at = 0; at < pcrs.len; at += PCR_LEN)
	{
		appendStringInfoString(out, at > 0 ? ",\"" : "\"");
		for (size_t i = at; i < at + PCR_LEN; i++)
			appendStringInfo(out, "%02x", pcrs.data[i]);
		appendStringInfoChar(out, '"');
	}
	appendStringInfoChar(out, ']');
}

void
evidence_write(StringInfo out, const FoundEvidence *found)
{
	appendStringInfo(out, "{\"type\":\"%s\"", found->type);
	append_member(out, "report", found->report);
	if (found->n_certificates > 0)
		append_certificates(out, found);
	append_member(out, "tpm_quote", found->tpm_quote);
	append_member(out, "tpm_signature", found->tpm_signature);
	if (found->tpm_pcrs.len > 0)
		append_pcrs(out, found->tpm_pcrs);
	appendStringInfoChar(out, '}');
}
