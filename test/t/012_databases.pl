# Statements that need a database to themselves, while its key worker is
# connected to it: they work at once, and the worker comes back.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use BionicCrypt::Session;
use BionicCrypt::Test;

my $node = new_node('databases');
my $tablespace = PostgreSQL::Test::Utils::tempdir . '/space';

mkdir $tablespace or die;
$node->append_conf('postgresql.conf', "bionic_crypt.revocation_interval = '1h'");
$node->start;
$node->safe_psql('postgres', "CREATE TABLESPACE space LOCATION '$tablespace'");

# Makes an encrypted row in a database, and so its key worker.
sub fill
{
	my ($dbname, $content) = @_;

	$node->safe_psql($dbname, <<"EOF");
CREATE EXTENSION IF NOT EXISTS bionic_crypt;
SELECT bionic_crypt.create_tenant('acme')
	WHERE NOT EXISTS (SELECT FROM bionic_crypt.tenants);
CREATE TABLE IF NOT EXISTS chats (content encrypted_text);
SET bionic_crypt.tenant = 'acme';
INSERT INTO chats VALUES ('$content'::text);
EOF
	return;
}

sub content
{
	my ($dbname) = @_;

	return $node->safe_psql($dbname,
		"SET bionic_crypt.tenant = 'acme'; SELECT string_agg(content, ' ' ORDER BY content::text) FROM chats");
}

sub worker_pid
{
	my ($dbname) = @_;
	return $node->safe_psql('postgres', "SELECT coalesce(max(pid), 0) FROM pg_stat_activity"
		. " WHERE datname = '$dbname' AND backend_type = 'bionic_crypt key worker'");
}

# A statement that finds a live worker, and works without a second try.
# PostgreSQL itself would wait five seconds before it gives up.
sub works_at_once
{
	my ($dbname, $statement) = @_;
	my $pid = worker_pid($dbname);
	my $began = time;
	my $state;

	cmp_ok($pid, '>', 0, "there is a key worker in $dbname");
	$state = sqlstate($node, $statement);
	is($state, '00000', $statement);
	cmp_ok(time - $began, '<', 5, 'at once');
	ok(wait_until(sub { !kill 0, $pid }), 'the worker has ended');	# the postmaster may not have waited for it yet
	return;
}

$node->safe_psql('postgres', 'CREATE DATABASE one');
fill('one', 'first');
works_at_once('one', 'ALTER DATABASE one RENAME TO two');
is(content('two'), 'first', 'readable under its new name');

works_at_once('two', 'ALTER DATABASE two SET TABLESPACE space');
is(content('two'), 'first', 'readable in its new tablespace');

works_at_once('two', 'CREATE DATABASE copy TEMPLATE two');
is(content('two'), 'first', 'the template is readable');
fill('copy', 'second');
is(content('copy'), 'first second', 'the copy is readable, and writable');
is(content('two'), 'first', 'which the template does not see');

my $strategy = $node->pg_version >= 15 ? 'STRATEGY wal_log' : '';
works_at_once('two', "CREATE DATABASE another TEMPLATE two $strategy");

works_at_once('copy', 'DROP DATABASE copy');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
fill('copy', 'third');
is(content('copy'), 'third', 'a new database of that name has a worker of its own');

my $session = BionicCrypt::Session->new($node, dbname => 'copy', tenant => 'acme');
is($session->query('SELECT content FROM chats'), 'third', 'a session is connected');
is(sqlstate($node, 'DROP DATABASE copy'), '55006', 'DROP DATABASE fails because of it');
is($session->query('SELECT content FROM chats'), 'third', 'which it survives');
works_at_once('copy', 'DROP DATABASE copy WITH (FORCE)') if content('copy') eq 'third';
is($session->state('SELECT 1'), '57P01', 'WITH (FORCE) ends it as well');
$session->quit;

# A statement that fails leaves the database's worker free to start again.
$session = BionicCrypt::Session->new($node, dbname => 'two', tenant => 'acme');
is(sqlstate($node, 'ALTER DATABASE two RENAME TO postgres'), '42P04', 'a rename that fails');
is(sqlstate($node, 'BEGIN; DROP DATABASE two'), '25001', 'DROP DATABASE in a transaction block');
is($session->query('SELECT content FROM chats'), 'first', 'the worker goes on afterwards');
$session->quit;

