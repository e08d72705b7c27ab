--
-- Moving a tenant to another KMS: its keys are wrapped anew, nothing else
-- changes, and the old KMS is not needed any more
--
\set VERBOSITY terse
SET client_min_messages = warning;	-- the key file's notice holds a path
CREATE ROLE regress_move_owner;
CREATE ROLE regress_move_manager;
COPY (SELECT WHERE false) TO PROGRAM 'rm -f "$PWD.keys/"move_*';	-- of an earlier run
CREATE SERVER move_old FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
CREATE SERVER move_new FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
CREATE SERVER move_third FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
SELECT bionic_crypt.create_tenant('move acme', kms => 'move_old');
SELECT bionic_crypt.grant_tenant('move acme', 'regress_move_manager', '{encrypt,decrypt,manage}');
SELECT bionic_crypt.grant_tenant('move acme', 'regress_move_owner', '{own}');
CREATE TABLE move_t (id int PRIMARY KEY, v encrypted_text);
SET bionic_crypt.tenant = 'move acme';
INSERT INTO move_t VALUES (1, 'under version 1'::text);
SELECT bionic_crypt.rotate_key('move acme');
INSERT INTO move_t VALUES (2, 'under version 2'::text);

CREATE TEMP TABLE move_before AS
	SELECT k.*, (SELECT array_agg(t.ctid || t.xmin::text ORDER BY t.id) FROM move_t t) AS rows
	FROM bionic_crypt.catalog_keys k WHERE k.tenant = 'move acme';
CREATE VIEW move_keys AS
	SELECT k.version, k.state, k.kms, k.kek, k.wrapped <> b.wrapped AS wrapped_anew,
		k.key_id = b.key_id AND k.check_value = b.check_value AS same_key,
		b.rows = (SELECT array_agg(t.ctid || t.xmin::text ORDER BY t.id) FROM move_t t) AS same_rows
	FROM bionic_crypt.catalog_keys k JOIN move_before b USING (tenant, version);

-- every version moves, and the tenant; no row does
SELECT bionic_crypt.move_tenant('move acme', 'move_new');
SELECT * FROM move_keys ORDER BY version;
SELECT kms, kek FROM bionic_crypt.tenants WHERE tenant = 'move acme';
SELECT * FROM move_t ORDER BY id;
SELECT bionic_crypt.rotate_key('move acme');
SELECT version, kms FROM bionic_crypt.keys WHERE tenant = 'move acme' ORDER BY version;

-- the old one may go
DROP SERVER move_new;
DROP SERVER move_old;
COPY (SELECT WHERE false) TO PROGRAM 'rm "$PWD.keys/"move_old.*';
SELECT * FROM move_t ORDER BY id;

-- it is another key-encryption key that wraps: with it taken away they are denied
COPY (SELECT WHERE false) TO PROGRAM 'cp -p "$PWD.keys/move_new.key" "$PWD.keys/move_new.away"; echo "# none" >"$PWD.keys/move_new.key"';
\set VERBOSITY sqlstate
SELECT bionic_crypt.rewrap_keys('move acme');
SELECT bionic_crypt.move_tenant('move acme', 'move_third');
\set VERBOSITY terse
SELECT DISTINCT kms FROM bionic_crypt.keys WHERE tenant = 'move acme';
COPY (SELECT WHERE false) TO PROGRAM 'mv "$PWD.keys/move_new.away" "$PWD.keys/move_new.key"';

-- to where it is, and there and back, in one transaction too
SELECT bionic_crypt.move_tenant('move acme', 'move_new');
BEGIN;
SELECT bionic_crypt.move_tenant('move acme', 'move_third');
INSERT INTO move_t VALUES (3, 'while it moves'::text);
SELECT bionic_crypt.move_tenant('move acme', 'move_new');
SELECT bionic_crypt.rewrap_keys('move acme');
COMMIT;
SELECT DISTINCT kms FROM bionic_crypt.keys WHERE tenant = 'move acme';
SELECT * FROM move_t ORDER BY id;

