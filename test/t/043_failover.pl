# Fail-over in the middle of pgbench: the primary is killed while clients write
# encrypted values, rotate keys and create tenants.  What a client heard to be
# committed is on the promoted standby, every value there is readable and is
# what was written, and the old primary can be rewound to follow.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Session;
use BionicCrypt::Test;

my $clients = 4;
my $tenants = 3;
my $folder = PostgreSQL::Test::Utils::tempdir;

my $primary = new_node('primary', allows_streaming => 1);
$primary->append_conf('postgresql.conf', <<'CONF');
log_statement = none
wal_log_hints = on			# for pg_rewind
wal_keep_size = 256MB
hot_standby_feedback = on		# for the readers on the standby
bionic_crypt.revocation_interval = '2s'	# so that leases are renewed meanwhile
CONF
$primary->start;
$primary->safe_psql('postgres', <<"SQL");
CREATE EXTENSION bionic_crypt;
SELECT bionic_crypt.create_tenant('t' || g) FROM generate_series(1, $tenants) g;
CREATE ROLE regress_app LOGIN;
SELECT bionic_crypt.grant_all_tenants('regress_app', '{encrypt,decrypt}');
CREATE TABLE load (round int, client int, seq int, tenant text, edited boolean DEFAULT false, content encrypted_text,
	PRIMARY KEY (round, client, seq));
SELECT bionic_crypt.protect_table('load', 'tenant');
GRANT ALL ON load TO regress_app;
SQL
$primary->backup('base');

my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
system_or_bail('cp', '-a', key_folder($primary), key_folder($standby));
$standby->start;
$primary->append_conf('postgresql.conf', "synchronous_standby_names = '*'");
$primary->reload;
$primary->poll_query_until('postgres', "SELECT sync_state = 'sync' FROM pg_stat_replication") or die 'no synchronous standby';

# Each client writes a value that can be told from its row, and edits the one
# before, of which the key may be an older one.
append_to_file("$folder/write", <<"SQL");
\\set seq :seq + 1
\\set tenant 1 + :client_id % $tenants
BEGIN;
SELECT set_config('bionic_crypt.tenant', 't' || :tenant, true);
INSERT INTO load (round, client, seq, content) VALUES (:round, :client_id, :seq, md5(:round || '/' || :client_id || '/' || :seq));
UPDATE load SET edited = true, content = content || '+' WHERE round = :round AND client = :client_id AND seq = :seq - 1;
COMMIT;
SQL
my $wrong = q{content IS NULL OR content <> md5(round || '/' || client || '/' || seq) || CASE WHEN edited THEN '+' ELSE '' END};

# Fails when there is a value that is not what was written.
append_to_file("$folder/read", <<"SQL");
\\set tenant random(1, $tenants)
BEGIN;
SELECT set_config('bionic_crypt.tenant', 't' || :tenant, true);
SELECT 1 / (count(*) = 0)::int FROM load WHERE $wrong;
COMMIT;
SQL

sub pgbench
{
	my ($node, $script, @options) = @_;

	return ($node->installed_command('pgbench'), '-n', '-M', 'prepared', '-U', 'regress_app', '-f', "$folder/$script",
		@options, '-h', $node->host, '-p', $node->port, 'postgres');
}

sub runs
{
	my ($pgbench) = @_;

	eval { $pgbench->pump_nb };
	return !$@ && $pgbench->pumpable;
}

# Client => how many of its transactions it heard to be committed.
sub acknowledged
{
	my ($prefix) = @_;
	my %count;

	for my $log (glob "$prefix.*")
	{
		$count{$_}++ for slurp_file($log) =~ /^(\d+) /gm;
	}
	return \%count;
}

# Every row that was acknowledged, and no value that is wrong.
sub is_whole
{
	my ($node, $round, $count, $what) = @_;
	my $session = BionicCrypt::Session->new($node, user => 'regress_app');

	for my $client (sort keys %$count)
	{
		my $tenant = 't' . (1 + $client % $tenants);

		$session->query("SET bionic_crypt.tenant = '$tenant'");
		is($session->query("SELECT count(content::text) FROM load WHERE round = $round AND client = $client AND seq <= $count->{$client}"),
			$count->{$client}, "$what: all $count->{$client} commits of client $client are there and readable");
		is($session->query("SELECT count(*) FROM load WHERE round >= 0 AND ($wrong)"),
			'0', "$what: every value of $tenant is what was written");
	}
	$session->quit;
	return;
}

