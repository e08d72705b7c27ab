# The identity of a database server in Kubernetes, at a real OpenBao: a service
# account's token for one audience, in a projected volume as a kubelet writes
# it, and the role of docs/kubernetes.md.  Another account, another audience and
# a role that was taken away are refused; a token that is replaced is noticed.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::OpenBao;
use BionicCrypt::Test;

BionicCrypt::OpenBao::require_or_skip_all();

my $account = 'system:serviceaccount:tenant-acme:pg';
my $bao = BionicCrypt::OpenBao->new;
my $projected = PostgreSQL::Test::Utils::tempdir('projected') . '/kms';
my $written = 0;

$bao->create_key('saas-chat');
$bao->write_policy('saas-chat', 'transit/encrypt/saas-chat', 'transit/decrypt/saas-chat');
$bao->enable_jwt('vendor');
$bao->create_jwt_role('vendor', 'database', $account, 'saas-chat', audience => 'https://vault.acme.example');

# What a kubelet does: files in a folder of their own, which a symbolic link
# names, and which the file's own link goes through; the first is replaced at
# once.  The mode is that of a pod without fsGroup.
sub project
{
	my ($token) = @_;
	my $folder = '..2026_11_23_' . ++$written;

	mkdir $_ for $projected, "$projected/$folder";
	append_to_file("$projected/$folder/token", $token);
	chmod 0644, "$projected/$folder/token";
	symlink $folder, "$projected/..data_tmp" or die "symlink: $!";
	rename "$projected/..data_tmp", "$projected/..data" or die "rename: $!";
	symlink '..data/token', "$projected/token" if !-l "$projected/token";
	return;
}

my $node = new_node('pod');
$node->append_conf('postgresql.conf', <<'CONF');
bionic_crypt.allow_local_kms = on
bionic_crypt.revocation_interval = '4s'
CONF
$node->start;

project($bao->jwt($account, 600, audience => ['https://vault.acme.example']));
$node->safe_psql('postgres', $_) for 'CREATE EXTENSION bionic_crypt',
  $bao->create_server('acme_vault', auth_method => 'jwt', auth_mount => 'vendor', role => 'database',
	jwt_file => "$projected/token"), <<'SQL';
SELECT bionic_crypt.create_tenant('acme', kms => 'acme_vault', kek => 'saas-chat', outage_grace => '0');
CREATE TABLE chats (id bigint GENERATED ALWAYS AS IDENTITY, tenant text, content encrypted_text);
SELECT bionic_crypt.protect_table('chats', 'tenant');
SET bionic_crypt.tenant = 'acme';
INSERT INTO chats (content) VALUES ('What is in my contract?');
SQL

sub read_value
{
	$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid, 10000) FROM bionic_crypt.key_worker()');
	return sqlstate($node, "SET bionic_crypt.tenant = 'acme'; SELECT content::text FROM chats;");
}

is(read_value(), '00000', 'the token of the pod opens the tenant');
project($bao->jwt('system:serviceaccount:tenant-globex:pg', 600, audience => ['https://vault.acme.example']));
is(read_value(), 'KM001', 'the account of another namespace is refused');
project($bao->jwt($account, 600, audience => ['https://kubernetes.default.svc']));
is(read_value(), 'KM001', "a token for the cluster's own API is refused");
project($bao->jwt($account, 600, audience => ['https://vault.globex.example']));
is(read_value(), 'KM001', "a token for another customer's KMS is refused");
project($bao->jwt($account, -600, audience => ['https://vault.acme.example']));
is(read_value(), 'KM002', 'a token that nobody renews is our trouble, not a refusal');
project($bao->jwt($account, 600, audience => ['https://vault.acme.example']));
is(read_value(), '00000', 'a token that the kubelet has replaced opens the tenant again');

$bao->api(DELETE => 'auth/vendor/role/database');
ok(wait_until(sub { sqlstate($node, "SET bionic_crypt.tenant = 'acme'; SELECT content::text FROM chats;") eq 'KM001' }),
	'the customer takes the role away');

$node->stop;
done_testing();
