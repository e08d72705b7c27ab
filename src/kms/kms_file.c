/*-------------------------------------------------------------------------
 *
 * kms_file.c
 *	  The embedded KMS: key-encryption keys in a file of the server's machine.
 *
 * The file has one key a line, 32 bytes in base64; empty lines and lines that
 * begin with # do not count.  The last key wraps, all of them unwrap: adding
 * a line and calling rewrap_keys() is how the key-encryption key is rotated.
 * It must be a regular file of the server's user that nobody else can reach.
 *
 * Its place is the option path, or NAME.key in the folder "<data
 * directory>.keys", beside the data directory and never inside: a base
 * backup must not hold the key that opens it.  Only the latter is made when
 * it is not there: who may name a file to read must not have us write one.
 *
 * A wrapped key is: version 1 (1 byte), id of the key-encryption key (8),
 * nonce (24), ciphertext and tag of XAES-256-GCM (48).  The id is the start of
 * HMAC-SHA-256(key, "bionic_crypt file kek").
 *
 * What the file says decides the class: a key that was taken out of it is
 * denied, as a KMS denies; a file that is gone or that others can read is the
 * operator's trouble, and keys at hand serve until their leases end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"

#include "base/secret.h"
#include "crypto/aead.h"
#include "kms/kms_provider.h"
#include "kms/kms_seal.h"

#define WRAP_VERSION		1
#define KEK_ID_LEN			8
#define KEK_ID_LABEL		"bionic_crypt file kek"
#define WRAPPED_LEN			(1 + KEK_ID_LEN + AEAD_NONCE_LEN + DATA_KEY_LEN + AEAD_TAG_LEN)
#define KEY_FILE_MAX		65536	/* bytes */
#define KEK_LINE_LEN		44	/* base64 of 32 bytes */
#define PATH_MAX_MADE		(MAXPGPATH + 32)	/* of files beside the key's */

/* A key-encryption key of the file. */
typedef struct FileKek
{
	uint8		id[KEK_ID_LEN];
	const uint8 *key;			/* in the Secret that was read */
} FileKek;

/* The name goes into a path, and whoever creates a server chooses it. */
static bool
name_is_plain(const char *name)
{
	return name[0] != '\0' &&
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == strlen(name);
}

static bool
file_validate(const KmsServer *server, KmsError *error)
{
	const char *given = kms_option(server, "path");
	char		path[MAXPGPATH];

	if (given == NULL)
		return true;
	if (!is_absolute_path(given))
		return kms_fail(error, KMS_CONFIG, "path", "it must be absolute");
	strlcpy(path, given, sizeof(path));
	canonicalize_path(path);
	if (path_is_prefix_of_path(DataDir, path))
		return kms_fail(error, KMS_CONFIG, "path",
						"it must not be inside the data directory");
	return true;
}

static bool
key_file_path(const KmsServer *server, char *path, KmsError *error)
{
	const char *given = kms_option(server, "path");

	if (given != NULL)
		strlcpy(path, given, MAXPGPATH);
	else if (!name_is_plain(server->name))
		return kms_fail(error, KMS_CONFIG, "path",
						"it is required for a server whose name has other characters than letters, digits, _ and -");
	else if (snprintf(path, MAXPGPATH, "%s.keys/%s.key", DataDir, server->name) >= MAXPGPATH)
		return kms_fail(error, KMS_CONFIG, "path", "it is too long");
	return true;
}

/* Reads the file into *content; its last line may lack a newline. */
static bool
read_key_file(const char *path, Secret **content, KmsError *error)
{
	struct stat info;
	ssize_t		n;
	int			fd = OpenTransientFile(path, O_RDONLY | O_NONBLOCK | PG_BINARY);

	if (fd < 0)
		return kms_fail(error, errno == ENOENT ? KMS_KEY_FILE_MISSING : KMS_KEY_FILE_OPEN,
						path, "Could not open it: %s.", strerror(errno));

	if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) ||
		info.st_uid != geteuid() || (info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
	{
		CloseTransientFile(fd);
		return kms_fail(error, KMS_KEY_FILE_OPEN, path,
						"Its mode is %03o and its owner has uid %u.",
						(unsigned) info.st_mode & 0777, (unsigned) info.st_uid);
	}
	*content = secret_create(KEY_FILE_MAX);
	n = read(fd, (*content)->data, KEY_FILE_MAX);
	CloseTransientFile(fd);
	if (n < 0 || n == KEY_FILE_MAX)
		return kms_fail(error, KMS_UNAVAILABLE, path, n < 0 ?
						"Could not read it." : "It is too long.");
	(*content)->data[n] = '\n';
	return true;
}

