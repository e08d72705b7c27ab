--
-- Data keys: versions side by side, rewrapping, what a damaged catalog gives
--
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT bionic_crypt.create_tenant('keys acme');
SELECT bionic_crypt.create_tenant('keys other');
CREATE TABLE keys_t (id int PRIMARY KEY, v encrypted_text);
SET bionic_crypt.tenant = 'keys acme';
INSERT INTO keys_t SELECT i, ('value ' || i)::text FROM generate_series(1, 3) i;
SELECT bionic_crypt.rotate_key('keys acme');
INSERT INTO keys_t SELECT i, ('value ' || i)::text FROM generate_series(4, 6) i;
SELECT bionic_crypt.rotate_key('keys acme');
INSERT INTO keys_t SELECT i, ('value ' || i)::text FROM generate_series(7, 9) i;
SELECT id, v FROM keys_t ORDER BY id;
SELECT version, state, algorithm FROM bionic_crypt.keys WHERE tenant = 'keys acme' ORDER BY version;

-- rewrapping changes no row and no key
CREATE TEMP TABLE keys_before AS SELECT key_id, wrapped FROM bionic_crypt.catalog_keys WHERE tenant = 'keys acme';
SELECT bionic_crypt.rewrap_keys('keys acme');
SELECT count(*) AS rewrapped FROM bionic_crypt.catalog_keys k JOIN keys_before b USING (key_id)
	WHERE k.wrapped <> b.wrapped;
SELECT count(v::text) FROM keys_t;

-- a wrapped key of another tenant or version in its place is refused
BEGIN;
UPDATE bionic_crypt.catalog_keys k SET wrapped = o.wrapped, check_value = o.check_value
	FROM bionic_crypt.catalog_keys o
	WHERE k.tenant = 'keys acme' AND k.version = 1 AND o.tenant = 'keys other';
COMMIT;
\set VERBOSITY sqlstate
SELECT v FROM keys_t WHERE id = 1;
SELECT v FROM keys_t WHERE id = 9;
-- the check value alone
UPDATE bionic_crypt.catalog_keys k SET wrapped = b.wrapped, check_value = sha256('')
	FROM keys_before b WHERE k.key_id = b.key_id AND version = 1;
SELECT v FROM keys_t WHERE id = 1;
-- a malformed one
UPDATE bionic_crypt.catalog_keys SET wrapped = '\x00' WHERE tenant = 'keys acme' AND version = 2;
SELECT v FROM keys_t WHERE id = 4;
-- a destroyed one
UPDATE bionic_crypt.catalog_keys SET state = 'destroyed' WHERE tenant = 'keys acme' AND version = 2;
SELECT v FROM keys_t WHERE id = 4;
-- one that is gone
DELETE FROM bionic_crypt.catalog_keys WHERE tenant = 'keys acme' AND version = 1;
SELECT v FROM keys_t WHERE id = 1;
\set VERBOSITY terse
SELECT v FROM keys_t WHERE id = 9;

-- two active versions cannot be
UPDATE bionic_crypt.catalog_keys SET state = 'active' WHERE tenant = 'keys acme';

RESET bionic_crypt.tenant;
DROP TABLE keys_t;
