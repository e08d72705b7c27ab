--
-- The objects of the extension by query rather than by eye
--

-- functions that everybody may call: each checks its caller, or is needed to
-- use the type
SELECT p.oid::regprocedure FROM pg_proc p
	WHERE p.pronamespace = 'bionic_crypt'::regnamespace
		AND has_function_privilege('public', p.oid, 'EXECUTE')
	ORDER BY p.oid::regprocedure::text COLLATE "C";

-- none runs with its owner's rights, and none that takes a type of ours is
-- immutable or leakproof, but for the look at the fingerprint
SELECT p.oid::regprocedure FROM pg_proc p
	WHERE p.pronamespace = 'bionic_crypt'::regnamespace AND p.prosecdef;
SELECT p.oid::regprocedure, p.provolatile, p.proleakproof FROM pg_proc p
	WHERE p.pronamespace = 'bionic_crypt'::regnamespace
		AND (p.provolatile = 'i' OR p.proleakproof)
	ORDER BY 1;

-- tables are for the owner, views for everybody
SELECT c.relname, c.relkind, has_table_privilege('public', c.oid, 'SELECT') AS public_reads,
		has_table_privilege('public', c.oid, 'INSERT,UPDATE,DELETE,TRUNCATE') AS public_writes
	FROM pg_class c
	WHERE c.relnamespace = 'bionic_crypt'::regnamespace AND c.relkind IN ('r', 'v')
	ORDER BY 1;

-- the catalog is dumped
SELECT conf::regclass FROM pg_extension e, unnest(e.extconfig) conf
	WHERE e.extname = 'bionic_crypt' ORDER BY conf::regclass::text COLLATE "C";

-- what is stored calls functions and operators of PostgreSQL and of ours only
SELECT pg_describe_object(d.classid, d.objid, d.objsubid) AS stored,
		pg_describe_object(d.refclassid, d.refobjid, 0) AS calls
	FROM pg_depend d
	WHERE d.classid IN ('pg_constraint'::regclass, 'pg_rewrite'::regclass, 'pg_trigger'::regclass,
			'pg_attrdef'::regclass, 'pg_proc'::regclass)
		AND pg_describe_object(d.classid, d.objid, d.objsubid) LIKE '%bionic\_crypt.%'
		AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
		AND d.refobjid NOT IN (SELECT oid FROM pg_proc WHERE pronamespace = 'bionic_crypt'::regnamespace)
	ORDER BY 1, 2;

-- views look at their own conditions first
SELECT c.relname AS without_barrier FROM pg_class c
	WHERE c.relnamespace = 'bionic_crypt'::regnamespace AND c.relkind = 'v'
		AND NOT coalesce(c.reloptions @> '{security_barrier=true}', false);

-- everything says what it is
SELECT pg_describe_object(d.classid, d.objid, 0) AS without_comment
	FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid
	WHERE e.extname = 'bionic_crypt' AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
		AND d.classid IN ('pg_proc'::regclass, 'pg_class'::regclass, 'pg_type'::regclass,
			'pg_foreign_data_wrapper'::regclass, 'pg_foreign_server'::regclass, 'pg_namespace'::regclass)
		AND obj_description(d.objid, (SELECT relname FROM pg_class WHERE oid = d.classid)) IS NULL
		AND NOT EXISTS (SELECT FROM pg_type t WHERE t.oid = d.objid AND (t.typrelid <> 0 OR t.typelem <> 0))
	ORDER BY 1;

-- settings
SELECT name, context, setting, unit FROM pg_settings WHERE name LIKE 'bionic_crypt.%' ORDER BY name COLLATE "C";
