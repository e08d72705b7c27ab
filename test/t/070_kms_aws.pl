# The provider aws with KMS, STS and IAM of moto, which verifies signatures and
# policies: static keys, a role with an external id, the encryption context,
# ReEncrypt; each state of a key, and its end; clocks.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Moto;
use BionicCrypt::Session;
use BionicCrypt::Test;

BionicCrypt::Moto::require_or_skip_all();

my $aws = BionicCrypt::Moto->new;
my @use = map { "kms:$_" } qw(Encrypt Decrypt ReEncrypt);
my $vendor = $aws->create_user('vendor', @use, 'sts:AssumeRole');
my %key = map { $_ => $aws->create_key } qw(plain role other);
my $trust = BionicCrypt::Moto::trusted('user/vendor', 'acme-4711');
my $role = $aws->create_role('bionic', $trust, @use);
my $credentials_file = $aws->credentials_file($vendor);
my %static = (auth_method => 'static', credentials_file => $credentials_file);

my $node = new_node('aws');
$node->append_conf('postgresql.conf', <<'CONF');
bionic_crypt.allow_local_kms = on
bionic_crypt.revocation_interval = '2s'
CONF
$node->start;
$node->safe_psql('postgres', $_) for <<'SQL',
CREATE EXTENSION bionic_crypt;
CREATE TABLE chats (tenant_id text, content encrypted_text);
SELECT bionic_crypt.protect_table('chats', 'tenant_id');
CREATE ROLE regress_app LOGIN;
GRANT SELECT, INSERT ON chats TO regress_app;
SQL
  $aws->create_server('plain', %static),
  $aws->create_server('role', %static, role_arn => $role, external_id => 'acme-4711');

sub session { return BionicCrypt::Session->new($node, tenant => $_[0], user => 'regress_app') }

my $reading = 'SELECT content FROM chats';

sub check_kms
{
	my ($kms, $kek) = @_;
	return $node->safe_psql('postgres', "SELECT ok, problem FROM bionic_crypt.check_kms('$kms', '$kek')");
}

