/*-------------------------------------------------------------------------
 *
 * kms_call.c
 *	  Calls of KMS servers: queued, sent, tried again, ended.
 *
 * A server has so many places for calls; what finds none waits in its queue,
 * as it does for a login.  No answer, or "too many requests", is tried again
 * within the call's time, with full jitter.  A denial, and a credential that
 * is refused, are confirmed once with a fresh login.  A local provider answers at once, and the call ends like
 * any other.
 *
 * Nothing here is called while libcurl is on the stack.  What providers do
 * with a reply may raise errors (out of memory); it is run guarded.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "common/pg_prng.h"
#include "utils/memutils.h"

#include "kms/curl_loop.h"
#include "shmem/epochs.h"
#include "shmem/registry.h"
#include "worker/guarded.h"
#include "worker/held_key.h"
#include "worker/kms_client.h"
#include "worker/kms_exchange.h"

#define ATTEMPTS_MAX		3
#define PAUSE_FIRST_MS		200
#define PAUSE_LONGEST_MS	5000

static dlist_head ended = DLIST_STATIC_INIT(ended); /* calls to be told of */

void
kms_calls_init(void)
{
	loop_init();
	curl_loop_init();
	kms_clients_init();
	kms_exchanges_init();
}

static void
count(pg_atomic_uint64 *counter)
{
	pg_atomic_fetch_add_u64(counter, 1);
}

/* Takes the call out of whatever it waits for; it has no state afterwards. */
static void
detach(KmsCall *call)
{
	KmsClient  *client = call->client;

	switch (call->state)
	{
		case KMS_CALL_QUEUED:
		case KMS_CALL_ENDED:
			dlist_delete(&call->node);
			break;
		case KMS_CALL_SENT:
			if (call->transfer != NULL)
				client->transport->cancel(call->transfer);
			client->in_flight--;
			break;
		case KMS_CALL_PAUSED:
			loop_timer_stop(&call->timer);
			client->in_flight--;
			break;
		case KMS_CALL_IDLE:
			break;
	}
	call->transfer = NULL;
	if (call->memory != NULL)
		MemoryContextDelete(call->memory);
	call->memory = NULL;
	call->reply = NULL;
	call->scratch = NULL;
}

/* GCM commits to no key; this does. */
static bool
is_key_of(const KmsCall *call)
{
	uint8		check[CHECK_VALUE_LEN];

	return kdf_check_value(call->data_key, bytes_of_string(call->record->tenant),
						   call->record->key_id, check) &&
		CRYPTO_memcmp(check, call->record->check_value, CHECK_VALUE_LEN) == 0;
}

static void
count_outcome(const KmsCall *call)
{
	instr_time	elapsed;
	bool		probe = strcmp(call->purpose, KEY_PURPOSE_PROBE) == 0;

	INSTR_TIME_SET_CURRENT(elapsed);
	INSTR_TIME_SUBTRACT(elapsed, call->started);
	if (!call->ok && !probe)
		count(&registry_counters()->kms_failures);

	/* Of a probe it is good to be refused. */
	kms_stats_count_call(call->client->stats,
						 probe && call->error.status == KMS_BAD_CIPHERTEXT ? KMS_OK : call->error.status,
						 INSTR_TIME_GET_MICROSEC(elapsed));
}

/*
 * A KMS that said no, and could not be asked once more, has said no: whoever
 * sits between us must not make an outage of that.
 */
static void
stand_by_denial(KmsCall *call)
{
	KmsError	second = call->error;

	kms_fail(&call->error, KMS_DENIED, "", "It refused, and could not be asked once more.  %s",
			 second.detail);
	call->by_breaker = false;
}

static void
end_call(KmsCall *call, bool ok)
{
	KmsClient  *client = call->client;
	KmsStatus	said;
	bool		by_breaker;

	detach(call);
	if (ok && call->operation == KMS_UNWRAP && !is_key_of(call))
	{
		OPENSSL_cleanse(call->data_key, DATA_KEY_LEN);
		ok = kms_fail(&call->error, KMS_BAD_CIPHERTEXT, "",
					  "The unwrapped key is not the one that was wrapped.");
	}
	said = ok ? KMS_OK : call->error.status;
	by_breaker = call->by_breaker;
	if (call->denied && said != KMS_OK && said != KMS_DENIED && said != KMS_BAD_CIPHERTEXT)
		stand_by_denial(call);
	call->ok = ok;
	if (ok)
		call->error.status = KMS_OK;
	call->state = KMS_CALL_ENDED;
	dlist_push_tail(&ended, &call->node);
	if (client == NULL)
		return;

	client->n_calls--;
	if (by_breaker)
		count(&client->stats->refused_by_breaker);
	else
	{
		count_outcome(call);
		if (client->breaker.state != KMS_BREAKER_HALF_OPEN || client->trying == call)
			breaker_note(&client->breaker, said);
	}
	if (client->trying == call)
		client->trying = NULL;
}

