-- Literals of encrypted_text in statements: encrypted when the statement
-- runs, for the tenant of then, each row with a nonce of its own.

\set VERBOSITY terse
SET client_min_messages = warning;	-- the key file's notice holds a path
DO $$ BEGIN
	PERFORM bionic_crypt.create_tenant('literals_a');
	PERFORM bionic_crypt.create_tenant('literals_b');
END $$;
RESET client_min_messages;

CREATE TABLE lit (id int, secret encrypted_text);

-- Whose the values are, and how many differ, can be seen without a key.
CREATE FUNCTION owners(regclass DEFAULT 'lit') RETURNS TABLE (tenant text, "values" bigint, different bigint)
	LANGUAGE plpgsql SET bionic_crypt.tenant = '' AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT t, count(*), count(DISTINCT bionic_crypt.encrypted_text_out(secret)::text)
		FROM %s JOIN unnest(''{literals_a,literals_b}''::text[]) t ON bionic_crypt.belongs_to(secret, t)
		GROUP BY t ORDER BY t', $1);
END $$;
-- One nonce prefix a process and key, at run time.
CREATE FUNCTION prefixes(regclass DEFAULT 'lit') RETURNS bigint
	LANGUAGE plpgsql SET bionic_crypt.tenant = '' AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('SELECT count(DISTINCT substr(bionic_crypt.encrypted_text_send(secret), 21, 12)) FROM %s', $1) INTO n;
	RETURN n;
END $$;

-- Plans are neutral: the literal is text, and is encrypted in them

SET bionic_crypt.tenant = 'literals_a';
EXPLAIN (VERBOSE, COSTS OFF) INSERT INTO lit VALUES (1, 'hello');
EXPLAIN (VERBOSE, COSTS OFF) SELECT coalesce(secret, 'hello') FROM lit WHERE id = 1;
EXPLAIN (VERBOSE, COSTS OFF) SELECT '{a,NULL,"b,c"}'::encrypted_text[], NULL::encrypted_text;

-- Each row has its own nonce, also of one literal

INSERT INTO lit SELECT n, 'same' FROM generate_series(1, 5) n;
INSERT INTO lit VALUES (6, 'same'), (7, 'same');
UPDATE lit SET secret = 'same' WHERE id > 3;
SELECT * FROM owners();
SELECT prefixes();
SELECT DISTINCT secret::text FROM lit;

-- PREPARE, then another tenant

TRUNCATE lit;
PREPARE add AS INSERT INTO lit VALUES (1, 'hello');
EXECUTE add;
EXECUTE add;
SET bionic_crypt.tenant = 'literals_b';
EXECUTE add;
SELECT * FROM owners();
SELECT secret FROM lit WHERE bionic_crypt.belongs_to(secret, 'literals_b');
PREPARE find AS SELECT count(*) FROM lit WHERE bionic_crypt.belongs_to(secret, 'literals_b') AND coalesce(secret, 'none') = 'hello';
EXECUTE find;
PREPARE give AS SELECT coalesce(NULL, 'given'::encrypted_text);
EXECUTE give;
SET bionic_crypt.tenant = 'literals_a';
EXECUTE give;

-- Parameters, untyped and text: encrypted by the tenant that executes

TRUNCATE lit;
PREPARE add_untyped AS INSERT INTO lit VALUES (2, $1), (3, $1);
PREPARE add_text (text) AS INSERT INTO lit VALUES (4, $1), (5, $1);
EXECUTE add_untyped ('param');
EXECUTE add_text ('param');
SET bionic_crypt.tenant = 'literals_b';
EXECUTE add_untyped ('param');
EXECUTE add_text ('param');
SELECT * FROM owners();
SELECT id, secret FROM lit WHERE bionic_crypt.belongs_to(secret, 'literals_b') ORDER BY id;

-- PL/pgSQL, also when the tenant changes inside

TRUNCATE lit;
CREATE FUNCTION add_plpgsql() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	local encrypted_text := 'variable';
BEGIN
	INSERT INTO lit VALUES (1, 'plpgsql'), (2, local);
	local := 'assigned';
	INSERT INTO lit VALUES (3, local);
	IF (SELECT coalesce(max(secret::text), 'none') FROM lit WHERE secret IS NULL) = 'none' THEN
		INSERT INTO lit SELECT 4, coalesce(NULL, 'coalesced'::encrypted_text);
	END IF;
END $$;
CREATE FUNCTION add_both() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	FOR n IN 1 .. 2 LOOP
		PERFORM set_config('bionic_crypt.tenant', 'literals_' || CASE n WHEN 1 THEN 'a' ELSE 'b' END, true);
		INSERT INTO lit VALUES (10, 'switched');
	END LOOP;
END $$;
SET bionic_crypt.tenant = 'literals_a';
SELECT add_plpgsql();
SET bionic_crypt.tenant = 'literals_b';
SELECT add_plpgsql();
SELECT * FROM owners();
SELECT id, secret FROM lit WHERE bionic_crypt.belongs_to(secret, 'literals_b') ORDER BY id;
TRUNCATE lit;
SELECT add_both();
SELECT add_both();
SELECT * FROM owners();

