# How the provider aws logs in: with a web identity, by the metadata service of
# a machine and of a container, with a role of the tenant's side after them; what
# ends that, and what can come in its place.

use strict;
use warnings;

use IPC::Run;
use JSON::PP;
use MIME::Base64 qw(encode_base64url);
use POSIX qw(strftime);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::FakeKms;
use BionicCrypt::KmsFaults;
use BionicCrypt::Moto;
use BionicCrypt::Session;
use BionicCrypt::Test;

BionicCrypt::Moto::require_or_skip_all();

my $aws = BionicCrypt::Moto->new;
my $issuer = 'issuer.example';
my @use = map { "kms:$_" } qw(Encrypt Decrypt);
my $kek = $aws->create_key;
my %role = (
	machine => BionicCrypt::Moto::trusted('user/admin'),
	of_machine => BionicCrypt::Moto::trusted('assumed-role/machine/m1', 'acme'),
	web => BionicCrypt::Moto::trusted_token($issuer, 'database'),
	of_web => BionicCrypt::Moto::trusted('assumed-role/web/bionic_crypt'));
my %arn = map { $_ => $aws->create_role($_, $role{$_}, @use, 'sts:AssumeRole') } sort keys %role;

# The metadata services are there in the clear, at one port.
my $metadata = BionicCrypt::FakeKms->new(metadata => { plain => 1 });
my $metadata_address = 'http://127.0.0.1:' . $metadata->port('metadata');
my $names = '/latest/meta-data/iam/security-credentials';
my %machine = %{ $aws->call(sts => assume_role => (RoleArn => $arn{machine}, RoleSessionName => 'm1'))->{Credentials} };

sub machine_key
{
	my ($seconds) = @_;
	my %key = map { $_ => $machine{$_} } qw(AccessKeyId SecretAccessKey);

	return { json => { Code => 'Success', %key, Token => $machine{SessionToken},
			Expiration => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + $seconds)) } };
}

sub offer
{
	my ($key) = @_;

	$metadata->reply(
		'PUT /latest/api/token' => { body => 's3ssion==' },
		"GET $names/" => { body => 'machine' },
		"GET $names/machine" => $key,
		'GET /v1/credentials' => $key);
	return;
}

offer(machine_key(3600));
my $authorization = $aws->secret_file('container-s3cret');
local $ENV{AWS_CONTAINER_CREDENTIALS_FULL_URI} = "$metadata_address/v1/credentials";
local $ENV{AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE} = $authorization;

# An issuer of tokens, which the account of the role trusts.
my $issuer_key = $aws->dir . '/issuer';
sub openssl
{
	my (@arguments) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'openssl', @arguments ], '<', \undef, '>', \$out, '2>', \$err) or die "openssl: $err";
	return $out;
}
openssl(qw(genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out), "$issuer_key.key");
openssl(qw(pkey -pubout -in), "$issuer_key.key", '-out', "$issuer_key.pem");
$aws->settings(issuers => { "https://$issuer" => "$issuer_key.pem" });

sub trust_issuer
{
	$aws->call(iam => create_open_id_connect_provider =>
		  (Url => "https://$issuer", ClientIDList => ['sts.amazonaws.com'], ThumbprintList => [ 'a' x 40 ]));
	return;
}

sub distrust_issuer
{
	$aws->call(iam => delete_open_id_connect_provider =>
		  (OpenIDConnectProviderArn => "arn:aws:iam::123456789012:oidc-provider/$issuer"));
	return;
}

sub jwt
{
	my ($subject, $seconds) = @_;
	my $claims = { iss => "https://$issuer", aud => 'sts.amazonaws.com', sub => $subject, exp => time + $seconds };
	my $text = join '.', map { encode_base64url(JSON::PP->new->canonical->encode($_)) } { alg => 'RS256' }, $claims;

	my $signature = openssl(qw(dgst -sha256 -sign), "$issuer_key.key", $aws->secret_file($text));
	return "$text." . encode_base64url($signature);
}

