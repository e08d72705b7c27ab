# The provider gcp with a fake of Google Cloud KMS (test/kms/fake_gcp), which
# Google's own clients are made to judge first: every way to log in, keys that
# cross from us to Google's client and back, rotation, sums that are wrong, and
# each way to take a key away and give it back.

use strict;
use warnings;

use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use BionicCrypt::FakeGcp;
use BionicCrypt::Session;
use BionicCrypt::Test;

BionicCrypt::FakeGcp::require_or_skip_all();

my $interval = 2;
my $gcp = BionicCrypt::FakeGcp->new;
my @members = ("serviceAccount:$BionicCrypt::FakeGcp::account", "serviceAccount:$BionicCrypt::FakeGcp::guest",
	'principal:database');
my $kek = $gcp->create_key('chat', @members);

sub base64 { return encode_base64($_[0], '') }

# What Google's clients make of the fake.
my %option = (
	service_account => { $gcp->by_account },
	metadata => { $gcp->by_machine },
	workload_identity => { $gcp->by_exchange },
	impersonation => { $gcp->by_exchange, $gcp->as_guest });
my %who = (
	service_account => $members[0],
	metadata => $members[0],
	workload_identity => $members[2],
	impersonation => $members[1]);

sub asked
{
	my ($name, %more) = @_;
	return { %{ $option{$name} }, kek => $kek, do => 'encrypt', data => base64('x' x 32), aad => base64('bound'), %more };
}

my @names = sort keys %option;
my @wrapped = $gcp->google(map { asked($_) } @names);
is("@{[ map { $_->{name} } @wrapped ]}", join(' ', ("$kek/cryptoKeyVersions/1") x @names),
	"Google's client encrypts, logged in by: @names");
is("@{[ map { $_->{who} } grep { $_->{path} =~ /:encrypt$/ } $gcp->log ]}", "@who{@names}", 'as who it is to be');
my %decrypt = (do => 'decrypt', data => $wrapped[0]{data});
my @answers = $gcp->google(asked('metadata', %decrypt), asked('metadata', %decrypt, aad => base64('other')),
	asked('metadata', kek => "${kek}2"));
is($answers[0]{data}, base64('x' x 32), 'and decrypts');
like($answers[1]{error}, qr/Decryption failed/, 'but not what is bound to something else');
like($answers[2]{error}, qr/^NotFound/, 'nor with a key that is not there');
$gcp->change(sub { $_[0]{keys}{$kek}{versions}{1} = 'DISABLED' });
my ($disabled) = $gcp->google(asked('metadata'));
like($disabled->{error}, qr/current state is: DISABLED/, 'nor with one that is disabled');
$gcp->change(sub { $_[0]{keys}{$kek}{versions}{1} = 'ENABLED' });

my $node = new_node('gcp');
$node->append_conf('postgresql.conf', <<"CONF");
bionic_crypt.allow_local_kms = on
bionic_crypt.revocation_interval = '${interval}s'
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION bionic_crypt;
CREATE TABLE chats (tenant_id text, content encrypted_text);
SELECT bionic_crypt.protect_table('chats', 'tenant_id');
CREATE ROLE regress_app LOGIN;
GRANT SELECT, INSERT ON chats TO regress_app;
CREATE ROLE regress_owner;
GRANT USAGE ON FOREIGN DATA WRAPPER bionic_crypt TO regress_owner;
SQL

my $reading = 'SELECT content FROM chats';

sub session { return BionicCrypt::Session->new($node, tenant => $_[0], user => 'regress_app') }

# A tenant, its key and its server, all of that name, and a value.
sub create_tenant
{
	my ($name, $key, %options) = @_;

	$node->safe_psql('postgres', $gcp->create_server($name, %options) . <<"SQL");
;
SELECT bionic_crypt.create_tenant('$name', kms => '$name', kek => '$key'),
	bionic_crypt.grant_tenant('$name', 'regress_app', '{encrypt,decrypt}');
SQL
	is(session($name)->state("INSERT INTO chats (content) VALUES ('$name says'::text)"), '00000', "$name: INSERT");
	return;
}

# Every way to log in.
$option{space} = { $gcp->by_exchange('confidential_space') };
$option{account_as_guest} = { $gcp->by_account, $gcp->as_guest };
$option{payer} = { $gcp->by_machine, quota_project => 'acme-billing' };
$gcp->change(sub { push @{ $_[0]{accounts}{$BionicCrypt::FakeGcp::guest}{token_creators} }, $members[0] });
for my $name (sort keys %option)
{
	create_tenant($name, $kek, %{ $option{$name} });
	is($node->safe_psql('postgres', "SELECT ok, problem, detail FROM bionic_crypt.check_kms('$name', '$kek')"),
		't||', "$name: check_kms");
}
forget_keys($node);
for my $name (sort keys %option)
{
	is(session($name)->query($reading), "$name says", "$name: SELECT, after a login anew");
	is(stat_kms($node, $name, 'denied + throttled + unavailable + bad_ciphertext + config + protocol + credential'),
		'0', "$name: no failure is counted");
}

