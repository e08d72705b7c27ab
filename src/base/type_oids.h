/*-------------------------------------------------------------------------
 *
 * type_oids.h
 *	  The OIDs of our types and casts in this database, found through the
 *	  extension and never through search_path, and whether a type holds one
 *	  of ours.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BASE_TYPE_OIDS_H
#define BASE_TYPE_OIDS_H

#include "postgres.h"

typedef struct TypeOids
{
	Oid			encrypted_text;
	Oid			text_to_encrypted;	/* cast functions */
	Oid			encrypted_to_text;
} TypeOids;

/*
 * NULL when the extension is not created in this database.  Needs a
 * transaction; looked up once and again after an invalidation.
 */
extern const TypeOids *type_oids(void);

/*
 * Whether a type is one of ours or holds one: array, domain, composite type,
 * nested at will.
 */
extern bool type_holds_encrypted(Oid type);

#endif							/* BASE_TYPE_OIDS_H */
