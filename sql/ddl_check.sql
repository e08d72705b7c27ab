-- Definitions that would keep a tenant's value, or plaintext, in the catalog
-- or in a table are refused: literals that are stored, statistics and
-- generated columns that decrypt, ADD COLUMN with a default.

\set VERBOSITY terse
SET client_min_messages = warning;	-- the key file's notice holds a path
SELECT bionic_crypt.create_tenant('ddl_a');
RESET client_min_messages;
SET bionic_crypt.tenant = 'ddl_a';

CREATE TABLE ddl (id int, secret encrypted_text, plain text);
INSERT INTO ddl VALUES (1, 'one', 'one');
CREATE TYPE ddl_pair AS (n int, secret encrypted_text);
CREATE DOMAIN ddl_domain AS encrypted_text;
CREATE FUNCTION ddl_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';

-- With a tenant set, stored literals are refused; all of them name the object

CREATE TABLE ddl_no (c encrypted_text DEFAULT 'x');
CREATE TABLE ddl_no (c ddl_domain DEFAULT 'x');
CREATE TABLE ddl_no (c encrypted_text[] DEFAULT '{x}');
CREATE TABLE ddl_no (c ddl_pair DEFAULT '(1,x)');
CREATE TABLE ddl_no (c encrypted_text[] DEFAULT ARRAY['x'::encrypted_text, 'y']);
CREATE TABLE ddl_no (c encrypted_text GENERATED ALWAYS AS ('x') STORED);
CREATE TABLE ddl_no (c encrypted_text, CHECK (coalesce(c, 'x') = 'x'));
ALTER TABLE ddl ALTER secret SET DEFAULT 'x';
ALTER TABLE ddl ALTER plain SET DEFAULT 'x'::encrypted_text;
ALTER TABLE ddl ADD CONSTRAINT ddl_named CHECK (coalesce(secret, 'x') <> 'y');
ALTER TABLE ddl ADD CONSTRAINT ddl_named CHECK (coalesce(secret, 'x') <> 'y') NOT VALID;
CREATE POLICY ddl_policy ON ddl USING (coalesce(secret, 'x') = 'x');
CREATE POLICY ddl_policy ON ddl WITH CHECK (coalesce(secret, 'x') = 'x');
CREATE POLICY ddl_policy ON ddl USING (id = 1);
ALTER POLICY ddl_policy ON ddl USING (coalesce(secret, 'x') = 'x');
DROP POLICY ddl_policy ON ddl;
CREATE TRIGGER ddl_trigger BEFORE INSERT ON ddl FOR EACH ROW WHEN (coalesce(new.secret, 'x') = 'x') EXECUTE FUNCTION ddl_trigger();
CREATE RULE ddl_rule AS ON INSERT TO ddl DO ALSO UPDATE ddl SET secret = 'x' WHERE false;
CREATE RULE ddl_rule AS ON UPDATE TO ddl WHERE coalesce(new.secret, 'x') = 'x' DO INSTEAD NOTHING;
CREATE FUNCTION ddl_argument(encrypted_text DEFAULT 'x') RETURNS text LANGUAGE sql AS 'SELECT $1::text';
CREATE FUNCTION ddl_atomic() RETURNS encrypted_text LANGUAGE sql BEGIN ATOMIC SELECT 'x'::encrypted_text; END;
CREATE FUNCTION ddl_return() RETURNS encrypted_text LANGUAGE sql RETURN 'x'::encrypted_text;
CREATE PROCEDURE ddl_procedure() LANGUAGE sql BEGIN ATOMIC INSERT INTO ddl VALUES (1, 'x'); UPDATE ddl SET id = 2; END;
CREATE DOMAIN ddl_other AS encrypted_text DEFAULT 'x';
CREATE DOMAIN ddl_other AS encrypted_text CHECK (coalesce(VALUE, 'x') = 'x');
ALTER DOMAIN ddl_domain SET DEFAULT 'x';
ALTER DOMAIN ddl_domain ADD CHECK (coalesce(VALUE, 'x') = 'x');
CREATE INDEX ddl_index ON ddl ((coalesce(secret, 'x') IS NULL));
CREATE INDEX ddl_index ON ddl (id) WHERE coalesce(secret, 'x') IS NULL;
SELECT count(*) AS left_behind FROM pg_class WHERE relname IN ('ddl_no', 'ddl_index');

-- The whole message

