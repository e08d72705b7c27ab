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

/*
 * To be called when a utility statement begins: what one statement did to a
 * column says nothing of the next.
 */
extern void ddl_check_statement_start(void);

#endif							/* TYPES_DDL_CHECK_H */
