/*-------------------------------------------------------------------------
 *
 * curl_rules.c
 *	  How every connection is made, whatever is said on it.
 *
 * Nothing here is a choice of the tenant but the CurlOptions.
 *
 * What is said about a failure is libcurl's fixed text for its kind; the
 * peer's words are never shown.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "kms/curl_rules.h"
#include "kms/kms_address.h"
#include "kms/kms_options.h"

#define CONNECT_TIMEOUT_MS	3000
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

/* What else fails is a reply that makes no sense. */
static const struct
{
	CURLcode	code;
	KmsFailure	failure;
}			failures[] = {
	{CURLE_COULDNT_RESOLVE_HOST, KMS_UNREACHABLE},
	{CURLE_COULDNT_CONNECT, KMS_UNREACHABLE},
	{CURLE_OPERATION_TIMEDOUT, KMS_UNREACHABLE},
	{CURLE_GOT_NOTHING, KMS_UNREACHABLE},
	{CURLE_RECV_ERROR, KMS_UNREACHABLE},
	{CURLE_SEND_ERROR, KMS_UNREACHABLE},
	{CURLE_SSL_CONNECT_ERROR, KMS_UNTRUSTED},
	{CURLE_PEER_FAILED_VERIFICATION, KMS_UNTRUSTED},
	{CURLE_SSL_ISSUER_ERROR, KMS_UNTRUSTED},
	{CURLE_SSL_INVALIDCERTSTATUS, KMS_UNTRUSTED},
	{CURLE_SSL_CLIENTCERT, KMS_UNTRUSTED},
	{CURLE_SSL_CACERT_BADFILE, KMS_LOCAL_FAILURE},
	{CURLE_SSL_CERTPROBLEM, KMS_LOCAL_FAILURE},
	{CURLE_OUT_OF_MEMORY, KMS_LOCAL_FAILURE},
	{CURLE_FAILED_INIT, KMS_LOCAL_FAILURE},
	{CURLE_UNKNOWN_OPTION, KMS_LOCAL_FAILURE},
	{CURLE_NOT_BUILT_IN, KMS_LOCAL_FAILURE},
	{CURLE_BAD_FUNCTION_ARGUMENT, KMS_LOCAL_FAILURE},
	{CURLE_URL_MALFORMAT, KMS_LOCAL_FAILURE},
	{CURLE_LOGIN_DENIED, KMS_LOCAL_FAILURE},	/* a user in the URL */
};

CurlOptions
curl_options_of(const KmsServer *server)
{
	return (CurlOptions)
	{
		.ca_file = kms_option(server, "ca_file"),
			.client_cert_file = kms_option(server, "client_cert_file"),
			.client_key_file = kms_option(server, "client_key_file"),
			.connect_timeout_ms = kms_option_ms(server, "connect_timeout_ms", CONNECT_TIMEOUT_MS),
	};
}

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

static curl_socket_t
open_loopback_socket(void *argument, curlsocktype purpose, struct curl_sockaddr *address)
{
	return open_if(kms_address_is_loopback(&address->addr), address, argument);
}

static curl_socket_t
open_unix_socket(void *argument, curlsocktype purpose, struct curl_sockaddr *address)
{
	return open_if(address->family == AF_UNIX, address, argument);
}

static const curl_opensocket_callback openers[] = {
	[KMS_PEER_KMS] = open_socket,
	[KMS_PEER_METADATA] = open_metadata_socket,
	[KMS_PEER_LOOPBACK] = open_loopback_socket,
	[KMS_PEER_SOCKET] = open_unix_socket,
};

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
set_tls(CURL *easy, const CurlOptions *options)
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
curl_rules_set(CURL *easy, const CurlOptions *options, KmsPeer peer, const char *url,
			   bool *address_refused)
{
	bool		kms = peer == KMS_PEER_KMS;
	const char *scheme = kms ? "https" : "http";
	CURLcode	code = CURLE_OK;

	if (strncmp(url, scheme, strlen(scheme)) != 0 ||
		strncmp(url + strlen(scheme), "://", 3) != 0)
		return CURLE_URL_MALFORMAT;
	SET(CURLOPT_URL, url);
	SET(CURLOPT_PROTOCOLS_STR, scheme);
	for (int i = 0; i < lengthof(long_options); i++)
		SET(long_options[i].option, long_options[i].value);
	for (int i = 0; i < lengthof(string_options); i++)
		SET(string_options[i].option, string_options[i].value);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long) options->connect_timeout_ms);
	SET(CURLOPT_OPENSOCKETFUNCTION, openers[peer]);
	SET(CURLOPT_OPENSOCKETDATA, address_refused);
	return code == CURLE_OK && kms ? set_tls(easy, options) : code;
}

KmsFailure
curl_failure(CURLcode code, bool address_refused, const char **text)
{
	if (code == CURLE_COULDNT_CONNECT && address_refused)
	{
		*text = "Its address is forbidden";
		return KMS_FORBIDDEN_ADDRESS;
	}
	*text = curl_easy_strerror(code);
	for (int i = 0; i < lengthof(failures); i++)
	{
		if (failures[i].code == code)
			return failures[i].failure;
	}
	return KMS_BAD_REPLY;
}
