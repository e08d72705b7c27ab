/* Key management systems are foreign servers of this wrapper. */

CREATE FUNCTION bionic_crypt.kms_validator(text[], oid) RETURNS void
	AS 'MODULE_PATHNAME', 'bionic_crypt_kms_validator' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION bionic_crypt.kms_validator(text[], oid) IS 'internal: checks the options of a KMS server, without I/O';

CREATE FOREIGN DATA WRAPPER bionic_crypt NO HANDLER VALIDATOR bionic_crypt.kms_validator;
COMMENT ON FOREIGN DATA WRAPPER bionic_crypt IS 'key management systems: CREATE SERVER ... OPTIONS (provider ''...'')';

CREATE SERVER embedded FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
COMMENT ON SERVER embedded IS 'key file beside the data directory, for tenants without a KMS of their own';
