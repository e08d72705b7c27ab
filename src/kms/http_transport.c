/*-------------------------------------------------------------------------
 *
 * http_transport.c
 *	  How every request is sent: what a handle of libcurl is told.
 *
 * Nothing here is a choice of the tenant but the files of the HttpClientOptions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "kms/http_transport.h"
#include "kms/kms_address.h"

#define CONNECTION_IDLE_S	60	/* later ones are not used again */
#define CONNECTION_LIFE_S	300
#define ADDRESS_KEPT_S		60
#define CA_KEPT_S			60

/* Older ones wait for the resolver's thread, and all KMSs with them. */
#if LIBCURL_VERSION_NUM < 0x075700
#error "libcurl 7.87 or newer is required"
#endif

typedef struct LongOption
{
	CURLoption	option;
	long		value;
} LongOption;

typedef struct StringOption
{
	CURLoption	option;
	const char *value;
} StringOption;

/* The same for all; an option that libcurl does not know fails the transfer. */
static const LongOption long_options[] = {
	{CURLOPT_SSL_VERIFYPEER, 1},
	{CURLOPT_SSL_VERIFYHOST, 2},
	{CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},	/* or newer */
	{CURLOPT_SSL_SESSIONID_CACHE, 0},
	{CURLOPT_FOLLOWLOCATION, 0},
	{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
	{CURLOPT_HTTP09_ALLOWED, 0},
	{CURLOPT_HTTPAUTH, CURLAUTH_NONE},
	{CURLOPT_NETRC, CURL_NETRC_IGNORED},
	{CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
	{CURLOPT_PATH_AS_IS, 1},	/* what the provider built is what is sent */
	{CURLOPT_NOSIGNAL, 1},
	{CURLOPT_DNS_CACHE_TIMEOUT, ADDRESS_KEPT_S},
	{CURLOPT_MAXAGE_CONN, CONNECTION_IDLE_S},
	{CURLOPT_MAXLIFETIME_CONN, CONNECTION_LIFE_S},
	{CURLOPT_CA_CACHE_TIMEOUT, CA_KEPT_S},
	{CURLOPT_QUICK_EXIT, 1},	/* not to wait for a resolver that hangs */
};

static const StringOption string_options[] = {
	{CURLOPT_REDIR_PROTOCOLS_STR, "https"},
	{CURLOPT_PROXY, ""},
	{CURLOPT_NOPROXY, "*"},
	{CURLOPT_KEYPASSWD, ""},	/* OpenSSL would ask at the terminal */
	{CURLOPT_USERAGENT, "bionic_crypt"},
};

static curl_socket_t
open_if(bool allowed, const struct curl_sockaddr *address, bool *refused)
{
	if (!allowed)
	{
		*refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static curl_socket_t
open_socket(void *argument, curlsocktype purpose, struct curl_sockaddr *address)
{
	return open_if(kms_address_allowed(&address->addr), address, argument);
}

static curl_socket_t
open_metadata_socket(void *argument, curlsocktype purpose, struct curl_sockaddr *address)
{
	return open_if(kms_metadata_address_allowed(&address->addr), address, argument);
}

/* What was decrypted is wiped as soon as it was handed on. */
static CURLcode
prepare_tls(CURL *easy, void *context, void *unused)
{
	SSL_CTX_set_options(context, SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_NO_RENEGOTIATION);
	return CURLE_OK;
}

/*
 * libcurl opens these files itself, and would wait for the other end of a FIFO
 * or for a terminal, and everybody with it.
 */
static bool
is_file(const char *path)
{
	struct stat info;

	return path == NULL || (stat(path, &info) == 0 && S_ISREG(info.st_mode));
}

#define SET(option, value) \
	do { \
		if (code == CURLE_OK) \
			code = curl_easy_setopt(easy, option, value); \
	} while (0)

static CURLcode
set_tls(CURL *easy, const HttpClientOptions *options)
{
	CURLcode	code = CURLE_OK;

	if (!is_file(options->ca_file))
		return CURLE_SSL_CACERT_BADFILE;
	if (!is_file(options->client_cert_file) || !is_file(options->client_key_file))
		return CURLE_SSL_CERTPROBLEM;

	/* Its file and no folder; with NULL, some versions take the system's. */
	if (options->ca_file != NULL)
	{
		SET(CURLOPT_CAINFO, options->ca_file);
		SET(CURLOPT_CAPATH, "/dev/null");
	}
	SET(CURLOPT_SSLCERT, options->client_cert_file);
	SET(CURLOPT_SSLKEY, options->client_key_file);
	SET(CURLOPT_SSL_CTX_FUNCTION, prepare_tls);
	return code;
}

CURLcode
http_transport_set(CURL *easy, const HttpClientOptions *options, bool to_metadata,
				   bool *address_refused)
{
	CURLcode	code = CURLE_OK;

	for (int i = 0; i < lengthof(long_options); i++)
		SET(long_options[i].option, long_options[i].value);
	for (int i = 0; i < lengthof(string_options); i++)
		SET(string_options[i].option, string_options[i].value);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long) options->connect_timeout_ms);
	SET(CURLOPT_OPENSOCKETDATA, address_refused);
	if (to_metadata)
	{
		SET(CURLOPT_PROTOCOLS_STR, "http");
		SET(CURLOPT_OPENSOCKETFUNCTION, open_metadata_socket);
		return code;
	}
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	return code == CURLE_OK ? set_tls(easy, options) : code;
}

static bool
add_header(struct curl_slist **headers, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*headers, line);

	if (longer != NULL)
		*headers = longer;
	return longer != NULL;
}

CURLcode
http_transport_set_request(CURL *easy, const KmsRequest *request,
						   struct curl_slist **headers)
{
	const char *scheme = request->to_metadata ? "http://" : "https://";
	CURLcode	code = CURLE_OK;

	if (request->invalid || strncmp(request->url, scheme, strlen(scheme)) != 0)
		return CURLE_URL_MALFORMAT;
	SET(CURLOPT_URL, request->url);
	if (request->body_len > 0 || strcmp(request->method, "POST") == 0)
	{
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body_len);
		SET(CURLOPT_COPYPOSTFIELDS, request->body);
	}
	SET(CURLOPT_CUSTOMREQUEST, request->method);

	for (Size at = 0; at < request->headers_len; at += strlen(request->headers + at) + 1)
	{
		if (!add_header(headers, request->headers + at))
			return CURLE_OUT_OF_MEMORY;
	}
	SET(CURLOPT_HTTPHEADER, *headers);
	return code;
}
