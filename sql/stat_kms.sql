--
-- What is counted about each KMS, for who monitors
--
\set VERBOSITY terse
SET client_min_messages = warning;	-- the key file's notice holds a path
CREATE ROLE regress_stat_monitor;
GRANT pg_monitor TO regress_stat_monitor;
CREATE ROLE regress_stat_nobody;
COPY (SELECT WHERE false) TO PROGRAM 'rm -f "$PWD.keys/"stat_*';	-- of an earlier run
CREATE SERVER stat_used FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
CREATE SERVER stat_idle FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');

-- nothing is known of one that nobody asked
SELECT count(*) FROM bionic_crypt.stat_kms WHERE kms IN ('stat_used', 'stat_idle');

-- calls, and how long they took
SELECT bionic_crypt.create_tenant('stat acme', kms => 'stat_used');
SET bionic_crypt.tenant = 'stat acme';
CREATE TABLE stat_t AS SELECT 'a value'::encrypted_text AS v;
SELECT v FROM stat_t;
CREATE TEMP TABLE stat_before AS SELECT * FROM bionic_crypt.stat_kms WHERE kms = 'stat_used';
SELECT calls > 0 AS calls, in_flight, queued, breaker, refused_by_breaker, waited,
		p50_ms > 0 AND p50_ms <= p95_ms AND p95_ms <= p99_ms AS ascending,
		config + denied + bad_ciphertext + unavailable + throttled + protocol + credential
			+ key_file_missing + key_file_open AS failures,
		coalesce(oldest_lease, '0') BETWEEN '0' AND '1 hour' AS oldest_lease
	FROM stat_before;
SELECT bionic_crypt.rewrap_keys('stat acme');
SELECT s.calls > b.calls AS counted FROM bionic_crypt.stat_kms s JOIN stat_before b USING (kms);

-- failures by their class
COPY (SELECT WHERE false) TO PROGRAM 'mv "$PWD.keys/stat_used.key" "$PWD.keys/stat_used.away"';
SELECT ok FROM bionic_crypt.check_kms('stat_used');
COPY (SELECT WHERE false) TO PROGRAM 'umask 077; echo "# none" >"$PWD.keys/stat_used.key"';
SELECT ok FROM bionic_crypt.check_kms('stat_used');
SELECT ok FROM bionic_crypt.check_kms('stat_used');
COPY (SELECT WHERE false) TO PROGRAM 'chmod 644 "$PWD.keys/stat_used.key"';
SELECT ok FROM bionic_crypt.check_kms('stat_used');
COPY (SELECT WHERE false) TO PROGRAM 'mv "$PWD.keys/stat_used.away" "$PWD.keys/stat_used.key"';
UPDATE bionic_crypt.catalog_keys SET check_value = sha256('') WHERE tenant = 'stat acme';
SELECT v FROM stat_t;
SELECT config, denied, bad_ciphertext, unavailable, throttled, protocol, credential,
		key_file_missing, key_file_open
	FROM bionic_crypt.stat_kms WHERE kms = 'stat_used';

-- another database counts for itself, and a dropped server is not shown
SELECT count(*) FROM bionic_crypt.stat_kms WHERE kms = 'stat_idle';
SELECT ok FROM bionic_crypt.check_kms('stat_idle');
SELECT count(*) FROM bionic_crypt.stat_kms WHERE kms = 'stat_idle';
DROP SERVER stat_idle;
SELECT count(*) FROM bionic_crypt.stat_kms WHERE kms = 'stat_idle';

-- a new key worker has nothing of what the one before was doing
SELECT pg_terminate_backend(pid, 10000) FROM bionic_crypt.key_worker();
SELECT calls > 0 AS calls, in_flight, queued, breaker, oldest_lease
	FROM bionic_crypt.stat_kms WHERE kms = 'stat_used';

-- there is a place for 1024 servers; more share one, until a database is dropped
SELECT current_database() AS here \gset
CREATE DATABASE regress_stat_many TEMPLATE template0;
\c regress_stat_many
SET client_min_messages = warning;
CREATE EXTENSION bionic_crypt;
DO $$ BEGIN
	FOR i IN 1 .. 1030 LOOP
		EXECUTE format('CREATE SERVER stat_%s FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider %L)', i, 'file');
		PERFORM bionic_crypt.check_kms('stat_' || i);
	END LOOP;
END $$;
SELECT count(kms) > 900 AS has_named, count(kms) <= 1024 AS within_limit, count(*) - count(kms) AS shared,
		bool_and(calls > 0) AS counted, bool_or(kms IS NULL AND breaker IS NOT NULL) AS of_now
	FROM bionic_crypt.stat_kms;
\c :here
SELECT ok FROM bionic_crypt.check_kms('embedded');
CREATE SERVER stat_late FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
SELECT ok FROM bionic_crypt.check_kms('stat_late');
SELECT kms FROM bionic_crypt.stat_kms WHERE kms IN ('stat_late', 'stat_used') ORDER BY kms;
DROP DATABASE regress_stat_many;
CREATE SERVER stat_later FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
SELECT ok FROM bionic_crypt.check_kms('stat_later');
SELECT kms FROM bionic_crypt.stat_kms WHERE kms IN ('stat_later', 'stat_used') ORDER BY kms;

-- for members of pg_monitor only
SET ROLE regress_stat_monitor;
SELECT calls > 0 AS calls FROM bionic_crypt.stat_kms WHERE kms = 'stat_used';
SET ROLE regress_stat_nobody;
SELECT * FROM bionic_crypt.stat_kms;
SELECT * FROM bionic_crypt.kms_statistics();
RESET ROLE;

RESET bionic_crypt.tenant;
DROP TABLE stat_t;
DROP ROLE regress_stat_monitor, regress_stat_nobody;
