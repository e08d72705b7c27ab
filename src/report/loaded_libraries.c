/*-------------------------------------------------------------------------
 *
 * loaded_libraries.c
 *	  The files that the server's code came from, measured when it started.
 *
 * A file is read once: the bytes that go into its digest are compared with
 * what of them is in memory, that is with every segment that may be executed
 * or may not be written.  So a file that took the place of the one that was
 * loaded, even a moment later, is not taken for it.  What may be written
 * (variables, addresses filled in by the loader) is not compared.
 *
 * The postmaster measures once, and a crash of a backend changes nothing of
 * it: the code that runs is still that of the start, whatever lies on disk.
 *
 * While the loader lists what it has mapped it holds a lock of its own, so
 * nothing is allocated and no error raised there.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <link.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/memutils.h"

#include "report/loaded_libraries.h"

#define EXECUTABLE	"/proc/self/exe"
#define CHUNK_LEN	65536

/* What the loader has mapped, in its own memory, which is not freed. */
typedef struct Mapped
{
	const char *path;			/* empty: the executable */
	uintptr_t	address;
	const ElfW(Phdr) *headers;
	int			n_headers;
} Mapped;

typedef struct MappedList
{
	int			n;				/* of all, even of those past the limit */
	Mapped		items[LOADED_LIBRARIES_MAX];
} MappedList;

/* In the order of LibraryState. */
static const char *const state_names[] = {
	"unreadable", "deleted", "differs_in_memory", "as_loaded"
};

/* Written once, by the postmaster. */
static LoadedLibrary *measured;
static int	n_measured;
static int	own;				/* the index of this library */

/* The hook before ours. */
static shmem_startup_hook_type previous_startup_hook;

static void measure_all(void);
static int	list_one(struct dl_phdr_info *info, size_t size, void *list);
static MappedList *list_mapped(void);
static void measure(LoadedLibrary *library, const Mapped *mapped);
static void name_library(LoadedLibrary *library, const Mapped *mapped);
static LibraryState read_file(LoadedLibrary *library, const Mapped *mapped, int fd);
static LibraryState read_all(int fd, const Mapped *mapped, EVP_MD_CTX *digest);
static bool is_compared(const ElfW(Phdr) *segment);
static bool is_same_in_memory(const Mapped *mapped, uint64 offset, const uint8 *bytes, Size len);
static bool is_long_enough(const Mapped *mapped, uint64 len);
static bool is_measured(const Mapped *mapped);
static bool contains(const Mapped *mapped, uintptr_t address);

void
loaded_libraries_init(void)
{
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = measure_all;
}

/* Libraries are loaded before this is called, even those after ours. */
static void
measure_all(void)
{
	MappedList *mapped;

	if (previous_startup_hook)
		previous_startup_hook();
	if (measured != NULL)
		return;

	mapped = list_mapped();
	measured = MemoryContextAllocZero(TopMemoryContext, mapped->n * sizeof(LoadedLibrary));
	for (int i = 0; i < mapped->n; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		measure(&measured[i], &mapped->items[i]);
		MemoryContextSwitchTo(old);
		if (contains(&mapped->items[i], (uintptr_t) measure_all))
			own = i;
		if (measured[i].state != LIBRARY_AS_LOADED)
			ereport(LOG,
					(errmsg("could not measure library \"%s\": %s",
							measured[i].path, state_names[measured[i].state])));
	}
	n_measured = mapped->n;
	pfree(mapped);
}

int
loaded_libraries(const LoadedLibrary **list)
{
	*list = measured;
	return n_measured;
}

const LoadedLibrary *
loaded_libraries_own(void)
{
	Assert(n_measured > 0);
	return &measured[own];
}

int
loaded_libraries_since(LoadedLibrary **list)
{
	MappedList *mapped = list_mapped();
	int			n = 0;

	*list = palloc0(mapped->n * sizeof(LoadedLibrary));
	for (int i = 0; i < mapped->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!is_measured(&mapped->items[i]))
			measure(&(*list)[n++], &mapped->items[i]);
	}
	pfree(mapped);
	return n;
}

/*
 * The time of the last change of the inode rather than of the content: nobody
 * can set it, so that a file that was written in place and dated back does not
 * pass.
 */
bool
loaded_library_is_replaced(const LoadedLibrary *library)
{
	struct stat now;

	return stat(library->loaded_path, &now) != 0 ||
		now.st_dev != library->file.st_dev ||
		now.st_ino != library->file.st_ino ||
		now.st_size != library->file.st_size ||
		now.st_ctim.tv_sec != library->file.st_ctim.tv_sec ||
		now.st_ctim.tv_nsec != library->file.st_ctim.tv_nsec;
}

const char *
loaded_library_state_name(LibraryState state)
{
	return state_names[state];
}

static MappedList *
list_mapped(void)
{
	MappedList *list = palloc0(sizeof(MappedList));

	dl_iterate_phdr(list_one, list);
	if (list->n > LOADED_LIBRARIES_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many libraries are loaded"),
				 errdetail("There are %d, and the limit is %d.", list->n, LOADED_LIBRARIES_MAX)));
	return list;
}

