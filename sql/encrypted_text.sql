-- The type encrypted_text: input and output with a tenant set (transparent)
-- and with none (raw), in text and in binary; bad input.

SET client_min_messages = warning;	-- the key file's notice holds a path
DO $$ BEGIN
	PERFORM bionic_crypt.create_tenant('io_a');
	PERFORM bionic_crypt.create_tenant('io_b');
END $$;
RESET client_min_messages;

CREATE TABLE io (id int, secret encrypted_text);

-- The type as the catalog has it

SELECT typlen, typbyval, typcategory, typispreferred, typalign, typstorage, typcollation::regcollation
FROM pg_type WHERE oid = 'encrypted_text'::regtype;
SELECT p.proname, p.provolatile, p.proisstrict, p.proparallel, p.procost, p.proleakproof
FROM pg_proc p WHERE p.pronamespace = 'bionic_crypt'::regnamespace
	AND (p.proname LIKE 'encrypted\_text%' OR p.proname = 'belongs_to') ORDER BY p.proname;
SELECT count(*) AS operator_classes FROM pg_opclass WHERE opcintype = 'encrypted_text'::regtype;
SELECT count(*) AS operators FROM pg_operator
WHERE 'encrypted_text'::regtype IN (oprleft, oprright);

-- Transparent: text in, text out

SET bionic_crypt.tenant = 'io_a';
INSERT INTO io VALUES (1, 'hello'), (2, ''), (3, NULL), (4, 'größer als – ☃'), (5, repeat('long ', 20000)), (6, 'hello');
SELECT id, left(secret, 20) AS secret, length(secret), octet_length(secret::text) FROM io ORDER BY id;
SELECT id, secret IS NULL AS is_null FROM io WHERE secret = '' OR secret IS NULL ORDER BY id;
SELECT pg_column_size(secret) - octet_length(secret::text) AS overhead FROM io WHERE id = 1;

-- Raw: armour of the stored value, and no text

RESET bionic_crypt.tenant;
CREATE FUNCTION armour(encrypted_text) RETURNS text LANGUAGE sql
	AS 'SELECT bionic_crypt.encrypted_text_out($1)::text';
SELECT id, left(armour(secret), 7) AS armour, armour(secret) ~ '^bc1:[A-Za-z0-9_-]+$' AS base64url,
	length(armour(secret)) AS length
FROM io ORDER BY id;
SELECT count(DISTINCT armour(secret)) AS different FROM io WHERE secret IS NOT NULL;
SELECT secret::text FROM io WHERE id = 1;
SELECT id FROM io WHERE secret = 'hello';
INSERT INTO io VALUES (9, 'hello');
INSERT INTO io VALUES (9, '');

-- Armour goes in and out without a key, and is the same value

SELECT armour(secret) AS armour FROM io WHERE id = 1 \gset
INSERT INTO io VALUES (10, :'armour');
SELECT count(DISTINCT armour(secret)) AS different FROM io WHERE id IN (1, 10);
SET bionic_crypt.tenant = 'io_a';
SELECT id, secret FROM io WHERE id = 10;

-- With a tenant set, armour is refused; what only looks like it is text

\set VERBOSITY terse
INSERT INTO io VALUES (11, :'armour');
SELECT :'armour'::text::encrypted_text;
INSERT INTO io VALUES (11, 'bc1:'), (12, 'bc1:AQEAAA'), (13, 'bc1:' || repeat('A', 80)), (14, :'armour' || '=');
SELECT id, left(secret, 10) AS secret FROM io WHERE id BETWEEN 11 AND 14 ORDER BY id;

-- Malformed armour

