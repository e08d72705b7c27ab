/* What operators want to know. */

CREATE FUNCTION bionic_crypt.check_settings(OUT setting text, OUT value text, OUT problem text) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'bionic_crypt_check_settings' LANGUAGE C STABLE PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION bionic_crypt.check_settings() IS 'settings of the server that would put plaintext into logs or onto disks';
