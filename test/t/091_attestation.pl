# attestation() from end to end, over a TEE of software: a stand-in for the
# kernel's configfs-tsm, whose reports are signed under a root that this test
# alone trusts.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Fcntl qw(:flock);
use JSON::PP;
use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::FakeTsm;
use BionicCrypt::Session;
use BionicCrypt::Test;

my $tsm = BionicCrypt::FakeTsm->new;
my $entry = $tsm->entry;
my $certificate = "$PostgreSQL::Test::Utils::tmp_check/server";
system_or_bail('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1',
	'-subj', '/CN=localhost', '-keyout', "$certificate.key", '-out', "$certificate.crt");
chmod 0600, "$certificate.key";

my $node = new_node('server');
$node->append_conf('postgresql.conf', <<EOF);
max_connections = 120
bionic_crypt.attestation_source = 'configfs:$entry'
bionic_crypt.attestation_interval = '100ms'
listen_addresses = '127.0.0.1'
ssl = on
ssl_cert_file = '$certificate.crt'
ssl_key_file = '$certificate.key'
EOF
$node->append_conf('pg_hba.conf', 'hostssl all all 127.0.0.1/32 trust');
$node->start;
$node->safe_psql('postgres', <<'EOF');
CREATE EXTENSION bionic_crypt;
SELECT bionic_crypt.create_tenant('acme');
SELECT bionic_crypt.create_tenant('other');
CREATE ROLE regress_auditor LOGIN;
CREATE ROLE regress_nobody LOGIN;
GRANT EXECUTE ON FUNCTION bionic_crypt.attestation(bytea, boolean, text) TO regress_auditor;
SELECT bionic_crypt.grant_tenant('acme', 'regress_auditor', '{manage}');
SELECT bionic_crypt.grant_tenant('other', 'regress_auditor', '{encrypt,decrypt}');
EOF

my $nonces = 0;
sub new_nonce { return sprintf '%032x', ++$nonces }

sub call
{
	my ($nonce, $arguments) = @_;
	return "SELECT bionic_crypt.attestation('\\x$nonce'" . ($arguments ? ", $arguments" : '') . ')';
}

sub parts
{
	my ($bundle) = @_;
	my $json = decode_json($bundle);
	return ($json, map { decode_json(decode_base64($json->{$_})) } qw(statement endorsement));
}

my $policy = encode_json({ type => 'bionic_crypt/policy/v1', roots => [ $tsm->root ] });

# What the verifier of this very server says, on a policy with the test's root.
sub verdict
{
	my ($bundle, $nonce, $other_policy) = @_;
	my $demanded = $other_policy // $policy;

	return decode_json($node->safe_psql('postgres',
			"SELECT bionic_crypt.verify_attestation(\$b\$$bundle\$b\$, '\\x$nonce', \$p\$$demanded\$p\$)"));
}

my $session = BionicCrypt::Session->new($node);

sub set_interval
{
	my ($interval) = @_;

	$node->append_conf('postgresql.conf', "bionic_crypt.attestation_interval = '$interval'");
	$node->reload;
	ok(wait_until(sub { $session->query('SHOW bionic_crypt.attestation_interval') eq $interval }),
		"pauses of $interval");
	return;
}

# KM008, with its reason.
sub fails_with
{
	my ($reason, $what) = @_;

	is($session->state(call(new_nonce(), 'true')), 'KM008', $what);
	like($session->stderr, $reason, "$what: the reason");
	return;
}

sub recovers
{
	my ($what) = @_;

	$tsm->faults(owner => $<);
	ok(wait_until(sub { $session->state(call(new_nonce(), 'true')) eq '00000' }), "$what: and it is back");
	return;
}

# Root's entry; then root gives inblob to the server's user.
fails_with(qr{could not open "\Q$entry\E/inblob": Permission denied}, 'an entry that is root\'s');
is($tsm->count('report'), 0, 'no report was made');
recovers('inblob was given away');