static void
fail_call(KmsCall *call, const KmsError *error)
{
	call->error = *error;
	end_call(call, false);
}

int64
kms_call_pause_ms(int attempts, const KmsError *error)
{
	int64		longest = Min(PAUSE_FIRST_MS << attempts, PAUSE_LONGEST_MS);

	return error->retry_after_ms +
		(int64) (longest * pg_prng_double(&pg_global_prng_state));
}

int
kms_call_attempt_ms(int attempts, int64 left_ms)
{
	return (int) Max(attempts == 0 ? left_ms / 2 : left_ms, 1);
}

static void
enqueue(KmsCall *call, bool first)
{
	call->state = KMS_CALL_QUEUED;
	if (first)
		dlist_push_head(&call->client->queue, &call->node);
	else
		dlist_push_tail(&call->client->queue, &call->node);
}

static void
try_again(void *argument)
{
	KmsCall    *call = argument;

	detach(call);
	enqueue(call, true);
}

/* In a list of its own: the others need no other token. */
static void
wait_for_login(KmsCall *call)
{
	detach(call);
	call->state = KMS_CALL_QUEUED;
	dlist_push_tail(&call->client->in_doubt, &call->node);
}

static int64
time_left_ms(const KmsCall *call)
{
	return ((int64) call->deadline - (int64) epochs_now()) / (int64) NS_IN_MS;
}

/* Tries a failed call again, or ends it. */
static void
answer_failed(KmsCall *call)
{
	KmsStatus	status = call->error.status;

	if ((status == KMS_DENIED || status == KMS_CREDENTIAL) && !call->confirming)
	{
		call->confirming = true;
		call->denied = status == KMS_DENIED;
		if (kms_login_doubt(call->client, call->token_serial))
			wait_for_login(call);
		else
			try_again(call);
		return;
	}
	if ((status == KMS_UNAVAILABLE || status == KMS_THROTTLED) && ++call->attempts < ATTEMPTS_MAX)
	{
		int64		pause = kms_call_pause_ms(call->attempts - 1, &call->error);

		if (pause < time_left_ms(call))
		{
			detach(call);
			call->state = KMS_CALL_PAUSED;
			call->client->in_flight++;
			count(&call->client->stats->retries);
			loop_timer_start(&call->timer, pause, try_again, call);
			return;
		}
	}
	end_call(call, false);
}

/* The end of a transfer, from the loop. */
static void
call_replied(void *argument)
{
	KmsCall    *call = argument;

	call->transfer = NULL;
	call->ok = false;
	kms_client_note_clock(call->client, call->reply);
	if (!guarded_run(kms_exchange_read, call))
		call->ok = kms_fail(&call->error, KMS_PROTOCOL, "", "The reply could not be read.");
	if (call->ok)
		end_call(call, true);
	else
		answer_failed(call);
}

static void
send_call(KmsCall *call)
{
	KmsClient  *client = call->client;

	dlist_delete(&call->node);
	call->state = KMS_CALL_SENT;
	client->in_flight++;
	call->token_serial = client->login.token_serial;
	if (time_left_ms(call) <= 0)
		end_call(call, kms_fail(&call->error, KMS_UNAVAILABLE, "",
								"There was no place for the call in time."));
	else if (!kms_exchange_send(call, kms_call_attempt_ms(call->attempts, time_left_ms(call)),
								call_replied))
		end_call(call, false);
}

static void
begin_call(KmsCall *call)
{
	Assert(call->state == KMS_CALL_IDLE);
	MemSet(&call->error, 0, sizeof(call->error));
	call->ok = call->kek_created = call->by_breaker = call->confirming = call->denied = false;
	call->attempts = 0;
	call->client = NULL;
	INSTR_TIME_SET_CURRENT(call->started);
}

void
kms_call_refuse(KmsCall *call, KmsStatus status, const char *subject, const char *detail)
{
	begin_call(call);
	end_call(call, kms_fail(&call->error, status, subject, "%s", detail));
}

