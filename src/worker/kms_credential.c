/*-------------------------------------------------------------------------
 *
 * kms_credential.c
 *	  The files of our credential at a KMS server, as they are now.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kms/kms_options.h"
#include "kms/token_source.h"
#include "utils/builtins.h"
#include "worker/kms_credential.h"

/* The file's text, without the newline at its end; what it is, in *info. */
static bool
read_file(const char *path, char *out, Size size, struct stat *info, KmsError *error)
{
	ssize_t		n;
	int			fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return kms_fail(error, KMS_CREDENTIAL, "", "File \"%s\" could not be opened: %s.",
						path, strerror(errno));
	if (fstat(fd, info) != 0 || !S_ISREG(info->st_mode))
	{
		close(fd);
		return kms_fail(error, KMS_CREDENTIAL, "", "File \"%s\" is not a regular one.", path);
	}
	n = read(fd, out, size);
	close(fd);
	while (n > 0 && n < size && (out[n - 1] == '\n' || out[n - 1] == '\r'))
		n--;
	if (n <= 0 || n == size || memchr(out, '\0', n) != NULL)
		return kms_fail(error, KMS_CREDENTIAL, "",
						"File \"%s\" is empty, too long or not text.", path);
	out[n] = '\0';
	return true;
}

/*
 * It is ours or root's, and nobody else may read or write it.  But what gives
 * out JWTs for a while (a kubelet, the launcher of a Confidential Space)
 * writes them so that everybody in the container can read them, and nobody can
 * change that.
 */
static bool
is_fit(const char *path, const struct stat *info, const char *secret, KmsError *error)
{
	mode_t		never = kms_text_is_jwt(secret) ? S_IWGRP | S_IWOTH : S_IWGRP | S_IRWXO;

	if (info->st_uid != 0 && info->st_uid != geteuid())
		return kms_fail(error, KMS_CREDENTIAL, "",
						"File \"%s\" must belong to the server's user or to root.", path);
	return (info->st_mode & never) == 0 ||
		kms_fail(error, KMS_CREDENTIAL, "",
				 "File \"%s\" must be one that others cannot read; its mode is %03o.",
				 path, (unsigned) info->st_mode & 0777);
}

static bool
read_secret(const char *path, Size size, KmsCredential *credential, KmsError *error)
{
	struct stat info;

	return read_file(path, credential->secret, size, &info, error) &&
		is_fit(path, &info, credential->secret, error);
}

/*
 * Who else listens there would choose what we log in with, and a token that is
 * refused is a revocation.
 */
static bool
is_fit_socket(const char *path, KmsError *error)
{
	struct stat info;

	if (stat(path, &info) != 0)
		return kms_fail(error, KMS_CREDENTIAL, "", "No token came from \"%s\": %s.", path,
						strerror(errno));
	return (S_ISSOCK(info.st_mode) && (info.st_uid == 0 || info.st_uid == geteuid())) ||
		kms_fail(error, KMS_CREDENTIAL, "",
				 "\"%s\" must be a socket of the server's user or of root.", path);
}

/* Where a token comes from that is the secret. */
static bool
find_source(const KmsServer *server, TokenSource *source)
{
	const KmsRemote *remote = server->provider->remote;

	return remote->token_source != NULL && remote->token_source(server, source);
}

/* What nobody can have asked before: a token that answers it was not kept. */
static bool
make_nonce(char nonce[KMS_NONCE_MAX])
{
	uint8		random[(KMS_NONCE_MAX - 1) / 2];

	if (!pg_strong_random(random, sizeof(random)))
		return false;
	hex_encode((const char *) random, sizeof(random), nonce);
	nonce[KMS_NONCE_MAX - 1] = '\0';
	return true;
}

KmsProgress
kms_credential_read(const KmsServer *server, KmsCredential *credential, KmsRequest *request,
					KmsError *error)
{
	const char *identity = server->provider->remote->identity_file(server);
	const char *secret = server->provider->remote->secret_file(server);
	TokenSource source;
	struct stat info;
	bool		ok;

	ok = identity == NULL ||
		read_file(identity, credential->identity, sizeof(credential->identity), &info, error);
	if (ok && find_source(server, &source))
	{
		if (source.kind != TOKEN_OF_FILE)
		{
			if (!make_nonce(credential->nonce))
				kms_fail(error, KMS_UNAVAILABLE, "", "Could not make a random nonce.");
			else if (source.kind == TOKEN_OF_URL || is_fit_socket(source.place, error))
			{
				token_source_ask(server, &source, credential->nonce, request);
				return KMS_GO_ON;
			}
			return KMS_FAILED;
		}
		ok = read_secret(source.place, KMS_JWT_MAX, credential, error);
	}
	else if (ok && secret != NULL)
		ok = read_secret(secret, KMS_CREDENTIAL_MAX, credential, error);
	return ok ? KMS_COMPLETE : KMS_FAILED;
}

bool
kms_credential_take(const KmsServer *server, const KmsReply *reply, KmsCredential *credential,
					KmsError *error)
{
	TokenSource source;

	return find_source(server, &source) &&
		token_source_read(&source, reply, credential->secret, error);
}
