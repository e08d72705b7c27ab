/*-------------------------------------------------------------------------
 *
 * test_address.c
 *	  Which addresses and URLs a KMS may have.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include "../tap.h"
#include "base/config.h"
#include "calls.h"
#include "kms/kms_address.h"

static const char *const allowed[] = {
	"10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "100.100.100.199",
	"8.8.8.8", "1.0.0.0", "126.255.255.255", "128.0.0.1", "169.253.255.255",
	"169.255.0.0", "192.0.1.1", "168.63.129.17", "223.255.255.255",
	"2606:4700::1111", "fc00::1", "fd00:ec1::254", "fd20:ce::253", "fec0::1", "2001:db8::1",
	"2001:1::1", "::ffff:10.0.0.1", "64:ff9b::8.8.8.8", "2002:0808:0808::1",
	"1::",
};

static const char *const forbidden[] = {
	"127.0.0.1", "127.255.255.255", "0.0.0.0", "0.0.0.1", "0.255.255.255",
	"169.254.169.254", "169.254.170.2", "169.254.0.0", "169.254.255.255",
	"100.100.100.200", "168.63.129.16", "192.0.0.192",
	"224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
	"::", "::1", "fe80::1", "febf::1", "fe80::a9fe:a9fe", "fd00:ec2::254", "fd00:ec2::23",
	"fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42", "64:ff9b:1:a9fe:a9:fe00::", "ff02::1", "2001::1", "2001:0:0808:0808::",
	"::127.0.0.1", "::169.254.169.254",
	"::ffff:127.0.0.1", "::ffff:0.0.0.0", "::ffff:169.254.169.254", "::ffff:100.100.100.200",
	"::ffff:224.0.0.1", "::ffff:255.255.255.255",
	"::ffff:0:127.0.0.1", "::ffff:0:169.254.169.254",
	"64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::100.100.100.200",
	"64:ff9b:1::169.254.169.254", "64:ff9b:1:ffff:ffff:ffff:127.0.0.1",
	"2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:6464:64c8:1::1", "2002:e000:1::1",
};

static bool
asked_of(bool (*ask) (const struct sockaddr *), const char *text)
{
	struct sockaddr_in ipv4 = {.sin_family = AF_INET};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, text, &ipv4.sin_addr) == 1)
		return ask((struct sockaddr *) &ipv4);
	if (inet_pton(AF_INET6, text, &ipv6.sin6_addr) != 1)
		abort();
	return ask((struct sockaddr *) &ipv6);
}

static bool
text_allowed(const char *text)
{
	return asked_of(kms_address_allowed, text);
}

static bool
metadata_allowed(const char *text)
{
	return asked_of(kms_metadata_address_allowed, text);
}

static void
test_addresses(void)
{
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	bool		ok = true;

	config_allow_local_kms = false;
	for (int i = 0; i < lengthof(allowed); i++)
		TAP_EACH(ok, text_allowed(allowed[i]), "%s", allowed[i]);
	tap_ok(ok, "other addresses, private ones too, are allowed");

	ok = true;
	for (int i = 0; i < lengthof(forbidden); i++)
		TAP_EACH(ok, !text_allowed(forbidden[i]), "%s", forbidden[i]);
	tap_ok(ok, "loopback, link-local, metadata and multicast addresses are forbidden in all forms");

	ok = !kms_address_allowed((struct sockaddr *) &local);
	config_allow_local_kms = true;
	ok = ok && !kms_address_allowed((struct sockaddr *) &local);
	tap_ok(ok, "what is no IP address is forbidden, whatever the setting");

	ok = true;
	for (int i = 0; i < lengthof(forbidden); i++)
		TAP_EACH(ok, text_allowed(forbidden[i]), "%s", forbidden[i]);
	tap_ok(ok, "the setting allows them all");
}

static const char *const metadata[] = {
	"169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.0.0", "169.254.255.255",
	"100.100.100.200", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254",
};

static const char *const loopback[] = {"127.0.0.1", "127.255.255.255", "::1"};

/* Neither, though some are close and some would lead there. */
static const char *const elsewhere[] = {
	"10.0.0.1", "192.168.1.1", "8.8.8.8", "0.0.0.0", "169.253.255.255", "169.255.0.0",
	"100.100.100.199", "100.100.100.201", "168.63.129.16", "192.0.0.192", "224.0.0.1",
	"255.255.255.255", "126.255.255.255", "128.0.0.0",
	"::", "::2", "fe80::1", "fd00:ec1::254", "fd00:ec3::254", "fd20:ce::253", "fd20:ce::255",
	"fc00::1", "2606:4700::1111", "ff02::1", "::ffff:169.254.169.254", "::169.254.169.254",
	"::ffff:127.0.0.1", "64:ff9b::169.254.169.254", "2002:a9fe:a9fe::1",
};

