--
-- The extension created in a schema where somebody planted better matches
--
SET client_min_messages = warning;
CREATE DATABASE regress_hostile_install;
\c regress_hostile_install
SET client_min_messages = warning;
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.within(text[], text[]) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION hostile.same(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION hostile.octet_length(text) RETURNS integer LANGUAGE sql AS 'SELECT 8';
CREATE FUNCTION hostile.octet_length(bytea) RETURNS integer LANGUAGE sql AS 'SELECT 8';
CREATE FUNCTION hostile.pg_has_role(regrole, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION hostile.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT pg_catalog.now()';
CREATE OPERATOR hostile.<@ (LEFTARG = text[], RIGHTARG = text[], FUNCTION = hostile.within);
CREATE OPERATOR hostile.= (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.same);
SET search_path = hostile, public;
CREATE EXTENSION bionic_crypt SCHEMA hostile;
SHOW search_path;
RESET search_path;

-- nothing that is stored calls what was planted
SELECT pg_describe_object(classid, objid, objsubid) AS hostile,
		pg_describe_object(refclassid, refobjid, 0) AS planted
	FROM pg_depend d
	WHERE classid NOT IN ('pg_operator'::regclass, 'pg_proc'::regclass)
		AND (refclassid = 'pg_operator'::regclass
				AND refobjid IN (SELECT oid FROM pg_operator WHERE oprnamespace = 'hostile'::regnamespace)
			OR refclassid = 'pg_proc'::regclass
				AND refobjid IN (SELECT oid FROM pg_proc WHERE pronamespace = 'hostile'::regnamespace))
	ORDER BY 1, 2;
SELECT pg_get_constraintdef(oid) FROM pg_constraint
	WHERE conrelid = 'bionic_crypt.catalog_grants'::regclass AND contype = 'c';

-- the type is in the schema, and the session's path is what it was
SELECT 'hostile.encrypted_text'::regtype;

-- goes with its tenants and the server that wrapped their keys
CREATE SERVER install_gold FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
SELECT bionic_crypt.create_tenant('install acme', kms => 'install_gold');
DROP EXTENSION bionic_crypt CASCADE;
CREATE EXTENSION bionic_crypt SCHEMA hostile;
SELECT bionic_crypt.create_tenant('install acme');
DROP SCHEMA hostile CASCADE;
SELECT count(*) FROM pg_foreign_server;
\c contrib_regression
DROP DATABASE regress_hostile_install;