trust_issuer();
my $jwt_file = $aws->secret_file(jwt('database', 3600));

my %imds = (auth_method => 'imds', metadata_address => $metadata_address);
my %web = (
	auth_method => 'web_identity',
	web_identity_token_file => $jwt_file,
	web_identity_role_arn => $arn{web});
my %server = (
	container => { auth_method => 'container' },
	imds => {%imds},
	imds_role => { %imds, role_arn => $arn{of_machine}, external_id_file => $aws->secret_file("acme\n") },
	web => { %web, request_timeout_ms => 1000 },
	web_role => { %web, role_arn => $arn{of_web} });

my $node = new_node('aws_login');
$node->append_conf('postgresql.conf', BionicCrypt::KmsFaults::settings() . "bionic_crypt.revocation_interval = '2s'\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION bionic_crypt; CREATE TABLE chats (tenant_id text, content encrypted_text)');

sub session { return BionicCrypt::Session->new($node, tenant => $_[0]) }
sub reading { return "SELECT content FROM chats WHERE tenant_id = '$_[0]'" }

sub cold_state
{
	my ($name) = @_;

	$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid, 10000) FROM bionic_crypt.key_worker()');
	return session($name)->state(reading($name));
}

for my $name (sort keys %server)
{
	$node->safe_psql('postgres', $aws->create_server($name, %{ $server{$name} }));
	is($node->safe_psql('postgres', "SELECT ok, problem, detail FROM bionic_crypt.check_kms('$name', '$kek')"),
		't||', "$name: check_kms");
	$node->safe_psql('postgres', <<"SQL");
SELECT bionic_crypt.create_tenant('$name', kms => '$name', kek => '$kek');
SET bionic_crypt.tenant = '$name';
INSERT INTO chats VALUES ('$name', '$name says'::text);
SQL
	is(cold_state($name), '00000', "$name: SELECT, after a login anew");
	is(stat_kms($node, $name, 'denied + throttled + unavailable + bad_ciphertext + config + protocol + credential'),
		'0', "$name: no failure is counted");
}

