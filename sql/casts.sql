-- Casts from and to encrypted_text: which there are, where they apply, and
-- that ciphertext never passes for text.

\set VERBOSITY terse
SET client_min_messages = warning;	-- the key file's notice holds a path
SELECT bionic_crypt.create_tenant('casts_a');
RESET client_min_messages;
SET bionic_crypt.tenant = 'casts_a';

SELECT castsource::regtype AS source, casttarget::regtype AS target, castcontext, castmethod
FROM pg_cast WHERE 'encrypted_text'::regtype IN (castsource, casttarget) ORDER BY 1::text, 2::text;

CREATE TABLE casts (id int, secret encrypted_text);

-- Into it: by assignment from the strings, and all else

INSERT INTO casts VALUES (1, 'text'::text), (2, 'varchar'::varchar), (3, 'bpchar  '::char(10)),
	(4, true), (5, false), (6, '10.0.0.0/8'::inet), (7, 'name'::name), (8, 42), (9, 1.50), (10, NULL),
	(11, '2001:db8::1'::inet), (12, '[1, 2]'::jsonb), (13, date '2000-01-02'), (14, ''::char(3)), (15, ''::text);
SELECT id, secret, length(secret) FROM casts ORDER BY id;
INSERT INTO casts VALUES (20, repeat('x', 5)::varchar(3));
SELECT secret FROM casts WHERE id = 20;

-- but not by themselves in expressions

CREATE FUNCTION takes(encrypted_text) RETURNS text LANGUAGE sql AS 'SELECT $1::text';
SELECT takes('literal'), takes('text'::text::encrypted_text);
SELECT takes('text'::text);

-- Out of it: implicit to text and varchar, by assignment to char, else explicit

SELECT secret::text, secret::varchar, secret::varchar(2), secret::char(6) || '|' AS bpchar, secret::name
FROM casts WHERE id = 1;
SELECT secret::int + 1 AS int, pg_typeof(secret::int) FROM casts WHERE id = 8;
SELECT secret::numeric, secret::jsonb, secret::bit(4) FROM (VALUES ('1'::encrypted_text)) v (secret);
SELECT id, secret::boolean FROM casts WHERE id IN (4, 5) ORDER BY id;
SELECT secret::int FROM casts WHERE id = 1;
CREATE TABLE targets (t text, v varchar(5), c char(8), n name);
INSERT INTO targets SELECT secret, secret, secret, secret FROM casts WHERE id = 1;
SELECT t, v, c, n FROM targets;
INSERT INTO targets (v) SELECT secret FROM casts WHERE id = 6;

-- Functions and operators of text find it

SELECT upper(secret), length(secret), secret || '!' AS "||", '!' || secret AS "||", substr(secret, 2, 2),
	secret LIKE 't_xt' AS "like", secret ILIKE 'TEXT' AS "ilike", secret ~ '^t' AS "~", secret SIMILAR TO '(t|e|x)+' AS similar,
	secret = 'text' AS "=", 'text' = secret AS "=", secret <> 'text' AS "<>", secret < 'u' AS "<",
	secret BETWEEN 'a' AND 'z' AS "between", secret IN ('a', 'text') AS "in", secret = ANY ('{a,text}'::text[]) AS "any"
FROM casts WHERE id = 1;
SELECT secret = secret AS "et = et", secret = secret::text AS "et = text", secret::varchar = secret AS "varchar = et",
	secret = 'text'::char(9) AS "et = char", secret IS DISTINCT FROM secret AS "distinct"
FROM casts WHERE id = 1;
SELECT md5(secret) = md5('text') AS md5, concat(secret, 1), format('%s', secret), quote_literal(secret),
	split_part(secret, 'e', 2), to_tsvector('simple', secret), starts_with(secret, 'te')
FROM casts WHERE id = 1;
SELECT pg_typeof(coalesce(secret, 'x')) AS literal, pg_typeof(coalesce(secret, 'x'::text)) AS text,
	pg_typeof(coalesce(secret, secret::varchar)) AS varchar, pg_typeof(nullif(secret, 'x')) AS nullif,
	pg_typeof(CASE WHEN true THEN secret ELSE 'x' END) AS "case", pg_typeof(greatest(secret::text, secret)) AS greatest
FROM casts WHERE id = 1;
SELECT min(secret), max(secret), string_agg(secret, ',' ORDER BY id), count(secret)
FROM casts WHERE id <= 3;

-- Collations are handed on

SELECT secret COLLATE "C" < 'a' AS c, pg_collation_for(secret), pg_collation_for(secret COLLATE "C"),
	pg_collation_for((secret COLLATE "C")::text)
FROM casts WHERE id = 1;
CREATE TABLE collated (secret encrypted_text COLLATE "C");
INSERT INTO collated VALUES ('b'), ('B'), ('a');
SELECT secret FROM collated ORDER BY secret::text;
SELECT pg_collation_for(coalesce(secret, 'x')), pg_collation_for(lower(secret)) FROM collated LIMIT 1;

-- No tenant: a cast raises, wherever it leads

RESET bionic_crypt.tenant;
\set VERBOSITY sqlstate
SELECT secret::text FROM casts;
SELECT secret::varchar FROM casts;
SELECT secret::char(3) FROM casts;
SELECT secret::name FROM casts;
SELECT secret::int FROM casts;
SELECT secret::jsonb FROM casts;
SELECT secret || '' FROM casts;
SELECT upper(secret) FROM casts;
INSERT INTO targets (t) SELECT secret FROM casts;
INSERT INTO targets (n) SELECT secret FROM casts;
SELECT 'x'::text::encrypted_text;
SELECT 'x'::char(2)::encrypted_text;
SELECT true::encrypted_text;
SELECT '10.0.0.1'::inet::encrypted_text;
INSERT INTO casts SELECT 30, 'x'::text;
INSERT INTO casts VALUES (30, 42);
CREATE DOMAIN casts_domain AS encrypted_text;
SELECT secret::casts_domain::name FROM casts;
-- what does not look at the value needs no key
SELECT count(*), count(secret), bool_or(secret IS NULL) FROM casts;
SELECT pg_typeof(coalesce(secret, secret)), pg_column_size(secret) FROM casts WHERE id = 1;
INSERT INTO casts SELECT 31, secret FROM casts WHERE id = 1;
UPDATE casts SET secret = NULL WHERE id = 2;
SET bionic_crypt.tenant = 'casts_a';
SELECT id, secret FROM casts WHERE id IN (2, 31) ORDER BY id;

DROP FUNCTION takes;
DROP TABLE casts, targets, collated;
DROP DOMAIN casts_domain;
