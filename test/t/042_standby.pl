# A hot standby: it reads with a key worker and leases of its own, hears what
# the primary decides within revocation_interval, never holds up replay, and
# carries on when it is promoted.  013_crash.pl has what it refuses to write.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use BionicCrypt::Session;
use BionicCrypt::Test;

my $interval = 4;
my $primary = new_node('primary', allows_streaming => 1);
$primary->append_conf('postgresql.conf', <<"CONF");
restart_after_crash = on
bionic_crypt.revocation_interval = '${interval}s'
bionic_crypt.max_databases = 2
CONF
$primary->start;
$primary->safe_psql('postgres', 'CREATE DATABASE other');
$primary->safe_psql($_, <<'SQL') for 'postgres', 'other';
CREATE EXTENSION bionic_crypt;
SELECT bionic_crypt.create_tenant('acme');
CREATE TABLE chats (id integer, content encrypted_text);
SET bionic_crypt.tenant = 'acme';
INSERT INTO chats SELECT g, 'acme says ' || g FROM generate_series(1, 1000) g;
SQL
$primary->safe_psql('postgres', <<'SQL');
CREATE ROLE regress_reader LOGIN;
CREATE ROLE regress_readers;
GRANT SELECT ON chats TO PUBLIC;
SELECT bionic_crypt.grant_tenant('acme', 'regress_readers', '{encrypt,decrypt}');
SQL

# The standby waits for nobody's query to end, and for ever for its own.
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', 'max_standby_streaming_delay = -1');
$standby->start;
$primary->wait_for_catchup($standby);

my $read_all = q{SELECT count(*) FILTER (WHERE content = 'acme says ' || id) FROM chats};

sub session
{
	my ($node, %option) = @_;
	return BionicCrypt::Session->new($node, tenant => 'acme', %option);
}

# Of the node's database, as the server sees it.
sub worker_pid
{
	my ($node, $dbname) = @_;
	return $node->safe_psql('postgres', 'SELECT coalesce(max(pid), 0) FROM pg_stat_activity'
		. " WHERE datname = '$dbname' AND backend_type = 'bionic_crypt key worker'");
}

sub log_lines
{
	my ($node, $line) = @_;
	return scalar(() = slurp_file($node->logfile) =~ /$line/g);
}