/* What is no name of a key is told without a login, which may fail by itself. */
static bool
names_kek(const KmsClient *client, KmsCall *call)
{
	const KmsProvider *provider = client->server.provider;

	return provider->validate_kek == NULL ||
		provider->validate_kek(call->record->kek, &call->error);
}

/*
 * A server with such claims has no login whose token lacks them (kms_login.c):
 * so the key of a tenant that demands attestation is asked for with one that
 * has them, or not at all.
 */
static bool
attests(const KmsClient *client, KmsCall *call)
{
	return !call->record->attested ||
		kms_option(&client->server, "attestation_claims") != NULL ||
		kms_fail(&call->error, KMS_UNATTESTED, "attestation_claims",
				 "The tenant demands attestation, and the server demands no claims.");
}

void
kms_call_start(KmsCall *call)
{
	KmsClient  *client;

	begin_call(call);
	count(call->operation == KMS_UNWRAP ? &registry_counters()->unwraps
		  : &registry_counters()->wraps);

	client = kms_client_find(&call->record->server, &call->error);
	if (client == NULL || !attests(client, call) || !names_kek(client, call))
	{
		count(&registry_counters()->kms_failures);
		end_call(call, false);
		return;
	}
	call->client = client;
	if (client->connections == NULL)
	{
		bool		ok = kms_exchange_local(call);	/* may raise an error */

		client->n_calls++;
		end_call(call, ok);
		return;
	}
	client->n_calls++;
	call->deadline = epochs_now() + kms_client_timeout_ms(client) * NS_IN_MS;
	if (client->in_flight >= PLACES)
		count(&client->stats->waited);
	enqueue(call, false);
}

void
kms_call_cancel(KmsCall *call)
{
	KmsClient  *client = call->client;
	bool		counted = call->state != KMS_CALL_IDLE && call->state != KMS_CALL_ENDED;

	detach(call);
	call->state = KMS_CALL_IDLE;
	if (client == NULL || !counted)
		return;
	client->n_calls--;
	if (client->trying == call)
	{
		client->trying = NULL;
		breaker_forget_try(&client->breaker);
	}
}

/* Whether the breaker lets this call out. */
static bool
breaker_lets_out(KmsClient *client, KmsCall *call)
{
	if (client->trying == call)
		return true;
	if (!breaker_permits(&client->breaker))
		return false;
	if (client->breaker.state == KMS_BREAKER_HALF_OPEN)
		client->trying = call;
	return true;
}

/* The login is over, whatever came of it. */
static void
end_doubts(KmsClient *client)
{
	while (client->login.state == LOGIN_NONE && !dlist_is_empty(&client->in_doubt))
		dlist_push_head(&client->queue, dlist_pop_head_node(&client->in_doubt));
}

/* Sends or refuses what waits, in order, as far as there are places. */
static void
run_queue(KmsClient *client)
{
	static const KmsError left_alone = {
		.status = KMS_UNAVAILABLE,
		.detail = "It could not be asked before and is left alone for a while.",
	};

	while (!dlist_is_empty(&client->queue) && client->in_flight < PLACES)
	{
		KmsCall    *call = dlist_head_element(KmsCall, node, &client->queue);

		if (!breaker_lets_out(client, call))
		{
			call->by_breaker = true;
			fail_call(call, &left_alone);
			continue;
		}
		switch (kms_login_look(client))
		{
			case LOGIN_READY:
				send_call(call);
				break;
			case LOGIN_PENDING:
				return;
			case LOGIN_FAILED:
				fail_call(call, &client->login.failure);
				break;
		}
	}
}

static void
tell_of_end(void *argument)
{
	KmsCall    *call = argument;

	call->done(call);
}

/* Tells whose calls have ended; false if there was none. */
static bool
tell_all(void)
{
	bool		any = false;

	while (!dlist_is_empty(&ended))
	{
		KmsCall    *call = dlist_container(KmsCall, node, dlist_pop_head_node(&ended));

		call->state = KMS_CALL_IDLE;
		any = true;
		(void) guarded_run(tell_of_end, call);
	}
	return any;
}

static void
publish(KmsClient *client)
{
	uint32		queued = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &client->queue)
		queued++;
	pg_atomic_write_u32(&client->stats->in_flight, client->in_flight);
	pg_atomic_write_u32(&client->stats->queued, queued);
	pg_atomic_write_u32(&client->stats->breaker, client->breaker.state);
}

static void
run_client(KmsClient *client)
{
	end_doubts(client);
	run_queue(client);
	publish(client);
}

void
kms_calls_run(void)
{
	do
		kms_clients_each(run_client);
	while (tell_all());
}
