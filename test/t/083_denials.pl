# A "no" of a KMS is confirmed once, and stands where that cannot be done:
# whoever sits between us must not make an outage of it.  And one key's "no"
# costs no other tenant of the same server anything.

use strict;
use warnings;

use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use BionicCrypt::FakeKms;
use BionicCrypt::OpenBao;
use BionicCrypt::Test;

BionicCrypt::OpenBao::require_or_skip_all();

my $bao = BionicCrypt::OpenBao->new;
my @tenants = qw(denied other first);

$bao->create_key($_) for @tenants;
$bao->write_policy('use', map { ("transit/encrypt/$_", "transit/decrypt/$_") } @tenants);
$bao->enable_auth('approle');
my $role_id = $bao->create_approle('vendor', 'use');

my $node = new_node('denials');
$node->append_conf('postgresql.conf', "bionic_crypt.allow_local_kms = on\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION bionic_crypt; CREATE TABLE chats (tenant_id text, content encrypted_text);'
	  . $bao->create_server('acme', auth_method => 'approle', role_id => $role_id,
		secret_id_file => $bao->secret_file($bao->secret_id('vendor')), request_timeout_ms => 2000));
for my $tenant (@tenants)
{
	$node->safe_psql('postgres', <<"SQL");
SELECT bionic_crypt.create_tenant('$tenant', kms => 'acme', kek => '$tenant');
SET bionic_crypt.tenant = '$tenant';
INSERT INTO chats VALUES ('$tenant', 'hello'::text);
SQL
}

# The data key, as who owns the KMS can have it.
sub data_key
{
	my ($tenant) = @_;
	my ($key_id, $wrapped) = split /\|/, $node->safe_psql('postgres',
		"SELECT encode(key_id, 'hex'), convert_from(wrapped, 'UTF8') FROM bionic_crypt.catalog_keys WHERE tenant = '$tenant'");
	my $associated = 'BCK1' . pack '(n/a*)4', $tenant, pack('H*', $key_id), 'data', $tenant;

	return $bao->api(POST => "transit/decrypt/$tenant",
		{ ciphertext => $wrapped, associated_data => encode_base64($associated, '') })->{data}{plaintext};
}

my %unwrap = map { +"POST /v1/transit/decrypt/$_" => { json => { data => { plaintext => data_key($_) } } } } @tenants;
my ($denied) = grep { /denied$/ } keys %unwrap;
my $login = 'POST /v1/auth/approle/login';
my $token = { json => { auth => { client_token => 'hvs.token', lease_duration => 3600 } } };
my $no = { status => 403, json => { errors => ['permission denied'] } };
my $hangs = { raw => [], then => 'hang' };

$bao->stop;
my $fake = BionicCrypt::FakeKms->new(
	kms => { port => $bao->port, cert => $bao->cert . '.pem', key => $bao->cert . '.key' });

sub reading
{
	my ($tenant) = @_;
	return sqlstate($node, "SET bionic_crypt.tenant = '$tenant'; SELECT content FROM chats WHERE tenant_id = '$tenant'");
}

# A key worker whose token is so old that a refusal may be its fault.
sub begin_with
{
	my (%replies) = @_;

	$fake->reply(%unwrap, $login => $token, %replies);
	$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid, 10000) FROM bionic_crypt.key_worker()');
	is(reading('first'), '00000', 'there is a login');
	my $began = time;
	wait_until(sub { time > $began + 1.2 });
	return;
}

my %how = (
	'the second question hangs' => { $denied => [ $no, $hangs ] },
	'the second question meets trouble' => { $denied => [ $no, { status => 500, body => '' } ] },
	'the second question is garbage' => { $denied => [ $no, { body => 'garbage' } ] },
	'the new login is throttled' => { $denied => $no, $login => [ $token, { status => 429, body => '' } ] },
	'the new login hangs' => { $denied => $no, $login => [ $token, $hangs ] },
	'the new login meets trouble' => { $denied => $no, $login => [ $token, { status => 500, body => '' } ] });
for my $what (sort keys %how)
{
	begin_with(%{ $how{$what} });
	is(reading('denied'), 'KM001', "$what: the KMS has said no");
	is(reading('other'), '00000', "$what: another tenant's key is asked for with the token that is there");
}

# But a "no" that is taken back at once was none.
begin_with($denied => [ $no, $unwrap{$denied} ]);
my $logins = () = grep { $_->{target} =~ /login/ } $fake->requests;
is(reading('denied'), '00000', 'a refusal that was the fault of the token is none');
my $logins_now = () = grep { $_->{target} =~ /login/ } $fake->requests;
is($logins_now - $logins, 1, 'there was a login for it');

# The authority's own "no" holds for all who are admitted by it.
begin_with($denied => $no, $login => [ $token, { status => 400, json => { errors => ['invalid secret id'] } } ]);
is(reading('denied'), 'KM001', 'the login is refused: KM001');
is(reading('other'), 'KM001', 'for the other tenant of the server, too');

$fake->stop;
$node->stop;
done_testing();
