# Crashes, and what stands by: whatever dies, every committed row is readable
# afterwards, here and on a standby.

use strict;
use warnings;

use File::Find;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Session;
use BionicCrypt::Test;

my $primary = new_node('primary', allows_streaming => 1);
$primary->append_conf('postgresql.conf', <<'EOF');
restart_after_crash = on
bionic_crypt.revocation_interval = '2s'
EOF
$primary->start;
$primary->safe_psql('postgres', <<'EOF');
CREATE EXTENSION bionic_crypt;
SELECT bionic_crypt.create_tenant('acme');
CREATE TABLE chats (id bigint GENERATED ALWAYS AS IDENTITY, content encrypted_text);
CREATE TABLE load (batch int, content encrypted_text);
CREATE ROLE regress_reader LOGIN;
GRANT SELECT ON chats TO regress_reader;
SELECT bionic_crypt.grant_tenant('acme', 'regress_reader', '{decrypt}');
SET bionic_crypt.tenant = 'acme';
INSERT INTO chats (content) SELECT 'acme says ' || g FROM generate_series(1, 1000) g;
EOF

my $read_all = q{SELECT count(*) FILTER (WHERE content = 'acme says ' || id) FROM chats};

sub session
{
	my ($node, %option) = @_;
	return BionicCrypt::Session->new($node, tenant => 'acme', %option);
}

sub begin_scan
{
	my ($node, $session) = @_;

	$session->begin('SELECT sum(length(content::text)) FROM generate_series(1, 1000000), chats');
	$node->poll_query_until('postgres',
		"SELECT state = 'active' AND query LIKE 'SELECT sum%' FROM pg_stat_activity WHERE pid = "
		  . $session->pid)
	  or die 'the scan does not run';
	return;
}

sub worker_pid
{
	my ($node) = @_;
	return $node->safe_psql('postgres', 'SELECT pid FROM bionic_crypt.key_worker()');
}

# Everything that was committed is readable, and new values can be written.
sub is_whole
{
	my ($what) = @_;
	my $session;

	ok( wait_until(sub { $primary->psql('postgres', 'SELECT 1') == 0 }), "$what: the server is back");
	$session = session($primary);
	is($session->query($read_all), '1000', "$what: every committed row is readable");
	is($session->query("BEGIN; INSERT INTO chats (content) VALUES ('new'::text) RETURNING content; ROLLBACK"),
		'new', "$what: new values can be written");
	$session->quit;
	return;
}

# A key worker, and a backend in the middle of a scan.  Either death has the
# postmaster start anew, with shared memory as new.
for my $victim ('key worker', 'backend in mid-read')
{
	my $reader = session($primary);
	my $pid = $victim eq 'key worker' ? worker_pid($primary) : $reader->pid;

	begin_scan($primary, $reader);
	kill 'KILL', $pid;
	$reader->end;
	isnt($reader->last_state, '00000', "$victim killed: the scan ends");
	$reader->quit;
	is_whole("$victim killed");
	isnt(worker_pid($primary), $pid, "$victim killed: there is a new key worker");
}

# The postmaster and, as a supervisor does, all its children, while three
# sessions load: one row by row, one in large
# transactions, one making tenants and rotating keys.  What a session heard to
# be committed must be there.
my @loader = map { session($primary) } 1 .. 3;
my %procedure = (
	rows => 'INSERT INTO load VALUES (0, i::text); COMMIT;',
	batches => 'INSERT INTO load SELECT i, g::text FROM generate_series(1, 100) g; COMMIT;',
	keys => "PERFORM bionic_crypt.create_tenant('t' || i), bionic_crypt.rotate_key('acme');"
	  . " INSERT INTO load VALUES (-1, i::text); COMMIT;");
my $i = 0;
for my $name (sort keys %procedure)
{
	$loader[ $i++ ]->begin("DO \$\$ BEGIN FOR i IN 1 .. 1000000 LOOP $procedure{$name}"
		. " RAISE NOTICE 'committed $name %', i; END LOOP; END \$\$");
}
ok( wait_until(sub {
		$_->has_ended for @loader;
		return 3 == grep { $_->{err} =~ /committed \w+ 20\n/ } @loader;
	}),
	'sessions load');
