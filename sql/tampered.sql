-- Values that were tampered with, by whoever can write the table or its files:
-- each byte flipped, bytes cut off or put on, parts of two values mixed. None
-- opens, and nothing of it is shown.

\set VERBOSITY terse
SET client_min_messages = warning;	-- the key file's notice holds a path
DO $$ BEGIN
	PERFORM bionic_crypt.create_tenant('tampered_a');
	PERFORM bionic_crypt.create_tenant('tampered_b');
END $$;
RESET client_min_messages;

-- With no tenant set, a stored value is bytes, and may be written as armour.
CREATE FUNCTION tampered_read(encrypted_text) RETURNS bytea LANGUAGE plpgsql SET bionic_crypt.tenant = '' AS
	'BEGIN RETURN bionic_crypt.encrypted_text_send($1); END';
CREATE FUNCTION tampered_write(bytea) RETURNS encrypted_text LANGUAGE plpgsql SET bionic_crypt.tenant = '' AS
	$$ BEGIN RETURN bionic_crypt.encrypted_text_in(('bc1:' || translate(encode($1, 'base64'), E'+/=\n', '-_'))::cstring); END $$;
CREATE FUNCTION tampered_try(sql text, bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE sql INTO result USING $2;
	RETURN 'opened: ' || result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

CREATE TABLE tampered (id int, secret encrypted_text, bytes bytea);
SET bionic_crypt.tenant = 'tampered_a';
INSERT INTO tampered VALUES (1, 'the first text'), (2, 'another text'), (3, ''), (4, repeat('long', 5000));
-- one that was sealed as a literal is, with a nonce of its own kind
PREPARE tampered_parameter AS INSERT INTO tampered VALUES (5, $1);
EXECUTE tampered_parameter ('a parameter');
UPDATE tampered SET bytes = tampered_read(secret);
SELECT count(*) AS unharmed FROM tampered
WHERE tampered_try('SELECT tampered_write($1)::text', bytes) = 'opened: ' || secret;

-- Each byte, by its field; flipped in one bit and in all

SELECT min(at) || ' to ' || max(at) AS bytes, count(*) AS tries, outcome
FROM (SELECT at, tampered_try('SELECT tampered_write($1)::text', set_byte(bytes, at, get_byte(bytes, at) # mask)) AS outcome
	FROM tampered, generate_series(0, length(bytes) - 1) at, unnest('{1,128,255}'::int[]) mask WHERE id = 1) t
GROUP BY outcome, CASE WHEN at < 4 THEN at WHEN at < 12 THEN 4 WHEN at < 20 THEN 5 WHEN at < 44 THEN 6 WHEN at < 58 THEN 7 ELSE 8 END
ORDER BY min(at), outcome;
SELECT id, outcome, count(*) AS tries
FROM (SELECT id, tampered_try('SELECT tampered_write($1)::text', set_byte(bytes, at, get_byte(bytes, at) # 1)) AS outcome
	FROM tampered, generate_series(20, length(bytes) - 1, CASE id WHEN 4 THEN 97 ELSE 1 END) at WHERE id > 1) t
GROUP BY id, outcome ORDER BY id;

-- The same through the output functions

SELECT outcome, count(*) AS tries
FROM (SELECT tampered_try(sql, set_byte(bytes, at, get_byte(bytes, at) # 1)) AS outcome
	FROM tampered, generate_series(44, length(bytes) - 1) at,
		unnest(ARRAY['SELECT bionic_crypt.encrypted_text_out(tampered_write($1))', 'SELECT bionic_crypt.encrypted_text_send(tampered_write($1))',
			'SELECT tampered_write($1)::varchar', 'SELECT to_jsonb(tampered_write($1))', 'SELECT upper(tampered_write($1))']) sql WHERE id = 1) t
GROUP BY outcome;

-- Cut off, and put on

SELECT min(len) || ' to ' || max(len) AS lengths, outcome
FROM (SELECT len, tampered_try('SELECT tampered_write($1)::text', substr(bytes, 1, len)) AS outcome
	FROM tampered, generate_series(0, length(bytes) - 1) len WHERE id = 1) t
GROUP BY outcome ORDER BY min(len);
SELECT min(len) || ' to ' || max(len) AS front_lost, outcome
FROM (SELECT len, tampered_try('SELECT tampered_write($1)::text', substr(bytes, 1 + len)) AS outcome
	FROM tampered, generate_series(1, length(bytes)) len WHERE id = 1) t
GROUP BY outcome ORDER BY min(len);
SELECT len AS more, tampered_try('SELECT tampered_write($1)::text', bytes || decode(repeat('00', len), 'hex')) AS outcome
FROM tampered, unnest('{1,2,16,1000}'::int[]) len WHERE id = 1;

-- Parts of two values: header of one, ciphertext of the other, and the like

SELECT cut, tampered_try('SELECT tampered_write($1)::text', substr(a.bytes, 1, cut) || substr(b.bytes, cut + 1)) AS outcome
FROM tampered a, tampered b, unnest('{38,44,50,58}'::int[]) cut WHERE a.id = 1 AND b.id = 2;

-- Another tenant's header on our ciphertext, and our header on another's

SET bionic_crypt.tenant = 'tampered_b';
INSERT INTO tampered VALUES (6, 'the first text');
UPDATE tampered SET bytes = tampered_read(secret) WHERE id = 6;
SELECT cut, tampered_try('SELECT tampered_write($1)::text', substr(a.bytes, 1, cut) || substr(b.bytes, cut + 1)) AS outcome
FROM tampered a, tampered b, unnest('{12,20,44}'::int[]) cut WHERE a.id = 6 AND b.id = 1;
SET bionic_crypt.tenant = 'tampered_a';
SELECT cut, tampered_try('SELECT tampered_write($1)::text', substr(a.bytes, 1, cut) || substr(b.bytes, cut + 1)) AS outcome
FROM tampered a, tampered b, unnest('{12,20,44}'::int[]) cut WHERE a.id = 1 AND b.id = 6;
SET bionic_crypt.tenant = 'tampered_b';

-- What never was a value, put there behind the type's back: no form, no text

CREATE CAST (bytea AS encrypted_text) WITHOUT FUNCTION;
SELECT n, tampered_try('SELECT ($1::encrypted_text)::text', decode(repeat('01', n), 'hex')) AS "cast",
	tampered_try('SELECT bionic_crypt.belongs_to($1::encrypted_text, ''tampered_b'')', decode(repeat('01', n), 'hex')) AS belongs_to
FROM unnest('{0,1,19,20,59,60,100}'::int[]) n;
SELECT tampered_try('SELECT ($1::encrypted_text)::text', set_byte(bytes, at, 9)) AS "cast", bionic_crypt.belongs_to(set_byte(bytes, at, 9)::encrypted_text, 'tampered_b')
FROM tampered, generate_series(0, 3) at WHERE id = 6;
SELECT secret FROM (SELECT '\x6869'::bytea::encrypted_text AS secret) s;
RESET bionic_crypt.tenant;
SELECT '\x6869'::bytea::encrypted_text;
DROP CAST (bytea AS encrypted_text);

-- Moved as a whole it is the tenant's still: that is not promised

SET bionic_crypt.tenant = 'tampered_a';
UPDATE tampered SET secret = tampered_write((SELECT bytes FROM tampered WHERE id = 2)) WHERE id = 1;
SELECT secret FROM tampered WHERE id = 1;

DROP TABLE tampered;
DROP FUNCTION tampered_read, tampered_write, tampered_try;
DEALLOCATE tampered_parameter;
