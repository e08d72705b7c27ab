/*-------------------------------------------------------------------------
 *
 * kms_logout.c
 *	  Ends tokens that a KMS keeps account of.
 *
 * So that they do not pile up there.  They end by themselves too; so nobody
 * looks at the answer.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/kms_client.h"

static void
goodbye_said(void *argument)
{
	MemoryContextDelete(argument);
}

void
kms_logout(KmsClient *client, KmsToken *token)
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
