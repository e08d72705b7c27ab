--
-- The catalog: whose tables are used, and what may happen while they are
--
\set VERBOSITY terse
SET client_min_messages = warning;	-- the key file's notice holds a path
SELECT bionic_crypt.create_tenant('catalog acme');

-- tables of that name that are not the extension's are not used
BEGIN;
ALTER EXTENSION bionic_crypt DROP TABLE bionic_crypt.catalog_tenants;
ALTER TABLE bionic_crypt.catalog_tenants RENAME TO catalog_tenants_put_by;
CREATE TABLE bionic_crypt.catalog_tenants (LIKE bionic_crypt.catalog_tenants_put_by INCLUDING ALL);
INSERT INTO bionic_crypt.catalog_tenants SELECT * FROM bionic_crypt.catalog_tenants_put_by;
SELECT bionic_crypt.suspend_tenant('catalog acme');
ROLLBACK;
SELECT bionic_crypt.suspend_tenant('catalog acme');
SELECT bionic_crypt.resume_tenant('catalog acme');
\c -
SET client_min_messages = warning;
BEGIN;
ALTER EXTENSION bionic_crypt DROP TABLE bionic_crypt.catalog_tenants;
SELECT bionic_crypt.suspend_tenant('catalog acme');
ROLLBACK;
SELECT bionic_crypt.suspend_tenant('catalog acme');

-- as in maintenance commands, nothing is left behind that others could use
CREATE FUNCTION catalog_leaves_table() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	CREATE TEMP TABLE catalog_left ();
	RETURN NULL;
END $$;
CREATE TRIGGER leaves AFTER UPDATE ON bionic_crypt.catalog_tenants EXECUTE FUNCTION catalog_leaves_table();
SELECT bionic_crypt.resume_tenant('catalog acme');
DROP TRIGGER leaves ON bionic_crypt.catalog_tenants;
SELECT bionic_crypt.resume_tenant('catalog acme');
DROP FUNCTION catalog_leaves_table();
