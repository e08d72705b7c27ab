/*-------------------------------------------------------------------------
 *
 * bad_module.c
 *	  A module of PKCS#11 that does to its process what a file says.
 *
 * It hands all calls on to a good module (BIONIC_CRYPT_BAD_MODULE_GOOD), but
 * for what the file "do" in a folder (BIONIC_CRYPT_BAD_MODULE) has a line
 * about, "FUNCTION ACTION":
 *
 *	segv, abort, exit	it ends so
 *	loop				for ever, with all signals blocked
 *	stop				it stops itself
 *	scribble			writes over its stack
 *	garbage				says CKR_OK, and gives lengths and counts that cannot be
 *	short				says CKR_OK, and gives one byte, or nothing
 *	rv=N				says N
 *	once=N				says N the first time that this process gets there
 *	iv					C_EncryptInit: makes the IV by itself
 *	flip				C_Decrypt: another key
 *	slow=N				takes N milliseconds longer
 *	fork				starts a process, and one that leaves its group; their
 *						ids are in "process.forked"
 *	logout				C_FindObjectsInit: logs out the first time
 *
 * Each call of these functions is a line of "log" in the folder, and so is
 * "zero IV" when something is encrypted with an IV of zeros.  What the
 * process is, as it sees itself, is in "process.NAME" since C_Initialize.
 *
 *-------------------------------------------------------------------------
 */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

#define ACTION_MAX 64

static CK_FUNCTION_LIST_PTR good;
static CK_FUNCTION_LIST ours;

static FILE *
open_file(const char *name, const char *mode)
{
	const char *folder = getenv("BIONIC_CRYPT_BAD_MODULE");
	char		path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder ? folder : "/nowhere", name);
	return fopen(path, mode);
}

static void
loop_for_ever(void)
{
	sigset_t	all;
	volatile int i = 0;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (;;)
		i++;
}

static void
scribble(void)
{
	char		small[8];
	volatile char *p = small;

	for (int i = 0; i < 1000000; i++)
		p[i] = 'x';
}

static void
fork_two(void)
{
	FILE	   *out = open_file("process.forked", "w");

	for (int leaves = 0; leaves < 2; leaves++)
	{
		pid_t		pid = fork();

		if (pid == 0)
		{
			if (leaves)
				setsid();
			for (;;)
				pause();
		}
		fprintf(out, "%d\n", (int) pid);
	}
	fclose(out);
}

static void
log_line(const char *line)
{
	FILE	   *log = open_file("log", "a");

	if (log == NULL)
		return;
	fprintf(log, "%s\n", line);
	fclose(log);
}

/* What the file has to say about the function; "" if nothing. */
static void
find_action(const char *function, char action[ACTION_MAX])
{
	FILE	   *file = open_file("do", "r");
	char		name[ACTION_MAX];
	char		what[ACTION_MAX];

	action[0] = '\0';
	while (file != NULL && fscanf(file, "%63s %63s", name, what) == 2)
	{
		if (strcmp(name, function) == 0)
			strcpy(action, what);
	}
	if (file != NULL)
		fclose(file);
}

/* True: the call is over, with *rv. */
static int
misbehaves(const char *function, char action[ACTION_MAX], int *times, CK_RV *rv)
{
	log_line(function);
	find_action(function, action);
	*rv = CKR_OK;
	if (strcmp(action, "segv") == 0)
		raise(SIGSEGV);
	else if (strcmp(action, "abort") == 0)
		abort();
	else if (strcmp(action, "exit") == 0)
		exit(0);
	else if (strcmp(action, "stop") == 0)
		raise(SIGSTOP);
	else if (strcmp(action, "loop") == 0)
		loop_for_ever();
	else if (strcmp(action, "scribble") == 0)
		scribble();
	else if (strncmp(action, "slow=", 5) == 0)
		usleep((useconds_t) atoi(action + 5) * 1000);
	else if (strcmp(action, "fork") == 0)
		fork_two();
	else if (strncmp(action, "rv=", 3) == 0)
		*rv = strtoul(action + 3, NULL, 0);
	else if (strncmp(action, "once=", 5) == 0 && (*times)++ == 0)
		*rv = strtoul(action + 5, NULL, 0);
	return *rv != CKR_OK || strcmp(action, "garbage") == 0 || strcmp(action, "short") == 0;
}

