/*-------------------------------------------------------------------------
 *
 * build_info.h
 *	  What this library was built from, and with what.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REPORT_BUILD_INFO_H
#define REPORT_BUILD_INFO_H

/* Text that was fixed when the library was built.  NULL: not known then. */
typedef struct BuildInfo
{
	const char *version;		/* of the extension */
	const char *commit;			/* Git's names of commit and tree, in hex; NULL */
	const char *tree;			/* unless the sources are exactly these */
	const char *source_sha256;	/* over the files that the build reads, in hex */
	const char *compiler;
	const char *flags;
	const char *postgresql;		/* versions of the headers */
	const char *openssl;
	const char *libsodium;
	const char *libcurl;
} BuildInfo;

extern const BuildInfo build_info;

#endif							/* REPORT_BUILD_INFO_H */
