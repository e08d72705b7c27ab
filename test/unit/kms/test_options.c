/*-------------------------------------------------------------------------
 *
 * test_options.c
 *	  Options of servers, as they are read: those of all, and vault's.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include "base/config.h"

#define OPTIONS_MAX 40
#define PATH	"/etc/kms/x"
#define FILES	"client_cert_file", PATH, "client_key_file", PATH
#define VAULT	"provider", "vault", "address", "https://vault.example:8200"
#define TOKEN	VAULT, "auth_method", "token", "token_file", PATH
#define APPROLE VAULT, "auth_method", "approle", "secret_id_file", PATH
#define JWT		VAULT, "auth_method", "jwt", "jwt_file", PATH, "role", "r"

static void test_valid(void);
static void test_invalid(void);
static void test_values(void);
static void test_kek(void);
static void test_encoding(void);

void
test_options(void)
{
	test_valid();
	test_invalid();
	test_values();
	test_kek();
	test_encoding();
}

static void
test_valid(void)
{
	static const char *const valid[][OPTIONS_MAX] = {
		{"provider", "file"},
		{TOKEN},
		{APPROLE, "role_id", "r"},
		{APPROLE, "role_id_file", PATH},
		{JWT},
		{VAULT, "auth_method", "kubernetes", "jwt_file", PATH, "role", "r"},
		{VAULT, "auth_method", "cert", FILES},
		{VAULT, "auth_method", "cert", FILES, "role", "r"},
		{TOKEN, FILES},
		{APPROLE, "role_id", "r", "mount", "a/b.c/_d-", "namespace", "n1/n2", "auth_mount", "x/approle",
			"binding", "derived_context", "ca_file", PATH, "connect_timeout_ms", "100",
		"request_timeout_ms", "60000", FILES},
		{TOKEN, "binding", "associated_data"},
	};
	bool		ok = true;

	for (int i = 0; i < lengthof(valid); i++)
	{
		static KmsServer server;
		KmsError	error = {0};

		TAP_EACH(ok, server_read(&server, &error, valid[i]), "server %d: %s, %s", i,
				 error.subject, error.detail);
	}
	tap_ok(ok, "each auth method is taken with what it needs");
}

/* What is wrong with the server that the options make. */
typedef struct Invalid
{
	const char *option;
	const char *reason;
	const char *options[OPTIONS_MAX];
} Invalid;