/* A number or length to give: out of all bounds, or small. */
static CK_ULONG
odd_number(const char *action, CK_ULONG small)
{
	return strcmp(action, "garbage") == 0 ? ~0UL : small;
}

#define BEGIN(function) \
	static int	times; \
	char		action[ACTION_MAX]; \
	CK_RV		rv; \
	int			over = misbehaves(function, action, &times, &rv)

static void
copy_file(const char *from, const char *name)
{
	FILE	   *in = fopen(from, "r");
	FILE	   *out = open_file(name, "w");
	int			c;

	while (in != NULL && out != NULL && (c = getc(in)) != EOF)
		putc(c, out);
	if (in != NULL)
		fclose(in);
	if (out != NULL)
		fclose(out);
}

static void
describe_process(void)
{
	DIR		   *folder = opendir("/proc/self/fd");
	struct rlimit core;
	struct dirent *entry;
	char		path[4096];
	FILE	   *out;

	copy_file("/proc/self/maps", "process.maps");
	copy_file("/proc/self/environ", "process.environ");
	copy_file("/proc/self/cmdline", "process.cmdline");
	copy_file("/proc/self/status", "process.status");
	out = open_file("process.fd", "w");
	while (out != NULL && folder != NULL && (entry = readdir(folder)) != NULL)
	{
		char		name[512];
		char		target[512] = "";

		snprintf(name, sizeof(name), "/proc/self/fd/%s", entry->d_name);
		if (atoi(entry->d_name) == dirfd(folder) || atoi(entry->d_name) == fileno(out) ||
			readlink(name, target, sizeof(target) - 1) < 0)
			continue;
		fprintf(out, "%s %s\n", entry->d_name, target);
	}
	fclose(out);
	closedir(folder);
	out = open_file("process.cwd", "w");
	fprintf(out, "%s", getcwd(path, sizeof(path)) ? path : "");
	fclose(out);
	getrlimit(RLIMIT_CORE, &core);
	out = open_file("process.limits", "w");
	fprintf(out, "core %lu dumpable %d\n", (unsigned long) core.rlim_max, prctl(PR_GET_DUMPABLE));
	fclose(out);
}

static CK_RV
bad_initialize(void *arguments)
{
	BEGIN("C_Initialize");

	if (!over)
	{
		describe_process();
		rv = good->C_Initialize(arguments);
	}
	return rv;
}

static CK_RV
bad_finalize(void *reserved)
{
	BEGIN("C_Finalize");

	if (!over)
		rv = good->C_Finalize(reserved);
	return rv;
}

static CK_RV
bad_get_slot_list(CK_BBOOL present, CK_SLOT_ID_PTR slots, CK_ULONG_PTR n)
{
	BEGIN("C_GetSlotList");

	if (!over)
		rv = good->C_GetSlotList(present, slots, n);
	else
		*n = odd_number(action, 0);
	return rv;
}

static CK_RV
bad_open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
				 CK_SESSION_HANDLE_PTR session)
{
	BEGIN("C_OpenSession");

	if (!over)
		rv = good->C_OpenSession(slot, flags, application, notify, session);
	return rv;
}

static CK_RV
bad_login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG len)
{
	BEGIN("C_Login");

	if (!over)
		rv = good->C_Login(session, user, pin, len);
	return rv;
}

static CK_RV
bad_find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR attributes, CK_ULONG n)
{
	BEGIN("C_FindObjectsInit");

	if (strcmp(action, "logout") == 0 && times++ == 0)
		(void) good->C_Logout(session);
	if (!over)
		rv = good->C_FindObjectsInit(session, attributes, n);
	return rv;
}

