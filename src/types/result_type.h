/*-------------------------------------------------------------------------
 *
 * result_type.h
 *	  The type under which clients see columns of our types.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TYPES_RESULT_TYPE_H
#define TYPES_RESULT_TYPE_H

/* Defines bionic_crypt.result_type and chains the parser's hook. */
extern void result_type_init(void);

#endif							/* TYPES_RESULT_TYPE_H */
