--
-- Who may act for a tenant
--
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_grants_reader;
CREATE ROLE regress_grants_writer;
CREATE ROLE regress_grants_group;
CREATE ROLE regress_grants_member IN ROLE regress_grants_group;
CREATE ROLE regress_grants_loner NOINHERIT IN ROLE regress_grants_group;
CREATE ROLE regress_grants_owner;
CREATE ROLE regress_grants_super SUPERUSER;
SELECT bionic_crypt.create_tenant('grants acme');
CREATE TABLE grants_t (v encrypted_text);
GRANT ALL ON grants_t TO PUBLIC;
SET bionic_crypt.tenant = 'grants acme';
INSERT INTO grants_t VALUES ('first');

-- encrypt and decrypt apart
SELECT bionic_crypt.grant_tenant('grants acme', 'regress_grants_reader', '{decrypt}');
SELECT bionic_crypt.grant_tenant('grants acme', 'regress_grants_writer', '{encrypt}');
SET ROLE regress_grants_reader;
SELECT v FROM grants_t;
INSERT INTO grants_t VALUES ('x'::text);
SET ROLE regress_grants_writer;
INSERT INTO grants_t VALUES ('second'::text);
SELECT v FROM grants_t;
SELECT bionic_crypt.current_tenant();
RESET ROLE;

-- by membership, as far as it is inherited
SELECT bionic_crypt.grant_tenant('grants acme', 'regress_grants_group', '{decrypt}');
SET ROLE regress_grants_member;
SELECT count(v::text) FROM grants_t;
RESET ROLE;
REVOKE regress_grants_group FROM regress_grants_member;
SET ROLE regress_grants_member;
SELECT count(v::text) FROM grants_t;
RESET ROLE;

-- a superuser reads only by a grant of its own, but may hand them out
SET ROLE regress_grants_super;
SELECT v FROM grants_t;
SELECT bionic_crypt.grant_tenant('grants acme', 'regress_grants_super', '{decrypt}');
SELECT count(v::text) FROM grants_t;
SELECT bionic_crypt.revoke_tenant('grants acme', 'regress_grants_super');
SELECT v FROM grants_t;
RESET ROLE;

-- only who owns a tenant grants it
SET ROLE regress_grants_reader;
SELECT bionic_crypt.grant_tenant('grants acme', 'regress_grants_reader', '{encrypt}');
SELECT bionic_crypt.revoke_tenant('grants acme', 'regress_grants_writer');
SELECT bionic_crypt.grant_all_tenants('regress_grants_reader', '{encrypt}');
RESET ROLE;
SELECT bionic_crypt.grant_tenant('grants acme', 'regress_grants_owner', '{own}');
SET ROLE regress_grants_owner;
SELECT bionic_crypt.grant_tenant('grants acme', 'regress_grants_reader', '{encrypt,decrypt}');
RESET ROLE;
SET ROLE regress_grants_reader;
INSERT INTO grants_t VALUES ('third'::text);
RESET ROLE;

-- functions with their owner's rights act as their owner
CREATE FUNCTION grants_read() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER
	AS 'SELECT count(v::text) FROM grants_t';
SET ROLE regress_grants_writer;
SELECT grants_read();
RESET ROLE;

-- all tenants
SELECT bionic_crypt.grant_all_tenants('regress_grants_loner', '{encrypt,decrypt}');
SET ROLE regress_grants_loner;
SELECT count(v::text) FROM grants_t;
RESET ROLE;
SELECT tenant, role, privileges FROM bionic_crypt.grants
	WHERE role::text LIKE 'regress_grants%' ORDER BY tenant NULLS FIRST, role::text COLLATE "C";
SELECT bionic_crypt.revoke_all_tenants('regress_grants_loner');
SET ROLE regress_grants_loner;
SELECT v FROM grants_t;
RESET ROLE;

