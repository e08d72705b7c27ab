/*-------------------------------------------------------------------------
 *
 * vectors.h
 *	  Reads test/vectors: "name = hex" a line, an empty line between vectors,
 *	  comments behind "#".
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_VECTORS_H
#define UNIT_VECTORS_H

#include <stdio.h>

#include "crypto/bytes.h"

#define VECTOR_FIELDS_MAX	12

typedef struct Vector
{
	int			line;			/* of its first field */
	int			count;
	char	   *names[VECTOR_FIELDS_MAX];
	Bytes		values[VECTOR_FIELDS_MAX];
} Vector;

typedef struct VectorFile
{
	FILE	   *file;
	int			line;
} VectorFile;

/* All end the program when a file is missing or malformed. */
extern VectorFile vectors_open(const char *folder, const char *name);
extern bool vectors_next(VectorFile *file, Vector *out);
extern void vector_free(Vector *vector);
extern void vectors_close(VectorFile *file);

extern bool vector_has(const Vector *vector, const char *name);
extern Bytes vector_get(const Vector *vector, const char *name);
extern const uint8_t *vector_get_exactly(const Vector *vector,
										 const char *name, size_t len);
extern uint64_t vector_get_number(const Vector *vector, const char *name);

#endif							/* UNIT_VECTORS_H */
