--
-- A KMS server by which keys are wrapped stays which it is, whoever owns it
--
\set VERBOSITY terse
SET client_min_messages = warning;	-- the key file's notice holds a path
CREATE ROLE regress_guard_owner;
SELECT bionic_crypt.create_tenant('guard acme');
CREATE SERVER guard_vault FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'vault',
	address 'https://vault.example', auth_method 'token', token_file '/run/keys/token');

-- not in use, all of it changes
ALTER SERVER guard_vault OPTIONS (SET address 'https://new.vault.example', ADD mount 'other', ADD namespace 'other');
ALTER SERVER guard_vault OPTIONS (ADD binding 'derived_context', DROP mount, DROP namespace);

BEGIN;
UPDATE bionic_crypt.catalog_keys SET kms = 'guard_vault' WHERE tenant = 'guard acme';

-- where it is, and how it binds a key, stays
SAVEPOINT s;
ALTER SERVER guard_vault OPTIONS (SET provider 'file', DROP address, DROP auth_method, DROP token_file, DROP binding);
ROLLBACK TO s;
ALTER SERVER guard_vault OPTIONS (SET address 'https://vault.elsewhere.example');
ROLLBACK TO s;
ALTER SERVER guard_vault OPTIONS (ADD mount 'other');
ROLLBACK TO s;
ALTER SERVER guard_vault OPTIONS (ADD namespace 'other');
ROLLBACK TO s;
ALTER SERVER guard_vault OPTIONS (SET binding 'associated_data');
ROLLBACK TO s;
ALTER SERVER guard_vault OPTIONS (DROP binding);
ROLLBACK TO s;
ALTER SERVER guard_vault RENAME TO guard_other;
ROLLBACK TO s;
DROP SERVER guard_vault;
ROLLBACK TO s;

-- who we are to it changes, by who may name files of the server
ALTER SERVER guard_vault OPTIONS (SET auth_method 'jwt', DROP token_file, ADD jwt_file '/run/keys/jwt',
	ADD role 'vendor', ADD auth_mount 'identities', ADD ca_file '/etc/ssl/vault.pem', ADD request_timeout_ms '500');

-- its owner, who may not, alters nothing of it, not even by taking files away
ALTER SERVER guard_vault OWNER TO regress_guard_owner;
SET LOCAL ROLE regress_guard_owner;
SAVEPOINT s;
ALTER SERVER guard_vault OPTIONS (SET address 'https://vault.elsewhere.example');
ROLLBACK TO s;
ALTER SERVER guard_vault OPTIONS (SET auth_mount 'elsewhere');
ROLLBACK TO s;
ALTER SERVER guard_vault OPTIONS (DROP ca_file);
ROLLBACK TO s;
ALTER SERVER guard_vault OPTIONS (SET request_timeout_ms '600');
ROLLBACK TO s;
ALTER SERVER guard_vault RENAME TO guard_other;
ROLLBACK TO s;
DROP SERVER guard_vault;
ROLLBACK TO s;
DROP OWNED BY regress_guard_owner;
ROLLBACK;

-- nor does an owner who may not name files when it is not in use
ALTER SERVER guard_vault OWNER TO regress_guard_owner;
SET ROLE regress_guard_owner;
ALTER SERVER guard_vault OPTIONS (SET address 'https://vault.elsewhere.example');
ALTER SERVER guard_vault OPTIONS (SET token_file '/etc/passwd');
RESET ROLE;

-- a tenant without keys keeps it as well; destroyed keys, and a shredded one, do not
BEGIN;
UPDATE bionic_crypt.catalog_tenants SET kms = 'guard_vault' WHERE tenant = 'guard acme';
SAVEPOINT s;
DROP SERVER guard_vault;
ROLLBACK TO s;
UPDATE bionic_crypt.catalog_tenants SET state = 'shredded' WHERE tenant = 'guard acme';
UPDATE bionic_crypt.catalog_keys SET kms = 'guard_vault' WHERE tenant = 'guard acme';
SAVEPOINT s;
DROP SERVER guard_vault;
ROLLBACK TO s;
UPDATE bionic_crypt.catalog_keys SET state = 'destroyed' WHERE tenant = 'guard acme';
DROP SERVER guard_vault;
ROLLBACK;
DROP SERVER guard_vault;

-- the region of AWS is where it is, too
CREATE SERVER guard_aws FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'aws', region 'eu-central-1',
	auth_method 'static', credentials_file '/run/keys/aws');
BEGIN;
UPDATE bionic_crypt.catalog_keys SET kms = 'guard_aws' WHERE tenant = 'guard acme';
SAVEPOINT s;
ALTER SERVER guard_aws OPTIONS (SET region 'eu-west-1');
ROLLBACK TO s;
ALTER SERVER guard_aws OPTIONS (ADD address 'https://kms.elsewhere.example');
ROLLBACK TO s;
ALTER SERVER guard_aws OPTIONS (SET auth_method 'imds', DROP credentials_file);
ROLLBACK;
DROP SERVER guard_aws;
DROP ROLE regress_guard_owner;
