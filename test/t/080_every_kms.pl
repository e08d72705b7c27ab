# One table, seven tenants, and each of them keeps its key in another KMS: with
# one INSERT and one SELECT each.  Then every tenant moves on to the next KMS,
# until it has been at all of them; everything is readable at each step, and no
# row is written anew.  One KMS that is gone harms its own tenant alone.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::FakeAzure;
use BionicCrypt::FakeGcp;
use BionicCrypt::Moto;
use BionicCrypt::OpenBao;
use BionicCrypt::PyKmip;
use BionicCrypt::Session;
use BionicCrypt::SoftHsm;
use BionicCrypt::Test;

$_->can('require_or_skip_all')->()
  for map { "BionicCrypt::$_" } qw(OpenBao Moto FakeGcp FakeAzure PyKmip SoftHsm);

my $bao = BionicCrypt::OpenBao->new;
my $aws = BionicCrypt::Moto->new;
my $gcp = BionicCrypt::FakeGcp->new;
my $azure = BionicCrypt::FakeAzure->new;
my $kmip = BionicCrypt::PyKmip->new;
my $hsm = BionicCrypt::SoftHsm->new;

# What its owner does at each KMS: the statement that makes a server of it, and
# the name of the key there.
my %make = (
	file => sub { return ("CREATE SERVER file FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file')", '') },
	vault => sub {
		$bao->create_key('kek');
		$bao->write_policy('use', 'transit/encrypt/kek', 'transit/decrypt/kek');
		return ($bao->create_server('vault', auth_method => 'token', token_file => $bao->token_file('use')), 'kek');
	},
	aws => sub {
		my $user = $aws->create_user('vendor', map { "kms:$_" } qw(Encrypt Decrypt ReEncrypt*));
		return ($aws->create_server('aws', auth_method => 'static', credentials_file => $aws->credentials_file($user)),
			$aws->create_key);
	},
	gcp => sub {
		my $kek = $gcp->create_key('chat', "serviceAccount:$BionicCrypt::FakeGcp::account");
		return ($gcp->create_server('gcp', $gcp->by_account), $kek);
	},
	azure => sub {
		my $client = $BionicCrypt::FakeAzure::client;
		my $file = $azure->add_app($BionicCrypt::FakeAzure::tenant, $client);

		$azure->do('key', 'vault', 'kek');
		$azure->do('grant', $client, qw(wrapkey unwrapkey));
		return ($azure->create_server('azure', auth_method => 'client_secret', client_secret_file => $file), 'kek');
	},
	kmip => sub { return ($kmip->create_server('kmip'), $kmip->admin('client', 'create')) },
	pkcs11 => sub {
		$hsm->create_token('acme');
		$hsm->create_key('acme', 'kek');
		return ($hsm->create_server('pkcs11', token_label => 'acme'), 'kek');
	});
my @kmss = sort keys %make;

my $node = new_node('every');
$node->append_conf('postgresql.conf', "bionic_crypt.allow_local_kms = on\n" . $hsm->settings);
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION bionic_crypt;
CREATE TABLE chats (tenant_id text, content encrypted_text);
SELECT bionic_crypt.protect_table('chats', tenant_column => 'tenant_id');
CREATE ROLE regress_app LOGIN;
GRANT SELECT, INSERT ON chats TO regress_app;
SELECT bionic_crypt.grant_all_tenants('regress_app', '{encrypt,decrypt}');
SQL

my %kek;
for my $kms (@kmss)
{
	my ($statement, $kek) = $make{$kms}->();

	$kek{$kms} = $kek;
	$node->safe_psql('postgres', $statement);
}

sub kek_of { return $kek{ $_[0] } eq '' ? '' : ", kek => '$kek{$_[0]}'" }

# As the application does: it sets the tenant, and the table does the rest.
sub app
{
	my ($tenant, $sql) = @_;
	return $node->safe_psql('postgres', "SET bionic_crypt.tenant = '$tenant'; $sql", extra_params => [ '-U', 'regress_app' ]);
}