my @children = child_pids($primary, qr//);
$primary->kill9;
kill 'KILL', @children;
my %committed;
for my $session (@loader)
{
	$session->end;
	my $notices = $session->stderr;
	$committed{$1} = $2 while $notices =~ /committed (\w+) (\d+)\n/g;
	$session->quit;
}
wait_until(sub { !grep { kill 0, $_ } @children }) or die 'the server outlives its postmaster';
$primary->start;
is_whole('postmaster killed');

my $session = session($primary);
cmp_ok($session->query('SELECT count(content::text) FROM load WHERE batch = 0'),
	'>=', $committed{rows}, 'postmaster killed: every single row is there and readable');
cmp_ok($session->query('SELECT count(content::text) FROM load WHERE batch > 0'),
	'>=', 100 * $committed{batches}, 'every row of every batch');
is($session->query('SELECT count(content::text) - count(DISTINCT batch) * 100 FROM load WHERE batch > 0'),
	'0', 'and none of a batch that was not committed');
my $keys = $session->query('SELECT count(content::text) FROM load WHERE batch = -1');
cmp_ok($keys, '>=', $committed{keys}, 'every rotation');
is($session->query("SELECT count(*) FROM bionic_crypt.keys WHERE tenant = 'acme'"),
	$keys + 1, 'has its key');
is($session->query("SELECT count(*) FROM bionic_crypt.tenants t JOIN bionic_crypt.keys k USING (tenant)"
		. " WHERE tenant <> 'acme' AND k.state = 'active'"),
	$keys, 'as has every tenant');
$session->query("SET bionic_crypt.tenant = 't$committed{keys}'");
is($session->query("SELECT 'old'::text::encrypted_text::text"), 'old', 'that can be used');
$session->quit;

# A base backup does not hold the key; a standby reads once it got a copy.
$primary->backup('base');
my $kek = slurp_file(key_file($primary));
my @found;
find(sub { push @found, $File::Find::name if -f && index(slurp_file($_), substr($kek, 0, 44)) >= 0 },
	$primary->backup_dir);
is("@found", '', 'a base backup does not hold the key-encryption key');

my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);
my $on_standby = session($standby);
is($on_standby->state($read_all), '58P01', 'a standby without the key file cannot decrypt');
is($on_standby->query('RESET bionic_crypt.tenant; SELECT count(*) FROM chats WHERE content IS NOT NULL'),
	'1000', 'but has the rows');

mkdir key_folder($standby), 0700;
append_to_file(key_file($standby), $kek);
chmod 0600, key_file($standby);
$on_standby->query("SET bionic_crypt.tenant = 'acme'");
ok(wait_until(sub { $on_standby->query($read_all) eq '1000' }), 'with it, it reads every row');
isnt(worker_pid($standby), worker_pid($primary), 'by a key worker of its own');

my %refused = (
	"SELECT bionic_crypt.create_tenant('new')" => '25006',
	"SELECT bionic_crypt.rotate_key('acme')" => '25006',
	"SELECT bionic_crypt.rewrap_keys('acme')" => '25006',
	"SELECT bionic_crypt.move_tenant('acme', 'embedded')" => '25006',
	"SELECT bionic_crypt.set_outage_grace('acme', '1 hour')" => '25006',
	"SELECT bionic_crypt.suspend_tenant('acme')" => '25006',
	"SELECT bionic_crypt.resume_tenant('acme')" => '25006',
	"SELECT bionic_crypt.grant_tenant('acme', 'regress_reader', '{encrypt}')" => '25006',
	"SELECT bionic_crypt.revoke_tenant('acme', 'regress_reader')" => '25006',
	"SELECT bionic_crypt.grant_all_tenants('regress_reader', '{decrypt}')" => '25006',
	"INSERT INTO chats (content) VALUES ('new'::text)" => '25006');
is($on_standby->state($_), $refused{$_}, "on the standby: $_") for sort keys %refused;

# What the primary decides holds on the standby after its next look.
my $reader = session($standby, user => 'regress_reader');
is($reader->query($read_all), '1000', 'a role with a grant reads on the standby');
$primary->safe_psql('postgres', "SELECT bionic_crypt.revoke_tenant('acme', 'regress_reader')");
ok(wait_until(sub { $reader->state($read_all) eq '42501' }), 'until it is revoked on the primary');
$primary->safe_psql('postgres', "SELECT bionic_crypt.suspend_tenant('acme')");
ok(wait_until(sub { $on_standby->state($read_all) eq 'KM003' }), 'a suspension holds there, too');
$primary->safe_psql('postgres', "SELECT bionic_crypt.resume_tenant('acme')");
ok(wait_until(sub { $on_standby->query($read_all) eq '1000' }), 'and its end');
$primary->safe_psql('postgres', <<'EOF');
SELECT bionic_crypt.rotate_key('acme');
SET bionic_crypt.tenant = 'acme';
INSERT INTO chats (content) VALUES ('acme says 1034');
UPDATE chats SET content = content::text WHERE id <= 10;
EOF
$primary->wait_for_catchup($standby);
is($on_standby->query('SELECT count(content::text) FROM chats'), '1001', 'so does a new key, at once');

# Promoted, it writes with the keys it has.
my $worker = worker_pid($standby);
$primary->stop;
$standby->promote;
is($on_standby->query("INSERT INTO chats (content) VALUES ('promoted'::text) RETURNING content"),
	'promoted', 'promoted: new values can be written');
is($on_standby->query("SELECT bionic_crypt.create_tenant('new')"), '', 'promoted: a tenant is created');
is($on_standby->query("SET bionic_crypt.tenant = 'new'; SELECT 'new'::text::encrypted_text::text"),
	'new', 'and used');
is($on_standby->query("SET bionic_crypt.tenant = 'acme'; SELECT count(content::text) FROM chats"),
	'1002', 'promoted: all is readable');
is($on_standby->query("SELECT bionic_crypt.rotate_key('acme') > 1"), 't', 'promoted: a key is rotated');
$on_standby->query("INSERT INTO chats (content) VALUES ('promoted'::text)");
$standby->restart;
is(session($standby)->query('SELECT count(content::text) FROM chats'),
	'1003', 'promoted and restarted: all is readable');
$standby->stop;

done_testing();
