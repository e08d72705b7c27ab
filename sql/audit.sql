--
-- The audit: events of the catalog, who sees them, and their chain
--
\set VERBOSITY terse
SET client_min_messages = warning;	-- the key file's notice holds a path
CREATE ROLE regress_audit_acme;
CREATE ROLE regress_audit_all;
CREATE ROLE regress_audit_monitor;
CREATE ROLE regress_audit_nobody;
CREATE ROLE regress_audit_writer;
GRANT pg_monitor TO regress_audit_monitor;
GRANT pg_write_all_data TO regress_audit_writer;

-- what our functions do, in its order; whether it is in the chain by now or not
SELECT bionic_crypt.create_tenant('audit acme');
SELECT bionic_crypt.grant_tenant('audit acme', 'regress_audit_acme', '{decrypt}');
SELECT bionic_crypt.grant_tenant('audit acme', 'regress_audit_acme', '{encrypt}');
SELECT bionic_crypt.revoke_tenant('audit acme', 'regress_audit_acme', '{encrypt}');
SELECT bionic_crypt.rotate_key('audit acme');
SELECT bionic_crypt.rewrap_keys('audit acme');
SELECT bionic_crypt.suspend_tenant('audit acme');
SELECT bionic_crypt.suspend_tenant('audit acme');
SELECT bionic_crypt.resume_tenant('audit acme');
SELECT bionic_crypt.grant_all_tenants('regress_audit_all', '{decrypt}');
-- (what the key worker notes itself comes a little later: test/t/050_audit.pl)
CREATE VIEW audit_changes AS
	SELECT event, tenant, role = current_user::text AS by_me, session_role = session_user::text AS logged_in,
		detail - 'key_id' AS detail, sequence, at
	FROM bionic_crypt.audit a
	WHERE (tenant LIKE 'audit %' OR detail ->> 'grantee' LIKE 'regress\_audit\_%' OR event = 'catalog_truncated')
		AND event NOT IN ('key_generated', 'permission_denied', 'suspended_denied', 'destroyed_denied');
SELECT event, tenant, by_me, logged_in, detail FROM audit_changes ORDER BY at;
SELECT count(*) AS without_key_id FROM bionic_crypt.audit
	WHERE tenant = 'audit acme' AND event LIKE 'key\_%' AND detail ->> 'key_id' !~ '^[0-9a-f]{16}$';

-- what is rolled back leaves no such event
SELECT clock_timestamp() AS since \gset
BEGIN;
SELECT bionic_crypt.create_tenant('audit gone');
SAVEPOINT s;
SELECT bionic_crypt.suspend_tenant('audit acme');
ROLLBACK TO s;
SELECT bionic_crypt.suspend_tenant('audit acme');
ROLLBACK;
SELECT event, tenant FROM audit_changes WHERE at >= :'since' ORDER BY at;

-- changes by hand are changes, whatever the session sets
SELECT clock_timestamp() AS since \gset
BEGIN;
SET LOCAL bytea_output = escape;
SET LOCAL IntervalStyle = iso_8601;
SET LOCAL session_replication_role = replica;
UPDATE bionic_crypt.catalog_keys SET wrapped = '\x00', check_value = sha256('x') WHERE tenant = 'audit acme' AND version = 1;
UPDATE bionic_crypt.catalog_keys SET wrapped = '\x01' WHERE tenant = 'audit acme' AND version = 1;
UPDATE bionic_crypt.catalog_keys SET state = 'destroyed' WHERE tenant = 'audit acme' AND version = 1;
UPDATE bionic_crypt.catalog_tenants SET state = 'shredded' WHERE tenant = 'audit acme';
UPDATE bionic_crypt.catalog_tenants SET kms = 'other', kek = 'that "one"' WHERE tenant = 'audit acme';
UPDATE bionic_crypt.catalog_tenants SET outage_grace = '2 hours 1 second', kek = kek WHERE tenant = 'audit acme';
UPDATE bionic_crypt.catalog_tenants SET kek = kek WHERE tenant = 'audit acme';
UPDATE bionic_crypt.catalog_tenants SET fingerprint = '\x0102030405060708' WHERE tenant = 'audit acme';
UPDATE bionic_crypt.catalog_tenants SET tenant = 'audit other' WHERE tenant = 'audit acme';
DELETE FROM bionic_crypt.catalog_keys WHERE tenant = 'audit acme' AND version = 1;
DELETE FROM bionic_crypt.catalog_grants WHERE role = 'regress_audit_all'::regrole;
TRUNCATE bionic_crypt.catalog_keys;
SELECT event, tenant, detail FROM audit_changes WHERE at >= :'since' ORDER BY at;
-- nothing of a wrapped key, of a check value, of a fingerprint
SELECT count(*) FROM bionic_crypt.audit
	WHERE detail ?| '{wrapped,check_value,fingerprint}' OR detail::text LIKE '%0102030405060708%';
