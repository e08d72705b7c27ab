/*-------------------------------------------------------------------------
 *
 * kms_provider.h
 *	  What a key management system does for us, and how it fails.
 *
 * A provider is one file and one line of kms_providerlist.h.  It wraps a data
 * key with a key-encryption key that it keeps, and unwraps it again; it never
 * makes a data key.
 *
 * Providers run in the key worker, in a memory context that is reset after
 * each call.  They report by status and never raise errors: what went wrong is
 * a fact about a tenant's KMS, and the worker goes on with the next tenant.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_KMS_PROVIDER_H
#define KMS_KMS_PROVIDER_H

#include "postgres.h"

#include "crypto/bytes.h"
#include "crypto/kdf.h"

/* The class of a failure decides what happens: DESIGN, section 8. */
typedef enum KmsStatus
{
	KMS_OK = 0,
	KMS_CONFIG,					/* an option is wrong: for the operator */
	KMS_DENIED,					/* fail closed, evict, ends by itself */
	KMS_BAD_CIPHERTEXT,			/* never retried; a security event */
	KMS_UNAVAILABLE,			/* keys at hand serve until the lease ends */
	KMS_KEY_FILE_MISSING,		/* as unavailable, with its own error */
	KMS_KEY_FILE_OPEN			/* likewise */
} KmsStatus;

#define KMS_DETAIL_MAX 512

/* Never holds a body, a token or a key. */
typedef struct KmsError
{
	KmsStatus	status;
	char		subject[MAXPGPATH]; /* the option or path it is about */
	char		detail[KMS_DETAIL_MAX]; /* for the log: facts, a sentence */
} KmsError;

/* One option of a server. */
typedef struct KmsOption
{
	char		name[NAMEDATALEN];
	char		value[MAXPGPATH];
} KmsOption;

#define KMS_OPTIONS_COUNT_MAX 32

/* A server with its options read. */
typedef struct KmsServer
{
	const char *name;
	const struct KmsProvider *provider;
	int			n_options;
	KmsOption	options[KMS_OPTIONS_COUNT_MAX];
} KmsServer;

/*
 * What a wrapped key is bound to.  kms_associated_data() gives its bytes: the
 * KMS's associated data or encryption context.
 */
typedef struct KmsContext
{
	const char *tenant;
	const uint8 *key_id;		/* KEY_ID_LEN */
	const char *purpose;
	const char *kek;			/* in the words of this KMS; may be empty */
} KmsContext;

/* What the validator must know of an option. */
typedef struct KmsOptionRule
{
	const char *name;
	bool		required;
	bool		names_file;		/* a file, environment variable, module,
								 * helper or socket of the server's machine */
} KmsOptionRule;

typedef struct KmsProvider
{
	const char *name;
	const KmsOptionRule *option_rules;	/* ends with a NULL name */

	/* No I/O.  Further checks of the options; NULL for none. */
	bool		(*validate) (const KmsServer *server, KmsError *error);

	/* wrapped has room for KEY_WRAPPED_MAX bytes */
	bool		(*wrap) (const KmsServer *server, const KmsContext *context,
						 const uint8 data_key[DATA_KEY_LEN],
						 uint8 *wrapped, Size *wrapped_len, KmsError *error);
	bool		(*unwrap) (const KmsServer *server, const KmsContext *context,
						   Bytes wrapped, uint8 data_key[DATA_KEY_LEN],
						   KmsError *error);

	/*
	 * Makes the key-encryption key if there is none yet; only a key file in
	 * its default place is made.  Sets *created and the path in *error's subject.  NULL:
	 * the tenant makes it.
	 */
	bool		(*create_kek) (const KmsServer *server, bool *created, KmsError *error);
} KmsProvider;

#define KMS_WRAPPED_MAX 2048
#define KMS_ASSOCIATED_MAX 1024

extern const KmsProvider *kms_provider_by_name(const char *name);

/* All names, for a hint. */
extern const char *kms_provider_names(void);

/* Reads a server's options, name and value sized; false: see error. */
extern bool kms_server_read(const char *name, Bytes options, KmsServer *server,
							KmsError *error);

/* NULL when the option is not given. */
extern const char *kms_option(const KmsServer *server, const char *name);

/* Canonical bytes: "BCK1", then tenant, key id, purpose and KEK, each sized. */
extern Size kms_associated_data(const KmsContext *context, uint8 *out);

/* Fills in *error and answers false, for a provider to return. */
extern bool kms_fail(KmsError *error, KmsStatus status, const char *subject,
					 const char *detail,...) pg_attribute_printf(4, 5);

#define KMS_PROVIDER(symbol) extern const KmsProvider symbol;
#include "kms/kms_providerlist.h"
#undef KMS_PROVIDER

#endif							/* KMS_KMS_PROVIDER_H */
