# How long a key is used: until its KMS says no, until its lease ends when
# nobody can say anything, until somebody here decides otherwise.
#
# An upper bound is checked at five times what is promised, so that a busy
# machine fails no test.  Only the end of a lease is checked to the letter,
# because it depends on no process being in time.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use BionicCrypt::Session;
use BionicCrypt::Test;

my $interval = 2;
my $node = new_node('leases');
$node->append_conf('postgresql.conf', "bionic_crypt.revocation_interval = '${interval}s'");
$node->start;

my $apart = PostgreSQL::Test::Utils::tempdir . '/apart.key';
system(qq{umask 077; openssl rand -base64 32 >"$apart"}) == 0 or die 'openssl';
$node->safe_psql('postgres', <<"EOF");
CREATE EXTENSION bionic_crypt;
CREATE SERVER apart FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file', path '$apart');
SELECT bionic_crypt.create_tenant('acme'), bionic_crypt.create_tenant('cold'),
	bionic_crypt.create_tenant('strict', outage_grace => '0'),
	bionic_crypt.create_tenant('apart', kms => 'apart');
CREATE TABLE chats (tenant_id text, content encrypted_text);

-- When the session could decrypt last, and why no longer.
CREATE FUNCTION decrypt_until_error(tenant text) RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE
	content text;
	tried timestamptz;
	done timestamptz;
BEGIN
	LOOP
		tried := clock_timestamp();
		SELECT c.content INTO content FROM chats c WHERE c.tenant_id = tenant LIMIT 1;
		done := tried;
	END LOOP;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || extract(epoch FROM done);
END \$\$;
EOF
$node->safe_psql('postgres', <<"EOF") for qw(acme cold strict apart);
SET bionic_crypt.tenant = '$_';
INSERT INTO chats SELECT '$_', '$_ says ' || g FROM generate_series(1, 100) g;
EOF

my $kek = slurp_file(key_file($node));
my $other_kek = slurp_file($apart);

