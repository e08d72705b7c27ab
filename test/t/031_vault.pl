# The provider vault with a real OpenBao: every way to log in, namespaces, both
# bindings, rotation of the key-encryption key, tokens that end.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::OpenBao;
use BionicCrypt::Session;
use BionicCrypt::Test;

BionicCrypt::OpenBao::require_or_skip_all();

my $bao = BionicCrypt::OpenBao->new;
my $true = JSON::PP::true;
my @use_kek = map { "transit/$_/kek" } qw(encrypt decrypt);
$bao->create_key('kek');
$bao->create_key('derived', derived => $true);
$bao->write_policy('use', @use_kek);
$bao->write_policy('use_derived', map { "transit/$_/derived" } qw(encrypt decrypt rewrap));
$bao->enable_auth('approle');
my %approle = (auth_method => 'approle', secret_id_file => $bao->dir . '/approle.secret_id');
my $role_id = $bao->create_approle('vendor', 'use');
$bao->write_file($approle{secret_id_file}, $bao->secret_id('vendor'));

# Kubernetes speaks as JWT does, so a JWT engine stands in for it; what its
# TokenReview says is OpenBao's business.
for my $mount (qw(jwt kubernetes identities))
{
	$bao->enable_jwt($mount);
	$bao->create_jwt_role($mount, 'vendor', 'database', 'use');
}
my $jwt_file = $bao->secret_file($bao->jwt('database', 600));

$bao->enable_auth('cert');
my $client = $bao->make_cert('client', 'clientAuth', 'DNS:client');
$bao->api(POST => 'auth/cert/certs/vendor',
	{ certificate => slurp_file($bao->ca_file), allowed_common_names => ['client'], token_policies => 'use' });

$bao->api(POST => 'sys/namespaces/acme');
my %in_acme = (namespace => 'acme');
$bao->mount('keys', type => 'transit', %in_acme);
$bao->create_key('kek', mount => 'keys', %in_acme);
$bao->write_policy('use', 'keys/encrypt/kek', 'keys/decrypt/kek', \%in_acme);

my $token_file = $bao->token_file('use');
my %server = (
	token => { auth_method => 'token', token_file => $token_file },
	approle => { %approle, role_id => $role_id },
	approle_id_file => { %approle, role_id_file => $bao->secret_file("$role_id\n") },
	jwt => { auth_method => 'jwt', role => 'vendor', jwt_file => $jwt_file },
	jwt_mount => { auth_method => 'jwt', auth_mount => 'identities', role => 'vendor', jwt_file => $jwt_file },
	kubernetes => { auth_method => 'kubernetes', role => 'vendor', jwt_file => $jwt_file },
	cert => {
		auth_method => 'cert',
		role => 'vendor',
		client_cert_file => "$client.pem",
		client_key_file => "$client.key"
	},
	namespace => { mount => 'keys', auth_method => 'token', token_file => $bao->token_file('use', %in_acme), %in_acme },
	derived => {
		auth_method => 'token',
		token_file => $bao->token_file('use_derived'),
		binding => 'derived_context'
	});

# The authority is asked, and keys are, at some share of this.
my $node = new_node('vault');
$node->append_conf('postgresql.conf', <<'CONF');
bionic_crypt.allow_local_kms = on
bionic_crypt.revocation_interval = '2s'
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION bionic_crypt;
CREATE TABLE chats (tenant_id text, content encrypted_text);
SELECT bionic_crypt.protect_table('chats', 'tenant_id');
CREATE ROLE regress_app LOGIN;
GRANT SELECT, INSERT ON chats TO regress_app;
SQL

sub session { return BionicCrypt::Session->new($node, tenant => $_[0], user => 'regress_app') }

my $reading = 'SELECT content FROM chats';

sub kek_of { return $_[0] eq 'derived' ? 'derived' : 'kek' }

