--
-- The KMS of tenants that are created without one
--
\set VERBOSITY terse
SET client_min_messages = warning;	-- the key file's notice holds a path
CREATE ROLE regress_default_user;
GRANT EXECUTE ON FUNCTION bionic_crypt.create_tenant(text, text, text, text, interval, boolean) TO regress_default_user;
COPY (SELECT WHERE false) TO PROGRAM 'rm -f "$PWD.keys/"default_*';	-- of an earlier run
CREATE SERVER default_ours FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
CREATE SERVER default_theirs FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
GRANT USAGE ON FOREIGN SERVER default_theirs TO regress_default_user;

-- a server as any other: who creates a tenant needs USAGE on it, as all have it
-- on embedded; only superusers say which it is
SELECT bionic_crypt.create_tenant('default first');
SET bionic_crypt.default_kms = 'default_ours';
SELECT bionic_crypt.create_tenant('default second');
SET ROLE regress_default_user;
SELECT bionic_crypt.create_tenant('default denied');
SET bionic_crypt.default_kms = 'embedded';
SET bionic_crypt.default_kek = 'any';
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER default_ours TO regress_default_user;
SET ROLE regress_default_user;
SELECT bionic_crypt.create_tenant('default third');
SELECT bionic_crypt.create_tenant('default with its own', kms => 'default_theirs');
SELECT bionic_crypt.move_tenant('default third', 'default_theirs');
SELECT bionic_crypt.move_tenant('default third', NULL);
RESET ROLE;

-- with a key of it, for who names neither; it is asked for at creation only
SET bionic_crypt.default_kek = 'for all';
SELECT bionic_crypt.create_tenant('default fourth');
SELECT bionic_crypt.create_tenant('default fifth', kek => 'its own');
SELECT bionic_crypt.create_tenant('default sixth', kms => 'default_ours');
SET bionic_crypt.default_kms = 'default_theirs';
SET bionic_crypt.default_kek = 'for others';
SELECT bionic_crypt.rotate_key('default fourth');
SELECT bionic_crypt.rewrap_keys('default fourth');
SELECT bionic_crypt.move_tenant('default second', 'default_ours');
SELECT t.tenant, t.kms, t.kek, array_agg(DISTINCT (k.kms, k.kek)::text) AS keys
	FROM bionic_crypt.tenants t JOIN bionic_crypt.keys k USING (tenant)
	WHERE t.tenant LIKE 'default %' GROUP BY 1, 2, 3 ORDER BY 1;

-- what is wrong with it is said when it is asked for
SELECT set_config('bionic_crypt.default_kek', repeat('k', 512), false) IS NULL AS no;
SELECT bionic_crypt.create_tenant('default denied');
RESET bionic_crypt.default_kek;
SET bionic_crypt.default_kms = 'nowhere';
SELECT bionic_crypt.create_tenant('default denied');
SET bionic_crypt.default_kms = '';	-- every tenant has to have one of its own
SELECT bionic_crypt.create_tenant('default denied');
RESET bionic_crypt.default_kms;
SELECT count(*) FROM bionic_crypt.tenants WHERE tenant = 'default denied';

REVOKE ALL ON FUNCTION bionic_crypt.create_tenant(text, text, text, text, interval, boolean) FROM regress_default_user;
REVOKE USAGE ON FOREIGN SERVER default_ours, default_theirs FROM regress_default_user;
SELECT bionic_crypt.revoke_tenant(tenant, 'regress_default_user') FROM bionic_crypt.grants
	WHERE role = 'regress_default_user'::regrole;
DROP ROLE regress_default_user;
