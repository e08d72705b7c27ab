# pg_upgrade from an older PostgreSQL, whose programs are in the folder that
# BIONIC_CRYPT_TEST_OLD names and which has the extension as well: all that the
# old cluster holds is in the new one, byte by byte, and no key is asked for
# meanwhile.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Test;

my $old_path = $ENV{BIONIC_CRYPT_TEST_OLD};
plan skip_all => 'no older PostgreSQL: test/matrix.sh has one' if !$old_path;

my @init = (extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
my $old = init_node(PostgreSQL::Test::Cluster->new('old', install_path => $old_path), @init);
$old->start;
cmp_ok($old->pg_version->major, '<', `pg_config --version` =~ /(\d+)/ && $1, 'the old cluster is of an older PostgreSQL');

$old->safe_psql('postgres', 'CREATE ROLE regress_app LOGIN; CREATE DATABASE saas');
$old->safe_psql('saas', <<'SQL');
CREATE SCHEMA types;
CREATE EXTENSION bionic_crypt SCHEMA types;
SET search_path = public, types;
CREATE SERVER gold FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
SELECT bionic_crypt.create_tenant('acme'), bionic_crypt.create_tenant('gold', kms => 'gold', outage_grace => '0'),
	bionic_crypt.create_tenant('Zürich & Söhne', algorithm => 'xchacha20-poly1305');
SELECT bionic_crypt.grant_tenant('acme', 'regress_app', '{encrypt,decrypt}');

CREATE DOMAIN note AS encrypted_text NOT NULL;
CREATE TYPE pair AS (name text, secret encrypted_text);
CREATE TABLE chats (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant text, gone text,
	content encrypted_text, status encrypted_text DEFAULT 'new'::text,
	copy encrypted_text GENERATED ALWAYS AS (content) STORED CHECK (length(copy) < 10000));
ALTER TABLE chats DROP gone;
CREATE TABLE labels (tags encrypted_text[], pairs pair[]);
CREATE TABLE events (tenant text, day date, what note) PARTITION BY RANGE (day);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_more PARTITION OF events DEFAULT PARTITION BY HASH (tenant);
CREATE TABLE events_more_0 PARTITION OF events_more FOR VALUES WITH (MODULUS 1, REMAINDER 0);
SET bionic_crypt.tenant = 'acme';	-- for literals in the definitions
CREATE VIEW short WITH (security_invoker) AS SELECT id, left(content, 5) AS content, content ILIKE '%heron%' AS found,
	coalesce(status, 'none') AS status FROM chats;
CREATE FUNCTION say(encrypted_text) RETURNS text LANGUAGE sql AS $$SELECT upper($1)$$;
CREATE FUNCTION ask(value encrypted_text DEFAULT 'why'::text) RETURNS text LANGUAGE sql RETURN value || '?';
CREATE RULE quiet AS ON UPDATE TO short DO INSTEAD NOTHING;
CREATE INDEX ON chats (tenant) WHERE content IS NOT NULL;
SELECT bionic_crypt.protect_table('chats', 'tenant'), bionic_crypt.protect_table('events', 'tenant');
GRANT USAGE ON SCHEMA types TO regress_app;
GRANT ALL ON chats, labels, events, short TO regress_app;

INSERT INTO chats (content) VALUES ('heron one'), (''), (NULL), (repeat('long heron ', 500));
SELECT bionic_crypt.rotate_key('acme');
INSERT INTO chats (content) SELECT 'after the rotation ' || g FROM generate_series(1, 1000) g;
ALTER TABLE chats ADD COLUMN later text DEFAULT 'plain';
INSERT INTO labels VALUES ('{red,"a, b",NULL}', ARRAY[('x', 'y'::text)::pair]);
INSERT INTO events (day, what) VALUES ('2024-02-29', 'leap'), ('2030-01-01', 'far');
CREATE MATERIALIZED VIEW copies AS SELECT id, content FROM chats WHERE tenant = 'acme';
SET bionic_crypt.tenant = 'Zürich & Söhne';
INSERT INTO chats (content) VALUES ('der Reiher');
SET bionic_crypt.tenant = 'gold';
INSERT INTO chats (content) VALUES ('golden');
SELECT bionic_crypt.suspend_tenant('Zürich & Söhne');
SQL

# With a tenant set by the environment nothing is different.
my %same = (
	'tenants, keys and grants' => q{
		SELECT md5(string_agg(t::text, ' ' ORDER BY tenant)) FROM bionic_crypt.catalog_tenants t;
		SELECT md5(string_agg(k::text, ' ' ORDER BY tenant, version)) FROM bionic_crypt.catalog_keys k;
		SELECT string_agg(g::text, ' ' ORDER BY tenant, role::text) FROM bionic_crypt.catalog_grants g;
		SELECT srvname, srvoptions FROM pg_foreign_server ORDER BY 1},
	'stored values' => q{
		SELECT count(*), md5(string_agg(c::text, ' ' ORDER BY id)) FROM chats c;
		SELECT md5(string_agg(c::text, ' ' ORDER BY id)) FROM copies c;
		SELECT md5(string_agg(e::text, ' ' ORDER BY day)), string_agg(tableoid::regclass::text, ' ' ORDER BY day) FROM events e;
		SELECT md5(l::text) FROM labels l},
	'definitions' => q{
		SELECT pg_get_functiondef('say'::regproc), pg_get_functiondef('ask'::regproc);
		SELECT string_agg(pg_get_constraintdef(oid), ' ' ORDER BY conrelid::regclass::text, conname) FROM pg_constraint
			WHERE connamespace = 'public'::regnamespace AND contype = 'c';
		SELECT string_agg(tablename || ' ' || policyname || ' ' || qual, ', ' ORDER BY tablename, policyname) FROM pg_policies;
		SELECT string_agg(tgname || ' ' || tgenabled::text, ', ' ORDER BY tgrelid::regclass::text, tgname) FROM pg_trigger
			WHERE tgrelid::regclass::text ~ '^bionic_crypt';
		SELECT string_agg(pg_get_expr(adbin, adrelid), ', ' ORDER BY adrelid::regclass::text, adnum) FROM pg_attrdef
			WHERE adrelid::regclass::text !~ '^bionic_crypt'});
my $text = q{
	SET bionic_crypt.tenant = 'acme';
	SELECT id, content, status, copy, later FROM chats ORDER BY id;
	SELECT * FROM short ORDER BY id LIMIT 5;
	SELECT * FROM labels;
	SELECT what, say(what) FROM events ORDER BY day;
	SELECT ask()};
my @app = (extra_params => [ '-U', 'regress_app' ]);
my $path = "SET search_path = public, types;\n";
my %before = map { $_ => $old->safe_psql('saas', $path . $same{$_}) } sort keys %same;
my $text_before = $old->safe_psql('saas', $path . $text, @app);
like($text_before, qr/heron one\|new\|heron one\|plain.*\{red,"a, b",NULL\}.*far\|FAR\nwhy\?/s, 'the old cluster is read as text');

my $head = 'SELECT head FROM bionic_crypt.verify_audit() WHERE ok AND pending = 0';
$old->poll_query_until('saas', 'SELECT sum(pending) = 0 FROM bionic_crypt.verify_audit()') or die 'audit waits';
my $head_before = $old->safe_psql('saas', $head);
my $before_key = slurp_file(key_file($old));
$old->stop;
my $new = new_node('new', @init);
my @pg_upgrade = (
	'pg_upgrade', '--no-sync',
	'-b', "$old_path/bin", '-B', $new->config_data('--bindir'),
	'-d', $old->data_dir, '-D', $new->data_dir,
	'-p', $old->port, '-P', $new->port, '-s', $new->host);
chdir PostgreSQL::Test::Utils::tempdir or die;

# As pg_upgrade starts a server: with no process of ours.
my @pg_ctl = ('pg_ctl', '-w', '-D', $new->data_dir, '-l', $new->logfile);
system_or_bail(@pg_ctl, '-o', '-b', 'start');
is(scalar(child_pids($new, qr/checkpointer/)), 1, "pg_upgrade's server runs");
is(scalar(child_pids($new, qr/bionic_crypt/)), 0, 'without a launcher, and so without a key worker');
system_or_bail(@pg_ctl, 'stop');
{
	local $ENV{PGOPTIONS} = '-c bionic_crypt.tenant=acme';
	$new->command_ok([@pg_upgrade], 'pg_upgrade');
}
ok(!-e key_folder($new), 'it wanted no key, and made none');

$new->start;
for my $what (sort keys %same)
{
	is($new->safe_psql('saas', $path . $same{$what}), $before{$what}, "$what are what they were");
}
is(sqlstate($new, "$path $text", dbname => 'saas', @app), '58P01', 'text is not read, since the key file lies beside the old data directory');
$new->stop;
system_or_bail('cp', '-a', key_folder($old), key_folder($new));
$new->start;
is($new->safe_psql('saas', $path . $text, @app), $text_before, 'with the folder of keys copied all text is what it was');
is(slurp_file(key_file($new)), $before_key, 'by the same key');

like($new->safe_psql('saas', $head), qr/^\Q$head_before\E$/m, 'the chain of audit is whole');

# It works on.
is($new->safe_psql('saas', "$path SET bionic_crypt.tenant = 'acme';"
		. " INSERT INTO chats (content) VALUES ('fresh') RETURNING tenant, content, status, copy", @app),
	'acme|fresh|new|fresh', 'defaults, generated columns and the active key serve new rows');
is($new->safe_psql('saas', q{SELECT bionic_crypt.rotate_key('acme'), bionic_crypt.rewrap_keys('acme')}), '3|3', 'keys are rotated and wrapped anew');
is(sqlstate($new, "SET bionic_crypt.tenant = 'Zürich & Söhne'; SELECT content::text FROM chats WHERE tenant = 'Zürich & Söhne'", dbname => 'saas'),
	'KM003', 'who was suspended is suspended');
is($new->safe_psql('saas', q{SELECT bionic_crypt.resume_tenant('Zürich & Söhne'); SET bionic_crypt.tenant = 'Zürich & Söhne';
		SELECT content FROM chats WHERE tenant = 'Zürich & Söhne'}), "\nder Reiher", 'and readable when resumed');
is(sqlstate($new, q{SET bionic_crypt.tenant = 'acme'; INSERT INTO events (tenant, day, what) VALUES ('gold', '2024-01-01', 'x'::text)}, dbname => 'saas'),
	'23514', 'the guards came along');
is(sqlstate($new, q{SET bionic_crypt.tenant = 'gold'; SELECT count(*) FROM chats}, dbname => 'saas', @app), '42501', 'and the policies');
is(sqlstate($new, "SET search_path = types, public; SET bionic_crypt.tenant = 'acme'; ALTER TABLE chats ADD COLUMN more encrypted_text DEFAULT 'x'", dbname => 'saas'),
	'42P17', 'and what is refused is refused');
is($new->safe_psql('saas', "$path DROP TABLE chats CASCADE; DROP TABLE events, labels CASCADE; DROP EXTENSION bionic_crypt CASCADE; SELECT 1"),
	'1', 'the extension can be dropped');
$new->stop;

done_testing();