\set VERBOSITY default
CREATE TABLE ddl_no (c encrypted_text DEFAULT 'x');
ALTER TABLE ddl ADD COLUMN later encrypted_text DEFAULT 'x'::text;
CREATE TABLE ddl_no (c encrypted_text, p text GENERATED ALWAYS AS (c) STORED);
CREATE STATISTICS ddl_stats ON (secret::text) FROM ddl;
\set VERBOSITY sqlstate
CREATE TABLE ddl_no (c encrypted_text DEFAULT 'x');
ALTER TABLE ddl ADD COLUMN later encrypted_text DEFAULT 'x'::text;
CREATE TABLE ddl_no (c encrypted_text, p text GENERATED ALWAYS AS (c) STORED);
CREATE STATISTICS ddl_stats ON (secret::text) FROM ddl;
\set VERBOSITY terse

-- Written as text, they are encrypted when they are used

CREATE TABLE ddl_yes (id int, c encrypted_text DEFAULT 'default'::text, d ddl_domain DEFAULT 'domain'::text,
	a encrypted_text[] DEFAULT ARRAY['a'::text, 'b'::text]::encrypted_text[], n encrypted_text DEFAULT NULL,
	CONSTRAINT ddl_check CHECK (coalesce(c, 'x'::text::encrypted_text) <> 'y'));
ALTER DOMAIN ddl_domain SET DEFAULT 'of domain'::text;
CREATE POLICY ddl_policy ON ddl_yes USING (coalesce(c, 'x'::text) <> 'y');
CREATE TRIGGER ddl_trigger BEFORE INSERT ON ddl_yes FOR EACH ROW WHEN (coalesce(new.c, 'x'::text) <> 'y') EXECUTE FUNCTION ddl_trigger();
CREATE RULE ddl_rule AS ON INSERT TO ddl_yes DO ALSO UPDATE ddl SET secret = 'rule'::text;
CREATE FUNCTION ddl_argument(encrypted_text DEFAULT 'argument'::text) RETURNS text LANGUAGE sql AS 'SELECT $1::text';
CREATE FUNCTION ddl_atomic() RETURNS encrypted_text LANGUAGE sql BEGIN ATOMIC SELECT 'atomic'::text::encrypted_text; END;
CREATE VIEW ddl_view AS SELECT 'view'::encrypted_text AS c;
INSERT INTO ddl_yes VALUES (1);
INSERT INTO ddl_yes VALUES (2, 'y');
SELECT id, c, d, a, n FROM ddl_yes;
SELECT secret, ddl_argument(), ddl_atomic(), c FROM ddl, ddl_view;
SELECT bionic_crypt.create_tenant('ddl_b');
SET bionic_crypt.tenant = 'ddl_b';
SELECT ddl_argument(), ddl_atomic(), c FROM ddl_view;
SET bionic_crypt.tenant = 'ddl_a';

-- ADD COLUMN with a default: refused where there are rows

ALTER TABLE ddl ADD COLUMN later encrypted_text DEFAULT 'x'::text;
ALTER TABLE ddl ADD COLUMN later encrypted_text DEFAULT random()::text;
ALTER TABLE ddl ADD COLUMN later encrypted_text[] DEFAULT ARRAY['x'::text]::encrypted_text[];
ALTER TABLE ddl ADD COLUMN later ddl_domain;
ALTER TABLE ddl ADD COLUMN later ddl_domain DEFAULT 'x'::text;
ALTER TABLE ddl ADD COLUMN first int DEFAULT 1, ADD COLUMN later encrypted_text DEFAULT 'x'::text;
ALTER TABLE ddl ADD COLUMN later encrypted_text GENERATED ALWAYS AS (plain) STORED;
ALTER TABLE ddl ADD COLUMN IF NOT EXISTS later encrypted_text NOT NULL DEFAULT 'x'::text;
CREATE TABLE ddl_parent (id int, tenant text) PARTITION BY LIST (tenant);
CREATE TABLE ddl_child PARTITION OF ddl_parent DEFAULT;
ALTER TABLE ddl_parent ADD COLUMN early encrypted_text DEFAULT 'x'::text;
INSERT INTO ddl_parent VALUES (1, 'a');
SELECT early FROM ddl_parent;
ALTER TABLE ddl_parent ADD COLUMN later encrypted_text DEFAULT 'x'::text;
CREATE TABLE ddl_inherits (more int) INHERITS (ddl_yes);
INSERT INTO ddl_inherits VALUES (3);
TRUNCATE ONLY ddl_yes;
ALTER TABLE ddl_yes ADD COLUMN later encrypted_text DEFAULT 'x'::text;
-- the way: add, fill, set the default
ALTER TABLE ddl ADD COLUMN later encrypted_text, ADD COLUMN other int DEFAULT 7;
ALTER TABLE ddl ALTER later SET DEFAULT 'later'::text;
UPDATE ddl SET later = 'filled';
INSERT INTO ddl (id) VALUES (2);
SELECT id, later, other FROM ddl ORDER BY id;
CREATE TABLE ddl_empty ();
ALTER TABLE ddl_empty ADD COLUMN c encrypted_text DEFAULT 'x'::text, ADD COLUMN d ddl_domain;
INSERT INTO ddl_empty DEFAULT VALUES;
SELECT * FROM ddl_empty;

