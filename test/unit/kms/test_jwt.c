/*-------------------------------------------------------------------------
 *
 * test_jwt.c
 *	  Tokens that we sign, the keys for it, and what is left of them.
 *
 * OpenSSL is given an allocator that looks for the private key in each block
 * that comes back to it; it has to be, before OpenSSL allocates anything.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include <malloc.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include "kms/kms_jwt.h"
#include "kms/kms_rsa_key.h"
#include "rfc_key.h"

/* RFC 7515, A.2 */
#define RFC_CLAIMS	"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"
#define RFC_TOKEN \
	"eyJhbGciOiJSUzI1NiJ9." \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt" \
	"cGxlLmNvbS9pc19yb290Ijp0cnVlfQ." \
	"cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7" \
	"AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4" \
	"BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K" \
	"0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv" \
	"hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB" \
	"p0igcN_IoypGlUPQGe77Rw"

/* The middle of its private exponent, and that the other way round. */
static const uint8 secret_part[2][16] = {
	{0x5a, 0x25, 0xd8, 0xd5, 0xce, 0xa0, 0x02, 0x5e, 0xe3, 0xab, 0x2e, 0x8b, 0x7f, 0x79, 0x21, 0x6f},
	{0x6f, 0x21, 0x79, 0x7f, 0x8b, 0x2e, 0xab, 0xe3, 0x5e, 0x02, 0xa0, 0xce, 0xd5, 0xd8, 0x25, 0x5a},
};
static int	found_in_freed;

static const JwtMember no_members[] = {{NULL, NULL, 0}};
static const JwtMember claims[] = {
	{"iss", "a\"b\\c@example", 0},
	{"exp", NULL, 1300819380},
	{NULL, NULL, 0},
};

static char made[JWT_MAX];

static void test_rfc(void);
static void test_made(void);
static void test_not_made(void);
static void test_keys(void);
static void test_nothing_left(void);
static void test_expires(void);

void
test_jwt(void)
{
	test_rfc();
	test_made();
	test_not_made();
	test_keys();
	test_nothing_left();
	test_expires();
}

static void
look(const void *block)
{
	size_t		len = block == NULL ? 0 : malloc_usable_size((void *) block);

	for (int i = 0; i < lengthof(secret_part); i++)
	{
		if (len > 0 && memmem(block, len, secret_part[i], sizeof(secret_part[i])) != NULL)
			found_in_freed++;
	}
}

static void *
watching_malloc(size_t len, const char *file, int line)
{
	return calloc(1, len);
}

static void
watching_free(void *block, const char *file, int line)
{
	look(block);
	free(block);
}

static void *
watching_realloc(void *block, size_t len, const char *file, int line)
{
	void	   *moved = calloc(1, len);

	if (block != NULL)
	{
		size_t		old_len = malloc_usable_size(block);

		memcpy(moved, block, old_len < len ? old_len : len);
		watching_free(block, file, line);
	}
	return moved;
}

__attribute__((constructor))
static void
watch_openssl(void)
{
	CRYPTO_set_mem_functions(watching_malloc, watching_realloc, watching_free);
}

static void
test_rfc(void)
{
	Bytes		header = bytes_of_string("{\"alg\":\"RS256\"}");
	Bytes		payload = bytes_of_string(RFC_CLAIMS);
	bool		ok = true;

	TAP_EACH(ok, jwt_sign(JWT_RS256, RFC_KEY_PKCS8("\n"), header, payload, made) &&
			 strcmp(made, RFC_TOKEN) == 0, "PKCS #8: %s", made);
	TAP_EACH(ok, jwt_sign(JWT_RS256, RFC_KEY_PKCS1("\n"), header, payload, made) &&
			 strcmp(made, RFC_TOKEN) == 0, "PKCS #1: %s", made);
	TAP_EACH(ok, jwt_sign(JWT_RS256, "a certificate\n" RFC_KEY_PKCS8("\r\n") "more", header, payload,
						  made) && strcmp(made, RFC_TOKEN) == 0, "lines of DOS: %s", made);
	tap_ok(ok, "the example of RFC 7515, A.2, byte by byte");
}