ROLLBACK;

-- and so are those of somebody else in a function with its owner's rights
CREATE FUNCTION audit_grant(name regrole) RETURNS void LANGUAGE sql SECURITY DEFINER
	AS $$SELECT bionic_crypt.grant_tenant('audit acme', name, '{manage}')$$;
SET ROLE regress_audit_nobody;
SELECT clock_timestamp() AS since \gset
SELECT audit_grant('regress_audit_monitor');
RESET ROLE;
SELECT event, role, session_role = session_user::text AS logged_in, detail FROM bionic_crypt.audit WHERE at >= :'since';
DROP FUNCTION audit_grant;

-- who sees what
SET ROLE regress_audit_acme;
SELECT DISTINCT tenant FROM bionic_crypt.audit WHERE tenant LIKE 'audit %' OR tenant IS NULL;
SELECT hash FROM bionic_crypt.catalog_audit;
SELECT * FROM bionic_crypt.verify_audit();
SET ROLE regress_audit_all;
SELECT count(*) > 0 AS all_tenants FROM bionic_crypt.audit WHERE tenant = 'audit acme';
SELECT count(*) FROM bionic_crypt.audit WHERE tenant IS NULL;
SET ROLE regress_audit_nobody;
SELECT count(*) FROM bionic_crypt.audit;
SET ROLE regress_audit_monitor;
SELECT count(*) > 0 AS all_events FROM bionic_crypt.audit WHERE tenant IS NULL;
SELECT count(*) >= 0 AS may FROM bionic_crypt.catalog_audit;
SELECT bool_and(ok) AS ok FROM bionic_crypt.verify_audit();
RESET ROLE;

-- nobody writes, and nobody changes a row by mistake
SET ROLE regress_audit_writer;
INSERT INTO bionic_crypt.catalog_audit_pending VALUES (1, 1, now(), gen_random_uuid(), 'x', NULL, NULL, NULL, '{}');
DELETE FROM bionic_crypt.catalog_audit;
DELETE FROM bionic_crypt.catalog_audit_pending;
RESET ROLE;
\set VERBOSITY default
UPDATE bionic_crypt.catalog_audit SET event = 'x';
\set VERBOSITY terse
UPDATE bionic_crypt.catalog_audit_pending SET event = 'x';
TRUNCATE bionic_crypt.catalog_audit;
TRUNCATE bionic_crypt.catalog_audit_pending;
SELECT bionic_crypt.audit_guard();

-- the bytes that are hashed never change: computed by another program
SELECT encode(bionic_crypt.audit_hash(decode(repeat('00', 32), 'hex'), 7711082728908697217, 17804, 1,
	'2026-01-01 00:00:00.123456+00', 'tenant_created', 'acme', NULL, '', '{"kms": "embedded"}'), 'hex');
SELECT encode(bionic_crypt.audit_hash(decode(repeat('00', 32), 'hex'), -1, 4294967295, 2,
	'1969-12-31 23:59:59.999999+00', 'x', NULL, NULL, NULL, '{}'), 'hex');

