/*-------------------------------------------------------------------------
 *
 * privilege.c
 *	  What a role may do for a tenant.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"

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

bool
privilege_role_has(Oid role, Oid granted)
{
	if (superuser_arg(role))
		return role == granted || is_member_of_role_nosuper(role, granted);
	return has_privs_of_role(role, granted);
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