for my $name (sort keys %server)
{
	my $kek = kek_of($name);

	$node->safe_psql('postgres', $bao->create_server($name, %{ $server{$name} }) . <<"SQL");
;
SELECT bionic_crypt.create_tenant('$name', kms => '$name', kek => '$kek'),
	bionic_crypt.grant_tenant('$name', 'regress_app', '{encrypt,decrypt}');
SQL
	is($node->safe_psql('postgres', "SELECT ok, problem, detail FROM bionic_crypt.check_kms('$name', '$kek')"),
		't||', "$name: check_kms");
	is(session($name)->state("INSERT INTO chats (content) VALUES ('$name says'::text)"), '00000', "$name: INSERT");
}
forget_keys($node);
is(session($_)->query($reading), "$_ says", "$_: SELECT, after a login anew") for sort keys %server;
is(stat_kms($node, 'token', 'denied + throttled + unavailable + bad_ciphertext + config + protocol + credential'),
	'0', 'and no failure is counted');

# The customer rotates the key-encryption key: values stay readable, and after
# rewrap_keys() the old version is not needed any more.
sub wrapped_version
{
	my ($tenant) = @_;
	return $node->safe_psql('postgres',
		"SELECT substring(convert_from(wrapped, 'UTF8') FROM '^vault:(v[0-9]+):') FROM bionic_crypt.catalog_keys"
		  . " WHERE tenant = '$tenant'");
}

for my $name (qw(token derived))
{
	my $kek = kek_of($name);
	my $rewraps = $bao->requests(qr{^transit/rewrap/});

	is(wrapped_version($name), 'v1', "$name: its key is wrapped by version 1");
	$bao->api(POST => "transit/keys/$kek/rotate", {});
	is(session($name)->query($reading), "$name says", "$name: KEK rotated: its value is readable");
	is($node->safe_psql('postgres', "SELECT bionic_crypt.rewrap_keys('$name')"), '1', "$name: rewrap_keys");
	is(wrapped_version($name), 'v2', "$name: its key is wrapped by version 2");
	is($bao->requests(qr{^transit/rewrap/}) - $rewraps, $name eq 'derived' ? 1 : 0,
		"$name: " . ($name eq 'derived' ? 'by OpenBao itself' : 'by us, since OpenBao cannot'));
	$bao->api(POST => "transit/keys/$kek/config", { min_decryption_version => 2 });
	forget_keys($node);
	is(session($name)->query($reading), "$name says", "$name: without version 1 its value is readable");
	$bao->api(POST => "transit/keys/$kek/config", { min_decryption_version => 1 });
}

# A token with a short life is renewed before it ends; one that is revoked is
# replaced by what its file has by then, or by a login.
sub reads_while
{
	my ($name, $check) = @_;
	my $session = session($name);
	my @failed;

	my $done = wait_until(sub {
			my $state = $session->state($reading);
			push @failed, $state if $state ne '00000';
			return $check->();
		});
	is("@failed", '', "$name: it reads all the time");
	return $done;
}

my $renewals = $bao->requests(qr{^auth/token/renew-self$});
$bao->write_file($token_file, $bao->token('use', period => '8s') . "\n");
forget_keys($node);
ok(reads_while('token', sub { $bao->requests(qr{^auth/token/renew-self$}) >= $renewals + 2 }),
	'token: renewed again and again');

my $old = slurp_file($token_file);
chomp $old;
$bao->write_file($token_file, $bao->token('use'));
$bao->api(POST => 'auth/token/revoke', { token => $old });
my $requests = $bao->requests(qr{^transit/decrypt/});
ok(reads_while('token', sub { $bao->requests(qr{^transit/decrypt/}) >= $requests + 3 }),
	'token: revoked, and another one in its file');

my $logins = stat_kms($node, 'approle', 'logins');
$bao->api(PUT => 'sys/leases/revoke-prefix/auth/approle', {});
ok(reads_while('approle', sub { stat_kms($node, 'approle', 'logins') >= $logins + 2 }),
	'approle: its tokens revoked, it logs in again');

