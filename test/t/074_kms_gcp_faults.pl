# Who stands in the place of Google Cloud KMS, of what gives out tokens for it,
# or of the metadata service, and means harm: BionicCrypt::KmsFaults.

use strict;
use warnings;

use MIME::Base64;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::FakeGcp;
use BionicCrypt::KmsFaults;
use BionicCrypt::Test;

BionicCrypt::FakeGcp::require_or_skip_all();

my $gcp = BionicCrypt::FakeGcp->new;
my $kek = $gcp->create_key('chat', "serviceAccount:$BionicCrypt::FakeGcp::guest");
my $node = new_node('gcp_faults');
$node->append_conf('postgresql.conf', BionicCrypt::KmsFaults::settings());
$node->start;

my %server = ($gcp->by_exchange, $gcp->as_guest, request_timeout_ms => 1000);
my $create_server = $gcp->create_server('acme_gcp', %server);
$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION bionic_crypt;
$create_server;
SELECT bionic_crypt.create_tenant('acme', kms => 'acme_gcp', kek => '$kek');
SQL

sub crc32c
{
	my ($bytes) = @_;
	my $crc = 0xffffffff;

	for my $byte (unpack 'C*', $bytes)
	{
		$crc ^= $byte;
		$crc = $crc >> 1 ^ ($crc & 1 ? 0x82f63b78 : 0) for 1 .. 8;
	}
	return $crc ^ 0xffffffff;
}

sub key_reply
{
	my ($key) = @_;
	return { json => { plaintext => encode_base64($key, ''), plaintextCrc32c => '' . crc32c($key), usedPrimary => \1 } };
}

sub refusal
{
	my ($code, $status, $message) = @_;
	return { status => $code, json => { error => { code => $code, status => $status, message => $message } } };
}

sub oauth_refusal
{
	my ($code, $error, $description) = @_;
	return { status => $code, json => { error => $error, error_description => $description } };
}

my $unwrap = "POST /v1/$kek:decrypt";
my $trade = 'POST /v1/token';
my $act = "POST /v1/projects/-/serviceAccounts/$BionicCrypt::FakeGcp::guest:generateAccessToken" =~ s/@/%40/r;
my %token = (first => 'ya29.FIRST-' . 'x' x 200, second => 'ya29.SECOND-' . 'y' x 200);
my $faults = BionicCrypt::KmsFaults->new($node,
	tenant => 'acme', kms => 'acme_gcp', port => $gcp->port, certs => $gcp->certs, unwrap => $unwrap, key => \&key_reply,
	login => {
		$trade => { json => { access_token => $token{first}, token_type => 'Bearer', expires_in => 3599 } },
		$act => { json => { accessToken => $token{second}, expireTime => '2036-01-01T00:00:00Z' } },
	});
$faults->prepare;

# The data key, as its owner can have it from Google.
my ($key_id, $wrapped) = split /\|/, $node->safe_psql('postgres',
	"SELECT encode(key_id, 'hex'), translate(encode(wrapped, 'base64'), E'\\n', '') FROM bionic_crypt.catalog_keys WHERE tenant = 'acme'");
my $bound = 'BCK1' . pack('(n/a*)4', 'acme', pack('H*', $key_id), 'data', $kek);
$gcp->change(sub { push @{ $_[0]{keys}{$kek}{decrypt} }, "serviceAccount:$BionicCrypt::FakeGcp::account" });
my ($answer) = $gcp->google({ $gcp->by_machine, kek => $kek, do => 'decrypt', data => $wrapped, aad => encode_base64($bound, '') });
my $key = decode_base64($answer->{data});
is(length $key, 32, 'the data key, as the owner of the KMS sees it');
my $subject = slurp_file($server{subject_token_file});
$gcp->stop;

$faults->right_key($key);
my $version = "$kek/cryptoKeyVersions/1";
$faults->replies($key,
	[ 'a wrong sum', 'KM002', 'unavailable', { json => { %{ key_reply($key)->{json} }, plaintextCrc32c => '1' } } ],
	[ 'no sum', 'KM002', 'protocol', { json => { plaintext => encode_base64($key, '') } } ],
	[ 'disabled', 'KM001', 'denied', refusal(400, 'FAILED_PRECONDITION', "$version is not enabled, current state is: DISABLED.") ],
	[ 'an external key manager out of reach', 'KM002', 'unavailable', refusal(400, 'FAILED_PRECONDITION', 'not reached') ],
	[ 'not found', 'KM001', 'denied', refusal(404, 'NOT_FOUND', 'x') ],
	[ 'forbidden', 'KM001', 'denied', refusal(403, 'PERMISSION_DENIED', 'x') ],
	[ 'a token of no use', 'KM002', 'credential', refusal(401, 'UNAUTHENTICATED', 'x') ],
	[ 'another key asked for', '22000', 'bad_ciphertext', refusal(400, 'INVALID_ARGUMENT', 'Decryption failed: x') ]);
$faults->logins($trade,
	[ 'refused', 'KM001', 'denied', oauth_refusal(400, 'invalid_target', 'x') ],
	[ 'expired', 'KM002', 'credential', oauth_refusal(400, 'invalid_grant', 'ID Token issued at 1 is stale to sign-in.') ],
	[ 'a token of another kind', 'KM002', 'protocol', { json => { access_token => 'x', token_type => 'mac' } } ]);
$faults->try_reply($act, @$_)
  for [ 'may not act', 'KM001', 'denied', refusal(403, 'PERMISSION_DENIED', 'x') ],
  [ 'a token that is none', 'KM002', 'protocol', { json => { accessToken => 'a b' } } ],
  [ 'act: silence', 'KM002', 'unavailable', { raw => [], then => 'hang' } ];
$faults->certificates($key);
$faults->leaks(data_key => $key, subject_token => $subject, first_token => $token{first}, second_token => $token{second});

$faults->stop;
$node->stop;
done_testing();
