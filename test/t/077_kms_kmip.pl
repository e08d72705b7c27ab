# The provider kmip with a real server, PyKMIP: keys are wrapped there, bound to
# their tenant, rotated and moved; the customer takes them away in each way that
# the server knows; it stops and hangs, and comes back.  Bounds are checked at
# three times what is promised, so that a busy machine fails no test.

use strict;
use warnings;

use File::Copy qw(copy);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use BionicCrypt::PyKmip;
use BionicCrypt::Session;
use BionicCrypt::Test;

BionicCrypt::PyKmip::require_or_skip_all();

my ($interval, $grace, $timeout) = (2, 4, 5);
my $kmip = BionicCrypt::PyKmip->new;
my $node = new_node('kmip');
$node->append_conf('postgresql.conf', <<"CONF");
bionic_crypt.allow_local_kms = on
bionic_crypt.revocation_interval = '${interval}s'
bionic_crypt.kms_timeout = '${timeout}s'
CONF
$node->start;
my $password_file = $kmip->dir . '/password';
append_to_file($password_file, "s3cret of a vendor\n");
chmod 0600, $password_file;
$node->safe_psql('postgres', join ";\n",
	'CREATE EXTENSION bionic_crypt',
	'CREATE TABLE chats (tenant_id text, content encrypted_text)',
	$kmip->create_server('kmip'),
	$kmip->create_server('with_password', username => 'vendor', password_file => $password_file));

# A key, and a tenant of that name who has a value.
my %kek;

sub create_tenant
{
	my ($name, %option) = @_;
	my $kms = $option{kms} // 'kmip';
	my $tenant_grace = $option{grace} // '1 hour';

	$kek{$name} = $kmip->admin('client', 'create');
	$node->safe_psql('postgres', <<"SQL");
SELECT bionic_crypt.create_tenant('$name', kms => '$kms', kek => '$kek{$name}', outage_grace => '$tenant_grace');
SET bionic_crypt.tenant = '$name';
INSERT INTO chats VALUES ('$name', '$name says'::text);
SQL
	return;
}

sub reading
{
	my ($tenant) = @_;
	return "SELECT content FROM chats WHERE tenant_id = '$tenant'";
}

# A new session's SQLSTATE, and how long it took.
sub try_cold
{
	my ($tenant) = @_;
	my $began = time;
	my $state = sqlstate($node, "SET bionic_crypt.tenant = '$tenant'; " . reading($tenant));

	return ($state, time - $began);
}

sub failures
{
	my ($columns) = @_;
	return $node->safe_psql('postgres', "SELECT $columns FROM bionic_crypt.stat_kms WHERE kms = 'kmip'");
}

sub wrapped
{
	my ($tenant) = @_;
	return $node->safe_psql('postgres',
		"SELECT encode(wrapped, 'hex') FROM bionic_crypt.catalog_keys WHERE tenant = '$tenant' ORDER BY version");
}

# Keys go there and come back.
create_tenant($_) for qw(acme other revoked deactivated destroyed);
create_tenant('with_password', kms => 'with_password');
create_tenant('short', grace => "$grace s");
forget_keys($node);
is((try_cold($_))[0], '00000', "$_: INSERT and SELECT") for qw(acme with_password);
is($node->safe_psql('postgres', "SELECT ok, problem, detail FROM bionic_crypt.check_kms('kmip', '$kek{acme}')"),
	't||', 'check_kms finds nothing wrong');
is(failures('denied + throttled + unavailable + bad_ciphertext + config + protocol + credential'),
	'0', 'and no failure is counted');
like(wrapped('acme'), qr/^01[0-9a-f]{120}$/, 'a wrapped key is version, IV, ciphertext and tag');

# What check_kms says of keys that are none of ours.
my $rsa = $kmip->admin('client', 'create_rsa');
my $inactive = $kmip->admin('client', 'create_inactive');
my $foreign = $kmip->admin('neighbour', 'create');
my @problems = (
	[ 'a key that is not there', 'nowhere', qr/^f\|KMS.*denied.*does not exist \(result reason 0x01\)/ ],
	[ 'a key that was never activated', $inactive, qr/^f\|KMS.*denied.*\(result reason 0x0C\)/ ],
	[ "another client's key", $foreign, qr/^f\|KMS.*denied.*\(result reason 0x0C\)/ ],
	[ 'a key of RSA', $rsa, qr/^f\|KMS.*denied/ ],
	[ 'nothing of the kind', 'a b', qr/^f\|.*kek/ ]);
for my $problem (@problems)
{
	my ($what, $kek, $expected) = @$problem;

	like($node->safe_psql('postgres', "SELECT * FROM bionic_crypt.check_kms('kmip', '$kek')"),
		$expected, "check_kms: $what");
}
is(sqlstate($node, "SELECT bionic_crypt.create_tenant('none', kms => 'kmip', kek => '$foreign')"),
	'KM001', "no tenant gets another client's key");

# Who we are.
my $certs = $kmip->certs;
my %stranger = (
	intruder => [ 'a client certificate of another CA', qr/^f\|could not reach KMS/ ],
	server => [ 'a certificate that is not for clients', qr/^f\|could not reach KMS/ ]);
for my $name (sort keys %stranger)
{
	my ($what, $expected) = @{ $stranger{$name} };
	my $create_server = $kmip->create_server("of_$name", client_cert_file => "$certs/$name.pem",
		client_key_file => "$certs/$name.key");

	like($node->safe_psql('postgres', "$create_server; SELECT * FROM bionic_crypt.check_kms('of_$name', '$kek{acme}')"),
		$expected, "check_kms: $what");
}

