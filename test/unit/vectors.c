/*-------------------------------------------------------------------------
 *
 * vectors.c
 *	  Reads test/vectors.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

#include "vectors.h"

static void add_field(VectorFile *file, Vector *vector, char *line);
static int	hex_digit(char c);
static void die(const char *what, const char *which);

VectorFile
vectors_open(const char *folder, const char *name)
{
	VectorFile	file;
	char		path[1024];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file.line = 0;
	file.file = fopen(path, "r");
	if (file.file == NULL)
		die("cannot open", path);
	return file;
}

bool
vectors_next(VectorFile *file, Vector *out)
{
	char	   *line = NULL;
	size_t		room = 0;
	ssize_t		len;

	memset(out, 0, sizeof(Vector));
	while ((len = getline(&line, &room, file->file)) >= 0)
	{
		file->line++;
		if (len > 0 && line[len - 1] == '\n')
			line[--len] = '\0';
		if (line[0] == '#')
			continue;
		if (len > 0)
			add_field(file, out, line);
		else if (out->count > 0)
			break;
	}
	free(line);
	return out->count > 0;
}

void
vector_free(Vector *vector)
{
	for (int i = 0; i < vector->count; i++)
	{
		free(vector->names[i]);
		free((void *) vector->values[i].data);
	}
}

void
vectors_close(VectorFile *file)
{
	fclose(file->file);
}

bool
vector_has(const Vector *vector, const char *name)
{
	for (int i = 0; i < vector->count; i++)
	{
		if (strcmp(vector->names[i], name) == 0)
			return true;
	}
	return false;
}

Bytes
vector_get(const Vector *vector, const char *name)
{
	for (int i = 0; i < vector->count; i++)
	{
		if (strcmp(vector->names[i], name) == 0)
			return vector->values[i];
	}
	die("no such field in the vector", name);
	return bytes_of(NULL, 0);
}

const uint8_t *
vector_get_exactly(const Vector *vector, const char *name, size_t len)
{
	Bytes		value = vector_get(vector, name);

	if (value.len != len)
		die("wrong length of field", name);
	return value.data;
}

uint64_t
vector_get_number(const Vector *vector, const char *name)
{
	Bytes		value = vector_get(vector, name);
	uint64_t	number = 0;

	for (size_t i = 0; i < value.len; i++)
		number = number << 8 | value.data[i];
	return number;
}

static void
add_field(VectorFile *file, Vector *vector, char *line)
{
	char	   *equals = strstr(line, " =");
	const char *hex;
	size_t		len;
	uint8_t    *data;

	if (equals == NULL || vector->count == VECTOR_FIELDS_MAX)
		die("malformed line", line);
	*equals = '\0';
	hex = equals + 2;
	if (*hex == ' ')
		hex++;
	len = strlen(hex) / 2;
	if (strlen(hex) % 2 != 0)
		die("half a byte, field", line);
	data = malloc(len + 1);
	for (size_t i = 0; i < len; i++)
	{
		int			high = hex_digit(hex[2 * i]);
		int			low = hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			die("not hexadecimal, field", line);
		data[i] = (uint8_t) (high << 4 | low);
	}
	if (vector->count == 0)
		vector->line = file->line;
	vector->names[vector->count] = strdup(line);
	vector->values[vector->count] = bytes_of(data, len);
	vector->count++;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static void
die(const char *what, const char *which)
{
	printf("Bail out! %s: %.100s\n", what, which);
	exit(2);
}
