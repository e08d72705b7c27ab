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
 * another address the second time gains nothing.  kms_url_validate() only
 * tells early what is wrong.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include "base/config.h"
#include "kms/kms_address.h"

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
	{"2001::", 32},				/* Teredo: an IPv4 address in disguise */
	{"ff00::", 8},				/* multicast */
};

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
	{{"64:ff9b:1::", 48}, 12},	/* NAT64 of one network: RFC 8215 */
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
ipv4_allowed(const uint8 *address)
{
	for (int i = 0; i < lengthof(forbidden_ipv4); i++)
	{
		if (in_block(AF_INET, address, &forbidden_ipv4[i]))
			return false;
	}
	return true;
}

static bool
ipv6_allowed(const uint8 *address)
{
	for (int i = 0; i < lengthof(forbidden_ipv6); i++)
	{
		if (in_block(AF_INET6, address, &forbidden_ipv6[i]))
			return false;
	}
	for (int i = 0; i < lengthof(embeddings); i++)
	{
		if (in_block(AF_INET6, address, &embeddings[i].block) &&
			!ipv4_allowed(address + embeddings[i].at))
			return false;
	}
	return true;
}

bool
kms_address_allowed(const struct sockaddr *address)
{
	switch (address->sa_family)
	{
		case AF_INET:
			return config_allow_local_kms ||
				ipv4_allowed((const uint8 *) &((const struct sockaddr_in *) address)->sin_addr);
		case AF_INET6:
			return config_allow_local_kms ||
				ipv6_allowed((const uint8 *) &((const struct sockaddr_in6 *) address)->sin6_addr);
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
read_url(const char *url, char host[HOST_MAX + 1])
{
	static const char scheme[] = "https://";
	static const char digits[] = "0123456789";
	static const char hex[] = "0123456789abcdefABCDEF:.";
	static const char name[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-.";
	bool		bracketed;
	Size		len;

	if (strncmp(url, scheme, strlen(scheme)) != 0)
		return false;
	url += strlen(scheme);

	bracketed = *url == '[';
	url += bracketed;
	len = strspn(url, bracketed ? hex : name);
	if (len == 0 || len > HOST_MAX || *url == '-' || *url == '.')
		return false;
	memcpy(host, url, len);
	host[len] = '\0';
	url += len;
	if (bracketed && *url++ != ']')
		return false;

	if (*url == '\0')
		return true;
	if (*url++ != ':')
		return false;
	len = strspn(url, digits);
	return len > 0 && len <= PORT_DIGITS && url[len] == '\0' && *url != '0' &&
		atoi(url) <= PG_UINT16_MAX;
}

bool
kms_url_validate(const char *option, const char *url, KmsError *error)
{
	char		host[HOST_MAX + 1];

	if (!read_url(url, host))
		return kms_fail(error, KMS_CONFIG, option,
						"it must be https://host or https://host:port");
	if (host_is_forbidden(host))
		return kms_fail(error, KMS_CONFIG, option,
						"its host is this machine, link-local or a metadata service, and bionic_crypt.allow_local_kms is off");
	return true;
}
