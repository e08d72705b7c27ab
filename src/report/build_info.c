/*-------------------------------------------------------------------------
 *
 * build_info.c
 *	  What this library was built from, and with what.
 *
 * The build writes build_stamp.inc; the rest is what the headers say.  Nothing
 * of the time or the folder of a build is in it, so that two give one library.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <curl/curl.h>
#include <openssl/opensslv.h>
#include <sodium.h>

#include "report/build_info.h"
#include "report/build_stamp.inc"

/* GCC's version has no name in it. */
#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "GCC " __VERSION__
#endif

const BuildInfo build_info = {
	.version = STAMP_VERSION,
	.commit = STAMP_COMMIT,
	.tree = STAMP_TREE,
	.source_sha256 = STAMP_SOURCE,
	.compiler = COMPILER,
	.flags = STAMP_FLAGS,
	.postgresql = PG_VERSION_STR,
	.openssl = OPENSSL_VERSION_TEXT,
	.libsodium = SODIUM_VERSION_STRING,
	.libcurl = LIBCURL_VERSION
};
