/*-------------------------------------------------------------------------
 *
 * key_acquire.c
 *	  The one door to key material.
 *
 * The first lines of the public functions run for every value: a compare of
 * the key id, the role, two words of the tenant's cell, the coarse clock.
 * Everything else runs when one of them says that somebody must be asked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "report/condition.h"
#include "session/key_acquire.h"
#include "session/key_cache.h"
#include "session/key_client.h"
#include "session/pending.h"
#include "shmem/shmem.h"

/* One question to the key worker, and its answer. */
typedef struct Question
{
	KeyRequest	request;
	KeyReply	reply;
	Secret	   *data_key;
} Question;

static CachedTenant *
current_tenant(void)
{
	return key_cache_tenant(tenant_context_require());
}

static void
ask(Question *question, KeyOperation operation, Oid role, uint32 privileges)
{
	question->request.operation = operation;
	question->request.role = role;
	question->request.privileges = privileges;
	key_client_ask(&question->request, &question->reply, &question->data_key);
}

static Question *
new_question(const CachedTenant *tenant, const uint8 *key_id)
{
	Question   *question = palloc0(sizeof(Question));

	strlcpy(question->request.tenant, tenant->name, sizeof(question->request.tenant));
	if (key_id != NULL)
		memcpy(question->request.key_id, key_id, KEY_ID_LEN);
	return question;
}

/*
 * What the role may do, when this transaction made keys or grants itself:
 * what is committed and what is pending together.  *asker is the role in whose
 * name the key worker gives the tenant's committed keys.
 */
static uint32
privileges_with_pending(Question *question, Oid role, Oid *asker, uint32 *asker_needs)
{
	const char *tenant = question->request.tenant;
	Oid			authority;
	uint32		pending = pending_privileges(tenant, role, &authority);

	question->request.tentative = pending != PRIVILEGE_NONE;
	ask(question, KEY_OP_AUTHORISE, role, 0);
	question->request.tentative = false;
	if (question->reply.condition == CONDITION_PERMISSION && pending != PRIVILEGE_NONE)
	{
		*asker = authority;
		*asker_needs = PRIVILEGE_OWN;
		question->reply.condition = CONDITION_NONE;
		question->reply.privileges = PRIVILEGE_NONE;
	}
	key_client_raise(&question->reply);
	return question->reply.privileges | pending;
}

static void
ask_with_pending(Question *question, Oid role, uint32 needed, const uint8 *key_id)
{
	const KeyRecord *record = pending_find_key(question->request.tenant, key_id);
	Oid			asker = role;
	uint32		asker_needs = needed;
	uint32		privileges = privileges_with_pending(question, role, &asker, &asker_needs);

	if ((privileges & needed) != needed)
		key_client_deny(question->request.tenant, needed,
						"The role has no grant that covers it.");
	if (record != NULL)
	{
		question->request.record = *record;
		ask(question, KEY_OP_PRESENTED, role, needed);
	}
	else
	{
		/* A grant of ours that a committed one does not cover yet. */
		if (asker == role && (question->reply.privileges & needed) != needed)
		{
			(void) pending_privileges(question->request.tenant, role, &asker);
			asker_needs = PRIVILEGE_OWN;
		}
		ask(question, key_id != NULL ? KEY_OP_BY_ID : KEY_OP_ACTIVE, asker, asker_needs);
	}
	question->reply.privileges = privileges;
}

/* How often a key is asked for whose tenant changes as often. */
#define FETCHES_MAX 5

/* Asks for a key once; key_id NULL: the active one. */
static CachedKey *
ask_for_key(CachedTenant *tenant, uint32 needed, const uint8 *key_id)
{
	Question   *question = new_question(tenant, key_id);
	Oid			role = GetUserId();
	CachedKey  *key;

	if (pending_any())
		ask_with_pending(question, role, needed, key_id);
	else
		ask(question, key_id != NULL ? KEY_OP_BY_ID : KEY_OP_ACTIVE, role, needed);
	key_client_raise(&question->reply);
	if (question->data_key == NULL)
		elog(ERROR, "key worker answered without a key");

	key_cache_add_verdict(tenant, &question->reply, role, question->reply.privileges);
	key = key_cache_find_key(tenant, question->reply.record.key_id);
	if (key == NULL)
		key = key_cache_add_key(tenant, &question->reply, question->data_key);
	secret_wipe(question->data_key);
	pfree(question);
	return key;
}

/*
 * A key that may be used: the answer may be old when it is read, because the
 * tenant's epoch moved or the lease ended meanwhile.
 */
static CachedKey *
fetch_key(CachedTenant *tenant, uint32 needed, const uint8 *key_id)
{
	for (int i = 0; i < FETCHES_MAX; i++)
	{
		CachedKey  *key = ask_for_key(tenant, needed, key_id);

		if (key_cache_usable(tenant, key))
			return key;
		CHECK_FOR_INTERRUPTS();
	}
	condition_raise(CONDITION_KEY_WORKER, NULL, NULL,
					"Each answer was out of date when it was read.");
}

ValueKey *
key_acquire_to_encrypt(void)
{
	CachedTenant *tenant = current_tenant();

	if (!key_cache_usable(tenant, tenant->active) ||
		!key_cache_permits(tenant, GetUserId(), PRIVILEGE_ENCRYPT))
	{
		CachedKey  *key = fetch_key(tenant, PRIVILEGE_ENCRYPT, NULL);

		tenant->active = key;
	}
	return &tenant->active->value;
}

ValueKey *
key_acquire_to_decrypt(const uint8 key_id[KEY_ID_LEN])
{
	CachedTenant *tenant = current_tenant();
	CachedKey  *key = tenant->last;

	if (key == NULL || memcmp(key->value.key_id, key_id, KEY_ID_LEN) != 0)
		key = key_cache_find_key(tenant, key_id);
	if (!key_cache_usable(tenant, key) ||
		!key_cache_permits(tenant, GetUserId(), PRIVILEGE_DECRYPT))
		key = fetch_key(tenant, PRIVILEGE_DECRYPT, key_id);
	tenant->last = key;
	return &key->value;
}

const TenantContext *
key_authorised_tenant(void)
{
	const TenantContext *context = tenant_context();
	CachedTenant *tenant;
	Oid			role = GetUserId();

	if (context == NULL)
	{
		shmem_require();
		return NULL;
	}
	tenant = key_cache_tenant(context);
	if (!key_cache_permits(tenant, role, PRIVILEGE_ALL))
	{
		Question   *question = new_question(tenant, NULL);

		if (pending_any())
		{
			Oid			asker;
			uint32		asker_needs;

			question->reply.privileges =
				privileges_with_pending(question, role, &asker, &asker_needs);
		}
		else
			ask(question, KEY_OP_AUTHORISE, role, 0);
		key_client_raise(&question->reply);
		key_cache_add_verdict(tenant, &question->reply, role, question->reply.privileges);
		pfree(question);
	}
	return context;
}
