/*-------------------------------------------------------------------------
 *
 * kms_provider.h
 *	  What a key management system does for us, and how it fails.
 *
 * A provider is one file and one line of kms_providerlist.h.  It wraps a data
 * key with a key-encryption key that it keeps, and unwraps it again; it never
 * makes a data key.
 *
 * Of two kinds.  A local one (KmsLocal) answers at once, with what is on this
 * machine.  A remote one (KmsRemote) is pure: it builds requests, reads
 * replies and classifies failures, and knows neither sockets nor the clock;
 * logins, retries and deadlines are the key worker's (worker/kms_client.c),
 * the bytes on the wire are its transport's (kms_transport.h).
 *
 * Providers report by status and never raise errors: what went wrong is a fact
 * about a tenant's KMS, and the worker goes on with the next tenant.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_KMS_PROVIDER_H
#define KMS_KMS_PROVIDER_H

#include "postgres.h"

#include "crypto/bytes.h"
#include "crypto/kdf.h"
#include "kms/kms_message.h"

/* The class of a failure decides what happens: docs/keys.md. */
typedef enum KmsStatus
{
	KMS_OK = 0,
	KMS_CONFIG,					/* an option is wrong: for the operator */
	KMS_DENIED,					/* fail closed, evict, ends by itself */
	KMS_BAD_CIPHERTEXT,			/* never retried; a security event */
	KMS_UNAVAILABLE,			/* keys at hand serve until the lease ends */
	KMS_THROTTLED,				/* likewise; not before retry_after_ms */
	KMS_PROTOCOL,				/* likewise: a reply that makes no sense */
	KMS_CREDENTIAL,				/* likewise: ours is missing or has expired */
	KMS_UNATTESTED,				/* not asked: ours does not say what it must;
								 * as denied, with its own error */
	KMS_KEY_FILE_MISSING,		/* as unavailable, with its own error */
	KMS_KEY_FILE_OPEN			/* likewise */
} KmsStatus;

#define KMS_STATUSES (KMS_KEY_FILE_OPEN + 1)

#define KMS_DETAIL_MAX 512

/* Never holds a body, a token or a key. */
typedef struct KmsError
{
	KmsStatus	status;
	int64		retry_after_ms; /* KMS_THROTTLED; 0: it did not say */
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
	bool		of_machine;		/* a file, environment variable, module,
								 * helper, socket or identity of the server's
								 * machine: not for everybody to name */
} KmsOptionRule;

#define KMS_WRAPPED_MAX 2048
#define KMS_ASSOCIATED_MAX 1024

/* A KMS of this machine.  Both run in a memory context that is reset. */
typedef struct KmsLocal
{
	/* wrapped has room for KMS_WRAPPED_MAX bytes */
	bool		(*wrap) (const KmsServer *server, const KmsContext *context,
						 const uint8 data_key[DATA_KEY_LEN],
						 uint8 *wrapped, Size *wrapped_len, KmsError *error);
	bool		(*unwrap) (const KmsServer *server, const KmsContext *context,
						   Bytes wrapped, uint8 data_key[DATA_KEY_LEN],
						   KmsError *error);

	/*
	 * Makes the key-encryption key if there is none yet; only a key file in
	 * its default place is made.  Sets *created and the path in *error's subject.
	 */
	bool		(*create_kek) (const KmsServer *server, bool *created, KmsError *error);
} KmsLocal;

typedef enum KmsOperation
{
	KMS_WRAP,					/* data key in, wrapped key out */
	KMS_UNWRAP,					/* wrapped key in, data key out */
	KMS_REWRAP					/* wrapped key in and out; see can_rewrap */
} KmsOperation;

#define KMS_CREDENTIAL_MAX	16384	/* bytes of a credential's file, */
#define KMS_JWT_MAX			65536	/* of a token of a TokenSource; with a NUL each */
#define KMS_IDENTITY_MAX	1024
#define KMS_NONCE_MAX		65

/* What we log in with, as its files and sources say at this login.  Wiped after it. */
typedef struct KmsCredential
{
	char		identity[KMS_IDENTITY_MAX]; /* not secret: a role_id */
	char		nonce[KMS_NONCE_MAX];	/* that a source was asked with */
	char		secret[KMS_JWT_MAX];	/* without a trailing newline */
} KmsCredential;

/* What a login gave, or one of its exchanges for the next. */
typedef struct KmsToken
{
	char		text[KMS_CREDENTIAL_MAX];	/* in a form that the provider knows */
	uint32		lifetime_s;		/* from now; 0: it did not say */
	bool		renewable;		/* by KMS_RENEW */
	bool		replaceable;	/* by another KMS_LOGIN, ahead of its end */
} KmsToken;