-- keys that its own transaction made move as well: the old file is away, so it
-- is the new one that unwraps them
BEGIN;
SELECT bionic_crypt.create_tenant('move young', kms => 'move_third');
SELECT bionic_crypt.rotate_key('move young');
SAVEPOINT s;
SELECT bionic_crypt.move_tenant('move young', 'move_new');
COPY (SELECT WHERE false) TO PROGRAM 'mv "$PWD.keys/move_third.key" "$PWD.keys/move_third.away"';
SET LOCAL bionic_crypt.tenant = 'move young';
SELECT 'moved'::encrypted_text::text;
COPY (SELECT WHERE false) TO PROGRAM 'mv "$PWD.keys/move_third.away" "$PWD.keys/move_third.key"';
-- and back when that is rolled back
ROLLBACK TO s;
COPY (SELECT WHERE false) TO PROGRAM 'mv "$PWD.keys/move_new.key" "$PWD.keys/move_new.away"';
SET LOCAL bionic_crypt.tenant = 'move young';
CREATE TABLE move_young AS SELECT 'under version 2'::encrypted_text AS v;
COPY (SELECT WHERE false) TO PROGRAM 'mv "$PWD.keys/move_new.away" "$PWD.keys/move_new.key"';
SELECT bionic_crypt.rotate_key('move young');
INSERT INTO move_young VALUES ('under version 3'::text);
SELECT bionic_crypt.move_tenant('move young', 'move_new');
INSERT INTO move_young VALUES ('under version 3, moved'::text);
SELECT v FROM move_young ORDER BY v::text;
COMMIT;
SET bionic_crypt.tenant = 'move young';
SELECT v FROM move_young ORDER BY v::text;
SELECT version, state, kms FROM bionic_crypt.keys WHERE tenant = 'move young' ORDER BY version;
SET bionic_crypt.tenant = 'move acme';

-- to a server that its own transaction creates; rolled back, nothing moved
BEGIN;
CREATE SERVER move_passing FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
SELECT bionic_crypt.move_tenant('move acme', 'move_passing');
SELECT * FROM move_t ORDER BY id;
ROLLBACK;
SELECT kms FROM bionic_crypt.tenants WHERE tenant = 'move acme';
SELECT * FROM move_t ORDER BY id;

-- the new one's key file is made when nobody used it before, and only then
CREATE SERVER move_lost FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
SELECT bionic_crypt.create_tenant('move lost', kms => 'move_lost');
COPY (SELECT WHERE false) TO PROGRAM 'rm "$PWD.keys/"move_lost.*';
\set VERBOSITY sqlstate
SELECT bionic_crypt.move_tenant('move acme', 'move_lost');
SELECT bionic_crypt.move_tenant('move lost', 'move_new');
\set VERBOSITY terse
SELECT tenant, kms FROM bionic_crypt.tenants WHERE tenant IN ('move acme', 'move lost') ORDER BY 1;

-- destroyed keys stay where they were, and keep no server
UPDATE bionic_crypt.catalog_keys SET state = 'destroyed', kms = 'move_gone' WHERE tenant = 'move acme' AND version = 1;
CREATE SERVER move_gone FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
SELECT bionic_crypt.move_tenant('move acme', 'move_third');
SELECT version, state, kms FROM bionic_crypt.keys WHERE tenant = 'move acme' ORDER BY version;
DROP SERVER move_gone;
SELECT bionic_crypt.move_tenant('move acme', 'move_new');

