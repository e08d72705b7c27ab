/*-------------------------------------------------------------------------
 *
 * kms_address.c
 *	  Where a key management system may be.
 *
 * A tenant may name any host as its KMS, and the key worker then speaks to it
 * from inside the operator's network.  What must never be reached so are the
 * services that trust whoever is on the machine: those of loopback, and the
 * metadata services that hand out the machine's own credentials.  Private
 * networks are allowed, since KMSs are there.
 *
 * The address counts, not the name: kms_address_allowed() is asked for each
 * connection, after the name was resolved, so that a name that resolves to
 * another address the second time gains nothing.  What validates text only
 * tells early what is wrong.
 *
 * Where a provider itself asks a metadata service, for what this machine may
 * do, the guard is turned round: such a request gets nowhere else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include "base/config.h"
#include "kms/kms_address.h"
#include "kms/kms_options.h"

#define HOST_MAX	253			/* RFC 1035, 2.3.4, as text */
#define PORT_DIGITS	5

/* The addresses that begin with these bits. */
typedef struct AddressBlock
{
	const char *first;
	int			bits;
} AddressBlock;

static const AddressBlock forbidden_ipv4[] = {
	{"0.0.0.0", 8},				/* this host: Linux takes it for loopback */
	{"127.0.0.0", 8},			/* loopback */
	{"169.254.0.0", 16},		/* link-local, and most metadata services */
	{"100.100.100.200", 32},	/* metadata of Alibaba Cloud */
	{"168.63.129.16", 32},		/* the host of an Azure machine */
	{"192.0.0.0", 24},			/* of protocols; metadata of Oracle Cloud */
	{"224.0.0.0", 4},			/* multicast */
	{"240.0.0.0", 4},			/* reserved, broadcast */
};

static const AddressBlock forbidden_ipv6[] = {
	{"::", 128},
	{"::1", 128},				/* loopback */
	{"fe80::", 10},				/* link-local */
	{"fd00:ec2::", 32},			/* metadata and pod identity of AWS */
	{"fd20:ce::254", 128},		/* metadata of Google Cloud */
	{"fd00:c1::a9fe:a9fe", 128},	/* metadata of Oracle Cloud */
	{"fd00:42::42", 128},		/* metadata of Scaleway */
	{"64:ff9b:1::", 48},		/* NAT64 of one network, whose form only it knows:
								 * RFC 8215 */
	{"2001::", 32},				/* Teredo: an IPv4 address in disguise */
	{"ff00::", 8},				/* multicast */
};

/*
 * What hands out the credentials of machines, containers and pods.  Only as
 * they are: none is asked through an address in disguise.
 */
static const AddressBlock metadata_ipv4[] = {
	{"169.254.0.0", 16},
	{"100.100.100.200", 32},
};

static const AddressBlock metadata_ipv6[] = {
	{"fd00:ec2::", 32},
	{"fd20:ce::254", 128},
};

static const AddressBlock loopback_ipv4[] = {{"127.0.0.0", 8}};
static const AddressBlock loopback_ipv6[] = {{"::1", 128}};

/* Blocks of IPv6 whose addresses hold an IPv4 address, at this byte. */
static const struct
{
	AddressBlock block;
	int			at;
}			embeddings[] = {
	{{"::", 96}, 12},			/* IPv4-compatible: RFC 4291, 2.5.5.1 */
	{{"::ffff:0:0", 96}, 12},	/* IPv4-mapped: 2.5.5.2 */
	{{"::ffff:0:0:0", 96}, 12}, /* IPv4-translated: RFC 2765, 2.1 */
	{{"64:ff9b::", 96}, 12},	/* NAT64: RFC 6052, 2.1 */
	{{"2002::", 16}, 2},		/* 6to4: RFC 3056, 2 */
};

static bool
in_block(int family, const uint8 *address, const AddressBlock *block)
{
	uint8		first[sizeof(struct in6_addr)];
	int			whole = block->bits / 8;
	uint8		mask = (uint8) (0xff00 >> block->bits % 8);

	if (inet_pton(family, block->first, first) != 1)
		return true;			/* cannot happen; forbidden if it does */
	return memcmp(address, first, whole) == 0 &&
		(mask == 0 || (address[whole] & mask) == (first[whole] & mask));
}

static bool
in_blocks(int family, const uint8 *address, const AddressBlock *blocks, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (in_block(family, address, &blocks[i]))
			return true;
	}
	return false;
}

#define IN_BLOCKS(family, address, blocks) \
	in_blocks(family, address, blocks, lengthof(blocks))

static bool
ipv4_allowed(const uint8 *address)
{
	return !IN_BLOCKS(AF_INET, address, forbidden_ipv4);
}

static bool
ipv6_allowed(const uint8 *address)
{
	if (IN_BLOCKS(AF_INET6, address, forbidden_ipv6))
		return false;
	for (int i = 0; i < lengthof(embeddings); i++)
	{
		if (in_block(AF_INET6, address, &embeddings[i].block) &&
			!ipv4_allowed(address + embeddings[i].at))
			return false;
	}
	return true;
}

static const uint8 *
ipv4_bytes(const struct sockaddr *address)
{
	return (const uint8 *) &((const struct sockaddr_in *) address)->sin_addr;
}

static const uint8 *
ipv6_bytes(const struct sockaddr *address)
{
	return (const uint8 *) &((const struct sockaddr_in6 *) address)->sin6_addr;
}

bool
kms_address_allowed(const struct sockaddr *address)
{
	switch (address->sa_family)
	{
		case AF_INET:
			return config_allow_local_kms || ipv4_allowed(ipv4_bytes(address));
		case AF_INET6:
			return config_allow_local_kms || ipv6_allowed(ipv6_bytes(address));
		default:
			return false;
	}
}

