-- protect_table() and unprotect_table(): what they do to a table, who sees
-- which rows, what is refused.

SET client_min_messages = warning;
CREATE ROLE regress_protect_owner;
CREATE ROLE regress_protect_app;
CREATE ROLE regress_protect_nobody;
CREATE ROLE regress_protect_bypass BYPASSRLS;
CREATE SCHEMA protect AUTHORIZATION regress_protect_owner;
GRANT USAGE ON SCHEMA protect TO PUBLIC;
SET search_path = protect, public;

-- What of a table is protection's doing.
CREATE FUNCTION protect.state(regclass) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT concat_ws(' ', 'row security', CASE WHEN relrowsecurity THEN 'on' ELSE 'off' END,
		CASE WHEN relforcerowsecurity THEN 'forced' END) FROM pg_class WHERE oid = $1
	UNION ALL
	(SELECT concat_ws(' ', 'column', attname, CASE WHEN attnotnull THEN 'not null' END,
		'default ' || pg_get_expr(adbin, adrelid))
	FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
	WHERE attrelid = $1 AND attnum > 0 AND (attnotnull OR atthasdef) ORDER BY attnum)
	UNION ALL
	(SELECT concat_ws(' ', 'constraint', conname, pg_get_constraintdef(oid))
	FROM pg_constraint WHERE conrelid = $1 AND contype = 'c' ORDER BY conname)
	UNION ALL
	(SELECT concat_ws(' ', CASE WHEN polpermissive THEN 'permissive' ELSE 'restrictive' END, polname, polcmd,
		regexp_replace(pg_get_expr(polqual, polrelid), '\s+', ' ', 'g'),
		CASE WHEN pg_get_expr(polqual, polrelid) IS DISTINCT FROM pg_get_expr(polwithcheck, polrelid) THEN 'other check' END)
	FROM pg_policy WHERE polrelid = $1 ORDER BY polname)
$$;

DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['protect_a', 'protect_b', '7001', '07001', '7002', '7003',
		'3f2504e0-4f89-11d3-9a0c-0305e82c3301', '3F2504E0-4F89-11D3-9A0C-0305E82C3301']
	LOOP
		PERFORM bionic_crypt.create_tenant(name);
		PERFORM bionic_crypt.grant_tenant(name, 'regress_protect_app', '{encrypt,decrypt}');
		PERFORM bionic_crypt.grant_tenant(name, 'regress_protect_owner', '{encrypt,decrypt}');
		PERFORM bionic_crypt.grant_tenant(name, 'regress_protect_bypass', '{encrypt,decrypt}');
	END LOOP;
END $$;
RESET client_min_messages;

-- What it does, and that doing it twice changes nothing

SET ROLE regress_protect_owner;
CREATE TABLE chats (id int, tenant_id text, content encrypted_text);
SELECT bionic_crypt.protect_table('chats', tenant_column => 'tenant_id');
SELECT protect.state('chats');
SELECT bionic_crypt.protect_table('chats', 'tenant_id');
SELECT count(*) FROM protect.state('chats');
GRANT SELECT, INSERT, UPDATE, DELETE ON chats TO regress_protect_app, regress_protect_nobody, regress_protect_bypass;

-- Each tenant has its own rows, and no other

SET ROLE regress_protect_app;
SET bionic_crypt.tenant = 'protect_a';
INSERT INTO chats (id, content) VALUES (1, 'apple'), (2, 'avocado') RETURNING *;
SET bionic_crypt.tenant = 'protect_b';
INSERT INTO chats (id, content) VALUES (3, 'banana');
SELECT * FROM chats ORDER BY id;
SELECT count(*) FROM chats WHERE tenant_id = 'protect_a';
UPDATE chats SET content = 'blueberry' WHERE id IN (1, 3) RETURNING id, content;
DELETE FROM chats WHERE id = 1;
INSERT INTO chats (id, tenant_id, content) VALUES (4, 'protect_a', 'cuckoo');
UPDATE chats SET tenant_id = 'protect_a';
INSERT INTO chats (id, tenant_id, content) VALUES (4, NULL, 'nobody''s');
SET bionic_crypt.tenant = 'protect_a';
SELECT * FROM chats ORDER BY id;

-- No tenant set: no rows

RESET bionic_crypt.tenant;
SELECT count(*) FROM chats;
INSERT INTO chats (id, tenant_id) VALUES (5, 'protect_a');

-- The owner is bound, too

SET ROLE regress_protect_owner;
SET bionic_crypt.tenant = 'protect_b';
SELECT id, tenant_id, content FROM chats;
RESET bionic_crypt.tenant;

-- A role without a grant gets nothing but the error

SET ROLE regress_protect_nobody;
SET bionic_crypt.tenant = 'protect_a';
\set VERBOSITY sqlstate
SELECT * FROM chats;
SELECT count(*) FROM chats;
SELECT 1 FROM chats LIMIT 1;
INSERT INTO chats (id) VALUES (6);
INSERT INTO chats (id, tenant_id) VALUES (6, 'protect_a');
UPDATE chats SET id = 7;
DELETE FROM chats;
\set VERBOSITY default
DELETE FROM chats;
RESET bionic_crypt.tenant;

