/*-------------------------------------------------------------------------
 *
 * tampered.c
 *	  Libraries that are not what their files say, for 090_build_info.pl.
 *
 * Compiled without FOLDER it is one of them; with it, what loads them from
 * there, and then changes some in memory and others on disk, while the server
 * loads its libraries.  The latter is linked with a library of PostgreSQL's own,
 * which the server takes it for.
 *
 *-------------------------------------------------------------------------
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef FOLDER

#ifndef ANSWER
#define ANSWER 1
#endif

extern const char constant[];
extern int	variable;
extern int	function(void);

const char	constant[] = "as it was";
int			variable = ANSWER;

int
function(void)
{
	return ANSWER;
}

#else

static void *
look(const char *name, const char *symbol)
{
	void	   *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	void	   *found = library == NULL ? NULL : dlsym(library, symbol);

	if (found == NULL)
	{
		fprintf(stderr, "%s: %s\n", name, dlerror());
		abort();
	}
	return found;
}

static void
change(uint8_t *byte)
{
	uintptr_t	page = (uintptr_t) sysconf(_SC_PAGESIZE);
	void	   *start = (void *) ((uintptr_t) byte / page * page);

	if (mprotect(start, page, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
		abort();
	*byte ^= 1;
}

__attribute__((constructor)) static void
tamper(void)
{
	change(look(FOLDER "/code.so", "function"));
	change(look(FOLDER "/writable.so", "function"));
	change(look(FOLDER "/constant.so", "constant"));
	*(int *) look(FOLDER "/variable.so", "variable") = 2;
	look(FOLDER "/written.so", "function");
	look(FOLDER "/m\xe9.so", "function");

	look(FOLDER "/gone.so", "function");
	look(FOLDER "/other.so", "function");
	look(FOLDER "/short.so", "function");
	look(FOLDER "/pipe.so", "function");
	if (unlink(FOLDER "/gone.so") != 0 ||
		rename(FOLDER "/other.new", FOLDER "/other.so") != 0 ||
		rename(FOLDER "/short.new", FOLDER "/short.so") != 0 ||
		rename(FOLDER "/pipe.new", FOLDER "/pipe.so") != 0)
		abort();
}

#endif
