-- encrypted_text on the surface of SQL: what needs no equality of its own
-- works as with text, what needs one is refused by PostgreSQL.

\set VERBOSITY terse
SET client_min_messages = warning;	-- the key file's notice holds a path
DO $$ BEGIN
	PERFORM bionic_crypt.create_tenant('surface_a');
	PERFORM bionic_crypt.create_tenant('surface_b');
END $$;
RESET client_min_messages;
SET bionic_crypt.tenant = 'surface_a';

CREATE TABLE surface (id int PRIMARY KEY, tenant text DEFAULT 'surface_a', secret encrypted_text);
INSERT INTO surface (id, secret) VALUES (1, 'one'), (2, 'two'), (3, NULL), (4, 'two');

-- Arrays

CREATE TABLE surface_arrays (id int, secrets encrypted_text[]);
INSERT INTO surface_arrays VALUES (1, '{a,NULL,"b c"}'), (2, ARRAY['d', 'e']::encrypted_text[]), (3, ARRAY['f'::text]::encrypted_text[]);
INSERT INTO surface_arrays SELECT 4, array_agg(secret ORDER BY id) FROM surface;
UPDATE surface_arrays SET secrets[1] = 'changed' WHERE id = 1;
UPDATE surface_arrays SET secrets = secrets || 'appended'::encrypted_text WHERE id = 2;
SELECT id, secrets, secrets[1], cardinality(secrets), secrets::text[] AS "text[]" FROM surface_arrays ORDER BY id;
SELECT id, u FROM surface_arrays, unnest(secrets) u WHERE u LIKE '%e%' ORDER BY id, u::text;
SELECT id FROM surface_arrays WHERE 'd' = ANY (secrets::text[]);
SELECT array_to_string(secrets, '|', 'null'), secrets[2:3] FROM surface_arrays WHERE id = 1;

-- Domains and composites

CREATE DOMAIN surface_domain AS encrypted_text NOT NULL CHECK (VALUE LIKE '%@%');
CREATE TYPE surface_pair AS (n int, secret encrypted_text);
CREATE TABLE surface_types (d surface_domain, p surface_pair);
INSERT INTO surface_types VALUES ('a@b', ROW(1, 'pair')), ('c@d'::text, (2, 'pair'::text)), ('e@f', '(3,"a, b")');
INSERT INTO surface_types VALUES ('none', NULL);
INSERT INTO surface_types VALUES (NULL, NULL);
SELECT d, split_part(d, '@', 2), p, (p).secret, p IS NULL AS isnull FROM surface_types ORDER BY (p).n;
UPDATE surface_types SET p.secret = 'changed' WHERE (p).n = 1 RETURNING p;

-- Partitions

CREATE TABLE surface_parts (id int, tenant text, secret encrypted_text) PARTITION BY LIST (tenant);
CREATE TABLE surface_part_a PARTITION OF surface_parts FOR VALUES IN ('surface_a');
CREATE TABLE surface_part_rest PARTITION OF surface_parts DEFAULT;
INSERT INTO surface_parts VALUES (1, 'surface_a', 'x'), (2, 'other', 'y');
UPDATE surface_parts SET tenant = 'surface_a' WHERE id = 2;
SELECT tableoid::regclass, secret FROM surface_parts ORDER BY id;

-- COPY

COPY surface TO STDOUT;
COPY surface TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE (secret));
COPY surface FROM STDIN;
10	surface_a	tab\tand\nline
11	surface_a	\N
\.
COPY surface FROM STDIN (FORMAT csv);
12,surface_a,"comma, ""quote"""
13,surface_a,""
14,surface_a,
\.
SELECT id, secret, secret IS NULL AS isnull FROM surface WHERE id >= 10 ORDER BY id;
\copy surface TO 'results/surface.copy' (FORMAT binary)
CREATE TABLE surface_copied (LIKE surface);
\copy surface_copied FROM 'results/surface.copy' (FORMAT binary)
SELECT count(*) AS same FROM surface s JOIN surface_copied c USING (id) WHERE s.secret IS NOT DISTINCT FROM c.secret;

-- With none set, COPY carries armour, and takes nothing else

