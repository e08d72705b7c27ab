--
-- Parallel queries of a transaction that made keys or grants: its parallel
-- workers could not know them, so it has none
--
SET client_min_messages = warning;	-- the key file's notice holds a path
CREATE ROLE regress_pending_parallel;
CREATE TABLE pending_parallel_t (id int, v encrypted_text);
GRANT SELECT ON pending_parallel_t TO regress_pending_parallel;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;

-- whether a plan has parallel workers, and whether they were started
CREATE FUNCTION pending_parallel_workers(OUT planned bool, OUT launched bool) LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	planned := false;
	launched := false;
	FOR line IN EXPLAIN (ANALYZE) SELECT count(*) FROM pending_parallel_t WHERE v::text LIKE '%5'
	LOOP
		planned := planned OR line ~ 'Workers Planned: [1-9]';
		launched := launched OR line ~ 'Workers Launched: [1-9]';
	END LOOP;
END $$;

SELECT bionic_crypt.create_tenant('pending parallel acme');
SET bionic_crypt.tenant = 'pending parallel acme';
INSERT INTO pending_parallel_t SELECT i, i::text FROM generate_series(1, 1000) i;
ANALYZE pending_parallel_t;
PREPARE pending_parallel_count AS SELECT count(*) FROM pending_parallel_t WHERE v::text LIKE '%5';
EXECUTE pending_parallel_count;
SELECT planned FROM pending_parallel_workers();

-- a new key, in plans made before and after; then without it
BEGIN;
SELECT bionic_crypt.rotate_key('pending parallel acme');
UPDATE pending_parallel_t SET v = (v::text)::encrypted_text;
EXECUTE pending_parallel_count;
SELECT count(*) FROM pending_parallel_t WHERE v::text LIKE '%5';
SET LOCAL max_parallel_workers_per_gather = 4;
SELECT count(*) FROM pending_parallel_t WHERE v::text LIKE '%5';
SELECT * FROM pending_parallel_workers();
ROLLBACK;
EXECUTE pending_parallel_count;
SELECT planned FROM pending_parallel_workers();

-- a new tenant, made in a savepoint
BEGIN;
DELETE FROM pending_parallel_t;
SAVEPOINT s;
SELECT bionic_crypt.create_tenant('pending parallel other');
SET LOCAL bionic_crypt.tenant = 'pending parallel other';
RELEASE s;
INSERT INTO pending_parallel_t SELECT i, i::text FROM generate_series(1, 1000) i;
EXECUTE pending_parallel_count;
ROLLBACK;

-- a new grant
BEGIN;
SELECT bionic_crypt.grant_tenant('pending parallel acme', 'regress_pending_parallel', '{decrypt}');
SET LOCAL ROLE regress_pending_parallel;
SELECT count(*) FROM pending_parallel_t WHERE v::text LIKE '%5';
ROLLBACK;

DROP FUNCTION pending_parallel_workers();
DROP TABLE pending_parallel_t;
DROP ROLE regress_pending_parallel;
