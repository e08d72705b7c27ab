/*-------------------------------------------------------------------------
 *
 * endorsement.c
 *	  The two texts of an attestation.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/evp.h>
#include <time.h>

#include "access/xlog.h"
#include "utils/guc.h"
#include "utils/json.h"

#include "attest/base64_text.h"
#include "attest/endorsement.h"
#include "attest/instance_key.h"
#include "report/build_info.h"
#include "report/loaded_libraries.h"

static void
append_hex(StringInfo out, const uint8 *data, Size len)
{
	appendStringInfoChar(out, '"');
	for (Size i = 0; i < len; i++)
		appendStringInfo(out, "%02x", data[i]);
	appendStringInfoChar(out, '"');
}

static void
append_string(StringInfo out, const char *value)
{
	if (value == NULL)
		appendStringInfoString(out, "null");
	else
		escape_json(out, value);
}

/* Now, by the wall clock: a verifier compares it with its own. */
static void
append_time(StringInfo out)
{
	time_t		now = time(NULL);
	struct tm	parts;
	char		text[32];

	gmtime_r(&now, &parts);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
	append_string(out, text);
}

/* "15.20": of the server that runs, without what a distribution adds. */
static void
append_version(StringInfo out)
{
	int			number = atoi(GetConfigOption("server_version_num", false, false));

	appendStringInfo(out, "\"%d.%d\"", number / 10000, number % 10000);
}

static void
append_system_identifier(StringInfo out)
{
	appendStringInfo(out, "\"system_identifier\":\"" UINT64_FORMAT "\"", GetSystemIdentifier());
}

static void
append_module(StringInfo out)
{
	appendStringInfoString(out, "\"module\":{\"version\":");
	append_string(out, build_info.version);
	appendStringInfoString(out, ",\"sha256\":");
	append_hex(out, loaded_libraries_own()->sha256, LIBRARY_DIGEST_LEN);
	appendStringInfoString(out, ",\"commit\":");
	append_string(out, build_info.commit);
	appendStringInfoString(out, ",\"tree\":");
	append_string(out, build_info.tree);
	appendStringInfoString(out, ",\"source_sha256\":");
	append_string(out, build_info.source_sha256);
	appendStringInfoChar(out, '}');
}

/* One that could not be measured has a digest of zeros, which none matches. */
static void
append_libraries(StringInfo out)
{
	const LoadedLibrary *list;
	int			n = loaded_libraries(&list);

	appendStringInfoString(out, "\"libraries\":[");
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(out, i > 0 ? ",{\"name\":" : "{\"name\":");
		append_string(out, list[i].name);
		appendStringInfoString(out, ",\"sha256\":");
		append_hex(out, list[i].sha256, LIBRARY_DIGEST_LEN);
		appendStringInfoChar(out, '}');
	}
	appendStringInfoChar(out, ']');
}

static void
append_nonces(StringInfo out, const DeskTicket *tickets, int n)
{
	const char *separator = "";

	appendStringInfoString(out, "\"nonces\":[");
	for (int i = 0; i < n; i++)
	{
		const DeskRequest *request = &tickets[i].request;
		uint8		digest[DESK_DIGEST_LEN];

		if (!request->fresh)
			continue;
		if (EVP_Digest(request->nonce, request->nonce_len, digest, NULL, EVP_sha256(), NULL) != 1)
			elog(ERROR, "could not compute a digest");
		appendStringInfoString(out, separator);
		append_hex(out, digest, sizeof(digest));
		separator = ",";
	}
	appendStringInfoChar(out, ']');
}

void
endorsement_write(StringInfo out, const DeskTicket *tickets, int n)
{
	appendStringInfoString(out, "{\"type\":\"bionic_crypt/endorsement/v1\",\"time\":");
	append_time(out);
	appendStringInfoString(out, ",\"instance_key\":\"");
	base64_append(out, bytes_of(instance_public_key(), INSTANCE_KEY_LEN));
	appendStringInfoString(out, "\",\"server\":{");
	append_system_identifier(out);
	appendStringInfoString(out, ",\"version\":");
	append_version(out);
	appendStringInfoString(out, "},");
	append_module(out);
	appendStringInfoChar(out, ',');
	append_libraries(out);
	appendStringInfoChar(out, ',');
	append_nonces(out, tickets, n);
	appendStringInfoChar(out, '}');
}

static void
append_replaced(StringInfo out)
{
	const LoadedLibrary *list;
	int			n = loaded_libraries(&list);
	const char *separator = "";

	appendStringInfoString(out, "\"replaced\":[");
	for (int i = 0; i < n; i++)
	{
		if (!loaded_library_is_replaced(&list[i]))
			continue;
		appendStringInfoString(out, separator);
		append_string(out, list[i].name);
		separator = ",";
	}
	appendStringInfoChar(out, ']');
}

static void
append_server(StringInfo out, const DeskRequest *request)
{
	appendStringInfoString(out, "\"server\":{");
	append_system_identifier(out);
	appendStringInfoString(out, ",\"cluster_name\":");
	append_string(out, GetConfigOption("cluster_name", false, false));
	appendStringInfo(out, ",\"in_recovery\":%s,\"database\":%s,\"tls_certificate_sha256\":",
					 RecoveryInProgress() ? "true" : "false", request->database);
	if (request->has_tls)
		append_hex(out, request->tls_certificate, sizeof(request->tls_certificate));
	else
		append_string(out, NULL);
	appendStringInfoChar(out, '}');
}

void
statement_write(StringInfo out, const DeskRequest *request, const uint8 *endorsement_sha256)
{
	appendStringInfoString(out, "{\"type\":\"bionic_crypt/statement/v1\",\"nonce\":");
	append_hex(out, request->nonce, request->nonce_len);
	appendStringInfoString(out, ",\"time\":");
	append_time(out);
	appendStringInfoString(out, ",\"endorsement_sha256\":");
	append_hex(out, endorsement_sha256, DESK_DIGEST_LEN);
	appendStringInfoChar(out, ',');
	append_server(out, request);
	appendStringInfoChar(out, ',');
	append_replaced(out);
	appendStringInfo(out, ",%s}", request->members);
}
