--
-- KMS servers: options, who may name files, what is kept from changing
--
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_kms_user;
GRANT USAGE ON FOREIGN DATA WRAPPER bionic_crypt TO regress_kms_user;
GRANT CREATE ON DATABASE contrib_regression TO regress_kms_user;

-- options
CREATE SERVER kms_bad FOREIGN DATA WRAPPER bionic_crypt;
CREATE SERVER kms_bad FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'paper');
CREATE SERVER kms_bad FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file', colour 'red');
CREATE SERVER kms_bad FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file', path 'relative.key');
CREATE SERVER kms_bad FOREIGN DATA WRAPPER bionic_crypt OPTIONS (path '/tmp/x.key');
ALTER FOREIGN DATA WRAPPER bionic_crypt OPTIONS (path '/tmp/x.key');
CREATE USER MAPPING FOR CURRENT_USER SERVER embedded OPTIONS (password 'secret');

-- a file is named by who may read the server's files
SET ROLE regress_kms_user;
CREATE SERVER kms_user FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
ALTER SERVER kms_user OPTIONS (ADD path '/tmp/x.key');
CREATE SERVER kms_file FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file', path '/tmp/x.key');
RESET ROLE;
ALTER SERVER kms_user OPTIONS (ADD path '/tmp/x.key');
SET ROLE regress_kms_user;
ALTER SERVER kms_user OPTIONS (SET path '/tmp/y.key');
RESET ROLE;
ALTER SERVER kms_user OPTIONS (DROP path);
GRANT pg_read_server_files TO regress_kms_user;
SET ROLE regress_kms_user;
ALTER SERVER kms_user OPTIONS (ADD path '/tmp/x.key');
RESET ROLE;

-- a default place cannot be made to leave its folder
CREATE SERVER "../kms" FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
SELECT bionic_crypt.create_tenant('kms stray', kms => '../kms');
SELECT * FROM bionic_crypt.check_kms('../kms');
DROP SERVER "../kms";

-- a named file is outside the data directory, and is not made
SELECT current_setting('data_directory') AS data \gset
\set inside :data/base/x.key
CREATE SERVER kms_bad FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file', path :'inside');
\set inside :data/base/../x.key
CREATE SERVER kms_bad FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file', path :'inside');
\set inside :data
CREATE SERVER kms_bad FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file', path :'inside');
\set named :data.keys/kms_named.key
COPY (SELECT WHERE false) TO PROGRAM 'rm -f "$PWD.keys/kms_named.key"';	-- of an earlier run
CREATE SERVER kms_named FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file', path :'named');
\set VERBOSITY sqlstate
SELECT bionic_crypt.create_tenant('kms named', kms => 'kms_named');
\set VERBOSITY terse
COPY (SELECT WHERE false) TO PROGRAM 'test ! -e "$PWD.keys/kms_named.key"';
COPY (SELECT WHERE false) TO PROGRAM 'umask 077; mkdir -p "$PWD.keys"; head -c 32 /dev/urandom | base64 >"$PWD.keys/kms_named.key"';
SELECT bionic_crypt.create_tenant('kms named', kms => 'kms_named');
SELECT * FROM bionic_crypt.check_kms('kms_named');

-- trying it
SELECT * FROM bionic_crypt.check_kms('nowhere');
SELECT * FROM bionic_crypt.check_kms(NULL);
COPY (SELECT WHERE false) TO PROGRAM 'rm -f "$PWD.keys/"kms_fresh.*';	-- of an earlier run
CREATE SERVER kms_fresh FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
SELECT ok, problem LIKE 'key file "%.keys/kms_fresh.key" does not exist' AS problem
	FROM bionic_crypt.check_kms('kms_fresh');
SELECT bionic_crypt.create_tenant('kms acme', kms => 'kms_fresh');
SELECT * FROM bionic_crypt.check_kms('kms_fresh');