# What we wrap, Google's client unwraps, and the other way round.
sub wrapped
{
	my ($tenant) = @_;
	my ($key_id, $wrapped) = split /\|/, $node->safe_psql('postgres',
		"SELECT encode(key_id, 'hex'), encode(wrapped, 'base64') FROM bionic_crypt.catalog_keys WHERE tenant = '$tenant'");

	return ('BCK1' . pack('(n/a*)4', $tenant, pack('H*', $key_id), 'data', $kek), $wrapped =~ s/\s//gr);
}

my ($bound, $ours) = wrapped('metadata');
my ($key) = $gcp->google(asked('metadata', do => 'decrypt', data => $ours, aad => base64($bound)));
is(length decode_base64($key->{data}), 32, "Google's client unwraps our data key");
my ($theirs) = $gcp->google(asked('metadata', data => $key->{data}, aad => base64($bound)));
isnt($theirs->{data}, $ours, 'and wraps it as another ciphertext');
$node->safe_psql('postgres',
	"UPDATE bionic_crypt.catalog_keys SET wrapped = decode('$theirs->{data}', 'base64') WHERE tenant = 'metadata'");
forget_keys($node);
is(session('metadata')->query($reading), 'metadata says', 'which we unwrap');

$node->safe_psql('postgres', <<'SQL');
UPDATE bionic_crypt.catalog_keys k SET wrapped = o.wrapped, kms = o.kms
	FROM bionic_crypt.catalog_keys o WHERE k.tenant = 'metadata' AND o.tenant = 'payer';
SQL
forget_keys($node);
is(session('metadata')->state($reading), '22000', "another tenant's wrapped key is refused");
is(stat_kms($node, 'payer', 'bad_ciphertext'), '1', 'and counted as what it is');

# The customer rotates the key: values stay readable, and after rewrap_keys()
# the old version is not needed any more.
sub version_of
{
	my ($tenant) = @_;
	return unpack 'x3 N', decode_base64((wrapped($tenant))[1]);
}

is(version_of('payer'), 1, 'a key is wrapped by version 1');
$gcp->change(sub { $_[0]{keys}{$kek}{versions}{2} = 'ENABLED'; $_[0]{keys}{$kek}{primary} = 2 });
forget_keys($node);
is(session('payer')->query($reading), 'payer says', 'rotated: its value is readable');
$node->safe_psql('postgres', "SELECT bionic_crypt.rewrap_keys('payer')");
is(version_of('payer'), 2, 'rewrap_keys: it is wrapped by version 2');
$gcp->change(sub { $_[0]{keys}{$kek}{versions}{1} = 'DESTROYED' });
forget_keys($node);
is(session('payer')->query($reading), 'payer says', 'without version 1 its value is readable');
is(session('space')->state($reading), 'KM001', 'that of who was not wrapped anew is not');
$gcp->change(sub { $_[0]{keys}{$kek}{versions}{1} = 'ENABLED' });

# Sums that are wrong: what came is not used, and asked for again.
for my $damage (1, 2)
{
	$gcp->change(sub { $_[0]{damage} = $damage; $_[0]{serial}++ });
	forget_keys($node);
	is(session('payer')->query($reading), 'payer says', "$damage damaged on the way: it is asked again");
}
$gcp->change(sub { $_[0]{damage} = 1000; $_[0]{serial}++ });
forget_keys($node);
is(session('payer')->state($reading), 'KM002', 'all damaged on the way: no key');
$gcp->change(sub { delete $_[0]{damage} });

# Who may make a server, and what check_kms says of a wrong one.
is(sqlstate($node, 'SET ROLE regress_owner; ' . $gcp->create_server('not_mine', $gcp->by_machine)), '42501',
	"who may not read the machine's files does not use its identity");

sub problem
{
	my ($name, $key) = @_;
	return $node->safe_psql('postgres', "SELECT ok, problem, detail FROM bionic_crypt.check_kms('$name', '$key')");
}

like(problem('payer', "${kek}2"), qr/^f\|.*does not exist/, 'check_kms: a key that is not there');
$gcp->change(sub { $_[0]{api_disabled} = 1 });
like(problem('payer', $kek), qr/^f\|.*quota_project.*API is not enabled/s, 'check_kms: the API is off');
$gcp->change(sub { delete $_[0]{api_disabled}; $_[0]{quota_projects} = [] });
like(problem('payer', $kek), qr/^f\|.*quota_project/, 'check_kms: a project that is not ours');
$gcp->change(sub { $_[0]{quota_projects} = ['acme-billing'] });
is(problem('payer', $kek), 't||', 'check_kms: all is well again');

# Our own trouble is no denial: keys at hand serve, and new ones are unavailable.
sub own_trouble
{
	my ($name, $what, $begin, $end) = @_;
	my $session = session($name);
	my $before = stat_kms($node, $name, 'credential');

	is($session->query($reading), "$name says", "$what: before");
	$begin->();
	my @failed;
	ok(wait_until(sub {
		my $state = $session->state($reading);
		push @failed, $state if $state ne '00000';
		return stat_kms($node, $name, 'credential') > $before;
	}), "$what: is counted as ours") if $name !~ /^(?:service_account|metadata)$/;
	is("@failed", '', "$what: who reads goes on");
	forget_keys($node);
	is(session($name)->state($reading), 'KM002', "$what: a new key is unavailable");
	cmp_ok(stat_kms($node, $name, 'credential'), '>', $before, "$what: our credential's fault");
	$end->();
	ok(wait_until(sub { session($name)->state($reading) eq '00000' }), "$what: it ends by itself");
	return;
}

my $account_keys = $gcp->{state}{accounts}{$BionicCrypt::FakeGcp::account}{keys};
own_trouble('service_account', 'its key deleted',
	sub { $gcp->change(sub { $_[0]{accounts}{$BionicCrypt::FakeGcp::account}{keys} = {} }) },
	sub { $gcp->change(sub { $_[0]{accounts}{$BionicCrypt::FakeGcp::account}{keys} = $account_keys }) });
my $subject_file = $option{workload_identity}{subject_token_file};
own_trouble('workload_identity', 'its subject token expired',
	sub { $gcp->secret_file($gcp->subject_token(exp => time - 1), $subject_file) },
	sub { $gcp->secret_file($gcp->subject_token, $subject_file) });

# What the customer can do, and that it ends by itself.
my %ways = (
	disabled => [ 'version disabled', sub { $_[0]{versions}{1} = 'DISABLED' }, sub { $_[0]{versions}{1} = 'ENABLED' } ],
	scheduled => [ 'version to be destroyed', sub { $_[0]{versions}{1} = 'DESTROY_SCHEDULED' },
		sub { $_[0]{versions}{1} = 'ENABLED' } ],
	permission => [ 'permission removed', sub { $_[0]{decrypt} = [] }, sub { $_[0]{decrypt} = [@members] } ],
	pool => [ 'provider of the pool disabled', sub { $_[1]{pool}{disabled} = 1 }, sub { delete $_[1]{pool}{disabled} } ],
	subject => [ 'condition of the pool changed', sub { $_[1]{pool}{subject} = 'x' }, sub { $_[1]{pool}{subject} = 'database' } ],
	guest => [ 'no service account to impersonate any more',
		sub { $_[1]{accounts}{$BionicCrypt::FakeGcp::guest}{token_creators} = [] },
		sub { $_[1]{accounts}{$BionicCrypt::FakeGcp::guest}{token_creators} = [ 'principal:database', $members[0] ] } ],
	api => [ 'API disabled', sub { $_[1]{api_disabled} = 1 }, sub { delete $_[1]{api_disabled} } ]);
my %login = map { $_ => { $gcp->by_machine } } keys %ways;
$login{$_} = { $gcp->by_exchange } for qw(pool subject);
$login{guest} = { $gcp->by_account, $gcp->as_guest };

# Some at a time: those of a round have nothing in common.
for my $round ([qw(disabled scheduled permission pool guest)], ['subject'], ['api'])
{
	my (%session, %latency);
	my $change = sub {
		my ($which) = @_;
		$gcp->change(sub {
			my ($state) = @_;
			$ways{$_}[$which]->($state->{keys}{ $gcp->name_of($_) }, $state) for @$round;
		});
	};

	for my $name (@$round)
	{
		create_tenant($name, $gcp->create_key($name, @members), %{ $login{$name} });
		$session{$name} = session($name);
		is($session{$name}->query($reading), "$name says", "$ways{$name}[0]: before");
	}
	my $taken = time;
	$change->(1);
	wait_until(sub {
		for my $name (grep { !defined $latency{$_} } @$round)
		{
			$latency{$name} = time - $taken if $session{$name}->state($reading) eq 'KM001';
		}
		return keys %latency == @$round;
	});
	for my $name (@$round)
	{
		cmp_ok($latency{$name} // 1e9, '<', 3 * $interval, "$ways{$name}[0]: denied within revocation_interval");
		note sprintf 'revocation latency: %s: %.1f s', $ways{$name}[0], $latency{$name} // 'inf';
		is(session($name)->state($reading), 'KM001', 'a new session gets no key');
		is(session($name)->state("INSERT INTO chats (content) VALUES ('new'::text)"), 'KM001', 'nothing is written');
	}
	$change->(2);
	ok(wait_until(sub { $session{$_}->state($reading) eq '00000' }), "$ways{$_}[0], and undone: it ends by itself")
	  for @$round;
}

$node->stop;
$gcp->stop;
done_testing();
