/*-------------------------------------------------------------------------
 *
 * pkcs11_helper.c
 *	  bionic_crypt_pkcs11: a process with a module of PKCS#11 in it, so that
 *	  no process of PostgreSQL has it.
 *
 *		bionic_crypt_pkcs11 MODULE PARENT
 *
 * Started by the key worker (kms/kms_over_helper.c), for one KMS server, which
 * it serves until the other end of its socket is closed; one request at a
 * time.  Whatever the module does, crash or hang, it does to this process
 * alone, which then is killed and started anew.
 *
 * It is another program: nothing of the worker's memory is in it.  It links
 * the C library and nothing else, since a module brings libraries of its own,
 * perhaps of other versions.  Nothing is written to stderr or a log: what a
 * module says could be a PIN.
 *
 *-------------------------------------------------------------------------
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "programs/pkcs11_key.h"

/* All that is secret here, but for what the module keeps. */
typedef struct Memory
{
	uint8_t		frame[PKCS11_FRAME_MAX];	/* the request, then the reply */
	uint8_t		reply[PKCS11_FRAME_MAX];
	KeyResult	result;
} Memory;

/* Files of the server that were not marked to be closed by exec. */
static bool
close_all_from(int first)
{
	DIR		   *folder;
	struct dirent *entry;

#ifdef SYS_close_range
	if (syscall(SYS_close_range, first, ~0U, 0) == 0)
		return true;
#endif
	folder = opendir("/proc/self/fd");
	if (folder == NULL)
		return false;
	while ((entry = readdir(folder)) != NULL)
	{
		int			fd = atoi(entry->d_name);

		if (fd >= first && fd != dirfd(folder))
			close(fd);
	}
	closedir(folder);
	return true;
}

/*
 * Ends with the key worker, also when that is killed while a module hangs; or
 * at once, if it is not there any more.  What a module writes to where it is
 * does not get into the folder of the data.
 */
static bool
harden(Memory *memory, const char *parent)
{
	const struct rlimit no_core = {0, 0};

	(void) mlock(memory, sizeof(*memory));	/* as far as the limits allow */
	return close_all_from(PKCS11_HELPER_FD + 1) &&
		fcntl(PKCS11_HELPER_FD, F_SETFD, FD_CLOEXEC) == 0 &&
		chdir("/") == 0 &&
		setrlimit(RLIMIT_CORE, &no_core) == 0 &&
		prctl(PR_SET_DUMPABLE, 0) == 0 &&
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
		getppid() == atoi(parent);
}

/* False at the end of the file, or when the other end is not the worker. */
static bool
receive(uint8_t *data, size_t len)
{
	while (len > 0)
	{
		ssize_t		n = read(PKCS11_HELPER_FD, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t) n;
	}
	return true;
}

static bool
send_all(Bytes bytes)
{
	while (bytes.len > 0)
	{
		ssize_t		n = write(PKCS11_HELPER_FD, bytes.data, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes.data += n;
		bytes.len -= (size_t) n;
	}
	return true;
}

/* The session is gone, or was left in the middle of something. */
static bool
says_session_is_lost(const Pkcs11Reply *reply)
{
	static const CK_RV lost[] = {
		CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED, CKR_USER_NOT_LOGGED_IN,
		CKR_OPERATION_ACTIVE, CKR_OPERATION_NOT_INITIALIZED, CKR_CRYPTOKI_NOT_INITIALIZED,
		CKR_DEVICE_ERROR, CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT, CKR_TOKEN_NOT_RECOGNIZED,
		CKR_SLOT_ID_INVALID
	};

	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++)
	{
		if (reply->outcome == PKCS11_REFUSED && reply->rv == lost[i])
			return true;
	}
	return false;
}

/*
 * A session may live on while its login does not: then a key is invisible
 * rather than destroyed.
 */
static bool
may_be_lost(const Token *token, const Pkcs11Reply *reply)
{
	return says_session_is_lost(reply) ||
		(reply->outcome == PKCS11_NO_KEY && token_is_doubtful(token));
}

/*
 * With the session that is there.  When that is not good any more it is
 * closed, and the key worker has it opened anew and asks again, once.
 */
static void
use(Token *token, const Pkcs11Request *request, KeyResult *result, Pkcs11Reply *reply)
{
	if (token->logged_in &&
		(key_use(token, request, result, reply) || request->again || !may_be_lost(token, reply)))
		return;
	if (token->logged_in)
		token_close(token);
	memset(reply, 0, sizeof(*reply));
	(void) token_fail(reply, PKCS11_NOT_OPEN);
}

static void
answer(Token *token, Bytes frame, KeyResult *result, Pkcs11Reply *reply)
{
	Pkcs11Request request;

	if (!pkcs11_read_request(frame, &request))
		(void) token_fail(reply, PKCS11_BAD_REQUEST);
	else if (request.operation == PKCS11_OPEN)
		(void) token_open(token, &request, reply);
	else if (request.operation == PKCS11_LOGIN)
		(void) token_log_in(token, &request, reply);
	else
		use(token, &request, result, reply);
}

static bool
serve(Token *token, Memory *memory)
{
	ByteWriter	w = writer_of(memory->reply, sizeof(memory->reply));
	Pkcs11Reply reply = {0};
	size_t		rest;

	if (!receive(memory->frame, PKCS11_HEADER_LEN) ||
		!pkcs11_frame_rest(memory->frame, &rest) ||
		!receive(memory->frame + PKCS11_HEADER_LEN, rest))
		return false;
	answer(token, bytes_of(memory->frame, PKCS11_HEADER_LEN + rest), &memory->result, &reply);
	pkcs11_write_reply(&w, &reply);
	return !w.overflow && send_all(writer_bytes(&w)) && !token->broken;
}

int
main(int argc, char **argv)
{
	static Memory memory;
	Token		token = {0};

	if (argc != 3 || fcntl(PKCS11_HELPER_FD, F_GETFD) < 0)
	{
		fprintf(stderr, "%s is started by the key worker of bionic_crypt\n", argv[0]);
		return 2;
	}
	token.module_path = argv[1];
	if (!harden(&memory, argv[2]))
		return 1;
	while (serve(&token, &memory))
		explicit_bzero(&memory, sizeof(memory));
	explicit_bzero(&memory, sizeof(memory));

	/* Without the module's code for the end, which may hang. */
	_exit(0);
}
