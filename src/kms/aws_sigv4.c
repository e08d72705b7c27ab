/*-------------------------------------------------------------------------
 *
 * aws_sigv4.c
 *	  Signatures of requests to AWS, Signature Version 4.
 *
 * The secret key signs the date, that the region, that the service, and the
 * last of these keys the request: its method, path, query, all its headers and
 * the hash of its body.  AWS sees the same bytes only if they are sent as they
 * were signed; therefore Host is a header of ours, not of the HTTP library's
 * making.
 *
 * The request in the form to be hashed is never put together, since a session
 * token is in it: its parts go into the hash one by one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <time.h>

#include "crypto/kdf.h"
#include "kms/aws_sigv4.h"

#define ALGORITHM			"AWS4-HMAC-SHA256"
#define HASH_LEN			32
#define HEX_LEN				(2 * HASH_LEN + 1)	/* with its NUL */
#define DATE_LEN			8	/* 20150830 */
#define TIME_LEN			16	/* 20150830T123600Z */
#define HEADERS_COUNT_MAX	16
#define HEADER_NAME_MAX		64	/* with its NUL */
#define SCOPE_MAX			128
#define HOST_MAX			300

/* Borrowed from the request, but for the name in lower case. */
typedef struct SigV4Header
{
	char		name[HEADER_NAME_MAX];
	const char *value;
} SigV4Header;

typedef struct SigV4Headers
{
	int			n;
	SigV4Header each[HEADERS_COUNT_MAX];	/* sorted by name */
	char		names[HEADERS_COUNT_MAX * HEADER_NAME_MAX]; /* with ; between them */
} SigV4Headers;

/* What a URL consists of, behind its scheme. */
typedef struct SigV4Url
{
	Bytes		host;
	Bytes		path;
	Bytes		query;
} SigV4Url;

typedef struct SigV4Hash
{
	EVP_MD_CTX *context;
	bool		ok;
} SigV4Hash;

static bool
read_url(const char *url, SigV4Url *parts)
{
	const char *host = strstr(url, "://");
	const char *path;
	Size		len;

	if (host == NULL)
		return false;
	host += strlen("://");
	parts->host = bytes_of(host, strcspn(host, "/?"));
	path = host + parts->host.len;
	len = strcspn(path, "?");
	parts->path = len > 0 ? bytes_of(path, len) : bytes_of_string("/");
	parts->query = bytes_of_string(path[len] == '?' ? path + len + 1 : "");
	return parts->host.len > 0 && parts->host.len < HOST_MAX;
}

/* A year has four digits. */
static bool
write_time(int64 now_s, char text[TIME_LEN + 1])
{
	time_t		now = (time_t) now_s;
	struct tm	utc;

	return gmtime_r(&now, &utc) != NULL &&
		strftime(text, TIME_LEN + 1, "%Y%m%dT%H%M%SZ", &utc) == TIME_LEN;
}

/* Others would be signed in another form than the one that is sent. */
static bool
is_plain_value(const char *value)
{
	Size		len = strlen(value);

	return len == 0 ||
		(value[0] != ' ' && value[len - 1] != ' ' && strstr(value, "  ") == NULL);
}

/* One line of the request: "Name: value". */
static bool
read_header(const char *line, SigV4Header *header)
{
	Size		len = strcspn(line, ":");

	if (len == 0 || len >= HEADER_NAME_MAX || strncmp(line + len, ": ", 2) != 0)
		return false;
	for (Size i = 0; i < len; i++)
		header->name[i] = pg_ascii_tolower((unsigned char) line[i]);
	header->name[len] = '\0';
	header->value = line + len + 2;
	return is_plain_value(header->value);
}

static int
compare_headers(const void *a, const void *b)
{
	return strcmp(((const SigV4Header *) a)->name, ((const SigV4Header *) b)->name);
}

static bool
read_headers(const KmsRequest *request, SigV4Headers *headers)
{
	Size		next;

	headers->n = 0;
	for (Size at = 0; at < request->headers_len; at = next)
	{
		next = at + strlen(request->headers + at) + 1;
		if (headers->n == HEADERS_COUNT_MAX ||
			!read_header(request->headers + at, &headers->each[headers->n++]))
			return false;
	}
	qsort(headers->each, headers->n, sizeof(SigV4Header), compare_headers);

	headers->names[0] = '\0';
	for (int i = 0; i < headers->n; i++)
	{
		if (i > 0 && compare_headers(&headers->each[i - 1], &headers->each[i]) == 0)
			return false;
		strlcat(headers->names, i > 0 ? ";" : "", sizeof(headers->names));
		strlcat(headers->names, headers->each[i].name, sizeof(headers->names));
	}
	return true;
}

static SigV4Hash
hash_begin(void)
{
	SigV4Hash	hash = {.context = EVP_MD_CTX_new()};

	hash.ok = hash.context != NULL &&
		EVP_DigestInit_ex(hash.context, EVP_sha256(), NULL) == 1;
	return hash;
}

static void
hash_put(SigV4Hash *hash, Bytes part)
{
	hash->ok = hash->ok && EVP_DigestUpdate(hash->context, part.data, part.len) == 1;
}

static void
hash_text(SigV4Hash *hash, const char *text)
{
	hash_put(hash, bytes_of_string(text));
}

