# A tenant moves to another KMS in one transaction: whatever dies while it
# does, all of its keys have moved or none, and every row is readable.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Session;
use BionicCrypt::Test;

my $node = new_node('moving');
$node->append_conf('postgresql.conf', 'restart_after_crash = on');
$node->start;
$node->safe_psql('postgres', <<'EOF');
CREATE EXTENSION bionic_crypt;
CREATE SERVER old FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
CREATE SERVER new FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
SELECT bionic_crypt.create_tenant('acme', kms => 'old');
CREATE TABLE chats (version int, content encrypted_text);
SET bionic_crypt.tenant = 'acme';
INSERT INTO chats SELECT 1, ('version 1, ' || g)::text FROM generate_series(1, 100) g;
SELECT bionic_crypt.rotate_key('acme');
INSERT INTO chats SELECT 2, ('version 2, ' || g)::text FROM generate_series(1, 100) g;
SELECT bionic_crypt.rotate_key('acme');
INSERT INTO chats SELECT 3, ('version 3, ' || g)::text FROM generate_series(1, 100) g;
EOF

my $move = "SELECT bionic_crypt.move_tenant('acme', 'new')";
my $readable = q{SELECT count(*) FILTER (WHERE content LIKE 'version ' || version || ', %') FROM chats};
my $where = q{SELECT string_agg(DISTINCT kms, ',') FROM}
  . q{ (SELECT kms FROM bionic_crypt.keys UNION ALL SELECT kms FROM bionic_crypt.tenants) s};
my $catalog = 'SELECT k, t FROM bionic_crypt.catalog_keys k JOIN bionic_crypt.catalog_tenants t'
  . ' USING (tenant) ORDER BY k.version';

sub session { return BionicCrypt::Session->new($node, tenant => 'acme', @_); }

sub worker_pid
{
	return $node->safe_psql('postgres', 'SELECT pid FROM bionic_crypt.key_worker()');
}

sub wait_for
{
	my ($session, $type) = @_;

	$node->poll_query_until('postgres',
		"SELECT wait_event_type = '$type' FROM pg_stat_activity WHERE pid = " . $session->pid)
	  or die "the move does not wait for its $type";
	return;
}

# The server stops at once, as on a loss of power, and is started again.
sub kill_server
{
	my @children = child_pids($node, qr//);

	$node->kill9;
	kill 'KILL', @children;
	wait_until(sub { !grep { kill 0, $_ } @children }) or die 'the server outlives its postmaster';
	$node->start;
	return;
}

# A process of the server is killed; all others end with it, and come back.  A
# stopped key worker would hold that up.
sub kill_process
{
	my ($pid) = @_;
	my $crashes = sub { scalar(() = slurp_file($node->logfile) =~ /; reinitializing$/mg) };
	my $before = $crashes->();
	my $worker = worker_pid();

	kill 'KILL', $pid;
	kill 'CONT', $worker;
	wait_until(sub { $crashes->() > $before && $node->psql('postgres', 'SELECT 1') == 0 })
	  or die 'the server is not back';
	return;
}

# How far the move has come when something happens: each answers the session in
# the middle of it, and what keeps it there.
my $before = $node->safe_psql('postgres', $catalog);
my %until = (
	'the first question' => sub {
		my $mover = session();

		$mover->query($readable);
		kill 'STOP', worker_pid();
		$mover->begin($move);
		wait_for($mover, 'Extension');
		return $mover;
	},
	'the second of three keys' => sub {
		my $mover = session();
		my $locker = session();

		$locker->query("BEGIN; SELECT 1 FROM bionic_crypt.catalog_keys WHERE version = 2 FOR UPDATE");
		$mover->begin($move);
		wait_for($mover, 'Lock');
		return ($mover, $locker);
	},
	'the commit' => sub {
		my $mover = session();

		is($mover->query("BEGIN; $move"), '3', 'three keys are wrapped anew');
		return $mover;
	});
my %happens = (
	'the key worker is killed' => sub { kill_process(worker_pid()) },
	'the backend is killed' => sub { kill_process($_[0]->pid) },
	'the backend is terminated' => sub {
		my ($mover) = @_;

		$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . $mover->pid . ', 60000)');
		kill 'CONT', worker_pid();
	},
	'the server dies' => sub { kill_server() });

for my $step (sort keys %until)
{
	for my $what (sort keys %happens)
	{
		my $case = "before $step, $what";
		my ($mover, @others) = $until{$step}->();

		$happens{$what}->($mover);
		$_->quit for $mover, @others;

		is($node->safe_psql('postgres', $catalog), $before, "$case: nothing has moved");
		is(session()->query($readable), '300', "$case: all is readable");
		is(session()->query("BEGIN; $move; $readable; ROLLBACK"),
			"3\n300", "$case: it can be moved again");
	}
}

# What is committed has moved, whatever dies next, and needs the old KMS no more.
my $reader = session();
$reader->begin("BEGIN; DECLARE c CURSOR FOR SELECT content FROM chats; FETCH 1 FROM c");
$reader->end;
is(session()->query($move), '3', 'moved');
kill_server();
$reader->quit;
unlink key_folder($node) . "/old.$_" or die "old.$_: $!" for 'key', 'made';
is($node->safe_psql('postgres', $where), 'new', 'once it is committed, all has moved');
my $session = session();
is($session->query($readable), '300', 'and is readable without the old key file');
is($session->query("SELECT bionic_crypt.rotate_key('acme')"), '4', 'a key is rotated');
is($session->query("INSERT INTO chats VALUES (4, 'version 4, 1'::text) RETURNING content"),
	'version 4, 1', 'and encrypts');
is($session->state('DROP SERVER new'), '2BP01', 'the new KMS is in use');
is($session->state('DROP SERVER old'), '00000', 'the old one is not');

# Sessions read and write all the while.
my @busy = map { session() } 1 .. 2;
for (@busy)
{
	$_->query('CREATE TEMP TABLE mine (content encrypted_text)');
	$_->begin("DO \$\$ BEGIN FOR i IN 1 .. 1000000 LOOP"
		  . " INSERT INTO mine VALUES (i::text); PERFORM length(m.content || c.content) FROM mine m, chats c LIMIT 500;"
		  . " TRUNCATE mine; COMMIT; RAISE NOTICE 'loop %', i; END LOOP; END \$\$");
}
$session->query(q{CREATE SERVER other FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file')});
for my $to ('other', 'new', 'other', 'new')
{
	my %loops;

	is($session->query("SELECT bionic_crypt.move_tenant('acme', '$to')"), '4', "moved to $to");
	ok( wait_until(sub {
				return 2 == grep {
					my $ended = $_->has_ended;
					my ($loop) = $_->{err} =~ /.*loop (\d+)/s;
					$loops{ $_->pid } //= $loop // 0;
					!$ended && ($loop // 0) > $loops{ $_->pid } + 2
				} @busy;
			}),
		'both go on');
}
$node->safe_psql('postgres', 'SELECT pg_cancel_backend(' . $_->pid . ')') for @busy;
$_->end for @busy;
is(join(' ', map { $_->last_state } @busy), '57014 57014', 'without an error');

$_->quit for $session, @busy;
$node->stop;
done_testing();
