/*-------------------------------------------------------------------------
 *
 * kms_aws_keys.c
 *	  Access keys of AWS: in a file, in a reply, and as we keep them.
 *
 * We keep id, secret and session token with tabs between them, which none of
 * them can have; the last is empty for a key of a user.  A secret is never
 * copied to where it is not wiped: what is read are views of the file's text,
 * or of memory that is wiped here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>
#include <time.h>

#include "base/json.h"
#include "kms/kms_aws.h"
#include "kms/kms_options.h"

#define EXPIRATION_MAX	64		/* as text, with its NUL */
#define FRACTION_MAX	9		/* digits of a second's */
#define SECONDS_MAX		253402300799.0	/* the end of the year 9999 */

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS	"0123456789"

static bool
consists_of(Bytes text, const char *allowed, Size max)
{
	for (Size i = 0; i < text.len; i++)
	{
		if (text.data[i] == '\0' || strchr(allowed, text.data[i]) == NULL)
			return false;
	}
	return text.len > 0 && text.len <= max;
}

static bool
is_access_key_id(Bytes text)
{
	return consists_of(text, LETTERS DIGITS "_", SIGV4_ACCESS_KEY_ID_MAX);
}

static bool
is_secret_key(Bytes text)
{
	return consists_of(text, LETTERS DIGITS "+/=", SIGV4_SECRET_KEY_MAX);
}

bool
aws_keys_of(const KmsToken *token, SigV4Keys *keys)
{
	const char *id = token->text;
	Size		id_len = strcspn(id, "\t");
	const char *secret = id + id_len + 1;
	Size		secret_len;

	if (id[id_len] != '\t')
		return false;
	secret_len = strcspn(secret, "\t");
	if (secret[secret_len] != '\t')
		return false;
	keys->access_key_id = bytes_of(id, id_len);
	keys->secret_key = bytes_of(secret, secret_len);
	keys->session_token = secret + secret_len + 1;
	return is_access_key_id(keys->access_key_id) && is_secret_key(keys->secret_key) &&
		(keys->session_token[0] == '\0' || kms_text_is_token(keys->session_token));
}

/* False, and nothing in text, unless aws_keys_of() gives them again. */
static bool
write_keys(KmsToken *token, Bytes id, Bytes secret, Bytes session_token)
{
	ByteWriter	w = writer_of(token->text, sizeof(token->text));
	SigV4Keys	keys;

	writer_put(&w, id);
	writer_u8(&w, '\t');
	writer_put(&w, secret);
	writer_u8(&w, '\t');
	writer_put(&w, session_token);
	writer_u8(&w, '\0');
	if (!w.overflow && aws_keys_of(token, &keys) &&
		bytes_equal(keys.access_key_id, id) && bytes_equal(keys.secret_key, secret) &&
		bytes_equal(bytes_of_string(keys.session_token), session_token))
		return true;
	OPENSSL_cleanse(token, sizeof(*token));
	return false;
}


/* Shared credentials files */

