/* The encrypted types.  They, and their casts, live in the extension's schema. */

CREATE TYPE @extschema@.encrypted_text;

CREATE FUNCTION bionic_crypt.encrypted_text_in(cstring) RETURNS @extschema@.encrypted_text
	AS 'MODULE_PATHNAME', 'bionic_crypt_encrypted_text_in' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bionic_crypt.encrypted_text_in(cstring) IS 'I/O';

CREATE FUNCTION bionic_crypt.encrypted_text_out(@extschema@.encrypted_text) RETURNS cstring
	AS 'MODULE_PATHNAME', 'bionic_crypt_encrypted_text_out' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bionic_crypt.encrypted_text_out(@extschema@.encrypted_text) IS 'I/O';

CREATE FUNCTION bionic_crypt.encrypted_text_recv(internal) RETURNS @extschema@.encrypted_text
	AS 'MODULE_PATHNAME', 'bionic_crypt_encrypted_text_recv' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bionic_crypt.encrypted_text_recv(internal) IS 'I/O';

CREATE FUNCTION bionic_crypt.encrypted_text_send(@extschema@.encrypted_text) RETURNS bytea
	AS 'MODULE_PATHNAME', 'bionic_crypt_encrypted_text_send' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bionic_crypt.encrypted_text_send(@extschema@.encrypted_text) IS 'I/O';

/* Ciphertext does not compress.  Strings of no tenant are never preferred over text. */
CREATE TYPE @extschema@.encrypted_text (
	INPUT = bionic_crypt.encrypted_text_in,
	OUTPUT = bionic_crypt.encrypted_text_out,
	RECEIVE = bionic_crypt.encrypted_text_recv,
	SEND = bionic_crypt.encrypted_text_send,
	INTERNALLENGTH = VARIABLE,
	STORAGE = external,
	CATEGORY = 'S',
	PREFERRED = false,
	COLLATABLE = true
);
COMMENT ON TYPE @extschema@.encrypted_text IS 'text that is stored encrypted with the key of a tenant';

/* Their cost makes the planner test the tenant first. */
CREATE FUNCTION bionic_crypt.encrypted_text_to_text(@extschema@.encrypted_text) RETURNS text
	AS 'MODULE_PATHNAME', 'bionic_crypt_encrypted_text_to_text' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION bionic_crypt.encrypted_text_to_text(@extschema@.encrypted_text) IS 'decrypts a value of the session''s tenant';

CREATE FUNCTION bionic_crypt.encrypted_text_from_text(text) RETURNS @extschema@.encrypted_text
	AS 'MODULE_PATHNAME', 'bionic_crypt_encrypted_text_from_text' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION bionic_crypt.encrypted_text_from_text(text) IS 'encrypts a text for the session''s tenant';

CREATE FUNCTION bionic_crypt.encrypted_text_from_bpchar(character) RETURNS @extschema@.encrypted_text
	AS 'MODULE_PATHNAME', 'bionic_crypt_encrypted_text_from_bpchar' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION bionic_crypt.encrypted_text_from_bpchar(character) IS 'encrypts a text without its padding for the session''s tenant';

CREATE FUNCTION bionic_crypt.encrypted_text_from_boolean(boolean) RETURNS @extschema@.encrypted_text
	AS 'MODULE_PATHNAME', 'bionic_crypt_encrypted_text_from_boolean' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION bionic_crypt.encrypted_text_from_boolean(boolean) IS 'encrypts true or false for the session''s tenant';

CREATE FUNCTION bionic_crypt.encrypted_text_from_inet(inet) RETURNS @extschema@.encrypted_text
	AS 'MODULE_PATHNAME', 'bionic_crypt_encrypted_text_from_inet' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION bionic_crypt.encrypted_text_from_inet(inet) IS 'encrypts a network address as text for the session''s tenant';

CREATE CAST (@extschema@.encrypted_text AS text)
	WITH FUNCTION bionic_crypt.encrypted_text_to_text(@extschema@.encrypted_text) AS IMPLICIT;
COMMENT ON CAST (@extschema@.encrypted_text AS text) IS 'decrypts';

CREATE CAST (@extschema@.encrypted_text AS character varying)
	WITH FUNCTION bionic_crypt.encrypted_text_to_text(@extschema@.encrypted_text) AS IMPLICIT;
COMMENT ON CAST (@extschema@.encrypted_text AS character varying) IS 'decrypts';

CREATE CAST (@extschema@.encrypted_text AS character)
	WITH FUNCTION bionic_crypt.encrypted_text_to_text(@extschema@.encrypted_text) AS ASSIGNMENT;
COMMENT ON CAST (@extschema@.encrypted_text AS character) IS 'decrypts';

CREATE CAST (text AS @extschema@.encrypted_text)
	WITH FUNCTION bionic_crypt.encrypted_text_from_text(text) AS ASSIGNMENT;
COMMENT ON CAST (text AS @extschema@.encrypted_text) IS 'encrypts';

CREATE CAST (character varying AS @extschema@.encrypted_text)
	WITH FUNCTION bionic_crypt.encrypted_text_from_text(text) AS ASSIGNMENT;
COMMENT ON CAST (character varying AS @extschema@.encrypted_text) IS 'encrypts';

CREATE CAST (character AS @extschema@.encrypted_text)
	WITH FUNCTION bionic_crypt.encrypted_text_from_bpchar(character) AS ASSIGNMENT;
COMMENT ON CAST (character AS @extschema@.encrypted_text) IS 'encrypts, without the padding';

CREATE CAST (boolean AS @extschema@.encrypted_text)
	WITH FUNCTION bionic_crypt.encrypted_text_from_boolean(boolean) AS ASSIGNMENT;
COMMENT ON CAST (boolean AS @extschema@.encrypted_text) IS 'encrypts';

CREATE CAST (inet AS @extschema@.encrypted_text)
	WITH FUNCTION bionic_crypt.encrypted_text_from_inet(inet) AS ASSIGNMENT;
COMMENT ON CAST (inet AS @extschema@.encrypted_text) IS 'encrypts';

CREATE FUNCTION bionic_crypt.belongs_to(value @extschema@.encrypted_text, tenant text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'bionic_crypt_belongs_to' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION bionic_crypt.belongs_to(@extschema@.encrypted_text, text) IS 'whether a value is this tenant''s, found without a key';
