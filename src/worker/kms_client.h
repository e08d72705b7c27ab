/*-------------------------------------------------------------------------
 *
 * kms_client.h
 *	  The key worker's side of one KMS server: its queue of calls, its login,
 *	  its breaker.  Of the files kms_*.c here only.
 *
 * A server has a client of its own, and so connections, a token, places for
 * calls and a breaker of its own: what one KMS does to us delays no call of
 * another one.  Tenants who share a server share its credentials anyway.
 *
 *-------------------------------------------------------------------------
 */
#ifndef WORKER_KMS_CLIENT_H
#define WORKER_KMS_CLIENT_H

#include "postgres.h"

#include "base/secret.h"
#include "shmem/kms_stats.h"
#include "worker/kms_breaker.h"
#include "worker/kms_call.h"

#define PLACES 16				/* calls of a server at a time */
#define PLACES_OF_LOGINS 2		/* one, and a logout */

typedef enum LoginState
{
	LOGIN_NONE = 0,				/* none under way */
	LOGIN_SENT,
	LOGIN_PAUSED				/* before it is tried again */
} LoginState;

typedef struct Login
{
	LoginState	state;
	int			attempts;
	bool		confirming;		/* it was denied once */
	bool		in_doubt;		/* for the sake of a call that was refused */
	bool		of_machine;		/* what was sent last did not go to the KMS's side */
	bool		asks_source;	/* it went to the source of the credential, */
	bool		credential_there;	/* which has answered, or was not needed */
	uint64		deadline;
	const KmsTransport *transport;	/* of transfer */
	void	   *transfer;
	KmsLoginAsked asked;
	MemoryContext memory;		/* of the next four */
	KmsCredential *credential;
	KmsRequest *request;
	KmsReply   *reply;
	KmsToken   *progress;		/* the token, as far as it has come */
	LoopTimer	timer;

	KmsToken   *token;			/* NULL: none */
	MemoryContext token_memory; /* a Secret in it is the token */
	KmsToken   *old_token;		/* replaced; calls may be sent with it */
	MemoryContext old_memory;
	uint64		expired_token;	/* hash of one whose end has passed; 0: none */
	uint64		token_serial;
	uint64		asked_at;		/* when the login was sent last */
	uint64		token_since;
	uint64		doubted_at;		/* the last login in_doubt */
	uint64		token_ends;		/* 0: nobody said */
	uint64		renew_at;		/* 0: never */

	uint64		failed_until;	/* the last failure answers till then */
	int			denials;		/* in a row */
	KmsError	failure;
} Login;

typedef struct KmsClient
{
	char		name[NAMEDATALEN];	/* hash key; must be first */
	MemoryContext memory;		/* of the client and all it holds */
	KmsServer	server;			/* its options read */
	Size		options_len;
	uint8		options[KEY_OPTIONS_MAX];
	int			timeout_ms;		/* of a call with all its retries */
	const KmsTransport *transport;
	void	   *connections;	/* the transport's client; NULL: a local provider */
	int64		clock_ahead_s;	/* how far the KMS's clock is before ours */
	KmsStats   *stats;
	Breaker		breaker;
	KmsCall    *trying;			/* the call that a half-open breaker lets through */
	Login		login;
	dlist_head	queue;			/* of calls */
	dlist_head	in_doubt;		/* calls that wait for the end of a login */
	int			in_flight;		/* sent or paused */
	int			n_calls;		/* of any state but ended */
	uint64		last_used;
} KmsClient;

/* Once a process. */
extern void kms_clients_init(void);

/* The client of a server as its options are now; NULL: see error. */
extern KmsClient *kms_client_find(const KmsServerRecord *record, KmsError *error);

extern void kms_clients_each(void (*work) (KmsClient *client));

/* After a change of settings: local addresses may be forbidden by now. */
extern void kms_clients_look_at_settings(void);

/* Closes those that had no call for a while. */
extern void kms_clients_tidy(void);

/* Of a call with its retries: a KMS must not keep us from asking again in time. */
extern int	kms_client_timeout_ms(const KmsClient *client);

/* Seconds since 1970, by the server's clock as far as it has told it. */
extern int64 kms_client_clock_s(const KmsClient *client);
extern void kms_client_note_clock(KmsClient *client, const KmsReply *reply);

/* Of one attempt: the first leaves time for another one, on another connection. */
extern int	kms_call_attempt_ms(int attempts, int64 left_ms);

/* Milliseconds before attempt n + 1: full jitter, and what the KMS asked for. */
extern int64 kms_call_pause_ms(int attempts, const KmsError *error);

typedef enum LoginVerdict
{
	LOGIN_READY,				/* there is a token */
	LOGIN_PENDING,				/* look again after the loop has run */
	LOGIN_FAILED				/* see failure */
} LoginVerdict;

/* Whether calls can be sent; begins a login if there is need for one. */
extern LoginVerdict kms_login_look(KmsClient *client);

/*
 * A call was refused with this token.  True: a login is under way, after which
 * it can be asked again; false: at once, with what there is.
 */
extern bool kms_login_doubt(KmsClient *client, uint64 token_serial);

/* Renews a token in time, ends one that nobody uses; in each round. */
extern void kms_login_tidy(KmsClient *client);

/* The token that a login gave, in a memory of its own, takes the place of another. */
extern void kms_token_accept(KmsClient *client, MemoryContext memory, KmsToken *got);

/*
 * Whether a token that is the credential has come to its end: one whose time
 * was over and of which the KMS knows nothing any more.  That is our trouble,
 * and no denial.
 */
extern bool kms_token_has_expired(const KmsClient *client, const KmsToken *got);

/* There is no token any more; one that is ours to end waits for that. */
extern void kms_token_retire(KmsClient *client);

/* Ends the token that was there before, once no call is sent with it. */
extern void kms_token_end_old(KmsClient *client);

/* Wipes both. */
extern void kms_tokens_drop(KmsClient *client);

/* To tell a token again without keeping it; worth nothing outside of this process. */
extern uint64 kms_token_hash(const KmsToken *token);

/* Whether there is a token that would end for good if nobody renewed it. */
extern bool kms_login_must_stay(const KmsClient *client);

/* Ends what is under way and wipes the token. */
extern void kms_login_end(KmsClient *client);

#endif							/* WORKER_KMS_CLIENT_H */