-- a chain, as the key worker makes it
CREATE FUNCTION audit_append(system bigint, database oid, event text, tenant text DEFAULT 'audit acme') RETURNS bigint
	LANGUAGE sql AS $$
	WITH head AS (
		SELECT coalesce(max(a.sequence), 0) + 1 AS sequence,
			coalesce((array_agg(a.hash ORDER BY a.sequence DESC))[1], decode(repeat('00', 32), 'hex')) AS previous
		FROM bionic_crypt.catalog_audit a WHERE a.system_identifier = $1 AND a.database = $2)
	INSERT INTO bionic_crypt.catalog_audit
		SELECT $1, $2, h.sequence, '2026-01-01 12:00:00+00', $3, $4, 'r', 's', '{"a": [1, "b"]}', h.previous,
			bionic_crypt.audit_hash(h.previous, $1, $2, h.sequence, '2026-01-01 12:00:00+00', $3, $4, 'r', 's', '{"a": [1, "b"]}')
		FROM head h RETURNING sequence $$;
CREATE VIEW audit_verdict AS SELECT system_identifier, database, first, last, events, pending, ok, first_bad, problem
	FROM bionic_crypt.verify_audit() WHERE system_identifier IN (1, 2);
SELECT count(audit_append(1, 7, 'event ' || n)) FROM generate_series(1, 10) n;
SELECT count(audit_append(1, 8, 'event ' || n, NULL)) FROM generate_series(1, 3) n;
SELECT count(audit_append(2, 7, 'event ' || n)) FROM generate_series(1, 5) n;
INSERT INTO bionic_crypt.catalog_audit_pending VALUES
	(2, 7, now(), gen_random_uuid(), 'x', NULL, NULL, NULL, '{}'), (2, 9, now(), gen_random_uuid(), 'x', NULL, NULL, NULL, '{}');
SELECT * FROM audit_verdict;
SELECT sequence AS anchor_sequence, hash AS anchor_hash FROM bionic_crypt.catalog_audit
	WHERE system_identifier = 1 AND database = 7 AND sequence = 6 \gset
SELECT head = (SELECT hash FROM bionic_crypt.catalog_audit WHERE (system_identifier, database, sequence) = (1, 7, 10)) AS is_last
	FROM bionic_crypt.verify_audit() WHERE system_identifier = 1 AND database = 7;

-- every column of a row counts, each row in its place
ALTER TABLE bionic_crypt.catalog_audit DISABLE TRIGGER keep, DISABLE TRIGGER keep_row;
CREATE VIEW audit_victim AS SELECT * FROM bionic_crypt.catalog_audit WHERE system_identifier = 1 AND database = 7;
CREATE FUNCTION audit_forged(forgery text, OUT first bigint, OUT last bigint, OUT ok boolean, OUT first_bad bigint, OUT problem text)
	LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE forgery;
	SELECT v.first, v.last, v.ok, v.first_bad, v.problem INTO first, last, ok, first_bad, problem
		FROM audit_verdict v WHERE v.system_identifier = 1 AND v.database = 7;
	RAISE SQLSTATE 'FORGE';
EXCEPTION
	WHEN SQLSTATE 'FORGE' THEN NULL;
