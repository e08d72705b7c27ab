/* Tables whose rows are kept apart by tenant. */

CREATE FUNCTION bionic_crypt.protect_table("table" regclass, tenant_column name) RETURNS void
	AS 'MODULE_PATHNAME', 'bionic_crypt_protect_table' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION bionic_crypt.protect_table(regclass, name) IS 'shows and takes only rows of the session''s tenant in a table and its partitions';

CREATE FUNCTION bionic_crypt.unprotect_table("table" regclass) RETURNS void
	AS 'MODULE_PATHNAME', 'bionic_crypt_unprotect_table' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION bionic_crypt.unprotect_table(regclass) IS 'undoes protect_table()';
