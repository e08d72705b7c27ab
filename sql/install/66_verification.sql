/* What bionic-verify does, so that one server can check another. */

CREATE FUNCTION bionic_crypt.verify_attestation(bundle jsonb, nonce bytea,
		policy jsonb DEFAULT '{"type": "bionic_crypt/policy/v1"}', manifest text DEFAULT NULL,
		tls_certificate_sha256 bytea DEFAULT NULL, at timestamptz DEFAULT NULL) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'bionic_crypt_verify_attestation' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION bionic_crypt.verify_attestation(jsonb, bytea, jsonb, text, bytea, timestamptz) IS 'what an attestation of a server proves, by a policy';

CREATE FUNCTION bionic_crypt.verify_evidence(evidence jsonb,
		policy jsonb DEFAULT '{"type": "bionic_crypt/policy/v1"}', at timestamptz DEFAULT NULL) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'bionic_crypt_verify_evidence' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION bionic_crypt.verify_evidence(jsonb, jsonb, timestamptz) IS 'whether evidence of hardware is genuine, and what it says';