RESET bionic_crypt.tenant;
\copy surface TO 'results/surface.copy'
TRUNCATE surface_copied;
\copy surface_copied FROM 'results/surface.copy'
COPY surface_copied FROM STDIN;
20	surface_a	plain text
\.
SET bionic_crypt.tenant = 'surface_a';
SELECT count(*) AS same FROM surface s JOIN surface_copied c USING (id) WHERE s.secret IS NOT DISTINCT FROM c.secret;
\copy surface_copied FROM 'results/surface.copy'

-- UPSERT and MERGE

INSERT INTO surface (id, secret) VALUES (1, 'uno'), (5, 'five')
ON CONFLICT (id) DO UPDATE SET secret = surface.secret || '/' || excluded.secret
RETURNING id, secret;
INSERT INTO surface (id, secret) VALUES (1, 'x') ON CONFLICT DO NOTHING RETURNING id;
MERGE INTO surface s USING (VALUES (2, 'merged'::encrypted_text), (6, 'new')) v (id, secret) ON s.id = v.id
WHEN MATCHED AND s.secret = 'two' THEN UPDATE SET secret = v.secret
WHEN NOT MATCHED THEN INSERT (id, secret) VALUES (v.id, v.secret);
MERGE INTO surface s USING (SELECT 6 AS id, 'text'::text AS secret) v ON s.id = v.id
WHEN MATCHED THEN UPDATE SET secret = v.secret || ' and ' || s.secret;
UPDATE surface s SET secret = upper(v.secret) FROM surface v WHERE v.id = s.id AND s.id = 4 RETURNING s.secret, v.secret;
DELETE FROM surface WHERE secret LIKE 'comma%' RETURNING secret, length(secret);
SELECT id, secret FROM surface WHERE id < 10 ORDER BY id;

-- CREATE TABLE AS, SELECT INTO, views: the column stays encrypted

CREATE TABLE surface_ctas AS SELECT id, secret, upper(secret) AS upper, secret || '' AS text FROM surface;
SELECT secret AS secret, id INTO surface_into FROM surface;
CREATE VIEW surface_view AS SELECT id, secret, length(secret) FROM surface;
CREATE MATERIALIZED VIEW surface_matview AS SELECT id, secret FROM surface WHERE id < 3;
SELECT attrelid::regclass, attname, atttypid::regtype FROM pg_attribute
WHERE attrelid IN ('surface_ctas'::regclass, 'surface_into'::regclass, 'surface_view'::regclass, 'surface_matview'::regclass)
	AND attnum > 0 ORDER BY attrelid::regclass::text, attnum;
INSERT INTO surface_view (id, secret) VALUES (7, 'by view');
SELECT * FROM surface_view WHERE id = 7;
CREATE INDEX ON surface (id) INCLUDE (secret);
REFRESH MATERIALIZED VIEW surface_matview;
SELECT * FROM surface_matview ORDER BY id;
ALTER TABLE surface_ctas ALTER secret TYPE text, ALTER upper TYPE encrypted_text;
SELECT secret, upper, pg_typeof(secret), pg_typeof(upper) FROM surface_ctas WHERE id = 1;

-- JSON and other functions of any type

SELECT to_jsonb(secret), row_to_json(s), jsonb_build_object('k', secret), json_agg(secret) OVER (), to_json(ARRAY[secret])
FROM surface s WHERE id = 2;
SELECT r.id, r.secret FROM jsonb_populate_record(NULL::surface, '{"id": 8, "secret": "from json"}') r;
SELECT r.secret FROM json_to_recordset('[{"secret": "a"}, {"secret": "b"}]') r (secret encrypted_text);
SELECT format('%s %I %L', secret, secret, secret), concat_ws(',', secret, id), num_nulls(secret, NULL) FROM surface WHERE id = 2;
SELECT count(secret), count(DISTINCT secret::text), string_agg(secret, ',' ORDER BY id), min(secret), max(secret),
	(array_agg(secret ORDER BY id))[1], bool_or(secret = 'merged')
