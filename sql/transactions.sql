--
-- Transactions: tenants, keys and grants work at once for the transaction
-- that made them, and leave nothing behind when it is rolled back
--
\set VERBOSITY terse
SET client_min_messages = warning;	-- the key file's notice holds a path
CREATE ROLE regress_transactions;
CREATE TABLE transactions_t (id int, v encrypted_text);
GRANT SELECT, INSERT ON transactions_t TO regress_transactions;

-- the version of the key of each value
CREATE FUNCTION transactions_versions() RETURNS TABLE (id int, version int)
SET bionic_crypt.tenant = '' LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT t.id, k.version FROM transactions_t t
		LEFT JOIN bionic_crypt.keys k ON decode(k.key_id, 'hex') = substring(decode(
			rpad(translate(substr(format('%s', t.v), 5), '-_', '+/'),
				(length(format('%s', t.v)) - 1) / 4 * 4, '='), 'base64') FROM 13 FOR 8)
		ORDER BY t.id;
END $$;

-- rolled back, nothing is left
BEGIN;
SELECT bionic_crypt.create_tenant('transactions acme');
SET LOCAL bionic_crypt.tenant = 'transactions acme';
INSERT INTO transactions_t VALUES (1, 'first');
SELECT id, v, bionic_crypt.current_tenant() FROM transactions_t;
ROLLBACK;
SELECT count(*) FROM transactions_t;
SELECT count(*) FROM bionic_crypt.tenants WHERE tenant = 'transactions acme';
SELECT count(*) FROM bionic_crypt.keys WHERE tenant = 'transactions acme';
SELECT count(*) FROM bionic_crypt.grants WHERE tenant = 'transactions acme';
\set VERBOSITY sqlstate
SET bionic_crypt.tenant = 'transactions acme';
SELECT bionic_crypt.current_tenant();
INSERT INTO transactions_t VALUES (1, 'first');
RESET bionic_crypt.tenant;
\set VERBOSITY terse

-- committed, all is there
BEGIN;
SELECT bionic_crypt.create_tenant('transactions acme');
SET LOCAL bionic_crypt.tenant = 'transactions acme';
INSERT INTO transactions_t VALUES (1, 'first');
SELECT id, v FROM transactions_t;
COMMIT;
SET bionic_crypt.tenant = 'transactions acme';
SELECT id, v FROM transactions_t;
SELECT * FROM transactions_versions();

-- a rotation is used at once; rolled back, the key of before is
BEGIN;
SELECT bionic_crypt.rotate_key('transactions acme');
INSERT INTO transactions_t VALUES (2, 'second');
SELECT id, v FROM transactions_t ORDER BY id;
SELECT * FROM transactions_versions();
ROLLBACK;
INSERT INTO transactions_t VALUES (2, 'second');
SELECT * FROM transactions_versions();
BEGIN;
INSERT INTO transactions_t VALUES (3, 'third');
SAVEPOINT s;
SELECT bionic_crypt.rotate_key('transactions acme');
INSERT INTO transactions_t VALUES (4, 'lost');
ROLLBACK TO s;
INSERT INTO transactions_t VALUES (4, 'fourth');
SAVEPOINT s;
SELECT bionic_crypt.rotate_key('transactions acme');
RELEASE s;
INSERT INTO transactions_t VALUES (5, 'fifth');
COMMIT;
INSERT INTO transactions_t VALUES (6, 'sixth');
SELECT id, v FROM transactions_t ORDER BY id;
SELECT * FROM transactions_versions();

-- in a block that catches its error
DO $$
BEGIN
	PERFORM bionic_crypt.rotate_key('transactions acme');
	INSERT INTO transactions_t VALUES (7, 'lost'::text);
	RAISE EXCEPTION 'no';
EXCEPTION WHEN raise_exception THEN
	INSERT INTO transactions_t VALUES (7, 'seventh'::text);
END $$;
SELECT v FROM transactions_t WHERE id = 7;
SELECT version FROM transactions_versions() WHERE id = 7;

