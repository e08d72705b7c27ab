-- bionic_crypt.scrub_log: the log says what went wrong and how long it took,
-- and quotes nothing of a client; the client is told all.

-- A backend's stderr is the server's log when that is a plain file, as it is
-- in test servers; elsewhere nothing can be read, and all counts as right.
CREATE FUNCTION scrub_log_has(start bigint, part text) RETURNS boolean LANGUAGE sql AS $$
	SELECT position(part IN encode(pg_read_binary_file('/proc/self/fd/2', start, 100000000), 'escape')) > 0
	FROM pg_stat_file('/proc/self/fd/2') WHERE size > 0
$$;
SELECT size AS start FROM pg_stat_file('/proc/self/fd/2') \gset

CREATE TABLE scrub (n int PRIMARY KEY, word text UNIQUE, CHECK (word <> 'plum-check'));
INSERT INTO scrub VALUES (1, 'plum-taken');

-- STATEMENT, and messages that quote source text

SELECT nothing, 'plum-statement';
DO $$ BEGIN EXECUTE 'SELECT ''plum-unterminated'; END $$;
SELECT 1 AS plum-operator;

-- Messages that quote data

SELECT 'plum-integer'::text::int;
SELECT to_date('plum-date', 'YYYY');
SELECT '{plum-array'::int[];

-- DETAIL and CONTEXT

INSERT INTO scrub VALUES (2, 'plum-taken');
INSERT INTO scrub VALUES (2, 'plum-check');
COPY scrub FROM stdin;
3	plum-copied
plum-copy	x
\.
CREATE FUNCTION scrub_divide(word text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT %L, 1 / 0', word);
END $$;
SELECT scrub_divide('plum-context');

-- A parallel worker's error, which the leader reports again

SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
\set VERBOSITY terse
SELECT sum((word || '-worker')::int) FROM scrub;
\set VERBOSITY default
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET parallel_leader_participation;

-- Statements, parameters, durations, trees, plans

SET log_statement = 'all';
SELECT 'plum-all' AS word;
PREPARE scrub_prepared(text) AS SELECT $1 || 'plum-prepared';
EXECUTE scrub_prepared('plum-parameter');
SET log_statement = 'none';
SET log_min_duration_statement = 0;
SELECT 'plum-slow' AS word;
RESET log_min_duration_statement;
SET debug_print_parse = on;
SELECT 1 AS "plum-tree";
RESET debug_print_parse;
LOAD 'auto_explain';
SET auto_explain.log_min_duration = 0;
SELECT count(*) FROM scrub WHERE word = 'plum-explained';
SET auto_explain.log_min_duration = -1;

-- None of it is in the log, and what an operator needs is

SELECT coalesce(scrub_log_has(:start, 'plum-'), false) AS in_log;
SELECT part, coalesce(scrub_log_has(:start, part), true) AS in_log FROM unnest(ARRAY[
	'ERROR:  column "nothing" does not exist',
	'ERROR:  *** at or near "***"',
	'ERROR:  invalid input syntax for type ***: "***"',
	'ERROR:  duplicate key value violates unique constraint "scrub_word_key"',
	'ERROR:  new row for relation "scrub" violates check constraint "scrub_word_check"',
	'DETAIL:  Detail hidden by bionic_crypt.scrub_log.',
	'ERROR:  division by zero',
	'LOG:  statement hidden by bionic_crypt.scrub_log',
	'LOG:  duration: ',
	' ms']) part;
SELECT part, coalesce(scrub_log_has(:start, part), false) AS in_log FROM unnest(ARRAY[
	'STATEMENT:', 'CONTEXT:', 'QUERY:', 'Query Text', 'Key (word)', 'PREPARE']) part;

-- Our own DETAIL is made for the log, and stays

CREATE TABLE scrub_full (tenant_id text, content encrypted_text);
ALTER TABLE scrub_full REPLICA IDENTITY FULL;
SELECT bionic_crypt.protect_table('scrub_full', 'tenant_id');
SELECT coalesce(scrub_log_has(:start, 'DETAIL:  Encrypted values cannot be compared'), true) AS in_log;

-- What users raise themselves is theirs

DO $$ BEGIN RAISE WARNING 'pear-raised'; END $$;
SELECT coalesce(scrub_log_has(:start, 'WARNING:  pear-raised'), true) AS in_log;

-- Only a superuser turns it off; then the log is as ever

SET client_min_messages = warning;
CREATE ROLE regress_scrub;
SET ROLE regress_scrub;
SET bionic_crypt.scrub_log = off;
RESET ROLE;
DROP ROLE regress_scrub;
RESET client_min_messages;
SET bionic_crypt.scrub_log = off;
SELECT 'pear-integer'::text::int;
RESET bionic_crypt.scrub_log;
SELECT part, coalesce(scrub_log_has(:start, part), true) AS in_log FROM unnest(ARRAY[
	'ERROR:  invalid input syntax for type integer: "pear-integer"',
	'STATEMENT:  SELECT ''pear-integer''::text::int;']) part;
SELECT 'plum-integer'::text::int;
SELECT coalesce(scrub_log_has(:start, '"plum-integer"'), false) AS in_log;

DROP TABLE scrub, scrub_full;
DROP FUNCTION scrub_divide;

-- A database without the extension is left alone, once that is known

SELECT current_database() AS home \gset
CREATE DATABASE regress_scrub TEMPLATE template0;
\c regress_scrub
CREATE TABLE plain (n int);
ALTER TABLE plain ADD COLUMN word text;
SELECT 'pear-plain'::text::int;
\c :home
SELECT coalesce(scrub_log_has(:start, '"pear-plain"'), true) AS in_log;
DROP DATABASE regress_scrub;
DROP FUNCTION scrub_log_has;
