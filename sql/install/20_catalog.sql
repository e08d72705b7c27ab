/*
 * The catalog of tenants, keys and grants.
 *
 * Natural keys and no references between the tables, so that a publication
 * or a restore may bring their rows in any order.  Written by the functions
 * of this extension; dumped by pg_dump.
 */

CREATE TABLE bionic_crypt.catalog_tenants (
	tenant text COLLATE "C" PRIMARY KEY,
	fingerprint bytea NOT NULL UNIQUE,
	kms text NOT NULL,
	kek text NOT NULL,
	algorithm text NOT NULL,
	state text NOT NULL DEFAULT 'active',
	outage_grace interval NOT NULL,
	attested boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	CHECK (octet_length(tenant) BETWEEN 1 AND 63),
	CHECK (octet_length(fingerprint) = 8),
	CHECK (state IN ('active', 'suspended', 'shredded'))
);
COMMENT ON TABLE bionic_crypt.catalog_tenants IS 'tenants; read it through the view bionic_crypt.tenants';

CREATE TABLE bionic_crypt.catalog_keys (
	tenant text COLLATE "C",
	purpose text COLLATE "C",
	version integer,
	key_id bytea NOT NULL UNIQUE,
	algorithm text NOT NULL,
	state text NOT NULL,
	kms text NOT NULL,
	kek text NOT NULL,
	wrapped bytea NOT NULL,
	check_value bytea NOT NULL,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	wrapped_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	PRIMARY KEY (tenant, purpose, version),
	CHECK (octet_length(key_id) = 8),
	CHECK (purpose = 'data'),
	CHECK (state IN ('active', 'retired', 'destroyed')),
	CHECK (octet_length(check_value) = 32)
);
CREATE UNIQUE INDEX catalog_keys_active ON bionic_crypt.catalog_keys (tenant, purpose) WHERE state = 'active';
COMMENT ON TABLE bionic_crypt.catalog_keys IS 'data keys, wrapped by the tenants'' key-encryption keys; read it through the view bionic_crypt.keys';

-- The empty tenant stands for all tenants: no tenant has an empty name.
CREATE TABLE bionic_crypt.catalog_grants (
	tenant text COLLATE "C",
	role regrole,
	privileges text[] NOT NULL,
	PRIMARY KEY (tenant, role),
	CHECK (privileges <@ ARRAY['encrypt', 'decrypt', 'manage', 'own'])
);
COMMENT ON TABLE bionic_crypt.catalog_grants IS 'what roles may do for tenants; read it through the view bionic_crypt.grants';

SELECT pg_catalog.pg_extension_config_dump('bionic_crypt.catalog_tenants', '');
SELECT pg_catalog.pg_extension_config_dump('bionic_crypt.catalog_keys', '');

-- A role dropped in another database leaves a number, which may be another's role elsewhere.
SELECT pg_catalog.pg_extension_config_dump('bionic_crypt.catalog_grants',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = role)');

/* Whatever changes these rows, backends and the key worker hear of it at commit. */

CREATE FUNCTION bionic_crypt.catalog_changed() RETURNS trigger
	AS 'MODULE_PATHNAME', 'bionic_crypt_catalog_changed' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION bionic_crypt.catalog_changed() IS 'internal: has every session look at its keys again when the transaction commits';

CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON bionic_crypt.catalog_tenants
	FOR EACH ROW EXECUTE FUNCTION bionic_crypt.catalog_changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON bionic_crypt.catalog_keys
	FOR EACH ROW EXECUTE FUNCTION bionic_crypt.catalog_changed();
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON bionic_crypt.catalog_grants
	FOR EACH ROW EXECUTE FUNCTION bionic_crypt.catalog_changed();
CREATE TRIGGER truncated AFTER TRUNCATE ON bionic_crypt.catalog_tenants
	FOR EACH STATEMENT EXECUTE FUNCTION bionic_crypt.catalog_changed();
