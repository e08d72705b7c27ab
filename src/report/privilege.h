/*-------------------------------------------------------------------------
 *
 * privilege.h
 *	  What a role may do for a tenant.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REPORT_PRIVILEGE_H
#define REPORT_PRIVILEGE_H

#include "postgres.h"

/* A set of these, as bits.  The names in SQL are in privilege.c. */
typedef enum Privilege
{
	PRIVILEGE_ENCRYPT = 1 << 0,
	PRIVILEGE_DECRYPT = 1 << 1,
	PRIVILEGE_MANAGE = 1 << 2,	/* rotate, rewrap, suspend, resume */
	PRIVILEGE_OWN = 1 << 3,		/* grant, move, bind, shred */
} Privilege;

#define PRIVILEGE_NONE	0
#define PRIVILEGE_ALL	(PRIVILEGE_ENCRYPT | PRIVILEGE_DECRYPT | \
						 PRIVILEGE_MANAGE | PRIVILEGE_OWN)

/* 0 for an unknown name. */
extern uint32 privilege_by_name(const char *name);

/*
 * Whether a role may use what was granted to another one.  A superuser has
 * the privileges of every role, but not those for tenants: what tenants wrote
 * is shown to it only by a grant to itself or to a role it is in.
 */
extern bool privilege_role_has(Oid role, Oid granted);

/* The name in SQL of one privilege. */
extern const char *privilege_name(Privilege privilege);

#endif							/* REPORT_PRIVILEGE_H */