static bool
is_blank(uint8 c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static Bytes
trim(Bytes text)
{
	while (text.len > 0 && is_blank(text.data[text.len - 1]))
		text.		len--;

	while (text.len > 0 && is_blank(text.data[0]))
		text = bytes_of(text.data + 1, text.len - 1);
	return text;
}

/* What a profile says; a member that it does not say is empty, without data. */
typedef struct AwsProfile
{
	bool		found;
	Bytes		id;
	Bytes		secret;
	Bytes		session_token;
} AwsProfile;

/* A line "name = value" of the profile. */
static bool
read_setting(Bytes line, AwsProfile *profile)
{
	struct
	{
		const char *name;
		Bytes	   *value;
	}			known[] = {
		{"aws_access_key_id", &profile->id},
		{"aws_secret_access_key", &profile->secret},
		{"aws_session_token", &profile->session_token},
	};
	const uint8 *equals = memchr(line.data, '=', line.len);
	Bytes		name;

	/* An indented line belongs to a setting of several lines. */
	if (equals == NULL || is_blank(line.data[0]))
		return false;
	name = trim(bytes_of(line.data, equals - line.data));
	for (int i = 0; i < lengthof(known); i++)
	{
		if (!bytes_equal(name, bytes_of_string(known[i].name)))
			continue;
		if (known[i].value->data != NULL)
			return false;
		*known[i].value = trim(bytes_of(equals + 1, line.data + line.len - (equals + 1)));
		return true;
	}
	return false;
}

/* Other profiles are not looked at; in ours everything must be known. */
static bool
read_profile(const char *text, const char *name, AwsProfile *profile)
{
	bool		inside = false;

	for (const char *rest = text; *rest != '\0';)
	{
		Size		len = strcspn(rest, "\n");
		Bytes		line = bytes_of(rest, len);
		Bytes		trimmed = trim(line);

		rest += len + (rest[len] == '\n');
		if (trimmed.len == 0 || trimmed.data[0] == '#' || trimmed.data[0] == ';')
			continue;
		if (line.data[0] == '[')
		{
			if (trimmed.data[trimmed.len - 1] != ']')
				return false;
			inside = bytes_equal(trim(bytes_of(trimmed.data + 1, trimmed.len - 2)),
								 bytes_of_string(name));
			if (inside && profile->found)
				return false;
			profile->found |= inside;
		}
		else if (inside && !read_setting(line, profile))
			return false;
	}
	return true;
}

bool
aws_keys_of_profile(const char *text, const char *profile, KmsToken *token, KmsError *error)
{
	AwsProfile	read = {0};

	if (!read_profile(text, profile, &read))
		return kms_fail(error, KMS_CREDENTIAL, "credentials_file",
						"The profile has something else than aws_access_key_id, aws_secret_access_key and aws_session_token, or one of them twice.");
	if (!read.found)
		return kms_fail(error, KMS_CREDENTIAL, "credentials_file",
						"The file has no such profile.");
	return write_keys(token, read.id, read.secret, read.session_token) ||
		kms_fail(error, KMS_CREDENTIAL, "credentials_file",
				 "The profile has no access key, or not the form of one.");
}


/* Replies */

/* The digits of a number, as many as there must be. */
static bool
read_digits(const char **text, int n, int *value)
{
	*value = 0;
	for (int i = 0; i < n; i++)
	{
		if (**text <'0' || **text >'9')
			return false;
		*value = *value * 10 + *(*text) ++- '0';
	}
	return true;
}

static bool
read_mark(const char **text, char mark)
{
	return *(*text) ++== mark;
}

/* ISO 8601 in the one form that AWS has, in UTC. */
static bool
read_date(const char *text, int64 *seconds)
{
	struct tm	given = {0};
	struct tm	normal;
	time_t		time;

	if (!read_digits(&text, 4, &given.tm_year) || !read_mark(&text, '-') ||
		!read_digits(&text, 2, &given.tm_mon) || !read_mark(&text, '-') ||
		!read_digits(&text, 2, &given.tm_mday) || !read_mark(&text, 'T') ||
		!read_digits(&text, 2, &given.tm_hour) || !read_mark(&text, ':') ||
		!read_digits(&text, 2, &given.tm_min) || !read_mark(&text, ':') ||
		!read_digits(&text, 2, &given.tm_sec))
		return false;
	if (*text == '.')
	{
		Size		digits = strspn(++text, DIGITS);

		if (digits == 0 || digits > FRACTION_MAX)
			return false;
		text	  +=digits;
	}
	if (strcmp(text, "Z") != 0)
		return false;
	given.tm_year -= 1900;
	given.tm_mon -= 1;

	/* The 30th of February would come back as a day of March. */
	normal = given;
	time = timegm(&normal);
	*seconds = time;
	return given.tm_mon == normal.tm_mon && given.tm_hour == normal.tm_hour &&
		given.tm_min == normal.tm_min && given.tm_sec == normal.tm_sec;
}

bool
aws_time_read(const char *text, int64 *seconds)
{
	char	   *end;
	double		number;

	/* STS writes numbers, 1.5E9 among them. */
	if (strspn(text, DIGITS ".eE+") != strlen(text))
		return read_date(text, seconds);
	number = strtod(text, &end);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || !(number <= SECONDS_MAX))
		return false;
	*seconds = (int64) number;
	return true;
}

bool
aws_keys_of_reply(const KmsReply *reply, const AwsKeysPlace *place, int64 now_s,
				  KmsToken *token, KmsError *error)
{
	char		id[SIGV4_ACCESS_KEY_ID_MAX + 1];
	char		secret[SIGV4_SECRET_KEY_MAX + 1];
	char		session_token[sizeof(token->text)];
	char		expiration[EXPIRATION_MAX];
	JsonWanted	wanted[] = {
		{place->access_key_id, id, sizeof(id), false},
		{place->secret_key, secret, sizeof(secret), false},
		{place->session_token, session_token, sizeof(session_token), false},
		{place->expiration, expiration, sizeof(expiration), false},
	};
	int64		ends_at = 0;
	bool		ok;

	ok = json_find(bytes_of(reply->body, reply->body_len), wanted, lengthof(wanted)) &&
		wanted[0].found && wanted[1].found && wanted[2].found && wanted[3].found &&
		session_token[0] != '\0' &&
		aws_time_read(expiration, &ends_at) &&
		write_keys(token, bytes_of_string(id), bytes_of_string(secret),
				   bytes_of_string(session_token));
	OPENSSL_cleanse(secret, sizeof(secret));
	OPENSSL_cleanse(session_token, sizeof(session_token));
	if (!ok)
		return kms_reply_fail(reply, error, KMS_PROTOCOL, "",
							  "Its reply holds no access key with an end");
	if (ends_at <= now_s)
	{
		OPENSSL_cleanse(token, sizeof(*token));
		return kms_reply_fail(reply, error, KMS_CREDENTIAL, "auth_method",
							  "The access key that it gave has expired already, or a clock is wrong");
	}
	token->lifetime_s = (uint32) Min(ends_at - now_s, PG_UINT32_MAX);
	token->renewable = false;
	token->replaceable = true;
	return true;
}
