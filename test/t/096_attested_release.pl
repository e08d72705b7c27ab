# Keys for attested servers only: a real OpenBao whose role binds the claims of
# an attestation token, and a workload identity pool with a condition.  The
# right image gets keys; a wrong image, a debug guest, another product, another
# audience, an expired or replayed token do not, and each is told apart from an
# outage.  The keys of a tenant that demands attestation are not even asked for
# without such a token.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::FakeGcp;
use BionicCrypt::OpenBao;
use BionicCrypt::Session;
use BionicCrypt::Test;
use BionicCrypt::TokenSources;

BionicCrypt::OpenBao::require_or_skip_all();

my $audience = 'https://kms.acme.example';
my %image = map { $_ => 'sha256:' . $_ x 64 } qw(a b c);
my %right = (
	sub => 'https://www.googleapis.com/compute/v1/projects/saas/zones/z/instances/1',
	iss => 'https://confidentialcomputing.googleapis.com',
	swname => 'CONFIDENTIAL_SPACE',
	dbgstat => 'disabled-since-boot',
	hwmodel => 'GCP_AMD_SEV_ES',
	submods => {
		container => { image_digest => $image{a} },
		confidential_space => { support_attributes => [qw(LATEST STABLE USABLE)] } });

sub submods
{
	my ($digest, @attributes) = @_;
	return (submods => {
			container => { image_digest => $digest },
			confidential_space => { support_attributes => @attributes ? [@attributes] : [qw(LATEST STABLE USABLE)] } });
}

# The customer's side, as docs/attested_keys.md has it.
my $bao = BionicCrypt::OpenBao->new;
$bao->create_key($_) for qw(kek turned);
$bao->write_policy('use', map { ("transit/encrypt/$_", "transit/decrypt/$_") } qw(kek turned));
$bao->enable_jwt('jwt');

sub write_role
{
	my (@digests) = @_;

	$bao->api(POST => 'auth/jwt/role/saas', {
		role_type => 'jwt',
		user_claim => 'sub',
		bound_audiences => [$audience],
		bound_claims => {
			'/swname' => 'CONFIDENTIAL_SPACE',
			'/dbgstat' => 'disabled-since-boot',
			'/submods/container/image_digest' => [@digests],
			'/submods/confidential_space/support_attributes' => ['STABLE'] },
		expiration_leeway => 1,
		not_before_leeway => 1,
		clock_skew_leeway => 1,
		token_policies => 'use',
		token_ttl => '60s' });
	return;
}
write_role($image{a}, $image{b});

my $sources = BionicCrypt::TokenSources->new($bao->dir . '/jwt.key', claims => \%right);
my $token_file = $bao->secret_file('');

sub make_token
{
	my (%claims) = @_;
	return $bao->jwt(delete $claims{sub} // $right{sub}, delete $claims{seconds} // 600,
		audience => $audience, %right, %claims);
}

sub claims
{
	my ($digest) = @_;
	return '{"/swname":"CONFIDENTIAL_SPACE","/dbgstat":"disabled-since-boot","/submods/container/image_digest":"'
	  . $digest . '","/submods/confidential_space/support_attributes":"STABLE"}';
}

my %jwt = (auth_method => 'jwt', role => 'saas');
my %launcher = (token_source => $sources->source('launcher'), token_audience => $audience);
my $interval = 2;
my $node = new_node('attested');
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
CREATE ROLE regress_owner LOGIN IN ROLE pg_read_server_files;
CREATE ROLE regress_manager LOGIN;
GRANT SELECT, INSERT ON chats TO regress_app;
SQL
$node->safe_psql('postgres', $_)
  for $bao->create_server('trusting', %jwt, %launcher),
  $bao->create_server('by_file', %jwt, token_source => "file:$token_file"),
  $bao->create_server('attesting', %jwt, %launcher, attestation_claims => claims($image{a}));

sub session { return BionicCrypt::Session->new($node, tenant => $_[0], user => 'regress_app') }

sub create_tenant
{
	my ($name, $kms, $attested, $kek) = @_;
	$kek //= 'kek';
	my $state = sqlstate($node, <<"SQL");
SELECT bionic_crypt.create_tenant('$name', kms => '$kms', kek => '$kek', attested => $attested);
SELECT bionic_crypt.grant_tenant('$name', 'regress_app', '{encrypt,decrypt}');
SQL
	return $state if $state ne '00000';
	return session($name)->state("INSERT INTO chats (content) VALUES ('$name says'::text)");
}

sub asked { return $bao->requests(qr{^auth/jwt/login$|^transit/}) }

my $reading = 'SELECT content FROM chats';