# A rename may be part of a transaction, and its error may be caught.
works_at_once('two', 'BEGIN; ALTER DATABASE two RENAME TO three; COMMIT');
$node->safe_psql('postgres', 'ALTER DATABASE three RENAME TO two');
is(content('two'), 'first', 'readable under its old name');
my $renamer = BionicCrypt::Session->new($node);
$renamer->query(<<'EOF');
DO $$
BEGIN
	EXECUTE 'ALTER DATABASE two RENAME TO postgres';
EXCEPTION WHEN duplicate_database THEN
	NULL;
END $$
EOF
is($renamer->last_state, '00000', 'the error of a rename is caught');
is(content('two'), 'first', 'the worker is not held back by a session that goes on');
$renamer->quit;

# What is granted to nobody is asked of nobody: an ordinary role cannot stop
# other people's workers by a statement that it may not execute.
$node->safe_psql('postgres', 'CREATE ROLE regress_nobody LOGIN');
$session = BionicCrypt::Session->new($node, dbname => 'two', tenant => 'acme');
$session->query('SELECT content FROM chats');
my $pid = worker_pid('two');
my $nobody = BionicCrypt::Session->new($node, user => 'regress_nobody');
is($nobody->state('DROP DATABASE two'), '42501', 'a role that owns nothing cannot drop it');
is($nobody->state('CREATE DATABASE mine TEMPLATE two'), '42501', 'nor copy it');
$nobody->query('DROP DATABASE two; ' x 200 . 'CREATE DATABASE mine TEMPLATE two; ' x 200);
$nobody->quit;
is($session->query('SELECT content FROM chats'), 'first', 'which stops nobody');
is(worker_pid('two'), $pid, 'not even the key worker');

# Nor can one that may create databases, but not this one's copies.
$node->safe_psql('postgres', 'CREATE ROLE regress_creator LOGIN CREATEDB');
my $creator = BionicCrypt::Session->new($node, user => 'regress_creator');
is($creator->state('CREATE DATABASE mine TEMPLATE two'), '42501', 'a role with CREATEDB cannot copy it');
$creator->query('CREATE DATABASE mine TEMPLATE two; ' x 200);
is($session->query('SELECT content FROM chats'), 'first', 'which stops nobody');
is(worker_pid('two'), $pid, 'not even the key worker');

# Where such a statement cannot run it makes no room: its error could be
# caught, and nobody would hear of its end.
$node->safe_psql('postgres', 'ALTER DATABASE two IS_TEMPLATE true');
$creator->query(<<'EOF');
DO $$
BEGIN
	EXECUTE 'CREATE DATABASE mine TEMPLATE two';
EXCEPTION WHEN active_sql_transaction THEN
	NULL;
END $$
EOF
is($creator->last_state, '00000', 'a role with CREATEDB catches its error');
$session->quit;
$session = BionicCrypt::Session->new($node, dbname => 'two', tenant => 'acme');
is($session->query('SELECT content FROM chats'), 'first', 'which holds no worker back');
is(worker_pid('two'), $pid, 'and ends none');
is($creator->state('BEGIN; CREATE DATABASE mine TEMPLATE two'), '25001', 'nor does it in a transaction block');
is(worker_pid('two'), $pid, 'while that is open');
$creator->query('ROLLBACK');
is($creator->state('CREATE DATABASE mine TEMPLATE postgres'), '42501', 'no copy of what is no template');
$session->quit;
$creator->quit;
$node->safe_psql('postgres', 'ALTER DATABASE two IS_TEMPLATE false');

# The session that holds a worker back dies.
my $dropper = BionicCrypt::Session->new($node);
$session = BionicCrypt::Session->new($node, dbname => 'two');
$dropper->begin('DROP DATABASE two');
$node->poll_query_until('postgres',
	"SELECT query LIKE 'DROP%' FROM pg_stat_activity WHERE pid = " . $dropper->pid);
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . $dropper->pid . ')');
$dropper->end;
is($dropper->last_state, '57P01', 'a session that wants to drop the database is terminated');
is($session->query("SET bionic_crypt.tenant = 'acme'; SELECT content FROM chats"),
	'first', 'and holds the worker back no longer');
$session->quit;

$node->stop;
done_testing();
