/* Tenants, their keys, and who may act for them. */

CREATE FUNCTION bionic_crypt.create_tenant(tenant text, kms text DEFAULT NULL, kek text DEFAULT NULL,
	algorithm text DEFAULT 'xaes-256-gcm', outage_grace interval DEFAULT '10 minutes',
	attested boolean DEFAULT false) RETURNS void
	AS 'MODULE_PATHNAME', 'bionic_crypt_create_tenant' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION bionic_crypt.create_tenant(text, text, text, text, interval, boolean) IS 'creates a tenant with a data key wrapped by its KMS; the caller gets all privileges for it';

CREATE FUNCTION bionic_crypt.suspend_tenant(tenant text) RETURNS void
	AS 'MODULE_PATHNAME', 'bionic_crypt_suspend_tenant' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION bionic_crypt.suspend_tenant(text) IS 'stops every use of the tenant''s keys until bionic_crypt.resume_tenant()';

CREATE FUNCTION bionic_crypt.resume_tenant(tenant text) RETURNS void
	AS 'MODULE_PATHNAME', 'bionic_crypt_resume_tenant' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION bionic_crypt.resume_tenant(text) IS 'ends what bionic_crypt.suspend_tenant() began';

CREATE FUNCTION bionic_crypt.set_outage_grace(tenant text, outage_grace interval) RETURNS void
	AS 'MODULE_PATHNAME', 'bionic_crypt_set_outage_grace' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION bionic_crypt.set_outage_grace(text, interval) IS 'how long the tenant''s keys may be used while its KMS cannot be asked';

CREATE FUNCTION bionic_crypt.set_attested(tenant text, attested boolean) RETURNS void
	AS 'MODULE_PATHNAME', 'bionic_crypt_set_attested' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION bionic_crypt.set_attested(text, boolean) IS 'whether the tenant''s keys are asked for with an attestation token only';

CREATE FUNCTION bionic_crypt.current_tenant() RETURNS text
	AS 'MODULE_PATHNAME', 'bionic_crypt_current_tenant' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION bionic_crypt.current_tenant() IS 'the session''s tenant once the current role''s grant was checked; NULL when none is set';

CREATE FUNCTION bionic_crypt.grant_tenant(tenant text, role regrole, privileges text[]) RETURNS void
	AS 'MODULE_PATHNAME', 'bionic_crypt_grant_tenant' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION bionic_crypt.grant_tenant(text, regrole, text[]) IS 'lets a role encrypt, decrypt, manage or own a tenant';

CREATE FUNCTION bionic_crypt.revoke_tenant(tenant text, role regrole,
	privileges text[] DEFAULT '{encrypt,decrypt,manage,own}') RETURNS void
	AS 'MODULE_PATHNAME', 'bionic_crypt_revoke_tenant' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION bionic_crypt.revoke_tenant(text, regrole, text[]) IS 'takes privileges for a tenant from a role';

CREATE FUNCTION bionic_crypt.grant_all_tenants(role regrole, privileges text[]) RETURNS void
	AS 'MODULE_PATHNAME', 'bionic_crypt_grant_all_tenants' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION bionic_crypt.grant_all_tenants(regrole, text[]) IS 'the same for all tenants, those to come included: for the one role of a pooled application';

CREATE FUNCTION bionic_crypt.revoke_all_tenants(role regrole,
	privileges text[] DEFAULT '{encrypt,decrypt,manage,own}') RETURNS void
	AS 'MODULE_PATHNAME', 'bionic_crypt_revoke_all_tenants' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION bionic_crypt.revoke_all_tenants(regrole, text[]) IS 'takes back what bionic_crypt.grant_all_tenants() gave';

CREATE FUNCTION bionic_crypt.rotate_key(tenant text) RETURNS integer
	AS 'MODULE_PATHNAME', 'bionic_crypt_rotate_key' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION bionic_crypt.rotate_key(text) IS 'makes a new version of the tenant''s data key the active one, and answers its number';

CREATE FUNCTION bionic_crypt.rewrap_keys(tenant text) RETURNS integer
	AS 'MODULE_PATHNAME', 'bionic_crypt_rewrap_keys' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION bionic_crypt.rewrap_keys(text) IS 'wraps the tenant''s data keys anew, after its key-encryption key was rotated; answers their number';

CREATE FUNCTION bionic_crypt.move_tenant(tenant text, kms text, kek text DEFAULT NULL) RETURNS integer
	AS 'MODULE_PATHNAME', 'bionic_crypt_move_tenant' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION bionic_crypt.move_tenant(text, text, text) IS 'has another KMS wrap the tenant''s data keys, so that the old one is not needed any more; answers their number';

CREATE FUNCTION bionic_crypt.check_kms(server text, kek text DEFAULT NULL,
	OUT ok boolean, OUT problem text, OUT detail text)
	AS 'MODULE_PATHNAME', 'bionic_crypt_check_kms' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION bionic_crypt.check_kms(text, text) IS 'tries a KMS by wrapping and unwrapping a key that nobody uses';

CREATE FUNCTION bionic_crypt.key_worker(OUT pid integer, OUT secret_memory text,
	OUT keys_held bigint, OUT requests bigint, OUT refusals bigint,
	OUT wraps bigint, OUT unwraps bigint, OUT kms_failures bigint)
	AS 'MODULE_PATHNAME', 'bionic_crypt_key_worker' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION bionic_crypt.key_worker() IS 'the key worker of this database and what it counted since the server started';
