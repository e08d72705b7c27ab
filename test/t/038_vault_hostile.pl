# Who stands between us and the KMS, or is the KMS, or writes the catalog, and
# means harm: nothing but the tenant's own key is taken, nothing hangs, no
# credential goes elsewhere, and no other tenant notices.  Nothing secret gets
# into the log at DEBUG5, the catalogs, the activity or a dump.

use strict;
use warnings;

use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use BionicCrypt::FakeKms;
use BionicCrypt::OpenBao;
use BionicCrypt::Session;
use BionicCrypt::Test;

BionicCrypt::OpenBao::require_or_skip_all();

my $timeout = 2;				# s, of a request
my %bao = map { $_ => BionicCrypt::OpenBao->new } qw(harmed calm);
my %secret;
for my $bao (values %bao)
{
	$bao->create_key('kek');
	$bao->write_policy('use', map { "transit/$_/kek" } qw(encrypt decrypt));
}
my $bao = $bao{harmed};
$bao->enable_auth('approle');
$secret{role_id} = $bao->create_approle('vendor', 'use');
$secret{secret_id} = $bao->secret_id('vendor');
$secret{token} = $bao->token('use');
$secret{text} = 'the plaintext of a value';

my $node = new_node('hostile');
$node->append_conf('postgresql.conf', <<'CONF');
bionic_crypt.allow_local_kms = on
bionic_crypt.kms_timeout = '10s'
log_min_messages = debug5
log_min_error_statement = debug5
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION bionic_crypt; CREATE TABLE chats (tenant_id text, content encrypted_text)');
$node->safe_psql('postgres', $_)
  for $bao->create_server('by_token', auth_method => 'token', token_file => $bao->secret_file($secret{token}),
	request_timeout_ms => 1000 * $timeout),
  $bao->create_server('by_login', auth_method => 'approle', role_id_file => $bao->secret_file($secret{role_id}),
	secret_id_file => $bao->secret_file($secret{secret_id}), request_timeout_ms => 1000 * $timeout),
  $bao{calm}->create_server('calm', auth_method => 'token', token_file => $bao{calm}->token_file('use'));
for my $tenant (qw(by_token other by_login calm))
{
	my $kms = $tenant eq 'other' ? 'by_token' : $tenant;

	$node->safe_psql('postgres', <<"SQL");
SELECT bionic_crypt.create_tenant('$tenant', kms => '$kms', kek => 'kek');
SET bionic_crypt.tenant = '$tenant';
INSERT INTO chats VALUES ('$tenant', '$secret{text}'::text);
SQL
}

sub reading
{
	my ($tenant) = @_;
	return "SELECT content FROM chats WHERE tenant_id = '$tenant'";
}

# The failures of a server that were counted, by class.
sub failures
{
	my ($kms) = @_;
	my @classes = qw(denied throttled unavailable bad_ciphertext config protocol credential);
	my %failures;

	@failures{@classes} = split /\|/, $node->safe_psql('postgres',
		'SELECT ' . join(', ', @classes) . " FROM bionic_crypt.stat_kms WHERE kms = '$kms'");
	return %failures;
}

# A new session's SQLSTATE, and how long it took; the key is not at hand.
sub try_cold
{
	my ($tenant) = @_;

	$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid, 10000) FROM bionic_crypt.key_worker()');
	my $began = time;
	my $state = sqlstate($node, "SET bionic_crypt.tenant = '$tenant'; " . reading($tenant));
	return ($state, time - $began);
}

# The data key, as who owns the KMS can have it.
sub data_key
{
	my ($tenant) = @_;
	my ($key_id, $wrapped) = split /\|/, $node->safe_psql('postgres',
		"SELECT encode(key_id, 'hex'), convert_from(wrapped, 'UTF8') FROM bionic_crypt.catalog_keys WHERE tenant = '$tenant'");
	my $associated = 'BCK1' . pack '(n/a*)4', $tenant, pack('H*', $key_id), 'data', 'kek';

	return decode_base64($bao->api(POST => 'transit/decrypt/kek',
			{ ciphertext => $wrapped, associated_data => encode_base64($associated, '') })->{data}{plaintext});
}

$secret{data_key} = data_key('by_token');
is(length $secret{data_key}, 32, 'the data key, as the owner of the KMS sees it');
my $other_key = data_key('other');

# Rows of the catalog that a superuser has swapped.
my %swap = (
	"another tenant's wrapped key" => 'wrapped = o.wrapped',
	"another tenant's wrapped key and check value" => 'wrapped = o.wrapped, check_value = o.check_value',
	"another tenant's key" => 'wrapped = o.wrapped, check_value = o.check_value, key_id = o.key_id');