static const Invalid invalid[] = {
	/* of any provider */
	{"provider", "it is required", {"address", "https://vault.example"}},
	{"provider", "there is no such provider", {"provider", "paper"}},
	{"provider", "it is given twice", {"provider", "file", "provider", "file"}},
	{"colour", "this provider has no such option", {TOKEN, "colour", "red"}},
	{"path", "this provider has no such option", {TOKEN, "path", PATH}},
	{"mount", "it is given twice", {TOKEN, "mount", "a", "mount", "b"}},
	{"mount", "it must not be empty", {TOKEN, "mount", ""}},
	{"path", "it must not be empty", {"provider", "file", "path", ""}},

	/* required */
	{"address", "it is required", {"provider", "vault", "auth_method", "token", "token_file", PATH}},
	{"auth_method", "it is required", {VAULT}},
	{"token_file", "auth_method token requires it", {VAULT, "auth_method", "token"}},
	{"secret_id_file", "auth_method approle requires it", {VAULT, "auth_method", "approle", "role_id", "r"}},
	{"role_id", "auth_method approle requires either it or role_id_file", {APPROLE}},
	{"role_id", "auth_method approle requires either it or role_id_file",
	{APPROLE, "role_id", "r", "role_id_file", PATH}},
	{"role", "auth_method jwt requires it", {VAULT, "auth_method", "jwt", "jwt_file", PATH}},
	{"token_source", "auth_method jwt requires either it or jwt_file",
	{VAULT, "auth_method", "jwt", "role", "r"}},
	{"token_source", "it takes the place of jwt_file, which is given too",
	{JWT, "token_source", "file:/a"}},
	{"role", "auth_method kubernetes requires it", {VAULT, "auth_method", "kubernetes", "jwt_file", PATH}},
	{"jwt_file", "auth_method kubernetes requires it", {VAULT, "auth_method", "kubernetes", "role", "r"}},
	{"client_cert_file", "auth_method cert requires it", {VAULT, "auth_method", "cert"}},
	{"client_key_file", "auth_method cert requires it", {VAULT, "auth_method", "cert", "client_cert_file", PATH}},
	{"client_key_file", "it is required with client_cert_file", {TOKEN, "client_cert_file", PATH}},
	{"client_cert_file", "it is required with client_key_file", {TOKEN, "client_key_file", PATH}},

	/* of another method */
	{"auth_mount", "auth_method token does not take it", {TOKEN, "auth_mount", "x"}},
	{"role_id", "auth_method token does not take it", {TOKEN, "role_id", "r"}},
	{"role_id_file", "auth_method token does not take it", {TOKEN, "role_id_file", PATH}},
	{"secret_id_file", "auth_method token does not take it", {TOKEN, "secret_id_file", PATH}},
	{"role", "auth_method token does not take it", {TOKEN, "role", "r"}},
	{"jwt_file", "auth_method token does not take it", {TOKEN, "jwt_file", PATH}},
	{"token_source", "auth_method token does not take it", {TOKEN, "token_source", "file:/a"}},
	{"attestation_claims", "auth_method token does not take it",
	{TOKEN, "attestation_claims", "{\"/a\":1}"}},
	{"token_source", "auth_method kubernetes does not take it",
	{VAULT, "auth_method", "kubernetes", "jwt_file", PATH, "role", "r", "token_source", "file:/a"}},
	{"token_file", "auth_method approle does not take it", {APPROLE, "role_id", "r", "token_file", PATH}},
	{"role", "auth_method approle does not take it", {APPROLE, "role_id", "r", "role", "r"}},
	{"jwt_file", "auth_method approle does not take it", {APPROLE, "role_id", "r", "jwt_file", PATH}},
	{"token_file", "auth_method jwt does not take it", {JWT, "token_file", PATH}},
	{"role_id", "auth_method jwt does not take it", {JWT, "role_id", "r"}},
	{"secret_id_file", "auth_method jwt does not take it", {JWT, "secret_id_file", PATH}},
	{"secret_id_file", "auth_method kubernetes does not take it",
	{VAULT, "auth_method", "kubernetes", "jwt_file", PATH, "role", "r", "secret_id_file", PATH}},
	{"jwt_file", "auth_method cert does not take it", {VAULT, "auth_method", "cert", FILES, "jwt_file", PATH}},
	{"role_id", "auth_method cert does not take it", {VAULT, "auth_method", "cert", FILES, "role_id", "r"}},

	/* choices */
	{"auth_method", "it must be one of: token, approle, jwt, kubernetes, cert", {VAULT, "auth_method", "ldap"}},
	{"auth_method", "it must be one of: token, approle, jwt, kubernetes, cert", {VAULT, "auth_method", "Token"}},
	{"binding", "it must be one of: associated_data, derived_context", {TOKEN, "binding", "context"}},

	/* text */
	{"role", "it must be printable ASCII", {VAULT, "auth_method", "jwt", "jwt_file", PATH, "role", "r\n"}},
	{"role", "it must be printable ASCII", {VAULT, "auth_method", "jwt", "jwt_file", PATH, "role", "r\xc3\xa9"}},
	{"role_id", "it must be printable ASCII", {APPROLE, "role_id", "r\x7f"}},
};

static void
test_invalid(void)
{
	bool		ok = true;

	for (int i = 0; i < lengthof(invalid); i++)
	{
		static KmsServer server;
		KmsError	error = {0};

		TAP_EACH(ok, !server_read(&server, &error, invalid[i].options) &&
				 error.status == KMS_CONFIG && strcmp(error.subject, invalid[i].option) == 0 &&
				 strcmp(error.detail, invalid[i].reason) == 0,
				 "%s, %s: is %s, %s", invalid[i].option, invalid[i].reason,
				 error.subject, error.detail);
	}
	tap_ok(ok, "each wrong option is refused, and named");
}

