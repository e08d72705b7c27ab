# A tenant moves from a key file to one OpenBao, to another and back, while
# sessions work: the KMS it leaves is asked once for each key and never again.
# What the KMS it goes to does not do leaves all as it was.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::OpenBao;
use BionicCrypt::Session;
use BionicCrypt::Test;

BionicCrypt::OpenBao::require_or_skip_all();

my $node = new_node('moving');
$node->append_conf('postgresql.conf', <<'CONF');
bionic_crypt.allow_local_kms = on
restart_after_crash = on
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION bionic_crypt;
CREATE SERVER first FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
CREATE SERVER last FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
SELECT bionic_crypt.create_tenant('acme', kms => 'first');
CREATE TABLE chats (version int, content encrypted_text);
SET bionic_crypt.tenant = 'acme';
INSERT INTO chats SELECT 1, ('version 1, ' || g)::text FROM generate_series(1, 100) g;
SELECT bionic_crypt.rotate_key('acme');
INSERT INTO chats SELECT 2, ('version 2, ' || g)::text FROM generate_series(1, 100) g;
SELECT bionic_crypt.rotate_key('acme');
INSERT INTO chats SELECT 3, ('version 3, ' || g)::text FROM generate_series(1, 100) g;
SQL

# Two OpenBaos, each with a server for who may use its key, and for who may not
# do all of it.
my %bao = map { $_ => BionicCrypt::OpenBao->new } qw(one two);
my %may = (use => [qw(encrypt decrypt)], only_encrypt => ['encrypt'], only_decrypt => ['decrypt'], nothing => ['x']);
for my $name (sort keys %bao)
{
	$bao{$name}->create_key('kek');
	for my $may (sort keys %may)
	{
		$bao{$name}->write_policy($may, map { ("transit/$_/kek", "transit/$_/none") } @{ $may{$may} });
		$node->safe_psql('postgres',
			$bao{$name}->create_server($name . ($may eq 'use' ? '' : "_$may"),
				auth_method => 'token', token_file => $bao{$name}->token_file($may)));
	}
}

my $decrypts = qr{^transit/decrypt/};
my $readable = q{SELECT count(*) FILTER (WHERE content LIKE 'version ' || version || ', %') FROM chats};
my $rows = 'SELECT md5(string_agg(ctid || xmin::text, NULL ORDER BY ctid)) FROM chats WHERE version < 4';
my $where = q{SELECT string_agg(DISTINCT kms || '/' || kek, ',') FROM}
  . q{ (SELECT kms, kek FROM bionic_crypt.keys UNION ALL SELECT kms, kek FROM bionic_crypt.tenants) s};
my $catalog = 'SELECT k, t FROM bionic_crypt.catalog_keys k JOIN bionic_crypt.catalog_tenants t'
  . ' USING (tenant) ORDER BY k.version';

sub session { return BionicCrypt::Session->new($node, tenant => 'acme') }

sub worker_pid
{
	return $node->safe_psql('postgres', 'SELECT pid FROM bionic_crypt.key_worker()');
}

# How long ago a KMS said yes, for the keys that are in use.
sub age
{
	my ($kms) = @_;
	return $node->safe_psql('postgres',
		"SELECT oldest_lease BETWEEN '0' AND '1 minute' FROM bionic_crypt.stat_kms WHERE kms = '$kms'");
}

sub move { return "SELECT bionic_crypt.move_tenant('acme', '$_[0]'" . ($_[1] ? ", '$_[1]')" : ')') }

# Until the session's statement waits for a lock, or for a key.
sub wait_for
{
	my ($session, $type) = @_;

	$node->poll_query_until('postgres',
		"SELECT wait_event_type = '$type' FROM pg_stat_activity WHERE pid = " . $session->pid)
	  or die "it does not wait for its $type";
	return;
}

# A session that reads and writes until it is stopped, and how often it did.
sub start_work
{
	my $session = session();

	$session->query('CREATE TEMP TABLE mine (content encrypted_text)');
	$session->begin("DO \$\$ BEGIN FOR i IN 1 .. 1000000 LOOP"
		  . " INSERT INTO mine VALUES (i::text); PERFORM length(m.content || c.content) FROM mine m, chats c LIMIT 500;"
		  . " TRUNCATE mine; COMMIT; RAISE NOTICE 'loop %', i; END LOOP; END \$\$");
	return $session;
}

sub loops
{
	my ($session) = @_;

	die 'it ended: ' . $session->{err} if $session->has_ended;
	return $session->{err} =~ /.*loop (\d+)/s ? $1 : 0;
}

# It had no error till now.
sub stop_work
{
	my ($session) = @_;

	$node->safe_psql('postgres', 'SELECT pg_cancel_backend(' . $session->pid . ')');
	$session->end;
	is($session->last_state, '57014', 'the session worked without an error');
	$session->quit;
	return;
}

sub goes_on
{
	my ($session) = @_;
	my $before = loops($session);

	return wait_until(sub { loops($session) > $before + 2 });
}

my $session = session();
my $unchanged = $session->query($rows);
my $worker = start_work();
ok(goes_on($worker), 'a session works');

# Refused, or not done: nothing has moved.
my $before = $session->query($catalog);