RESET bionic_crypt.tenant;
CREATE FUNCTION refusal(input text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM bionic_crypt.encrypted_text_in(input::cstring);
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT refusal(:'armour');
SELECT refusal('hello');
SELECT refusal('bc1:');
SELECT refusal('BC1:' || substr(:'armour', 5));
SELECT refusal(' ' || :'armour');
SELECT refusal(:'armour' || E'\n');
SELECT refusal(:'armour' || '=');
SELECT refusal(overlay(:'armour' PLACING '+' FROM 30));
SELECT refusal('bc1:' || repeat('A', 86));
SELECT count(*) AS accepted FROM generate_series(0, 83) n WHERE refusal(left(:'armour', n)) = 'accepted';
-- version, algorithm, flags, reserved byte: nothing but what is written today
SELECT head, refusal('bc1:' || translate(encode(decode(head, 'hex') ||
	substr(decode(translate(substr(:'armour', 5), '-_', '+/') || '=', 'base64'), 5), 'base64'), E'+/=\n', '-_'))
FROM unnest('{01010000,01020000,00010000,02010000,01000000,01030000,01010100,01018000,01010001}'::text[]) head;

-- Another tenant's value

SET bionic_crypt.tenant = 'io_b';
SELECT secret FROM io WHERE id = 1;
SELECT secret::text FROM io WHERE id = 1;
SELECT id FROM io WHERE secret LIKE '%hello%';
SELECT count(*), count(secret) FROM io;

-- Unknown tenant

SET bionic_crypt.tenant = 'io_unknown';
SELECT secret FROM io WHERE id = 1;
INSERT INTO io VALUES (15, 'x');

-- Binary: the text with a tenant set, the envelope with none

SET bionic_crypt.tenant = 'io_a';
SELECT convert_from(bionic_crypt.encrypted_text_send(secret), 'UTF8') AS sent FROM io WHERE id IN (1, 2, 4) ORDER BY id;
RESET bionic_crypt.tenant;
SELECT octet_length(bionic_crypt.encrypted_text_send(secret)) AS octets,
	left(encode(bionic_crypt.encrypted_text_send(secret), 'hex'), 8) AS head
FROM io WHERE id IN (1, 2) ORDER BY id;

SET bionic_crypt.tenant = 'io_a';
CREATE TABLE plain (id int, secret text);
\copy (SELECT id, secret FROM io WHERE id <= 6) TO 'results/encrypted_text.copy' (FORMAT binary)
\copy plain FROM 'results/encrypted_text.copy' (FORMAT binary)
SELECT id, left(secret, 14) AS secret, length(secret) FROM plain ORDER BY id;
CREATE TABLE copied (id int, secret encrypted_text);
\copy copied FROM 'results/encrypted_text.copy' (FORMAT binary)
SELECT count(*) FROM copied c JOIN plain p ON c.id = p.id AND c.secret = p.secret;
RESET bionic_crypt.tenant;
\copy copied FROM 'results/encrypted_text.copy' (FORMAT binary)
\copy io TO 'results/encrypted_text.copy' (FORMAT binary)
TRUNCATE copied;
\copy copied FROM 'results/encrypted_text.copy' (FORMAT binary)
SELECT count(*) FROM copied c JOIN io USING (id) WHERE armour(c.secret) = armour(io.secret);

-- What text refuses: bytes that are no UTF-8, a NUL

SET bionic_crypt.tenant = 'io_a';
SELECT e'\xff'::encrypted_text;
\copy (SELECT 1 AS id, '\xff'::bytea) TO 'results/encrypted_text.copy' (FORMAT binary)
\copy copied FROM 'results/encrypted_text.copy' (FORMAT binary)
\copy (SELECT 1 AS id, '\x610062'::bytea) TO 'results/encrypted_text.copy' (FORMAT binary)
\copy copied FROM 'results/encrypted_text.copy' (FORMAT binary)

-- A client in another encoding

SET client_encoding = 'LATIN1';
SELECT octet_length(secret::text) FROM io WHERE id = 4;
SELECT octet_length(bionic_crypt.encrypted_text_send('größer'));
RESET client_encoding;

-- Whose a value is can be told without a key

RESET bionic_crypt.tenant;
SELECT id, bionic_crypt.belongs_to(secret, 'io_a') AS a, bionic_crypt.belongs_to(secret, 'io_b') AS b,
	bionic_crypt.belongs_to(secret, '') AS nobody, bionic_crypt.belongs_to(secret, repeat('x', 64)) AS too_long
FROM io WHERE id IN (1, 3, 5) ORDER BY id;
SET bionic_crypt.tenant = 'io_b';
SELECT bionic_crypt.belongs_to('x', t) FROM unnest('{io_a,io_b,io_a,io_b}'::text[]) t;

-- A role without a grant

CREATE ROLE regress_io_nobody;
GRANT SELECT, INSERT ON io TO regress_io_nobody;
SET ROLE regress_io_nobody;
SET bionic_crypt.tenant = 'io_a';
SELECT secret FROM io WHERE id = 1;
INSERT INTO io VALUES (16, 'x');
INSERT INTO io SELECT 16, 'x'::text;
RESET bionic_crypt.tenant;
SELECT left(armour(secret), 4) AS armour FROM io WHERE id = 1;
RESET ROLE;

DROP TABLE io, plain, copied;
DROP FUNCTION armour, refusal;
DROP ROLE regress_io_nobody;
