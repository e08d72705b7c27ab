/*-------------------------------------------------------------------------
 *
 * kms_options.c
 *	  Checks of options that providers share.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "kms/kms_address.h"
#include "kms/kms_options.h"

#define INTEGER_DIGITS		9	/* so many fit into an int */

bool
kms_options_check_http(const KmsServer *server, KmsError *error)
{
	const char *pair[] = {"client_cert_file", "client_key_file"};

	for (int i = 0; i < lengthof(pair); i++)
	{
		if (!kms_option_check_file(server, pair[i], error))
			return false;
		if (kms_option(server, pair[i]) == NULL && kms_option(server, pair[1 - i]) != NULL)
			return kms_fail(error, KMS_CONFIG, pair[i], "it is required with %s", pair[1 - i]);
	}
	return kms_option_check_file(server, "ca_file", error) &&
		kms_option_check_integer(server, "connect_timeout_ms",
								 KMS_TIMEOUT_MIN_MS, KMS_TIMEOUT_MAX_MS, error) &&
		kms_option_check_integer(server, "request_timeout_ms",
								 KMS_TIMEOUT_MIN_MS, KMS_TIMEOUT_MAX_MS, error);
}

bool
kms_option_check_url(const KmsServer *server, const char *name, KmsError *error)
{
	const char *value = kms_option(server, name);

	return value == NULL || kms_url_validate(name, value, error);
}

bool
kms_option_check_file(const KmsServer *server, const char *name, KmsError *error)
{
	const char *value = kms_option(server, name);

	return value == NULL || is_absolute_path(value) ||
		kms_fail(error, KMS_CONFIG, name, "it must be an absolute path");
}

bool
kms_option_check_integer(const KmsServer *server, const char *name,
						 int min, int max, KmsError *error)
{
	const char *value = kms_option(server, name);
	Size		digits;

	if (value == NULL)
		return true;
	digits = strspn(value, "0123456789");
	return (digits > 0 && digits <= INTEGER_DIGITS && value[digits] == '\0' &&
			atoi(value) >= min && atoi(value) <= max) ||
		kms_fail(error, KMS_CONFIG, name, "it must be an integer from %d to %d", min, max);
}

int
kms_option_ms(const KmsServer *server, const char *name, int default_ms)
{
	const char *value = kms_option(server, name);

	return value == NULL ? default_ms : Min(Max(atoi(value), 1), KMS_TIMEOUT_MAX_MS);
}

bool
kms_option_check_choice(const KmsServer *server, const char *name,
						const char *const *choices, KmsError *error)
{
	const char *value = kms_option(server, name);
	char		list[KMS_DETAIL_MAX / 2] = "";

	if (value == NULL)
		return true;
	for (const char *const *choice = choices; *choice != NULL; choice++)
	{
		if (strcmp(value, *choice) == 0)
			return true;
		strlcat(list, choice == choices ? "" : ", ", sizeof(list));
		strlcat(list, *choice, sizeof(list));
	}
	return kms_fail(error, KMS_CONFIG, name, "it must be one of: %s", list);
}

int
kms_option_method(const KmsServer *server, const char *const *methods)
{
	const char *name = kms_option(server, "auth_method");

	for (int i = 0; methods[i] != NULL; i++)
	{
		if (strcmp(methods[i], name) == 0)
			return 1 << i;
	}
	Assert(false);				/* checked */
	return 1;
}

bool
kms_options_check_method(const KmsServer *server, const char *const *methods,
						 const KmsMethodOption *options, int n, KmsError *error)
{
	const char *name = kms_option(server, "auth_method");
	int			method;

	if (!kms_option_check_choice(server, "auth_method", methods, error))
		return false;
	method = kms_option_method(server, methods);
	for (int i = 0; i < n; i++)
	{
		const char *option = options[i].name;
		bool		given = kms_option(server, option) != NULL;

		if (given && (options[i].taken_by & method) == 0)
			return kms_fail(error, KMS_CONFIG, option, "auth_method %s does not take it", name);
		if (!given && (options[i].required_by & method) != 0)
			return kms_fail(error, KMS_CONFIG, option, "auth_method %s requires it", name);
	}
	return true;
}

/* A segment of dots alone would lead out of its place. */
static bool
is_segment(const char *text, Size len)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	return strspn(text, allowed) == len && strspn(text, ".") < len;
}

bool
kms_option_check_segments(const KmsServer *server, const char *name, KmsError *error)
{
	const char *rest = kms_option(server, name);

	while (rest != NULL)
	{
		Size		len = strcspn(rest, "/");

		if (!is_segment(rest, len))
			return kms_fail(error, KMS_CONFIG, name,
							"it must be names of letters, digits, _, . and -, with / between them");
		rest = rest[len] == '/' ? rest + len + 1 : NULL;
	}
	return true;
}

bool
kms_text_is_printable(const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
	{
		if (*c < ' ' || *c > '~')
			return false;
	}
	return true;
}

bool
kms_text_is_token(const char *text)
{
	return text[0] != '\0' && kms_text_is_printable(text) && strchr(text, ' ') == NULL;
}

bool
kms_text_is_jwt(const char *text)
{
	for (int part = 0; part < 3; part++)
	{
		Size		len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

		if (len == 0 || text[len] != (part < 2 ? '.' : '\0'))
			return false;
		text += len + 1;
	}
	return true;
}

bool
kms_option_check_printable(const KmsServer *server, const char *name, KmsError *error)
{
	const char *value = kms_option(server, name);

	return value == NULL || kms_text_is_printable(value) ||
		kms_fail(error, KMS_CONFIG, name, "it must be printable ASCII");
}
