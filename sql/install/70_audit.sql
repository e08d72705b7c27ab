/*
 * What happened to tenants, keys and grants, and what was refused: chains of
 * rows, each of which has the hash of the one before.
 *
 * A chain belongs to one database of one server.  So a restore, a publication
 * or a copy of the database brings rows that clash with nobody's.  Whoever
 * changes the catalog leaves an event in the outbox, in the same transaction;
 * the key worker, the only one who writes the chain, moves it there.
 */

CREATE TABLE bionic_crypt.catalog_audit (
	system_identifier bigint,
	database oid,
	sequence bigint,
	at timestamptz NOT NULL,
	event text NOT NULL,
	tenant text COLLATE "C",
	role text,
	session_role text,
	detail jsonb NOT NULL,
	previous bytea NOT NULL,
	hash bytea NOT NULL,
	PRIMARY KEY (system_identifier, database, sequence),
	CHECK (sequence > 0),
	CHECK (isfinite(at)),
	CHECK (octet_length(previous) = 32),
	CHECK (octet_length(hash) = 32)
);
CREATE INDEX catalog_audit_tenant ON bionic_crypt.catalog_audit (tenant, at);
COMMENT ON TABLE bionic_crypt.catalog_audit IS 'audit: chains of events; read them through the view bionic_crypt.audit';

CREATE TABLE bionic_crypt.catalog_audit_pending (
	system_identifier bigint,
	database oid,
	at timestamptz,
	id uuid DEFAULT pg_catalog.gen_random_uuid(),
	event text NOT NULL,
	tenant text COLLATE "C",
	role text,
	session_role text,
	detail jsonb NOT NULL,
	PRIMARY KEY (system_identifier, database, at, id),
	CHECK (isfinite(at))
);
COMMENT ON TABLE bionic_crypt.catalog_audit_pending IS 'events on their way to the chain; read them through the view bionic_crypt.audit';

SELECT pg_catalog.pg_extension_config_dump('bionic_crypt.catalog_audit', '');
SELECT pg_catalog.pg_extension_config_dump('bionic_crypt.catalog_audit_pending', '');

/*
 * As for the other tables of the catalog; and here nothing is ever updated.
 * Statement triggers refuse before anything is done; a subscription's rows come
 * without them, so each is looked at, too.
 */

CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON bionic_crypt.catalog_audit
	FOR EACH STATEMENT EXECUTE FUNCTION bionic_crypt.catalog_guard();
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON bionic_crypt.catalog_audit_pending
	FOR EACH STATEMENT EXECUTE FUNCTION bionic_crypt.catalog_guard();
CREATE TRIGGER guard_row AFTER INSERT OR UPDATE OR DELETE ON bionic_crypt.catalog_audit
	FOR EACH ROW EXECUTE FUNCTION bionic_crypt.catalog_guard();
CREATE TRIGGER guard_row AFTER INSERT OR UPDATE OR DELETE ON bionic_crypt.catalog_audit_pending
	FOR EACH ROW EXECUTE FUNCTION bionic_crypt.catalog_guard();
ALTER TABLE bionic_crypt.catalog_audit ENABLE ALWAYS TRIGGER guard;
ALTER TABLE bionic_crypt.catalog_audit_pending ENABLE ALWAYS TRIGGER guard;
ALTER TABLE bionic_crypt.catalog_audit ENABLE ALWAYS TRIGGER guard_row;
ALTER TABLE bionic_crypt.catalog_audit_pending ENABLE ALWAYS TRIGGER guard_row;

CREATE FUNCTION bionic_crypt.audit_guard() RETURNS trigger
	AS 'MODULE_PATHNAME', 'bionic_crypt_audit_guard' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION bionic_crypt.audit_guard() IS 'internal: refuses to change rows of audit';

CREATE TRIGGER keep BEFORE UPDATE OR TRUNCATE ON bionic_crypt.catalog_audit
	FOR EACH STATEMENT EXECUTE FUNCTION bionic_crypt.audit_guard();