/* A part of a token, as text. */
static const char *
part_of(const char *token, int n)
{
	static char part[JWT_MAX];
	size_t		len;

	while (n-- > 0)
		token = strchr(token, '.') + 1;
	if (sodium_base642bin((unsigned char *) part, sizeof(part) - 1, token, strcspn(token, "."), NULL,
						  &len, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
		return "";
	part[len] = '\0';
	return part;
}

/* With OpenSSL's own reader of keys. */
static bool
verifies(const char *token, bool pss)
{
	BIO		   *bio = BIO_new_mem_buf(RFC_KEY_PKCS8("\n"), -1);
	EVP_PKEY   *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options;
	const char *signature = strrchr(token, '.');
	uint8		bytes[1024];
	size_t		len;
	bool		ok;

	ok = sodium_base642bin(bytes, sizeof(bytes), signature + 1, strlen(signature + 1), NULL, &len,
						   NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
		EVP_DigestVerifyInit(context, &options, EVP_sha256(), NULL, key) == 1 &&
		EVP_PKEY_CTX_set_rsa_padding(options, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) == 1 &&
		(!pss || EVP_PKEY_CTX_set_rsa_pss_saltlen(options, 32) == 1) &&
		EVP_DigestVerify(context, bytes, len, (const uint8 *) token, signature - token) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	BIO_free(bio);
	return ok;
}

static void
test_made(void)
{
	static const JwtMember header[] = {{"kid", "1234", 0}, {NULL, NULL, 0}};

	tap_ok(jwt_make(JWT_RS256, RFC_KEY_PKCS8("\n"), header, claims, made) &&
		   strcmp(part_of(made, 0), "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"1234\"}") == 0 &&
		   strcmp(part_of(made, 1), "{\"iss\":\"a\\\"b\\\\c@example\",\"exp\":1300819380}") == 0 &&
		   verifies(made, false) && !verifies(made, true),
		   "RS256: header and claims are as they were given, and signed");
	tap_ok(jwt_make(JWT_PS256, RFC_KEY_PKCS1("\n"), no_members, claims, made) &&
		   strcmp(part_of(made, 0), "{\"alg\":\"PS256\",\"typ\":\"JWT\"}") == 0 &&
		   verifies(made, true) && !verifies(made, false),
		   "PS256: likewise");
	made[3] ^= 1;
	tap_ok(!verifies(made, true), "a changed one does not verify");
}

static void
test_not_made(void)
{
	static const JwtMember control[] = {{"iss", "a\nb", 0}, {NULL, NULL, 0}};
	static const JwtMember beyond[] = {{"iss", "\xc3\xa9", 0}, {NULL, NULL, 0}};
	static char long_text[5000];
	JwtMember	too_long[] = {{"iss", long_text, 0}, {NULL, NULL, 0}};
	const JwtMember *const members[] = {control, beyond, too_long};
	const char *const keys[] = {
		"", "no key",
		"-----BEGIN PRIVATE KEY-----\n",
		"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
		"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n",
		"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n",
		"-----BEGIN PRIVATE KEY-----\n?\n-----END PRIVATE KEY-----\n",
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
	};
	static const char zero[JWT_MAX];
	bool		ok = true;

	memset(long_text, 'x', sizeof(long_text) - 1);
	for (int i = 0; i < lengthof(members); i++)
	{
		memset(made, 'x', sizeof(made));
		TAP_EACH(ok, !jwt_make(JWT_RS256, RFC_KEY_PKCS8("\n"), no_members, members[i], made) &&
				 memcmp(made, zero, sizeof(made)) == 0, "claims %d", i);
		TAP_EACH(ok, !jwt_make(JWT_RS256, RFC_KEY_PKCS8("\n"), members[i], claims, made),
				 "header %d", i);
	}
	for (int i = 0; i < lengthof(keys); i++)
	{
		memset(made, 'x', sizeof(made));
		TAP_EACH(ok, !jwt_make(JWT_RS256, keys[i], no_members, claims, made) &&
				 memcmp(made, zero, sizeof(made)) == 0, "%s", keys[i]);
	}
	tap_ok(ok, "nothing is made of members that cannot be written, nor with what is no key");
}

/* A key that OpenSSL made, through its own writer. */
static bool
reads_key(const char *type, int bits, bool traditional)
{
	EVP_PKEY   *key = bits > 0 ? EVP_PKEY_Q_keygen(NULL, NULL, type, (size_t) bits)
		: EVP_PKEY_Q_keygen(NULL, NULL, type, "P-256");
	BIO		   *bio = BIO_new(BIO_s_mem());
	char		pem[8192];
	EVP_PKEY   *read;
	bool		ok;
	int			len;

	if (traditional)
		PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL);
	else
		PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	len = BIO_read(bio, pem, sizeof(pem) - 1);
	pem[Max(len, 0)] = '\0';
	read = rsa_key_read(pem);
	ok = read != NULL && EVP_PKEY_eq(key, read) == 1;
	EVP_PKEY_free(read);
	EVP_PKEY_free(key);
	BIO_free(bio);
	return ok;
}

static void
test_keys(void)
{
	char		pem[] = RFC_KEY_PKCS8("\n");
	EVP_PKEY   *key;
	int			taken = 0;

	tap_ok(reads_key("RSA", 2048, false) && reads_key("RSA", 3072, true) &&
		   reads_key("RSA", 4096, false), "RSA keys are read as OpenSSL writes them");
	tap_ok(!reads_key("RSA", 1024, false) && !reads_key("EC", 0, false) &&
		   !reads_key("RSA-PSS", 2048, false), "other keys, and weak ones, are refused");

	/* The tags and lengths before the first number, and its first byte. */
	for (int i = 28; i < 28 + 50; i++)
	{
		char		was = pem[i];

		pem[i] = was == 'A' ? 'B' : 'A';
		key = rsa_key_read(pem);
		taken += key != NULL;
		EVP_PKEY_free(key);
		pem[i] = was;
	}
	tap_ok(taken == 0, "a key whose frame is damaged is refused");
}

static void
test_nothing_left(void)
{
	BIO		   *bio;
	uint8	   *block;

	block = OPENSSL_malloc(100);
	memcpy(block + 31, secret_part[0], sizeof(secret_part[0]));
	found_in_freed = 0;
	OPENSSL_free(block);
	tap_ok(found_in_freed == 1, "a key in freed memory would be noticed");

	found_in_freed = 0;
	bio = BIO_new_mem_buf(RFC_KEY_PKCS8("\n"), -1);
	EVP_PKEY_free(PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL));
	BIO_free(bio);
	tap_note("OpenSSL's own reader leaves %d behind", found_in_freed);

	found_in_freed = 0;
	tap_ok(jwt_make(JWT_RS256, RFC_KEY_PKCS8("\n"), no_members, claims, made) &&
		   jwt_make(JWT_PS256, RFC_KEY_PKCS1("\n"), no_members, claims, made) &&
		   found_in_freed == 0, "signing leaves nothing of the key in freed memory");
}

static int64
expires(const char *token)
{
	uint8		text[JWT_MAX];
	Size		len;

	return jwt_claims(token, text, sizeof(text), &len) ? jwt_expires(bytes_of(text, len)) : 0;
}

static void
test_expires(void)
{
	static const struct
	{
		const char *claims;
		int64		expires;
	}			cases[] = {
		{"{\"iss\":\"joe\",\"exp\":1300819380}", 1300819380},
		{"{\"exp\":1300819380.25}", 1300819380},
		{"{\"exp\":99999999999999999999}", INT64CONST(1) << 40},
		{"{\"exp\":-5}", 0},
		{"{\"exp\":1e9}", 0},
		{"{\"exp\":\"soon\"}", 0},
		{"{\"exp\":5,\"exp\":6}", 0},
		{"{\"iat\":5}", 0},
		{"exp", 0},
	};
	bool		ok = true;

	for (int i = 0; i < lengthof(cases); i++)
	{
		jwt_sign(JWT_RS256, RFC_KEY_PKCS8("\n"), bytes_of_string("{}"),
				 bytes_of_string(cases[i].claims), made);
		TAP_EACH(ok, expires(made) == cases[i].expires, "%s", cases[i].claims);
	}
	TAP_EACH(ok, expires(RFC_TOKEN) == 1300819380 && expires("") == 0 &&
			 expires("a.b") == 0 && expires("a.?.c") == 0, "what is no token");
	tap_ok(ok, "a token's end is told, when it says one");
}