# A wrapped key is of its tenant, key id and purpose: the server itself says so.
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE kept AS SELECT * FROM bionic_crypt.catalog_keys;
UPDATE bionic_crypt.catalog_keys k SET wrapped = o.wrapped, kek = o.kek FROM kept o
	WHERE k.tenant = 'acme' AND o.tenant = 'other';
SQL
my $bad = failures('bad_ciphertext');
forget_keys($node);
is((try_cold('acme'))[0], '22000', "another tenant's wrapped key is refused");
cmp_ok(failures('bad_ciphertext'), '>', $bad, 'as a bad ciphertext');
$node->safe_psql('postgres', <<'SQL');
UPDATE bionic_crypt.catalog_keys k SET wrapped = o.wrapped, kek = o.kek FROM kept o
	WHERE k.tenant = 'acme' AND o.tenant = 'acme';
DROP TABLE kept;
SQL
forget_keys($node);
is((try_cold('acme'))[0], '00000', 'given back: it reads');

# The key is rotated by moving to a new one.
my $before = wrapped('acme');
is($node->safe_psql('postgres', "SELECT bionic_crypt.rewrap_keys('acme')"), '1', 'rewrap_keys');
isnt(wrapped('acme'), $before, 'wraps anew');
$kek{acme} = $kmip->admin('client', 'create');
is($node->safe_psql('postgres', "SELECT bionic_crypt.move_tenant('acme', 'kmip', '$kek{acme}')"),
	'1', 'a new key-encryption key takes over');
forget_keys($node);
is((try_cold('acme'))[0], '00000', 'and the value is readable');

# The customer takes a key away: sessions end, others do not notice.
my %take = (
	revoked => [ 'Revoke, for it is compromised', sub { $kmip->admin('client', 'revoke', $kek{revoked}) } ],
	deactivated => [ 'Revoke, for its time is over', sub { $kmip->admin('client', 'deactivate', $kek{deactivated}) } ],
	destroyed => [ 'Destroy', sub { $kmip->admin('client', $_, $kek{destroyed}) for qw(deactivate destroy) } ]);
my $neighbour = BionicCrypt::Session->new($node, tenant => 'other');
my $keys = $kmip->dir . '/keys.db';
copy($keys, "$keys.kept") or die "$keys: $!";

for my $name (sort keys %take)
{
	my ($what, $do) = @{ $take{$name} };
	my $session = BionicCrypt::Session->new($node, tenant => $name);

	ok(wait_until(sub { $session->query(reading($name)) eq "$name says" }), "$what: before it, a session reads");
	$do->();
	my $taken = time;
	ok(wait_until(sub { $session->state(reading($name)) ne '00000' }), "$what: it ends");
	my $latency = time - $taken;
	is($session->last_state, 'KM001', "$what: as a denial");
	cmp_ok($latency, '<', 3 * $interval, "$what: within revocation_interval");
	note sprintf 'revocation latency: %s: %.1f s', $what, $latency;
	is((try_cold($name))[0], 'KM001', "$what: a new session gets no key");
	is(sqlstate($node, "SET bionic_crypt.tenant = '$name'; INSERT INTO chats VALUES ('$name', 'new'::text)"),
		'KM001', "$what: nothing is written");
	is($neighbour->query(reading('other')), 'other says', "$what: another tenant goes on");
}
$kmip->stop;
copy("$keys.kept", $keys) or die "$keys: $!";
$kmip->start;
for my $name (sort keys %take)
{
	ok(wait_until(sub { (try_cold($name))[0] eq '00000' }), "$name, and the server's backup restored: it ends by itself");
}

# The server cannot be asked.  A tenant is in use while it reads all the time.
my %outage = (
	stopped => [ sub { $kmip->stop }, sub { $kmip->start } ],
	hanging => [ sub { $kmip->pause }, sub { $kmip->resume } ]);
for my $what (sort keys %outage)
{
	my ($begin, $end) = @{ $outage{$what} };

	forget_keys($node);
	my %session = map { $_ => BionicCrypt::Session->new($node, tenant => $_) } qw(other short);
	ok(wait_until(sub { $session{$_}->query(reading($_)) eq "$_ says" }), "$what: $_ has a key")
	  for sort keys %session;
	my ($denied, $unavailable) = split /\|/, failures('denied, unavailable');
	my $began = time;
	$begin->();
	my ($state, $took) = try_cold('acme');
	is($state, 'KM002', "$what: a tenant whose key is not at hand is told");
	cmp_ok($took, '<', 2 * $timeout, "$what: within kms_timeout");
	my $interrupted = 0;
	wait_until(sub {
		$interrupted ||= $session{other}->query(reading('other')) ne 'other says';
		return $session{short}->state(reading('short')) ne '00000';
	});
	is($session{short}->last_state, 'KM002', "$what: outage_grace ends");
	cmp_ok(time - $began, '<', 3 * $grace, "$what: not long after its time");
	ok(!$interrupted, "$what: one with much grace goes on");
	$end->();
	ok(wait_until(sub { (try_cold('acme'))[0] eq '00000' }), "$what, and over: a new session reads");
	ok(wait_until(sub { $session{short}->query(reading('short')) eq 'short says' }),
		"$what, and over: the session reads");
	is(failures('denied'), $denied, "$what: nobody took it for a denial");
	cmp_ok(failures('unavailable'), '>', $unavailable, "$what: but for an outage");
	$_->quit for values %session;
}

$node->stop;
done_testing();
