-- protect_table() and partitions: those there are, those that come and go.

SET client_min_messages = warning;
CREATE ROLE regress_parts_owner;
CREATE ROLE regress_parts_other;
CREATE ROLE regress_parts_app;
CREATE SCHEMA parts AUTHORIZATION regress_parts_owner;
GRANT ALL ON SCHEMA parts TO PUBLIC;
SET search_path = parts, public;

-- What protection put on a table, in one line

CREATE FUNCTION parts.state(regclass) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(', ', CASE WHEN relrowsecurity AND relforcerowsecurity THEN 'forced' END,
		(SELECT string_agg(polname, ', ' ORDER BY polname) FROM pg_policy WHERE polrelid = $1),
		(SELECT string_agg(conname, ', ' ORDER BY conname) FROM pg_constraint WHERE conrelid = $1 AND contype = 'c'),
		(SELECT string_agg(attname || ' not null', ', ') FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND attnotnull),
		(SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = $1))
	FROM pg_class WHERE oid = $1
$$;

SELECT bionic_crypt.create_tenant('parts_a'), bionic_crypt.create_tenant('parts_b');
SELECT bionic_crypt.grant_tenant(tenant, role, '{encrypt,decrypt}')
FROM unnest('{parts_a,parts_b}'::text[]) tenant, unnest('{regress_parts_app,regress_parts_owner}'::regrole[]) role;
RESET client_min_messages;

-- Partitions there are

SET ROLE regress_parts_owner;
CREATE TABLE chats (n int, tenant_id text, content encrypted_text) PARTITION BY RANGE (n);
CREATE TABLE chats_0 PARTITION OF chats FOR VALUES FROM (0) TO (10);
CREATE TABLE chats_1 PARTITION OF chats FOR VALUES FROM (10) TO (20) PARTITION BY LIST (tenant_id);
CREATE TABLE chats_1_a PARTITION OF chats_1 FOR VALUES IN ('parts_a');
SELECT bionic_crypt.protect_table('chats', 'tenant_id');
SELECT relid, parts.state(relid) FROM pg_partition_tree('chats') ORDER BY relid::text COLLATE "C";
SELECT bionic_crypt.protect_table('chats', 'tenant_id');
SELECT count(DISTINCT parts.state(relid)) FROM pg_partition_tree('chats');
GRANT SELECT, INSERT, UPDATE, DELETE ON chats, chats_0, chats_1, chats_1_a TO regress_parts_app;

-- Rows are kept apart through the table and through its partitions

SET ROLE regress_parts_app;
SET bionic_crypt.tenant = 'parts_a';
INSERT INTO chats (n, content) VALUES (1, 'apple'), (11, 'avocado');
SET bionic_crypt.tenant = 'parts_b';
INSERT INTO chats_0 (n, content) VALUES (2, 'banana');
SELECT * FROM chats;
SELECT * FROM chats_0;
SELECT count(*) FROM chats_1_a;
DELETE FROM chats_1;
INSERT INTO chats_0 (n, tenant_id, content) VALUES (3, 'parts_a', 'stray');
SET bionic_crypt.tenant = 'parts_a';
UPDATE chats SET n = n + 10 WHERE n = 1;
SELECT tableoid::regclass, n, content FROM chats ORDER BY n;
RESET bionic_crypt.tenant;

-- Partitions that are made later: by the owner, in functions, below others

SET ROLE regress_parts_owner;
CREATE TABLE chats_2 PARTITION OF chats FOR VALUES FROM (20) TO (30) PARTITION BY RANGE (n);
CREATE TABLE chats_2_0 PARTITION OF chats_2 DEFAULT;
CREATE TABLE IF NOT EXISTS chats_2_0 PARTITION OF chats_2 DEFAULT;
CREATE FUNCTION make_partition(first int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE chats_%s PARTITION OF chats FOR VALUES FROM (%s) TO (%s)',
		first / 10, first, first + 10);
END $$;
SELECT make_partition(30);
RESET ROLE;
CREATE SCHEMA parts_too AUTHORIZATION regress_parts_owner
	CREATE TABLE chats_4 PARTITION OF parts.chats FOR VALUES FROM (40) TO (50);
SET ROLE regress_parts_owner;
SELECT relid, parts.state(relid) = parts.state('chats') AS same FROM pg_partition_tree('chats') ORDER BY relid::text COLLATE "C";
BEGIN;
SELECT make_partition(50);
ROLLBACK;

-- Partitions that are attached: other column order, a dropped column, their own partitions

CREATE TABLE chats_5 (content encrypted_text, gone int, tenant_id text, n int);
ALTER TABLE chats_5 DROP COLUMN gone;
ALTER TABLE chats ATTACH PARTITION chats_5 FOR VALUES FROM (50) TO (60);
CREATE TABLE chats_6 (LIKE chats) PARTITION BY RANGE (n);
CREATE TABLE chats_6_0 PARTITION OF chats_6 DEFAULT;
ALTER TABLE chats ATTACH PARTITION chats_6 FOR VALUES FROM (60) TO (70);
SELECT relid, parts.state(relid) = parts.state('chats') AS same FROM pg_partition_tree('chats') WHERE relid::text ~ '_[56]' ORDER BY relid::text COLLATE "C";

-- A protected table is attached, whatever its guards are called

