/*-------------------------------------------------------------------------
 *
 * ddl_check.h
 *	  Definitions that would keep a tenant's value, or plaintext, in the
 *	  catalog or in a table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TYPES_DDL_CHECK_H
#define TYPES_DDL_CHECK_H

/* Chains the hook on changes of the catalog. */
extern void ddl_check_init(void);

#endif							/* TYPES_DDL_CHECK_H */