static bool
kek_id(const uint8 *key, uint8 id[KEK_ID_LEN])
{
	Bytes		label = bytes_of_string(KEK_ID_LABEL);
	uint8		mac[32];

	if (!kdf_hmac(bytes_of(key, AEAD_KEY_LEN), &label, 1, mac))
		return false;
	memcpy(id, mac, KEK_ID_LEN);
	return true;
}

/*
 * Decodes, in place, the last key of the file (id is NULL), or the one with
 * the id; false when it is not there.
 */
static bool
find_kek(Secret *content, const uint8 *id, FileKek *found)
{
	char	   *line = (char *) content->data;
	char	   *end = line + content->len;
	bool		have = false;

	while (line < end && *line != '\0')
	{
		char	   *newline = memchr(line, '\n', end - line);
		size_t		decoded = 0;
		FileKek		kek;

		if (newline == NULL)
			break;
		if (newline - line == KEK_LINE_LEN && *line != '#' &&
			bytes_are_ascii(bytes_of(line, KEK_LINE_LEN)) &&
			sodium_base642bin((uint8 *) line, AEAD_KEY_LEN, line, KEK_LINE_LEN, NULL,
							  &decoded, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
			decoded == AEAD_KEY_LEN)
		{
			kek.key = (const uint8 *) line;
			if (kek_id(kek.key, kek.id) &&
				(id == NULL || memcmp(kek.id, id, KEK_ID_LEN) == 0))
			{
				*found = kek;
				have = true;
			}
		}
		line = newline + 1;
	}
	return have;
}

/* Finds a key of the server's file; *content holds it until wiped. */
static bool
load_kek(const KmsServer *server, const uint8 *id, Secret **content, FileKek *kek,
		 KmsError *error)
{
	char		path[MAXPGPATH];

	if (!key_file_path(server, path, error) || !read_key_file(path, content, error))
		return false;
	if (find_kek(*content, id, kek))
		return true;
	secret_wipe(*content);
	return kms_fail(error, KMS_DENIED, path, id == NULL ? "It holds no key." :
					"It does not hold the key-encryption key that wrapped this key.");
}

static bool
file_wrap(const KmsServer *server, const KmsContext *context,
		  const uint8 data_key[DATA_KEY_LEN],
		  uint8 *wrapped, Size *wrapped_len, KmsError *error)
{
	Secret	   *content;
	FileKek		kek;
	uint8		nonce[AEAD_NONCE_LEN];
	ByteWriter	out = writer_of(wrapped, KMS_WRAPPED_MAX);
	bool		ok;

	if (!load_kek(server, NULL, &content, &kek, error))
		return false;
	ok = pg_strong_random(nonce, sizeof(nonce)) &&
		kms_seal_or_open(kek.key, true, nonce, context, bytes_of(data_key, DATA_KEY_LEN),
				 wrapped + WRAPPED_LEN - DATA_KEY_LEN - AEAD_TAG_LEN);
	secret_wipe(content);
	if (!ok)
		return kms_fail(error, KMS_UNAVAILABLE, "", "Could not seal the key.");

	writer_u8(&out, WRAP_VERSION);
	writer_put(&out, bytes_of(kek.id, KEK_ID_LEN));
	writer_put(&out, bytes_of(nonce, AEAD_NONCE_LEN));
	*wrapped_len = WRAPPED_LEN;
	return true;
}

static bool
file_unwrap(const KmsServer *server, const KmsContext *context, Bytes wrapped,
			uint8 data_key[DATA_KEY_LEN], KmsError *error)
{
	ByteReader	in = reader_of(wrapped);
	uint8		version;
	Bytes		id;
	Bytes		nonce;
	Bytes		sealed;
	Secret	   *content;
	FileKek		kek;
	bool		ok;

	if (!reader_u8(&in, &version) || version != WRAP_VERSION ||
		!reader_take(&in, KEK_ID_LEN, &id) ||
		!reader_take(&in, AEAD_NONCE_LEN, &nonce) ||
		!reader_take(&in, DATA_KEY_LEN + AEAD_TAG_LEN, &sealed) ||
		reader_left(&in) != 0)
		return kms_fail(error, KMS_BAD_CIPHERTEXT, "", "The wrapped key is malformed.");
	if (!load_kek(server, id.data, &content, &kek, error))
		return false;
	ok = kms_seal_or_open(kek.key, false, nonce.data, context, sealed, data_key);
	secret_wipe(content);
	if (!ok)
		return kms_fail(error, KMS_BAD_CIPHERTEXT, "",
						"The wrapped key is not one of this tenant and key id.");
	return true;
}

static bool
sync_path(const char *path, int flags)
{
	int			fd = OpenTransientFile(path, flags | PG_BINARY);
	bool		ok = fd >= 0 && pg_fsync(fd) == 0;

	if (fd >= 0)
		CloseTransientFile(fd);
	return ok;
}

/* Writes a new key to path, which must not exist; durable when true. */
static bool
write_new_key(const char *path)
{
	Secret	   *key = secret_create(AEAD_KEY_LEN);
	Secret	   *line = secret_create(KEK_LINE_LEN + 2);
	int			fd = OpenTransientFilePerm(path, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY, 0600);
	bool		ok = fd >= 0;

	if (ok)
	{
		ok = pg_strong_random(key->data, AEAD_KEY_LEN);
		sodium_bin2base64((char *) line->data, KEK_LINE_LEN + 1, key->data, AEAD_KEY_LEN,
						  sodium_base64_VARIANT_ORIGINAL);
		line->data[KEK_LINE_LEN] = '\n';
		ok = ok && write(fd, line->data, KEK_LINE_LEN + 1) == KEK_LINE_LEN + 1;
		ok = ok && pg_fsync(fd) == 0;
		CloseTransientFile(fd);
	}
	secret_wipe(key);
	secret_wipe(line);
	return ok;
}

/*
 * NAME.made stands beside NAME.key and says that there was a key, for when
 * it is lost: other databases may hold keys wrapped by it.
 */
static void
marker_path(const char *path, char *marker)
{
	snprintf(marker, PATH_MAX_MADE, "%.*s.made",
			 (int) (strlen(path) - strlen(".key")), path);
}

/*
 * The key is written under another name and linked to its own, so that a
 * crash leaves a whole file or none, and of two workers one wins.
 */
static bool
make_key_file(const char *path, const char *folder, KmsError *error)
{
	char		temporary[PATH_MAX_MADE];
	bool		ok;

	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return kms_fail(error, KMS_UNAVAILABLE, path, "Could not create folder \"%s\": %s.",
						folder, strerror(errno));
	snprintf(temporary, sizeof(temporary), "%s.%d.tmp", path, MyProcPid);
	(void) unlink(temporary);
	ok = write_new_key(temporary) && (link(temporary, path) == 0 || errno == EEXIST);
	if (!ok)
		kms_fail(error, KMS_UNAVAILABLE, path, "Could not create the key file: %s.",
				 strerror(errno));
	(void) unlink(temporary);
	return ok;
}

/*
 * The marker comes after the key and before anything is wrapped by it: a
 * crash between leaves a key that nobody needs yet.
 */
static bool
file_create_kek(const KmsServer *server, bool *created, KmsError *error)
{
	char		path[MAXPGPATH];
	char		folder[MAXPGPATH];
	char		marker[PATH_MAX_MADE];
	struct stat info;
	bool		marked;

	*created = false;
	if (kms_option(server, "path") != NULL)
		return true;
	if (!key_file_path(server, path, error))
		return false;
	strlcpy(folder, path, sizeof(folder));
	*strrchr(folder, '/') = '\0';
	marker_path(path, marker);
	marked = lstat(marker, &info) == 0;

	if (lstat(path, &info) != 0)
	{
		if (marked)
			return kms_fail(error, KMS_KEY_FILE_MISSING, path,
							"It was made before, as file \"%s\" says.", marker);
		if (!make_key_file(path, folder, error))
			return false;
		*created = true;
	}

	/* A folder that the operator keeps read-only has a file that is his. */
	if (!marked && !(sync_path(marker, O_RDWR | O_CREAT) && sync_path(folder, O_RDONLY)) &&
		*created)
		return kms_fail(error, KMS_UNAVAILABLE, path, "Could not sync folder \"%s\".", folder);
	if (*created)
		strlcpy(error->subject, path, sizeof(error->subject));
	return true;
}

static const KmsOptionRule file_option_rules[] = {
	{.name = "path", .of_machine = true},
	{.name = NULL},
};

static const KmsLocal file_local = {
	.wrap = file_wrap,
	.unwrap = file_unwrap,
	.create_kek = file_create_kek,
};

const KmsProvider kms_file = {
	.name = "file",
	.option_rules = file_option_rules,
	.validate = file_validate,
	.local = &file_local,
};
