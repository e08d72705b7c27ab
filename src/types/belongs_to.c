/*-------------------------------------------------------------------------
 *
 * belongs_to.c
 *	  Whether a value is a tenant's, by its fingerprint and without a key: the
 *	  CHECK that guards protected tables.
 *
 * It is IMMUTABLE LEAKPROOF, so it never raises an error for what a value
 * holds: what is no envelope belongs to nobody.  Of a value in a TOAST table
 * only the first chunk is read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"

#include "crypto/kdf.h"
#include "session/tenant_context.h"
#include "types/value.h"

/* The tenant asked for last, other than the session's own. */
typedef struct KnownTenant
{
	int			name_len;
	char		name[TENANT_NAME_MAX];
	uint8		fingerprint[FINGERPRINT_LEN];
} KnownTenant;

PG_FUNCTION_INFO_V1(bionic_crypt_belongs_to);

static Bytes value_head(struct varlena *stored);
static const uint8 *fingerprint_of(FmgrInfo *caller, Bytes name);

Datum
bionic_crypt_belongs_to(PG_FUNCTION_ARGS)
{
	Bytes		head = value_head((struct varlena *) PG_GETARG_POINTER(0));
	Bytes		name = value_bytes(PG_GETARG_VARLENA_PP(1));
	const uint8 *fingerprint;

	if (head.len < ENVELOPE_SLICE_LEN || head.data[0] != ENVELOPE_VERSION ||
		name.len == 0 || name.len > TENANT_NAME_MAX)
		PG_RETURN_BOOL(false);
	fingerprint = fingerprint_of(fcinfo->flinfo, name);
	PG_RETURN_BOOL(fingerprint != NULL &&
				   memcmp(head.data + ENVELOPE_AT_FINGERPRINT, fingerprint,
						  FINGERPRINT_LEN) == 0);
}

/* Borrowed when the value is in the row, which most are. */
static Bytes
value_head(struct varlena *stored)
{
	if (VARATT_IS_EXTERNAL(stored) || VARATT_IS_COMPRESSED(stored))
		stored = PG_DETOAST_DATUM_SLICE(PointerGetDatum(stored), 0,
										ENVELOPE_SLICE_LEN);
	return value_bytes(stored);
}

/*
 * In a table that is mostly the session's tenant, or with none set the tenant
 * of the row before: hashing a name costs a hundred times the comparison.
 * NULL for a name that no tenant can have.
 */
static const uint8 *
fingerprint_of(FmgrInfo *caller, Bytes name)
{
	const TenantContext *session = tenant_context();
	KnownTenant *known = caller->fn_extra;

	if (session != NULL &&
		bytes_equal(bytes_of(session->name, session->name_len), name))
		return session->fingerprint;
	if (known == NULL)
		caller->fn_extra = known =
			MemoryContextAllocZero(caller->fn_mcxt, sizeof(KnownTenant));
	if (bytes_equal(bytes_of(known->name, known->name_len), name))
		return known->fingerprint;
	if (!tenant_name_is_utf8((const char *) name.data, name.len))
		return NULL;

	known->name_len = 0;
	if (!kdf_fingerprint(name, known->fingerprint))
		elog(ERROR, "could not compute a fingerprint");
	memcpy(known->name, name.data, name.len);
	known->name_len = name.len;
	return known->fingerprint;
}
