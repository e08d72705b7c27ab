/*-------------------------------------------------------------------------
 *
 * rotate.c
 *	  SQL functions that make new versions of data keys, and wrap them anew.
 *
 * Both change a few rows of the catalog and no value.  The tenant's row is
 * locked first, so of two at the same time one waits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"

#include "keys/catalog.h"
#include "keys/kms_server.h"
#include "report/condition.h"
#include "report/privilege.h"
#include "session/key_client.h"
#include "tenancy/tenants.h"

static void
lock_for_rotation(const char *tenant, const char *function, TenantRow *row)
{
	PreventCommandIfReadOnly(function);
	tenant_lock(tenant, PRIVILEGE_MANAGE, row);
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

	lock_for_rotation(tenant, "bionic_crypt.rotate_key()", &row);
	if (!kms_server_find(row.kms, server))
		condition_raise(CONDITION_KMS_UNREACHABLE, row.kms, NULL, "There is no such server.");
	PG_RETURN_INT32(tenant_add_key(&row, server));
}

/* One key, wrapped by its KMS as that is now. */
static void
rewrap_key(const char *tenant, const uint8 *key_id)
{
	KeyRequest *request = palloc0(sizeof(KeyRequest));
	KeyReply   *reply = palloc0(sizeof(KeyReply));
	Secret	   *no_key;

	request->operation = KEY_OP_REWRAP;
	request->role = GetUserId();
	strlcpy(request->tenant, tenant, sizeof(request->tenant));
	if (catalog_find_key(tenant, key_id, &request->record) != KEY_FOUND)
		condition_raise(CONDITION_KMS_UNREACHABLE, request->record.server.name, NULL,
						"There is no such server.");
	key_client_ask(request, reply, &no_key);
	key_client_raise(reply);
	catalog_update_wrapped(&reply->record);
	pfree(request);
	pfree(reply);
}

PG_FUNCTION_INFO_V1(bionic_crypt_rewrap_keys);

Datum
bionic_crypt_rewrap_keys(PG_FUNCTION_ARGS)
{
	char	   *tenant = tenant_name_argument(PG_GETARG_TEXT_PP(0));
	TenantRow	row;
	uint8	   *key_ids;
	int			n;

	lock_for_rotation(tenant, "bionic_crypt.rewrap_keys()", &row);
	n = catalog_key_ids(tenant, &key_ids);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		rewrap_key(tenant, key_ids + i * KEY_ID_LEN);
	}
	PG_RETURN_INT32(n);
}