for my $what (sort keys %swap)
{
	$node->safe_psql('postgres', <<"SQL");
CREATE TABLE kept AS SELECT * FROM bionic_crypt.catalog_keys;
UPDATE bionic_crypt.catalog_keys SET key_id = '\\x0000000000000000' WHERE tenant = 'other';
UPDATE bionic_crypt.catalog_keys k SET $swap{$what} FROM kept o WHERE k.tenant = 'by_token' AND o.tenant = 'other';
SQL
	is(sqlstate($node, "SET bionic_crypt.tenant = 'by_token'; SELECT 'new'::text::encrypted_text"),
		'22000', "$what is refused");
	$node->safe_psql('postgres', <<'SQL');
DELETE FROM bionic_crypt.catalog_keys;
INSERT INTO bionic_crypt.catalog_keys SELECT * FROM kept;
DROP TABLE kept;
SQL
}
is((try_cold('by_token'))[0], '00000', 'swapped back: it reads');

# From here on somebody else has the place of the KMS, and its certificate.
$bao->stop;
my %place = (port => $bao->port);
my %own_cert = (cert => $bao->cert . '.pem', key => $bao->cert . '.key');
my $fake = BionicCrypt::FakeKms->new(kms => { %place, %own_cert }, elsewhere => {%own_cert}, plain => { plain => 1 });
my %lookup = ('GET /v1/auth/token/lookup-self' => { json => { data => { ttl => 3600, renewable => JSON::PP::false } } });
my %login = ('POST /v1/auth/approle/login' =>
	  { json => { auth => { client_token => 's.given', lease_duration => 3600, renewable => JSON::PP::false } } });
my $decrypt = 'POST /v1/transit/decrypt/kek';

sub key_reply { return { json => { data => { plaintext => encode_base64($_[0], '') } } } }

