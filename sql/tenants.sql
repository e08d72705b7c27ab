--
-- Tenants: creating, suspending, names, what a session without one sees
--
\set VERBOSITY terse
SET client_min_messages = warning;	-- the key file's notice holds a path
CREATE ROLE regress_tenants_nobody;

SELECT bionic_crypt.create_tenant('tenants acme');
SELECT bionic_crypt.create_tenant('tenants xchacha', algorithm => 'xchacha20-poly1305', outage_grace => '0');
SELECT tenant, state, kms, kek, algorithm, outage_grace FROM bionic_crypt.tenants
	WHERE tenant LIKE 'tenants%' ORDER BY tenant;
SELECT tenant, version, state, length(key_id), algorithm FROM bionic_crypt.keys
	WHERE tenant LIKE 'tenants%' ORDER BY tenant;

-- both algorithms
CREATE TABLE tenants_t (id int, v encrypted_text);
SET bionic_crypt.tenant = 'tenants acme';
INSERT INTO tenants_t VALUES (1, 'from acme');
SET bionic_crypt.tenant = 'tenants xchacha';
INSERT INTO tenants_t VALUES (2, 'from xchacha');
SELECT v FROM tenants_t WHERE id = 2;
SELECT v FROM tenants_t WHERE id = 1;
SET bionic_crypt.tenant = 'tenants acme';
SELECT v FROM tenants_t WHERE id = 1;
SELECT bionic_crypt.current_tenant();
RESET bionic_crypt.tenant;
SELECT bionic_crypt.current_tenant() IS NULL AS none;
SELECT left(v::text, 4) FROM tenants_t;

-- names and arguments
SELECT bionic_crypt.create_tenant('tenants acme');
SELECT bionic_crypt.create_tenant('');
SELECT bionic_crypt.create_tenant(repeat('x', 64));
SELECT bionic_crypt.create_tenant(E'tenants\nacme');
SELECT bionic_crypt.create_tenant(NULL);
SELECT bionic_crypt.create_tenant('tenants b', algorithm => 'rot13');
SELECT bionic_crypt.create_tenant('tenants b', outage_grace => '2 days');
SELECT bionic_crypt.create_tenant('tenants b', outage_grace => '-1 s');
SELECT bionic_crypt.create_tenant('tenants b', kms => 'nowhere');
SELECT bionic_crypt.create_tenant(repeat('é', 31) || 'x');
SET bionic_crypt.tenant = 'éééééééééééééééééééééééééééééééx';
SELECT bionic_crypt.current_tenant();
SELECT set_config('bionic_crypt.tenant', repeat('x', 64), false);
RESET bionic_crypt.tenant;

-- suspending
SELECT bionic_crypt.suspend_tenant('tenants acme');
SELECT bionic_crypt.suspend_tenant('tenants acme');
SET bionic_crypt.tenant = 'tenants acme';
\set VERBOSITY sqlstate
SELECT v FROM tenants_t WHERE id = 1;
INSERT INTO tenants_t VALUES (3, 'x'::text);
SELECT bionic_crypt.current_tenant();
SELECT bionic_crypt.rotate_key('tenants acme');
\set VERBOSITY terse
SELECT bionic_crypt.resume_tenant('tenants acme');
SELECT v FROM tenants_t WHERE id = 1;

-- a shredded tenant says so
UPDATE bionic_crypt.catalog_tenants SET state = 'shredded' WHERE tenant = 'tenants xchacha';
SET bionic_crypt.tenant = 'tenants xchacha';
\set VERBOSITY sqlstate
SELECT v FROM tenants_t WHERE id = 2;
SELECT bionic_crypt.resume_tenant('tenants xchacha');
\set VERBOSITY terse
RESET bionic_crypt.tenant;

-- whoever may not is told the same, whether there is such a tenant or not
SET ROLE regress_tenants_nobody;
SELECT bionic_crypt.create_tenant('tenants b');
SELECT bionic_crypt.suspend_tenant('tenants acme');
SELECT bionic_crypt.suspend_tenant('tenants b');
SELECT bionic_crypt.rotate_key('tenants acme');
SELECT bionic_crypt.rewrap_keys('tenants b');
SELECT count(*) FROM bionic_crypt.tenants;
SELECT count(*) FROM bionic_crypt.keys;
SELECT count(*) FROM bionic_crypt.catalog_keys;
SET bionic_crypt.tenant = 'tenants acme';
SELECT bionic_crypt.current_tenant();
SET bionic_crypt.tenant = 'tenants b';
SELECT bionic_crypt.current_tenant();
RESET bionic_crypt.tenant;
RESET ROLE;

-- the setting's sources and scope
ALTER ROLE regress_tenants_nobody SET bionic_crypt.tenant = 'tenants acme';
ALTER DATABASE contrib_regression SET bionic_crypt.tenant = 'tenants acme';
ALTER SYSTEM SET bionic_crypt.tenant = 'tenants acme';
ALTER ROLE regress_tenants_nobody SET bionic_crypt.tenant_scope = 'transaction';
ALTER ROLE regress_tenants_nobody RESET bionic_crypt.tenant_scope;

SET bionic_crypt.tenant_scope = transaction;
SET bionic_crypt.tenant = 'tenants acme';
SHOW bionic_crypt.tenant;
BEGIN;
SET bionic_crypt.tenant = 'tenants acme';
SELECT v FROM tenants_t WHERE id = 1;
SAVEPOINT s;
SET LOCAL bionic_crypt.tenant = 'tenants b';
ROLLBACK TO s;
SHOW bionic_crypt.tenant;
COMMIT;
SHOW bionic_crypt.tenant;
BEGIN;
SET bionic_crypt.tenant = 'tenants acme';
ROLLBACK;
SHOW bionic_crypt.tenant;
RESET bionic_crypt.tenant_scope;

-- a function's own setting holds while it runs
CREATE FUNCTION tenants_read(int) RETURNS text LANGUAGE sql STABLE
	SET bionic_crypt.tenant = 'tenants acme'
	AS 'SELECT v::text FROM tenants_t WHERE id = $1';
SELECT tenants_read(1);
SHOW bionic_crypt.tenant;

-- dumps see ciphertext, whatever is set
SET bionic_crypt.tenant = 'tenants acme';
SET application_name = 'pg_dump';
COPY (SELECT left(v::text, 4) FROM (SELECT v FROM tenants_t WHERE id = 1) x) TO STDOUT;
CREATE TEMP TABLE tenants_copy (line text);
\copy (SELECT v FROM tenants_t) TO PROGRAM 'cut -c 1-4'
SET application_name = 'psql';
\copy (SELECT v FROM tenants_t WHERE id = 1) TO STDOUT
RESET bionic_crypt.tenant;

DROP FUNCTION tenants_read(int);
DROP TABLE tenants_t;
DROP ROLE regress_tenants_nobody;
