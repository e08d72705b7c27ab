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
 * No I/O.  False, with the option as *error's subject, unless the URL is
 * https://host or https://host:port, and the host may be a KMS's as far as can
 * be told without asking for its address.
 */
extern bool kms_url_validate(const char *option, const char *url, KmsError *error);

#endif							/* KMS_KMS_ADDRESS_H */