-- Functions in SQL

TRUNCATE lit;
CREATE FUNCTION add_sql() RETURNS bigint LANGUAGE sql AS $$
	INSERT INTO lit VALUES (1, 'sql');
	SELECT count(*) FROM lit;
$$;
CREATE FUNCTION default_sql(encrypted_text) RETURNS encrypted_text LANGUAGE sql STABLE AS $$ SELECT coalesce($1, 'none'::text::encrypted_text) $$;
SET bionic_crypt.tenant = 'literals_a';
SELECT add_sql();
SELECT default_sql(NULL);
SET bionic_crypt.tenant = 'literals_b';
SELECT add_sql();
SELECT default_sql(NULL);
SELECT * FROM owners();

-- but not those that are inlined, whose body does not pass the parser's hook

CREATE FUNCTION inlined(encrypted_text) RETURNS encrypted_text LANGUAGE sql STABLE AS $$ SELECT coalesce($1, 'none') $$;
CREATE FUNCTION inlined_array() RETURNS encrypted_text[] LANGUAGE sql STABLE AS $$ SELECT '{a,b}'::encrypted_text[] $$;
CREATE FUNCTION inlined_table() RETURNS SETOF encrypted_text LANGUAGE sql STABLE AS $$ SELECT 'of a set'::encrypted_text $$;
\set VERBOSITY default
SELECT inlined(NULL);
\set VERBOSITY terse
PREPARE add_inlined AS INSERT INTO lit SELECT 2, inlined(NULL);
EXECUTE add_inlined;
SELECT inlined_array();
PREPARE add_table AS INSERT INTO lit SELECT 3, t FROM inlined_table() t;
EXECUTE add_table;
SET bionic_crypt.tenant = 'literals_a';
EXECUTE add_table;
SELECT * FROM owners();
SET bionic_crypt.tenant = 'literals_b';

-- Views and rules of views: neutral, and readable by everybody

TRUNCATE lit;
CREATE VIEW lit_view AS SELECT coalesce(secret, 'none') AS secret, 'fixed'::encrypted_text AS fixed FROM lit;
SELECT substring(pg_get_viewdef('lit_view') FROM ', (.*none.*)\) AS'), substring(pg_get_viewdef('lit_view') FROM '([^ ]*fixed.*) AS');
INSERT INTO lit VALUES (1, NULL);
SELECT * FROM lit_view;
SET bionic_crypt.tenant = 'literals_a';
SELECT * FROM lit_view;
RESET bionic_crypt.tenant;
SELECT substring(pg_get_viewdef('lit_view', true) FROM '([^ ]*fixed.*) AS');
SELECT * FROM lit_view;

-- What the parser compares: equal literals are equal in one statement

SET bionic_crypt.tenant = 'literals_a';
TRUNCATE lit;
INSERT INTO lit VALUES (1, 'x'), (2, 'y'), (3, NULL), (4, 'x');
SELECT coalesce(secret, 'x')::text, count(*) FROM lit GROUP BY coalesce(secret, 'x')::text ORDER BY 1;
SELECT upper(coalesce(secret, 'x')), count(*) FROM lit GROUP BY upper(coalesce(secret, 'x')) HAVING upper(coalesce(secret, 'x')) <> 'Y';
SELECT coalesce(secret, 'x') = 'x', count(*) FROM lit GROUP BY coalesce(secret, 'x') = 'x' ORDER BY 1;
SELECT CASE WHEN coalesce(secret, 'y') = 'y' THEN 1 ELSE 2 END AS c, count(*) FROM lit
GROUP BY CASE WHEN coalesce(secret, 'y') = 'y' THEN 1 ELSE 2 END ORDER BY 1;
SELECT DISTINCT coalesce(secret, 'z')::text FROM lit ORDER BY coalesce(secret, 'z')::text;
SELECT DISTINCT ON (coalesce(secret, 'x') = 'x') id FROM lit ORDER BY coalesce(secret, 'x') = 'x', id;
SELECT coalesce(array_agg(secret), '{x,x,y}')::text, (coalesce(NULL, '{x,x,y}'::encrypted_text[]))::text, count(*)
FROM lit GROUP BY (coalesce(NULL, '{x,x,y}'::encrypted_text[]))::text;
SELECT coalesce(secret, 'x')::text, grouping(coalesce(secret, 'x')::text), count(*) FROM lit
GROUP BY ROLLUP (coalesce(secret, 'x')::text) ORDER BY 1, 2;
SELECT count(*) FILTER (WHERE coalesce(secret, 'x') = 'x') OVER (PARTITION BY coalesce(secret, 'x')::text ORDER BY id), id
FROM lit ORDER BY coalesce(secret, 'x')::text, id;

-- Wherever a statement can hold one