my $nonce = new_nonce();
my $bundle = $session->query(call($nonce, 'true'));
my ($json, $statement, $endorsement) = parts($bundle);
is($json->{type}, 'bionic_crypt/attestation/v1', 'a bundle');
is($json->{evidence}{type}, 'sev-snp', 'its evidence');
is(scalar @{ $json->{evidence}{certificates} }, 3, 'with the certificates of the host\'s table');
is(encode_base64(slurp_file($tsm->certificate('vcek')), ''),
	$json->{evidence}{certificates}[0], 'that of the chip first');
is($statement->{nonce}, $nonce, 'the statement has the nonce');
is($statement->{endorsement_sha256}, sha256_hex(decode_base64($json->{endorsement})), 'and the endorsement');
is($statement->{server}{database}, 'postgres', 'and the database');
is($statement->{server}{cluster_name}, 'server', 'and the name of the cluster');
is($statement->{server}{tls_certificate_sha256}, undef, 'without TLS there is no certificate');
is($statement->{settings}{shared_preload_libraries}, 'bionic_crypt', 'and settings');
is_deeply($statement->{replaced}, [], 'no file was replaced');
is_deeply($endorsement->{nonces}, [ sha256_hex(pack 'H*', $nonce) ], 'the endorsement is about this nonce');
is($endorsement->{module}{sha256},
	sha256_hex(slurp_file($node->config_data('--pkglibdir') . '/bionic_crypt.so')),
	'and about the library');
ok((grep { $_->{name} eq 'postgres' } @{ $endorsement->{libraries} }), 'and about the server\'s executable');
is($endorsement->{server}{system_identifier}, $statement->{server}{system_identifier}, 'both are about one server');

my $verdict = verdict($bundle, $nonce);
ok($verdict->{accepted}, 'it is genuine for who trusts the root') or diag encode_json($verdict);
is($verdict->{level}, 1, 'at level 1');
ok(!verdict($bundle, new_nonce())->{accepted}, 'not for another nonce');
ok(!verdict($bundle, $nonce, '{"type":"bionic_crypt/policy/v1"}')->{accepted}, 'nor for who trusts AMD alone');
my $other = encode_json({ %$json, signature => encode_base64("\0" x 64, '') });
ok(!verdict($other, $nonce)->{accepted}, 'nor with another signature');

# Each connection has its own certificate in the statement.
my $digest = `openssl x509 -in $certificate.crt -outform DER | openssl dgst -sha256 -r`;
($digest) = $digest =~ /^([0-9a-f]{64})/;
my $over_tls = $node->safe_psql('postgres', call(new_nonce()),
	connstr => 'host=127.0.0.1 sslmode=require dbname=postgres port=' . $node->port);
is((parts($over_tls))[1]{server}{tls_certificate_sha256}, $digest, 'with TLS: the certificate that the client saw');

$node->safe_psql('postgres', q{CREATE DATABASE "a ""second"" \\one"});
$bundle = $node->safe_psql(q{a "second" \\one}, 'CREATE EXTENSION bionic_crypt; ' . call(new_nonce()));
is((parts($bundle))[1]{server}{database}, q{a "second" \\one}, 'a name of a database, escaped');

# Not fresh: no report is made, and the nonce is signed.
$tsm->faults(owner => $<);
$nonce = new_nonce();
$bundle = $session->query(call($nonce));
is($tsm->count('report'), 0, 'a report at hand serves who does not ask for a fresh one');
is((parts($bundle))[1]{nonce}, $nonce, 'whose nonce is signed all the same');
ok(verdict($bundle, $nonce)->{accepted}, 'which can be verified');

# Who may.
for my $refused (
	[ 'regress_nobody', call(new_nonce()), 'who was not granted EXECUTE' ],
	[ 'regress_auditor', call(new_nonce(), "false, 'other'"), 'a tenant that the role may only use' ],
	[ 'regress_auditor', call(new_nonce(), "false, 'nobody'"), 'a tenant that is not there' ],
	[ 'postgres', call(new_nonce(), "false, 'nobody'"), 'the same, for a superuser' ])
{
	my ($role, $sql, $what) = @$refused;
	$role = $node->safe_psql('postgres', 'SELECT current_user') if $role eq 'postgres';
	is(sqlstate($node, "SET ROLE \"$role\"; $sql"), '42501', "refused: $what");
}
my $auditor = BionicCrypt::Session->new($node, user => 'regress_auditor');
is_deeply((parts($auditor->query(call(new_nonce(), "false, 'acme'"))))[1]{tenant},
	{ name => 'acme', attested => JSON::PP::false, kms => { provider => 'file' } },
	'a tenant that the role may manage');
