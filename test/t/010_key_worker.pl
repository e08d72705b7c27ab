# The key worker: when it is there, what it does for many sessions at once,
# and what a session sees when it cannot have it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use BionicCrypt::Session;
use BionicCrypt::Test;

my $tenants = 18;
my $clients = 50;
my $rows = 20;

# Nobody looks at leases by himself, so that every unwrap is somebody's wish.
my $node = new_node('key_worker');
$node->append_conf('postgresql.conf', <<'EOF');
max_connections = 100
bionic_crypt.revocation_interval = '1h'
bionic_crypt.max_databases = 1
EOF
$node->start;
$node->safe_psql('postgres', <<"EOF");
CREATE EXTENSION bionic_crypt;
SELECT bionic_crypt.create_tenant('t' || i) FROM generate_series(0, $tenants - 1) i;
CREATE TABLE chats (tenant_id text, content encrypted_text);
EOF
$node->safe_psql('postgres', join '', map { <<"EOF" } 0 .. $tenants - 1);
SET bionic_crypt.tenant = 't$_';
INSERT INTO chats SELECT 't$_', format('t$_ says %s', g) FROM generate_series(1, $rows) g;
EOF

sub counter
{
	my ($name) = @_;
	return $node->safe_psql('postgres', "SELECT $name FROM bionic_crypt.key_worker()");
}

# One statement, and the seconds it took.
sub timed_state
{
	my ($session, $sql) = @_;
	my $began = time;
	my $state = $session->state($sql);

	return ($state, time - $began);
}

sub read_as
{
	my ($tenant, %option) = @_;
	my $session = BionicCrypt::Session->new($node, tenant => $tenant, %option);
	my $content = $session->query("SELECT min(content) FROM chats WHERE tenant_id = '$tenant'");

	$session->quit;
	return $content;
}

sub is_waiting
{
	my ($session) = @_;

	return $node->poll_query_until('postgres',
		"SELECT wait_event_type = 'Extension' FROM pg_stat_activity WHERE pid = " . $session->pid);
}

# Cold start: a lock holds all sessions back until they can ask at once.
$node->restart;
is(counter('pid'), '', 'no worker before anybody needs a key');

my $gate = BionicCrypt::Session->new($node);
$gate->query('SELECT pg_advisory_lock(1)');
my $script = PostgreSQL::Test::Utils::tempdir . '/cold.sql';
append_to_file($script, <<"EOF");
\\set tenant (:client_id % $tenants)
SET bionic_crypt.tenant = t:tenant;
SELECT pg_advisory_lock_shared(1);
SELECT 1 / (count(*) = $rows)::int FROM chats
	WHERE tenant_id = 't' || :tenant AND content LIKE 't' || :tenant || ' says %';
EOF
my ($out, $err) = ('', '');
my $bench = IPC::Run::start(
	[
		$node->installed_command('pgbench'), '-n', '-M', 'simple', '-c', $clients, '-j', 2,
		'-t', 1, '-f', $script, $node->connstr('postgres')
	],
	'>', \$out, '2>', \$err);
$node->poll_query_until('postgres',
	"SELECT count(*) = $clients FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
  or die 'the clients do not come';
$gate->quit;
ok($bench->finish, "$clients cold sessions of $tenants tenants read at once") or diag $err;
is(counter('unwraps'), $tenants, 'each key was unwrapped once');
is(counter('keys_held'), $tenants, 'and is held');
cmp_ok(counter('requests'), '>=', $clients, 'every session asked');

# A worker that ends is followed by another one.
my $pid = counter('pid');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
is(read_as('t3'), 't3 says 1', 'values are readable after the worker was terminated');
isnt(counter('pid'), $pid, 'by another worker');
$node->restart;
is(read_as('t4'), 't4 says 1', 'values are readable after a restart');

# A worker that does not answer is waited for so long and no longer; whoever
# has a key needs no worker.
my $holder = BionicCrypt::Session->new($node, tenant => 't5');
my $waiter = BionicCrypt::Session->new($node, tenant => 't6');
my $read_t6 = "SELECT min(content) FROM chats WHERE tenant_id = 't6'";
is($holder->query("SELECT min(content) FROM chats WHERE tenant_id = 't5'"),
	't5 says 1', 'a session has a key');
$pid = counter('pid');
kill 'STOP', $pid;

$waiter->query("SET bionic_crypt.kms_timeout = '500ms'");
my ($state, $seconds) = timed_state($waiter, $read_t6);
is($state, 'KM002', 'a stopped worker is an error');
cmp_ok($seconds, '>=', 0.45, 'not before kms_timeout');
cmp_ok($seconds, '<', 5, 'nor long after it');
is($holder->query("SELECT max(content) FROM chats WHERE tenant_id = 't5'"),
	't5 says 9', 'the key at hand serves on');

$waiter->query("SET bionic_crypt.kms_timeout = '10min'; SET statement_timeout = '300ms'");
($state, $seconds) = timed_state($waiter, $read_t6);
is($state, '57014', 'statement_timeout ends the wait for a key');
cmp_ok($seconds, '<', 5, 'at once');
$waiter->query('RESET statement_timeout');
$waiter->begin($read_t6);
ok(is_waiting($waiter), 'a session waits for a key');
my $began = time;
$node->safe_psql('postgres', 'SELECT pg_cancel_backend(' . $waiter->pid . ')');
$waiter->end;
is($waiter->last_state, '57014', 'a cancel ends the wait for a key');
cmp_ok(time - $began, '<', 5, 'at once');

my $ended = BionicCrypt::Session->new($node, tenant => 't7');
$ended->begin("SELECT min(content) FROM chats WHERE tenant_id = 't7'");
ok(is_waiting($ended), 'another session waits for a key');
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . $ended->pid . ')');
$ended->end;
is($ended->last_state, '57P01', 'it can be terminated');
$ended->quit;