static void
test_metadata_addresses(void)
{
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	bool		ok = true;

	config_allow_local_kms = false;
	for (int i = 0; i < lengthof(metadata); i++)
		TAP_EACH(ok, metadata_allowed(metadata[i]) && !text_allowed(metadata[i]), "%s", metadata[i]);
	tap_ok(ok, "a metadata service is where no KMS is");

	ok = true;
	for (int i = 0; i < lengthof(loopback); i++)
		TAP_EACH(ok, !metadata_allowed(loopback[i]), "%s", loopback[i]);
	config_allow_local_kms = true;
	for (int i = 0; i < lengthof(loopback); i++)
		TAP_EACH(ok, metadata_allowed(loopback[i]), "%s", loopback[i]);
	for (int i = 0; i < lengthof(metadata); i++)
		TAP_EACH(ok, metadata_allowed(metadata[i]), "%s", metadata[i]);
	tap_ok(ok, "and on this machine if that is allowed");

	ok = true;
	for (int i = 0; i < 2 * lengthof(elsewhere); i++)
	{
		config_allow_local_kms = i % 2 == 0;
		TAP_EACH(ok, !metadata_allowed(elsewhere[i / 2]), "%s", elsewhere[i / 2]);
		TAP_EACH(ok, !kms_metadata_address_allowed((struct sockaddr *) &local), "a Unix socket");
	}
	tap_ok(ok, "and nowhere else, whatever the setting");
	config_allow_local_kms = true;
}

static const char *const metadata_urls[] = {
	"http://169.254.169.254", "http://169.254.169.254:80", "http://169.254.170.2:51679",
	"http://100.100.100.200", "http://[fd00:ec2::254]", "http://[fd20:ce::254]:80",
};

static const char *const no_metadata_urls[] = {
	"", "http://", "https://169.254.169.254", "169.254.169.254", "HTTP://169.254.169.254",
	"http://metadata.google.internal", "http://localhost", "http://2852039166", "http://0xa9fea9fe",
	"http://169.254.43518", "http://169.254.169.254.", "http://169.254.169.0254",
	"http://169.254.169.254/", "http://169.254.169.254/latest", "http://a@169.254.169.254",
	"http://169.254.169.254:0", "http://169.254.169.254:65536", "http://169.254.169.254 ",
	"http://[169.254.169.254]", "http://fd00:ec2::254", "http://[fd00:ec2::254", "http://[::ffff:169.254.169.254]",
	"http://10.0.0.1", "http://8.8.8.8", "http://0.0.0.0", "http://[::]", "http://[2606:4700::1111]",
};

static bool
metadata_validates(const char *url)
{
	KmsError	error = {0};

	return kms_metadata_url_validate("metadata_address", url, &error) ||
		error.status != KMS_CONFIG || strcmp(error.subject, "metadata_address") != 0;
}

static void
test_metadata_urls(void)
{
	bool		ok = true;

	for (int i = 0; i < 2 * lengthof(metadata_urls); i++)
	{
		config_allow_local_kms = i % 2 == 0;
		TAP_EACH(ok, metadata_validates(metadata_urls[i / 2]), "%s", metadata_urls[i / 2]);
	}
	for (int i = 0; i < 2 * lengthof(no_metadata_urls); i++)
	{
		config_allow_local_kms = i % 2 == 0;
		TAP_EACH(ok, !metadata_validates(no_metadata_urls[i / 2]), "%s", no_metadata_urls[i / 2]);
	}
	config_allow_local_kms = false;
	TAP_EACH(ok, !metadata_validates("http://127.0.0.1:1338"), "loopback");
	config_allow_local_kms = true;
	TAP_EACH(ok, metadata_validates("http://127.0.0.1:1338") && metadata_validates("http://[::1]:1"),
			 "loopback, allowed");
	tap_ok(ok, "the URL of a metadata service is plain, and has its address");
}

static const char *const good_hosts[] = {
	"kmip.example", "kmip.example:5696", "10.1.2.3", "10.1.2.3:1", "[fd00::1]", "[fd00::1]:5696",
};

static const char *const malformed_hosts[] = {
	"", ":5696", "https://kmip.example", "kmip.example:", "kmip.example:0", "kmip.example:65536",
	"kmip.example/", "user@kmip.example", "kmip.example:5696:5696", "kmip example", "fd00::1",
	"[fd00::1", "-kmip.example", ".example", "kmip.example\n", "kmip.example?x", "kmip%2eexample",
};

static bool
host_validates(const char *text)
{
	KmsError	error = {0};

	return kms_host_validate("address", text, &error) ||
		error.status != KMS_CONFIG || strcmp(error.subject, "address") != 0;
}