SELECT count(*) FROM lit WHERE id IN (SELECT id FROM lit WHERE coalesce(secret, 'q') = 'q');
WITH c AS (SELECT 'cte'::encrypted_text AS secret), d (secret) AS (VALUES ('v1'::encrypted_text), ('v2'))
SELECT secret FROM c UNION ALL SELECT secret FROM d;
WITH RECURSIVE r (n, secret) AS (SELECT 1, 'r'::encrypted_text UNION ALL SELECT n + 1, coalesce(NULL, 's'::encrypted_text) FROM r WHERE n < 3)
SELECT n, secret FROM r;
SELECT s.secret FROM lit JOIN LATERAL (SELECT coalesce(lit.secret, 'lateral') AS secret) s ON true ORDER BY lit.id;
SELECT * FROM unnest('{f1,f2}'::encrypted_text[]) WITH ORDINALITY;
SELECT CASE WHEN id = 1 THEN 'one' ELSE secret END FROM lit ORDER BY id;
SELECT ARRAY['e1'::encrypted_text, 'e2'], ROW('r'::encrypted_text);
UPDATE lit SET secret = 'updated' WHERE id = 1 RETURNING coalesce(secret, 'q');
WITH moved AS (DELETE FROM lit WHERE id = 4 RETURNING *) INSERT INTO lit SELECT 5, coalesce(NULL, 'moved'::encrypted_text) FROM moved;
CREATE TABLE lit_copy AS SELECT 'ctas'::encrypted_text AS secret FROM generate_series(1, 3);
SELECT * FROM owners('lit_copy');
EXPLAIN (VERBOSE, COSTS OFF) CREATE TABLE lit_copy2 AS SELECT 'ctas'::encrypted_text AS secret;
CREATE MATERIALIZED VIEW lit_matview AS SELECT id, coalesce(secret, 'matview') AS secret FROM lit;
SELECT secret FROM lit_matview WHERE id = 3;
SELECT substring(pg_get_viewdef('lit_matview') FROM '([^ ]*matview''.*)\) AS');
BEGIN;
DECLARE c CURSOR FOR SELECT coalesce(secret, 'cursor') FROM lit WHERE id = 3;
FETCH c;
COMMIT;
COPY (SELECT coalesce(secret, 'copied') FROM lit WHERE id = 3) TO STDOUT;
CREATE PROCEDURE lit_call(INOUT secret encrypted_text) LANGUAGE plpgsql AS 'BEGIN secret := secret || ''!''; END';
CALL lit_call('called');
EXECUTE add_untyped ('again');
SELECT 'x'::encrypted_text::text, ('y'::encrypted_text)::name, 'z'::encrypted_text || 'z';

-- Composites and domains

CREATE DOMAIN lit_domain AS encrypted_text CHECK (length(VALUE) < 10);
CREATE TYPE lit_pair AS (n int, secret encrypted_text);
CREATE TYPE lit_nested AS (pair lit_pair, secrets encrypted_text[], d lit_domain);
CREATE TABLE lit_types (pair lit_pair, nested lit_nested, d lit_domain, ds lit_domain[]);
EXPLAIN (VERBOSE, COSTS OFF) SELECT '(1,zz)'::lit_pair, 'd'::lit_domain, '{d}'::lit_domain[];
PREPARE add_types AS INSERT INTO lit_types VALUES ('(1,"a b")', '("(2,c)","{d,e}",f)', 'domain', '{d1,d2}');
EXECUTE add_types;
SET bionic_crypt.tenant = 'literals_b';
EXECUTE add_types;
SELECT * FROM lit_types OFFSET 1;
SELECT (pair).secret, (nested).secrets[2], ((nested).pair).secret, ds[1] FROM lit_types OFFSET 1;
SELECT 'much too long'::lit_domain;

-- Run time and parse time: COPY is run time, and so is each row of it

TRUNCATE lit;
COPY lit FROM STDIN;
1	same
2	same
3	same
\.
SELECT * FROM owners();
SELECT prefixes();

-- No tenant: a literal is armour, or nothing

RESET bionic_crypt.tenant;
\set VERBOSITY sqlstate
SELECT 'hello'::encrypted_text;
INSERT INTO lit VALUES (1, 'hello');
SELECT left(secret, 4) FROM (SELECT bionic_crypt.encrypted_text_out(secret)::text AS secret FROM lit LIMIT 1) s;
EXECUTE add;
\set VERBOSITY terse
SELECT bionic_crypt.encrypted_text_out(secret) AS armour FROM lit WHERE id = 1 \gset
PREPARE add_armour AS INSERT INTO lit VALUES (7, :'armour');
EXECUTE add_armour;
SET bionic_crypt.tenant = 'literals_b';
SELECT secret FROM lit WHERE id = 7;

-- After an error, ROLLBACK goes through

BEGIN;
SELECT 1 / 0;
SELECT 'x'::encrypted_text;
ROLLBACK;

DEALLOCATE ALL;
DROP VIEW lit_view;
DROP MATERIALIZED VIEW lit_matview;
DROP FUNCTION owners, prefixes, add_plpgsql, add_both, add_sql, default_sql, inlined, inlined_array, inlined_table;
DROP TABLE lit, lit_copy, lit_types;
DROP PROCEDURE lit_call;
DROP TYPE lit_nested, lit_pair, lit_domain;
