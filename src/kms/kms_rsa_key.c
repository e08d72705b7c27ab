/*-------------------------------------------------------------------------
 *
 * kms_rsa_key.c
 *	  An RSA private key out of a file's text.
 *
 * OpenSSL's own reader frees copies of the key without wiping them (as of 3.0:
 * decode_pem2der.c, decode_der2key.c).  Therefore the few bytes of DER around
 * the numbers are read here, and OpenSSL is given the numbers alone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <sodium.h>

#include "crypto/bytes.h"
#include "kms/kms_rsa_key.h"

#define KEY_BITS_MIN	2048	/* RFC 7518, 3.3 and 3.5 */
#define KEY_BITS_MAX	8192
#define DER_MAX			6144	/* more than a key of 8192 bits has */

#define DER_INTEGER		0x02
#define DER_OCTETS		0x04
#define DER_SEQUENCE	0x30

/* AlgorithmIdentifier of rsaEncryption, which has a NULL (RFC 3279, 2.3.1). */
static const uint8 rsa_encryption[] = {
	0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00
};

/* RSAPrivateKey of RFC 8017, A.1.2: behind its version. */
static const char *const numbers[] = {
	OSSL_PKEY_PARAM_RSA_N,
	OSSL_PKEY_PARAM_RSA_E,
	OSSL_PKEY_PARAM_RSA_D,
	OSSL_PKEY_PARAM_RSA_FACTOR1,
	OSSL_PKEY_PARAM_RSA_FACTOR2,
	OSSL_PKEY_PARAM_RSA_EXPONENT1,
	OSSL_PKEY_PARAM_RSA_EXPONENT2,
	OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

/* The bytes of a PEM block; false: there is none. */
static bool
read_pem(const char *pem, const char *begin, const char *end, uint8 der[DER_MAX], Size *len)
{
	const char *from = strstr(pem, begin);
	const char *to = from == NULL ? NULL : strstr(from, end);

	if (to == NULL)
		return false;
	from += strlen(begin);
	return sodium_base642bin(der, DER_MAX, from, to - from, "\r\n", len, NULL,
							 sodium_base64_VARIANT_ORIGINAL) == 0;
}

/* The contents of the value that comes next (X.690, 8.1); lengths of up to 64 kB. */
static bool
take(ByteReader *in, uint8 tag, Bytes *contents)
{
	uint8		found;
	uint8		first;
	uint8		byte;
	uint16		len;

	if (!reader_u8(in, &found) || found != tag || !reader_u8(in, &first))
		return false;
	switch (first)
	{
		case 0x82:
			if (!reader_u16(in, &len))
				return false;
			break;
		case 0x81:
			if (!reader_u8(in, &byte))
				return false;
			len = byte;
			break;
		default:
			if (first > 0x7f)
				return false;
			len = first;
	}
	return reader_take(in, len, contents);
}

/* A number that is not negative. */
static bool
take_number(ByteReader *in, Bytes *number)
{
	return take(in, DER_INTEGER, number) && number->len > 0 && number->data[0] < 0x80;
}

/* Version 0: of a PrivateKeyInfo the only one, of an RSAPrivateKey two primes. */
static bool
take_version(ByteReader *in)
{
	Bytes		version;

	return take_number(in, &version) && version.len == 1 && version.data[0] == 0;
}

/* PrivateKeyInfo of RFC 5208: what is in it. */
static bool
take_inner(ByteReader *in, Bytes *key)
{
	Bytes		outer;
	Bytes		algorithm;
	ByteReader	r;

	if (!take(in, DER_SEQUENCE, &outer))
		return false;
	r = reader_of(outer);
	return take_version(&r) && take(&r, DER_SEQUENCE, &algorithm) &&
		bytes_equal(algorithm, bytes_of(rsa_encryption, sizeof(rsa_encryption))) &&
		take(&r, DER_OCTETS, key);
}

/* Turns a number around, in place: OpenSSL wants the byte order of the machine. */
static void
to_native(uint8 *number, Size len)
{
#ifndef WORDS_BIGENDIAN
	for (Size i = 0; i < len / 2; i++)
	{
		uint8		other = number[len - 1 - i];

		number[len - 1 - i] = number[i];
		number[i] = other;
	}
#endif
}

/* The numbers, where they are in der. */
static bool
read_numbers(uint8 *der, Bytes key, OSSL_PARAM params[lengthof(numbers) + 1])
{
	ByteReader	in = reader_of(key);
	Bytes		sequence;
	Bytes		number;

	if (!take(&in, DER_SEQUENCE, &sequence) || reader_left(&in) != 0)
		return false;
	in = reader_of(sequence);
	if (!take_version(&in))
		return false;
	for (int i = 0; i < lengthof(numbers); i++)
	{
		uint8	   *at;

		if (!take_number(&in, &number))
			return false;
		at = der + (number.data - der);
		to_native(at, number.len);
		params[i] = OSSL_PARAM_construct_BN(numbers[i], at, number.len);
	}
	params[lengthof(numbers)] = OSSL_PARAM_construct_end();
	return reader_left(&in) == 0;
}

static EVP_PKEY *
make_key(OSSL_PARAM *params)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY   *key = NULL;

	if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
		EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, params) != 1 ||
		EVP_PKEY_get_bits(key) < KEY_BITS_MIN || EVP_PKEY_get_bits(key) > KEY_BITS_MAX)
	{
		EVP_PKEY_free(key);
		key = NULL;
	}
	EVP_PKEY_CTX_free(context);
	return key;
}

EVP_PKEY *
rsa_key_read(const char *pem)
{
	uint8		der[DER_MAX];
	Size		len = 0;
	ByteReader	in;
	Bytes		inner;
	OSSL_PARAM	params[lengthof(numbers) + 1];
	EVP_PKEY   *key = NULL;
	bool		found;

	if (read_pem(pem, "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", der, &len))
	{
		in = reader_of(bytes_of(der, len));
		found = take_inner(&in, &inner) && reader_left(&in) == 0;
	}
	else
	{
		found = read_pem(pem, "-----BEGIN RSA PRIVATE KEY-----",
						 "-----END RSA PRIVATE KEY-----", der, &len);
		inner = bytes_of(der, len);
	}
	if (found && read_numbers(der, inner, params))
		key = make_key(params);
	OPENSSL_cleanse(der, sizeof(der));
	return key;
}