# Runs SQL on the primary; the answer is when the standby had replayed it.
sub replayed
{
	my ($sql, $dbname) = @_;

	$primary->safe_psql($dbname // 'postgres', $sql);
	$primary->wait_for_catchup($standby);
	return time;
}

# Without the key file nothing is read, and none is made.
is(sqlstate($standby, "SET bionic_crypt.tenant = 'acme'; $read_all"), '58P01', 'no key file: no value is read');
is($standby->safe_psql('postgres', "SELECT ok FROM bionic_crypt.check_kms('embedded')"), 'f', 'check_kms says so');
ok(!-e key_folder($standby), 'and nobody makes one');

system_or_bail('cp', '-a', key_folder($primary), key_folder($standby));
my $session = session($standby);
ok(wait_until(sub { $session->query($read_all) eq '1000' }), 'with the key file every value is read');
is(scalar(child_pids($standby, qr/bionic_crypt launcher/)), 1, 'the standby has a launcher');
is(scalar(child_pids($standby, qr/bionic_crypt key worker/)), 1, 'and a key worker');
is($standby->safe_psql('postgres', <<'SQL'), '1', 'which sleeps outside of any transaction: replay need not wait for it');
SELECT count(*) FROM pg_stat_activity
	WHERE backend_type = 'bionic_crypt key worker' AND xact_start IS NULL AND backend_xmin IS NULL
SQL

# 013_crash.pl has the other functions.
is(sqlstate($standby, "SELECT bionic_crypt.move_tenant('acme', 'embedded', 'default')"), '25006', 'no tenant is moved on a standby');

# Parallel workers ask for keys of their own.
my $parallel = q{SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
	SET min_parallel_table_scan_size = 0; };
like($session->query("$parallel EXPLAIN (COSTS OFF) $read_all"), qr/Workers Planned: 2/, 'a parallel plan');
is($session->query($read_all), '1000', 'reads every value');

# What is at hand on the standby is used until the primary's decision is known
# there: in a running scan, in an open cursor, in the next statement.
$primary->safe_psql('postgres', 'GRANT regress_readers TO regress_reader');
$primary->wait_for_catchup($standby);

my $endless = 'SELECT sum(length(a.content::text)) FROM chats a, chats b, chats c';
my %decision = (
	'suspend_tenant' => [ "SELECT bionic_crypt.suspend_tenant('acme')", "SELECT bionic_crypt.resume_tenant('acme')", 'KM003' ],
	'revoke_tenant' => [
		"SELECT bionic_crypt.revoke_tenant('acme', 'regress_readers')",
		"SELECT bionic_crypt.grant_tenant('acme', 'regress_readers', '{encrypt,decrypt}')", '42501' ],
	'REVOKE of the role' => [ 'REVOKE regress_readers FROM regress_reader', 'GRANT regress_readers TO regress_reader', '42501' ]);
for my $name (sort keys %decision)
{
	my ($decide, $undo, $state) = @{ $decision{$name} };
	my ($scan, $cursor, $next) = map { session($standby, user => 'regress_reader') } 1 .. 3;
	my $replayed;

	is($cursor->query("BEGIN; DECLARE c CURSOR FOR SELECT content FROM chats; FETCH 1 FROM c"),
		'acme says 1', "$name: a cursor is open");
	is($next->query($read_all), '1000', "$name: a session reads");
	$scan->begin($endless);
	$standby->poll_query_until('postgres',
		"SELECT state = 'active' AND query LIKE 'SELECT sum%' FROM pg_stat_activity WHERE pid = " . $scan->pid)
	  or die 'the scan does not run';

	$replayed = replayed($decide);
	$scan->end;
	is($scan->last_state, $state, "$name on the primary: a scan on the standby ends");
	ok(wait_until(sub { $cursor->state('FETCH 1 FROM c') eq $state }), "$name: so does a cursor");
	ok(wait_until(sub { $next->state($read_all) eq $state }), "$name: and the next statement");
	cmp_ok(time - $replayed, '<', $interval, "$name: within the interval after replay");

	$replayed = replayed($undo);
	ok(wait_until(sub { $next->query($read_all) eq '1000' }), "$name undone: the standby reads again");
	$_->quit for $scan, $cursor, $next;
}

# A lock of the primary's on the catalog: the standby's worker does not wait
# for it long, and nothing is amiss when it is gone.
my $locker = BionicCrypt::Session->new($primary);
$locker->query('BEGIN; LOCK bionic_crypt.catalog_tenants IN ACCESS EXCLUSIVE MODE');
replayed('SELECT pg_switch_wal()');
is(sqlstate($standby, "SET bionic_crypt.tenant = 'acme'; $read_all"), 'KM002', 'the catalog is locked: a new session is told');
$locker->query('COMMIT');
$locker->quit;
replayed('VACUUM (FREEZE) bionic_crypt.catalog_tenants');
ok(wait_until(sub { $session->query($read_all) eq '1000' }), 'the lock is gone: all is readable');

# A database dropped on the primary, of which the standby has a key worker:
# replay does not wait for it, and its place is free again.
my $in_other = "SET bionic_crypt.tenant = 'acme'; $read_all";
is($_->safe_psql('other', $in_other), '1000', $_->name . ': both databases have a key worker') for $primary, $standby;
my $in_template = worker_pid($standby, 'other');
cmp_ok($in_template, '>', 0, 'the standby has one in the database that will be dropped');
replayed('CREATE DATABASE copy TEMPLATE other');
is(worker_pid($standby, 'other'), $in_template, 'CREATE DATABASE TEMPLATE does not concern the standby');
replayed('DROP DATABASE other');
ok(!kill(0, $in_template), 'DROP DATABASE: replay ends the key worker of the standby');
ok(wait_until(sub { sqlstate($standby, $in_other, dbname => 'copy') eq '00000' }),
	'another database gets its place on the standby');
is(log_lines($standby, 'FATAL:  database \d+ does not exist'), 0, 'nobody starts a worker for what is gone');
replayed('ALTER DATABASE copy RENAME TO other');
is($standby->safe_psql('other', $in_other), '1000', 'a database renamed on the primary is readable on the standby');

# Its key worker terminated, and killed: that has the standby recover anew.
for my $signal ('TERM', 'KILL')
{
	my $pid = worker_pid($standby, 'postgres');

	kill $signal, $pid;
	ok(wait_until(sub {
			($standby->psql('postgres', "SET bionic_crypt.tenant = 'acme'; $read_all"))[1] eq '1000' }),
		"the standby's key worker got SIG$signal: all is readable");
	isnt(worker_pid($standby, 'postgres'), $pid, 'by a new one');
	is($standby->safe_psql('postgres', 'SELECT pg_is_in_recovery()'), 't', 'still on a standby');
}
replayed("SET bionic_crypt.tenant = 'acme'; INSERT INTO chats VALUES (1001, 'acme says 1001')");
is(session($standby)->query($read_all), '1001', 'which goes on following the primary');

# Promoted while its worker does not look: what was replayed last counts all
# the same.
my $reader = session($standby, user => 'regress_reader');
my $writer = session($standby);
is($reader->query($read_all), '1001', 'a role with a grant reads');
is($writer->query($read_all), '1001', 'as does a superuser');
my $pid = worker_pid($standby, 'postgres');
kill 'STOP', $pid;
replayed("SELECT bionic_crypt.revoke_tenant('acme', 'regress_readers'), bionic_crypt.rotate_key('acme')");
$primary->stop;
$standby->promote;
kill 'CONT', $pid;
my $promoted = time;
ok(wait_until(sub { $reader->state($read_all) eq '42501' }), 'promoted: a grant revoked just before is revoked');
cmp_ok(time - $promoted, '<', $interval, 'within the interval');
is(worker_pid($standby, 'postgres'), $pid, 'the key worker is the same');
is($writer->query("INSERT INTO chats VALUES (1002, 'acme says 1002') RETURNING content"), 'acme says 1002', 'a value is written');
$writer->query('RESET bionic_crypt.tenant');
is($writer->query(q{SELECT k.version FROM chats c JOIN bionic_crypt.keys k
		ON substr(bionic_crypt.encrypted_text_send(c.content), 13, 8) = decode(k.key_id, 'hex') WHERE c.id = 1002}),
	'2', 'under the key that the primary made last');
is(session($standby)->query($read_all), '1002', 'all is readable');
is($standby->safe_psql('postgres', "SELECT bionic_crypt.rotate_key('acme')"), '3', 'a key is rotated');
is($standby->safe_psql('other', "SELECT bionic_crypt.create_tenant('new');" . $in_other), "\n1000", 'a tenant is created');
$standby->stop;

done_testing();
