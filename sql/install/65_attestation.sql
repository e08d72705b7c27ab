/* What a customer checks this server by. */

CREATE FUNCTION bionic_crypt.attestation(nonce bytea, fresh boolean DEFAULT false, tenant text DEFAULT NULL) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'bionic_crypt_attestation' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION bionic_crypt.attestation(bytea, boolean, text) IS 'evidence of this server''s hardware and code, bound to a nonce of the caller';