/* What an option needs beside it; the last is for all others. */
static const struct
{
	const char *option;
	const char *others[OPTIONS_MAX];
}			companies[] = {
	{"address", {"provider", "vault", "auth_method", "token", "token_file", PATH}},
	{"token_file", {VAULT, "auth_method", "token"}},
	{"role_id_file", {APPROLE}},
	{"secret_id_file", {VAULT, "auth_method", "approle", "role_id", "r"}},
	{"jwt_file", {VAULT, "auth_method", "jwt", "role", "r"}},
	{"client_cert_file", {TOKEN, "client_key_file", PATH}},
	{"client_key_file", {TOKEN, "client_cert_file", PATH}},
	{NULL, {APPROLE, "role_id", "r"}},
};

/* Why the option cannot have this value; empty when it can. */
static const char *
verdict(const char *option, const char *value)
{
	static KmsServer server;
	static KmsError error;
	const char *options[OPTIONS_MAX] = {option, value};
	int			company = 0;

	while (companies[company].option != NULL && strcmp(companies[company].option, option) != 0)
		company++;
	for (int i = 0; companies[company].others[i] != NULL; i++)
		options[i + 2] = companies[company].others[i];
	if (server_read(&server, &error, options))
		return "";
	return strcmp(error.subject, option) == 0 ? error.detail : error.subject;
}

/* Whether all of these values have the same verdict. */
static bool
verdicts_are(const char *option, const char *const *values, int n, const char *expected)
{
	bool		ok = true;

	for (int i = 0; i < n; i++)
		TAP_EACH(ok, strcmp(verdict(option, values[i]), expected) == 0,
				 "%s, %s: %s", option, values[i], verdict(option, values[i]));
	return ok;
}

static void
test_values(void)
{
	static const char *const file_options[] = {
		"ca_file", "client_cert_file", "client_key_file", "token_file", "role_id_file",
		"secret_id_file", "jwt_file"
	};
	static const char *const files[] = {"/a", "/a/b c"};
	static const char *const no_files[] = {"a", "./a", "../a", "~/a", " /a"};
	static const char *const path_options[] = {"mount", "namespace", "auth_mount"};
	static const char *const paths[] = {"a", "a/b", "A.b-_/0", "..a", "a..", "-", "a/b/c/d"};
	static const char *const no_paths[] = {
		".", "..", "...", "a/..", "../a", "a/./b", "/a", "a/", "a//b", "/", "a b", "a?b", "a#b",
		"a%2fb", "a\\b", "a\nb", "\xc3\xa9"
	};
	static const char *const timeout_options[] = {"connect_timeout_ms", "request_timeout_ms"};
	static const char *const timeouts[] = {"100", "60000", "000060000"};
	static const char *const no_timeouts[] = {
		"99", "60001", "0", "-1", "+100", " 100", "100 ", "100ms", "1e3", "0x100", "1000000000",
		"4294967396", "18446744073709551716"
	};
	static const char *const no_addresses[] = {
		"http://vault.example", "https://vault.example/", "https://vault.example/v1",
		"https://u@vault.example", "https://vault.example?x", "vault.example"
	};
	static const char *const local = "https://127.0.0.1:8200";
	bool		ok = true;

	for (int i = 0; i < lengthof(file_options); i++)
		ok &= verdicts_are(file_options[i], files, lengthof(files), "") &&
			verdicts_are(file_options[i], no_files, lengthof(no_files),
						 "it must be an absolute path");
	tap_ok(ok, "files are named by absolute paths");

	ok = true;
	for (int i = 0; i < lengthof(path_options); i++)
		ok &= verdicts_are(path_options[i], paths, lengthof(paths), "") &&
			verdicts_are(path_options[i], no_paths, lengthof(no_paths),
						 "it must be names of letters, digits, _, . and -, with / between them");
	tap_ok(ok, "mounts and namespaces cannot lead out of their place in a URL");

	ok = true;
	for (int i = 0; i < lengthof(timeout_options); i++)
		ok &= verdicts_are(timeout_options[i], timeouts, lengthof(timeouts), "") &&
			verdicts_are(timeout_options[i], no_timeouts, lengthof(no_timeouts),
						 "it must be an integer from 100 to 60000");
	tap_ok(ok, "timeouts are from 100 to 60000 milliseconds");

	tap_ok(verdicts_are("address", no_addresses, lengthof(no_addresses),
						"it must be https://host or https://host:port"),
		   "an address is https, a host and a port");
	ok = verdicts_are("address", &local, 1,
					  "its host is this machine, link-local or a metadata service, and bionic_crypt.allow_local_kms is off");
	config_allow_local_kms = true;
	ok &= verdicts_are("address", &local, 1, "");
	config_allow_local_kms = false;
	tap_ok(ok, "an address of this machine is refused, also when the options are read again");
}