is((parts($session->query(call(new_nonce(), "false, 'other'"))))[1]{tenant}{name}, 'other', 'a superuser: any');

is($session->state("SELECT bionic_crypt.attestation('short')"), '22023', 'a nonce that is too short');
is($session->state("SELECT bionic_crypt.attestation(decode(repeat('00', 65), 'hex'))"), '22023', 'too long');
is($session->state('SELECT bionic_crypt.attestation(NULL)'), '22004', 'none');

# Fifty at once, within the pause after a report: one more report for all.
my @waiting = map { BionicCrypt::Session->new($node) } 1 .. 50;
my %nonce_of = map { $_ => new_nonce() } 0 .. $#waiting;
set_interval('5s');
$session->query(call(new_nonce(), 'true'));
$tsm->faults(owner => $<);
$waiting[$_]->begin(call($nonce_of{$_}, 'true')) for 0 .. $#waiting;
my @bundles = map { $_->end } @waiting;
is($tsm->count('report'), 1, 'fifty backends ask at once: one report of the hardware');
my %about = map { $_ => 1 } map { @{ (parts($_))[2]{nonces} } } @bundles;
is(scalar keys %about, 50, 'which is about the nonces of all');
is(scalar(grep { (parts($bundles[$_]))[1]{nonce} eq $nonce_of{$_} } 0 .. $#bundles), 50, 'each has its own nonce');
is(scalar(grep { verdict($bundles[$_], $nonce_of{$_})->{accepted} } 0 .. $#bundles), 50, 'and can be verified');
$_->quit for @waiting;

# Who gives up leaves no request behind: many more than there is room for.
is($session->state(call(new_nonce(), 'true')), '00000', 'a pause begins');
$session->query("SET statement_timeout = '20ms'");
my %gave_up;
$gave_up{ $session->state(call(new_nonce(), 'true')) }++ for 1 .. 80;
is_deeply(\%gave_up, { '57014' => 80 }, 'waiting can be cancelled');
$session->query("SET statement_timeout = 0; SET bionic_crypt.attestation_timeout = '100ms'");
is($session->state(call(new_nonce(), 'true')), 'KM008', 'or ends with its own time');
like($session->stderr, qr/the attester did not answer in time/, 'which it says');
$session->query('RESET bionic_crypt.attestation_timeout');
is($session->state(call(new_nonce())), '00000', 'there is room for the next');
set_interval('2s');

# The kernel is busy: a few times it is asked again, then it is not.
$tsm->faults(owner => $<, busy => 2);
is($session->state(call(new_nonce(), 'true')), '00000', 'busy twice: a report at last');
is($tsm->count('busy'), 2, 'after two refusals');
$tsm->faults(owner => $<, busy => 1000);
fails_with(qr{outblob": Device or resource busy}, 'busy for ever');
is($tsm->count('busy'), 5, 'it was asked five times');
is($session->state(call(new_nonce(), 'true')), 'KM008', 'who comes in the pause is told');
is($tsm->count('busy'), 5, 'and the hardware is not asked');
is($session->state(call(new_nonce())), '00000', 'the report at hand still serves');
set_interval('100ms');
recovers('busy for ever');

$tsm->faults(owner => $<, error => 5);
fails_with(qr{outblob": Input/output error}, 'a broken processor');
is($tsm->count('error'), 1, 'is asked once');
recovers('a broken processor');

$tsm->faults(owner => $<, cross_write => 1);
fails_with(qr{another process uses "\Q$entry\E": its generation went from}, 'another writer');
recovers('another writer');
$tsm->faults(owner => $<, stale => 1);
fails_with(qr{the report is not about what was asked}, 'a replayed report');
recovers('a replayed report');
$tsm->faults(owner => $<, aux => 'bad');
fails_with(qr{the host's table of certificates is damaged}, 'a damaged table');
recovers('a damaged table');
$tsm->faults(owner => 4242);
fails_with(qr{inblob": Permission denied}, 'an entry of somebody else');
recovers('an entry of somebody else');

# Without certificates of the host, those of our file.
$tsm->faults(owner => $<, aux => 'none');
$json = (parts($session->query(call(new_nonce(), 'true'))))[0];
is($json->{evidence}{certificates}, undef, 'no table: no certificate');
$node->append_conf('postgresql.conf',
	"bionic_crypt.attestation_certificates = '" . $tsm->certificate('vcek') . "'");
$node->reload;
ok(wait_until(sub {
			$nonce = new_nonce();
			$bundle = $session->query(call($nonce, 'true'));
			return @{ (parts($bundle))[0]{evidence}{certificates} // [] } == 1;
		}),
	'that of our file');
$json = (parts($bundle))[0];
is($json->{evidence}{certificates}[0], encode_base64(slurp_file($tsm->certificate('vcek')), ''), 'which it is');

# Of the two keys that a chip may have, the certificate of the one that signed.
for my $table ('as digits', 'mixed')
{
	$tsm->faults(owner => $<, vlek => 1, aux => $table);
	$json = (parts($session->query(call(new_nonce(), 'true'))))[0];
	is_deeply($json->{evidence}{certificates},
		[ map { encode_base64(slurp_file($tsm->certificate($_)), '') } qw(vlek ask ark) ],
		"the VLEK signed, GUIDs $table");
}

# An SVSM above us: the lowest level that we may ask at.
$tsm->faults(owner => $<, floor => 1);
is(unpack('@48 V', decode_base64((parts($session->query(call(new_nonce(), 'true'))))[0]{evidence}{report})),
	1, 'the report is made at the floor of levels');

# Somebody else holds the lock.
open my $folder, '<', $entry or die "$entry: $!";
flock $folder, LOCK_EX or die "$entry: $!";
fails_with(qr{could not lock "\Q$entry\E": Resource temporarily unavailable}, 'an entry in use');
close $folder;
recovers('an entry in use');

# TDX has neither table nor levels.
$tsm->faults(owner => $<, provider => 'tdx_guest');
is((parts($session->query(call(new_nonce(), 'true'))))[0]{evidence}{type}, 'tdx', 'a quote of TDX');
$tsm->faults(owner => $<, provider => 'arm_cca_guest');
fails_with(qr{no evidence is known of provider "arm_cca_guest"}, 'another provider');
recovers('another provider');

# A request that a signal interrupts leaves TDX unusable: none gets through.
my ($attester) = child_pids($node, qr/bionic_crypt attester/);
$tsm->faults(owner => $<, delay => 1);
$session->begin(call(new_nonce(), 'true'));
ok(wait_until(sub { $tsm->count('begin') }), 'a slow report begins');
my $signals = 0;
while (!$session->has_ended)
{
	kill $_, $attester for qw(URG USR1 HUP ALRM);
	$signals++;
	select undef, undef, undef, 0.001;
}
cmp_ok($signals, '>', 50, 'a storm of signals');
is($session->state('SELECT 1'), '00000', 'the session lives');
is($tsm->count('interrupted'), 0, 'none interrupted the report');
is($tsm->count('report'), 1, 'which was made');

# What is no entry, and a helper who is neither root nor we.
for my $place ([ 'configfs:/nowhere', qr{could not open "/nowhere": No such file} ],
	[ 'helper:' . $tsm->foreign_socket, qr{is no socket of root or of the server's user} ])
{
	$node->append_conf('postgresql.conf', "bionic_crypt.attestation_source = '$place->[0]'");
	$node->restart;
	$session = BionicCrypt::Session->new($node);
	fails_with($place->[1], $place->[0]);
}
$session->quit;
$auditor->quit;
$node->stop;

done_testing();