static void
test_hosts(void)
{
	bool		ok = true;

	config_allow_local_kms = false;
	for (int i = 0; i < lengthof(good_hosts); i++)
		TAP_EACH(ok, host_validates(good_hosts[i]), "%s", good_hosts[i]);
	TAP_EACH(ok, !host_validates("localhost:5696") && !host_validates("127.0.0.1") &&
			 !host_validates("[::1]:5696"), "loopback");
	config_allow_local_kms = true;
	TAP_EACH(ok, host_validates("localhost:5696"), "loopback, allowed");
	for (int i = 0; i < lengthof(malformed_hosts); i++)
		TAP_EACH(ok, !host_validates(malformed_hosts[i]), "%s", malformed_hosts[i]);
	tap_ok(ok, "without HTTP it is host or host:port");
}

static const char *const good_urls[] = {
	"https://vault.example", "https://vault.example:8200", "https://Vault-1.Example.",
	"https://10.1.2.3", "https://10.1.2.3:1", "https://v:65535",
	"https://[fd00::1]", "https://[fd00::1]:8200", "https://[::ffff:10.0.0.1]",
	"https://localhost.example", "https://notlocalhost", "https://1.example",
};

static const char *const malformed_urls[] = {
	"", "https", "https://", "http://vault.example", "HTTPS://vault.example", "ftp://vault.example",
	"https:/vault.example", "https:///vault.example", "//vault.example", "vault.example",
	" https://vault.example", "https://vault.example ", "https://vault.example\n",
	"https://vault.example\r\nX-Vault-Token: x", "https://vault.example\t", "https://va\001ult.example",
	"https://vault.example/", "https://vault.example/v1", "https://vault.example?x", "https://vault.example#x",
	"https://user@vault.example", "https://user:password@vault.example", "https://@vault.example",
	"https://vault.example\\@other.example", "https://vault.example%2f@other.example",
	"https://vault%2eexample", "https://[fd00::1%25eth0]", "https://[fd00::1", "https://fd00::1",
	"https://[]", "https://[vault.example]", "https://[fd00::1]x", "https://[fd00::1]]",
	"https://vault.example:", "https://vault.example:0", "https://vault.example:00443",
	"https://vault.example:65536", "https://vault.example:99999", "https://vault.example:100000",
	"https://vault.example:+1", "https://vault.example:-1", "https://vault.example:1x",
	"https://vault.example:4294967739", "https://vault.example:443:443",
	"https://.example", "https://-vault.example", "https://v\303\244ult.example", "https://vault_1.example",
	"https://\357\274\216example",
};

static const char *const local_urls[] = {
	"https://localhost", "https://LOCALHOST:8200", "https://localhost.", "https://vault.localhost",
	"https://127.0.0.1", "https://127.0.0.1:8200", "https://127.1", "https://2130706433",
	"https://0x7f000001", "https://0x7f.1", "https://0177.0.0.1", "https://0", "https://0.0.0.0",
	"https://169.254.169.254", "https://2852039166", "https://[::1]", "https://[::]", "https://[0:0::1]",
	"https://[::ffff:127.0.0.1]", "https://[::ffff:7f00:1]", "https://[fe80::1]", "https://[fd00:ec2::254]",
	"https://[64:ff9b::a9fe:a9fe]",
};

static bool
validates(const char *url)
{
	KmsError	error = {0};

	return kms_url_validate("address", url, &error) ||
		error.status != KMS_CONFIG || strcmp(error.subject, "address") != 0;
}

static void
test_urls(void)
{
	char		too_long[512] = "https://";
	bool		ok = true;

	config_allow_local_kms = false;
	for (int i = 0; i < lengthof(good_urls); i++)
		TAP_EACH(ok, validates(good_urls[i]), "%s", good_urls[i]);
	tap_ok(ok, "https://host and https://host:port are valid");

	config_allow_local_kms = true;
	ok = true;
	for (int i = 0; i < lengthof(malformed_urls); i++)
		TAP_EACH(ok, !validates(malformed_urls[i]), "%s", malformed_urls[i]);
	memset(too_long + strlen(too_long), 'a', 254);
	TAP_EACH(ok, !validates(too_long), "a host of 254 bytes");
	tap_ok(ok, "nothing else is, whatever the setting");

	ok = true;
	for (int i = 0; i < lengthof(local_urls); i++)
		TAP_EACH(ok, validates(local_urls[i]), "%s", local_urls[i]);
	tap_ok(ok, "the setting allows URLs of this machine");

	config_allow_local_kms = false;
	ok = true;
	for (int i = 0; i < lengthof(local_urls); i++)
		TAP_EACH(ok, !validates(local_urls[i]), "%s", local_urls[i]);
	tap_ok(ok, "without it they are refused, however they are written");
	config_allow_local_kms = true;
}

void
test_address(void)
{
	test_addresses();
	test_urls();
	test_hosts();
	test_metadata_addresses();
	test_metadata_urls();
}