# The right image, by each way that a token comes.
$bao->write_file($token_file, make_token());
is(create_tenant('trusting', 'trusting', 'false'), '00000', 'the right image gets a key');
is(create_tenant('by_file', 'by_file', 'false'), '00000', 'with a token of a file as well');
is(create_tenant('attested', 'attesting', 'true'), '00000', 'and so does a tenant that demands attestation');
$sources->change('launcher', claims => { submods($image{b}) });
forget_keys($node);
is(session('trusting')->query($reading), 'trusting says', 'another image that the customer trusts');
$sources->change('launcher', claims => \%right);
is($node->safe_psql('postgres', "SELECT tenant, attested FROM bionic_crypt.tenants ORDER BY 1"),
	"attested|t\nby_file|f\ntrusting|f", 'the view tells who demands it');

# What the customer's role refuses: a "no", which names no outage.
my %refused = (
	'a wrong image' => { submods($image{c}) },
	'a debug guest' => { dbgstat => 'enabled' },
	'a machine without a container' => { swname => 'GCE', submods => { gce => { project_id => 'saas' } } },
	'an experimental image of the launcher' => { submods($image{a}, 'EXPERIMENTAL') },
	'another audience' => { aud => 'https://sts.googleapis.com' },
	'no audience' => { aud => undef });
for my $what (sort keys %refused)
{
	my $denied = stat_kms($node, 'trusting', 'denied');
	my $others = 'unavailable + protocol + credential + throttled + config + unattested';
	my $before = stat_kms($node, 'trusting', $others);

	$sources->change('launcher', claims => { %right, %{ $refused{$what} } });
	forget_keys($node);
	my $session = session('trusting');
	is($session->state($reading), 'KM001', "$what: denied");
	cmp_ok(stat_kms($node, 'trusting', 'denied'), '>', $denied, "$what: counted as that");
	is(stat_kms($node, 'trusting', $others), $before, "$what: and as nothing else");
	delete $sources->{state}{launcher}{claims}{aud};
	$sources->change('launcher', claims => \%right);
}
ok(wait_until(sub { session('trusting')->state($reading) eq '00000' }), 'the right image is let in again');

# A running server whose token becomes another is shut out within revocation_interval.
{
	my $session = session('trusting');
	$session->query($reading);
	$sources->change('launcher', claims => { dbgstat => 'enabled' });
	ok(wait_until(sub { $session->state($reading) eq 'KM001' }), 'a server that shows a debug guest is shut out while it runs');
	$sources->change('launcher', claims => \%right);
	ok(wait_until(sub { $session->state($reading) eq '00000' }), 'and is let in again');
}

# The customer takes an image away, and gives it back.
{
	my $session = session('trusting');
	write_role($image{b});
	ok(wait_until(sub { $session->state($reading) eq 'KM001' }), 'an image that was revoked is shut out');
	write_role($image{a}, $image{b});
	ok(wait_until(sub { $session->state($reading) eq '00000' }), 'and let in when it is back');
}

# Tokens that are old: ours to mend, and never sent; sent by somebody else, they
# are good until they expire, and not for a second audience.
sub login
{
	my ($token) = @_;
	return eval { $bao->api(POST => 'auth/jwt/login', { role => 'saas', jwt => $token }) } ? 'in' : $@;
}
my $short = make_token(seconds => 3);
is(login($short), 'in', 'a token that is replayed within its time is good: nothing but its time and audience stops that');
ok(wait_until(sub { login($short) ne 'in' }), '... and not after it');
like(login($short), qr/expired/, '... since it has expired');
like(login(make_token(aud => 'https://sts.googleapis.com')), qr/audience/,
	'the token that a launcher gives to everybody is good for nobody here');
$bao->write_file($token_file, $short);
forget_keys($node);
my $asked = asked();
is(session('by_file')->state($reading), 'KM002', 'our token has expired: no denial');
like($node->safe_psql('postgres', "SELECT detail FROM bionic_crypt.check_kms('by_file', 'kek')"),
	qr/The token of file:\S+ expired \d+ \w+ ago/, '... and is told');
is(asked(), $asked, '... and is not sent');
$sources->change('launcher', mode => 'nonce');
forget_keys($node);
is(session('trusting')->state($reading), 'KM002', 'a launcher that gives out an old token');
$sources->change('launcher', mode => 'token');
$bao->write_file($token_file, make_token(aud => 'https://sts.googleapis.com'));
ok(wait_until(sub { session('by_file')->state($reading) eq 'KM001' }), 'a token for another audience: denied');
$bao->write_file($token_file, make_token());

