-- bionic_crypt.result_type: result columns of clients' statements as text, for
-- clients that refuse types they do not know.

\set VERBOSITY terse
SET client_min_messages = warning;	-- the key file's notice holds a path
DO $$ BEGIN
	PERFORM bionic_crypt.create_tenant('result_a');
	PERFORM bionic_crypt.create_tenant('result_b');
END $$;
RESET client_min_messages;
SET bionic_crypt.tenant = 'result_a';

CREATE DOMAIN result_domain AS encrypted_text;
CREATE TYPE result_pair AS (n int, secret encrypted_text);
CREATE TABLE result (id int PRIMARY KEY, secret encrypted_text, d result_domain, a encrypted_text[], p result_pair);
INSERT INTO result VALUES (1, 'one', 'domain', '{a,b}', '(1,pair)'), (2, NULL, NULL, NULL, NULL);

-- Native, which is the default

SHOW bionic_crypt.result_type;
SELECT secret, d, a, p, 'literal'::encrypted_text AS literal FROM result \gdesc

-- As text: plain values, domains and arrays; rows stay rows

SET bionic_crypt.result_type = text;
SELECT secret, d, a, p, 'literal'::encrypted_text AS literal, id FROM result \gdesc
SELECT secret, d, a, p, 'literal'::encrypted_text AS literal, id FROM result ORDER BY id;
SELECT * FROM result \gdesc
INSERT INTO result VALUES (3, 'three') RETURNING secret, a \gdesc
INSERT INTO result VALUES (3, 'three') RETURNING secret, a;
UPDATE result SET secret = 'drei' WHERE id = 3 RETURNING secret \gdesc
DELETE FROM result WHERE id = 3 RETURNING secret, p \gdesc
WITH w AS (SELECT secret FROM result WHERE id = 1) SELECT secret, (SELECT secret FROM w) AS sub FROM w \gdesc
VALUES ('a'::encrypted_text), ('b') \gdesc
SELECT secret FROM result UNION ALL SELECT 'x'::encrypted_text UNION ALL (SELECT d FROM result LIMIT 1) \gdesc
SELECT id, secret FROM result UNION ALL (SELECT 7, 'x'::encrypted_text UNION ALL SELECT 8, secret FROM result WHERE id = 1) ORDER BY id;
SELECT 1 AS n, secret FROM result WHERE id = 1 FOR UPDATE;
SELECT secret, count(*) FROM result GROUP BY id HAVING count(*) = 1 ORDER BY id;
TABLE result \gdesc
SELECT secret FROM result \gdesc
SELECT pg_typeof(secret) FROM result WHERE id = 1;

-- Still no equality

SELECT DISTINCT secret FROM result;
SELECT secret FROM result ORDER BY secret;

-- What the server keeps is native

CREATE TABLE result_ctas AS SELECT secret FROM result;
SELECT secret INTO result_into FROM result;
CREATE VIEW result_view AS SELECT secret FROM result;
CREATE OR REPLACE VIEW result_view AS SELECT secret FROM result;
CREATE MATERIALIZED VIEW result_matview AS SELECT secret FROM result UNION ALL SELECT secret FROM result;
CREATE FUNCTION result_sql() RETURNS SETOF encrypted_text LANGUAGE sql AS 'SELECT secret FROM result ORDER BY id';
CREATE FUNCTION result_record() RETURNS TABLE (secret encrypted_text) LANGUAGE plpgsql AS
	'BEGIN RETURN QUERY SELECT r.secret FROM result r ORDER BY id; END';
CREATE FUNCTION result_type() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	SELECT secret INTO r FROM result WHERE id = 1;
	RETURN pg_typeof(r.secret);
END $$;
SELECT attrelid::regclass, atttypid::regtype FROM pg_attribute
WHERE attrelid IN ('result_ctas'::regclass, 'result_into'::regclass, 'result_view'::regclass, 'result_matview'::regclass)
	AND attnum > 0 ORDER BY attrelid::regclass::text;
SELECT result_type();
SELECT result_sql(), r.secret FROM result_record() r LIMIT 1;
SELECT result_sql() \gdesc
SELECT * FROM result_view \gdesc

-- Prepared statements and cursors are clients'; also when planned anew

PREPARE result_prepared AS SELECT secret FROM result WHERE id = $1;
EXECUTE result_prepared (1) \gdesc
EXECUTE result_prepared (1);
ALTER TABLE result ADD COLUMN more int;
EXECUTE result_prepared (1);
ALTER TABLE result DROP COLUMN more;
EXPLAIN (COSTS OFF, VERBOSE) EXECUTE result_prepared (1);
SET bionic_crypt.tenant = 'result_b';
EXECUTE result_prepared (1);
SET bionic_crypt.tenant = 'result_a';
BEGIN;
DECLARE result_cursor CURSOR FOR SELECT secret, a FROM result WHERE id = 1;
FETCH result_cursor \gdesc
FETCH result_cursor;
COMMIT;

-- but their results are not stored as text by the way

CREATE TABLE result_no AS EXECUTE result_prepared (1);
EXPLAIN CREATE TABLE result_no AS EXECUTE result_prepared (1);
PREPARE result_union AS SELECT 1, secret FROM result UNION ALL SELECT 2, secret FROM result;
CREATE TABLE result_no AS EXECUTE result_union;
SET bionic_crypt.result_type = native;
CREATE TABLE result_no AS EXECUTE result_prepared (1);
PREPARE result_native AS SELECT secret FROM result WHERE id = $1;
CREATE TABLE result_yes AS EXECUTE result_native (1);
PREPARE result_asked AS SELECT secret::text FROM result WHERE id = $1;
CREATE TABLE result_asked AS EXECUTE result_asked (1);
SELECT attrelid::regclass, atttypid::regtype FROM pg_attribute
WHERE attrelid IN ('result_yes'::regclass, 'result_asked'::regclass) AND attnum > 0 ORDER BY attrelid::regclass::text;

-- With none set it is armour, as natively, so that a kept plan serves both

SET bionic_crypt.result_type = text;
RESET bionic_crypt.tenant;
SELECT secret FROM result \gdesc
SELECT left(secret::text, 4) FROM result WHERE id = 1;
EXECUTE result_prepared (1) \gset armour_
SELECT left(:'armour_secret', 4) AS armour;
SELECT secret, a FROM result WHERE id = 1 \gset armour_
SELECT left(:'armour_secret', 4) AS armour, left(:'armour_a', 5) AS armours;
BEGIN;
DECLARE result_cursor CURSOR FOR SELECT secret FROM result WHERE id = 1;
FETCH result_cursor \gset armour_
COMMIT;
SELECT left(:'armour_secret', 4) AS armour;

SET bionic_crypt.result_type = 'both';
RESET bionic_crypt.result_type;
DEALLOCATE ALL;
DROP MATERIALIZED VIEW result_matview;
DROP VIEW result_view;
DROP FUNCTION result_sql, result_record, result_type;
DROP TABLE result, result_ctas, result_into, result_yes, result_asked;
DROP TYPE result_domain, result_pair;