-- a role without a grant sees no row, not even by a function that the planner
-- would rather call first, or in an error
CREATE ROLE regress_grants_spy;
CREATE FUNCTION grants_spy(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
	AS 'BEGIN RAISE WARNING ''seen: %'', $1; RETURN true; END';
SET ROLE regress_grants_spy;
SELECT count(*) FROM bionic_crypt.tenants WHERE grants_spy(tenant);
SELECT count(*) FROM bionic_crypt.keys WHERE grants_spy(tenant || key_id);
SELECT count(*) FROM bionic_crypt.grants WHERE grants_spy(tenant || privileges::text);
SELECT count(*) FROM bionic_crypt.tenants WHERE tenant::int = 1;
SELECT count(*) FROM bionic_crypt.keys WHERE kms::int = 1;
SELECT count(*) FROM bionic_crypt.grants WHERE tenant::int = 1;
RESET ROLE;
DROP FUNCTION grants_spy(text);
DROP ROLE regress_grants_spy;

-- nor does it write a grant, with all table privileges
CREATE ROLE regress_grants_clerk IN ROLE pg_write_all_data, pg_read_all_data;
GRANT SET ON PARAMETER session_replication_role TO regress_grants_clerk;
SET ROLE regress_grants_clerk;
INSERT INTO bionic_crypt.catalog_grants VALUES ('', 'regress_grants_clerk', '{decrypt}');
UPDATE bionic_crypt.catalog_grants SET privileges = '{decrypt}';
DELETE FROM bionic_crypt.catalog_grants;
TRUNCATE bionic_crypt.catalog_grants;
UPDATE bionic_crypt.catalog_tenants SET state = 'active';
DELETE FROM bionic_crypt.catalog_keys;
UPDATE bionic_crypt.tenants SET state = 'active';
UPDATE bionic_crypt.grants SET privileges = '{own}';
SET session_replication_role = replica;
COPY bionic_crypt.catalog_grants FROM stdin;
\.
INSERT INTO bionic_crypt.catalog_grants VALUES ('', 'regress_grants_clerk', '{decrypt}');
SET session_replication_role = origin;
SELECT bionic_crypt.revoke_tenant('grants acme', 'regress_grants_reader');
RESET ROLE;
GRANT TRUNCATE ON bionic_crypt.catalog_grants TO regress_grants_clerk;
SET ROLE regress_grants_clerk;
TRUNCATE bionic_crypt.catalog_grants;
RESET ROLE;
REVOKE ALL ON bionic_crypt.catalog_grants FROM regress_grants_clerk;
REVOKE SET ON PARAMETER session_replication_role FROM regress_grants_clerk;
UPDATE bionic_crypt.catalog_grants SET privileges = privileges;
DROP ROLE regress_grants_clerk;
SELECT bionic_crypt.catalog_guard();

-- arguments
SELECT bionic_crypt.grant_tenant(NULL, 'regress_grants_reader', '{decrypt}');
SELECT bionic_crypt.grant_tenant('grants acme', NULL, '{decrypt}');
SELECT bionic_crypt.grant_tenant('grants acme', 'regress_grants_reader', '{read}');
SELECT bionic_crypt.grant_tenant('grants acme', 'regress_grants_reader', '{NULL}');
SELECT bionic_crypt.grant_tenant('grants acme', 'regress_grants_reader', '{}');
SELECT bionic_crypt.grant_tenant('grants nobody', 'regress_grants_reader', '{decrypt}');

SELECT bionic_crypt.grant_tenant('grants acme', 4000000000, '{decrypt}');
SELECT bionic_crypt.grant_all_tenants(0, '{decrypt}');

-- a role with grants stays; those of one dropped elsewhere are not dumped
CREATE ROLE regress_grants_leaver;
SELECT bionic_crypt.grant_tenant('grants acme', 'regress_grants_leaver', '{decrypt}');
DROP ROLE regress_grants_leaver;
SELECT bionic_crypt.revoke_tenant('grants acme', 'regress_grants_leaver');
SELECT bionic_crypt.grant_all_tenants('regress_grants_leaver', '{decrypt}');
DROP ROLE IF EXISTS regress_grants_leaver;
\c postgres
DROP ROLE regress_grants_leaver;
\c contrib_regression
SET client_min_messages = warning;
SELECT count(*) FROM bionic_crypt.catalog_grants g
	WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = g.role);
SELECT extcondition[array_position(extconfig, 'bionic_crypt.catalog_grants'::regclass)]
	FROM pg_extension WHERE extname = 'bionic_crypt';
DELETE FROM bionic_crypt.catalog_grants g
	WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = g.role);
SET bionic_crypt.tenant = 'grants acme';

-- taking back works at once, also in a session that has the key
SET ROLE regress_grants_reader;
SELECT count(v::text) FROM grants_t;
RESET ROLE;
SELECT bionic_crypt.revoke_tenant('grants acme', 'regress_grants_reader', '{decrypt}');
SELECT privileges FROM bionic_crypt.grants WHERE role = 'regress_grants_reader'::regrole;
SET ROLE regress_grants_reader;
SELECT v FROM grants_t;
INSERT INTO grants_t VALUES ('fourth'::text);
RESET ROLE;

RESET bionic_crypt.tenant;
DROP FUNCTION grants_read();
DROP TABLE grants_t;
DELETE FROM bionic_crypt.catalog_grants WHERE role::text LIKE 'regress_grants%';
DROP ROLE regress_grants_reader, regress_grants_writer, regress_grants_group,
	regress_grants_member, regress_grants_loner, regress_grants_owner, regress_grants_super;
