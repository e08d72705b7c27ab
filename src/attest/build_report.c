/*-------------------------------------------------------------------------
 *
 * build_report.c
 *	  bionic_crypt.build_info(): what the library was built from, and which
 *	  files the server's code came from.
 *
 * It is what the server says of itself: attestation() is how to have it from
 * the hardware.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sodium.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"

#include "report/build_info.h"
#include "report/loaded_libraries.h"
#include "shmem/registry.h"
#include "shmem/shmem.h"

PG_FUNCTION_INFO_V1(bionic_crypt_build_info);

static void add_name(StringInfo out, const char *name);
static void add_text(StringInfo out, const char *name, const char *value);
static void add_versions(StringInfo out, const char *name, const char *built_for, const char *running);
static void add_library(StringInfo out, const char *name, const LoadedLibrary *library);
static void add_libraries(StringInfo out, const char *name, const LoadedLibrary *list, int n);
static void add_replaced(StringInfo out, const char *name, const LoadedLibrary *list, int n);

Datum
bionic_crypt_build_info(PG_FUNCTION_ARGS)
{
	StringInfoData out;
	const LoadedLibrary *list;
	LoadedLibrary *since;
	int			n;
	int			n_since;

	shmem_require();
	n = loaded_libraries(&list);
	n_since = loaded_libraries_since(&since);

	initStringInfo(&out);
	appendStringInfoChar(&out, '{');
	add_text(&out, "version", build_info.version);
	add_name(&out, "source");
	appendStringInfoChar(&out, '{');
	add_text(&out, "commit", build_info.commit);
	add_text(&out, "tree", build_info.tree);
	add_text(&out, "sha256", build_info.source_sha256);
	appendStringInfoChar(&out, '}');
	add_text(&out, "compiler", build_info.compiler);
	add_text(&out, "flags", build_info.flags);

	add_versions(&out, "postgresql", build_info.postgresql,
				 TextDatumGetCString(DirectFunctionCall1(pgsql_version, (Datum) 0)));
	add_versions(&out, "openssl", build_info.openssl, OpenSSL_version(OPENSSL_VERSION));
	add_versions(&out, "libsodium", build_info.libsodium, sodium_version_string());
	add_versions(&out, "libcurl", build_info.libcurl, curl_version_info(CURLVERSION_NOW)->version);
	add_name(&out, "fips");
	appendStringInfoString(&out, EVP_default_properties_is_fips_enabled(NULL) ? "true" : "false");
	add_text(&out, "secret_memory", registry_secret_memory());

	add_library(&out, "library", loaded_libraries_own());
	add_libraries(&out, "libraries", list, n);
	add_libraries(&out, "mapped_later", since, n_since);
	add_replaced(&out, "replaced", list, n);
	appendStringInfoChar(&out, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data));
}

/* Of a member; NULL in an array. */
static void
add_name(StringInfo out, const char *name)
{
	char		last = out->data[out->len - 1];

	if (last != '{' && last != '[')
		appendStringInfoChar(out, ',');
	if (name != NULL)
	{
		escape_json(out, name);
		appendStringInfoChar(out, ':');
	}
}

static void
add_text(StringInfo out, const char *name, const char *value)
{
	add_name(out, name);
	if (value == NULL)
		appendStringInfoString(out, "null");
	else
		escape_json(out, value);
}

static void
add_versions(StringInfo out, const char *name, const char *built_for, const char *running)
{
	add_name(out, name);
	appendStringInfoChar(out, '{');
	add_text(out, "built_for", built_for);
	add_text(out, "running", running);
	appendStringInfoChar(out, '}');
}

/* A digest that says nothing about the code in memory is not told. */
static void
add_library(StringInfo out, const char *name, const LoadedLibrary *library)
{
	char		digest[2 * LIBRARY_DIGEST_LEN + 1];

	sodium_bin2hex(digest, sizeof(digest), library->sha256, LIBRARY_DIGEST_LEN);
	add_name(out, name);
	appendStringInfoChar(out, '{');
	add_text(out, "name", library->name);
	add_text(out, "path", library->path);
	add_text(out, "sha256", library->state == LIBRARY_AS_LOADED ? digest : NULL);
	add_text(out, "state", loaded_library_state_name(library->state));
	appendStringInfoChar(out, '}');
}

static void
add_libraries(StringInfo out, const char *name, const LoadedLibrary *list, int n)
{
	add_name(out, name);
	appendStringInfoChar(out, '[');
	for (int i = 0; i < n; i++)
		add_library(out, NULL, &list[i]);
	appendStringInfoChar(out, ']');
}

static void
add_replaced(StringInfo out, const char *name, const LoadedLibrary *list, int n)
{
	add_name(out, name);
	appendStringInfoChar(out, '[');
	for (int i = 0; i < n; i++)
	{
		if (loaded_library_is_replaced(&list[i]))
			add_text(out, NULL, list[i].name);
	}
	appendStringInfoChar(out, ']');
}