my ($out, $err, $read_err) = ('') x 3;
my $writers = IPC::Run::start(
	[ pgbench($primary, 'write', '-c', $clients, '-T', 300, '-l', "--log-prefix=$folder/first", '-D', 'round=1', '-D', 'seq=0') ],
	'>', \$out, '2>', \$err);
my $readers = IPC::Run::start([ pgbench($standby, 'read', '-c', 2, '-T', 300) ], '>', \$out, '2>', \$read_err);

# And one session makes keys and tenants, and uses them.
my $keys = BionicCrypt::Session->new($primary);
$keys->begin(<<'SQL');
DO $$ BEGIN
	FOR i IN 1 .. 1000000 LOOP
		PERFORM bionic_crypt.rotate_key('t1'), bionic_crypt.create_tenant('n' || i),
			set_config('bionic_crypt.tenant', 'n' || i, false);
		INSERT INTO load (round, client, seq, content) VALUES (-1, 0, i, 'n' || i);
		COMMIT;
		RAISE NOTICE 'committed %', i;
	END LOOP;
END $$
SQL
ok(wait_until(sub {
		return !runs($writers) || !runs($readers) || $keys->has_ended ||
			$keys->{err} =~ /committed 20\n/ && $standby->safe_psql('postgres', 'SELECT count(*) > 2000 FROM load') eq 't';
	}),
	'clients write while keys are rotated and tenants created');

my @children = child_pids($primary, qr//);
$primary->kill9;
kill 'KILL', @children;
$writers->finish;
$keys->end;
my $made = ($keys->stderr =~ /committed (\d+)\n(?!.*committed)/s)[0];
$keys->quit;
like($err, qr/client \d+ aborted/, 'the primary is killed under them');
my $first = acknowledged("$folder/first");
is(scalar keys %$first, $clients, 'every client had transactions committed');

$standby->promote;
is_whole($standby, 1, $first, 'promoted');
cmp_ok($standby->safe_psql('postgres', 'SELECT count(*) FROM load WHERE round = -1'), '>=', $made, 'every tenant that was created');
is($standby->safe_psql('postgres', <<"SQL"), "n$made", 'and its value');
SET bionic_crypt.tenant = 'n$made';
SELECT content FROM load WHERE tenant = 'n$made';
SQL
cmp_ok($standby->safe_psql('postgres', "SELECT max(version) FROM bionic_crypt.keys WHERE tenant = 't1'"),
	'>', $made, 'and every version of the key that was rotated');

is($standby->safe_psql('postgres', 'SELECT bool_and(ok) FROM bionic_crypt.verify_audit()'), 't', 'the audit is whole');

# The clients go on where the standby was.
command_ok([ pgbench($standby, 'write', '-c', $clients, '-t', 100, '-l', "--log-prefix=$folder/second", '-D', 'round=2', '-D', 'seq=0') ],
	'clients write to the promoted standby');
$standby->safe_psql('postgres', "SELECT bionic_crypt.rotate_key('t2')");
is_whole($standby, 1, $first, 'after more writing');
is_whole($standby, 2, acknowledged("$folder/second"), 'the new values');

ok(runs($readers), 'the readers have been reading all the time');
$readers->signal('TERM');
$readers->finish;
unlike($read_err, qr/ERROR|aborted/, 'and saw no wrong value, before, during and after') or diag($read_err);

# The old primary, rewound, follows the new one, with the key file it has.
wait_until(sub { !grep { kill 0, $_ } @children }) or die 'the server outlives its postmaster';
$standby->safe_psql('postgres', 'CHECKPOINT');	# before 16 pg_rewind needs to be told of the new timeline
command_ok([ 'pg_rewind', '-D', $primary->data_dir, '--source-server', $standby->connstr('postgres') ], 'pg_rewind of the old primary');
$primary->append_conf('postgresql.conf', 'port = ' . $primary->port . "\nunix_socket_directories = '" . $primary->host . "'");
$primary->enable_streaming($standby);
$primary->start;
$standby->wait_for_catchup($primary);
is_whole($primary, $_->[0], $_->[1], 'rewound') for [ 1, $first ], [ 2, acknowledged("$folder/second") ];
ok($standby->poll_query_until('postgres', 'SELECT bool_and(ok) AND sum(pending) = 0 FROM bionic_crypt.verify_audit()'),
	'and carried on');
$_->stop for $primary, $standby;

done_testing();