-- refused: arguments
SELECT bionic_crypt.move_tenant(NULL, 'move_new');
SELECT bionic_crypt.move_tenant('move acme', NULL);
SELECT bionic_crypt.move_tenant('', 'move_new');
SELECT bionic_crypt.move_tenant('move nobody', 'move_new');
SELECT bionic_crypt.move_tenant('move acme', 'nowhere');
SELECT bionic_crypt.move_tenant('move acme', 'move_new', repeat('k', 512));
-- a suspended tenant, and one that is shredded
SELECT bionic_crypt.suspend_tenant('move acme');
SELECT bionic_crypt.move_tenant('move acme', 'move_third');
SELECT bionic_crypt.resume_tenant('move acme');
BEGIN;
UPDATE bionic_crypt.catalog_tenants SET state = 'shredded' WHERE tenant = 'move acme';
SELECT bionic_crypt.move_tenant('move acme', 'move_third');
ROLLBACK;
-- a wrapped key that is not the one of its row
BEGIN;
UPDATE bionic_crypt.catalog_keys SET check_value = sha256('') WHERE tenant = 'move acme' AND version = 2;
SELECT bionic_crypt.move_tenant('move acme', 'move_third');
ROLLBACK;
-- a read-only transaction
BEGIN READ ONLY;
SELECT bionic_crypt.move_tenant('move acme', 'move_third');
ROLLBACK;
-- one that others could finish
BEGIN;
SELECT bionic_crypt.move_tenant('move acme', 'move_third');
PREPARE TRANSACTION 'move';
SELECT kms FROM bionic_crypt.tenants WHERE tenant = 'move acme';

-- refused: who does not own the tenant, and who may not use the server
SET ROLE regress_move_manager;
SELECT bionic_crypt.move_tenant('move acme', 'move_third');
SET ROLE regress_move_owner;
SELECT bionic_crypt.move_tenant('move acme', 'move_third');
SELECT bionic_crypt.move_tenant('move young', 'embedded');
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER move_third TO regress_move_owner;
SET ROLE regress_move_owner;
SELECT bionic_crypt.move_tenant('move acme', 'move_third');
RESET ROLE;
SELECT * FROM move_t WHERE id > 1 ORDER BY id;

-- how long an outage is borne
SELECT bionic_crypt.set_outage_grace('move acme', '2 hours');
SELECT outage_grace, kms FROM bionic_crypt.tenants WHERE tenant = 'move acme';
SELECT bionic_crypt.set_outage_grace('move acme', '0');
SELECT outage_grace, kms FROM bionic_crypt.tenants WHERE tenant = 'move acme';
SELECT * FROM move_t WHERE id = 2;
SELECT bionic_crypt.set_outage_grace('move acme', '1 day 1 second');
SELECT bionic_crypt.set_outage_grace('move acme', '-1 second');
SELECT bionic_crypt.set_outage_grace('move acme', '1 month');
SELECT bionic_crypt.set_outage_grace('move acme', NULL);
SELECT bionic_crypt.set_outage_grace('move nobody', '1 hour');
SET ROLE regress_move_manager;
SELECT bionic_crypt.set_outage_grace('move acme', '1 hour');
SET ROLE regress_move_owner;
SELECT bionic_crypt.set_outage_grace('move acme', '1 hour');
RESET ROLE;
BEGIN READ ONLY;
SELECT bionic_crypt.set_outage_grace('move acme', '1 hour');
ROLLBACK;
SELECT bionic_crypt.suspend_tenant('move acme');
SELECT state, outage_grace FROM bionic_crypt.tenants WHERE tenant = 'move acme';
SELECT bionic_crypt.set_outage_grace('move acme', '3 hours');
SELECT state, outage_grace FROM bionic_crypt.tenants WHERE tenant = 'move acme';
SELECT bionic_crypt.resume_tenant('move acme');

RESET bionic_crypt.tenant;
SELECT bionic_crypt.revoke_tenant('move acme', 'regress_move_owner');
SELECT bionic_crypt.revoke_tenant('move acme', 'regress_move_manager');
REVOKE USAGE ON FOREIGN SERVER move_third FROM regress_move_owner;
DROP VIEW move_keys;
DROP TABLE move_t, move_young;
DROP ROLE regress_move_owner, regress_move_manager;
