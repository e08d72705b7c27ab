/*-------------------------------------------------------------------------
 *
 * kms_client.c
 *	  The KMS servers that this key worker talks to.
 *
 * A server gets a client at its first call, and loses it after a while
 * without one.  When its options change, the calls under way end under the
 * old ones, and the next call opens a client with the new ones.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/resource.h>

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/config.h"
#include "kms/kms_options.h"
#include "shmem/epochs.h"
#include "worker/held_key.h"
#include "worker/kms_client.h"

#define TIMEOUT_MS			10000
#define TIMEOUT_SHARE		4		/* of revocation_interval, at most, */
#define TIMEOUT_LEAST_MS	2000	/* but not less than this */
#define CLOCK_NOISE_S		30
#define CLOCK_WRONG_S		3600
#define IDLE_CLOSE_MS		(10 * 60 * 1000)

/* Open files: connections, libcurl's own.  The rest of the process needs some. */
#define FILES_PER_CLIENT	32
#define FILES_OF_OTHERS		256
#define FILES_WANTED		65536
#define CLIENTS_LEAST		16

static HTAB *clients;
static long max_clients;

/* As many files as we may have: each server has connections of its own. */
static long
raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return FILES_OF_OTHERS;
	if (limit.rlim_cur < FILES_WANTED)
	{
		limit.rlim_cur = Min(limit.rlim_max, FILES_WANTED);
		(void) setrlimit(RLIMIT_NOFILE, &limit);
		(void) getrlimit(RLIMIT_NOFILE, &limit);
	}
	return (long) Min(limit.rlim_cur, FILES_WANTED);
}

void
kms_clients_init(void)
{
	HASHCTL		control = {
		.keysize = NAMEDATALEN,
		.entrysize = sizeof(KmsClient),
		.hcxt = TopMemoryContext,
	};

	clients = hash_create("bionic_crypt KMS clients", 16, &control,
						  HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	kms_clients_look_at_settings();
	max_clients = Max((raise_file_limit() - FILES_OF_OTHERS) / FILES_PER_CLIENT, CLIENTS_LEAST);
}

int
kms_client_timeout_ms(const KmsClient *client)
{
	int			longest = Max(config_revocation_interval_ms / TIMEOUT_SHARE, TIMEOUT_LEAST_MS);

	return Min(client->timeout_ms, longest);
}

int64
kms_client_clock_s(const KmsClient *client)
{
	return (int64) time(NULL) + client->clock_ahead_s;
}

/*
 * Signed requests count for some minutes, by the KMS's clock.  A difference
 * that is too large to be a clock's is not believed.
 */
void
kms_client_note_clock(KmsClient *client, const KmsReply *reply)
{
	int64		ahead_s = reply->date_s - (int64) time(NULL);
	int64		off_s = Max(ahead_s, -ahead_s);

	if (reply->failure == KMS_REPLIED && reply->date_s != 0)
		client->clock_ahead_s = off_s < CLOCK_NOISE_S || off_s > CLOCK_WRONG_S ? 0 : ahead_s;
}

static void
close_client(KmsClient *client)
{
	Assert(client->n_calls == 0);
	kms_login_end(client);
	if (client->connections != NULL)
		client->transport->close(client->connections);
	MemoryContextDelete(client->memory);
	hash_search(clients, client->name, HASH_REMOVE, NULL);
}

static bool
open_client(KmsClient *client, const KmsServerRecord *record, KmsError *error)
{
	MemSet((char *) client + NAMEDATALEN, 0, sizeof(KmsClient) - NAMEDATALEN);
	client->memory = AllocSetContextCreate(TopMemoryContext, "bionic_crypt KMS client",
										   ALLOCSET_SMALL_SIZES);
	client->options_len = record->options_len;
	memcpy(client->options, record->options, record->options_len);
	client->stats = kms_stats_of(client->name);
	client->last_used = epochs_now();
	dlist_init(&client->queue);
	dlist_init(&client->in_doubt);
	if (!kms_server_read(client->name, bytes_of(client->options, client->options_len),
						 &client->server, error))
		return false;
	client->timeout_ms = kms_option_ms(&client->server, "request_timeout_ms", TIMEOUT_MS);
	if (client->server.provider->remote != NULL)
	{
		client->transport = client->server.provider->remote->transport;
		client->connections = client->transport->open(&client->server,
														PLACES + PLACES_OF_LOGINS, error);
		if (client->connections == NULL)
			return false;
	}
	return true;
}

/* Closes the client that was idle longest; false when none is. */
static bool
make_room(void)
{
	HASH_SEQ_STATUS scan;
	KmsClient  *client;
	KmsClient  *oldest = NULL;

	hash_seq_init(&scan, clients);
	while ((client = hash_seq_search(&scan)) != NULL)
	{
		if (client->n_calls == 0 && (oldest == NULL || client->last_used < oldest->last_used))
			oldest = client;
	}
	if (oldest != NULL)
		close_client(oldest);
	return oldest != NULL;
}

KmsClient *
kms_client_find(const KmsServerRecord *record, KmsError *error)
{
	bool		found;
	KmsClient  *client = hash_search(clients, record->name, HASH_FIND, NULL);

	if (client != NULL &&
		(client->options_len != record->options_len ||
		 memcmp(client->options, record->options, record->options_len) != 0))
	{
		if (client->n_calls > 0)
		{
			kms_fail(error, KMS_UNAVAILABLE, "", "Its options are being changed.");
			return NULL;
		}
		close_client(client);
		client = NULL;
	}
	if (client == NULL)
	{
		if (hash_get_num_entries(clients) >= max_clients && !make_room())
		{
			kms_fail(error, KMS_UNAVAILABLE, "", "%ld KMS servers are in use at this moment.",
					 max_clients);
			return NULL;
		}
		client = hash_search(clients, record->name, HASH_ENTER, &found);
		if (!open_client(client, record, error))
		{
			close_client(client);
			return NULL;
		}
	}
	client->last_used = epochs_now();
	return client;
}

void
kms_clients_each(void (*work) (KmsClient *client))
{
	HASH_SEQ_STATUS scan;
	KmsClient  *client;

	hash_seq_init(&scan, clients);
	while ((client = hash_seq_search(&scan)) != NULL)
		work(client);
}

/* Another length than any record's: its next call opens it anew. */
static void
have_opened_anew(KmsClient *client)
{
	client->options_len = KEY_OPTIONS_MAX + 1;
}

/* Connections that are open by then would go on. */
void
kms_clients_look_at_settings(void)
{
	static bool allowed = false;

	if (allowed && !config_allow_local_kms)
		kms_clients_each(have_opened_anew);
	allowed = config_allow_local_kms;
}

/*
 * The entry that a scan is at may be removed.  A token that is the credential
 * itself would end if nobody renewed it.
 */
static void
close_if_idle(KmsClient *client)
{
	kms_login_tidy(client);
	if (client->n_calls == 0 && !kms_login_must_stay(client) &&
		client->last_used + IDLE_CLOSE_MS * NS_IN_MS < epochs_now())
		close_client(client);
}

void
kms_clients_tidy(void)
{
	kms_clients_each(close_if_idle);
}
