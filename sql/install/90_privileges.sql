/*
 * Every privilege, so that an auditor reads one file.
 *
 * What is granted to PUBLIC checks the caller itself, says nothing about a
 * tenant to who has no grant for it, or is called by PostgreSQL for every
 * user of the type.
 */

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA bionic_crypt FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA bionic_crypt FROM PUBLIC;
GRANT USAGE ON SCHEMA bionic_crypt TO PUBLIC;

-- Tenants: may create one who was granted EXECUTE; the rest check the grants.
GRANT EXECUTE ON FUNCTION bionic_crypt.current_tenant() TO PUBLIC;
GRANT EXECUTE ON FUNCTION bionic_crypt.suspend_tenant(text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION bionic_crypt.resume_tenant(text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION bionic_crypt.grant_tenant(text, regrole, text[]) TO PUBLIC;
GRANT EXECUTE ON FUNCTION bionic_crypt.revoke_tenant(text, regrole, text[]) TO PUBLIC;
GRANT EXECUTE ON FUNCTION bionic_crypt.rotate_key(text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION bionic_crypt.rewrap_keys(text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION bionic_crypt.move_tenant(text, text, text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION bionic_crypt.set_outage_grace(text, interval) TO PUBLIC;
GRANT EXECUTE ON FUNCTION bionic_crypt.set_attested(text, boolean) TO PUBLIC;
GRANT EXECUTE ON FUNCTION bionic_crypt.check_kms(text, text) TO PUBLIC;
GRANT SELECT ON bionic_crypt.tenants, bionic_crypt.keys, bionic_crypt.grants TO PUBLIC;
GRANT EXECUTE ON FUNCTION bionic_crypt.key_worker() TO pg_monitor;

-- The server's own key file: whoever may create tenants may use it.
GRANT USAGE ON FOREIGN SERVER embedded TO PUBLIC;

-- Tables: run as the caller, who must own the table.
GRANT EXECUTE ON FUNCTION bionic_crypt.protect_table(regclass, name) TO PUBLIC;
GRANT EXECUTE ON FUNCTION bionic_crypt.unprotect_table(regclass) TO PUBLIC;

-- Reports.
GRANT EXECUTE ON FUNCTION bionic_crypt.check_settings() TO pg_monitor;
GRANT EXECUTE ON FUNCTION bionic_crypt.build_info() TO pg_monitor;
GRANT EXECUTE ON FUNCTION bionic_crypt.kms_statistics() TO pg_monitor;
GRANT SELECT ON bionic_crypt.stat_kms TO pg_monitor;

-- Verification reads certificates of strangers in a process that may hold
-- keys: for nobody, until an administrator says who audits.

-- Audit: the view is for tenants as well, the rest for who sees all of it.
GRANT SELECT ON bionic_crypt.audit TO PUBLIC;
GRANT SELECT ON bionic_crypt.catalog_audit, bionic_crypt.catalog_audit_pending TO pg_monitor;
GRANT EXECUTE ON FUNCTION bionic_crypt.verify_audit(bigint, oid, bigint, bytea) TO pg_monitor;
GRANT EXECUTE ON FUNCTION bionic_crypt.audit_hash(bytea, bigint, oid, bigint, timestamptz, text, text, text, text, jsonb) TO pg_monitor;
GRANT EXECUTE ON FUNCTION bionic_crypt.audit_field(text) TO pg_monitor;

-- Types: for every user of a column; the key worker says whose keys.
GRANT EXECUTE ON FUNCTION bionic_crypt.encrypted_text_in(cstring) TO PUBLIC;
GRANT EXECUTE ON FUNCTION bionic_crypt.encrypted_text_out(@extschema@.encrypted_text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION bionic_crypt.encrypted_text_recv(internal) TO PUBLIC;
GRANT EXECUTE ON FUNCTION bionic_crypt.encrypted_text_send(@extschema@.encrypted_text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION bionic_crypt.encrypted_text_to_text(@extschema@.encrypted_text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION bionic_crypt.encrypted_text_from_text(text) TO PUBLIC;
GRANT EXECUTE ON FUNCTION bionic_crypt.encrypted_text_from_bpchar(character) TO PUBLIC;
GRANT EXECUTE ON FUNCTION bionic_crypt.encrypted_text_from_boolean(boolean) TO PUBLIC;
GRANT EXECUTE ON FUNCTION bionic_crypt.encrypted_text_from_inet(inet) TO PUBLIC;
GRANT EXECUTE ON FUNCTION bionic_crypt.belongs_to(@extschema@.encrypted_text, text) TO PUBLIC;
