/*-------------------------------------------------------------------------
 *
 * kms_provider.c
 *	  The table of providers, and what they share.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "kms/kms_provider.h"
#include "lib/stringinfo.h"

static const KmsProvider *const providers[] = {
#define KMS_PROVIDER(symbol) &symbol,
#include "kms/kms_providerlist.h"
#undef KMS_PROVIDER
};

const KmsProvider *
kms_provider_by_name(const char *name)
{
	for (int i = 0; i < lengthof(providers); i++)
	{
		if (strcmp(providers[i]->name, name) == 0)
			return providers[i];
	}
	return NULL;
}

const char *
kms_provider_names(void)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < lengthof(providers); i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", providers[i]->name);
	return names.data;
}

bool
kms_fail(KmsError *error, KmsStatus status, const char *subject,
		 const char *detail,...)
{
	va_list		args;

	error->status = status;
	error->retry_after_ms = 0;
	strlcpy(error->subject, subject, sizeof(error->subject));
	va_start(args, detail);
	vsnprintf(error->detail, sizeof(error->detail), detail, args);
	va_end(args);
	return false;
}

const KmsOptionRule *
kms_option_rule(const KmsProvider *provider, const char *name)
{
	for (const KmsOptionRule *rule = provider->option_rules; rule->name != NULL; rule++)
	{
		if (strcmp(rule->name, name) == 0)
			return rule;
	}
	return NULL;
}

bool
kms_server_validate(const KmsServer *server, KmsError *error)
{
	for (int i = 0; i < server->n_options; i++)
	{
		const KmsOption *option = &server->options[i];

		for (int j = 0; j < i; j++)
		{
			if (strcmp(server->options[j].name, option->name) == 0)
				return kms_fail(error, KMS_CONFIG, option->name, "it is given twice");
		}
		if (strcmp(option->name, "provider") != 0 &&
			kms_option_rule(server->provider, option->name) == NULL)
			return kms_fail(error, KMS_CONFIG, option->name,
							"this provider has no such option");
		if (option->value[0] == '\0')
			return kms_fail(error, KMS_CONFIG, option->name, "it must not be empty");
	}
	for (const KmsOptionRule *rule = server->provider->option_rules; rule->name != NULL; rule++)
	{
		if (rule->required && kms_option(server, rule->name) == NULL)
			return kms_fail(error, KMS_CONFIG, rule->name, "it is required");
	}
	return server->provider->validate == NULL || server->provider->validate(server, error);
}

/* False unless it is text that fits. */
static bool
copy_option(Bytes bytes, char *out, Size size)
{
	if (bytes.len >= size || memchr(bytes.data, '\0', bytes.len) != NULL)
		return false;
	memcpy(out, bytes.data, bytes.len);
	out[bytes.len] = '\0';
	return true;
}

bool
kms_server_read(const char *name, Bytes options, KmsServer *server, KmsError *error)
{
	ByteReader	in = reader_of(options);
	const char *provider;

	server->name = name;
	server->n_options = 0;
	while (reader_left(&in) > 0)
	{
		KmsOption  *option = &server->options[server->n_options];
		Bytes		option_name;
		Bytes		value;

		if (server->n_options == KMS_OPTIONS_COUNT_MAX)
			return kms_fail(error, KMS_CONFIG, "options", "there are more than %d",
							KMS_OPTIONS_COUNT_MAX);
		if (!reader_sized(&in, &option_name) || !reader_sized(&in, &value) ||
			option_name.len == 0 || !copy_option(option_name, option->name, sizeof(option->name)))
			return kms_fail(error, KMS_CONFIG, "options", "they cannot be read");
		if (!copy_option(value, option->value, sizeof(option->value)))
			return kms_fail(error, KMS_CONFIG, option->name, "its value is too long, or no text");
		server->n_options++;
	}

	provider = kms_option(server, "provider");
	if (provider == NULL)
		return kms_fail(error, KMS_CONFIG, "provider", "it is required");
	server->provider = kms_provider_by_name(provider);
	if (server->provider == NULL)
		return kms_fail(error, KMS_CONFIG, "provider", "there is no such provider");
	return kms_server_validate(server, error);
}

const char *
kms_option(const KmsServer *server, const char *name)
{
	for (int i = 0; i < server->n_options; i++)
	{
		if (strcmp(server->options[i].name, name) == 0)
			return server->options[i].value;
	}
	return NULL;
}

Size
kms_associated_data(const KmsContext *context, uint8 *out)
{
	ByteWriter	w = writer_of(out, KMS_ASSOCIATED_MAX);

	writer_put(&w, bytes_of_string("BCK1"));
	writer_sized(&w, bytes_of_string(context->tenant));
	writer_sized(&w, bytes_of(context->key_id, KEY_ID_LEN));
	writer_sized(&w, bytes_of_string(context->purpose));
	writer_sized(&w, bytes_of_string(context->kek));
	Assert(!w.overflow);
	return w.len;
}