my @metadata = $metadata->requests;
my @gets = grep { $_->{method} eq 'GET' && $_->{target} =~ /^\Q$names/ } @metadata;
cmp_ok(scalar @gets, '>', 0, 'the metadata service of a machine was asked');
is(scalar(grep { ($_->{headers}{'x-aws-ec2-metadata-token'} // '') ne 's3ssion==' } @gets), 0, 'in a session only');
my @container = grep { $_->{target} eq '/v1/credentials' } @metadata;
is($container[0]{headers}{authorization}, 'container-s3cret', "a container's with the token of its file");
my %by_role = map { $_->{external_id} => 1 } grep { $_->{action} eq 'AssumeRole' && $_->{external_id} } $aws->requests;
is(join(' ', keys %by_role), 'acme', 'the external id is that of its file');

# An access key that ends is replaced in time.
offer(machine_key(6));
is(cold_state('imds'), '00000', 'imds: a key that ends soon');
my $session = session('imds');
my $asked = () = $metadata->requests;
my @failed;
ok(wait_until(sub {
			my $state = $session->state(reading('imds'));
			push @failed, $state if $state ne '00000';
			my @all = $metadata->requests;
			return grep { $_->{method} eq 'PUT' } @all[ $asked .. $#all ];
		}),
	'imds: it is asked for another one');
is("@failed", '', 'imds: it reads all the time');

# A metadata service that has none is our own trouble.
sub is_outage
{
	my ($what, $class, @names) = @_;

	for my $name (@names)
	{
		my $failed = stat_kms($node, $name, $class);

		is(cold_state($name), 'KM002', "$what: $name is an outage");
		cmp_ok(stat_kms($node, $name, $class), '>', $failed, "$what: of class $class");
	}
	return;
}

offer(machine_key(-1));
is_outage('a key that has expired', 'credential', qw(imds container));
offer({ status => 404, body => '' });
is_outage('no key', 'credential', qw(imds imds_role container));
offer({ body => 'nonsense' });
is_outage('no key of AWS', 'protocol', qw(imds container));
offer({ status => 503, body => '' });
is_outage('in trouble', 'unavailable', 'imds');
offer(machine_key(3600));
is(cold_state($_), '00000', "$_: it reads again") for qw(imds imds_role container);

# Our token: when it is bad that is our own trouble; whom the tenant's side trusts
# is the tenant's.
$aws->write_file($jwt_file, jwt('database', -10));
is_outage('a token that has expired', 'credential', qw(web web_role));
$aws->write_file($jwt_file, "nonsense\n");
is_outage('no token', 'credential', 'web');
$aws->write_file($jwt_file, jwt('database', 3600));
is(cold_state($_), '00000', "$_: it reads again") for qw(web web_role);

sub ends_and_comes_back
{
	my ($name, $what, $end, $back) = @_;
	my $reader = session($name);

	ok(wait_until(sub { $reader->state(reading($name)) eq '00000' }), "$what: it reads before");
	$end->();
	ok(wait_until(sub { $reader->state(reading($name)) eq 'KM001' }), "$what: KM001");
	$back->();
	ok(wait_until(sub { $reader->state(reading($name)) eq '00000' }), "$what: taken back, it reads");
	return;
}

ends_and_comes_back('web', 'another subject is trusted',
	sub { $aws->trust_role('web', BionicCrypt::Moto::trusted_token($issuer, 'somebody')) },
	sub { $aws->trust_role('web', $role{web}) });
ends_and_comes_back('web', 'the issuer is not trusted', \&distrust_issuer, \&trust_issuer);
ends_and_comes_back('imds_role', 'another session is trusted',
	sub { $aws->trust_role('of_machine', BionicCrypt::Moto::trusted('assumed-role/machine/m2', 'acme')) },
	sub { $aws->trust_role('of_machine', $role{of_machine}) });

# Somebody else in the place of STS.
my $faults = BionicCrypt::KmsFaults->new($node,
	tenant => 'web',
	kms => 'web',
	port => $aws->port,
	certs => $aws->certs,
	unwrap => 'POST /');
$faults->prepare;
$aws->stop;

sub refusal
{
	my ($what, $state, $class, $code, $status) = @_;
	return [ $what, $state, $class, { status => $status, json => { Error => { Code => $code, Message => $code } } } ];
}

sub role_reply
{
	my (%key) = @_;
	my %credentials = (AccessKeyId => 'ASIA', SecretAccessKey => 's', SessionToken => 't', Expiration => 2e9, %key);

	return { json => { AssumeRoleWithWebIdentityResponse => {
				AssumeRoleWithWebIdentityResult => { Credentials => \%credentials } } } };
}

$faults->logins('POST /',
	refusal('role refused', 'KM001', 'denied', 'AccessDenied', 403),
	refusal('throttled with 400', 'KM002', 'throttled', 'Throttling', 400),
	[ 'an access key with a line feed', 'KM002', 'protocol', role_reply(AccessKeyId => "A\nHost: x") ],
	[ 'a session token with a line feed', 'KM002', 'protocol', role_reply(SessionToken => "t\r\nX: y") ],
	[ 'a key that has expired', 'KM002', 'credential', role_reply(Expiration => 1) ],
	[ 'a key without an end', 'KM002', 'protocol', role_reply(Expiration => undef) ]);
$faults->stop;
$faults->leaks(
	machine_secret => $machine{SecretAccessKey},
	machine_token => $machine{SessionToken},
	container_token => 'container-s3cret',
	metadata_session => 's3ssion==',
	web_identity => (split /\./, slurp_file($jwt_file))[2]);

# It ends with its input, whose other end the node has.
$node->stop;
$metadata->stop;
done_testing();
