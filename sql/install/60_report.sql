/* What operators want to know. */

CREATE FUNCTION bionic_crypt.check_settings(OUT setting text, OUT value text, OUT problem text) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'bionic_crypt_check_settings' LANGUAGE C STABLE PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION bionic_crypt.check_settings() IS 'settings of the server that would put plaintext into logs or onto disks';

CREATE FUNCTION bionic_crypt.build_info() RETURNS jsonb
	AS 'MODULE_PATHNAME', 'bionic_crypt_build_info' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION bionic_crypt.build_info() IS 'what the library was built from, and digests of the files that the server''s code came from';

CREATE FUNCTION bionic_crypt.kms_statistics(OUT kms text,
	OUT calls bigint, OUT requests bigint, OUT logins bigint, OUT retries bigint,
	OUT refused_by_breaker bigint, OUT waited bigint,
	OUT in_flight integer, OUT queued integer, OUT breaker text,
	OUT p50_ms float8, OUT p95_ms float8, OUT p99_ms float8,
	OUT config bigint, OUT denied bigint, OUT bad_ciphertext bigint, OUT unavailable bigint,
	OUT throttled bigint, OUT protocol bigint, OUT credential bigint, OUT unattested bigint,
	OUT key_file_missing bigint, OUT key_file_open bigint,
	OUT oldest_lease interval) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'bionic_crypt_kms_statistics' LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION bionic_crypt.kms_statistics() IS 'what the key worker counted about each KMS; read it through the view bionic_crypt.stat_kms';

-- A dropped server's entry has no interest; a NULL name is the entry of the servers past the limit.
CREATE VIEW bionic_crypt.stat_kms WITH (security_barrier) AS
	SELECT s.kms, s.calls, s.requests, s.logins, s.retries, s.refused_by_breaker, s.waited,
		s.in_flight, s.queued, s.breaker, s.p50_ms, s.p95_ms, s.p99_ms,
		s.config, s.denied, s.bad_ciphertext, s.unavailable, s.throttled, s.protocol, s.credential,
		s.unattested, s.key_file_missing, s.key_file_open, s.oldest_lease
	FROM bionic_crypt.kms_statistics() s
	WHERE s.kms IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_foreign_server f WHERE f.srvname = s.kms);
COMMENT ON VIEW bionic_crypt.stat_kms IS 'what the key worker of this database counted about each KMS since the server started';