CREATE TRIGGER keep BEFORE UPDATE OR TRUNCATE ON bionic_crypt.catalog_audit_pending
	FOR EACH STATEMENT EXECUTE FUNCTION bionic_crypt.audit_guard();
CREATE TRIGGER keep_row AFTER UPDATE ON bionic_crypt.catalog_audit
	FOR EACH ROW EXECUTE FUNCTION bionic_crypt.audit_guard();
CREATE TRIGGER keep_row AFTER UPDATE ON bionic_crypt.catalog_audit_pending
	FOR EACH ROW EXECUTE FUNCTION bionic_crypt.audit_guard();
ALTER TABLE bionic_crypt.catalog_audit ENABLE ALWAYS TRIGGER keep;
ALTER TABLE bionic_crypt.catalog_audit_pending ENABLE ALWAYS TRIGGER keep;
ALTER TABLE bionic_crypt.catalog_audit ENABLE ALWAYS TRIGGER keep_row;
ALTER TABLE bionic_crypt.catalog_audit_pending ENABLE ALWAYS TRIGGER keep_row;

/*
 * The bytes that are hashed (docs/audit.md).  They never change: chains are
 * older than versions of this extension.
 */

CREATE FUNCTION bionic_crypt.audit_field(text) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
	RETURN coalesce(int4send(octet_length(convert_to($1, 'UTF8'))) || convert_to($1, 'UTF8'), int4send(-1));
COMMENT ON FUNCTION bionic_crypt.audit_field(text) IS 'internal: a text in UTF-8 after its length, which is -1 for NULL';

CREATE FUNCTION bionic_crypt.audit_hash(previous bytea, system_identifier bigint, database oid, sequence bigint,
		at timestamptz, event text, tenant text, role text, session_role text, detail jsonb)
	RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
	RETURN sha256('\x62696f6e69635f637279707420617564697400'::bytea	-- "bionic_crypt audit", 0
		|| previous || int8send(system_identifier) || oidsend(database) || int8send(sequence)
		|| int8send((extract(epoch FROM at) * 1000000)::bigint)
		|| bionic_crypt.audit_field(event) || bionic_crypt.audit_field(tenant)
		|| bionic_crypt.audit_field(role) || bionic_crypt.audit_field(session_role)
		|| bionic_crypt.audit_field(detail::text));
COMMENT ON FUNCTION bionic_crypt.audit_hash(bytea, bigint, oid, bigint, timestamptz, text, text, text, text, jsonb) IS 'SHA-256 of a row of audit and of the hash of the row before';

/*
 * What a role may see: events of the tenants it has a grant for; pg_monitor
 * sees all.  Hashes are not shown, since a tenant could guess at the events of
 * another between two of its own, and prove its guess.
 */

CREATE VIEW bionic_crypt.audit WITH (security_barrier) AS
	SELECT a.system_identifier, a.database, a.sequence, a.at, a.event, a.tenant, a.role, a.session_role, a.detail
	FROM (
		SELECT c.system_identifier, c.database, c.sequence, c.at, c.event, c.tenant, c.role, c.session_role, c.detail
		FROM bionic_crypt.catalog_audit c
		UNION ALL
		SELECT p.system_identifier, p.database, NULL, p.at, p.event, p.tenant, p.role, p.session_role, p.detail
		FROM bionic_crypt.catalog_audit_pending p) a
	WHERE pg_catalog.pg_has_role('pg_monitor', 'USAGE')
		OR a.tenant IN (SELECT t.tenant FROM bionic_crypt.tenants t);
COMMENT ON VIEW bionic_crypt.audit IS 'events of tenants for which the current role has a privilege; without a sequence when they are not in the chain yet';

/*
 * One pass over the chains, each row against the one before.  An anchor is
 * what this function answered before, kept where nobody can change it here:
 * without one, who rewrites all rows up to the last is not found out.
 */

