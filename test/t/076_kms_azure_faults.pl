# What a vault of Azure and Entra ID can do to us, or who has their place: each
# fault has its class and SQLSTATE, harms no other tenant and tells nothing.

use strict;
use warnings;

use IPC::Run;
use MIME::Base64 qw(encode_base64url);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::FakeAzure;
use BionicCrypt::KmsFaults;
use BionicCrypt::Test;

BionicCrypt::FakeAzure::require_or_skip_all();

my $azure = BionicCrypt::FakeAzure->new;
my $directory = $BionicCrypt::FakeAzure::tenant;
my $vendor = $BionicCrypt::FakeAzure::client;
my $secret_file = $azure->add_app($directory, $vendor);
$azure->do('grant', $vendor, qw(wrapkey unwrapkey encrypt decrypt));
$azure->do('key', $_, 'saas-chat') for qw(vault hsm);

my $node = new_node('azure_faults');
$node->append_conf('postgresql.conf', BionicCrypt::KmsFaults->settings);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION bionic_crypt');

# The fake that answers as it is told has the vault's port; Entra ID is there
# too, so that one fake stands for both.
my %server = (
	auth_method => 'client_secret',
	client_secret_file => $secret_file,
	request_timeout_ms => 1000);
$node->safe_psql('postgres', $azure->create_server('acme', %server));
$node->safe_psql('postgres', "SELECT bionic_crypt.create_tenant('acme', kms => 'acme', kek => 'saas-chat')");
my ($version, $ciphertext) = (unpack 'C n/a n/a', pack 'H*', $node->safe_psql('postgres',
		"SELECT encode(wrapped, 'hex') FROM bionic_crypt.catalog_keys WHERE tenant = 'acme'"))[ 1, 2 ];

# The inner key, as who owns the vault can have it.
my $inner_key = pack 'H*', $azure->do('unwrap', 'saas-chat', $version, unpack 'H*', $ciphertext);
is(length $inner_key, 32, 'the inner key, as the owner of the vault sees it');

my $login = "POST /$directory/oauth2/v2.0/token";
my $unwrap = "POST /keys/saas-chat/$version/unwrapkey";
my $token = 'eyJ0.eyJh.s3cret';
my $vault_port = $azure->port('vault');
my $faults = BionicCrypt::KmsFaults->new($node,
	tenant => 'acme',
	kms => 'acme',
	port => $vault_port,
	certs => $azure->certs,
	login => { $login => { json => { token_type => 'Bearer', expires_in => 3599, access_token => $token } } },
	unwrap => $unwrap,
	key => sub {
		return { json => { kid => "https://127.0.0.1:$vault_port/keys/saas-chat/$version", value => encode_base64url($_[0]) } };
	});
$faults->prepare;
$azure->stop;
$node->safe_psql('postgres',
	"ALTER SERVER acme OPTIONS (SET authority_address 'https://127.0.0.1:$vault_port')");
$faults->right_key($inner_key);

sub vault_says
{
	my ($status, $code, $inner) = @_;
	my %error = (code => $code, message => 'It tells the s3cret.');

	$error{innererror} = { code => $inner } if $inner;
	return { status => $status, json => { error => \%error } };
}

sub entra_says
{
	my ($status, $number, $kind) = @_;

	return {
		status => $status,
		json => { error => $kind, error_description => "AADSTS$number: s3cret", error_codes => [$number] } };
}

sub key_of
{
	my ($kid) = @_;
	return { json => { kid => $kid, value => encode_base64url($inner_key) } };
}

$faults->replies($inner_key,
	[ 'key disabled', 'KM001', 'denied', vault_says(403, 'Forbidden', 'KeyDisabled') ],
	[ 'key deleted', 'KM001', 'denied', vault_says(404, 'KeyNotFound') ],
	[ 'role removed', 'KM001', 'denied', vault_says(403, 'Forbidden', 'ForbiddenByRbac') ],
	[ 'firewall', 'KM001', 'denied', vault_says(403, 'Forbidden', 'ForbiddenByFirewall') ],
	[ 'no ciphertext', '22000', 'bad_ciphertext', vault_says(400, 'BadParameter') ],
	[ 'a token of the tenant\'s directory refused', 'KM001', 'denied', vault_says(401, 'Unauthorized') ],
	[ 'throttled', 'KM002', 'throttled',
		{ %{ vault_says(429, 'Throttled') }, headers => { 'Retry-After' => 1 } } ],
	[ 'trouble that speaks of keys', 'KM002', 'unavailable', vault_says(503, 'KeyNotFound') ],
	[ 'another version', 'KM002', 'protocol',
		key_of("https://127.0.0.1:$vault_port/keys/saas-chat/" . '0' x 32) ],
	[ 'another key', 'KM002', 'protocol', key_of("https://127.0.0.1:$vault_port/keys/other/$version") ],
	[ 'another vault', 'KM002', 'protocol', key_of("https://other.vault.azure.net/keys/saas-chat/$version") ],
	[ 'no key at all', 'KM002', 'protocol', { json => { kid => "https://127.0.0.1:$vault_port/keys/saas-chat/$version" } } ]);

# A challenge leads to nobody else's directory.
$faults->try_reply($unwrap, 'a challenge', 'KM001', 'denied',
	{
		%{ vault_says(401, 'Unauthorized') },
		headers => {
			'WWW-Authenticate' =>
			  'Bearer authorization="https://127.0.0.1:$elsewhere/evil", resource="https://vault.azure.net"'
		}
	});
$faults->elsewhere_is_quiet;

$faults->logins($login,
	[ 'application not in the directory', 'KM001', 'denied', entra_says(400, 700016, 'unauthorized_client') ],
	[ 'conditional access', 'KM001', 'denied', entra_says(400, 53003, 'access_denied') ],
	[ 'directory gone', 'KM001', 'denied', entra_says(400, 90002, 'invalid_request') ],
	[ 'wrong secret', 'KM002', 'credential', entra_says(401, 7000215, 'invalid_client') ],
	[ 'secret expired', 'KM002', 'credential', entra_says(401, 7000222, 'invalid_client') ],
	[ 'a token that is none', 'KM002', 'protocol', { json => { token_type => 'Bearer', expires_in => 1, access_token => '' } } ]);
$faults->certificates($inner_key);
$faults->leaks(
	token => $token,
	'inner key' => $inner_key,
	'client secret' => "secret of $vendor",
	'words of the KMS' => 's3cret');

$faults->stop;
$node->stop;
done_testing();