-- The guard holds where no policy is looked at: this role bypasses them

SET ROLE regress_protect_bypass;
SET bionic_crypt.tenant = 'protect_a';
\set VERBOSITY terse
COPY chats (id, tenant_id, content) FROM stdin;
8	protect_a	apricot
9	protect_b	stray
\.
COPY chats (id, content) FROM stdin;
8	apricot
\.
INSERT INTO chats VALUES (9, 'protect_b', 'stray');
UPDATE chats SET tenant_id = 'protect_b' WHERE id = 8;
INSERT INTO chats VALUES (9, NULL, 'stray');
RESET bionic_crypt.tenant;
UPDATE chats SET tenant_id = 'protect_a' WHERE id = 3;
UPDATE chats SET content = (SELECT content FROM chats WHERE id = 3) WHERE id = 8;
\set VERBOSITY default
SELECT id, tenant_id, content IS NULL AS is_null FROM chats ORDER BY id;

RESET ROLE;

-- Rows of other tenants stay out of a table that gets its guard later

SET bionic_crypt.tenant = 'protect_a';
CREATE TABLE late AS SELECT 'protect_b'::text AS tenant_id, 'stray'::text::encrypted_text AS content;
\set VERBOSITY terse
SELECT bionic_crypt.protect_table('late', 'tenant_id');
\set VERBOSITY default
UPDATE late SET tenant_id = 'protect_a';
SELECT bionic_crypt.protect_table('late', 'tenant_id');
DROP TABLE late;
RESET bionic_crypt.tenant;

-- Every type of a tenant column

CREATE TABLE of_varchar (tenant varchar(40), content encrypted_text);
CREATE TABLE of_smallint (tenant smallint, content encrypted_text);
CREATE TABLE of_integer (tenant integer, content encrypted_text);
CREATE TABLE of_bigint (tenant bigint, content encrypted_text);
CREATE TABLE of_uuid (tenant uuid, content encrypted_text);
SELECT bionic_crypt.protect_table(c, 'tenant') FROM unnest('{of_varchar,of_smallint,of_integer,of_bigint,of_uuid}'::regclass[]) c;
SELECT c AS "table", protect.state(c) FROM unnest('{of_varchar,of_bigint,of_uuid}'::regclass[]) c;
GRANT SELECT, INSERT, UPDATE, DELETE ON of_varchar, of_smallint, of_integer, of_bigint, of_uuid TO regress_protect_app;

SET ROLE regress_protect_app;
SET bionic_crypt.tenant = 'protect_a';
INSERT INTO of_varchar (content) VALUES ('apple');
SELECT * FROM of_varchar;
SELECT count(*) FROM of_integer;
INSERT INTO of_integer (content) VALUES ('apple');
SET bionic_crypt.tenant = '7001';
INSERT INTO of_smallint (content) VALUES ('small');
INSERT INTO of_integer (content) VALUES ('middle');
INSERT INTO of_bigint (content) VALUES ('big');
INSERT INTO of_integer VALUES (7002, 'stray');
SELECT tenant, content FROM of_smallint;
SELECT tenant, content FROM of_integer;
SELECT tenant, content FROM of_bigint;
SET bionic_crypt.tenant = '7002';
SELECT count(*) FROM of_integer;
SET bionic_crypt.tenant = '3f2504e0-4f89-11d3-9a0c-0305e82c3301';
INSERT INTO of_uuid (content) VALUES ('unique');
SELECT * FROM of_uuid;

-- Another tenant whose name is the same number or UUID, written differently

SET bionic_crypt.tenant = '07001';
SELECT count(*) FROM of_integer;
DELETE FROM of_bigint;
INSERT INTO of_integer (content) VALUES ('stray');
SET bionic_crypt.tenant = '3F2504E0-4F89-11D3-9A0C-0305E82C3301';
SELECT count(*) FROM of_uuid;
INSERT INTO of_uuid (content) VALUES ('stray');
SET bionic_crypt.tenant = '7001';
SELECT count(*) FROM of_bigint;
RESET bionic_crypt.tenant;
RESET ROLE;
DROP TABLE of_varchar, of_smallint, of_integer, of_bigint, of_uuid;

-- An index on the tenant column is used

