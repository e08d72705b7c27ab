/*-------------------------------------------------------------------------
 *
 * kms_validator.c
 *	  The validator of CREATE SERVER ... FOREIGN DATA WRAPPER bionic_crypt.
 *
 * CREATE SERVER must not hand out files of the machine: whoever is not
 * superuser or member of pg_read_server_files may not create or alter a
 * server whose resulting options name one.  What is more than a file, the
 * machine's identity at a cloud or the code of a module, is for superusers
 * alone.  PostgreSQL calls the validator with all options that a server will
 * have.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "kms/kms_provider.h"
#include "report/condition.h"

static void
read_options(List *options, KmsServer *server)
{
	ListCell   *cell;

	memset(server, 0, sizeof(*server));
	foreach(cell, options)
	{
		DefElem    *given = lfirst_node(DefElem, cell);
		KmsOption  *option = &server->options[server->n_options];

		if (server->n_options == KMS_OPTIONS_COUNT_MAX)
			condition_raise(CONDITION_KMS_OPTION, given->defname, "there are too many", NULL);
		if (strlcpy(option->name, given->defname, sizeof(option->name)) >= sizeof(option->name) ||
			strlcpy(option->value, defGetString(given), sizeof(option->value)) >= sizeof(option->value))
			condition_raise(CONDITION_KMS_OPTION, given->defname, "it is too long", NULL);
		server->n_options++;
	}
}

static void
check_server_options(List *options)
{
	KmsServer	server;
	KmsError	error = {0};
	const char *provider;

	read_options(options, &server);
	provider = kms_option(&server, "provider");
	if (provider == NULL)
		condition_raise(CONDITION_KMS_OPTION, "provider", "it is required", NULL);
	server.provider = kms_provider_by_name(provider);
	if (server.provider == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid KMS option \"%s\": %s", "provider", "there is no such provider"),
				 errhint("Providers are: %s.", kms_provider_names())));

	for (int i = 0; i < server.n_options; i++)
	{
		const char *name = server.options[i].name;
		const KmsOptionRule *rule = kms_option_rule(server.provider, name);

		if (rule != NULL && rule->of_machine &&
			!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied to set KMS option \"%s\"", name),
					 errdetail("Only roles with privileges of role \"%s\" may name a file of the server, or a way to log in by one.",
							   "pg_read_server_files")));
	}
	if (!kms_server_validate(&server, &error))
		condition_raise(CONDITION_KMS_OPTION, error.subject, error.detail, NULL);
	if (server.provider->needs_superuser != NULL && !superuser() &&
		server.provider->needs_superuser(&server))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to create or alter KMS server with provider \"%s\"",
						provider),
				 errdetail("Only superusers may let it use an identity of the server's machine, or a module.")));
}

PG_FUNCTION_INFO_V1(bionic_crypt_kms_validator);

Datum
bionic_crypt_kms_validator(PG_FUNCTION_ARGS)
{
	List	   *options = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid			catalog = PG_GETARG_OID(1);

	if (catalog == ForeignServerRelationId)
		check_server_options(options);
	else if (options != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options can be set for a KMS server only"),
				 errhint("Credentials are named in CREATE SERVER, never held in user mappings.")));
	PG_RETURN_VOID();
}
