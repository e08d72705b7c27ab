-- Names and objects made to change what protect_table() runs.

SET client_min_messages = warning;
CREATE ROLE regress_hostile_app;
SELECT bionic_crypt.create_tenant('hostile_a'), bionic_crypt.create_tenant('hostile_b'), bionic_crypt.create_tenant('7101');
SELECT bionic_crypt.grant_tenant(tenant, 'regress_hostile_app', '{encrypt,decrypt}') FROM unnest('{hostile_a,hostile_b,7101}'::text[]) tenant;
RESET client_min_messages;

CREATE TABLE bystander (id int);

-- What protection put on a table of any name

CREATE FUNCTION pg_temp.state(regclass) RETURNS SETOF text LANGUAGE sql AS $$
	(SELECT concat_ws(' ', 'constraint', conname, pg_get_constraintdef(oid))
	FROM pg_constraint WHERE conrelid = $1 AND contype = 'c' ORDER BY conname)
	UNION ALL
	(SELECT concat_ws(' ', 'policy', polname, regexp_replace(pg_get_expr(polqual, polrelid), '\s+', ' ', 'g'))
	FROM pg_policy WHERE polrelid = $1 ORDER BY polname)
$$;

CREATE FUNCTION pg_temp.protect_and_undo(t regclass, tenant_column name) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM bionic_crypt.protect_table(t, tenant_column);
	PERFORM bionic_crypt.protect_table(t, tenant_column);
	RETURN QUERY SELECT * FROM pg_temp.state(t);
	PERFORM bionic_crypt.unprotect_table(t);
	IF EXISTS (SELECT FROM pg_temp.state(t)) THEN
		RAISE 'something is left';
	END IF;
END $$;

-- Names

CREATE SCHEMA "a.b ""c""; DROP TABLE bystander; --";
CREATE TABLE "a.b ""c""; DROP TABLE bystander; --"."t; DROP TABLE bystander; --" ("x""); DROP TABLE bystander; --" text, "y'z" encrypted_text);
SELECT pg_temp.protect_and_undo('"a.b ""c""; DROP TABLE bystander; --"."t; DROP TABLE bystander; --"', 'x"); DROP TABLE bystander; --');

CREATE TABLE "Größe 表" ("Mandant Ω" text, "Inhalt 😀" encrypted_text, "select" encrypted_text, "%s %n $1" encrypted_text);
SELECT pg_temp.protect_and_undo('"Größe 表"', 'Mandant Ω');

CREATE TABLE "user" ("current_user" text, "session" encrypted_text, tenant encrypted_text);
SELECT pg_temp.protect_and_undo('"user"', 'current_user');
CREATE TABLE "session" (tenant int, "session" encrypted_text);
SELECT pg_temp.protect_and_undo('"session"', 'tenant');
CREATE TABLE same (same int, x encrypted_text);
SELECT pg_temp.protect_and_undo('same', 'same');

-- Names so long that two guards would have the same, or that are taken

CREATE TABLE long_names (tenant_id text,
	a23456789012345678901234567890123456789012345678901234567890_1 encrypted_text,
	a23456789012345678901234567890123456789012345678901234567890_2 encrypted_text,
	"ä2345678901234567890123456789012345678901234567890123456789_ää" encrypted_text,
	taken encrypted_text,
	CONSTRAINT bionic_crypt_taken CHECK (tenant_id <> ''));
SELECT bionic_crypt.protect_table('long_names', 'tenant_id');
SELECT bionic_crypt.protect_table('long_names', 'tenant_id');
SELECT pg_temp.state('long_names');
SELECT bionic_crypt.unprotect_table('long_names');
SELECT pg_temp.state('long_names');

-- Operators, functions and types that come first in the caller's path

CREATE SCHEMA hostile;
CREATE FUNCTION hostile.always(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION hostile.always(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION hostile.belongs_to(encrypted_text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION hostile.current_tenant() RETURNS text LANGUAGE sql AS $$SELECT 'hostile_b'$$;
CREATE OPERATOR hostile.= (FUNCTION = hostile.always, LEFTARG = text, RIGHTARG = text);
CREATE OPERATOR hostile.= (FUNCTION = hostile.always, LEFTARG = int, RIGHTARG = int);
CREATE DOMAIN hostile.text AS pg_catalog.text DEFAULT 'hostile';
CREATE DOMAIN hostile.int4 AS pg_catalog.int4 DEFAULT 1;
CREATE TABLE public.texts (tenant_id pg_catalog.text, content encrypted_text);
CREATE TABLE public.numbers (tenant_id pg_catalog.int4, content encrypted_text);
GRANT ALL ON texts, numbers TO regress_hostile_app;
CREATE TABLE hostile.texts (tenant_id pg_catalog.text, content encrypted_text);

SET search_path = hostile, pg_catalog, public;
SELECT bionic_crypt.protect_table('public.texts', 'tenant_id');
SELECT bionic_crypt.protect_table('public.numbers', 'tenant_id');
ALTER TABLE public.texts ADD COLUMN more encrypted_text;
SHOW search_path;
RESET search_path;
SELECT pg_temp.state('texts');
SELECT pg_temp.state('numbers');
SELECT pg_temp.state('hostile.texts');
SELECT count(*) AS depends_on_hostile FROM pg_depend d
WHERE d.classid IN ('pg_policy'::regclass, 'pg_constraint'::regclass, 'pg_attrdef'::regclass)
	AND d.refobjid IN (
		SELECT oid FROM pg_proc WHERE pronamespace = 'hostile'::regnamespace
		UNION ALL SELECT oid FROM pg_operator WHERE oprnamespace = 'hostile'::regnamespace
		UNION ALL SELECT oid FROM pg_type WHERE typnamespace = 'hostile'::regnamespace AND typtype = 'd');

SET search_path = hostile, pg_catalog, public;
SET ROLE regress_hostile_app;
SET bionic_crypt.tenant = 'hostile_a';
INSERT INTO public.texts (content) VALUES ('apple');
SET bionic_crypt.tenant = 'hostile_b';
SELECT count(*) FROM public.texts;
SET bionic_crypt.tenant = '7101';
INSERT INTO public.numbers (tenant_id) VALUES (7102);
RESET ROLE;
RESET bionic_crypt.tenant;
RESET search_path;

-- The path is the caller's again after an error, too

SET search_path = hostile, pg_catalog, public;
SELECT bionic_crypt.protect_table('hostile.texts', 'content');
SHOW search_path;
RESET search_path;

-- A collation that takes different tenants for the same

DO $$
BEGIN
	EXECUTE 'CREATE COLLATION caseless (provider = icu, locale = ''und-u-ks-level2'', deterministic = false)';
	EXECUTE 'CREATE TABLE caseless_names (tenant_id text COLLATE caseless)';
	PERFORM bionic_crypt.protect_table('caseless_names', 'tenant_id');
EXCEPTION
	WHEN collation_mismatch THEN RAISE NOTICE '%', SQLERRM;
	WHEN feature_not_supported THEN		-- a server without ICU
		RAISE NOTICE 'tenant column "tenant_id" has a nondeterministic collation';
END $$;

SELECT count(*) FROM bystander;
SET client_min_messages = warning;
DROP SCHEMA hostile, "a.b ""c""; DROP TABLE bystander; --" CASCADE;
DROP TABLE texts, numbers, long_names, same, "session", "user", "Größe 表", bystander;
SELECT count(bionic_crypt.revoke_tenant(tenant, role)) FROM bionic_crypt.grants WHERE role = 'regress_hostile_app'::regrole;
DROP ROLE regress_hostile_app;