FROM surface WHERE id < 5;
SELECT id, lag(secret) OVER (ORDER BY id), first_value(secret) OVER (ORDER BY id), coalesce(secret, 'none') FROM surface WHERE id < 5 ORDER BY id;
SELECT id, secret FROM surface WHERE id < 5 ORDER BY secret::text NULLS FIRST, id;
SELECT secret::text, count(*) FROM surface WHERE id < 5 GROUP BY secret::text ORDER BY 1;
SELECT a.id, b.id FROM surface a JOIN surface b ON a.secret = b.secret AND a.id < b.id WHERE a.id < 5;

-- PL/pgSQL and triggers

CREATE FUNCTION surface_plpgsql(wanted encrypted_text, OUT result encrypted_text, OUT n int) LANGUAGE plpgsql AS $$
DECLARE
	r record;
	s surface%ROWTYPE;
BEGIN
	n := 0;
	FOR r IN SELECT * FROM surface WHERE secret = wanted LOOP
		n := n + 1;
		result := r.secret;
	END LOOP;
	SELECT * INTO s FROM surface WHERE id = 1;
	result := coalesce(result, s.secret) || '.';
	IF result = 'merged.' THEN
		result := 'if';
	END IF;
	EXECUTE 'SELECT $1 || $2' INTO result USING result, ' using';
END $$;
SELECT * FROM surface_plpgsql('merged');
SELECT * FROM surface_plpgsql('nothing');
CREATE FUNCTION surface_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'UPDATE' AND old.secret IS DISTINCT FROM new.secret THEN
		RAISE NOTICE 'changed from % to %', old.secret, new.secret;
	END IF;
	IF TG_OP = 'UPDATE' AND old.* *<> new.* THEN
		RAISE NOTICE 'row has changed';
	END IF;
	new.secret := trim(new.secret);
	RETURN new;
END $$;
CREATE TRIGGER surface_trigger BEFORE INSERT OR UPDATE ON surface FOR EACH ROW EXECUTE FUNCTION surface_trigger();
INSERT INTO surface (id, secret) VALUES (9, '  trimmed ') RETURNING secret;
UPDATE surface SET secret = 'new', tenant = tenant WHERE id = 9;
UPDATE surface SET tenant = tenant WHERE id = 9;
DROP TRIGGER surface_trigger ON surface;

-- Prepared statements and cursors

PREPARE surface_find (text) AS SELECT id, secret FROM surface WHERE secret = $1;
PREPARE surface_untyped AS SELECT id FROM surface WHERE secret = $1 AND id = $2;
EXECUTE surface_find ('merged');
EXECUTE surface_untyped ('merged', 2);
PREPARE surface_insert AS INSERT INTO surface (id, secret) VALUES ($1, $2) RETURNING secret;
EXECUTE surface_insert (21, 'prepared');
EXECUTE surface_insert (22, NULL);
BEGIN;
DECLARE surface_cursor CURSOR FOR SELECT id, secret FROM surface WHERE id IN (1, 2) FOR UPDATE;
FETCH 1 FROM surface_cursor;
UPDATE surface SET secret = 'current of' WHERE CURRENT OF surface_cursor RETURNING secret;
ROLLBACK;
BEGIN;
DECLARE surface_cursor SCROLL CURSOR FOR SELECT id, secret FROM surface WHERE id IN (1, 2) ORDER BY id;
FETCH ALL FROM surface_cursor;
FETCH PRIOR FROM surface_cursor;
SET LOCAL bionic_crypt.tenant = 'surface_b';
FETCH PRIOR FROM surface_cursor;
ROLLBACK;

-- Parallel query: workers ask for the keys themselves

CREATE TABLE surface_many AS SELECT n AS id, ('text ' || n)::encrypted_text AS secret FROM generate_series(1, 2000) n;
ALTER TABLE surface_many SET (parallel_workers = 2);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT count(*), sum(length(secret)) FROM surface_many WHERE secret LIKE '%9%';
SELECT count(*), sum(length(secret)) FROM surface_many WHERE secret LIKE '%9%';
BEGIN;
SET LOCAL bionic_crypt.tenant = 'surface_b';
SELECT count(*) FROM surface_many WHERE secret LIKE '%9%';
ROLLBACK;
RESET bionic_crypt.tenant;
SELECT count(*) FROM surface_many WHERE secret LIKE '%9%';
SET bionic_crypt.tenant = 'surface_a';
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET parallel_leader_participation;