END $$;
SELECT f.forgery, v.* FROM (VALUES
	('UPDATE audit_victim SET event = ''event 50'' WHERE sequence = 5'),
	('UPDATE audit_victim SET at = at + ''1 microsecond'' WHERE sequence = 5'),
	('UPDATE audit_victim SET tenant = NULL WHERE sequence = 5'),
	('UPDATE audit_victim SET role = session_role, session_role = role WHERE sequence = 5'),
	('UPDATE audit_victim SET role = ''rs'', session_role = '''' WHERE sequence = 5'),
	('UPDATE audit_victim SET session_role = NULL WHERE sequence = 5'),
	('UPDATE audit_victim SET detail = detail || ''{"a": [1, "c"]}'' WHERE sequence = 5'),
	('UPDATE audit_victim SET previous = sha256(''x'') WHERE sequence = 5'),
	('UPDATE audit_victim SET hash = sha256(''x'') WHERE sequence = 5'),
	('UPDATE audit_victim SET sequence = 11 WHERE sequence = 10'),
	('UPDATE audit_victim SET database = 6 WHERE sequence > 4'),
	('UPDATE audit_victim SET system_identifier = 3 WHERE sequence = 7'),
	('DELETE FROM audit_victim WHERE sequence = 5'),
	('DELETE FROM audit_victim WHERE sequence BETWEEN 3 AND 6'),
	-- the hash of a changed row made anew: then the next one does not fit
	('UPDATE audit_victim a SET event = ''x'', hash = bionic_crypt.audit_hash(previous, system_identifier,
		database, sequence, at, ''x'', tenant, role, session_role, detail) WHERE sequence = 5'),
	('UPDATE audit_victim a SET previous = sha256(''x''), hash = bionic_crypt.audit_hash(sha256(''x''),
		system_identifier, database, sequence, at, event, tenant, role, session_role, detail) WHERE sequence = 1'),
	-- two rows change places
	('UPDATE audit_victim a SET event = b.event, hash = b.hash, previous = b.previous FROM audit_victim b
		WHERE a.sequence + b.sequence = 9 AND a.sequence BETWEEN 4 AND 5')
	) f (forgery), audit_forged(f.forgery) v;

-- without an anchor, the end can be cut off and the beginning left out
SELECT f.forgery, v.* FROM (VALUES
	('DELETE FROM audit_victim WHERE sequence > 4'),
	('DELETE FROM audit_victim WHERE sequence < 4')) f (forgery), audit_forged(f.forgery) v;

-- with one, not
CREATE FUNCTION audit_anchored(forgery text, anchor_sequence bigint, anchor_hash bytea, OUT ok boolean, OUT first_bad bigint, OUT problem text)
	LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE forgery;
	SELECT v.ok, v.first_bad, v.problem INTO ok, first_bad, problem
		FROM bionic_crypt.verify_audit(1, 7, $2, $3) v WHERE v.system_identifier = 1 AND v.database = 7;
	RAISE SQLSTATE 'FORGE';
EXCEPTION
	WHEN SQLSTATE 'FORGE' THEN NULL;
END $$;
SELECT f.forgery, v.* FROM (VALUES
	('SELECT'),
	('DELETE FROM audit_victim WHERE sequence < 6'),
	('DELETE FROM audit_victim WHERE sequence < 7'),
	('DELETE FROM audit_victim WHERE sequence < 8'),
	('DELETE FROM audit_victim WHERE sequence > 6'),
	('DELETE FROM audit_victim WHERE sequence > 5'),
	('DELETE FROM audit_victim'),
	('DELETE FROM audit_victim WHERE sequence = 6'),
	-- the whole of it made anew
	('DELETE FROM audit_victim;
		SELECT audit_append(1, 7, ''forged '' || n) FROM generate_series(1, 10) n')
	) f (forgery), audit_anchored(f.forgery, :anchor_sequence, :'anchor_hash') v;
SELECT ok, problem FROM bionic_crypt.verify_audit(1, 7, 6, sha256('x')) WHERE system_identifier = 1 AND database = 7;
SELECT ok, problem FROM bionic_crypt.verify_audit(1, 7, 6, :'anchor_hash') WHERE system_identifier = 1 AND database = 8;
SELECT ok, problem FROM bionic_crypt.verify_audit(3, 7, 6, :'anchor_hash') WHERE system_identifier = 3;
-- half an anchor is none
SELECT system_identifier, database, ok, problem FROM bionic_crypt.verify_audit(1, 7, 6) WHERE system_identifier = 1 AND database = 7;
SELECT system_identifier, database, ok, problem FROM bionic_crypt.verify_audit(anchor_hash => :'anchor_hash') WHERE NOT ok;

DROP FUNCTION audit_append, audit_forged, audit_anchored;
DROP VIEW audit_verdict, audit_changes, audit_victim;
ALTER TABLE bionic_crypt.catalog_audit ENABLE ALWAYS TRIGGER keep, ENABLE ALWAYS TRIGGER keep_row;
DELETE FROM bionic_crypt.catalog_audit WHERE system_identifier IN (1, 2);
DELETE FROM bionic_crypt.catalog_audit_pending WHERE system_identifier IN (1, 2);
SELECT bionic_crypt.revoke_all_tenants('regress_audit_all');
SELECT bionic_crypt.revoke_tenant('audit acme', 'regress_audit_acme');
SELECT bionic_crypt.revoke_tenant('audit acme', 'regress_audit_monitor');
DROP ROLE regress_audit_acme, regress_audit_all, regress_audit_monitor, regress_audit_nobody, regress_audit_writer;
