#!/usr/bin/env bash
# Builds the extension, and shows it at work on a throw-away server: installs
# the packages it needs on Debian and Ubuntu, as root or as a user with sudo.
#
#	./demo.sh			a few chats of four tenants
#	./demo.sh FILE.tsv[.gz]		yours: tenant, conversation, turn, speaker, text
#
# PG_CONFIG chooses another PostgreSQL, 15 to 18.  Nothing is installed into
# it: the server is a copy.  At the end, or after Ctrl-C, nothing is left but
# the packages.  Ends with an error when something is not as it should be.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$root/test/setup.sh"

[ $# -le 1 ] || die "usage: ./demo.sh [FILE.tsv.gz]"
chats=$(realpath -e "${1:-$root/test/demo/chats.tsv}") || exit 1
[ -t 1 ] && bold=$'\e[1m' plain=$'\e[0m' || bold='' plain=''

step() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

# expect WHAT WANTED GOT: a promise, and whether it holds.
expect()
{
	[ "$2" = "$3" ] || die "FAILED: $1: expected $2, got $3"
	echo "   ok: $1"
}

# psql; PGUSER is the role.
sql()
{
	"${as_user[@]}" "$bin/psql" -XqP pager=off -P footer=off -v ON_ERROR_STOP=1 "$@"
}

# as_tenant TENANT OPTION...: psql, with a tenant set and as a variable.
as_tenant()
{
	local set="SELECT set_config('bionic_crypt.tenant', :'tenant', false) \\g /dev/null" tenant=$1
	shift
	{ echo "$set"; cat; } | sql -v tenant="$tenant" "$@"
}

# The SQLSTATE with which a command of the two above fails, or nothing.
sqlstate()
{
	{ "$@" -v VERBOSITY=sqlstate 2>&1 >/dev/null || true; } | sed -n 's/.*ERROR:  //p'
}

# How many files in folders hold one of the texts that we look for.
files_with_phrases() { (LC_ALL=C grep -rlFf "$work/phrases" "$@" || true) | wc -l; }

start_server()
{
	"${as_user[@]}" "$bin/initdb" -U postgres -A trust --no-sync -D "$1" >/dev/null
	"${as_user[@]}" tee -a "$1/postgresql.conf" >/dev/null <<-EOF
		shared_preload_libraries = 'bionic_crypt'
		listen_addresses = ''
		unix_socket_directories = '$1'
		fsync = off
	EOF
	(cd "$work" && "${as_user[@]}" "$bin/pg_ctl" -w -D "$1" -l "$1.log" start >/dev/null) ||
		{ tail -n 5 "$1.log"; die "the server does not start"; }
}

echo "bionic_crypt: a demonstration, of a minute or two"
step "1. Build, and start a server of our own"
setup_packages_build
setup_work
trap 'set +eu +o pipefail; teardown_work' EXIT
chmod 700 "$work"
gzip -dcf "$chats" >"$work/chats.tsv"
awk -F '\t' 'NF != 5 { exit 1 }' "$work/chats.tsv" || die "$chats does not have five columns in each line"

[ ${#as_user[@]} = 0 ] || chown postgres: "$work/chats.tsv"
setup_copy
start_server "$work/server"
export PGHOST=$work/server PGUSER=postgres PGDATABASE=postgres PGAPPNAME=demo
unset PGPORT PGSERVICE PGOPTIONS
echo "   $(sql -Atc "SELECT split_part(version(), ' on ', 1)"), data directory $work/server"

step "2. Tenants, each with a data key; the server's key file wraps them"
sql >/dev/null <<-EOF
	SET client_min_messages = warning;
	CREATE EXTENSION bionic_crypt;
	CREATE EXTENSION file_fdw;
	CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
	CREATE FOREIGN TABLE incoming (tenant text, conversation text, turn int, speaker text, content text)
		SERVER files OPTIONS (filename '$work/chats.tsv');
	CREATE ROLE app LOGIN;		-- the application's, for all tenants
	CREATE ROLE agent LOGIN;	-- one tenant's
	GRANT SELECT ON incoming TO app;
	GRANT CREATE ON SCHEMA public TO app;
	SELECT format('SELECT bionic_crypt.create_tenant(%L)', tenant)
		FROM incoming GROUP BY tenant ORDER BY tenant \gexec
	SELECT bionic_crypt.grant_all_tenants('app', '{encrypt,decrypt}'),
		bionic_crypt.grant_tenant(min(tenant), 'agent', '{encrypt,decrypt}') FROM bionic_crypt.tenants;
EOF
mapfile -t tenants < <(sql -Atc "SELECT tenant FROM bionic_crypt.tenants ORDER BY tenant")
[ ${#tenants[@]} -ge 2 ] || die "$chats has fewer than two tenants"
first=${tenants[0]} second=${tenants[1]}
sql -c "SELECT tenant, version, state, key_id, kms, algorithm FROM bionic_crypt.keys ORDER BY tenant LIMIT 5"
echo "   ${#tenants[@]} tenants; key file: $(ls "$work"/server.keys/*)"

step "3. A protected table, filled by the application's role"
PGUSER=app sql >/dev/null <<-'EOF'
	CREATE TABLE chats (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant text,
		conversation text, turn int, speaker text, content encrypted_text);
	SELECT bionic_crypt.protect_table('chats', 'tenant');
	GRANT ALL ON chats TO agent;
EOF
loaded=0 missing=0 started=$((${EPOCHREALTIME/./} / 1000))
for tenant in "${tenants[@]}"; do
	loaded=$((loaded + $(PGUSER=app as_tenant "$tenant" -At <<-'EOF'
		INSERT INTO chats (conversation, turn, speaker, content)
			SELECT conversation, turn, speaker, content FROM incoming WHERE tenant = :'tenant';
		SELECT count(*) FROM chats;
	EOF
	)))
	[ -z "$bold" ] || printf '\r   %-24.24s %7d turns' "$tenant" "$loaded"
done
printf "${bold:+\r}   %d turns of chats encrypted in %d ms%-20s\n" "$loaded" "$((${EPOCHREALTIME/./} / 1000 - started))" ""
expect "every line of the file is in the table" "$(wc -l <"$work/chats.tsv")" "$loaded"
for tenant in "${tenants[@]}"; do
	missing=$((missing + $(PGUSER=app as_tenant "$tenant" -At <<-'EOF'
		SELECT count(*) FROM (
			SELECT conversation, turn, speaker, content FROM incoming WHERE tenant = :'tenant'
			EXCEPT ALL SELECT conversation, turn, speaker, content::text FROM chats) AS missing;
	EOF
	)))
done
expect "every tenant reads back exactly its own text" 0 "$missing"

step "4. What lies on disk"
echo "   one chat as its tenant reads it, and as it is stored:"
as_tenant "$first" -At <<-'EOF' | cut -c 1-100 | sed 's/^/   /'
	SELECT min(id) AS id FROM chats WHERE tenant = :'tenant' \gset
	SELECT content FROM chats WHERE id = :id;
	RESET bionic_crypt.tenant;
	SELECT content FROM chats WHERE id = :id;
EOF
# Texts that COPY's escapes leave alone, and long enough to be rare.
awk -F '\t' 'length($5) > 40 && !/\\/ && !seen[$5]++ && ++n <= 50 { print $5 }' "$work/chats.tsv" >"$work/phrases"
[ -s "$work/phrases" ] || die "no text in $chats is long enough to look for"
sql -c "ANALYZE chats" -c CHECKPOINT
expect "$(wc -l <"$work/phrases") of its texts are in no table, index, WAL, statistics, log" 0 \
	"$(files_with_phrases "$work/server" "$work/server.log")"
sql -c "CREATE TABLE plain AS SELECT * FROM incoming" -c CHECKPOINT
expect "the same search finds them once a table holds plain text" 1 "$(($(files_with_phrases "$work/server") > 0))"
sql -c "DROP TABLE plain"

step "5. Tenants are kept apart"
for statement in "SELECT content FROM chats" "SELECT count(*) FROM chats" \
	"INSERT INTO chats (content) VALUES ('x')" "UPDATE chats SET turn = 0" "DELETE FROM chats"; do
	expect "$first's agent asks to act for $second: $statement" 42501 \
		"$(PGUSER=agent sqlstate as_tenant "$second" <<<"$statement")"
done
PGUSER=agent as_tenant "$first" <<<'SELECT tenant AS "tenants that the agent sees", count(*) FROM chats GROUP BY tenant'
expect "no tenant is set: plain text is not taken" KM005 "$(sqlstate sql -c "INSERT INTO chats (tenant, content) VALUES ('x', 'plain')")"

step "6. Search, as in plain text"
PGUSER=agent as_tenant "$first" <<-'EOF'
	SELECT conversation, turn, left(content, 80) AS "content ILIKE '%our%'"
		FROM chats WHERE content ILIKE '%our%' ORDER BY id LIMIT 3;
EOF

step "7. Rotate a key, suspend a tenant"
as_tenant "$first" <<-'EOF'
	SELECT bionic_crypt.rotate_key(:'tenant') \g /dev/null
	INSERT INTO chats (conversation, turn, speaker, content) VALUES ('new', 0, 'user', 'Written after it.');
	RESET bionic_crypt.tenant;
	SELECT k.tenant, k.version, k.state, k.key_id, count(c.id) AS values
		FROM bionic_crypt.keys k LEFT JOIN chats c ON c.tenant = k.tenant AND
			substr(bionic_crypt.encrypted_text_send(c.content), 13, 8) = decode(k.key_id, 'hex')
		WHERE k.tenant = :'tenant' GROUP BY 1, 2, 3, 4 ORDER BY 2;
EOF
read_all="SELECT count(content::text) FROM chats"
rows=$(PGUSER=agent as_tenant "$first" -At <<<"$read_all")
expect "values of both versions are read" "$(sql -v t="$first" -At <<<"SELECT count(*) FROM chats WHERE tenant = :'t'")" "$rows"
sql -v t="$first" >/dev/null <<<"SELECT bionic_crypt.suspend_tenant(:'t')"
expect "suspended: nobody reads them" KM003 "$(PGUSER=agent sqlstate as_tenant "$first" <<<"$read_all")"
sql -v t="$first" >/dev/null <<<"SELECT bionic_crypt.resume_tenant(:'t')"
expect "resumed: they are read again" "$rows" "$(PGUSER=agent as_tenant "$first" -At <<<"$read_all")"

step "8. Dump, and restore elsewhere"
"${as_user[@]}" "$bin/pg_dumpall" --roles-only >"$work/roles.sql"
"${as_user[@]}" "$bin/pg_dump" >"$work/dump.sql"
expect "the texts are not in the dump" 0 "$(files_with_phrases "$work/dump.sql")"
start_server "$work/elsewhere"
export PGHOST=$work/elsewhere
sql -v ON_ERROR_STOP=0 <"$work/roles.sql" 2>/dev/null
sql <"$work/dump.sql" >/dev/null
expect "all is restored without a key, and read by nobody" 58P01 "$(PGUSER=agent sqlstate as_tenant "$first" <<<"$read_all")"
"${as_user[@]}" cp -r "$work/server.keys" "$work/elsewhere.keys"
for _ in {1..20}; do	# a refusal is kept for five seconds
	[ "$(PGUSER=agent sqlstate as_tenant "$first" <<<"$read_all")" = 58P01 ] && sleep 1 || break
done
expect "with the key file there, all is read" "$rows" "$(PGUSER=agent as_tenant "$first" -At <<<"$read_all")"

step "All is as it should be."