-- ANALYZE keeps widths and null fractions, and no value

ANALYZE surface, surface_arrays;
SELECT tablename, attname, null_frac > 0 AS nulls, avg_width > 60 AS width, n_distinct, most_common_vals, histogram_bounds
FROM pg_stats WHERE tablename IN ('surface', 'surface_arrays') AND attname LIKE 'secret%' ORDER BY 1;

-- What needs an equality or an order of its own is refused

\set VERBOSITY sqlstate
SELECT DISTINCT secret FROM surface;
SELECT DISTINCT ON (secret) id FROM surface;
SELECT count(DISTINCT secret) FROM surface;
SELECT secret, count(*) FROM surface GROUP BY secret;
SELECT count(*) FROM surface GROUP BY GROUPING SETS ((id), (secret));
SELECT secret FROM surface UNION SELECT secret FROM surface;
SELECT secret FROM surface INTERSECT SELECT secret FROM surface;
SELECT secret FROM surface EXCEPT ALL SELECT secret FROM surface;
WITH RECURSIVE r AS (SELECT secret FROM surface UNION SELECT secret FROM r) SELECT * FROM r;
SELECT id FROM surface ORDER BY secret;
SELECT row_number() OVER (PARTITION BY secret) FROM surface;
SELECT row_number() OVER (ORDER BY secret) FROM surface;
SELECT array_agg(secret ORDER BY secret) FROM surface;
SELECT mode() WITHIN GROUP (ORDER BY secret) FROM surface;
SELECT greatest(secret, secret) FROM surface;
SELECT s = s FROM surface s;
SELECT s < s FROM surface s;
SELECT count(*) FROM surface s JOIN surface r ON s = r;
SELECT DISTINCT s FROM surface s;
SELECT secrets = secrets FROM surface_arrays;
SELECT array_position(secrets, 'a') FROM surface_arrays;
SELECT array_remove(secrets, 'a') FROM surface_arrays;
SELECT secrets @> secrets FROM surface_arrays;
SELECT p = p FROM surface_types;
SELECT DISTINCT d FROM surface_types;
SELECT secret IN (SELECT secret FROM surface_into) FROM surface WHERE id = 1;
CREATE TABLE surface_no (secret encrypted_text UNIQUE);
CREATE TABLE surface_no (secret encrypted_text PRIMARY KEY);
CREATE TABLE surface_no (secret encrypted_text, EXCLUDE (secret WITH =));
CREATE TABLE surface_no (secret encrypted_text, EXCLUDE USING hash (secret WITH =));
CREATE TABLE surface_no (secret encrypted_text REFERENCES surface (secret));
CREATE TABLE surface_no (secret encrypted_text) PARTITION BY LIST (secret);
CREATE TABLE surface_no (secret encrypted_text) PARTITION BY RANGE (secret);
CREATE TABLE surface_no (secret encrypted_text) PARTITION BY HASH (secret);
CREATE INDEX ON surface (secret);
CREATE INDEX ON surface USING hash (secret);
CREATE INDEX ON surface USING gin (secret);
CREATE INDEX ON surface USING brin (secret);
CREATE INDEX ON surface USING gist (secret);
CREATE INDEX ON surface_arrays USING gin (secrets);
CREATE STATISTICS surface_stats ON id, secret FROM surface;
CREATE TYPE surface_range AS RANGE (subtype = encrypted_text);
INSERT INTO surface (id, secret) VALUES (1, 'x') ON CONFLICT (secret) DO NOTHING;

DEALLOCATE ALL;
DROP MATERIALIZED VIEW surface_matview;
DROP VIEW surface_view;
DROP FUNCTION surface_plpgsql, surface_trigger;
DROP TABLE surface, surface_arrays, surface_types, surface_parts, surface_copied, surface_ctas, surface_into, surface_many;
DROP TYPE surface_domain, surface_pair;
