/*-------------------------------------------------------------------------
 *
 * kms_options.h
 *	  Checks of options that providers share.  No I/O.
 *
 * An option that is not given passes.  What fails is KMS_CONFIG, with the
 * option as *error's subject.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_KMS_OPTIONS_H
#define KMS_KMS_OPTIONS_H

#include "postgres.h"

#include "kms/kms_provider.h"

#define KMS_TIMEOUT_MIN_MS	100
#define KMS_TIMEOUT_MAX_MS	60000

/* What every provider that speaks HTTP has; kms_options_check_http() is for them. */
#define KMS_HTTP_OPTION_RULES \
	{.name = "ca_file", .of_machine = true}, \
	{.name = "client_cert_file", .of_machine = true}, \
	{.name = "client_key_file", .of_machine = true}, \
	{.name = "connect_timeout_ms"}, \
	{.name = "request_timeout_ms"}

extern bool kms_options_check_http(const KmsServer *server, KmsError *error);

extern bool kms_option_check_url(const KmsServer *server, const char *name, KmsError *error);

/* An absolute path; it is not looked at. */
extern bool kms_option_check_file(const KmsServer *server, const char *name, KmsError *error);

/* Decimal digits and nothing else. */
extern bool kms_option_check_integer(const KmsServer *server, const char *name,
									 int min, int max, KmsError *error);

/* A time that was checked, or the default; never raises, whatever the catalog holds. */
extern int	kms_option_ms(const KmsServer *server, const char *name, int default_ms);

/* An option of some ways to log in, as bits: 1 << place in the list of methods. */
typedef struct KmsMethodOption
{
	const char *name;
	int			required_by;
	int			taken_by;		/* the others refuse it */
} KmsMethodOption;

/* auth_method is one of methods, which ends with NULL, and has its options. */
extern bool kms_options_check_method(const KmsServer *server, const char *const *methods,
									 const KmsMethodOption *options, int n, KmsError *error);

/* The bit of auth_method, which was checked. */
extern int	kms_option_method(const KmsServer *server, const char *const *methods);

/* One of choices, which ends with NULL. */
extern bool kms_option_check_choice(const KmsServer *server, const char *name,
									const char *const *choices, KmsError *error);

/* Names of letters, digits, _, . and - with / between, as a part of a URL. */
extern bool kms_option_check_segments(const KmsServer *server, const char *name,
									  KmsError *error);

/* For what is sent as text. */
extern bool kms_option_check_printable(const KmsServer *server, const char *name,
									   KmsError *error);

/* Printable ASCII, spaces included. */
extern bool kms_text_is_printable(const char *text);

/* Printable ASCII without spaces, and not empty: it may go into a header. */
extern bool kms_text_is_token(const char *text);

/* Three parts of base64url (RFC 7515, 3.1). */
extern bool kms_text_is_jwt(const char *text);

#endif							/* KMS_KMS_OPTIONS_H */