typedef enum KmsLogin
{
	KMS_LOGIN,					/* from the credential */
	KMS_RENEW,					/* from the token that is there */
	KMS_LOGOUT					/* that token is not needed any more */
} KmsLogin;

/* What a login is asked for, and with what. */
typedef struct KmsLoginAsked
{
	KmsLogin	step;
	int			round;			/* exchange of a KMS_LOGIN: 0, 1, ... */
	const KmsCredential *credential;	/* of KMS_LOGIN; else NULL */
	int64		now_s;			/* since 1970 */
} KmsLoginAsked;

#define KMS_LOGIN_ROUNDS_MAX 4

typedef enum KmsProgress
{
	KMS_FAILED = 0,				/* see error */
	KMS_GO_ON,					/* built: send it; read: there is another round */
	KMS_COMPLETE				/* the token is there; built: nothing to send */
} KmsProgress;

#define KMS_SCRATCH_LEN 64

/* One operation on a key. */
typedef struct KmsAsked
{
	KmsOperation operation;
	const KmsContext *context;
	Bytes		in;				/* data key or wrapped key */
	uint8	   *scratch;		/* KMS_SCRATCH_LEN secret bytes for the
								 * provider: build writes, read reads */
	int64		now_s;			/* since 1970; by the KMS's clock, as far as
								 * it has told it */
} KmsAsked;

struct KmsTransport;
struct TokenSource;

/* A KMS elsewhere. */
typedef struct KmsRemote
{
	const struct KmsTransport *transport;

	/* Files to read before a login; NULL where the server names none. */
	const char *(*identity_file) (const KmsServer *server);
	const char *(*secret_file) (const KmsServer *server);

	/*
	 * Where the JWT comes from that is the secret, in the place of such a
	 * file; false: it is none, or there is a file of another kind.  NULL: no
	 * server of this provider has one.
	 */
	bool		(*token_source) (const KmsServer *server, struct TokenSource *source);

	/*
	 * True: the authority is asked anew at each check of keys, so that a
	 * login that it refuses is noticed; false: only when the token ends.
	 */
	bool		(*logs_in) (const KmsServer *server);

	/*
	 * A login is a chain of exchanges.  *token is zero at its first, then what
	 * the one before left; at KMS_RENEW and KMS_LOGOUT it is the token that is
	 * there.  KMS_LOGOUT, for tokens that a KMS keeps account of, may be
	 * KMS_COMPLETE at once.
	 */
	KmsProgress (*build_login) (const KmsServer *server, const KmsLoginAsked *asked,
								KmsToken *token, KmsRequest *request, KmsError *error);
	KmsProgress (*read_login) (const KmsServer *server, const KmsLoginAsked *asked,
							   const KmsReply *reply, KmsToken *token, KmsError *error);

	bool		(*build) (const KmsServer *server, const KmsAsked *asked,
						  const KmsToken *token, KmsRequest *request, KmsError *error);

	/*
	 * out has room for KMS_WRAPPED_MAX bytes, for KMS_UNWRAP for DATA_KEY_LEN:
	 * a key of another length is KMS_PROTOCOL.  What is in it after a failure
	 * does not matter.
	 */
	bool		(*read) (const KmsServer *server, const KmsAsked *asked,
						 const KmsReply *reply, uint8 *out, Size *out_len,
						 KmsError *error);

	/* Whether the KMS wraps anew by itself, under the same binding. */
	bool		(*can_rewrap) (const KmsServer *server);
} KmsRemote;

/* One of local and remote is set. */
typedef struct KmsProvider
{
	const char *name;
	const KmsOptionRule *option_rules;	/* ends with a NULL name */

	/* No I/O.  Further checks of the options; NULL for none. */
	bool		(*validate) (const KmsServer *server, KmsError *error);

	/* No I/O.  Whether a tenant may name its KEK so; NULL: any name will do. */
	bool		(*validate_kek) (const char *kek, KmsError *error);

	/*
	 * Options checked.  Whether it uses an identity of this machine, or runs
	 * code of somebody else's: such a server is for superusers to make.  NULL:
	 * never.
	 */
	bool		(*needs_superuser) (const KmsServer *server);

	const KmsLocal *local;
	const KmsRemote *remote;
} KmsProvider;

extern const KmsProvider *kms_provider_by_name(const char *name);

/* All names, for a hint. */
extern const char *kms_provider_names(void);

/* NULL: the provider has no such option. */
extern const KmsOptionRule *kms_option_rule(const KmsProvider *provider, const char *name);

/* No I/O.  Whether the options that were read are those of their provider. */
extern bool kms_server_validate(const KmsServer *server, KmsError *error);

/*
 * Reads a server's options, name and value sized, and validates them: they
 * may be of another version, or bionic_crypt.allow_local_kms may have been on.
 */
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