-- a tenant made in a savepoint
RESET bionic_crypt.tenant;
BEGIN;
SAVEPOINT s;
SELECT bionic_crypt.create_tenant('transactions other');
SET LOCAL bionic_crypt.tenant = 'transactions other';
SELECT 'used'::text::encrypted_text::text;
ROLLBACK TO s;
SET LOCAL bionic_crypt.tenant = 'transactions other';
\set VERBOSITY sqlstate
SELECT 'unused'::text::encrypted_text::text;
\set VERBOSITY terse
ROLLBACK TO s;
SELECT bionic_crypt.create_tenant('transactions other');
SELECT bionic_crypt.rotate_key('transactions other');
RELEASE s;
SET LOCAL bionic_crypt.tenant = 'transactions other';
SELECT 'used'::text::encrypted_text::text;
COMMIT;
SELECT version, state FROM bionic_crypt.keys WHERE tenant = 'transactions other' ORDER BY version;

-- grants, used by SET ROLE in the transaction that made them
SET bionic_crypt.tenant = 'transactions acme';
BEGIN;
SELECT bionic_crypt.grant_tenant('transactions acme', 'regress_transactions', '{decrypt}');
SET LOCAL ROLE regress_transactions;
SELECT v FROM transactions_t WHERE id = 1;
SAVEPOINT s;
\set VERBOSITY sqlstate
INSERT INTO transactions_t VALUES (8, 'eighth');
ROLLBACK TO s;
RESET ROLE;
SAVEPOINT s;
SELECT bionic_crypt.grant_tenant('transactions acme', 'regress_transactions', '{encrypt}');
SET LOCAL ROLE regress_transactions;
INSERT INTO transactions_t VALUES (8, 'eighth');
ROLLBACK TO s;
SET LOCAL ROLE regress_transactions;
INSERT INTO transactions_t VALUES (8, 'eighth');
ROLLBACK;
SET ROLE regress_transactions;
SELECT v FROM transactions_t WHERE id = 1;
RESET ROLE;

-- a grant that was revoked, until that was rolled back
BEGIN;
SELECT bionic_crypt.grant_tenant('transactions acme', 'regress_transactions', '{decrypt}');
SAVEPOINT s;
SELECT bionic_crypt.revoke_tenant('transactions acme', 'regress_transactions');
SAVEPOINT t;
SET LOCAL ROLE regress_transactions;
SELECT v FROM transactions_t WHERE id = 1;
ROLLBACK TO t;
ROLLBACK TO s;
SET LOCAL ROLE regress_transactions;
SELECT v FROM transactions_t WHERE id = 1;
ROLLBACK;

-- a new tenant's owner passes it on
BEGIN;
SELECT bionic_crypt.create_tenant('transactions third');
SELECT bionic_crypt.grant_tenant('transactions third', 'regress_transactions', '{encrypt,decrypt}');
SET LOCAL ROLE regress_transactions;
SET LOCAL bionic_crypt.tenant = 'transactions third';
SELECT 'passed on'::text::encrypted_text::text;
SELECT bionic_crypt.current_tenant();
ROLLBACK;

-- a suspension that was rolled back
BEGIN;
SELECT bionic_crypt.suspend_tenant('transactions acme');
ROLLBACK;
SELECT v FROM transactions_t WHERE id = 1;

-- two-phase commit: of values, but not of tenants, keys or grants
BEGIN;
INSERT INTO transactions_t VALUES (8, 'eighth');
PREPARE TRANSACTION 'transactions values';
COMMIT PREPARED 'transactions values';
SELECT v FROM transactions_t WHERE id = 8;
BEGIN;
SELECT bionic_crypt.create_tenant('transactions third');
PREPARE TRANSACTION 'transactions tenant';
BEGIN;
SELECT bionic_crypt.rotate_key('transactions acme');
PREPARE TRANSACTION 'transactions key';
BEGIN;
SELECT bionic_crypt.grant_tenant('transactions acme', 'regress_transactions', '{decrypt}');
PREPARE TRANSACTION 'transactions grant';
BEGIN;
SELECT bionic_crypt.suspend_tenant('transactions acme');
PREPARE TRANSACTION 'transactions suspension';
SELECT count(*) FROM pg_prepared_xacts;
SELECT v FROM transactions_t WHERE id = 1;
SELECT count(*) FROM bionic_crypt.tenants WHERE tenant LIKE 'transactions%';

DROP FUNCTION transactions_versions();
DROP TABLE transactions_t;
DROP ROLE regress_transactions;
