/*-------------------------------------------------------------------------
 *
 * loaded_libraries.h
 *	  The files that the server's code came from: its executable, this
 *	  library, and every other one mapped with them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REPORT_LOADED_LIBRARIES_H
#define REPORT_LOADED_LIBRARIES_H

#include "postgres.h"

#include <sys/stat.h>

#define LIBRARY_DIGEST_LEN	32	/* SHA-256 */

/* More, in the postmaster or in a backend, is an error. */
#define LOADED_LIBRARIES_MAX	512

/* The names in SQL are in loaded_libraries.c. */
typedef enum LibraryState
{
	LIBRARY_UNREADABLE,			/* not measured */
	LIBRARY_DELETED,			/* the file was gone; not measured */
	LIBRARY_DIFFERS,			/* memory is not what the file says */
	LIBRARY_AS_LOADED
} LibraryState;

typedef struct LoadedLibrary
{
	const char *loaded_path;	/* as the loader found it, of any bytes */
	const char *path;			/* with ? for what is not printable ASCII */
	const char *name;			/* the last part of path */
	uintptr_t	address;		/* where it is mapped */
	LibraryState state;
	uint8		sha256[LIBRARY_DIGEST_LEN]; /* of the whole file; zeros unless
											 * state is LIBRARY_AS_LOADED */
	struct stat file;			/* when it was measured */
} LoadedLibrary;

/*
 * From _PG_init() in the postmaster: has everything measured once, when all
 * libraries of shared_preload_libraries are loaded.  Children inherit it.
 */
extern void loaded_libraries_init(void);

/* Those of then, the executable first, and how many there are. */
extern int	loaded_libraries(const LoadedLibrary **list);

/* This library, among them. */
extern const LoadedLibrary *loaded_libraries_own(void);

/*
 * Those that this process mapped since, by LOAD, with a procedural language or
 * because a library wanted them; measured now, in the current memory context.
 */
extern int	loaded_libraries_since(LoadedLibrary **list);

/* Whether the file is another one now, was written to, or is gone. */
extern bool loaded_library_is_replaced(const LoadedLibrary *library);

/* As in SQL: as_loaded, differs_in_memory, unreadable, deleted. */
extern const char *loaded_library_state_name(LibraryState state);

#endif							/* REPORT_LOADED_LIBRARIES_H */
