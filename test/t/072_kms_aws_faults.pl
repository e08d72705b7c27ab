# What a KMS that is not AWS KMS, or does not behave as it, can do to the
# provider aws.

use strict;
use warnings;

use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::KmsFaults;
use BionicCrypt::Moto;
use BionicCrypt::Test;

BionicCrypt::Moto::require_or_skip_all();

my $aws = BionicCrypt::Moto->new;
my $kek = $aws->create_key;
my $user = $aws->create_user('vendor', 'kms:Encrypt', 'kms:Decrypt');
my $node = new_node('faults');
$node->append_conf('postgresql.conf', BionicCrypt::KmsFaults::settings());
$node->start;
$node->safe_psql('postgres', $_)
  for 'CREATE EXTENSION bionic_crypt',
  $aws->create_server('acme_aws', auth_method => 'static', credentials_file => $aws->credentials_file($user),
	request_timeout_ms => 1000),
  "SELECT bionic_crypt.create_tenant('acme', kms => 'acme_aws', kek => '$kek')";

my $faults = BionicCrypt::KmsFaults->new($node,
	tenant => 'acme',
	kms => 'acme_aws',
	port => $aws->port,
	certs => $aws->certs,
	unwrap => 'POST /',
	key => sub { return { json => { KeyId => $kek, Plaintext => encode_base64($_[0], '') } } });
$faults->prepare;

# The data key, as who owns the KMS can have it.
my ($key_id, $wrapped) = split /\|/,
  $node->safe_psql('postgres', "SELECT encode(key_id, 'hex'), encode(wrapped, 'hex') FROM bionic_crypt.catalog_keys WHERE tenant = 'acme'");
my $data_key = $aws->decrypt($kek, pack('H*', $wrapped),
	{ 'bionic:tenant' => 'acme', 'bionic:key_id' => $key_id, 'bionic:purpose' => 'data' });
is(length $data_key, 32, 'the data key, as the owner of the KMS sees it');
$aws->stop;

# A refusal in the words of AWS.
sub refusal
{
	my ($what, $state, $class, $code, $said, $status) = @_;
	return [ $what, $state, $class, { status => $status // 400, json => { __type => $code, message => $said // '' } } ];
}

sub about
{
	my ($arn) = @_;
	return { json => { KeyId => $arn, Plaintext => encode_base64($data_key, '') } };
}

$faults->right_key($data_key);
$faults->replies($data_key,
	[ 'a key of another ARN', 'KM002', 'protocol', about($kek =~ s/.$/x/r) ],
	[ 'a key of no ARN', 'KM002', 'protocol', { json => { Plaintext => encode_base64($data_key, '') } } ],
	refusal('denied', 'KM001', 'denied', 'AccessDeniedException', $data_key =~ s{[^ -#%-~]}{?}gr),
	[ '403 of something in between', 'KM001', 'denied', { status => 403, body => '<html>' } ],
	refusal('disabled', 'KM001', 'denied', 'com.amazonaws.kms#DisabledException', "$kek is disabled."),
	refusal('pending deletion', 'KM001', 'denied', 'KMSInvalidStateException', "$kek is pending deletion."),
	refusal('deleted', 'KM001', 'denied', 'NotFoundException', "Key '$kek' does not exist"),
	refusal('tampered', '22000', 'bad_ciphertext', 'InvalidCiphertextException'),
	refusal('throttled with 400', 'KM002', 'throttled', 'ThrottlingException', 'Rate exceeded'),
	refusal('key unavailable', 'KM002', 'unavailable', 'KeyUnavailableException', '', 500),
	refusal('session over', 'KM002', 'credential', 'ExpiredTokenException'),
	refusal('wrong clock', 'KM002', 'unavailable', 'InvalidSignatureException', 'Signature expired: x'),
	refusal('unknown', 'KM002', 'protocol', 'SomethingNewException'));
$faults->stop;
$faults->certificates($data_key);
$faults->leaks(
	data_key => $data_key,
	secret_access_key => $user->{SecretAccessKey},
	access_key_id => $user->{AccessKeyId},
	text => 'harmed');

$node->stop;
done_testing();