static void
test_kek(void)
{
	static const char *const good[] = {"a", "_", "0", "saas-chat", "a.b", "_x.-y", "a--b", "A9_"};
	static const char *const bad[] = {
		"", "-a", ".a", "a-", "a.", ".", "..", "a/b", "a b", "a%2fb", "a?b", "a#b", "a\n", "\xc3\xa9",
		"../sys/seal", "a\"b"
	};
	char		longest[258];
	KmsError	error;
	bool		ok = true;

	for (int i = 0; i < lengthof(good); i++)
		TAP_EACH(ok, kms_vault.validate_kek(good[i], &error), "%s", good[i]);
	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, !kms_vault.validate_kek(bad[i], &error) && error.status == KMS_CONFIG &&
				 strcmp(error.subject, "kek") == 0, "%s", bad[i]);
	memset(longest, 'a', sizeof(longest));
	longest[256] = '\0';
	ok = ok && kms_vault.validate_kek(longest, &error);
	longest[256] = 'a';
	longest[257] = '\0';
	tap_ok(ok && !kms_vault.validate_kek(longest, &error),
		   "names of keys are Transit's, at most 256 letters long");
}

/* The options' bytes, cut short and too many. */
static void
test_encoding(void)
{
	static KmsServer server;
	static uint8 bytes[65536];
	static const char *const options[] = {TOKEN, "mount", "m"};
	ByteWriter	w = writer_of(bytes, sizeof(bytes));
	KmsError	error;
	char		name[NAMEDATALEN + 1] = "";
	static char value[MAXPGPATH + 1];
	bool		ok;

	for (int i = 0; i < lengthof(options); i++)
		writer_sized(&w, bytes_of_string(options[i]));
	ok = kms_server_read("test", writer_bytes(&w), &server, &error) &&
		server.n_options == 5 && server.provider == &kms_vault &&
		strcmp(kms_option(&server, "mount"), "m") == 0 && kms_option(&server, "none") == NULL;
	for (Size len = w.len - 1; len > w.len - 11; len--)
		TAP_EACH(ok, kms_server_read("test", bytes_of(bytes, len), &server, &error) == (len == w.len - 10),
				 "%zu bytes", len);
	tap_ok(ok, "options are read from their bytes, and refused when these are cut");

	w = writer_of(bytes, sizeof(bytes));
	for (int i = 0; i < 33 * 2; i++)
		writer_sized(&w, bytes_of_string("x"));
	ok = !kms_server_read("test", writer_bytes(&w), &server, &error) &&
		strcmp(error.detail, "there are more than 32") == 0;
	memset(name, 'n', sizeof(name) - 1);
	memset(value, 'v', sizeof(value) - 1);
	ok = ok && !server_read(&server, &error, (const char *const[]) {TOKEN, name, "x", NULL}) &&
		strcmp(error.detail, "they cannot be read") == 0 &&
		!server_read(&server, &error, (const char *const[]) {TOKEN, "mount", value, NULL}) &&
		strcmp(error.detail, "its value is too long, or no text") == 0 && strcmp(error.subject, "mount") == 0;
	tap_ok(ok, "options that are too many or too long are refused");

	w = writer_of(bytes, sizeof(bytes));
	for (int i = 0; i < lengthof(options) - 1; i++)
		writer_sized(&w, bytes_of_string(options[i]));
	writer_sized(&w, bytes_of("m\0n", 3));
	ok = !kms_server_read("test", writer_bytes(&w), &server, &error) &&
		strcmp(error.subject, "mount") == 0;
	tap_ok(ok && !server_read(&server, &error, (const char *const[]) {TOKEN, "", "x", NULL}) &&
		   strcmp(error.detail, "they cannot be read") == 0,
		   "an option with a NUL is refused, and one without a name");
}
