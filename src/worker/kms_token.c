/*-------------------------------------------------------------------------
 *
 * kms_token.c
 *	  The token of a KMS server: taken, replaced, ended, wiped.
 *
 * One that its KMS keeps account of is ended there when it is not used any
 * more, so that they do not pile up.  It ends by itself too; so nobody looks
 * at the answer.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "base/clock.h"
#include "worker/kms_client.h"

static bool
logs_in(const KmsClient *client)
{
	return client->server.provider->remote->logs_in(&client->server);
}

static void
goodbye_said(void *argument)
{
	MemoryContextDelete(argument);
}

static void
log_out(KmsClient *client, KmsToken *token)
{
	MemoryContext memory = AllocSetContextCreate(client->memory, "bionic_crypt logout",
												 ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(memory);
	Secret	   *request = secret_create(sizeof(KmsRequest));
	Secret	   *reply = secret_create(sizeof(KmsReply));
	KmsLoginAsked asked = {.step = KMS_LOGOUT,.now_s = kms_client_clock_s(client)};
	KmsError	error;

	MemoryContextSwitchTo(caller);
	if (client->server.provider->remote->build_login(&client->server, &asked, token,
													 (KmsRequest *) request->data,
													 &error) == KMS_GO_ON)
	{
		pg_atomic_fetch_add_u64(&client->stats->requests, 1);
		client->transport->send(client->connections, (KmsRequest *) request->data,
								(KmsReply *) reply->data, kms_client_timeout_ms(client),
								goodbye_said, memory);
		secret_wipe(request);
	}
	else
		MemoryContextDelete(memory);
}

static void
drop_token(KmsToken **token, MemoryContext memory)
{
	if (*token != NULL)
		MemoryContextDelete(memory);
	*token = NULL;
}

void
kms_token_end_old(KmsClient *client)
{
	log_out(client, client->login.old_token);
	drop_token(&client->login.old_token, client->login.old_memory);
}

/* A token that is the credential itself is nobody's to end. */
void
kms_token_retire(KmsClient *client)
{
	Login	   *login = &client->login;

	if (login->token == NULL)
		return;
	if (!logs_in(client))
	{
		login->renew_at = 0;
		drop_token(&login->token, login->token_memory);
		return;
	}

	/* Calls that the one before was sent with have long ended. */
	if (login->old_token != NULL)
		kms_token_end_old(client);
	login->old_token = login->token;
	login->old_memory = login->token_memory;
	login->token = NULL;
}

/*
 * Times count from the question: an answer may have been held up, and the
 * authority's yes is as old as that.
 */
void
kms_token_accept(KmsClient *client, MemoryContext memory, KmsToken *got)
{
	Login	   *login = &client->login;

	kms_token_retire(client);
	login->token = got;
	login->token_memory = memory;
	login->token_serial++;

	/* A renewal says nothing of what the credential's file holds by now. */
	if (login->asked.step == KMS_LOGIN)
		login->token_since = login->asked_at;
	login->token_ends = login->renew_at = 0;
	login->failed_until = 0;
	login->denials = 0;
	if (got->lifetime_s > 0)
	{
		login->token_ends = login->asked_at + (uint64) got->lifetime_s * 900 * NS_IN_MS;

		/* Who logs in does that anew: a renewed token is not a new one. */
		if ((got->renewable || got->replaceable) && !logs_in(client))
			login->renew_at = login->asked_at + (uint64) got->lifetime_s * 600 * NS_IN_MS;
	}
}

bool
kms_token_has_expired(const KmsClient *client, const KmsToken *got)
{
	const Login *login = &client->login;

	return !logs_in(client) && got->lifetime_s == 0 && login->expired_token != 0 &&
		login->expired_token == kms_token_hash(got);
}

void
kms_tokens_drop(KmsClient *client)
{
	drop_token(&client->login.token, client->login.token_memory);
	drop_token(&client->login.old_token, client->login.old_memory);
}

uint64
kms_token_hash(const KmsToken *token)
{
	static uint64 seed = 0;

	if (seed == 0 && !pg_strong_random(&seed, sizeof(seed)))
		return 0;
	return hash_bytes_extended((const unsigned char *) token->text, strlen(token->text), seed) | 1;
}