# Its answers to requests that were given up are nobody's.
$waiter->begin($read_t6);
ok(is_waiting($waiter), 'the session asks once more');
kill 'CONT', $pid;
is($waiter->end, 't6 says 1', 'and is answered when the worker goes on');
is(counter('pid'), $pid, 'which is the same');
$waiter->quit;

# More databases than key workers.
$node->safe_psql('postgres', 'CREATE DATABASE second');
my $second = BionicCrypt::Session->new($node, dbname => 'second');
$second->query('CREATE EXTENSION bionic_crypt');
$second->query("SET bionic_crypt.kms_timeout = '1s'");
is($second->state("SELECT bionic_crypt.create_tenant('t1')"),
	'53400', 'no worker is free while another database uses its own');
like($second->stderr, qr/no key worker is free.*max_databases/s, 'and the hint says what to raise');
$holder->quit;
$second->query("SET bionic_crypt.kms_timeout = '5s'");
is($second->state("SELECT bionic_crypt.create_tenant('t1')"),
	'00000', 'an idle worker gives way');
$second->query(<<'EOF');
SET bionic_crypt.tenant = 't1';
CREATE TABLE chats (content encrypted_text);
INSERT INTO chats VALUES ('of the second database'::text)
EOF
is($second->query('SELECT content FROM chats'), 'of the second database', 'and the other works');
$second->quit;
is(read_as('t8'), 't8 says 1', 'the first database gets its worker back');

# No background worker to be had at all: the server's own launcher of logical
# replication, ours and the attester take the three there are.
$node->append_conf('postgresql.conf', 'max_worker_processes = 3');
$node->restart;
$waiter = BionicCrypt::Session->new($node, tenant => 't6');
$waiter->query("SET bionic_crypt.kms_timeout = '500ms'");
($state, $seconds) = timed_state($waiter, $read_t6);
is($state, 'KM002', 'no worker can start');
cmp_ok($seconds, '<', 5, 'which is said in time');
like(slurp_file($node->logfile), qr/no background worker is free/, 'and explained in the log');
$waiter->quit;

# Not preloaded.
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
for my $statement (
	"SELECT bionic_crypt.create_tenant('late')",
	"SELECT bionic_crypt.rotate_key('t1')",
	"SELECT bionic_crypt.suspend_tenant('t1')",
	"SELECT bionic_crypt.grant_tenant('t1', current_user::text::regrole, '{decrypt}')",
	"SELECT bionic_crypt.check_kms('embedded')",
	'SELECT * FROM bionic_crypt.key_worker()',
	'SELECT bionic_crypt.current_tenant()',
	'SELECT content::text FROM chats LIMIT 1',
	"SELECT 'text'::text::encrypted_text")
{
	is(sqlstate($node, "SET bionic_crypt.tenant = 't1'; $statement"),
		'55000', "not preloaded: $statement");
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM chats WHERE content IS NOT NULL'),
	$tenants * $rows, 'rows can be counted without the library');
$node->append_conf('postgresql.conf',
	"shared_preload_libraries = 'bionic_crypt'\nmax_worker_processes = 16");
$node->restart;
is(read_as('t9'), 't9 says 1', 'preloaded again, all is readable');

$node->stop;
done_testing();
