-- bionic_crypt.build_info(): what the library was built from, and which files
-- the server's code came from.  090_build_info.pl compares the digests with
-- those files.
CREATE TEMP TABLE info AS SELECT bionic_crypt.build_info() AS i;
SELECT k AS member, CASE WHEN k <> 'secret_memory' THEN jsonb_typeof(i -> k) END AS type
	FROM info, jsonb_object_keys(i) k ORDER BY k COLLATE "C";

-- what the build wrote into the library
SELECT i ->> 'version' = (SELECT extversion FROM pg_extension WHERE extname = 'bionic_crypt') AS version,
		i #>> '{source,sha256}' ~ '^[0-9a-f]{64}$' AS source,
		i #>> '{source,commit}' ~ '^[0-9a-f]{40,64}$' IS NOT false AS commit,
		i #>> '{source,tree}' ~ '^[0-9a-f]{40,64}$' IS NOT false AS tree,
		(i #>> '{source,commit}') IS NULL = ((i #>> '{source,tree}') IS NULL) AS both_or_none,
		i ->> 'compiler' ~ '[0-9]' AS compiler,
		i ->> 'flags' LIKE '%-f%' AND i ->> 'flags' NOT LIKE '%prefix-map%' AS flags FROM info;

-- what it was built for, and what runs
SELECT k AS software, i #>> ARRAY[k, 'built_for'] ~ '[0-9]' AS built_for, i #>> ARRAY[k, 'running'] ~ '[0-9]' AS running
	FROM info, unnest('{postgresql,openssl,libsodium,libcurl}'::text[]) k;
SELECT i #>> '{postgresql,running}' = version() AS this_server FROM info;

-- the memory of this database's key worker, once it has one
SELECT count(*) FROM bionic_crypt.check_kms('embedded');
SELECT bionic_crypt.build_info() ->> 'secret_memory' = (SELECT secret_memory FROM bionic_crypt.key_worker()) AS memory;

-- the files: the executable first, this library once, and nothing replaced
SELECT i #>> '{libraries,0,name}' AS first, i #>> '{library,name}' AS own, i #>> '{library,state}' AS state,
		i -> 'libraries' @> jsonb_build_array(i -> 'library') AS listed, i -> 'replaced' AS replaced FROM info;
SELECT count(*) AS own FROM info, jsonb_array_elements(i -> 'libraries') l WHERE l ->> 'name' = 'bionic_crypt.so';
SELECT * FROM info, jsonb_array_elements(i -> 'libraries') l
	WHERE l ->> 'sha256' !~ '^[0-9a-f]{64}$' OR l ->> 'sha256' IS NULL OR l ->> 'state' <> 'as_loaded'
		OR l ->> 'path' NOT LIKE '/%' OR l ->> 'path' NOT LIKE '%/' || (l ->> 'name');

-- for who watches the server
CREATE ROLE regress_nobody;
CREATE ROLE regress_watcher IN ROLE pg_monitor;
SET ROLE regress_nobody;
SELECT bionic_crypt.build_info();
SET ROLE regress_watcher;
SELECT bionic_crypt.build_info() #>> '{library,state}' AS state;
RESET ROLE;
DROP ROLE regress_nobody, regress_watcher;