CREATE TABLE indexed (tenant_id text, n int);
INSERT INTO indexed SELECT 'protect_' || n, n FROM generate_series(1, 1000) n;
CREATE INDEX ON indexed (tenant_id);
ANALYZE indexed;
ALTER TABLE indexed OWNER TO regress_protect_owner;
SET ROLE regress_protect_owner;
SELECT bionic_crypt.protect_table('indexed', 'tenant_id');
CREATE FUNCTION protect.index_conditions(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	line text;
	found bigint := 0;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
		found := found + (line LIKE '%Index Cond: (tenant_id = %')::int;
	END LOOP;
	RETURN found;
END $$;
SELECT protect.index_conditions('SELECT n FROM indexed');
DROP TABLE indexed;

-- Columns that come later, and what they may not be

ALTER TABLE chats ADD COLUMN summary encrypted_text, ADD COLUMN note text;
SELECT * FROM protect.state('chats') s WHERE s LIKE 'constraint%';
ALTER TABLE chats ALTER COLUMN note TYPE encrypted_text USING NULL;
SELECT * FROM protect.state('chats') s WHERE s LIKE 'constraint%';
ALTER TABLE chats DROP COLUMN note;
ALTER TABLE chats ADD COLUMN many encrypted_text[];
CREATE TYPE pair AS (a int, b encrypted_text);
ALTER TABLE chats ADD COLUMN one pair;
ALTER TABLE chats ADD COLUMN plain_array int[];
CREATE DOMAIN secret AS encrypted_text;
ALTER TABLE chats ADD COLUMN of_domain secret;
SELECT * FROM protect.state('chats') s WHERE s LIKE 'constraint%';
ALTER TABLE chats RENAME COLUMN tenant_id TO customer;
ALTER TABLE chats RENAME TO talks;
SELECT bionic_crypt.protect_table('talks', 'customer');
SELECT count(*) FROM protect.state('talks');
SELECT bionic_crypt.protect_table('talks', 'id');
SELECT bionic_crypt.protect_table('talks', 'note');
ALTER TABLE talks REPLICA IDENTITY FULL;
ALTER TABLE talks REPLICA IDENTITY NOTHING;
CREATE TABLE full_identity (tenant_id text);
SELECT bionic_crypt.protect_table('full_identity', 'tenant_id');
ALTER TABLE full_identity REPLICA IDENTITY FULL;
ALTER TABLE full_identity ADD COLUMN content encrypted_text;
DROP TABLE full_identity;

-- Undone, as far as it is known; done by another column

SELECT bionic_crypt.unprotect_table('talks');
SELECT protect.state('talks');
SELECT bionic_crypt.unprotect_table('talks');
ALTER TABLE talks REPLICA IDENTITY FULL;
SELECT bionic_crypt.protect_table('talks', 'customer');
DROP TABLE talks;

-- The user's own policies and default are neither widened nor lost

CREATE TABLE own (tenant_id text DEFAULT 'mine', owner name, content encrypted_text);
ALTER TABLE own ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON own USING (owner = CURRENT_USER);
SELECT bionic_crypt.protect_table('own', 'tenant_id');
SELECT protect.state('own');
ALTER TABLE own ALTER COLUMN tenant_id SET DEFAULT 'mine';
SELECT bionic_crypt.unprotect_table('own');
SELECT protect.state('own');
DROP TABLE own;

-- Refused

CREATE TABLE plain (tenant_id text, number numeric, letters character(8), content encrypted_text);
SELECT bionic_crypt.protect_table(NULL, 'tenant_id');
SELECT bionic_crypt.protect_table('plain', NULL);
SELECT bionic_crypt.unprotect_table(NULL);
SELECT bionic_crypt.protect_table('plain', 'nothing');
SELECT bionic_crypt.protect_table('plain', 'number');
SELECT bionic_crypt.protect_table('plain', 'letters');
SELECT bionic_crypt.protect_table('plain', 'content');
SELECT bionic_crypt.protect_table('plain', 'ctid');
SELECT bionic_crypt.protect_table(1, 'tenant_id');
SELECT bionic_crypt.unprotect_table('plain');
ALTER TABLE plain ADD COLUMN many encrypted_text[];
SELECT bionic_crypt.protect_table('plain', 'tenant_id');
ALTER TABLE plain DROP COLUMN many;
CREATE VIEW viewed AS SELECT * FROM plain;
SELECT bionic_crypt.protect_table('viewed', 'tenant_id');
CREATE TABLE typed OF pair;
SELECT bionic_crypt.protect_table('typed', 'a');
CREATE TABLE heir () INHERITS (plain);
SELECT bionic_crypt.protect_table('plain', 'tenant_id');
SELECT bionic_crypt.protect_table('heir', 'tenant_id');
DROP TABLE heir;
SELECT bionic_crypt.protect_table('plain', 'tenant_id');
CREATE TABLE heir () INHERITS (plain);
CREATE TABLE heir (LIKE plain INCLUDING ALL);
ALTER TABLE heir INHERIT plain;
SET ROLE regress_protect_app;
SELECT bionic_crypt.protect_table('heir', 'tenant_id');
SELECT bionic_crypt.unprotect_table('plain');
RESET ROLE;
SELECT bionic_crypt.protect_table('pg_class', 'relname');
SELECT bionic_crypt.protect_table('bionic_crypt.catalog_tenants', 'tenant');

-- Temporary tables can be protected

CREATE TEMPORARY TABLE passing (tenant_id text, content encrypted_text);
SELECT bionic_crypt.protect_table('passing', 'tenant_id');
SELECT count(*) FROM protect.state('passing');
DROP TABLE passing;

SET client_min_messages = warning;
DROP SCHEMA protect CASCADE;
SELECT count(bionic_crypt.revoke_tenant(tenant, role)) FROM bionic_crypt.grants WHERE role::text LIKE 'regress_protect_%';
DROP ROLE regress_protect_owner, regress_protect_app, regress_protect_nobody, regress_protect_bypass;
