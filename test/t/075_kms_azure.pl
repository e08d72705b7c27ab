# The provider azure with the fake of Azure: every way to log in, both
# algorithms, versions of keys, moving.  The customer takes the key away in
# each way that Azure knows: nothing is decrypted any more within
# revocation_interval, and given back, it ends by itself.  Microsoft's own
# clients take the fake for Azure, and unwrap what we had wrapped.

use strict;
use warnings;

use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use BionicCrypt::FakeAzure;
use BionicCrypt::Session;
use BionicCrypt::Test;

BionicCrypt::FakeAzure::require_or_skip_all();

my $interval = 2;
my $azure = BionicCrypt::FakeAzure->new;
my $directory = $BionicCrypt::FakeAzure::tenant;
my $vendor = $BionicCrypt::FakeAzure::client;
my @operations = qw(wrapkey unwrapkey encrypt decrypt);

my $secret_file = $azure->add_app($directory, $vendor);
my $certificate_file = $azure->secret_file(join '',
	map { scalar run_openssl(@$_) }
	  [ qw(genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out), $azure->dir . '/app.key' ],
	[ qw(req -x509 -new -days 2 -subj /CN=app -key), $azure->dir . '/app.key', '-out', $azure->dir . '/app.pem' ],
	[ 'pkey', '-in', $azure->dir . '/app.key' ],
	[ 'x509', '-in', $azure->dir . '/app.pem' ]);
my $federated_file = $azure->secret_file($azure->do('federated_token', 'database', 600));
$azure->do('app', $vendor,
	{ certificate => slurp_file($azure->dir . '/app.pem'), subject => 'database' });
$azure->do('identity', 'machine', JSON::PP::true);
for my $who ($vendor, 'machine')
{
	$azure->do('grant', $who, @operations);
}
$azure->do('key', $_, 'saas-chat') for qw(vault hsm);

sub run_openssl
{
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'openssl', @_ ], '<', \undef, '>', \$out, '2>', \$err) or die "openssl $_[0]: $err";
	return $out;
}

my $node = new_node('azure');
$node->append_conf('postgresql.conf', <<"CONF");
bionic_crypt.allow_local_kms = on
bionic_crypt.revocation_interval = '${interval}s'
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION bionic_crypt;
CREATE TABLE chats (tenant_id text, content encrypted_text);
CREATE ROLE regress_plain LOGIN;
GRANT CREATE ON DATABASE postgres TO regress_plain;
GRANT USAGE ON FOREIGN DATA WRAPPER bionic_crypt TO regress_plain;
SQL

my %by_secret = (auth_method => 'client_secret', client_secret_file => $secret_file);
my %server = (
	secret => {%by_secret},
	certificate => { auth_method => 'client_certificate', client_certificate_file => $certificate_file },
	workload => { auth_method => 'workload_identity', federated_token_file => $federated_file },
	machine => { auth_method => 'managed_identity' },
	machine_named => { auth_method => 'managed_identity', client_id => 'machine' },
	newer => { %by_secret, api_version => '2025-07-01' },
	hsm => { %by_secret, of => 'hsm' },
	hsm_machine => { auth_method => 'managed_identity', of => 'hsm' });

sub reading
{
	my ($tenant) = @_;
	return "SELECT content FROM chats WHERE tenant_id = '$tenant'";
}

sub session { return BionicCrypt::Session->new($node, tenant => $_[0]) }

sub create_tenant
{
	my ($name, $kek, $kms) = @_;
	$kms //= $name;

	$node->safe_psql('postgres', <<"SQL");
SELECT bionic_crypt.create_tenant('$name', kms => '$kms', kek => '$kek');
SET bionic_crypt.tenant = '$name';
INSERT INTO chats VALUES ('$name', '$name says'::text);
SQL
	return;
}

is(sqlstate($node, $azure->create_server('x', auth_method => 'managed_identity'), extra_params => [ '-U', 'regress_plain' ]),
	'42501', 'who may not name files of the server may not use its identity');

