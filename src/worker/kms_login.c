/*-------------------------------------------------------------------------
 *
 * kms_login.c
 *	  The login at a KMS server: its credential, its token, their ends.
 *
 * One login at a time for all calls of a server, of one exchange or several;
 * when one of them fails, it begins again.  The credential's files are read,
 * and its source is asked, anew for each.  Where there is an authority that admits us (AppRole,
 * JWT, ...), it is asked again at least twice in each revocation_interval: a
 * token that it gave goes on after it has shut us out, and that would be a
 * revocation that nobody notices.  Where the token itself is the credential,
 * it is renewed before it ends.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "utils/memutils.h"

#include "base/config.h"
#include "shmem/epochs.h"
#include "worker/guarded.h"
#include "worker/held_key.h"
#include "worker/kms_client.h"
#include "worker/kms_credential.h"

#define ATTEMPTS_MAX		3
#define FAILURE_KEPT_MS		1000	/* between logins that fail */
#define RENEWAL_PAUSE_MS	5000	/* between renewals that fail */
#define DENIAL_FIRST_MS		5000	/* that are refused: then doubled, since a */
#define DENIAL_LONGEST_MS	60000	/* KMS may lock out who tries too often */
#define DOUBLINGS_MAX		8
#define CONFIRM_PAUSE_MS	200		/* before a refusal is believed */
#define DOUBT_PAUSE_MS		5000	/* between logins because a call was refused */
#define FRESH_MS			1000	/* so new that a denial is not its fault */

/* A share of revocation_interval: with the time to the next check of a key. */
#define AUTHORITY_SHARE		4

static void send_login(KmsClient *client);
static void login_replied(void *argument);

static uint64
after_ms(int64 ms)
{
	return epochs_now() + ms * NS_IN_MS;
}

static bool
logs_in(const KmsClient *client)
{
	return client->server.provider->remote->logs_in(&client->server);
}

/* Ends what is under way. */
static void
stop(KmsClient *client)
{
	Login	   *login = &client->login;

	if (login->transfer != NULL)
		login->transport->cancel(login->transfer);
	loop_timer_stop(&login->timer);
	if (login->memory != NULL)
		MemoryContextDelete(login->memory);
	login->transfer = NULL;
	login->memory = NULL;
	login->credential = NULL;
	login->request = NULL;
	login->reply = NULL;
	login->progress = NULL;
	login->state = LOGIN_NONE;
}

/* How long a login that failed is not tried again; refusals are counted there. */
static int64
failure_kept_ms(Login *login, KmsStatus status)
{
	int64		longest = Min(DENIAL_LONGEST_MS, config_revocation_interval_ms / 2);

	if (status != KMS_DENIED)
	{
		login->denials = 0;
		return FAILURE_KEPT_MS;
	}
	return Min(DENIAL_FIRST_MS << Min(login->denials++, DOUBLINGS_MAX), longest);
}

/*
 * True while a token serves on though it could not be renewed or replaced.
 * Where an authority admits us, its silence is one of the KMS; but not if it
 * was asked for the sake of one call only, which others are not to suffer
 * from.  Its "no" holds for all.
 */
static bool
token_serves_on(const KmsClient *client, KmsStatus status)
{
	const Login *login = &client->login;

	if (login->token == NULL ||
		(login->token_ends != 0 && login->token_ends <= epochs_now()))
		return false;
	if (login->asked.step == KMS_RENEW || !logs_in(client))
		return true;
	return login->in_doubt && status != KMS_DENIED && status != KMS_UNATTESTED;
}

static void
login_failed(KmsClient *client, const KmsError *error)
{
	Login	   *login = &client->login;

	stop(client);
	pg_atomic_fetch_add_u64(&client->stats->failures[error->status], 1);
	ereport(LOG,
			(errmsg("could not log in at KMS \"%s\"", client->name),
			 errdetail_internal("%s %s", error->subject, error->detail)));

	if (token_serves_on(client, error->status))
	{
		if (login->renew_at != 0)
			login->renew_at = error->status == KMS_DENIED ? 0 : after_ms(RENEWAL_PAUSE_MS);
		return;
	}
	if (login->asked.step == KMS_RENEW)
	{
		login->renew_at = 0;
		return;
	}
	login->failure = *error;
	login->failed_until = after_ms(failure_kept_ms(login, error->status));
	kms_token_retire(client);
}

/* What becomes of one exchange, and the token at its end. */
typedef struct LoginReading
{
	KmsClient  *client;
	KmsProgress progress;
	MemoryContext memory;		/* of the token */
	KmsToken   *token;
	KmsError	error;
} LoginReading;