my $everything = 'SELECT content::text FROM chats ORDER BY 1';
my %written;
for my $kms (@kmss)
{
	$node->safe_psql('postgres', "SELECT bionic_crypt.create_tenant('of $kms', kms => '$kms'" . kek_of($kms) . ')');
	is($node->safe_psql('postgres', "SELECT ok, problem, detail FROM bionic_crypt.check_kms('$kms', '$kek{$kms}')"),
		't||', "$kms wraps and unwraps, for what it was wrapped only");
	app("of $kms", "INSERT INTO chats (content) VALUES ('written with $kms')");
	$written{$kms} = "written with $kms";
	is(app("of $kms", 'SELECT content FROM chats'), $written{$kms}, "a tenant with a key in $kms writes and reads");
}
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT tenant_id) FROM chats'), '7|7', 'all in one table');
is(sqlstate($node, 'SELECT content::text FROM chats'), 'KM005', 'who acts for no tenant reads none of it');

my $rows = 'SELECT md5(string_agg(ctid || xmin::text, NULL ORDER BY ctid)) FROM chats';
my $unchanged = $node->safe_psql('postgres', $rows);

# Whoever has no key at hand; of each tenant, after the key worker is gone.
sub all_readable
{
	my ($when) = @_;
	my @wrong;

	$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid, 10000) FROM bionic_crypt.key_worker()');
	for my $kms (@kmss)
	{
		my $found = app("of $kms", $everything);
		push @wrong, "$kms: $found" if $found ne $written{$kms};
	}
	is("@wrong", '', "all is readable $when");
	return;
}

# A new version of each key, and the old one wrapped anew, where the key is first.
for my $kms (@kmss)
{
	is($node->safe_psql('postgres', "SELECT bionic_crypt.rotate_key('of $kms')"), '2', "$kms: a new version of the key");
	is($node->safe_psql('postgres', "SELECT ok, problem, detail FROM bionic_crypt.check_kms('$kms', '$kek{$kms}')"),
		't||', "$kms wraps and unwraps, for what it was wrapped only");
	app("of $kms", "INSERT INTO chats (content) VALUES ('written with $kms, 2')");
	$written{$kms} .= "\nwritten with $kms, 2";
	is($node->safe_psql('postgres', "SELECT bionic_crypt.rewrap_keys('of $kms')"), '2', "$kms: both are wrapped anew");
}
all_readable('after that');
$unchanged = $node->safe_psql('postgres', $rows);

# From each to the next; a session that is there all the time notices nothing.
my %session = map { $_ => BionicCrypt::Session->new($node, tenant => "of $_", user => 'regress_app') } @kmss;
for my $step (1 .. @kmss)
{
	for my $i (0 .. $#kmss)
	{
		my $to = $kmss[ ($i + $step) % @kmss ];

		$node->safe_psql('postgres', "SELECT bionic_crypt.move_tenant('of $kmss[$i]', '$to'" . kek_of($to) . ')');
	}
	is($node->safe_psql('postgres', 'SELECT count(DISTINCT kms) FROM bionic_crypt.keys GROUP BY tenant'),
		join("\n", (1) x @kmss), "step $step: each tenant has one KMS");
	is($session{$_}->query($everything), $written{$_}, "step $step: a session of the tenant of $_ reads on") for @kmss;
	all_readable("after step $step");
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM bionic_crypt.keys WHERE tenant = 'of ' || kms}),
	14, 'each is where it began');
is($node->safe_psql('postgres', $rows), $unchanged, 'no row was written anew');
$_->quit for values %session;

# The one that is gone, and the six others.
$aws->stop;
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid, 10000) FROM bionic_crypt.key_worker()');
for my $kms (@kmss)
{
	is(sqlstate($node, "SET bionic_crypt.tenant = 'of $kms'; $everything", extra_params => [ '-U', 'regress_app' ]),
		$kms eq 'aws' ? 'KM002' : '00000',
		$kms eq 'aws' ? 'the tenant of a KMS that is gone reads nothing' : "that of $kms goes on");
}

$_->stop for $gcp, $azure;
$node->stop;
done_testing();
