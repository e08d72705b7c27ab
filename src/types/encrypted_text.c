/*-------------------------------------------------------------------------
 *
 * encrypted_text.c
 *	  The type's input, output, and casts.
 *
 * Two modes.  Transparent, when a tenant is set: what comes in is encrypted,
 * what goes out is decrypted.  Raw, when none is: input and output carry the
 * stored value itself, as armour or binary, and need no key; casts raise an
 * error, for ciphertext must not pass for text.
 *
 * None of these functions reads the catalog: they run in logical decoding, in
 * the making of error messages and in parallel workers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "tcop/pquery.h"
#include "nodes/memnodes.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "report/condition.h"
#include "session/tenant_context.h"
#include "types/value.h"

/*
 * PostgreSQL's names for a portal's memory, and for that in which the planner
 * parses a function's body.
 */
#define PORTAL_CONTEXT		"PortalContext"
#define INLINING_CONTEXT	"inline_function"

PG_FUNCTION_INFO_V1(bionic_crypt_encrypted_text_in);
PG_FUNCTION_INFO_V1(bionic_crypt_encrypted_text_out);
PG_FUNCTION_INFO_V1(bionic_crypt_encrypted_text_recv);
PG_FUNCTION_INFO_V1(bionic_crypt_encrypted_text_send);
PG_FUNCTION_INFO_V1(bionic_crypt_encrypted_text_from_text);
PG_FUNCTION_INFO_V1(bionic_crypt_encrypted_text_from_bpchar);
PG_FUNCTION_INFO_V1(bionic_crypt_encrypted_text_from_boolean);
PG_FUNCTION_INFO_V1(bionic_crypt_encrypted_text_from_inet);
PG_FUNCTION_INFO_V1(bionic_crypt_encrypted_text_to_text);

static struct varlena *encrypt_input(FmgrInfo *caller, Bytes plaintext);
static bool binds_parameters(void);
static void refuse_inlined(void);
static struct varlena *raw_input(Bytes input);

Datum
bionic_crypt_encrypted_text_in(PG_FUNCTION_ARGS)
{
	Bytes		input = bytes_of_string(PG_GETARG_CSTRING(0));

	if (tenant_context() != NULL)
		PG_RETURN_POINTER(encrypt_input(fcinfo->flinfo, input));
	PG_RETURN_POINTER(raw_input(input));
}

Datum
bionic_crypt_encrypted_text_out(PG_FUNCTION_ARGS)
{
	struct varlena *stored = PG_GETARG_VARLENA_PP(0);

	if (tenant_context() != NULL)
		PG_RETURN_CSTRING(value_open_cstring(stored));
	PG_RETURN_CSTRING(value_to_armour(stored));
}

Datum
bionic_crypt_encrypted_text_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			len = message->len - message->cursor;
	const char *received = pq_getmsgbytes(message, len);
	char	   *converted;

	if (tenant_context() == NULL)
		PG_RETURN_POINTER(value_from_envelope(bytes_of(received, len)));

	/* as pq_getmsgtext() does, checks included, but without its copy */
	converted = pg_client_to_server(received, len);
	if (converted != received)
		len = strlen(converted);
	PG_RETURN_POINTER(value_seal(bytes_of(converted, len)));
}

/* What is opened has the form of the bytea to be sent. */
Datum
bionic_crypt_encrypted_text_send(PG_FUNCTION_ARGS)
{
	text	   *opened;
	Size		len;
	char	   *converted;

	if (tenant_context() == NULL)
		PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0));

	opened = value_open_text(PG_GETARG_VARLENA_PP(0));
	len = VARSIZE(opened) - VARHDRSZ;
	converted = pg_server_to_client(VARDATA(opened), len);
	if (converted == VARDATA(opened))
		PG_RETURN_BYTEA_P(opened);
	PG_RETURN_BYTEA_P(cstring_to_text(converted));
}

Datum
bionic_crypt_encrypted_text_from_text(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(value_seal(value_bytes(PG_GETARG_VARLENA_PP(0))));
}

/* Trailing blanks mean nothing in character(n), and are no part of the text. */
Datum
bionic_crypt_encrypted_text_from_bpchar(PG_FUNCTION_ARGS)
{
	Bytes		padded = value_bytes(PG_GETARG_VARLENA_PP(0));

	PG_RETURN_POINTER(value_seal(bytes_of(padded.data,
										  bpchartruelen((char *) padded.data,
														padded.len))));
}

Datum
bionic_crypt_encrypted_text_from_boolean(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(value_seal(bytes_of_string(PG_GETARG_BOOL(0) ?
												 "true" : "false")));
}

Datum
bionic_crypt_encrypted_text_from_inet(PG_FUNCTION_ARGS)
{
	Datum		shown = DirectFunctionCall1(network_show, PG_GETARG_DATUM(0));

	PG_RETURN_POINTER(value_seal(value_bytes((struct varlena *) DatumGetPointer(shown))));
}

Datum
bionic_crypt_encrypted_text_to_text(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(value_open_text(PG_GETARG_VARLENA_PP(0)));
}

/*
 * The parser calls an input function once a literal, with an FmgrInfo made
 * for that call in the memory of that call.  Whoever converts many values
 * (COPY, CoerceViaIO in a plan) keeps its FmgrInfo in memory that outlives
 * the rows'.  So a caller whose FmgrInfo lies elsewhere is no parser, nor is
 * one that binds parameters; in doubt it is one.
 *
 * fn_extra counts the calls: it points to nothing.
 */
static struct varlena *
encrypt_input(FmgrInfo *caller, Bytes plaintext)
{
	uintptr_t	call_number = 0;

	if (binds_parameters())
		return value_seal(plaintext);
	if (caller != NULL)
	{
		if (caller->fn_mcxt != CurrentMemoryContext)
			return value_seal(plaintext);
		call_number = (uintptr_t) caller->fn_extra;
		caller->fn_extra = (void *) (call_number + 1);
	}
	refuse_inlined();
	return value_seal_literal(plaintext, call_number);
}

/*
 * The values of a portal's parameters are converted in its memory before it
 * runs; whatever is parsed while a portal runs finds it active.
 */
static bool
binds_parameters(void)
{
	return ActivePortal == NULL &&
		strcmp(CurrentMemoryContext->name, PORTAL_CONTEXT) == 0;
}

/*
 * The body of an SQL function that is inlined is parsed by the planner, and
 * does not pass literals.c: its literals would stay in the plan, encrypted for
 * the tenant of that moment.  Only the name of the memory context tells.
 */
static void
refuse_inlined(void)
{
	if (strcmp(CurrentMemoryContext->name, INLINING_CONTEXT) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("inlined function cannot hold a literal of an encrypted type"),
				 errdetail("It is encrypted already, with the key of one tenant."),
				 errhint("Write the literal as '...'::text, to be encrypted when it is used.")));
}

static struct varlena *
raw_input(Bytes input)
{
	if (!armour_has_prefix(input))
		(void) tenant_context_require();
	return value_from_armour(input);
}
