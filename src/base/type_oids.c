/*-------------------------------------------------------------------------
 *
 * type_oids.c
 *	  The OIDs of our types and casts in this database, and whether a type
 *	  holds one of ours.
 *
 * Both are caches of the catalog, emptied by its invalidations.  One may
 * arrive while we look things up, for every look-up takes them in; so what
 * was found is kept only if none arrived meanwhile (generation).  It is still
 * right for the caller, who holds a lock on what the question is about.
 *
 * That the extension is not there is remembered like all else: CREATE
 * EXTENSION makes types and casts, and these invalidate.
 *
 * Nothing here may be called from a type's input or output function, which
 * run where the catalog cannot be read (logical decoding).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/type_oids.h"

#define EXTENSION_NAME	"bionic_crypt"

typedef struct HoldsEntry
{
	Oid			type;			/* hash key */
	bool		holds;
} HoldsEntry;

typedef struct TypeCache
{
	bool		callbacks_registered;
	uint64		generation;		/* counts invalidations */
	bool		oids_valid;
	TypeOids	oids;			/* all InvalidOid: no extension here */
	HTAB	   *holds;			/* NULL: nothing remembered */
} TypeCache;

/* This backend's; see above. */
static TypeCache cache;

static void register_callbacks(void);
static void syscache_changed(Datum arg, int cache_id, uint32 hash_value);
static void relcache_changed(Datum arg, Oid relation);
static void look_up_oids(TypeOids *found);
static Oid	extension_schema(void);
static Oid	cast_function(Oid source, Oid target);
static bool compute_holds(Oid type);
static bool row_type_holds(Oid relation);
static void remember_holds(Oid type, bool holds);

const TypeOids *
type_oids(void)
{
	if (!cache.oids_valid)
	{
		TypeOids	found;
		uint64		generation;

		Assert(IsTransactionState());
		register_callbacks();
		generation = cache.generation;
		look_up_oids(&found);
		cache.oids = found;
		cache.oids_valid = generation == cache.generation;
	}
	return OidIsValid(cache.oids.encrypted_text) ? &cache.oids : NULL;
}

bool
type_holds_encrypted(Oid type)
{
	HoldsEntry *entry = NULL;
	bool		holds;
	uint64		generation;

	/* initdb's types, which are most, cannot hold ours */
	if (type < FirstNormalObjectId || type_oids() == NULL)
		return false;

	if (cache.holds != NULL)
		entry = hash_search(cache.holds, &type, HASH_FIND, NULL);
	if (entry != NULL)
		return entry->holds;

	generation = cache.generation;
	holds = compute_holds(type);
	if (generation == cache.generation)
		remember_holds(type, holds);
	return holds;
}

static void
register_callbacks(void)
{
	if (cache.callbacks_registered)
		return;
	CacheRegisterSyscacheCallback(TYPEOID, syscache_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(CASTSOURCETARGET, syscache_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, syscache_changed, (Datum) 0);
	CacheRegisterRelcacheCallback(relcache_changed, (Datum) 0);
	cache.callbacks_registered = true;
}

static void
syscache_changed(Datum arg, int cache_id, uint32 hash_value)
{
	cache.generation++;
	cache.oids_valid = false;
	relcache_changed(arg, InvalidOid);
}

/* Columns came to or left a composite type; which one is not worth knowing. */
static void
relcache_changed(Datum arg, Oid relation)
{
	cache.generation++;
	if (cache.holds != NULL)
		hash_destroy(cache.holds);
	cache.holds = NULL;
}

/* While CREATE EXTENSION runs, some are there and some not: then none. */
static void
look_up_oids(TypeOids *found)
{
	Oid			schema = extension_schema();

	memset(found, 0, sizeof(*found));
	if (!OidIsValid(schema))
		return;
	found->encrypted_text = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
											CStringGetDatum("encrypted_text"),
											ObjectIdGetDatum(schema));
	if (!OidIsValid(found->encrypted_text))
		return;
	found->text_to_encrypted = cast_function(TEXTOID, found->encrypted_text);
	found->encrypted_to_text = cast_function(found->encrypted_text, TEXTOID);
	if (!OidIsValid(found->text_to_encrypted) ||
		!OidIsValid(found->encrypted_to_text))
		memset(found, 0, sizeof(*found));
}

static Oid
extension_schema(void)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			schema = InvalidOid;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum(EXTENSION_NAME));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		schema = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return schema;
}

static Oid
cast_function(Oid source, Oid target)
{
	HeapTuple	tuple = SearchSysCache2(CASTSOURCETARGET,
										ObjectIdGetDatum(source),
										ObjectIdGetDatum(target));
	Oid			function;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	function = ((Form_pg_cast) GETSTRUCT(tuple))->castfunc;
	ReleaseSysCache(tuple);
	return function;
}

static bool
compute_holds(Oid type)
{
	HeapTuple	tuple;
	Form_pg_type form;
	char		kind;
	Oid			row;
	Oid			part;

	if (type == cache.oids.encrypted_text)
		return true;

	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_type) GETSTRUCT(tuple);
	kind = form->typtype;
	row = form->typrelid;
	part = kind == TYPTYPE_DOMAIN ? form->typbasetype : form->typelem;
	ReleaseSysCache(tuple);

	/* a row type cannot hold itself, so this ends */
	check_stack_depth();
	if (kind == TYPTYPE_COMPOSITE)
		return row_type_holds(row);
	return OidIsValid(part) && type_holds_encrypted(part);
}

/* The attributes are copied: the look-ups below may close the relation's. */
static bool
row_type_holds(Oid relation)
{
	Relation	rel = try_relation_open(relation, AccessShareLock);
	TupleDesc	desc;
	bool		holds = false;

	if (rel == NULL)
		return false;
	desc = CreateTupleDescCopy(RelationGetDescr(rel));
	relation_close(rel, AccessShareLock);

	for (int i = 0; i < desc->natts && !holds; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		holds = !attribute->attisdropped &&
			type_holds_encrypted(attribute->atttypid);
	}
	FreeTupleDesc(desc);
	return holds;
}

static void
remember_holds(Oid type, bool holds)
{
	HoldsEntry *entry;

	if (cache.holds == NULL)
	{
		HASHCTL		ctl = {
			.keysize = sizeof(Oid),
			.entrysize = sizeof(HoldsEntry),
		};

		cache.holds = hash_create("types that hold an encrypted one", 64,
								  &ctl, HASH_ELEM | HASH_BLOBS);
	}
	entry = hash_search(cache.holds, &type, HASH_ENTER, NULL);
	entry->holds = holds;
}