sub is_refused
{
	my ($state, $to, $kek, $why) = @_;

	is($session->state(move($to, $kek)), $state, $why);
	is($session->query($catalog), $before, "$why: nothing has moved");
	return;
}

is_refused('22023', 'one', '', 'without the name of a key');
is_refused('22023', 'one', '../sys/seal', 'with one that is none');
is_refused('KM001', 'one', 'none', 'to a key that is not there');
is_refused('KM001', 'one_nothing', 'kek', 'to a KMS that does not let us in');
is_refused('KM001', 'one_only_decrypt', 'kek', 'to one that lets us unwrap alone');
is_refused('KM001', 'one_only_encrypt', 'kek', 'to one that lets us wrap alone');
$session->query("SET bionic_crypt.kms_timeout = '1s'");
$bao{one}->pause;
is_refused('KM002', 'one', 'kek', 'to a KMS that hangs');
$bao{one}->resume;
ok(wait_until(sub {
			my $state = $session->state('BEGIN; ' . move('one', 'kek'));
			$session->query('ROLLBACK');
			return $state eq '00000';
		}),
	'to one that answers again');

# It stops answering after the first of three keys.
my $mover = session();
my $locker = session();
$mover->query("SET bionic_crypt.kms_timeout = '1s'");
$locker->query('BEGIN; SELECT 1 FROM bionic_crypt.catalog_keys WHERE version = 2 FOR UPDATE');
$mover->begin(move('one', 'kek'));
wait_for($mover, 'Lock');
$bao{one}->stop;
$locker->query('ROLLBACK');
$mover->end;
is($mover->last_state, 'KM002', 'it goes away in the middle of the move');
is($session->query($catalog), $before, 'it goes away: nothing has moved');
$bao{one}->start;
$bao{one}->unseal;
ok(goes_on($worker), 'the session that works notices nothing');

# The key worker dies while it waits for the KMS.
stop_work($worker);
$_->quit for $mover, $locker;
$mover = session();
$bao{one}->pause;
$mover->begin(move('one', 'kek'));
wait_for($mover, 'Extension');
kill 'KILL', worker_pid();
$mover->end;
isnt($mover->last_state, '00000', 'the key worker is killed while the KMS hangs');
$bao{one}->resume;
ok(wait_until(sub { $node->psql('postgres', 'SELECT 1') == 0 }), 'the server is back');
$_->quit for $session, $mover;
$session = session();
is($session->query($catalog), $before, 'the key worker is killed: nothing has moved');

# From the file to the first OpenBao.
$worker = start_work();
ok(goes_on($worker), 'a session works again');
ok(wait_until(sub { $session->query(move('one', 'kek')) eq '3' }), 'from the file to one OpenBao');
unlink key_folder($node) . "/first.$_" or die "first.$_: $!" for 'key', 'made';
is($session->query($where), 'one/kek', 'all is there');
is($session->query($readable), '300', 'and readable without the file');
ok(goes_on($worker), 'the session that works goes on');
ok(wait_until(sub { age('one') eq 't' }), 'its keys are in use');
is($session->state('DROP SERVER first'), '00000', 'the file server is not needed');

# To the second: the first is asked for each key once.
my $asked = $bao{one}->requests($decrypts);
is($session->query(move('two', 'kek')), '3', 'to another OpenBao');
is($bao{one}->requests($decrypts) - $asked, 3, 'the one it leaves is asked once for each key');
my $all = $bao{one}->requests(qr{^transit/});
ok(goes_on($worker), 'the session that works goes on');
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . worker_pid() . ', 60000)');
is($session->query($where), 'two/kek', 'all is there');
is($session->query($readable), '300', 'and readable by a new key worker');
is($session->query("SELECT bionic_crypt.rotate_key('acme')"), '4', 'and rotated');
is($session->query("SELECT bionic_crypt.rewrap_keys('acme')"), '4', 'and rewrapped');
is($bao{one}->requests(qr{^transit/}), $all, 'and the one it left is asked no more');
$bao{one}->stop;
is(age('one'), '', 'nor are keys of it in use');
is($session->state('DROP SERVER one'), '00000', 'its server is not needed');
$session->query("INSERT INTO chats VALUES (4, 'version 4, 1'::text)");

# It cannot leave one that says no, or none that does not answer.
$before = $session->query($catalog);
$bao{two}->write_policy('use', 'transit/encrypt/kek');
is_refused('KM001', 'last', '', 'from a KMS that denies');
$bao{two}->write_policy('use', map { "transit/$_/kek" } qw(encrypt decrypt));
$session->query("SET bionic_crypt.kms_timeout = '1s'");
$bao{two}->pause;
is_refused('KM002', 'last', '', 'from a KMS that hangs');
$bao{two}->resume;

# And back to a file.
ok(wait_until(sub { $session->query(move('last')) eq '4' }), 'to a key file');
$bao{two}->stop;
is($session->query($where), 'last/', 'all is there');
is($session->state('DROP SERVER two'), '00000', 'the last OpenBao is not needed');
ok(goes_on($worker), 'the session that works goes on');
stop_work($worker);
$session->quit;
$node->restart;
$session = session();
is($session->query($readable), '301', 'all is readable after a restart');
is($session->query($rows), $unchanged, 'no row was written');

$session->quit;
$node->stop;
done_testing();