-- Generated columns: refused if they store plaintext

CREATE TABLE ddl_no (c encrypted_text, p text GENERATED ALWAYS AS (c) STORED);
CREATE TABLE ddl_no (c encrypted_text, p varchar(10) GENERATED ALWAYS AS (c) STORED);
CREATE TABLE ddl_no (c encrypted_text, p char(4) GENERATED ALWAYS AS (c) STORED);
CREATE TABLE ddl_no (c encrypted_text, p text[] GENERATED ALWAYS AS (ARRAY[c]) STORED);
CREATE TABLE ddl_no (c encrypted_text[], p text[] GENERATED ALWAYS AS (c) STORED);
CREATE TABLE ddl_no (c ddl_pair, p text GENERATED ALWAYS AS ((c).secret) STORED);
CREATE TABLE ddl_no (c ddl_domain, p text GENERATED ALWAYS AS (c) STORED);
CREATE TABLE ddl_no (c encrypted_text, p text GENERATED ALWAYS AS (upper(c)) STORED);
CREATE TABLE ddl_generated (t text, c encrypted_text, g encrypted_text GENERATED ALWAYS AS (t) STORED,
	h encrypted_text GENERATED ALWAYS AS (c) STORED, n boolean GENERATED ALWAYS AS (c IS NULL) STORED);
INSERT INTO ddl_generated VALUES ('generated', 'copied');
SELECT g, h, n FROM ddl_generated;
ALTER TABLE ddl_generated ADD COLUMN p text GENERATED ALWAYS AS (c) STORED;
ALTER TABLE ddl_generated ALTER h TYPE text;

-- Statistics: refused if they store plaintext

CREATE STATISTICS ddl_stats ON (upper(secret)) FROM ddl;
CREATE STATISTICS ddl_stats ON id, (length(secret)) FROM ddl;
CREATE STATISTICS ddl_stats ON (secret = 'x'), plain FROM ddl;
CREATE STATISTICS ddl_stats ON id, (upper(plain)) FROM ddl;
ALTER TABLE ddl ALTER plain TYPE encrypted_text;
DROP STATISTICS ddl_stats;

-- Expressions that decrypt are no index's, whatever the function says of itself

CREATE FUNCTION ddl_lies(encrypted_text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN upper($1); END';
CREATE INDEX ON ddl (ddl_lies(secret));
CREATE TABLE ddl_no (secret encrypted_text, EXCLUDE (ddl_lies(secret) WITH =));
CREATE INDEX ddl_index ON ddl (id) WHERE bionic_crypt.belongs_to(secret, 'ddl_a') AND secret IS NOT NULL;
\set VERBOSITY sqlstate
CREATE INDEX ON ddl (upper(secret));
CREATE INDEX ON ddl (id) WHERE secret = 'x';
CREATE TABLE ddl_no (secret encrypted_text) PARTITION BY LIST ((upper(secret)));
\set VERBOSITY terse

-- With none set, armour is taken, as a dump brings it; the rest is refused still

RESET bionic_crypt.tenant;
SELECT bionic_crypt.encrypted_text_out(secret) AS armour FROM ddl WHERE id = 1 \gset
CREATE TABLE ddl_raw (id int, c encrypted_text DEFAULT :'armour', CHECK (coalesce(c, :'armour') IS NOT NULL));
CREATE FUNCTION ddl_raw() RETURNS encrypted_text LANGUAGE sql RETURN :'armour'::encrypted_text;
INSERT INTO ddl_raw VALUES (1);
ALTER TABLE ddl ADD COLUMN raw encrypted_text DEFAULT :'armour';
CREATE TABLE ddl_no (c encrypted_text, p text GENERATED ALWAYS AS (c) STORED);
CREATE STATISTICS ddl_stats ON (secret::text) FROM ddl;
SET bionic_crypt.tenant = 'ddl_a';
SELECT c, ddl_raw() FROM ddl_raw;

DROP VIEW ddl_view;
DROP FUNCTION ddl_argument, ddl_atomic, ddl_raw, ddl_lies;
DROP TABLE ddl_inherits, ddl, ddl_yes, ddl_empty, ddl_generated, ddl_parent, ddl_raw;
DROP FUNCTION ddl_trigger;
DROP TYPE ddl_pair, ddl_domain;