$logins = stat_kms($node, 'jwt', 'logins');
$bao->write_file($jwt_file, $bao->jwt('database', 900));
ok(reads_while('jwt', sub { stat_kms($node, 'jwt', 'logins') >= $logins + 2 }), 'jwt: logs in with a new JWT');
$bao->write_file($jwt_file, $bao->jwt('somebody', 900));
my $session = session('jwt');
ok(wait_until(sub { $session->state($reading) eq 'KM001' }), 'jwt: one of somebody else is denied');
$bao->write_file($jwt_file, $bao->jwt('database', 900));
ok(wait_until(sub { $session->state($reading) eq '00000' }), 'jwt: its own is not');

# A denial counts once it is confirmed: by one more call, after another look at
# the credential.
$bao->create_key('confirm');
my @use_confirm = map { "transit/$_/confirm" } qw(encrypt decrypt);
$bao->write_policy('confirm', @use_confirm);
my $create_server = $bao->create_server('confirm', auth_method => 'token', token_file => $bao->token_file('confirm'));
$node->safe_psql('postgres', <<"SQL");
$create_server;
SELECT bionic_crypt.create_tenant('confirm', kms => 'confirm', kek => 'confirm'),
	bionic_crypt.grant_tenant('confirm', 'regress_app', '{encrypt,decrypt}');
SQL
$session = session('confirm');
$session->query("INSERT INTO chats (content) VALUES ('confirm says'::text)");
forget_keys($node);
my $asked = $bao->requests(qr{^transit/decrypt/confirm$});
ok(wait_until(sub { $session->query($reading) eq 'confirm says' && $bao->requests(qr{^transit/decrypt/confirm$}) >= $asked + 3 }),
	'a session reads for a while');
my $before = () = $bao->requested;
$bao->delete_policy('confirm');
ok(wait_until(sub { $session->state($reading) eq 'KM001' }), 'policy removed: denied');
my @requested = $bao->requested;
like(join(' ', grep { m{^transit/decrypt/confirm|^auth/token/} } @requested[ $before .. $#requested ]),
	qr{transit/decrypt/confirm auth/token/\S+ transit/decrypt/confirm}, 'once it was asked again, after a fresh login');
$bao->write_policy('confirm', @use_confirm);
ok(wait_until(sub { $session->state($reading) eq '00000' }), 'policy given back: it ends by itself');

# A login gives a token that ends long before the authority would be asked anew.
$bao->create_approle('brief', 'use', token_ttl => '3s');
$bao->write_file($bao->dir . '/brief.secret_id', $bao->secret_id('brief'));
$node->safe_psql('postgres', $bao->create_server('brief', auth_method => 'approle',
		role_id => $bao->api(GET => 'auth/approle/role/brief/role-id')->{data}{role_id},
		secret_id_file => $bao->dir . '/brief.secret_id'));
$node->append_conf('postgresql.conf', "bionic_crypt.revocation_interval = '1min'");
$node->reload;
forget_keys($node);
$logins = $bao->requests(qr{^auth/approle/login$});
my @answers;
ok(wait_until(sub {
			push @answers, $node->safe_psql('postgres', "SELECT * FROM bionic_crypt.check_kms('brief', 'kek')");
			return $bao->requests(qr{^auth/approle/login$}) >= $logins + 3;
		}),
	'approle: it logs in when its token ends');
is(join(' ', grep { $_ ne 't||' } @answers), '', 'approle: no call fails meanwhile');

# A key is bound to its tenant, whoever may use the key-encryption key.
for my $name (qw(token derived))
{
	my $other = $name eq 'token' ? 'approle' : 'derived_too';
	$node->safe_psql('postgres', "SELECT bionic_crypt.create_tenant('derived_too', kms => 'derived', kek => 'derived')")
	  if $name eq 'derived';
	$node->safe_psql('postgres', <<"SQL");
BEGIN;
UPDATE bionic_crypt.catalog_keys k SET wrapped = o.wrapped, kms = o.kms
	FROM bionic_crypt.catalog_keys o WHERE k.tenant = '$name' AND o.tenant = '$other';
COMMIT;
SQL
	is(session($name)->state($reading), '22000', "$name: another tenant's wrapped key is refused");
}

$node->stop;
done_testing();