static bool
hash_end(SigV4Hash *hash, char hex[HEX_LEN])
{
	uint8		digest[HASH_LEN];
	bool		ok = hash->ok && EVP_DigestFinal_ex(hash->context, digest, NULL) == 1;

	EVP_MD_CTX_free(hash->context);
	if (ok)
		sodium_bin2hex(hex, HEX_LEN, digest, HASH_LEN);
	return ok;
}

static bool
hash_body(const KmsRequest *request, char hex[HEX_LEN])
{
	SigV4Hash	hash = hash_begin();

	hash_put(&hash, bytes_of(request->body, request->body_len));
	return hash_end(&hash, hex);
}

/* The "canonical request". */
static bool
hash_request(const KmsRequest *request, const SigV4Url *url, const SigV4Headers *headers,
			 char hex[HEX_LEN])
{
	char		body[HEX_LEN];
	SigV4Hash	hash;

	if (!hash_body(request, body))
		return false;
	hash = hash_begin();
	hash_text(&hash, request->method);
	hash_text(&hash, "\n");
	hash_put(&hash, url->path);
	hash_text(&hash, "\n");
	hash_put(&hash, url->query);
	hash_text(&hash, "\n");
	for (int i = 0; i < headers->n; i++)
	{
		hash_text(&hash, headers->each[i].name);
		hash_text(&hash, ":");
		hash_text(&hash, headers->each[i].value);
		hash_text(&hash, "\n");
	}
	hash_text(&hash, "\n");
	hash_text(&hash, headers->names);
	hash_text(&hash, "\n");
	hash_text(&hash, body);
	return hash_end(&hash, hex);
}

/* The key of one day, region and service. */
static bool
derive_key(Bytes secret_key, const char *time, const char *region, const char *service,
		   uint8 key[HASH_LEN])
{
	static const char prefix[] = "AWS4";
	uint8		first[sizeof(prefix) - 1 + SIGV4_SECRET_KEY_MAX];
	Bytes		signed_ones[] = {
		bytes_of(time, DATE_LEN),
		bytes_of_string(region),
		bytes_of_string(service),
		bytes_of_string("aws4_request"),
	};
	Bytes		with = bytes_of(first, sizeof(prefix) - 1 + secret_key.len);
	bool		ok = secret_key.len <= SIGV4_SECRET_KEY_MAX;

	if (!ok)
		return false;
	memcpy(first, prefix, sizeof(prefix) - 1);
	memcpy(first + sizeof(prefix) - 1, secret_key.data, secret_key.len);
	for (int i = 0; ok && i < lengthof(signed_ones); i++)
	{
		ok = kdf_hmac(with, &signed_ones[i], 1, key);
		with = bytes_of(key, HASH_LEN);
	}
	OPENSSL_cleanse(first, sizeof(first));
	return ok;
}

static bool
sign_hash(const uint8 key[HASH_LEN], const char *time, const char *scope, const char *hash,
		  char hex[HEX_LEN])
{
	uint8		signature[HASH_LEN];
	Bytes		parts[] = {
		bytes_of_string(ALGORITHM "\n"),
		bytes_of_string(time),
		bytes_of_string("\n"),
		bytes_of_string(scope),
		bytes_of_string("\n"),
		bytes_of_string(hash),
	};

	if (!kdf_hmac(bytes_of(key, HASH_LEN), parts, lengthof(parts), signature))
		return false;
	sodium_bin2hex(hex, HEX_LEN, signature, HASH_LEN);
	return true;
}

static void
put_own_headers(KmsRequest *request, const SigV4Url *url, const char *time,
				const char *session_token)
{
	char		host[HOST_MAX];

	memcpy(host, url->host.data, url->host.len);
	host[url->host.len] = '\0';
	http_request_header(request, "Host", host);
	http_request_header(request, "X-Amz-Date", time);
	if (session_token[0] != '\0')
		http_request_header(request, "X-Amz-Security-Token", session_token);
}

bool
sigv4_sign(KmsRequest *request, const SigV4Keys *keys, const char *region,
		   const char *service, int64 now_s)
{
	SigV4Url	url;
	SigV4Headers headers;
	char		time[TIME_LEN + 1];
	char		scope[SCOPE_MAX];
	char		hash[HEX_LEN];
	char		signature[HEX_LEN];
	char		authorization[sizeof(headers.names) + 512];
	uint8		key[HASH_LEN];
	bool		ok;

	if (keys->access_key_id.len > SIGV4_ACCESS_KEY_ID_MAX ||
		!write_time(now_s, time) || !read_url(request->url, &url) ||
		snprintf(scope, sizeof(scope), "%.*s/%s/%s/aws4_request", DATE_LEN, time, region,
				 service) >= sizeof(scope))
		return false;
	put_own_headers(request, &url, time, keys->session_token);
	if (request->invalid || !read_headers(request, &headers) ||
		!hash_request(request, &url, &headers, hash))
		return false;

	ok = derive_key(keys->secret_key, time, region, service, key) &&
		sign_hash(key, time, scope, hash, signature);
	OPENSSL_cleanse(key, sizeof(key));
	if (!ok)
		return false;
	snprintf(authorization, sizeof(authorization),
			 ALGORITHM " Credential=%.*s/%s, SignedHeaders=%s, Signature=%s",
			 (int) keys->access_key_id.len, (const char *) keys->access_key_id.data, scope,
			 headers.names, signature);
	http_request_header(request, "Authorization", authorization);
	return !request->invalid;
}
