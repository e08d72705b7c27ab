/*-------------------------------------------------------------------------
 *
 * literals.h
 *	  Literals of our types in statements, and conversions of our types that
 *	  go around the casts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TYPES_LITERALS_H
#define TYPES_LITERALS_H

/* Chains the parser's hook. */
extern void literals_init(void);

#endif							/* TYPES_LITERALS_H */