bool
kms_address_is_loopback(const struct sockaddr *address)
{
	switch (address->sa_family)
	{
		case AF_INET:
			return IN_BLOCKS(AF_INET, ipv4_bytes(address), loopback_ipv4);
		case AF_INET6:
			return IN_BLOCKS(AF_INET6, ipv6_bytes(address), loopback_ipv6);
		default:
			return false;
	}
}

bool
kms_metadata_address_allowed(const struct sockaddr *address)
{
	if (config_allow_local_kms && kms_address_is_loopback(address))
		return true;
	switch (address->sa_family)
	{
		case AF_INET:
			return IN_BLOCKS(AF_INET, ipv4_bytes(address), metadata_ipv4);
		case AF_INET6:
			return IN_BLOCKS(AF_INET6, ipv6_bytes(address), metadata_ipv6);
		default:
			return false;
	}
}

/*
 * Whether it is an address, in any way that resolvers read one (127.1,
 * 0x7f000001), and a forbidden one; or a name of this machine (RFC 6761, 6.3).
 */
static bool
host_is_forbidden(const char *host)
{
	static const char local[] = "localhost";
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST,.ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	Size		len = strlen(host);
	bool		forbidden = false;

	if (config_allow_local_kms)
		return false;
	if (getaddrinfo(host, NULL, &hints, &found) == 0)
	{
		for (struct addrinfo *each = found; each != NULL; each = each->ai_next)
			forbidden |= !kms_address_allowed(each->ai_addr);
		freeaddrinfo(found);
		return forbidden;
	}

	if (len > 0 && host[len - 1] == '.')
		len--;
	if (len < strlen(local) ||
		pg_strncasecmp(host + len - strlen(local), local, strlen(local)) != 0)
		return false;
	return len == strlen(local) || host[len - strlen(local) - 1] == '.';
}

/*
 * Only what every parser of URLs reads in the same way: no user, no path, no
 * escapes, no letters beyond ASCII.  The host is copied to host, without the
 * brackets of an IPv6 address.
 */
static bool
read_host(const char *text, char host[HOST_MAX + 1])
{
	static const char digits[] = "0123456789";
	static const char hex[] = "0123456789abcdefABCDEF:.";
	static const char name[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-.";
	bool		bracketed = *text == '[';
	Size		len;

	text	  +=bracketed;

	len = strspn(text, bracketed ? hex : name);
	if (len == 0 || len > HOST_MAX || *text == '-' || *text == '.')
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	text	  +=len;

	if (bracketed && *text ++!= ']')
		return false;

	if (*text == '\0')
		return true;
	if (*text ++!= ':')
		return false;
	len = strspn(text, digits);
	return len > 0 && len <= PORT_DIGITS && text[len] == '\0' && *text !='0' &&
		atoi(text) <= PG_UINT16_MAX;
}

static bool
read_url(const char *scheme, const char *url, char host[HOST_MAX + 1])
{
	return strncmp(url, scheme, strlen(scheme)) == 0 && read_host(url + strlen(scheme), host);
}

static bool
check_host(const char *option, const char *host, KmsError *error)
{
	return !host_is_forbidden(host) ||
		kms_fail(error, KMS_CONFIG, option,
				 "its host is this machine, link-local or a metadata service, and bionic_crypt.allow_local_kms is off");
}

bool
kms_url_validate(const char *option, const char *url, KmsError *error)
{
	char		host[HOST_MAX + 1];

	if (!read_url("https://", url, host))
		return kms_fail(error, KMS_CONFIG, option,
						"it must be https://host or https://host:port");
	return check_host(option, host, error);
}

bool
kms_host_validate(const char *option, const char *text, KmsError *error)
{
	char		host[HOST_MAX + 1];

	if (!read_host(text, host))
		return kms_fail(error, KMS_CONFIG, option, "it must be host or host:port");
	return check_host(option, host, error);
}

/*
 * A number in its one common form: a name would be what whoever answers for
 * names says, and there is no certificate to tell.
 */
static bool
read_number(const char *url, struct sockaddr_storage *address)
{
	struct sockaddr_in *ipv4 = (struct sockaddr_in *) address;
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *) address;
	bool		bracketed = strchr(url, '[') != NULL;
	char		host[HOST_MAX + 1];

	memset(address, 0, sizeof(*address));
	address->ss_family = bracketed ? AF_INET6 : AF_INET;
	return read_url("http://", url, host) &&
		(bracketed ? inet_pton(AF_INET6, host, &ipv6->sin6_addr) :
		 inet_pton(AF_INET, host, &ipv4->sin_addr)) == 1;
}

bool
kms_metadata_url_validate(const char *option, const char *url, KmsError *error)
{
	struct sockaddr_storage address;

	if (!read_number(url, &address))
		return kms_fail(error, KMS_CONFIG, option,
						"it must be http://address or http://address:port, with a numeric address");
	return kms_metadata_address_allowed((struct sockaddr *) &address) ||
		kms_fail(error, KMS_CONFIG, option, "its address is not of a metadata service");
}

bool
kms_loopback_url_validate(const char *option, const char *url, KmsError *error)
{
	struct sockaddr_storage address;
	char		origin[sizeof("http://[]:12345") + HOST_MAX];
	Size		len = strlen("http://");

	if (strncmp(url, "http://", len) == 0)
		len += strcspn(url + len, "/");
	if (len < sizeof(origin) && url[len] == '/' && strchr(url, '#') == NULL &&
		kms_text_is_token(url))
	{
		strlcpy(origin, url, len + 1);
		if (read_number(origin, &address) && kms_address_is_loopback((struct sockaddr *) &address))
			return true;
	}
	return kms_fail(error, KMS_CONFIG, option,
					"it must be http://127.0.0.1:port/path or http://[::1]:port/path");
}
