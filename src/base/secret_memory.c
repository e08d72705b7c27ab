/*-------------------------------------------------------------------------
 *
 * secret_memory.c
 *	  Memory of one process for keys.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/secret_memory.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447	/* the same on every architecture */
#endif

/* NULL when the kernel or its limits do not give it. */
static void *
map_secret_memory(Size size)
{
	int			fd = (int) syscall(SYS_memfd_secret, O_CLOEXEC);
	void	   *memory = MAP_FAILED;

	if (fd < 0)
		return NULL;
	if (ftruncate(fd, size) == 0)
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return memory == MAP_FAILED ? NULL : memory;
}

static void *
map_locked_memory(Size size)
{
	void	   *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
							  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (mlock(memory, size) != 0 || madvise(memory, size, MADV_DONTDUMP) != 0 ||
		madvise(memory, size, MADV_WIPEONFORK) != 0)
	{
		int			save_errno = errno;

		munmap(memory, size);
		errno = save_errno;
		return NULL;
	}
	return memory;
}

void *
secret_memory_map(Size size, SecretMemory *kind)
{
	void	   *memory;

	size = TYPEALIGN(sysconf(_SC_PAGESIZE), size);
	*kind = SECRET_MEMORY_MEMFD;
	memory = map_secret_memory(size);
	if (memory == NULL)
	{
		*kind = SECRET_MEMORY_LOCKED;
		memory = map_locked_memory(size);
	}
	return memory;
}