for my $name (qw(plain role))
{
	is(check_kms($name, $key{$name}), 't|', "$name: check_kms");
	$node->safe_psql('postgres', <<"SQL");
SELECT bionic_crypt.create_tenant('$name', kms => '$name', kek => '$key{$name}'),
	bionic_crypt.grant_tenant('$name', 'regress_app', '{encrypt,decrypt}');
SQL
	is(session($name)->state("INSERT INTO chats (content) VALUES ('$name says'::text)"), '00000', "$name: INSERT");
}
forget_keys($node);
is(session($_)->query($reading), "$_ says", "$_: SELECT, after a login anew") for qw(plain role);
my @asked = $aws->requests;
is(scalar(grep { $_->{status} != 200 && ($_->{code} // '') ne 'InvalidCiphertextException' } @asked),
	0, 'nothing was refused but the probes for another purpose');
cmp_ok(scalar(grep { ($_->{code} // '') eq 'InvalidCiphertextException' } @asked), '>', 0, 'which are');
my @context = map { join ' ', sort keys %{ $_->{context} } } grep { $_->{action} eq 'Decrypt' } @asked;
is($context[-1], 'bionic:key_id bionic:purpose bionic:tenant', 'a key is bound by its encryption context');
is($context[0], 'bionic:key_id bionic:purpose', 'check_kms is nobody in it');
is((grep { $_->{action} eq 'AssumeRole' } @asked)[0]{external_id}, 'acme-4711', 'the external id is sent');
isnt((grep { $_->{action} eq 'Decrypt' && $_->{key} eq $key{role} } @asked)[0]{who}, $vendor->{AccessKeyId},
	'the role is used for its key');

# Its names of keys.
like(check_kms('plain', 'alias/acme'), qr/^f\|.*kek/, 'an alias is refused');
like(check_kms('plain', $key{plain} =~ s/eu-central-1/eu-central-2/r), qr/^f\|.*kek/, 'a key of another region is refused');
like(check_kms('plain', $key{plain} =~ s/.$/x/r), qr/^f\|/, 'a key that is not there is refused');

# Tenants of any name.
my $odd = q{M"ü\\n 🔑};
$node->safe_psql('postgres', "SELECT bionic_crypt.create_tenant('$odd', kms => 'plain', kek => '$key{plain}')");
is((grep { $_->{action} eq 'Encrypt' } $aws->requests)[-1]{context}{'bionic:tenant'},
	do { utf8::decode(my $name = $odd); $name }, 'a tenant may have any name');

# A key is wrapped anew by AWS itself.
my $wrapped = sub { $node->safe_psql('postgres', "SELECT wrapped FROM bionic_crypt.catalog_keys WHERE tenant = 'plain'") };
my $before = $wrapped->();
is($node->safe_psql('postgres', "SELECT bionic_crypt.rewrap_keys('plain')"), '1', 'rewrap_keys');
isnt($wrapped->(), $before, 'its key is wrapped anew');
is($aws->count('ReEncrypt'), 1, 'by ReEncrypt');
forget_keys($node);
is(session('plain')->query($reading), 'plain says', 'and its value is readable');

# Whatever the customer does to its key: within the interval, and back.
sub reads { return $_[0]->state($reading) }

sub ends_and_comes_back
{
	my ($name, $what, $end, $back, $by) = @_;
	my $session = session($name);
	my $other = session($name eq 'plain' ? 'role' : 'plain');

	ok(wait_until(sub { reads($session) eq '00000' }), "$what: it reads before");
	$end->();
	ok(wait_until(sub { reads($session) eq ($by // 'KM001') }), "$what: " . ($by // 'KM001'));
	is(reads($other), '00000', "$what: another tenant reads");
	$back->();
	ok(wait_until(sub { reads($session) eq '00000' }), "$what: taken back, it reads");
	return;
}

# moto takes no ARN for these.
sub on_key
{
	my ($call, %with) = @_;
	my ($id) = $key{plain} =~ m{([^/]+)$};

	return sub { $aws->call(kms => $call => (KeyId => $id, %with)) };
}

ends_and_comes_back('plain', 'key disabled', on_key('disable_key'), on_key('enable_key'));
ends_and_comes_back('plain', 'key to be deleted', on_key('schedule_key_deletion', PendingWindowInDays => 7),
	sub { on_key('cancel_key_deletion')->(); on_key('enable_key')->() });
ends_and_comes_back('plain', 'policy taken away', sub { $aws->allow_user('vendor', 'sts:AssumeRole') },
	sub { $aws->allow_user('vendor', @use, 'sts:AssumeRole') });
ends_and_comes_back('role', 'role taken away',
	sub { $aws->trust_role('bionic', BionicCrypt::Moto::trusted('user/somebody')) },
	sub { $aws->trust_role('bionic', $trust) });
ends_and_comes_back('role', 'another external id',
	sub { $aws->trust_role('bionic', BionicCrypt::Moto::trusted('user/vendor', 'acme-4712')) },
	sub { $aws->trust_role('bionic', $trust) });

# Our own trouble is an outage: keys at hand serve until outage_grace ends.
sub cold_state
{
	my ($name) = @_;

	forget_keys($node);
	return reads(session($name));
}

sub failures
{
	my ($kms, $class) = @_;
	return $node->safe_psql('postgres', "SELECT $class FROM bionic_crypt.stat_kms WHERE kms = '$kms'");
}

sub is_outage
{
	my ($what, $class, @names) = @_;

	for my $name (@names)
	{
		my $failed = failures($name, $class);

		is(cold_state($name), 'KM002', "$what: $name is an outage");
		cmp_ok(failures($name, $class), '>', $failed, "$what: of class $class");
	}
	return;
}

my %wrong = (%$vendor, SecretAccessKey => 'x' x 40);
$aws->write_file($credentials_file, BionicCrypt::Moto::credentials(\%wrong));
is_outage('wrong secret', 'credential', qw(plain role));
%wrong = (%$vendor, AccessKeyId => 'AKIAIOSFODNN7EXAMPLE');
$aws->write_file($credentials_file, BionicCrypt::Moto::credentials(\%wrong));
is_outage('unknown access key', 'credential', qw(plain role));
$aws->write_file($credentials_file, "nonsense\n");
is_outage('no access key', 'credential', 'plain');
$aws->write_file($credentials_file, BionicCrypt::Moto::credentials($vendor));
is(cold_state('plain'), '00000', 'the file is right again: it reads');

$aws->settings(throttle => JSON::PP::true);
is_outage('throttled', 'throttled', qw(plain role));
$aws->settings;
is(cold_state($_), '00000', "not throttled any more: $_ reads") for qw(plain role);

# AWS does not take what is signed for another time; its own is learned from it.
for my $ahead (-1000, 1000)
{
	$aws->settings(clock_ahead_s => $ahead);
	is(cold_state($_), '00000', "a clock $ahead s ahead of ours is no trouble for $_") for qw(plain role);
}
my @refused = grep { ($_->{code} // '') eq 'SignatureDoesNotMatch' } $aws->requests;
cmp_ok(scalar @refused, '>', 0, 'though what is signed by our clock is refused');
$aws->settings;

# A key is bound to its tenant, whoever may use the key-encryption key.
$node->safe_psql('postgres', <<"SQL");
SELECT bionic_crypt.create_tenant('other', kms => 'plain', kek => '$key{plain}');
UPDATE bionic_crypt.catalog_keys k SET wrapped = o.wrapped
	FROM bionic_crypt.catalog_keys o WHERE k.tenant = 'plain' AND o.tenant = 'other';
SQL
is(cold_state('plain'), '22000', "another tenant's wrapped key is refused");

# A wrapped key that another key of the same account made is refused, though the
# role may use both.
$node->safe_psql('postgres', "UPDATE bionic_crypt.catalog_keys SET kek = '$key{other}' WHERE tenant = 'role'");
is(cold_state('role'), '22000', 'a wrapped key of another key is refused');
$node->safe_psql('postgres', "UPDATE bionic_crypt.catalog_keys SET kek = '$key{role}' WHERE tenant = 'role'");
is(cold_state('role'), '00000', 'its own is not');

my $session = session('role');
is(reads($session), '00000', 'it reads');
$aws->forget_key($key{role});
ok(wait_until(sub { reads($session) eq 'KM001' }), 'key deleted: KM001');

$node->stop;
$aws->stop;
done_testing();
