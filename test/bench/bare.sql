-- bare_text: see bare.c.  MODULE_PATHNAME is replaced by the built library's path.
CREATE TYPE bare_text;
CREATE FUNCTION bare_text_in(cstring) RETURNS bare_text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION bare_text_out(bare_text) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION bare_text_recv(internal) RETURNS bare_text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION bare_text_send(bare_text) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE TYPE bare_text (
	INPUT = bare_text_in, OUTPUT = bare_text_out,
	RECEIVE = bare_text_recv, SEND = bare_text_send,
	STORAGE = external
);
CREATE FUNCTION bare_text_from_text(text) RETURNS bare_text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
CREATE FUNCTION bare_text_to_text(bare_text) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
CREATE CAST (text AS bare_text) WITH FUNCTION bare_text_from_text(text) AS ASSIGNMENT;
CREATE CAST (bare_text AS text) WITH FUNCTION bare_text_to_text(bare_text) AS IMPLICIT;