CREATE TABLE chats_7 (n int, tenant_id text, content encrypted_text, CONSTRAINT bionic_crypt_content CHECK (n > 0));
SELECT bionic_crypt.protect_table('chats_7', 'tenant_id');
SELECT parts.state('chats_7');
ALTER TABLE chats ATTACH PARTITION chats_7 FOR VALUES FROM (70) TO (80);
ALTER TABLE chats_7 DROP CONSTRAINT bionic_crypt_content;
ALTER TABLE chats ATTACH PARTITION chats_7 FOR VALUES FROM (70) TO (80);
SELECT parts.state('chats_7');

-- New columns reach all, and so does a guard that outlived its column's name

ALTER TABLE chats ADD COLUMN summary encrypted_text;
ALTER TABLE chats RENAME COLUMN content TO body;
CREATE TABLE chats_8 (n int, tenant_id text, body encrypted_text, summary encrypted_text);
ALTER TABLE chats ATTACH PARTITION chats_8 FOR VALUES FROM (80) TO (90);
SELECT relid, parts.state(relid) FROM pg_partition_tree('chats') WHERE relid::text IN ('chats', 'chats_2_0', 'chats_7', 'chats_8') ORDER BY relid::text COLLATE "C";
ALTER TABLE chats ADD COLUMN many encrypted_text[];

-- Refused: a stray value, another tenant column, other kinds of tables

SET bionic_crypt.tenant = 'parts_a';
CREATE TABLE stray AS SELECT 91 AS n, 'parts_b'::text AS tenant_id, 'x'::text::encrypted_text AS body, NULL::encrypted_text AS summary;
RESET bionic_crypt.tenant;
\set VERBOSITY terse
ALTER TABLE chats ATTACH PARTITION stray FOR VALUES FROM (90) TO (100);
\set VERBOSITY default
SELECT parts.state('stray');
CREATE TABLE elsewhere (n int, tenant_id text, body encrypted_text, summary encrypted_text, other text);
SELECT bionic_crypt.protect_table('elsewhere', 'other');
ALTER TABLE chats ATTACH PARTITION elsewhere FOR VALUES FROM (90) TO (100);
CREATE TABLE unprotected (LIKE elsewhere) PARTITION BY RANGE (n);
ALTER TABLE unprotected ATTACH PARTITION elsewhere FOR VALUES FROM (90) TO (100);
ALTER TABLE chats ATTACH PARTITION nothing FOR VALUES FROM (90) TO (100);
ALTER TABLE chats_2_0 REPLICA IDENTITY FULL;
SELECT bionic_crypt.protect_table('chats_2', 'tenant_id');
SELECT bionic_crypt.unprotect_table('chats_2');
RESET ROLE;
CREATE FOREIGN DATA WRAPPER parts_wrapper;
CREATE SERVER parts_server FOREIGN DATA WRAPPER parts_wrapper;
CREATE FOREIGN TABLE chats_far PARTITION OF chats FOR VALUES FROM (90) TO (100) SERVER parts_server;
CREATE FOREIGN TABLE far (n int, tenant_id text, body encrypted_text, summary encrypted_text) SERVER parts_server;
ALTER TABLE chats ATTACH PARTITION far FOR VALUES FROM (90) TO (100);
CREATE TABLE mixed (n int, tenant_id text, body encrypted_text, summary encrypted_text) PARTITION BY RANGE (n);
ALTER TABLE mixed ATTACH PARTITION far DEFAULT;
SELECT bionic_crypt.protect_table('mixed', 'tenant_id');

-- Who owns the table but not a partition changes neither

ALTER TABLE chats_0 OWNER TO regress_parts_other;
SET ROLE regress_parts_owner;
SELECT bionic_crypt.protect_table('chats', 'tenant_id');
SELECT bionic_crypt.unprotect_table('chats');
SET ROLE regress_parts_other;
ALTER TABLE chats ATTACH PARTITION stray FOR VALUES FROM (90) TO (100);
RESET ROLE;
ALTER TABLE chats_0 OWNER TO regress_parts_owner;

-- A narrower policy of the user's is not widened through a new partition

SET ROLE regress_parts_owner;
CREATE TABLE narrow (n int, tenant_id text) PARTITION BY LIST (n);
CREATE POLICY odd ON narrow USING (n % 2 = 1);
SELECT bionic_crypt.protect_table('narrow', 'tenant_id');
CREATE TABLE narrow_0 PARTITION OF narrow DEFAULT;
SELECT relid, parts.state(relid) FROM pg_partition_tree('narrow') ORDER BY relid::text COLLATE "C";

-- A detached partition stays protected, and can be unprotected by itself

ALTER TABLE chats DETACH PARTITION chats_8;
SELECT parts.state('chats_8') = parts.state('chats');
SELECT bionic_crypt.unprotect_table('chats_8');
SELECT parts.state('chats_8');

-- Undone for all partitions; nothing follows any more

SELECT bionic_crypt.unprotect_table('chats');
SELECT DISTINCT parts.state(relid) FROM pg_partition_tree('chats');
CREATE TABLE chats_9 PARTITION OF chats FOR VALUES FROM (90) TO (100);
SELECT parts.state('chats_9');
ALTER TABLE chats ADD COLUMN many encrypted_text[];

RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA parts, parts_too CASCADE;
DROP FOREIGN DATA WRAPPER parts_wrapper CASCADE;
SELECT count(bionic_crypt.revoke_tenant(tenant, role)) FROM bionic_crypt.grants WHERE role::text LIKE 'regress_parts_%';
DROP ROLE regress_parts_owner, regress_parts_other, regress_parts_app;
