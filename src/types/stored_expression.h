/*-------------------------------------------------------------------------
 *
 * stored_expression.h
 *	  The expressions that the catalog keeps of an object.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TYPES_STORED_EXPRESSION_H
#define TYPES_STORED_EXPRESSION_H

#include "postgres.h"

#include "nodes/nodes.h"

typedef struct StoredExpression
{
	Oid			object_class;
	const char *kind;			/* for messages: the kind of object, and */
	const char *name;			/* its name, or that of its relation */
	Oid			relation;		/* of a column default or an index */
	int			column;			/* of a column default */
	Node	   *expression;
} StoredExpression;

typedef void (*StoredExpressionVisitor) (const StoredExpression *stored);

/*
 * Visits the expressions of an object that the current command has just
 * written.  The class and sub_id are as object_access_hook has them.
 */
extern void stored_expression_visit(Oid object_class, Oid object, int sub_id,
									StoredExpressionVisitor visitor);

#endif							/* TYPES_STORED_EXPRESSION_H */
