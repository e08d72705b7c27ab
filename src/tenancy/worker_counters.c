/*-------------------------------------------------------------------------
 *
 * worker_counters.c
 *	  bionic_crypt.key_worker(): the key worker of this database, and what it
 *	  counted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "shmem/registry.h"
#include "shmem/shmem.h"

static Datum
counter(pg_atomic_uint64 *value)
{
	return Int64GetDatum((int64) pg_atomic_read_u64(value));
}

PG_FUNCTION_INFO_V1(bionic_crypt_key_worker);

Datum
bionic_crypt_key_worker(PG_FUNCTION_ARGS)
{
	WorkerCounters *counters = NULL;
	int			pid = 0;
	TupleDesc	descriptor;
	Datum		values[8] = {0};
	bool		nulls[8];

	shmem_require();
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	memset(nulls, true, sizeof(nulls));
	if (registry_look(&counters, &pid))
	{
		memset(nulls, false, sizeof(nulls));
		nulls[0] = pid == 0;
		values[0] = Int32GetDatum(pid);
		values[1] = CStringGetTextDatum(registry_secret_memory());
		values[2] = counter(&counters->keys_held);
		values[3] = counter(&counters->requests);
		values[4] = counter(&counters->refusals);
		values[5] = counter(&counters->wraps);
		values[6] = counter(&counters->unwraps);
		values[7] = counter(&counters->kms_failures);
	}
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}