for my $name (sort keys %server)
{
	$node->safe_psql('postgres', $azure->create_server($name, %{ $server{$name} }));
	is($node->safe_psql('postgres', "SELECT ok, problem, detail FROM bionic_crypt.check_kms('$name', 'saas-chat')"),
		't||', "$name: check_kms");
	create_tenant($name, 'saas-chat');
}
forget_keys($node);
is(session($_)->query(reading($_)), "$_ says", "$_: SELECT, after a login anew") for sort keys %server;
is(stat_kms($node, $_, 'denied + throttled + unavailable + bad_ciphertext + config + protocol + credential'),
	'0', "$_: no failure is counted")
  for sort keys %server;


# Which vault it is, and how it wraps, stays while keys are wrapped there.
is(sqlstate($node, "ALTER SERVER secret OPTIONS ($_)"), '55006', "a server in use: $_")
  for "ADD algorithm 'a256gcm'", "SET address 'https://127.0.0.1:1'";
is(sqlstate($node, "ALTER SERVER secret OPTIONS (ADD api_version '7.5')"), '00000', 'the version of the API may change');

# What is stored: a version and a ciphertext that the vault alone opens.  The
# tests of kms_inner_key.c have its form.

sub wrapped
{
	my ($tenant) = @_;
	return pack 'H*', $node->safe_psql('postgres',
		"SELECT encode(wrapped, 'hex') FROM bionic_crypt.catalog_keys WHERE tenant = '$tenant'");
}

my ($form, $version, $ciphertext, $rest) = unpack 'C n/a n/a a*', wrapped('secret');
is("$form " . length($ciphertext) . ' ' . length $rest, '1 256 72', 'the inner key is wrapped by RSA');
like($version, qr/^[0-9a-f]{32}$/, 'by a version of the key');
is(length wrapped('hsm'), 93, 'a Managed HSM wraps without one');

