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

#include "worker/kms_credential.h"

/*
 * Reads a file of our credential into out, without the newline at its end.
 * secret: nobody else may read it.
 */
static bool
read_file(const char *path, bool secret, char *out, Size size, KmsError *error)
{
	struct stat info;
	ssize_t		n;
	int			fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return kms_fail(error, KMS_CREDENTIAL, "", "File \"%s\" could not be opened: %s.",
						path, strerror(errno));
	if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) ||
		(secret && (info.st_mode & (S_IRWXO | S_IWGRP)) != 0))
	{
		close(fd);
		return kms_fail(error, KMS_CREDENTIAL, "",
						"File \"%s\" must be a regular file that others cannot read; its mode is %03o.",
						path, (unsigned) info.st_mode & 0777);
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

bool
kms_credential_read(const KmsServer *server, KmsCredential *credential, KmsError *error)
{
	const char *identity = server->provider->remote->identity_file(server);
	const char *secret = server->provider->remote->secret_file(server);

	return (identity == NULL ||
			read_file(identity, false, credential->identity,
					  sizeof(credential->identity), error)) &&
		(secret == NULL ||
		 read_file(secret, true, credential->secret, sizeof(credential->secret), error));
}
