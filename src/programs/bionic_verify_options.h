/*-------------------------------------------------------------------------
 *
 * bionic_verify_options.h
 *	  What bionic-verify is asked to do, and the files that it is given.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PROGRAMS_BIONIC_VERIFY_OPTIONS_H
#define PROGRAMS_BIONIC_VERIFY_OPTIONS_H

#include "evidence/attestation.h"

#define VERIFY_KEYS_MAX		8
#define VERIFY_FILES_MAX	64

/* Exit codes; those of a level that is not enough follow. */
#define EXIT_VERIFIED		0
#define EXIT_REFUSED		1
#define EXIT_USAGE			2
#define EXIT_ONLY_LEVEL_0	10

typedef struct VerifyOptions
{
	const char *command;
	const char *file;			/* of "bundle" and "manifest" */
	const char *policy;
	const char *manifest;
	const char *keys[VERIFY_KEYS_MAX];
	int			n_keys;
	int64_t		at_s;
	int			level;			/* -1: the policy's */
	bool		json;
	uint8_t		nonce[ATTESTATION_NONCE_MAX];
	size_t		nonce_len;

	/* of "evidence" */
	const char *type;
	const char *report;
	const char *certificates[EVIDENCE_CERTIFICATES_MAX];
	int			n_certificates;
	const char *tpm_quote;
	const char *tpm_signature;
	const char *tpm_pcrs;
	uint8_t		report_data[REPORT_DATA_LEN];
	bool		has_report_data;

	/* of "server" */
	const char *dsn;
	const char *tenant;
	bool		fresh;
	bool		no_tls;

	/* of "manifest" */
	const char *files[VERIFY_FILES_MAX];
	int			n_files;
} VerifyOptions;

/* Ends the program where they make no sense, or --help was asked for. */
extern void verify_options_read(int argc, char **argv, VerifyOptions *options);

/* All of a file, for the rest of the program; ends it when it cannot be read. */
extern Bytes verify_file(const char *path, size_t max);

/* Says so, and ends the program with EXIT_USAGE. */
extern void verify_give_up(const char *format,...)
			__attribute__((format(printf, 1, 2), noreturn));

/* Room for n bytes, for the rest of the program. */
extern void *verify_room(size_t n);

#endif							/* PROGRAMS_BIONIC_VERIFY_OPTIONS_H */