sub redirect
{
	my ($port, $scheme) = @_;
	return { status => 307, headers => { Location => ($scheme // 'https') . "://127.0.0.1:\$$port/v1/transit/decrypt/kek" } };
}

$fake->reply(%lookup, $decrypt => key_reply($secret{data_key}));
is((try_cold('by_token'))[0], '00000', 'whoever gives the right key is believed');

my $calm = BionicCrypt::Session->new($node, tenant => 'calm');

# Each reply, in the place of the key, and what comes of it; the last ones are
# given to a login, too.
my @replies = (
	[ 'a key of 16 bytes', 'KM002', 'protocol', key_reply(substr $secret{data_key}, 0, 16) ],
	[ 'a key of 33 bytes', 'KM002', 'protocol', key_reply("$secret{data_key}x") ],
	[ 'a key of no bytes', 'KM002', 'protocol', key_reply('') ],
	[ 'another key', '22000', 'bad_ciphertext', key_reply($other_key) ],
	[ 'a key that is no text', 'KM002', 'protocol', { json => { data => { plaintext => [1] } } } ],
	[ 'a redirect to plain HTTP', 'KM002', 'protocol', redirect('plain', 'http') ],
	[ 'HTML', 'KM002', 'protocol', { body => '<html>' } ],
	[ 'nothing', 'KM002', 'protocol', { body => '' } ],
	[ 'no HTTP', 'KM002', 'protocol', { raw => [ [ "garbage\n", 1000 ] ], then => 'cut' } ],
	[ 'half a reply, then the end', 'KM002', 'protocol',
		{ raw => [ [ "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{", 1 ] ], then => 'end' } ],
	[ 'silence', 'KM002', 'unavailable', { raw => [], then => 'hang' } ],
	[ 'a reset', 'KM002', 'unavailable', { raw => [], then => 'reset' } ],
	[ 'a reply byte by byte', 'KM002', 'unavailable', { body => 'x' x 1000, drip_ms => 50 } ],
	[ 'a reply of 100 MB', 'KM002', 'protocol',
		{ raw => [ [ "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n", 1 ], [ 'x' x 1000, 100_000 ] ] } ],
	[ 'headers without an end', 'KM002', 'protocol', { raw => [ [ "HTTP/1.1 200 OK\r\n", 1 ], [ 'X: ' . 'x' x 1000 . "\r\n", 10_000 ] ] } ],
	[ 'an error that tells the key', 'KM002', 'unavailable',
		{ status => 500, json => { errors => [ encode_base64($secret{data_key}, '') ] } } ],
	[ 'a redirect to another host', 'KM002', 'protocol', redirect('elsewhere'), 'login' ],
	[ 'garbage', 'KM002', 'protocol', { body => "\x{1}garbage" }, 'login' ],
	[ 'half a reply, then silence', 'KM002', 'unavailable',
		{ raw => [ [ "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{", 1 ] ], then => 'hang' }, 'login' ],
	[ 'a reply without an end', 'KM002', 'protocol', { raw => [ [ "HTTP/1.1 200 OK\r\n\r\n", 1 ], [ 'x' x 1000, 100_000 ] ] }, 'login' ]);
for my $reply (@replies)
{
	my ($what, $expected, $class, $answer, $login) = @$reply;

	$fake->reply(%lookup, $decrypt => $answer);
	my %before = failures('by_token');
	my $asked = () = $fake->requests;
	my ($state, $took) = try_cold('by_token');
	my %after = failures('by_token');
	is($state, $expected, "$what in the place of a key is refused");
	is(join(' ', grep { $after{$_} > $before{$_} } sort keys %after), $class, "as $class");
	cmp_ok(scalar(() = $fake->requests), '>', $asked + 1, 'when it was asked');
	cmp_ok($took, '<', 5 * $timeout, 'in time');

	if ($login)
	{
		$fake->reply('POST /v1/auth/approle/login' => $answer);
		($state, $took) = try_cold('by_login');
		is($state, 'KM002', "$what in the place of a login is refused");
		cmp_ok($took, '<', 5 * $timeout, 'in time');
	}
	is($calm->query(reading('calm')), $secret{text}, 'another tenant goes on');
}
is(scalar(grep { $_->{port} ne 'kms' } $fake->requests), 0, 'no request went to another host');
cmp_ok(scalar(grep { ($_->{headers}{'x-vault-token'} // '') eq $secret{token} } $fake->requests),
	'>', 0, 'though tokens were sent to the one that is named');
$fake->stop;

# Somebody without its certificate learns nothing at all.
my $other_ca = $bao->make_ca('other');
my %stranger = (cert => $other_ca, key => $other_ca =~ s/pem$/key/r);
my $misnamed = $bao->make_cert('misnamed', 'serverAuth', 'DNS:vault.example');
my $client_only = $bao->make_cert('client_only', 'clientAuth', 'IP:127.0.0.1');
my %cert = (
	'a certificate of another CA' => \%stranger,
	'a certificate for another name' => { cert => "$misnamed.pem", key => "$misnamed.key" },
	'a certificate for clients' => { cert => "$client_only.pem", key => "$client_only.key" },
	'TLS 1.1' => { %own_cert, tls_max => 'TLSv1_1' },
	'no TLS' => { plain => 1 });
for my $what (sort keys %cert)
{
	$fake = BionicCrypt::FakeKms->new(kms => { %place, %{ $cert{$what} } });
	$fake->reply(%lookup, %login, $decrypt => key_reply($secret{data_key}));
	is((try_cold('by_token'))[0], 'KM002', "$what is refused");
	is(scalar($fake->requests), 0, 'and no request is made');
	is($calm->query(reading('calm')), $secret{text}, 'another tenant goes on');
	$fake->stop;
}

$bao->start;
$bao->unseal;
is((try_cold($_))[0], '00000', "the KMS has its place again, $_") for qw(by_token by_login);

# Where nothing secret may be found; a stated text is, to show that we look.
my %place_of = (
	'the log' => slurp_file($node->logfile),
	'pg_foreign_server' => $node->safe_psql('postgres', 'SELECT s FROM pg_foreign_server s'),
	'pg_stat_activity' => $node->safe_psql('postgres', 'SELECT s FROM pg_stat_activity s'),
	'our views' => join("\n", map { $node->safe_psql('postgres', "SELECT v FROM bionic_crypt.$_ v") }
		  qw(tenants keys grants stat_kms key_worker())),
	'a dump' => (run_command([ 'pg_dump', '-d', $node->connstr('postgres') ]))[0]);
my %there = ('the log' => 'by_login', pg_foreign_server => 'secret_id_file', pg_stat_activity => 'key worker',
	'our views' => 'by_login', 'a dump' => 'secret_id_file');
$secret{root_token} = $bao->root_token;
for my $where (sort keys %place_of)
{
	like($place_of{$where}, qr/$there{$where}/, "$where is looked through");
	for my $name (sort keys %secret)
	{
		my $text = $secret{$name};
		my @found = grep { index($place_of{$where}, $_) >= 0 } $text, encode_base64($text, ''), unpack('H*', $text);

		is(scalar @found, 0, "no $name in $where");
	}
}

$node->stop;
done_testing();
