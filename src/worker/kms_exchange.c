/*-------------------------------------------------------------------------
 *
 * kms_exchange.c
 *	  One exchange of a call with its server: built, sent, read by the provider.
 *
 * What a provider does with a reply may raise errors (out of memory); the
 * caller runs that guarded.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/kms_client.h"
#include "worker/kms_exchange.h"

/* Of one request at a time; wiped after each. */
static Secret *request_memory;

void
kms_exchanges_init(void)
{
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);

	request_memory = secret_create(sizeof(KmsRequest));
	MemoryContextSwitchTo(caller);
}

static KmsContext
context_of(const KmsCall *call)
{
	return (KmsContext) {
		.tenant = call->record->tenant,
		.key_id = call->record->key_id,
		.purpose = call->purpose,
		.kek = call->record->kek,
	};
}

static Bytes
input_of(const KmsCall *call)
{
	return call->operation == KMS_WRAP ? bytes_of(call->data_key, DATA_KEY_LEN)
		: bytes_of(call->record->wrapped, call->record->wrapped_len);
}

static KmsAsked
asked_of(const KmsCall *call, const KmsContext *context)
{
	return (KmsAsked) {
		.operation = call->operation,
		.context = context,
		.in = input_of(call),
		.scratch = call->scratch,
		.now_s = kms_client_clock_s(call->client),
	};
}

static void
make_room_for_reply(KmsCall *call)
{
	MemoryContext caller;

	call->memory = AllocSetContextCreate(TopMemoryContext, "bionic_crypt KMS reply",
										 ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(call->memory);
	call->reply = (KmsReply *) secret_create(sizeof(KmsReply))->data;
	call->scratch = secret_create(KMS_SCRATCH_LEN)->data;
	MemoryContextSwitchTo(caller);
}

bool
kms_exchange_send(KmsCall *call, int timeout_ms, KmsDone done)
{
	KmsClient  *client = call->client;
	const KmsRemote *remote = client->server.provider->remote;
	KmsRequest *request = (KmsRequest *) request_memory->data;
	KmsContext	context = context_of(call);
	KmsAsked	asked;
	bool		built;

	make_room_for_reply(call);
	asked = asked_of(call, &context);
	built = remote->build(&client->server, &asked, client->login.token, request, &call->error);
	if (built)
	{
		pg_atomic_fetch_add_u64(&client->stats->requests, 1);
		call->transfer = client->transport->send(client->connections, request, call->reply,
												 timeout_ms, done, call);
	}
	secret_wipe(request_memory);
	return built;
}

void
kms_exchange_read(void *argument)
{
	KmsCall    *call = argument;
	const KmsServer *server = &call->client->server;
	KmsContext	context = context_of(call);
	KmsAsked	asked = asked_of(call, &context);
	uint8		wrapped[KMS_WRAPPED_MAX];
	bool		unwraps = call->operation == KMS_UNWRAP;
	Size		len = 0;

	MemSet(&call->error, 0, sizeof(call->error));
	call->ok = server->provider->remote->read(server, &asked, call->reply,
											  unwraps ? call->data_key : wrapped, &len,
											  &call->error);
	if (call->ok && !unwraps)
	{
		memcpy(call->record->wrapped, wrapped, len);
		call->record->wrapped_len = len;
	}
}

bool
kms_exchange_local(KmsCall *call)
{
	const KmsServer *server = &call->client->server;
	const KmsLocal *local = server->provider->local;
	KmsContext	context = context_of(call);
	Size		len = 0;

	if (call->operation == KMS_UNWRAP)
		return local->unwrap(server, &context, input_of(call), call->data_key, &call->error);

	Assert(call->operation == KMS_WRAP);
	if (call->may_create_kek && local->create_kek != NULL &&
		!local->create_kek(server, &call->kek_created, &call->error))
		return false;
	if (!local->wrap(server, &context, call->data_key, call->record->wrapped, &len, &call->error))
		return false;
	call->record->wrapped_len = len;
	return true;
}
