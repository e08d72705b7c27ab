/*-------------------------------------------------------------------------
 *
 * backend.c
 *	  What the tested files need of a server; and functions of the system put
 *	  in place of its own, to watch and to break what libcurl does.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend.h"
#include "base/config.h"
#include "kms/kms_provider.h"
#include "utils/memutils.h"

bool		config_allow_local_kms = true;
MemoryContext TopMemoryContext;
int			epoll_failures = 0;
int			ca_folders_loaded = 0;
int			passwords_given = 0;
int			connections_begun = 0;
int			port_connected = 0;

static pthread_mutex_t resolver_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t resolver_changed = PTHREAD_COND_INITIALIZER;
static bool resolver_hangs = true;
static int	resolver_calls = 0;
static int	resolver_calls_blocked = 0;

/* Nothing is to raise or log anything. */
bool
errstart(int elevel, const char *domain)
{
	fprintf(stderr, "an error was raised\n");
	abort();
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	abort();
}

int
errcode(int sqlerrcode)
{
	return 0;
}

int
errcode_for_file_access(void)
{
	return 0;
}

int
errmsg(const char *fmt,...)
{
	return 0;
}

int
errdetail(const char *fmt,...)
{
	return 0;
}

void
ExceptionalCondition(const char *conditionName,
#if PG_VERSION_NUM < 160000
					 const char *errorType,
#endif
					 const char *fileName, int lineNumber)
{
	fprintf(stderr, "%s:%d: %s\n", fileName, lineNumber, conditionName);
	abort();
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	return calloc(1, size);
}

char *
MemoryContextStrdup(MemoryContext context, const char *string)
{
	return strdup(string);
}

void
pfree(void *pointer)
{
	free(pointer);
}

bool
kms_fail(KmsError *error, KmsStatus status, const char *subject,
		 const char *detail,...)
{
	error->status = status;
	strlcpy(error->subject, subject, sizeof(error->subject));
	strlcpy(error->detail, detail, sizeof(error->detail));
	return false;
}

const char *
kms_option(const KmsServer *server, const char *name)
{
	for (int i = 0; i < server->n_options; i++)
	{
		if (strcmp(server->options[i].name, name) == 0)
			return server->options[i].value;
	}
	return NULL;
}

/* The rest stands in for functions of the system. */

int
epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	if (op != EPOLL_CTL_DEL && epoll_failures > 0)
	{
		epoll_failures--;
		errno = ENOMEM;
		return -1;
	}
	return (int) syscall(SYS_epoll_ctl, epfd, op, fd, event);
}

int
connect(int fd, const struct sockaddr *address, socklen_t len)
{
	struct sockaddr_in ours;

	/* the port is in the same place in both */
	if (address->sa_family == AF_INET || address->sa_family == AF_INET6)
	{
		connections_begun++;
		port_connected = ntohs(((const struct sockaddr_in *) address)->sin_port);
	}
	if (address->sa_family == AF_INET)
	{
		memcpy(&ours, address, sizeof(ours));
		if (ours.sin_addr.s_addr == inet_addr(METADATA_HOST))
		{
			ours.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
			return (int) syscall(SYS_connect, fd, &ours, sizeof(ours));
		}
	}
	return (int) syscall(SYS_connect, fd, address, len);
}

int
X509_STORE_load_path(X509_STORE *store, const char *path)
{
	ca_folders_loaded += strcmp(path, "/dev/null") != 0;
	return 1;
}

void
SSL_CTX_set_default_passwd_cb(SSL_CTX *context, pem_password_cb *callback)
{
	static void (*real) (SSL_CTX *, pem_password_cb *);

	if (real == NULL)
		*(void **) &real = dlsym(RTLD_NEXT, "SSL_CTX_set_default_passwd_cb");
	passwords_given++;
	real(context, callback);
}

static void
set_resolver(bool hangs)
{
	pthread_mutex_lock(&resolver_lock);
	resolver_hangs = hangs;
	pthread_cond_broadcast(&resolver_changed);
	pthread_mutex_unlock(&resolver_lock);
}

/* As it does from the beginning. */
void
resolver_hang(void)
{
	set_resolver(true);
}

void
resolver_let_go(void)
{
	set_resolver(false);
}

bool
resolver_signals_blocked(void)
{
	bool		blocked;

	pthread_mutex_lock(&resolver_lock);
	blocked = resolver_calls > 0 && resolver_calls_blocked == resolver_calls;
	pthread_mutex_unlock(&resolver_lock);
	return blocked;
}

static void
note_thread(bool hang)
{
	static const int handled[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD};
	sigset_t	mask;
	bool		blocked = true;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	for (int i = 0; i < lengthof(handled); i++)
		blocked &= sigismember(&mask, handled[i]) == 1;

	pthread_mutex_lock(&resolver_lock);
	resolver_calls++;
	resolver_calls_blocked += blocked;
	while (hang && resolver_hangs)
		pthread_cond_wait(&resolver_changed, &resolver_lock);
	pthread_mutex_unlock(&resolver_lock);
}

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
			struct addrinfo **res)
{
	static int	(*real) (const char *, const char *, const struct addrinfo *,
						 struct addrinfo **);
	struct addrinfo ours = *hints;

	if (real == NULL)
		*(void **) &real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (node == NULL || strstr(node, ".kms.example") == NULL)
		return real(node, service, hints, res);

	note_thread(strcmp(node, HANGING_HOST) == 0);
	ours.ai_family = AF_UNSPEC;
	if (strcmp(node, MAPPED_HOST) == 0)
		return real("::ffff:127.0.0.1", service, &ours, res);
	if (strcmp(node, LOCAL_HOST) == 0)
		return real("127.0.0.1", service, &ours, res);
	return EAI_NONAME;
}