SKIP:
{
	my $out = $azure->clients(
		(map { $_ => $azure->address($_) } qw(vault hsm entra)),
		metadata => $azure->metadata_address,
		ca => $azure->ca_file,
		tenant => $directory,
		client => $vendor,
		secret => "secret of $vendor",
		certificate => $certificate_file,
		federated_token => slurp_file($federated_file),
		key => 'saas-chat',
		wrapped => [ $version, unpack 'H*', $ciphertext ]);
	skip "Microsoft's clients are not here", 1 if !defined $out;

	ok(/^ok /, s/^(?:not )?ok \d+ - //r) for grep { /^(?:not )?ok / } split /\n/, $out;
	like($out, qr/^1\.\.10$/m, "Microsoft's clients came to their end");
}


# A key is bound to its tenant, whoever may use the key-encryption key.
for my $pair ([qw(secret certificate)], [qw(hsm hsm_machine)])
{
	my ($tenant, $other) = @$pair;

	$node->safe_psql('postgres', <<"SQL");
CREATE TABLE kept AS SELECT * FROM bionic_crypt.catalog_keys WHERE tenant = '$tenant';
UPDATE bionic_crypt.catalog_keys k SET wrapped = o.wrapped
	FROM bionic_crypt.catalog_keys o WHERE k.tenant = '$tenant' AND o.tenant = '$other';
SQL
	forget_keys($node);
	is(session($tenant)->state(reading($tenant)), '22000', "$tenant: another tenant's wrapped key is refused");
	$node->safe_psql('postgres', <<"SQL");
UPDATE bionic_crypt.catalog_keys k SET wrapped = o.wrapped FROM kept o WHERE k.tenant = o.tenant;
DROP TABLE kept;
SQL
	forget_keys($node);
}


# The customer makes a new version of the key: values stay readable, new keys
# are wrapped by it, and after rewrap_keys() the old one is not needed any more.
my $unwraps = $azure->requests(qr{/saas-chat/$version/unwrapkey});
my $newest = $azure->do('key', 'vault', 'saas-chat');
forget_keys($node);
is(session('secret')->query(reading('secret')), 'secret says', 'rotated: its value is readable');
cmp_ok($azure->requests(qr{/saas-chat/$version/unwrapkey}), '>', $unwraps, 'by the version that wrapped it');
is($node->safe_psql('postgres', "SELECT bionic_crypt.rewrap_keys('$_')"), '1', "$_: rewrap_keys")
  for grep { !/hsm/ } sort keys %server;
is((unpack 'C n/a', wrapped('secret'))[1], $newest, 'it is wrapped by the new version');
$azure->do('set_key', 'vault', 'saas-chat', $version, { enabled => JSON::PP::false });
forget_keys($node);
is(session('secret')->query(reading('secret')), 'secret says', 'the old version disabled: its value is readable');


# A key that is disabled still wraps: nobody is taken in by that.
$azure->do('key', 'vault', 'trap');
$azure->do('set_key', 'vault', 'trap', { enabled => JSON::PP::false });
is(sqlstate($node, "SELECT bionic_crypt.create_tenant('trapped', kms => 'secret', kek => 'trap')"),
	'KM001', 'no key is made with a key-encryption key that is disabled');
is($node->safe_psql('postgres', "SELECT ok, problem FROM bionic_crypt.check_kms('secret', 'trap')"),
	'f|KMS "secret" denied the key-encryption key', 'and check_kms is not content');
cmp_ok($azure->requests(qr{^vault POST /keys/trap//wrapkey}), '>=', 2, 'though the vault wraps with it');


# Each way to take the key away, each with a key of its own.
my %other = map { $_ => "0000000$_-2222-3333-4444-555555555555" } 1 .. 3;
my %other_secret = map { $_ => $azure->add_app($directory, $other{$_}) } keys %other;
$azure->do('grant', $other{$_}, @operations) for keys %other;

sub app { return (auth_method => 'client_secret', client_id => $other{ $_[0] }, client_secret_file => $other_secret{ $_[0] }) }

my @ways = (
	[ 'disabled', 'key disabled', {%by_secret},
		sub { $azure->do('set_key', 'vault', 'disabled', { enabled => JSON::PP::false }) },
		sub { $azure->do('set_key', 'vault', 'disabled', { enabled => JSON::PP::true }) } ],
	[ 'deleted', 'key deleted', {%by_secret},
		sub { $azure->do('delete_key', 'vault', 'deleted') },
		sub { $azure->do('recover_key', 'vault', 'deleted') } ],
	[ 'disabled-hsm', 'key of a Managed HSM disabled', { %by_secret, of => 'hsm' },
		sub { $azure->do('set_key', 'hsm', 'disabled-hsm', { enabled => JSON::PP::false }) },
		sub { $azure->do('set_key', 'hsm', 'disabled-hsm', { enabled => JSON::PP::true }) } ],
	[ 'role', 'role assignment removed', { app(1) },
		sub { $azure->do('revoke', $other{1}) },
		sub { $azure->do('grant', $other{1}, @operations) } ],
	[ 'expelled', 'application removed from the directory', { app(2) },
		sub { $azure->do('expel', $directory, $other{2}) },
		sub { $azure->do('admit', $directory, $other{2}) } ],
	[ 'app-disabled', 'application disabled', { app(3) },
		sub { $azure->do('app', $other{3}, { disabled => JSON::PP::true }) },
		sub { $azure->do('app', $other{3}, { disabled => JSON::PP::false }) } ],
	[ 'firewall', 'firewall of the vault closed', {%by_secret},
		sub {
			$azure->do('refuse', 'vault', 403,
				{
					error => {
						code => 'Forbidden',
						message => 'Client address is not authorized and caller is not a trusted service.',
						innererror => { code => 'ForbiddenByFirewall' }
					}
				});
		},
		sub { $azure->do('permit', 'vault') } ]);

my $neighbour = session('hsm_machine');
for my $way (@ways)
{
	my ($kek, $what, $option, $take, $give) = @$way;
	my $name = $kek =~ s/-/_/gr;

	$azure->do('key', $option->{of} // 'vault', $kek);
	$node->safe_psql('postgres', $azure->create_server($name, %$option));
	create_tenant($name, $kek);
	my $session = session($name);
	is($session->query(reading($name)), "$name says", "$what: before, it reads");

	my $taken = time;
	$take->();
	ok(wait_until(sub { $session->state(reading($name)) ne '00000' }), "$what: a session stops");
	my $latency = time - $taken;
	is($session->last_state, 'KM001', 'as its key is denied');
	cmp_ok($latency, '<', 3 * $interval, 'within revocation_interval');
	note sprintf 'revocation latency: %s: %.1f s', $what, $latency;
	is(sqlstate($node, "SET bionic_crypt.tenant = '$name'; INSERT INTO chats VALUES ('$name', 'new'::text)"),
		'KM001', "$what: nothing is written");
	is($neighbour->query(reading('hsm_machine')), 'hsm_machine says', "$what: another tenant goes on");

	my $given = time;
	$give->();
	ok(wait_until(sub { $session->query(reading($name)) eq "$name says" }), "$what, and given back: it ends by itself");
	note sprintf '%s, and given back: readable after %.1f s', $what, time - $given;
}


# What is not the customer's doing is no denial: keys at hand serve on.
my $session = session('secret');
is($session->query(reading('secret')), 'secret says', 'a session reads');
my $failures = stat_kms($node, 'secret', 'credential');
$azure->do('app', $vendor, { secret_expired => JSON::PP::true });
ok(wait_until(sub { stat_kms($node, 'secret', 'credential') > $failures }), 'our secret has expired: that is counted');
is($session->query(reading('secret')), 'secret says', 'and keys at hand serve on');
forget_keys($node);
is(session('secret')->state(reading('secret')), 'KM002', 'a key that is not at hand is not to be had');
is(session('certificate')->query(reading('certificate')), 'certificate says', 'other credentials are not touched');
$azure->do('app', $vendor, { secret_expired => JSON::PP::false });
ok(wait_until(sub { session('secret')->state(reading('secret')) eq '00000' }), 'with a new one it ends by itself');

$azure->do('remove_identity', 'machine');
forget_keys($node);
is(session('machine')->state(reading('machine')), 'KM002', 'a machine without its identity is no denial either');
$azure->do('identity', 'machine', JSON::PP::true);
ok(wait_until(sub { session('machine')->state(reading('machine')) eq '00000' }), 'nor for ever');


# From a vault to a Managed HSM, to a file, and back.
$node->safe_psql('postgres', "CREATE SERVER embedded_too FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file')");
for my $to ([qw(hsm saas-chat)], ['embedded_too'], [qw(machine saas-chat)])
{
	my ($kms, $kek) = @$to;
	my $where = $kek ? "'$kms', '$kek'" : "'$kms'";

	is($node->safe_psql('postgres', "SELECT bionic_crypt.move_tenant('certificate', $where)"), '1', "moved to $kms");
	forget_keys($node);
	is(session('certificate')->query(reading('certificate')), 'certificate says', 'and it reads');
}

# A certificate that is encrypted, as PEM has it: nobody is at the terminal.
my $locked = $azure->secret_file(slurp_file($azure->dir . '/app.key') . <<'PEM');
-----BEGIN CERTIFICATE-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF

AAAAAAAAAAAAAAAAAAAAAA==
-----END CERTIFICATE-----
PEM
$node->safe_psql('postgres',
	$azure->create_server('locked', auth_method => 'client_certificate', client_certificate_file => $locked));
is($node->safe_psql('postgres', "SELECT ok FROM bionic_crypt.check_kms('locked', 'saas-chat')"), 'f',
	'a certificate that is encrypted is of no use');
unlike(slurp_file($node->logfile), qr/pass phrase/, 'and nobody is asked for its password');

$azure->stop;
$node->stop;
done_testing();
