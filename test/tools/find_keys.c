/*-------------------------------------------------------------------------
 *
 * find_keys.c
 *	  Unwraps a tenant's data key as src/kms/kms_file.c and docs/envelope.md
 *	  describe it, and looks for it and its relatives in files: core dumps,
 *	  logs, a data directory.
 *
 *	find_keys KEY_FILE TENANT KEY_ID WRAPPED CHECK_VALUE FILE...
 *
 * KEY_ID, WRAPPED and CHECK_VALUE are the columns of catalog_keys, in
 * hexadecimal; the tenant's kek is taken to be empty.  Prints a line for each
 * key and form that a file holds: "kek", "data key" or "value key", then
 * "raw", "half" (16 bytes in a row), "hex" or "base64", then the file.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/aead.h"
#include "crypto/bytes.h"
#include "crypto/kdf.h"

#define KEY_LEN			32
#define KEK_ID_LEN		8
#define WRAPPED_LEN		(1 + KEK_ID_LEN + AEAD_NONCE_LEN + KEY_LEN + AEAD_TAG_LEN)
#define FORMS			8

typedef struct Form
{
	const char *key;
	const char *form;
	unsigned char bytes[2 * KEY_LEN + 1];
	size_t		len;
} Form;

static Form forms[3 * FORMS];
static int	n_forms;

static void
die(const char *why)
{
	fprintf(stderr, "find_keys: %s\n", why);
	exit(2);
}

static void
read_hex(const char *hex, uint8_t *out, size_t len)
{
	size_t		got;

	if (sodium_hex2bin(out, len, hex, strlen(hex), NULL, &got, NULL) != 0 || got != len)
		die("an argument in hexadecimal has a wrong length");
}

/* The key of the file whose id it is. */
static void
find_kek(const char *path, const uint8_t *id, uint8_t *kek)
{
	Bytes		label = bytes_of_string("bionic_crypt file kek");
	FILE	   *file = fopen(path, "r");
	char		line[256];

	if (file == NULL)
		die("cannot open the key file");
	while (fgets(line, sizeof(line), file) != NULL)
	{
		uint8_t		mac[32];
		size_t		got;

		if (sodium_base642bin(kek, KEY_LEN, line, strlen(line), "\n", &got, NULL,
							  sodium_base64_VARIANT_ORIGINAL) == 0 && got == KEY_LEN &&
			kdf_hmac(bytes_of(kek, KEY_LEN), &label, 1, mac) &&
			memcmp(mac, id, KEK_ID_LEN) == 0)
		{
			fclose(file);
			return;
		}
	}
	die("the key file does not hold the key-encryption key");
}

static void
unwrap(const uint8_t *kek, const char *tenant, const uint8_t *key_id,
	   const uint8_t *wrapped, uint8_t *data_key)
{
	const AeadAlgorithm *aead = &aead_xaes_256_gcm;
	uint8_t		associated[256];
	ByteWriter	w = writer_of(associated, sizeof(associated));
	void	   *state = calloc(1, aead->state_size);

	writer_put(&w, bytes_of_string("BCK1"));
	writer_sized(&w, bytes_of_string(tenant));
	writer_sized(&w, bytes_of(key_id, KEY_ID_LEN));
	writer_sized(&w, bytes_of_string("data"));
	writer_sized(&w, bytes_of_string(""));
	if (state == NULL || !aead->init(state, kek) ||
		!aead->open(state, wrapped + 1 + KEK_ID_LEN, writer_bytes(&w),
					bytes_of(wrapped + 1 + KEK_ID_LEN + AEAD_NONCE_LEN, KEY_LEN + AEAD_TAG_LEN),
					data_key))
		die("cannot unwrap the data key");
	aead->wipe(state);
	free(state);
}

static void
add_form(const char *key, const char *form, const void *bytes, size_t len)
{
	Form	   *f = &forms[n_forms++];

	f->key = key;
	f->form = form;
	memcpy(f->bytes, bytes, len);
	f->len = len;
}

static void
add_key(const char *name, const uint8_t *key)
{
	char		text[2 * KEY_LEN + 1];

	add_form(name, "raw", key, KEY_LEN);
	add_form(name, "half", key, KEY_LEN / 2);
	add_form(name, "half", key + KEY_LEN / 2, KEY_LEN / 2);
	sodium_bin2hex(text, sizeof(text), key, KEY_LEN);
	add_form(name, "hex", text, 2 * KEY_LEN);
	for (int i = 0; i < 2 * KEY_LEN; i++)
		if (text[i] >= 'a')
			text[i] -= 'a' - 'A';
	add_form(name, "hex", text, 2 * KEY_LEN);

	/* Without the last character, whose bits depend on what follows. */
	sodium_bin2base64(text, sizeof(text), key, KEY_LEN, sodium_base64_VARIANT_ORIGINAL);
	add_form(name, "base64", text, 42);
	sodium_bin2base64(text, sizeof(text), key, KEY_LEN, sodium_base64_VARIANT_URLSAFE);
	add_form(name, "base64", text, 42);
}

static void
search(const char *path)
{
	int			fd = open(path, O_RDONLY);
	struct stat info;
	void	   *content;

	if (fd < 0 || fstat(fd, &info) != 0)
		die("cannot open a file to be searched");
	if (info.st_size > 0)
	{
		content = mmap(NULL, info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (content == MAP_FAILED)
			die("cannot map a file to be searched");
		for (int i = 0; i < n_forms; i++)
		{
			if (memmem(content, info.st_size, forms[i].bytes, forms[i].len) != NULL)
				printf("%s %s %s\n", forms[i].key, forms[i].form, path);
		}
		munmap(content, info.st_size);
	}
	close(fd);
}

int
main(int argc, char **argv)
{
	uint8_t		key_id[KEY_ID_LEN];
	uint8_t		wrapped[WRAPPED_LEN];
	uint8_t		check_value[CHECK_VALUE_LEN];
	uint8_t		kek[KEY_LEN];
	uint8_t		data_key[KEY_LEN];
	uint8_t		computed[32];

	if (argc < 6)
		die("usage: find_keys KEY_FILE TENANT KEY_ID WRAPPED CHECK_VALUE FILE...");
	if (!aead_startup())
		die("cannot initialize the libraries");
	read_hex(argv[3], key_id, sizeof(key_id));
	read_hex(argv[4], wrapped, sizeof(wrapped));
	read_hex(argv[5], check_value, sizeof(check_value));
	if (wrapped[0] != 1)
		die("unknown version of a wrapped key");

	find_kek(argv[1], wrapped + 1, kek);
	unwrap(kek, argv[2], key_id, wrapped, data_key);
	if (!kdf_check_value(data_key, bytes_of_string(argv[2]), key_id, computed) ||
		memcmp(computed, check_value, sizeof(computed)) != 0)
		die("the check value is not that of the data key");

	add_key("kek", kek);
	add_key("data key", data_key);
	if (!kdf_value_key(data_key, aead_xaes_256_gcm.id, key_id, computed))
		die("cannot derive the value key");
	add_key("value key", computed);
	for (int i = 6; i < argc; i++)
		search(argv[i]);
	return 0;
}
