# OpenBao cannot be asked: it is stopped, sealed, hangs, or has had enough of
# us.  Tenants whose keys are at hand go on until outage_grace; others are told
# within kms_timeout, and at once when the breaker is open; all recover by
# themselves, and nobody takes an outage for a denial.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use BionicCrypt::OpenBao;
use BionicCrypt::Session;
use BionicCrypt::Test;

BionicCrypt::OpenBao::require_or_skip_all();

my ($interval, $grace, $timeout) = (2, 4, 2);
my $bao = BionicCrypt::OpenBao->new;
$bao->create_key('kek');
$bao->write_policy('use', map { "transit/$_/kek" } qw(encrypt decrypt));

my $node = new_node('outage');
$node->append_conf('postgresql.conf', <<"CONF");
bionic_crypt.revocation_interval = '${interval}s'
bionic_crypt.kms_timeout = '${timeout}s'
bionic_crypt.allow_local_kms = on
CONF
$node->start;
my $create_server = $bao->create_server('vault', auth_method => 'token', token_file => $bao->token_file('use'));
$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION bionic_crypt;
$create_server;
SELECT bionic_crypt.create_tenant(tenant, kms => 'vault', kek => 'kek', outage_grace => grace::interval)
	FROM (VALUES ('long', '1 hour'), ('short', '$grace s'), ('none', '0'), ('cold', '1 hour')) t (tenant, grace);
CREATE TABLE chats (tenant_id text, content encrypted_text);
SQL
$node->safe_psql('postgres', "SET bionic_crypt.tenant = '$_'; INSERT INTO chats VALUES ('$_', '$_ says 1'::text)")
  for qw(long short none cold);

sub reading
{
	my ($tenant) = @_;
	return "SELECT content FROM chats WHERE tenant_id = '$tenant'";
}

my %session = map { $_ => BionicCrypt::Session->new($node, tenant => $_) } qw(long short none);

sub reads
{
	my ($tenant) = @_;
	return $session{$tenant}->query(reading($tenant)) eq "$tenant says 1";
}

# How a new session fares, and how long that takes.
sub try_cold
{
	my $began = time;
	my $state = sqlstate($node, "SET bionic_crypt.tenant = 'cold'; " . reading('cold'));

	return ($state, time - $began);
}

# Reads until the tenant cannot; the answer is why, and when that was.
sub first_failure
{
	my ($tenant) = @_;
	my $state = '00000';

	wait_until(sub { ($state = $session{$tenant}->state(reading($tenant))) ne '00000' });
	return ($state, time);
}

# The one request that is let through is ours.
sub throttle
{
	$bao->limit_rate('transit/');
	wait_until(sub { !eval { $bao->api(POST => 'transit/encrypt/kek', { plaintext => '' }) } })
	  or die 'OpenBao does not throttle';
	return;
}

my @outages = (
	[ 'stopped', sub { $bao->stop }, sub { $bao->start; $bao->unseal }, 'unavailable' ],
	[ 'sealed', sub { $bao->seal }, sub { $bao->unseal }, 'unavailable' ],
	[ 'hanging', sub { $bao->pause }, sub { $bao->resume }, 'unavailable' ],
	[ 'throttling', \&throttle, sub { $bao->unlimit_rate }, 'throttled' ]);

for my $outage (@outages)
{
	my ($what, $begin, $end, $class) = @$outage;

	forget_keys($node);
	ok(wait_until(sub { reads($_) }), "$what: tenant $_ has a key") for sort keys %session;
	my $failures = stat_kms($node, 'vault', $class);
	my $denied = stat_kms($node, 'vault', 'denied');
	my $refused = stat_kms($node, 'vault', 'refused_by_breaker');
	my $began = time;
	$begin->();

	my ($state, $took) = try_cold();
	is($state, 'KM002', "$what: a tenant whose key is not at hand is told");
	cmp_ok($took, '<', 3 * $timeout, "$what: within kms_timeout");
	note sprintf '%s: told after %.1f s', $what, $took;

	($state, my $when) = first_failure('none');
	is($state, 'KM002', "$what: a tenant without grace stops");
	note sprintf '%s: without grace stops after %.1f s', $what, $when - $began;
	ok(reads('short'), "$what: one with grace goes on") if $when - $began < $grace - $interval;
	($state, $when) = first_failure('short');
	is($state, 'KM002', "$what: until outage_grace");
	cmp_ok($when - $began, '>', $grace - $interval, "$what: not long before");
	cmp_ok($when - $began, '<', 3 * $grace, "$what: nor long after");
	note sprintf '%s: %d s of grace end after %.1f s', $what, $grace, $when - $began;
	ok(reads('long'), "$what: one with much grace goes on");
	ok(wait_until(sub { try_cold(); stat_kms($node, 'vault', 'breaker') ne 'closed' }), "$what: the breaker opens");
	ok(wait_until(sub { try_cold(); stat_kms($node, 'vault', 'refused_by_breaker') > $refused }), "$what: and answers itself");
	cmp_ok(stat_kms($node, 'vault', $class), '>', $failures, "$what: counted as $class");
	is(stat_kms($node, 'vault', 'denied'), $denied, "$what: and not as denied");

	my $ended = time;
	$end->();
	ok(wait_until(sub { (try_cold())[0] eq '00000' }), "$what, and over: a new session reads");
	note sprintf '%s, and over: after %.1f s', $what, time - $ended;
	ok(wait_until(sub { reads($_) }), "$what, and over: tenant $_ reads") for sort keys %session;
	ok(wait_until(sub { reads('long'); stat_kms($node, 'vault', 'breaker') eq 'closed' }), "$what, and over: the breaker is closed");
}

$node->stop;
done_testing();
