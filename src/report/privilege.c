/*-------------------------------------------------------------------------
 *
 * privilege.c
 *	  What a role may do for a tenant.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "report/privilege.h"

static const struct
{
	Privilege	privilege;
	const char *name;
}			privileges[] = {
	{PRIVILEGE_ENCRYPT, "encrypt"},
	{PRIVILEGE_DECRYPT, "decrypt"},
	{PRIVILEGE_MANAGE, "manage"},
	{PRIVILEGE_OWN, "own"},
};

uint32
privilege_by_name(const char *name)
{
	for (int i = 0; i < lengthof(privileges); i++)
	{
		if (strcmp(privileges[i].name, name) == 0)
			return privileges[i].privilege;
	}
	return PRIVILEGE_NONE;
}

const char *
privilege_name(Privilege privilege)
{
	for (int i = 0; i < lengthof(privileges); i++)
	{
		if (privileges[i].privilege == privilege)
			return privileges[i].name;
	}
	elog(ERROR, "unrecognized privilege: %d", (int) privilege);
}
