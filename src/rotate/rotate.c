/*-------------------------------------------------------------------------
 *
 * rotate.c
 *	  SQL functions that make new versions of data keys, and wrap them anew,
 *	  by the same KMS or by another.
 *
 * They change a few rows of the catalog and no value.  The tenant's row is
 * locked first, so of two at the same time one waits.  What a statement wraps
 * anew counts when its transaction commits: all keys of the tenant or none.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"

#include "keys/catalog.h"
#include "keys/kms_server.h"
#include "report/condition.h"
#include "report/privilege.h"
#include "session/key_client.h"
#include "session/pending.h"
#include "tenancy/tenants.h"

static void
lock_for_rotation(const char *tenant, uint32 privilege, TenantRow *row)
{
	tenant_lock(tenant, privilege, row);
	if (row->state == TENANT_SUSPENDED)
		condition_raise(CONDITION_TENANT_SUSPENDED, tenant, NULL, NULL);
}

PG_FUNCTION_INFO_V1(bionic_crypt_rotate_key);

Datum
bionic_crypt_rotate_key(PG_FUNCTION_ARGS)
{
	char	   *tenant = tenant_name_argument(PG_GETARG_TEXT_PP(0));
	KmsServerRecord *server = palloc0(sizeof(KmsServerRecord));
	TenantRow	row;

	PreventCommandIfReadOnly("bionic_crypt.rotate_key()");
	lock_for_rotation(tenant, PRIVILEGE_MANAGE, &row);
	if (!kms_server_find(row.kms, server))
		condition_raise(CONDITION_KMS_UNREACHABLE, row.kms, NULL, "There is no such server.");
	PG_RETURN_INT32(tenant_add_key(&row, server));
}

/* What takes a key's place must be that key, or its values are lost. */
static void
require_same_key(const KeyRecord *asked, const KeyRecord *answered)
{
	if (strcmp(asked->tenant, answered->tenant) != 0 ||
		memcmp(asked->key_id, answered->key_id, KEY_ID_LEN) != 0 ||
		memcmp(asked->check_value, answered->check_value, CHECK_VALUE_LEN) != 0)
		elog(ERROR, "key worker answered with another key");
}

/* One key, by a KMS as that is now. */
static void
wrap_key_anew(KeyRequest *request, const uint8 *key_id)
{
	KeyReply   *reply = palloc0(sizeof(KeyReply));
	Secret	   *no_key;

	if (catalog_find_key(request->tenant, key_id, &request->record) != KEY_FOUND)
		condition_raise(CONDITION_KMS_UNREACHABLE, request->record.server.name, NULL,
						"There is no such server.");
	key_client_ask(request, reply, &no_key);
	key_client_raise(reply);
	require_same_key(&request->record, &reply->record);
	tenant_notice_new_kek(reply);
	catalog_update_wrapped(&reply->record);
	pending_follow_key(&reply->record);
	pfree(reply);
}

/* All keys of a tenant that are not destroyed; their number. */
static int
wrap_keys_anew(const char *tenant, KeyOperation operation, KeyRequest *request)
{
	uint8	   *key_ids;
	int			n = catalog_key_ids(tenant, &key_ids);

	request->operation = operation;
	request->role = GetUserId();
	strlcpy(request->tenant, tenant, sizeof(request->tenant));
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		wrap_key_anew(request, key_ids + i * KEY_ID_LEN);
	}
	return n;
}

PG_FUNCTION_INFO_V1(bionic_crypt_rewrap_keys);

Datum
bionic_crypt_rewrap_keys(PG_FUNCTION_ARGS)
{
	char	   *tenant = tenant_name_argument(PG_GETARG_TEXT_PP(0));
	KeyRequest *request = palloc0(sizeof(KeyRequest));
	TenantRow	row;

	PreventCommandIfReadOnly("bionic_crypt.rewrap_keys()");
	lock_for_rotation(tenant, PRIVILEGE_MANAGE, &row);
	PG_RETURN_INT32(wrap_keys_anew(tenant, KEY_OP_REWRAP, request));
}

PG_FUNCTION_INFO_V1(bionic_crypt_move_tenant);

Datum
bionic_crypt_move_tenant(PG_FUNCTION_ARGS)
{
	KeyRequest *request = palloc0(sizeof(KeyRequest));
	char	   *tenant;
	TenantRow	row;
	int			n;

	PreventCommandIfReadOnly("bionic_crypt.move_tenant()");

	/* No default KMS here: the tenant's keys must not go to it by mistake. */
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("tenant and kms must not be null")));
	tenant = tenant_name_argument(PG_GETARG_TEXT_PP(0));
	tenant_kek_argument(fcinfo, 2, request->target_kek);
	lock_for_rotation(tenant, PRIVILEGE_OWN, &row);
	kms_server_require(text_to_cstring(PG_GETARG_TEXT_PP(1)), GetUserId(), &request->target);
	if (row.attested)
		tenant_require_claims(&request->target);
	request->may_create_kek = !catalog_server_in_use(request->target.name);

	n = wrap_keys_anew(tenant, KEY_OP_MOVE, request);
	strlcpy(row.kms, request->target.name, sizeof(row.kms));
	strlcpy(row.kek, request->target_kek, sizeof(row.kek));
	catalog_update_tenant(&row);
	PG_RETURN_INT32(n);
}
