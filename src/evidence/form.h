/*-------------------------------------------------------------------------
 *
 * form.h
 *	  Objects of JSON whose members are known, read into structs.
 *
 * A form is a table of members.  A member that it does not have, one that it
 * wants and that is not there, another type, another length, a number out of
 * its range: each is refused, and the fault says which.
 *
 * Texts and bytes are put into memory of the caller, which borrows them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVIDENCE_FORM_H
#define EVIDENCE_FORM_H

#include "base/json.h"
#include "crypto/bytes.h"

#define FORM_FIELDS_MAX		64	/* of one form */
#define FORM_FAULT_MAX		200
#define FORM_POINTER_MAX	96	/* longer ones are cut in messages */

/* Where what is read is put; enough for any text of JSON_TEXT_MAX and its lists. */
#define FORM_MEMORY_MAX (4 * JSON_TEXT_MAX)

typedef struct FormMemory
{
	uint8_t    *data;
	size_t		used;
	size_t		size;
} FormMemory;

/* "images/0/measurement: must be 96 characters of hexadecimal" */
typedef struct FormFault
{
	char		text[FORM_FAULT_MAX];
} FormFault;

typedef struct FormReading
{
	FormMemory *memory;
	FormFault  *fault;
	size_t		pointer_len;
	char		pointer[FORM_POINTER_MAX];	/* to what is being read */
} FormReading;

/* How a value is read; out is where it goes. */
typedef struct FormField FormField;
typedef bool (*FormReader) (FormReading *reading, const FormField *field,
							const JsonNode *node, void *out);

struct FormField
{
	const char *name;			/* of the member; NULL at the end of a form */
	FormReader	read;
	size_t		offset;			/* in the struct */
	size_t		size;			/* of text and bytes at most, or exactly; of an item */
	int64_t		min;			/* of numbers; how few items, or bytes in hexadecimal */
	int64_t		max;
	int64_t		absent;			/* the number when it is not there */
	bool		required;
	bool		nullable;		/* null is as if it was not there */
	const FormField *form;		/* of an object; of items, one field */
	const char *constant;
};

/* Items of an array, or of an object with any names, in a row. */
typedef struct FormList
{
	int			n;
	void	   *items;
} FormList;

/* As an item of form_map(): its struct begins with the name. */
typedef struct FormNamed
{
	const char *name;
} FormNamed;

/* Readers; what each fills: */
extern bool form_text(FormReading *reading, const FormField *field, const JsonNode *node, void *out);	/* const char * */
extern bool form_string(FormReading *reading, const FormField *field, const JsonNode *node, void *out); /* likewise; may be empty */
extern bool form_constant(FormReading *reading, const FormField *field, const JsonNode *node, void *out);	/* nothing */
extern bool form_hex(FormReading *reading, const FormField *field, const JsonNode *node, void *out);	/* Bytes, exactly size */
extern bool form_base64(FormReading *reading, const FormField *field, const JsonNode *node, void *out); /* Bytes, at most size */
extern bool form_integer(FormReading *reading, const FormField *field, const JsonNode *node, void *out);	/* int64_t */
extern bool form_boolean(FormReading *reading, const FormField *field, const JsonNode *node, void *out);	/* bool */
extern bool form_time(FormReading *reading, const FormField *field, const JsonNode *node, void *out);	/* int64_t, since 1970 */
extern bool form_object(FormReading *reading, const FormField *field, const JsonNode *node, void *out); /* by field->form */
extern bool form_list(FormReading *reading, const FormField *field, const JsonNode *node, void *out);	/* FormList */
extern bool form_map(FormReading *reading, const FormField *field, const JsonNode *node, void *out);	/* FormList of FormNamed */
extern bool form_raw(FormReading *reading, const FormField *field, const JsonNode *node, void *out);	/* Bytes: an object as it is */
extern bool form_ignored(FormReading *reading, const FormField *field, const JsonNode *node, void *out);	/* nothing */

/*
 * Reads text into *record, which is zeroed before: what is not there is NULL,
 * false and empty.
 */
extern bool form_read(Bytes text, const FormField *form, void *record, size_t record_size,
					  FormMemory *memory, FormFault *fault);

/* "YYYY-MM-DDTHH:MM:SSZ", RFC 3339 in UTC and whole seconds. */
extern bool form_parse_time(const char *text, int64_t *at_s);

/* Whether it is 2 * len digits; out may be text itself. */
extern bool form_parse_hex(const char *text, uint8_t *out, size_t len);

/* Room for n bytes that any type may stand in; NULL: there is none. */
extern void *form_room(FormMemory *memory, size_t n);

#endif							/* EVIDENCE_FORM_H */