# A tenant that demands attestation is not asked for without it.
$sources->change('launcher', claims => { dbgstat => 'enabled' });
forget_keys($node);
$asked = asked();
my $session = session('attested');
is($session->state($reading), 'KM009', 'attested: a debug guest is refused here');
like($session->stderr, qr/KMS "attesting" was not asked for the key of tenant "attested"/, '... in its own words');
is(create_tenant('attested_too', 'attesting', 'true'), 'KM009', 'attested: no key is made for one either');
is(asked(), $asked, '... without a request to the KMS');
cmp_ok(stat_kms($node, 'attesting', 'unattested'), '>', 0, '... and counted');
is($node->safe_psql('postgres', "SELECT problem, detail FROM bionic_crypt.check_kms('attesting', 'kek')")
	  =~ s/(unix:)\S+/$1/r,
	'KMS "attesting" was not asked, for want of attestation|The token of unix: does not have the claim '
	  . '"/dbgstat" as attestation_claims demands it.', 'check_kms says which claim it is');
$sources->change('launcher', claims => \%right);
ok(wait_until(sub { session('attested')->state($reading) eq '00000' }), 'attested: it ends by itself');
{
	my $held = session('attested');
	$held->query($reading);
	$sources->change('launcher', claims => { submods($image{b}) });
	ok(wait_until(sub { $held->state($reading) eq 'KM009' }), 'attested: a key at hand goes when a token has another image');
	ok(wait_until(sub { $node->safe_psql('postgres',
				q{SELECT count(*) > 0 FROM bionic_crypt.audit WHERE event = 'key_unattested' AND tenant = 'attested'}) eq 't' }),
		'... which is in the audit');
	# Old claims gave the token that is at hand: it does not serve under new ones.
	$sources->change('launcher', claims => \%right);
	ok(wait_until(sub { $held->state($reading) eq '00000' }), '... and comes back');
	$node->safe_psql('postgres', q{ALTER SERVER attesting OPTIONS (SET attestation_claims '} . claims($image{b}) . q{')});
	ok(wait_until(sub { $held->state($reading) eq 'KM009' }), 'attested: a token of before the claims changed does not serve');
	$node->safe_psql('postgres', q{ALTER SERVER attesting OPTIONS (SET attestation_claims '} . claims($image{a}) . q{')});
	ok(wait_until(sub { $held->state($reading) eq '00000' }), '... and serves under the old ones');
}

# An outage is another thing.
$bao->pause;
forget_keys($node);
is(session('attested')->state($reading), 'KM002', 'attested: an outage of the KMS');
$bao->resume;
ok(wait_until(sub { session('attested')->state($reading) eq '00000' }), '... which ends');

# Which servers serve such a tenant, and who may change that.
my $needs = q{22023};
is(create_tenant('nowhere', 'trusting', 'true'), $needs, 'a server that demands no claims serves no such tenant');
is(create_tenant('nowhere', 'embedded', 'true'), $needs, 'nor does a key file');
is(sqlstate($node, q{SELECT bionic_crypt.set_attested('trusting', true)}), $needs, 'nor may one that it serves become one');
is(sqlstate($node, q{SELECT bionic_crypt.move_tenant('attested', 'trusting', 'kek')}), $needs, 'nor may one move there');
is(sqlstate($node, q{SELECT bionic_crypt.move_tenant('by_file', 'attesting', 'kek')}), '00000', 'anybody may move to one that does');
is(sqlstate($node, q{SELECT bionic_crypt.set_attested('by_file', NULL)}), '22004', 'set_attested(NULL)');
$node->safe_psql('postgres', q{SELECT bionic_crypt.grant_tenant('by_file', 'regress_manager', '{manage}')});
is(sqlstate($node, q{SELECT bionic_crypt.set_attested('by_file', true)}, extra_params => [qw(-U regress_manager)]),
	'42501', 'set_attested() is for owners of the tenant');
$node->safe_psql('postgres', q{SELECT bionic_crypt.set_attested('by_file', true)});
is($node->safe_psql('postgres',
		q{SELECT detail->>'attested', detail->>'attested_before' FROM bionic_crypt.audit WHERE event = 'tenant_attested'}),
	't|f', 'and is in the audit');
is(session('by_file')->query($reading), 'by_file says', 'its keys are asked for anew, and given');
$node->safe_psql('postgres', 'GRANT USAGE ON FOREIGN DATA WRAPPER bionic_crypt TO regress_owner');
my %change = (drop => 'DROP attestation_claims', set => q{SET attestation_claims '{"/swname":"GCE"}'});
is(sqlstate($node, "ALTER SERVER attesting OPTIONS ($change{drop})"), '55006', 'claims that tenants rely on are not dropped');
$node->safe_psql('postgres', $bao->create_server('owned', %jwt, token_source => "file:$token_file",
	attestation_claims => claims($image{a})));