/* All but the kernel's own, the vDSO, which has no file. */
static int
list_one(struct dl_phdr_info *info, size_t size, void *list)
{
	MappedList *mapped = list;
	Mapped		item = {
		.path = info->dlpi_name,
		.address = info->dlpi_addr,
		.headers = info->dlpi_phdr,
		.n_headers = info->dlpi_phnum
	};

	if (contains(&item, getauxval(AT_SYSINFO_EHDR)))
		return 0;
	if (mapped->n < LOADED_LIBRARIES_MAX)
		mapped->items[mapped->n] = item;
	mapped->n++;
	return 0;
}

/* Opened so that what is no file does not keep us waiting. */
static void
measure(LoadedLibrary *library, const Mapped *mapped)
{
	int			fd;

	name_library(library, mapped);
	fd = open(mapped->path[0] == '\0' ? EXECUTABLE : mapped->path,
			  O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		library->state = errno == ENOENT ? LIBRARY_DELETED : LIBRARY_UNREADABLE;
	else
	{
		library->state = read_file(library, mapped, fd);
		close(fd);
	}
	if (library->state != LIBRARY_AS_LOADED)
		memset(library->sha256, 0, LIBRARY_DIGEST_LEN);
}

static void
name_library(LoadedLibrary *library, const Mapped *mapped)
{
	char		path[MAXPGPATH];
	const char *slash;

	if (mapped->path[0] != '\0')
		strlcpy(path, mapped->path, sizeof(path));
	else
	{
		ssize_t		len = readlink(EXECUTABLE, path, sizeof(path) - 1);

		path[Max(len, 0)] = '\0';
	}
	library->loaded_path = pstrdup(path);
	for (char *c = path; *c != '\0'; c++)
	{
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	library->path = pstrdup(path);
	slash = strrchr(library->path, '/');
	library->name = slash == NULL ? library->path : slash + 1;
	library->address = mapped->address;
}

static LibraryState
read_file(LoadedLibrary *library, const Mapped *mapped, int fd)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	LibraryState state = LIBRARY_UNREADABLE;

	if (digest != NULL &&
		fstat(fd, &library->file) == 0 && S_ISREG(library->file.st_mode) &&
		EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1)
		state = read_all(fd, mapped, digest);
	if (state == LIBRARY_AS_LOADED &&
		EVP_DigestFinal_ex(digest, library->sha256, NULL) != 1)
		state = LIBRARY_UNREADABLE;
	EVP_MD_CTX_free(digest);
	return state;
}

static LibraryState
read_all(int fd, const Mapped *mapped, EVP_MD_CTX *digest)
{
	uint8		chunk[CHUNK_LEN];
	uint64		offset = 0;

	for (;;)
	{
		ssize_t		len = read(fd, chunk, sizeof(chunk));

		if (len < 0 && errno == EINTR)
			continue;
		if (len == 0)
			return is_long_enough(mapped, offset) ? LIBRARY_AS_LOADED : LIBRARY_DIFFERS;
		if (len < 0 || EVP_DigestUpdate(digest, chunk, len) != 1)
			return LIBRARY_UNREADABLE;
		if (!is_same_in_memory(mapped, offset, chunk, len))
			return LIBRARY_DIFFERS;
		offset += len;
	}
}

static bool
is_compared(const ElfW(Phdr) *segment)
{
	return segment->p_type == PT_LOAD &&
		((segment->p_flags & PF_X) != 0 || (segment->p_flags & PF_W) == 0);
}

/*
 * Only what the file has is looked at in memory: of a file that was cut short
 * the pages past its end cannot be.  A segment that may not be read, which no
 * compiler of ours makes, cannot be compared, and so is not the same.
 *
 * AddressSanitizer has memcmp() refuse the bytes that it lays around constants,
 * which are as good as others here; it knows nothing of OpenSSL's.
 */
static bool
is_same_in_memory(const Mapped *mapped, uint64 offset, const uint8 *bytes, Size len)
{
	for (int i = 0; i < mapped->n_headers; i++)
	{
		const ElfW(Phdr) *segment = &mapped->headers[i];
		uint64		from = Max(offset, segment->p_offset);
		uint64		to = Min(offset + len, segment->p_offset + segment->p_filesz);
		const uint8 *memory = (const uint8 *) (mapped->address + segment->p_vaddr);

		if (is_compared(segment) && from < to &&
			((segment->p_flags & PF_R) == 0 ||
			 CRYPTO_memcmp(memory + (from - segment->p_offset), bytes + (from - offset), to - from) != 0))
			return false;
	}
	return true;
}

static bool
is_long_enough(const Mapped *mapped, uint64 len)
{
	for (int i = 0; i < mapped->n_headers; i++)
	{
		const ElfW(Phdr) *segment = &mapped->headers[i];

		if (is_compared(segment) && segment->p_offset + segment->p_filesz > len)
			return false;
	}
	return true;
}

/* Another library may be where one was that is gone, or come again elsewhere. */
static bool
is_measured(const Mapped *mapped)
{
	for (int i = 0; i < n_measured; i++)
	{
		if (measured[i].address == mapped->address &&
			(mapped->path[0] == '\0' ? i == 0 : strcmp(measured[i].loaded_path, mapped->path) == 0))
			return true;
	}
	return false;
}

static bool
contains(const Mapped *mapped, uintptr_t address)
{
	for (int i = 0; i < mapped->n_headers; i++)
	{
		const ElfW(Phdr) *segment = &mapped->headers[i];
		uintptr_t	start = mapped->address + segment->p_vaddr;

		if (segment->p_type == PT_LOAD && address >= start && address < start + segment->p_memsz)
			return true;
	}
	return false;
}