CREATE TRIGGER truncated AFTER TRUNCATE ON bionic_crypt.catalog_keys
	FOR EACH STATEMENT EXECUTE FUNCTION bionic_crypt.catalog_changed();
CREATE TRIGGER truncated AFTER TRUNCATE ON bionic_crypt.catalog_grants
	FOR EACH STATEMENT EXECUTE FUNCTION bionic_crypt.catalog_changed();

-- Also for rows that logical replication or a restore brings.
ALTER TABLE bionic_crypt.catalog_tenants ENABLE ALWAYS TRIGGER changed;
ALTER TABLE bionic_crypt.catalog_keys ENABLE ALWAYS TRIGGER changed;
ALTER TABLE bionic_crypt.catalog_grants ENABLE ALWAYS TRIGGER changed;
ALTER TABLE bionic_crypt.catalog_tenants ENABLE ALWAYS TRIGGER truncated;
ALTER TABLE bionic_crypt.catalog_keys ENABLE ALWAYS TRIGGER truncated;
ALTER TABLE bionic_crypt.catalog_grants ENABLE ALWAYS TRIGGER truncated;

/* Table privileges, as of pg_write_all_data, are not enough to write here. */

CREATE FUNCTION bionic_crypt.catalog_guard() RETURNS trigger
	AS 'MODULE_PATHNAME', 'bionic_crypt_catalog_guard' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION bionic_crypt.catalog_guard() IS 'internal: lets nobody but the owner write to the catalog';

CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON bionic_crypt.catalog_tenants
	FOR EACH STATEMENT EXECUTE FUNCTION bionic_crypt.catalog_guard();
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON bionic_crypt.catalog_keys
	FOR EACH STATEMENT EXECUTE FUNCTION bionic_crypt.catalog_guard();
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON bionic_crypt.catalog_grants
	FOR EACH STATEMENT EXECUTE FUNCTION bionic_crypt.catalog_guard();

-- Also for who may set session_replication_role.
ALTER TABLE bionic_crypt.catalog_tenants ENABLE ALWAYS TRIGGER guard;
ALTER TABLE bionic_crypt.catalog_keys ENABLE ALWAYS TRIGGER guard;
ALTER TABLE bionic_crypt.catalog_grants ENABLE ALWAYS TRIGGER guard;

/*
 * What a role may see: the tenants it has a grant for; pg_monitor sees all.
 * Barriers, or a cheap function of the user's would be called for all rows.
 */

CREATE VIEW bionic_crypt.grants WITH (security_barrier) AS
	SELECT NULLIF(g.tenant, '') AS tenant, g.role, g.privileges
	FROM bionic_crypt.catalog_grants g
	WHERE pg_catalog.pg_has_role(g.role, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE');
COMMENT ON VIEW bionic_crypt.grants IS 'what roles may do for tenants; a NULL tenant stands for all';

CREATE VIEW bionic_crypt.tenants WITH (security_barrier) AS
	SELECT t.tenant, t.state, t.kms, t.kek, t.algorithm, t.outage_grace, t.attested,
		t.created_at
	FROM bionic_crypt.catalog_tenants t
	WHERE pg_catalog.pg_has_role('pg_monitor', 'USAGE')
		OR EXISTS (SELECT FROM bionic_crypt.catalog_grants g
			WHERE g.tenant IN (t.tenant, '') AND pg_catalog.pg_has_role(g.role, 'USAGE'));
COMMENT ON VIEW bionic_crypt.tenants IS 'tenants for which the current role has a privilege';

CREATE VIEW bionic_crypt.keys WITH (security_barrier) AS
	SELECT k.tenant, k.version, k.state, pg_catalog.encode(k.key_id, 'hex') AS key_id,
		k.algorithm, k.kms, k.kek, k.created_at, k.wrapped_at
	FROM bionic_crypt.catalog_keys k
	WHERE k.purpose = 'data' AND k.tenant IN (SELECT t.tenant FROM bionic_crypt.tenants t);
COMMENT ON VIEW bionic_crypt.keys IS 'versions of the data keys of these tenants; never a key';