$node->safe_psql('postgres', 'ALTER SERVER owned OWNER TO regress_owner');
is(create_tenant('owned', 'owned', 'true'), '00000', 'a server of somebody else');
is(sqlstate($node, "ALTER SERVER owned OPTIONS ($change{set})", extra_params => [qw(-U regress_owner)]),
	'55006', 'nor changed by its owner');
is(sqlstate($node, "BEGIN; ALTER SERVER owned OPTIONS ($change{set}); ROLLBACK"), '00000', 'but by a superuser');

# Turned on, it holds for keys that are at hand.
{
	is(create_tenant('turned', 'trusting', 'false', 'turned'), '00000', 'a tenant without attestation');
	my $held = session('turned');
	is($held->query($reading), 'turned says', '... whose key is at hand');
	$node->safe_psql('postgres', q{ALTER SERVER trusting OPTIONS (ADD attestation_claims '} . claims($image{c}) . q{')});
	$asked = $bao->requests(qr{^transit/.*/turned$});
	$node->safe_psql('postgres', q{SELECT bionic_crypt.set_attested('turned', true)});
	is($held->state($reading), 'KM009', '... is not used from the moment that it demands attestation');
	is($bao->requests(qr{^transit/.*/turned$}), $asked, '... and not asked for');
	$node->safe_psql('postgres', q{SELECT bionic_crypt.set_attested('turned', false)});
	is($held->state($reading), 'KM009', 'the claims of a server hold for all of its tenants');
	$node->safe_psql('postgres', q{ALTER SERVER trusting OPTIONS (DROP attestation_claims)});
	ok(wait_until(sub { $held->state($reading) eq '00000' }), 'until they are dropped');
}

# Somebody who could write the catalog or servers past the guards, as a restore
# does: the key worker looks for itself.
$node->safe_psql('postgres', q{UPDATE bionic_crypt.catalog_tenants SET attested = true WHERE tenant = 'trusting'});
$session = session('trusting');
is($session->state($reading), 'KM009', 'a tenant whose server demands no claims is not asked for');
$node->safe_psql('postgres', q{SELECT bionic_crypt.set_attested('trusting', false)});
is($session->state($reading), '00000', 'until its owner wants it so');

# A dump keeps it.
my $dump = $node->basedir . '/dump.sql';
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ], 'pg_dump');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('restored') ], 'restored');
my $who = 'SELECT tenant, attested FROM bionic_crypt.tenants ORDER BY 1';
is($node->safe_psql('restored', $who), $node->safe_psql('postgres', $who), 'a restore keeps who demands attestation');
$node->safe_psql('postgres', 'DROP DATABASE restored');

# The same with a workload identity pool, whose condition says which image.
SKIP:
{
	my $there = eval { IPC::Run::run([ $ENV{BIONIC_CRYPT_TEST_PYTHON} // 'python3', '-c', 'import cryptography' ],
			'>', \my $out, '2>', \my $err) };
	skip 'no python3 with cryptography', 4 if !have('gcp', $there);
	my $gcp = BionicCrypt::FakeGcp->new;
	my $kek = $gcp->create_key('chat', 'principal:database');
	my $file = $gcp->secret_file($gcp->subject_token(%right, iss => 'https://issuer.example', sub => 'database'));
	my %by_pool = $gcp->by_exchange;

	delete $by_pool{subject_token_file};
	$gcp->change(sub { $_[0]{pool}{condition} =
		{ swname => 'CONFIDENTIAL_SPACE', 'submods.container.image_digest' => $image{a} } });
	$node->safe_psql('postgres', $gcp->create_server('gcp', %by_pool, token_source => "file:$file",
		attestation_claims => '{"/swname":"CONFIDENTIAL_SPACE"}'));
	$node->safe_psql('postgres', <<"SQL");
SELECT bionic_crypt.create_tenant('gcp', kms => 'gcp', kek => '$kek', attested => true),
	bionic_crypt.grant_tenant('gcp', 'regress_app', '{encrypt,decrypt}');
SQL
	is(session('gcp')->state("INSERT INTO chats (content) VALUES ('gcp says'::text)"), '00000', 'gcp: the right image gets a key');
	$gcp->secret_file($gcp->subject_token(%right, submods($image{b}), iss => 'https://issuer.example', sub => 'database'), $file);
	forget_keys($node);
	is(session('gcp')->state($reading), 'KM001', 'gcp: the condition refuses a wrong image');
	$gcp->secret_file($gcp->subject_token(%right, swname => 'GCE', iss => 'https://issuer.example', sub => 'database'), $file);
	forget_keys($node);
	my $requests = $gcp->log;
	is(session('gcp')->state($reading), 'KM009', 'gcp: what is no Confidential Space is refused here');
	is(scalar($gcp->log), $requests, '... without a request');
	$gcp->stop;
}

$node->stop;
$sources->stop;
$bao->stop;
done_testing();
