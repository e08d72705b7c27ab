/*-------------------------------------------------------------------------
 *
 * utility.h
 *	  Watches utility statements: one hook for all who need to.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BASE_UTILITY_H
#define BASE_UTILITY_H

#include "postgres.h"

#include "nodes/nodes.h"

/*
 * Called before and after each utility statement, nested ones included;
 * either may be NULL.  After is not called when the statement fails.  Outside
 * of a valid transaction (ROLLBACK after an error) neither is.
 */
typedef struct UtilityWatch
{
	void		(*before) (Node *statement);
	void		(*after) (Node *statement);
} UtilityWatch;

/* Kept by address; from _PG_init(). */
extern void utility_watch(const UtilityWatch *watch);

extern void utility_init(void);

#endif							/* BASE_UTILITY_H */