static void
keep_token(LoginReading *reading)
{
	MemoryContext caller;

	reading->memory = AllocSetContextCreate(reading->client->memory, "bionic_crypt token",
											ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(reading->memory);
	reading->token = (KmsToken *) secret_create(sizeof(KmsToken))->data;
	MemoryContextSwitchTo(caller);
	*reading->token = *reading->client->login.progress;
}

static void
read_login(void *argument)
{
	LoginReading *reading = argument;
	KmsClient  *client = reading->client;
	Login	   *login = &client->login;

	if (login->asks_source)
	{
		reading->progress = kms_credential_take(&client->server, login->reply, login->credential,
												&reading->error) ? KMS_GO_ON : KMS_FAILED;
		return;
	}
	reading->progress = client->server.provider->remote->read_login(&client->server,
																	&login->asked, login->reply,
																	login->progress,
																	&reading->error);
	if (reading->progress == KMS_COMPLETE)
		keep_token(reading);
}

/* From its first exchange on. */
static void
try_again(void *argument)
{
	KmsClient  *client = argument;

	client->login.asked.round = 0;
	client->login.credential_there = false;
	send_login(client);
}

/* True when it is tried once more. */
static bool
tries_again(KmsClient *client, const KmsError *error)
{
	Login	   *login = &client->login;
	int64		left = ((int64) login->deadline - (int64) epochs_now()) / (int64) NS_IN_MS;
	int64		pause = 0;

	if (error->status == KMS_DENIED && !login->confirming && login->denials == 0)
	{
		login->confirming = true;
		pause = CONFIRM_PAUSE_MS;
	}
	else if ((error->status == KMS_UNAVAILABLE || error->status == KMS_THROTTLED) &&
			 ++login->attempts < ATTEMPTS_MAX)
		pause = kms_call_pause_ms(login->attempts - 1, error);
	else
		return false;
	if (pause >= left)
		return false;
	login->state = LOGIN_PAUSED;
	loop_timer_start(&login->timer, pause, try_again, client);
	return true;
}

/* An exchange is over: the login is, too, or the next one follows. */
static void
go_on(LoginReading *reading)
{
	KmsClient  *client = reading->client;
	Login	   *login = &client->login;

	if (reading->progress == KMS_GO_ON && login->asks_source)
	{
		login->asks_source = false;
		login->credential_there = true;
		send_login(client);
		return;
	}
	if (reading->progress == KMS_GO_ON && ++login->asked.round < KMS_LOGIN_ROUNDS_MAX)
	{
		send_login(client);
		return;
	}
	if (reading->progress == KMS_GO_ON)
		kms_fail(&reading->error, KMS_PROTOCOL, "", "The login does not end.");
	if (reading->progress == KMS_COMPLETE)
	{
		if (!kms_token_has_expired(client, reading->token))
		{
			stop(client);
			kms_token_accept(client, reading->memory, reading->token);
			return;
		}
		kms_fail(&reading->error, KMS_CREDENTIAL, "", "Our token has expired.");
		MemoryContextDelete(reading->memory);
	}
	if (tries_again(client, &reading->error))
		return;

	/* A "no" that could not be confirmed is one. */
	if (login->confirming && reading->error.status != KMS_DENIED)
		kms_fail(&reading->error, KMS_DENIED, "",
				 "The login was refused, and could not be tried once more.");
	login_failed(client, &reading->error);
}

static void
login_replied(void *argument)
{
	KmsClient  *client = argument;
	LoginReading reading = {.client = client};

	client->login.transfer = NULL;

	/* What is on our machine, or as good as, has our clock. */
	if (!client->login.of_machine)
		kms_client_note_clock(client, client->login.reply);
	if (!guarded_run(read_login, &reading))
	{
		if (reading.memory != NULL)
			MemoryContextDelete(reading.memory);
		reading.progress = KMS_FAILED;
		kms_fail(&reading.error, KMS_PROTOCOL, "", "The reply could not be read.");
	}
	go_on(&reading);
}

/*
 * A login begins: with what its files and sources say now, or with the token
 * that is there.  KMS_GO_ON: a source is to be asked first.
 */
static KmsProgress
prepare_first_round(KmsClient *client, KmsError *error)
{
	Login	   *login = &client->login;

	if (login->asked.step == KMS_RENEW)
	{
		*login->progress = *login->token;
		return KMS_COMPLETE;
	}
	OPENSSL_cleanse(login->progress, sizeof(KmsToken));
	return login->credential_there ? KMS_COMPLETE :
		kms_credential_read(&client->server, login->credential, login->request, error);
}

/* The login's next request, if there is one to send. */
static KmsProgress
build_next(KmsClient *client, KmsError *error)
{
	Login	   *login = &client->login;
	KmsProgress progress = KMS_COMPLETE;

	if (login->asked.round == 0)
		progress = prepare_first_round(client, error);
	login->asks_source = progress == KMS_GO_ON;
	if (progress != KMS_COMPLETE)
		return progress;
	return client->server.provider->remote->build_login(&client->server, &login->asked,
														login->progress, login->request, error);
}

/* Sends the login's next request, if there is one to send. */
static void
send_login(KmsClient *client)
{
	Login	   *login = &client->login;
	int64		left = ((int64) login->deadline - (int64) epochs_now()) / (int64) NS_IN_MS;
	LoginReading built = {.client = client};

	login->state = LOGIN_SENT;
	if (login->asked.round == 0 && !login->credential_there)
		login->asked_at = epochs_now();
	login->asked.now_s = kms_client_clock_s(client);
	built.progress = build_next(client, &built.error);
	switch (built.progress)
	{
		case KMS_GO_ON:
			if (!login->asks_source)
				pg_atomic_fetch_add_u64(&client->stats->requests, 1);
			login->of_machine = login->request->peer != KMS_PEER_KMS;
			login->transport = login->request->peer == KMS_PEER_HELPER ? &kms_over_socket :
				client->transport;
			login->transfer = login->transport->send(client->connections, login->request,
													 login->reply,
													 kms_call_attempt_ms(login->attempts, left),
													 login_replied, client);
			OPENSSL_cleanse(login->request, sizeof(KmsRequest));
			break;
		case KMS_COMPLETE:
			keep_token(&built);
			go_on(&built);
			break;
		case KMS_FAILED:
			login_failed(client, &built.error);
			break;
	}
}

/* in_doubt: for the sake of a call that was refused with the token that is there. */
static void
begin(KmsClient *client, KmsLogin step, bool in_doubt)
{
	Login	   *login = &client->login;
	MemoryContext caller;

	login->asked = (KmsLoginAsked) {.step = step};
	login->attempts = 0;
	login->confirming = login->credential_there = login->asks_source = false;
	login->in_doubt = in_doubt;
	login->deadline = after_ms(kms_client_timeout_ms(client));
	login->memory = AllocSetContextCreate(client->memory, "bionic_crypt login",
										  ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(login->memory);
	login->asked.credential = login->credential =
		(KmsCredential *) secret_create(sizeof(KmsCredential))->data;
	login->progress = (KmsToken *) secret_create(sizeof(KmsToken))->data;
	login->request = (KmsRequest *) secret_create(sizeof(KmsRequest))->data;
	login->reply = (KmsReply *) secret_create(sizeof(KmsReply))->data;
	MemoryContextSwitchTo(caller);
	pg_atomic_fetch_add_u64(&client->stats->logins, 1);
	send_login(client);
}

/* Whether the authority has to be asked, or there is no token at all. */
static bool
needs_login(const KmsClient *client, uint64 now)
{
	const Login *login = &client->login;
	uint64		asked_ns = config_revocation_interval_ms / AUTHORITY_SHARE * NS_IN_MS;

	return login->token == NULL ||
		(login->token_ends != 0 && login->token_ends <= now) ||
		(logs_in(client) && login->token_since + asked_ns <= now);
}

LoginVerdict
kms_login_look(KmsClient *client)
{
	Login	   *login = &client->login;
	uint64		now = epochs_now();

	if (!needs_login(client, now))
		return LOGIN_READY;
	if (login->token != NULL && login->token_ends != 0 && login->token_ends <= now)
		login->expired_token = kms_token_hash(login->token);
	if (login->state != LOGIN_NONE && login->asked.step == KMS_RENEW)
		stop(client);
	if (login->failed_until > now)
		return LOGIN_FAILED;
	if (login->state == LOGIN_NONE)
		begin(client, KMS_LOGIN, false);

	/* It may be over already, without an exchange: nothing would wake us then. */
	if (login->failed_until > now)
		return LOGIN_FAILED;
	if (login->state != LOGIN_NONE)
		return LOGIN_PENDING;
	if (!needs_login(client, epochs_now()))
		return LOGIN_READY;
	kms_fail(&login->failure, KMS_CREDENTIAL, "", "The login gave a token that has ended.");
	return LOGIN_FAILED;
}

/*
 * All calls of a server share its token, and one that is refused may say more
 * of its key than of the token.  So the token stays until there is another,
 * and logins for such a reason are few.
 */
bool
kms_login_doubt(KmsClient *client, uint64 token_serial)
{
	Login	   *login = &client->login;
	uint64		now = epochs_now();

	if (login->state == LOGIN_NONE && login->token != NULL &&
		login->token_serial == token_serial &&
		login->token_since + FRESH_MS * NS_IN_MS <= now &&
		login->doubted_at + DOUBT_PAUSE_MS * NS_IN_MS <= now)
	{
		login->doubted_at = now;
		begin(client, KMS_LOGIN, true);
	}
	return login->state != LOGIN_NONE && login->asked.step == KMS_LOGIN;
}

void
kms_login_tidy(KmsClient *client)
{
	Login	   *login = &client->login;

	if (login->old_token != NULL && client->in_flight == 0)
		kms_token_end_old(client);
	if (login->token != NULL && login->renew_at != 0 && login->renew_at <= epochs_now() &&
		login->state == LOGIN_NONE)
		begin(client, login->token->renewable ? KMS_RENEW : KMS_LOGIN, false);
}

bool
kms_login_must_stay(const KmsClient *client)
{
	const Login *login = &client->login;

	return login->renew_at != 0 && login->token->renewable;
}

void
kms_login_end(KmsClient *client)
{
	stop(client);
	kms_tokens_drop(client);
}