CREATE FUNCTION bionic_crypt.verify_audit(
		anchor_system_identifier bigint DEFAULT NULL, anchor_database oid DEFAULT NULL,
		anchor_sequence bigint DEFAULT NULL, anchor_hash bytea DEFAULT NULL,
		OUT system_identifier bigint, OUT database oid, OUT first bigint, OUT last bigint, OUT head bytea,
		OUT events bigint, OUT pending bigint, OUT ok boolean, OUT first_bad bigint, OUT problem text)
	RETURNS SETOF record LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH checked AS (
		SELECT a.system_identifier, a.database, a.sequence,
			CASE
				WHEN a.hash IS DISTINCT FROM bionic_crypt.audit_hash(a.previous, a.system_identifier, a.database, a.sequence,
						a.at, a.event, a.tenant, a.role, a.session_role, a.detail)
					THEN 'row was changed'
				WHEN lag(a.sequence) OVER chain <> a.sequence - 1
					THEN 'rows before it are missing'
				WHEN lag(a.hash) OVER chain <> a.previous
						OR (a.sequence = 1 AND a.previous <> decode(repeat('00', 32), 'hex'))
					THEN 'row does not follow the one before'
			END AS problem
		FROM bionic_crypt.catalog_audit a
		WINDOW chain AS (PARTITION BY a.system_identifier, a.database ORDER BY a.sequence)
	), chains AS (
		SELECT c.system_identifier, c.database, min(c.sequence) AS first, max(c.sequence) AS last, count(*) AS events,
			min(c.sequence) FILTER (WHERE c.problem IS NOT NULL) AS first_bad,
			(array_agg(c.problem ORDER BY c.sequence) FILTER (WHERE c.problem IS NOT NULL))[1] AS problem
		FROM checked c GROUP BY c.system_identifier, c.database
	), outbox AS (
		SELECT p.system_identifier, p.database, count(*) AS events
		FROM bionic_crypt.catalog_audit_pending p GROUP BY p.system_identifier, p.database
	), anchor AS (
		SELECT anchor_system_identifier AS system_identifier, anchor_database AS database,
			anchor_sequence AS sequence, anchor_hash AS hash,
			num_nonnulls(anchor_system_identifier, anchor_database, anchor_sequence, anchor_hash) AS parts
	), compared AS (
		SELECT system_identifier, database, c.first, c.last, c.events, o.events AS pending, c.first_bad,
			coalesce(c.problem,
				CASE
					WHEN n.parts < 4 THEN 'anchor is not complete'
					WHEN coalesce(c.last, 0) < n.sequence THEN 'rows up to the anchor are missing'
					WHEN c.first - 1 > n.sequence THEN 'anchor is older than the first row'
					WHEN coalesce(
							(SELECT a.hash FROM bionic_crypt.catalog_audit a
								WHERE (a.system_identifier, a.database, a.sequence) = (n.system_identifier, n.database, n.sequence)),
							(SELECT a.previous FROM bionic_crypt.catalog_audit a
								WHERE (a.system_identifier, a.database, a.sequence) = (n.system_identifier, n.database, n.sequence + 1))
						) IS DISTINCT FROM n.hash THEN 'chain is not the one of the anchor'
				END) AS problem
		FROM chains c FULL JOIN outbox o USING (system_identifier, database)
			FULL JOIN (SELECT * FROM anchor WHERE parts > 0) n USING (system_identifier, database)
	)
	SELECT v.system_identifier, v.database, v.first, v.last,
		(SELECT a.hash FROM bionic_crypt.catalog_audit a
			WHERE (a.system_identifier, a.database, a.sequence) = (v.system_identifier, v.database, v.last)),
		coalesce(v.events, 0), coalesce(v.pending, 0), v.problem IS NULL, v.first_bad, v.problem
	FROM compared v ORDER BY v.system_identifier, v.database;
END;
COMMENT ON FUNCTION bionic_crypt.verify_audit(bigint, oid, bigint, bytea) IS 'checks the chains of audit, and one of them against an anchor kept elsewhere';