-- a key file that was lost is not made anew, also where no key is known to
-- need it, as in another database
COPY (SELECT WHERE false) TO PROGRAM 'rm -f "$PWD.keys/"kms_lost.*';
CREATE SERVER kms_lost FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
SELECT bionic_crypt.create_tenant('kms lost', kms => 'kms_lost');
COPY (SELECT WHERE false) TO PROGRAM 'mv "$PWD.keys/kms_lost.key" "$PWD.keys/kms_lost.away"';
DELETE FROM bionic_crypt.catalog_keys WHERE tenant = 'kms lost';
DELETE FROM bionic_crypt.catalog_tenants WHERE tenant = 'kms lost';
\set VERBOSITY sqlstate
SELECT bionic_crypt.create_tenant('kms found', kms => 'kms_lost');
\set VERBOSITY terse
COPY (SELECT WHERE false) TO PROGRAM 'test ! -e "$PWD.keys/kms_lost.key"';
COPY (SELECT WHERE false) TO PROGRAM 'rm "$PWD.keys/kms_lost.made"; mv "$PWD.keys/kms_lost.away" "$PWD.keys/kms_lost.key"';
SELECT bionic_crypt.create_tenant('kms found', kms => 'kms_lost');
COPY (SELECT WHERE false) TO PROGRAM 'test -e "$PWD.keys/kms_lost.made"';

-- USAGE on it is needed
SET ROLE regress_kms_user;
SELECT * FROM bionic_crypt.check_kms('kms_fresh');
RESET ROLE;
GRANT EXECUTE ON FUNCTION bionic_crypt.create_tenant(text, text, text, text, interval, boolean) TO regress_kms_user;
SET ROLE regress_kms_user;
SELECT bionic_crypt.create_tenant('kms other', kms => 'kms_fresh');
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER kms_fresh TO regress_kms_user;
SET ROLE regress_kms_user;
SELECT bionic_crypt.create_tenant('kms other', kms => 'kms_fresh');
SELECT tenant, privileges FROM bionic_crypt.grants;
RESET ROLE;

-- a server that is in use stays what it is
DROP SERVER kms_fresh;
DROP SERVER IF EXISTS nowhere, kms_fresh CASCADE;
ALTER SERVER kms_fresh RENAME TO kms_stale;
ALTER SERVER kms_fresh OPTIONS (SET provider 'file');
ALTER SERVER kms_fresh OPTIONS (ADD address 'https://kms.example');
ALTER SERVER kms_fresh OPTIONS (ADD mount 'transit');
ALTER SERVER kms_fresh OPTIONS (ADD namespace 'other');
ALTER SERVER kms_fresh OPTIONS (DROP binding);
ALTER SERVER kms_user OPTIONS (SET provider 'file');
ALTER SERVER kms_named OWNER TO regress_kms_user;
SET ROLE regress_kms_user;
ALTER SERVER kms_named OPTIONS (SET path '/tmp/x.key');
ALTER SERVER kms_named OPTIONS (DROP path);
RESET ROLE;
DROP OWNED BY regress_kms_user;
ALTER SERVER kms_named OWNER TO CURRENT_USER;
DO $$ BEGIN DROP SERVER kms_named; EXCEPTION WHEN OTHERS THEN RAISE WARNING '%', SQLSTATE; END $$;
BEGIN;
ALTER SERVER kms_named OPTIONS (SET path '/tmp/x.key');
ROLLBACK;
SELECT srvname FROM pg_foreign_server WHERE srvname IN ('kms_named', 'kms_fresh') ORDER BY 1;

-- in one transaction with its server
BEGIN;
CREATE SERVER kms_passing FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
SELECT bionic_crypt.create_tenant('kms passing', kms => 'kms_passing');
SET LOCAL bionic_crypt.tenant = 'kms passing';
SELECT ('read' || ' back')::text::encrypted_text;
ROLLBACK;
SELECT count(*) FROM bionic_crypt.tenants WHERE tenant = 'kms passing';

DROP SERVER kms_user;
REVOKE ALL ON FUNCTION bionic_crypt.create_tenant(text, text, text, text, interval, boolean) FROM regress_kms_user;
REVOKE USAGE ON FOREIGN SERVER kms_fresh FROM regress_kms_user;
REVOKE USAGE ON FOREIGN DATA WRAPPER bionic_crypt FROM regress_kms_user;
REVOKE CREATE ON DATABASE contrib_regression FROM regress_kms_user;
DELETE FROM bionic_crypt.catalog_grants WHERE role = 'regress_kms_user'::regrole;
DROP ROLE regress_kms_user;