sub session
{
	return BionicCrypt::Session->new($node, tenant => $_[0], @_[ 1 .. $#_ ]);
}

sub reading
{
	my ($tenant) = @_;
	return "SELECT min(content) FROM chats WHERE tenant_id = '$tenant'";
}

# A statement that decrypts for minutes, and is doing so.
sub begin_scan
{
	my ($session, $tenant) = @_;

	$session->begin("SELECT sum(length(content::text)) FROM generate_series(1, 10000000) g, chats"
		. " WHERE tenant_id = '$tenant'");
	$node->poll_query_until('postgres',
		"SELECT state = 'active' AND query LIKE 'SELECT sum%' FROM pg_stat_activity WHERE pid = "
		  . $session->pid)
	  or die 'the scan does not run';
	return;
}

sub open_cursor
{
	my ($session, $tenant) = @_;

	$session->query("BEGIN; DECLARE c CURSOR FOR SELECT content FROM chats, generate_series(1, 100000)"
		. " WHERE tenant_id = '$tenant'");
	return $session->query('FETCH 1 FROM c');
}

# The SQLSTATE of the first statement that fails, and when that was.
sub first_failure
{
	my ($session, $sql) = @_;
	my $state = '00000';

	wait_until(sub { ($state = $session->state($sql)) ne '00000' });
	return ($state, time);
}

sub works_again
{
	my ($session, $tenant) = @_;
	return wait_until(sub { $session->query(reading($tenant)) eq "$tenant says 1" });
}

sub key_worker
{
	my ($column) = @_;
	return $node->safe_psql('postgres', "SELECT $column FROM bionic_crypt.key_worker()");
}

sub write_key_file
{
	my ($content, $mode) = @_;
	my $file = key_file($node);

	append_to_file("$file.new", $content);
	chmod $mode // 0600, "$file.new";
	rename "$file.new", $file or die "$file: $!";
	return;
}

sub stop_process
{
	my ($pid) = @_;

	kill 'STOP', $pid;
	wait_until(sub { slurp_file("/proc/$pid/stat") =~ /\) T / }) or die "$pid does not stop";
	return time;
}

# Denied: the key file no longer holds the key-encryption key.
my ($holder, $scanner, $cursor) = map { session('acme') } 1 .. 3;
my $neighbour = session('apart');
is($holder->query(reading('acme')), 'acme says 1', 'a session has a key');
is($neighbour->query(reading('apart')), 'apart says 1', 'so has one of a tenant with another KMS');
is(open_cursor($cursor, 'acme'), 'acme says 1', 'a cursor is open');
begin_scan($scanner, 'acme');
my $began = time;
write_key_file($other_kek);

my ($state, $failed) = first_failure($cursor, 'FETCH 1 FROM c');
is($state, 'KM001', 'denied: the cursor stops');
cmp_ok($failed - $began, '<', 5 * $interval, 'within revocation_interval');
$scanner->end;
is($scanner->last_state, 'KM001', 'denied: the running scan stops');
cmp_ok(time - $began, '<', 5 * $interval, 'within revocation_interval');
is($holder->state(reading('acme')), 'KM001', 'denied: the idle session stops');
is($holder->state("INSERT INTO chats VALUES ('acme', 'new'::text)"), 'KM001', 'nor can it write');
is(session('acme')->state(reading('acme')), 'KM001', 'a new session gets no key');
is($holder->query("SELECT count(*) FROM chats WHERE tenant_id = 'acme'"), '100', 'rows can be counted');
is($neighbour->query(reading('apart')), 'apart says 1', 'the neighbour goes on');

write_key_file($kek);
ok(works_again($holder, 'acme'), 'given back: the denial ends by itself');
$cursor->query('ROLLBACK');

# Not there: keys at hand serve until the lease ends, which is the tenant's
# choice; none is made in its place.
my $strict = session('strict');
ok(works_again($strict, 'strict'), 'a tenant without grace has a key');
is($holder->query(reading('acme')), 'acme says 1', 'and one with grace');
my $failures = key_worker('kms_failures');
$began = time;
rename key_file($node), key_file($node) . '.away' or die;
($state, $failed) = first_failure($strict, reading('strict'));
is($state, '58P01', 'key file gone, no grace: an error');
cmp_ok($failed - $began, '<', 5 * $interval, 'when the lease ends');
is(session('cold')->state(reading('cold')), '58P01', 'nobody gets a key that was not at hand');
is($holder->query(reading('acme')), 'acme says 1', 'keys at hand serve with grace') for 1 .. 2;
ok( wait_until(sub {
		$holder->query(reading('acme')) eq 'acme says 1' or return 0;
		return key_worker('kms_failures') >= $failures + 4;
	}),
	'and do so while the KMS is asked in vain');
is(sqlstate($node, "SELECT bionic_crypt.create_tenant('late')"), '58P01', 'no tenant can be created');

# A shorter grace counts for an answer of before: that was longer ago.
is($holder->query(reading('acme')), 'acme says 1', 'key file gone: a key at hand still serves');
$node->safe_psql('postgres', "SELECT bionic_crypt.set_outage_grace('acme', '0')");
is((first_failure($holder, reading('acme')))[0], '58P01', 'its tenant has no grace any more: it does not');
$node->safe_psql('postgres', "SELECT bionic_crypt.set_outage_grace('acme', '10 minutes')");
ok(!-e key_file($node), 'and no other key takes the place of the one that is gone');

write_key_file($kek, 0644);
ok(wait_until(sub { session('cold')->state(reading('cold')) eq '42501' }),
	'a key file that others can read is refused');
write_key_file($kek);
ok(works_again($strict, 'strict'), 'the key file is back: all works again');

# Nobody to ask: the worker stopped, then one that cannot start.
for my $case (
	[ 'worker stopped', sub { return key_worker('pid') } ],
	[ 'worker kept from starting', sub { return (child_pids($node, qr/bionic_crypt launcher/))[0] } ])
{
	my ($name, $find_process) = @$case;
	my $session = session('strict');

	$session->query("SET bionic_crypt.kms_timeout = '500ms'");
	ok(works_again($strict, 'strict'), "$name: a session has a key");
	ok(works_again($session, 'strict'), "$name: another one, too");
	open_cursor($strict, 'strict');
	$session->begin("SELECT decrypt_until_error('strict')");
	$node->poll_query_until('postgres',
		"SELECT query LIKE '%until_error%' FROM pg_stat_activity WHERE pid = " . $session->pid)
	  or die 'the session does not decrypt';

	my $pid = $find_process->();
	my $stopped = stop_process($pid);
	if ($pid != key_worker('pid'))
	{
		my $worker = key_worker('pid');
		kill 'TERM', $worker;
		wait_until(sub { key_worker('pid') eq '' }) or die 'the worker does not end';
		$stopped = time;
	}
	my ($reason, $last) = split / /, $session->end;
	is($reason, 'KM002', "$name: decryption ends");
	cmp_ok($last, '<', $stopped + $interval + 0.1, "$name: with the lease");
	$strict->query("SET LOCAL bionic_crypt.kms_timeout = '500ms'");
	is($strict->state('FETCH 1 FROM c'), 'KM002', "$name: so does an open cursor");
	$strict->query('ROLLBACK');
	is($session->state("INSERT INTO chats VALUES ('strict', 'new'::text)"),
		'KM002', "$name: and nothing is written");
	kill 'CONT', $pid;
	ok(works_again($session, 'strict'), "$name: all works again");
	$session->quit;
}

# What is decided here is seen at once, by idle and by busy sessions.
my $admin = BionicCrypt::Session->new($node);
is($holder->query(reading('acme')), 'acme says 1', 'a session has a key');
open_cursor($cursor, 'acme');
begin_scan($scanner, 'acme');
$admin->query("SELECT bionic_crypt.suspend_tenant('acme')");
is($holder->state(reading('acme')), 'KM003', 'suspended: the idle session stops');
is($cursor->state('FETCH 1 FROM c'), 'KM003', 'so does the cursor');
$scanner->end;
is($scanner->last_state, 'KM003', 'and the running scan');
$cursor->query('ROLLBACK');
$admin->query("SELECT bionic_crypt.resume_tenant('acme')");
is($holder->query(reading('acme')), 'acme says 1', 'resumed: it goes on');

sub key_id_of_last
{
	my $armour = $node->safe_psql('postgres', "SELECT content FROM chats WHERE tenant_id = 'last'");

	$armour =~ s/^bc1:// or die $armour;
	$armour =~ tr{-_}{+/};
	return substr $node->safe_psql('postgres',
		"SELECT encode(decode(rpad('$armour', (length('$armour') + 3) / 4 * 4, '='), 'base64'), 'hex')"),
	  24, 16;
}

sub key_id_of_version
{
	my ($version) = @_;
	return $node->safe_psql('postgres',
		"SELECT key_id FROM bionic_crypt.keys WHERE tenant = 'acme' AND version = $version");
}

my $insert = "INSERT INTO chats VALUES ('last', 'new'::text)";
$holder->query($insert);
is(key_id_of_last(), key_id_of_version(1), 'a value is encrypted with version 1');
is($admin->query("SELECT bionic_crypt.rotate_key('acme')"), '2', 'another session rotates');
$holder->query("DELETE FROM chats WHERE tenant_id = 'last'; $insert");
is(key_id_of_last(), key_id_of_version(2), 'the next value is encrypted with version 2');
is($holder->query("SELECT count(content::text) FROM chats WHERE tenant_id IN ('acme', 'last')"),
	'101', 'both versions are readable');

$admin->query(<<'EOF');
CREATE ROLE regress_reader LOGIN;
CREATE ROLE regress_group;
CREATE ROLE regress_member LOGIN IN ROLE regress_group;
GRANT SELECT ON chats TO regress_reader, regress_group;
SELECT bionic_crypt.grant_tenant('acme', 'regress_reader', '{decrypt}'),
	bionic_crypt.grant_tenant('acme', 'regress_group', '{decrypt}')
EOF
my $reader = session('acme', user => 'regress_reader');
is(open_cursor($reader, 'acme'), 'acme says 1', 'a role with a grant reads');
$admin->query("SELECT bionic_crypt.revoke_tenant('acme', 'regress_reader')");
is($reader->state('FETCH 1 FROM c'), '42501', 'revoked: its cursor stops');
$reader->query('ROLLBACK');
is($reader->state(reading('acme')), '42501', 'and it reads no more');
$admin->query("SELECT bionic_crypt.grant_tenant('acme', 'regress_reader', '{decrypt}')");
is($reader->query(reading('acme')), 'acme says 1', 'granted again: it reads');

my $member = session('acme', user => 'regress_member');
is($member->query(reading('acme')), 'acme says 1', 'so does a member of a role');
$admin->query('REVOKE regress_group FROM regress_member; GRANT SELECT ON chats TO regress_member');
is($member->state(reading('acme')), '42501', 'but not once it is no member');
$admin->query('GRANT regress_group TO regress_member');
is($member->query(reading('acme')), 'acme says 1', 'and again when it is');

# The key-encryption key of old versions alone is taken away.
write_key_file($kek . "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n");
$admin->query("SELECT bionic_crypt.rotate_key('acme')");
$holder->query("DELETE FROM chats WHERE tenant_id = 'last'; $insert");
my $read_last = "SELECT content FROM chats WHERE tenant_id = 'last'";
is($holder->query($read_last), 'new', 'another key-encryption key wraps the next version');
is($holder->query(reading('acme')), 'acme says 1', 'and older versions are readable');
write_key_file("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n");
$began = time;
($state, $failed) = first_failure($holder, reading('acme'));
is($state, 'KM001', 'a retired version is denied');
cmp_ok($failed - $began, '<', 5 * $interval, 'within revocation_interval');
is($holder->query($read_last), 'new', 'and the active one is not');
write_key_file($kek);

# Who keeps the key worker from the catalog keeps no denial from being heard.
my $locker = BionicCrypt::Session->new($node);
is($holder->query($read_last), 'new', 'a key is at hand');
$locker->query('BEGIN; LOCK TABLE bionic_crypt.catalog_tenants');
write_key_file($other_kek);
is((first_failure($holder, $read_last))[0], 'KM002', 'the catalog is locked: a key is not used unasked');
$locker->query('ROLLBACK');
is((first_failure($holder, $read_last))[0], 'KM001', 'and it is denied once the catalog can be read');
write_key_file($kek . "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n");
ok(works_again($holder, 'acme'), 'given back: it goes on');

# What it takes to ask again is given back, the key file's content above all.
sub worker_grows
{
	my ($pid, $unwraps) = split /\|/, $admin->query('SELECT pid, unwraps FROM bionic_crypt.key_worker()');

	return ($unwraps, slurp_file("/proc/$pid/status") =~ /^VmRSS:\s+(\d+) kB/m);
}

$admin->query("SELECT bionic_crypt.rotate_key('cold')"), $admin->query(<<'EOF') for 1 .. 30;
SET bionic_crypt.tenant = 'cold';
INSERT INTO chats VALUES ('cold', 'another version'::text);
EOF
$admin->query("SELECT count(content::text) FROM chats WHERE tenant_id = 'cold'");
my ($unwraps, $size) = worker_grows();
my ($unwraps_now, $size_now);
ok(wait_until(sub {
		$admin->query("SELECT count(content::text) FROM chats WHERE tenant_id = 'cold'");
		($unwraps_now, $size_now) = worker_grows();
		return $unwraps_now > $unwraps + 150;
	}),
	'the KMS is asked again and again');
cmp_ok($size_now - $size, '<', 2048, 'and the key worker does not grow');

$node->stop;
done_testing();
