/*-------------------------------------------------------------------------
 *
 * kms_address.h
 *	  Where a key management system may be: not on this machine, unless
 *	  bionic_crypt.allow_local_kms.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_KMS_ADDRESS_H
#define KMS_KMS_ADDRESS_H

#include "postgres.h"

#include <sys/socket.h>

#include "kms/kms_provider.h"

/*
 * Whether a connection may be made there.  False for loopback, link-local,
 * multicast and reserved addresses and those of metadata services, in all
 * forms that IPv6 has for them, and for what is not an IP address.
 */
extern bool kms_address_allowed(const struct sockaddr *address);

/*
 * Whether a metadata service may be asked there: at link-local addresses of
 * IPv4 and those that clouds have given it, and nowhere else; with
 * bionic_crypt.allow_local_kms, at loopback too.
 */
extern bool kms_metadata_address_allowed(const struct sockaddr *address);

/* Whether it is this machine's loopback, as itself and in no disguise. */
extern bool kms_address_is_loopback(const struct sockaddr *address);

/*
 * No I/O.  False, with the option as *error's subject, unless the URL is
 * https://host or https://host:port, and the host may be a KMS's as far as can
 * be told without asking for its address.
 */
extern bool kms_url_validate(const char *option, const char *url, KmsError *error);

/* Likewise for host or host:port, of a KMS that does not speak HTTP. */
extern bool kms_host_validate(const char *option, const char *text, KmsError *error);

/*
 * Likewise for http://address or http://address:port, a numeric address that
 * kms_metadata_address_allowed() allows.
 */
extern bool kms_metadata_url_validate(const char *option, const char *url,
									  KmsError *error);

/*
 * Likewise for http://address:port/path, with a query or without, a numeric
 * address of loopback.
 */
extern bool kms_loopback_url_validate(const char *option, const char *url,
									  KmsError *error);

#endif							/* KMS_KMS_ADDRESS_H */