static CK_RV
bad_find_objects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE_PTR found, CK_ULONG max, CK_ULONG_PTR n)
{
	BEGIN("C_FindObjects");

	if (!over)
		rv = good->C_FindObjects(session, found, max, n);
	else
		*n = odd_number(action, 0);
	return rv;
}

static CK_RV
bad_encrypt_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	BEGIN("C_EncryptInit");

	if (!over)
	{
		static const CK_BYTE zeros[12];
		CK_GCM_PARAMS *parameters = mechanism->pParameter;

		if (strcmp(action, "iv") == 0 &&
			getrandom(parameters->pIv, parameters->ulIvLen, 0) != (ssize_t) parameters->ulIvLen)
			abort();
		if (memcmp(parameters->pIv, zeros, sizeof(zeros)) == 0)
			log_line("zero IV");
		rv = good->C_EncryptInit(session, mechanism, key);
	}
	return rv;
}

static CK_RV
bad_encrypt(CK_SESSION_HANDLE session, CK_BYTE_PTR in, CK_ULONG in_len, CK_BYTE_PTR out, CK_ULONG_PTR len)
{
	BEGIN("C_Encrypt");

	if (!over)
		rv = good->C_Encrypt(session, in, in_len, out, len);
	else
		*len = odd_number(action, 1);
	return rv;
}

static CK_RV
bad_decrypt(CK_SESSION_HANDLE session, CK_BYTE_PTR in, CK_ULONG in_len, CK_BYTE_PTR out, CK_ULONG_PTR len)
{
	BEGIN("C_Decrypt");

	if (!over)
	{
		rv = good->C_Decrypt(session, in, in_len, out, len);
		if (strcmp(action, "flip") == 0)
			out[0] ^= 1;
	}
	else
		*len = odd_number(action, 1);
	return rv;
}

static CK_RV
bad_wrap_key(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE wrapping,
			 CK_OBJECT_HANDLE key, CK_BYTE_PTR out, CK_ULONG_PTR len)
{
	BEGIN("C_WrapKey");

	if (!over)
		rv = good->C_WrapKey(session, mechanism, wrapping, key, out, len);
	else
		*len = odd_number(action, 1);
	return rv;
}

static CK_RV
bad_get_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR attributes,
						CK_ULONG n)
{
	BEGIN("C_GetAttributeValue");

	if (!over)
		rv = good->C_GetAttributeValue(session, object, attributes, n);
	else
		attributes[0].ulValueLen = odd_number(action, 1);
	return rv;
}

CK_RV
C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR functions)
{
	const char *path = getenv("BIONIC_CRYPT_BAD_MODULE_GOOD");
	void	   *library = dlopen(path ? path : "", RTLD_NOW);
	CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList) dlsym(library, "C_GetFunctionList") : NULL;
	CK_RV		rv = get ? get(&good) : CKR_GENERAL_ERROR;
	char		action[ACTION_MAX];
	int			times = 0;

	if (rv != CKR_OK)
		return rv;
	if (misbehaves("C_GetFunctionList", action, &times, &rv))
	{
		*functions = NULL;
		return rv;
	}
	ours = *good;
	ours.C_Initialize = bad_initialize;
	ours.C_Finalize = bad_finalize;
	ours.C_GetSlotList = bad_get_slot_list;
	ours.C_OpenSession = bad_open_session;
	ours.C_Login = bad_login;
	ours.C_FindObjectsInit = bad_find_objects_init;
	ours.C_FindObjects = bad_find_objects;
	ours.C_EncryptInit = bad_encrypt_init;
	ours.C_Encrypt = bad_encrypt;
	ours.C_Decrypt = bad_decrypt;
	ours.C_WrapKey = bad_wrap_key;
	ours.C_GetAttributeValue = bad_get_attribute_value;
	*functions = &ours;
	return CKR_OK;
}
